-- Second factors and what is proved with them. Not dumped: they are sealed under a key and to roles of one server.
-- What has to outlive a rollback is in tables of its own, whose columns are of fixed length: pg/in_place.cpp writes them.

CREATE TABLE jit.authenticators (
    authenticator_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person           oid NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('totp', 'ssh', 'recovery', 'entra')),
    name             text NOT NULL,
    secret           bytea,
    enrolled_at      timestamptz NOT NULL,
    by_proof         boolean NOT NULL,
    confirmed_at     timestamptz
);
CREATE INDEX authenticators_person ON jit.authenticators (person);
CREATE UNIQUE INDEX authenticators_entra ON jit.authenticators (person) WHERE kind = 'entra';
COMMENT ON TABLE jit.authenticators IS 'The second factors of people; read jit.factors instead';
COMMENT ON COLUMN jit.authenticators.authenticator_id IS 'Number of the factor';
COMMENT ON COLUMN jit.authenticators.person IS 'OID of the role whose it is';
COMMENT ON COLUMN jit.authenticators.kind IS 'totp: an authenticator app; ssh: a key; recovery: codes for when both are lost; entra: tokens of Entra ID';
COMMENT ON COLUMN jit.authenticators.name IS 'What it is called: the comment of a key, or what it is';
COMMENT ON COLUMN jit.authenticators.secret IS 'totp: the secret, sealed with AES-256-GCM under the key in jit_guard.mfa_key; ssh: the public key; recovery: a salt and SHA-256 of ten codes; entra: nothing';
COMMENT ON COLUMN jit.authenticators.enrolled_at IS 'When it was enrolled';
COMMENT ON COLUMN jit.authenticators.by_proof IS 'Whether a proof with another factor came with it; one without is not confirmed once there is another';
COMMENT ON COLUMN jit.authenticators.confirmed_at IS 'Since when it proves something; NULL: it does not yet';

CREATE TABLE jit.authenticator_counts (
    authenticator_id bigint PRIMARY KEY REFERENCES jit.authenticators ON DELETE CASCADE,
    last             bigint NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.authenticator_counts IS 'What of a factor is used up, one row a factor; written in place, so it is not undone by a rollback';
COMMENT ON COLUMN jit.authenticator_counts.authenticator_id IS 'The factor, in jit.authenticators';
COMMENT ON COLUMN jit.authenticator_counts.last IS 'totp: the last step of thirty seconds whose code was used; ssh: the last counter of a key in hardware; recovery: a bit for each used code; entra: when the last token that was used was issued';

CREATE TABLE jit.attempts (
    person        oid PRIMARY KEY,
    failures      integer NOT NULL,
    first_failure timestamptz NOT NULL,
    locked_until  timestamptz NOT NULL,
    lockouts      integer NOT NULL,
    announced     integer NOT NULL
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.attempts IS 'Failed proofs, one row for everybody who has a second factor; written in place, so they are not undone by a rollback';
COMMENT ON COLUMN jit.attempts.person IS 'OID of the role';
COMMENT ON COLUMN jit.attempts.failures IS 'Attempts since first_failure that did not succeed';
COMMENT ON COLUMN jit.attempts.first_failure IS 'When they began to be counted';
COMMENT ON COLUMN jit.attempts.locked_until IS 'Until when this person cannot prove anything';
COMMENT ON COLUMN jit.attempts.lockouts IS 'Lock-outs since the last success: each lasts twice as long as the one before';
COMMENT ON COLUMN jit.attempts.announced IS 'How many of them are in jit.events';

CREATE TABLE jit.challenges (
    request_id bigint NOT NULL,
    person     oid NOT NULL,
    used       integer NOT NULL,
    nonce      uuid NOT NULL,
    issued_at  timestamptz NOT NULL,
    PRIMARY KEY (person, request_id)
) WITH (vacuum_truncate = off);
COMMENT ON TABLE jit.challenges IS 'The latest challenge of a person for a request; whether it was used is written in place';
COMMENT ON COLUMN jit.challenges.request_id IS 'The request, in jit.requests; 0: for enrolling and removing factors';
COMMENT ON COLUMN jit.challenges.person IS 'OID of the role that has to sign it';
COMMENT ON COLUMN jit.challenges.used IS '1: it was, and counts no more';
COMMENT ON COLUMN jit.challenges.nonce IS 'What makes it unlike every other';
COMMENT ON COLUMN jit.challenges.issued_at IS 'When jit.challenge() gave it';

CREATE TABLE jit.proofs (
    request_id bigint NOT NULL,
    person     oid NOT NULL,
    factor     text NOT NULL,
    proved_at  timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (request_id, person)
);
COMMENT ON TABLE jit.proofs IS 'Who proved for which request that it is them; the decision that it was for uses it up';
COMMENT ON COLUMN jit.proofs.request_id IS 'The request, in jit.requests';
COMMENT ON COLUMN jit.proofs.person IS 'OID of the role that proved itself';
COMMENT ON COLUMN jit.proofs.factor IS 'With what';
COMMENT ON COLUMN jit.proofs.proved_at IS 'When';
COMMENT ON COLUMN jit.proofs.used_at IS 'When it was used up; NULL: it was not';
