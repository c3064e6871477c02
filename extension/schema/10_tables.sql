-- The nouns of jit_guard: policies, requests, votes, approvals, events.
-- Only functions of the extension write here; the gate refuses everybody else (see hooks/judge.cpp).

-- vacuum_truncate = off where the gate reads: giving space back takes a lock that would refuse guarded statements.

CREATE SCHEMA jit;
COMMENT ON SCHEMA jit IS 'jit_guard: just-in-time access, decided and enforced inside the server';

CREATE TABLE jit.instance (
    singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    system_identifier bigint NOT NULL,
    database_oid      oid NOT NULL,
    bound_at          timestamptz NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.instance IS 'The cluster and database this installation belongs to; a restored or copied one differs and is closed until jit.rebind()';
COMMENT ON COLUMN jit.instance.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN jit.instance.system_identifier IS 'System identifier of the cluster (pg_control_system)';
COMMENT ON COLUMN jit.instance.database_oid IS 'OID of the database';
COMMENT ON COLUMN jit.instance.bound_at IS 'When the installation was bound to this cluster and database';

CREATE TABLE jit.policies (
    policy_id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name             text NOT NULL UNIQUE,
    actions          text[] NOT NULL,
    objects          text[] NOT NULL,
    lends            regrole[] NOT NULL,
    elevates_to      regrole[] NOT NULL,
    eligible         regrole[] NOT NULL,
    approvers        regrole[] NOT NULL,
    approvals        integer NOT NULL,
    exempt           regrole[] NOT NULL,
    max_duration     interval NOT NULL,
    default_duration interval NOT NULL,
    pending_timeout  interval NOT NULL,
    require_reason   boolean NOT NULL,
    ticket_pattern   text,
    on_expiry        text NOT NULL CHECK (on_expiry IN ('cancel', 'terminate')),
    mode             text NOT NULL CHECK (mode IN ('enforce', 'monitor', 'off')),
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.policies IS 'What is guarded, whose power it gives, and the terms; written by jit.create_policy, jit.alter_policy and jit.drop_policy';

CREATE TABLE jit.guards (
    policy_id    integer NOT NULL,
    object_class "char" NOT NULL CHECK (object_class IN ('r', 'n', 'd')),
    object_id    oid NOT NULL,
    attnums      smallint[] NOT NULL,
    actions      bigint NOT NULL,
    object       text NOT NULL
) WITH (vacuum_truncate = off);
CREATE INDEX guards_object ON jit.guards (object_id, object_class);
CREATE INDEX guards_policy ON jit.guards (policy_id);
COMMENT ON TABLE jit.guards IS 'The scope of each policy, one row an object, indexed by object: what the gate probes';
COMMENT ON COLUMN jit.guards.object_class IS 'r: relation (pg_class), n: every relation of a schema (pg_namespace), d: every relation of the database';
COMMENT ON COLUMN jit.guards.object_id IS 'OID in that catalog; the database''s own OID for d';
COMMENT ON COLUMN jit.guards.attnums IS 'Column numbers, or empty for the whole object';
COMMENT ON COLUMN jit.guards.actions IS 'Bit mask of the guarded actions (extension/core/actions.hpp)';
COMMENT ON COLUMN jit.guards.object IS 'Canonical name when the policy was written';

CREATE TABLE jit.requests (
    request_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    policy_id        integer NOT NULL,
    policy           text NOT NULL,
    person           oid NOT NULL,
    person_name      text NOT NULL,
    authn_id         text,
    client_addr      inet,
    application_name text,
    state            text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'cancelled', 'timed_out', 'ended')),
    end_reason       text CHECK (end_reason IN ('expired', 'released', 'revoked', 'used_up')),
    actions          text[] NOT NULL,
    objects          text[] NOT NULL,
    narrowed         boolean NOT NULL,
    reason           text,
    ticket           text,
    duration         interval NOT NULL,
    starts_at        timestamptz,
    requested_at     timestamptz NOT NULL,
    pending_until    timestamptz NOT NULL,
    decided_at       timestamptz,
    ends_at          timestamptz,
    ended_at         timestamptz,
    CHECK ((state = 'ended') = (end_reason IS NOT NULL))
) WITH (vacuum_truncate = off);
CREATE INDEX requests_person ON jit.requests (person, policy_id, request_id);
CREATE INDEX requests_pending ON jit.requests (pending_until) WHERE state = 'pending';
CREATE INDEX requests_policy ON jit.requests (policy_id) WHERE state IN ('pending', 'approved');
COMMENT ON TABLE jit.requests IS 'One person''s ask under a policy, kept for ever; state moves only along extension/core/lifecycle.hpp';
COMMENT ON COLUMN jit.requests.starts_at IS 'While pending: the scheduled start asked for, or NULL for at once. Once approved: when the right starts';
COMMENT ON COLUMN jit.requests.ends_at IS 'Once approved: the absolute end of the right';
COMMENT ON COLUMN jit.requests.narrowed IS 'Whether its objects are fewer than the policy''s and listed in jit.scopes';

CREATE TABLE jit.votes (
    request_id bigint NOT NULL, -- no foreign key: a parallel pg_restore loads the tables in any order
    voter      oid NOT NULL,
    voter_name text NOT NULL,
    authn_id   text,
    vote       text NOT NULL CHECK (vote IN ('approve', 'deny')),
    comment    text,
    duration   interval,
    voted_at   timestamptz NOT NULL,
    PRIMARY KEY (request_id, voter)
);
COMMENT ON TABLE jit.votes IS 'One approver''s yes or no on a request; a person counts once';

CREATE TABLE jit.approvals (
    request_id bigint PRIMARY KEY,
    policy_id  integer NOT NULL,
    person     oid NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at),
    actions    bigint NOT NULL,
    narrowed   boolean NOT NULL
) WITH (vacuum_truncate = off);
CREATE INDEX approvals_person ON jit.approvals (person);
CREATE INDEX approvals_ends_at ON jit.approvals (ends_at);
CREATE INDEX approvals_policy ON jit.approvals (policy_id);
COMMENT ON TABLE jit.approvals IS 'Rights in force or scheduled: person, scope and window; removed when over';
COMMENT ON COLUMN jit.approvals.ends_at IS 'The right holds while starts_at <= clock < ends_at, whatever any worker does';

CREATE TABLE jit.scopes (
    request_id   bigint NOT NULL,
    object_class "char" NOT NULL CHECK (object_class IN ('r', 'n', 'd')),
    object_id    oid NOT NULL,
    attnums      smallint[] NOT NULL,
    fingerprint  bigint,
    object       text NOT NULL
) WITH (vacuum_truncate = off);
CREATE INDEX scopes_request ON jit.scopes (request_id);
CREATE INDEX scopes_object ON jit.scopes (object_id);
COMMENT ON TABLE jit.scopes IS 'The objects of an approval: those of a narrowed one, and every view that an approval names, with the fingerprint of its definition';
COMMENT ON COLUMN jit.scopes.fingerprint IS 'For a view: hash of its rule when the approval was given; a changed view no longer opens what it reads';

CREATE TABLE jit.events (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    event       text NOT NULL,
    request_id  bigint,
    policy      text,
    person      text,
    actor       text NOT NULL,
    authn_id    text,
    client_addr inet,
    detail      jsonb NOT NULL
);
CREATE INDEX events_request ON jit.events (request_id);
CREATE INDEX events_happened_at ON jit.events (happened_at);
COMMENT ON TABLE jit.events IS 'Every step of every life cycle, written in the transaction that makes it true';
COMMENT ON COLUMN jit.events.person IS 'Whose right it is about';
COMMENT ON COLUMN jit.events.actor IS 'Who did it: an authenticated role, or a worker of the extension';
