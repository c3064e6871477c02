-- What people look at again: who held what, and which policies somebody answers for.

CREATE TABLE jit.baseline (
    kind        text NOT NULL CHECK (kind IN ('place', 'membership', 'grant', 'owner', 'reach')),
    class_id    oid NOT NULL,
    object_id   oid NOT NULL,
    sub_id      integer NOT NULL,
    role_id     oid NOT NULL,
    what        text NOT NULL,
    described   text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (class_id, object_id, kind, sub_id, role_id, what)
);
COMMENT ON TABLE jit.baseline IS 'Who held what when a policy was made or jit.accept_drift() was called: memberships in roles that policies name, and privileges on what they guard';
COMMENT ON COLUMN jit.baseline.kind IS 'place: something that is watched; the others are what held there: membership, grant, owner, reach (what a role that is lent can get at elsewhere)';
COMMENT ON COLUMN jit.baseline.class_id IS 'Catalog of the place: pg_authid, pg_class, pg_proc or pg_namespace';
COMMENT ON COLUMN jit.baseline.object_id IS 'OID of the place in that catalog';
COMMENT ON COLUMN jit.baseline.sub_id IS 'Number of a column; 0: the whole';
COMMENT ON COLUMN jit.baseline.role_id IS 'OID of who holds it; 0: PUBLIC, or nobody for a place';
COMMENT ON COLUMN jit.baseline.what IS 'The privilege, the way of the membership, or what is reached';
COMMENT ON COLUMN jit.baseline.described IS 'The whole in words, by the names of then';
COMMENT ON COLUMN jit.baseline.recorded_at IS 'When it was recorded';

CREATE TABLE jit.certificates (
    campaign     integer NOT NULL,
    policy_id    integer NOT NULL, -- no foreign key: what was certified stays on record when the policy is gone
    policy       text NOT NULL,
    started_by   text NOT NULL,
    started_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL CHECK (due_at > started_at),
    certified_by text,
    certified_at timestamptz,
    comment      text,
    PRIMARY KEY (campaign, policy_id),
    CHECK ((certified_by IS NULL) = (certified_at IS NULL))
);
CREATE INDEX certificates_open ON jit.certificates (policy_id) WHERE certified_at IS NULL;
COMMENT ON TABLE jit.certificates IS 'Which policies somebody has to certify until when, and who did; written by jit.start_certification and jit.certify';
COMMENT ON COLUMN jit.certificates.campaign IS 'Number of the campaign';
COMMENT ON COLUMN jit.certificates.policy_id IS 'The policy, in jit.policies while it exists';
COMMENT ON COLUMN jit.certificates.policy IS 'Name of the policy when the campaign began';
COMMENT ON COLUMN jit.certificates.started_by IS 'Who started the campaign';
COMMENT ON COLUMN jit.certificates.started_at IS 'When';
COMMENT ON COLUMN jit.certificates.due_at IS 'Until when it is to be certified';
COMMENT ON COLUMN jit.certificates.certified_by IS 'Who certified it; NULL: nobody yet';
COMMENT ON COLUMN jit.certificates.certified_at IS 'When';
COMMENT ON COLUMN jit.certificates.comment IS 'What that person said about it';
