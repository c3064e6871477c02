-- Where events go: the ledger is the queue, so a destination is its terms, how far it got, and what it did not take.

CREATE TABLE jit.destination_terms (
    destination_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    kind        text NOT NULL CHECK (kind IN ('webhook', 'slack', 'teams', 'syslog', 'azure_monitor', 'azure_blob')),
    format      text NOT NULL,
    url         text,
    url_file    text,
    secret_file text,
    events      text[],
    policies    text[],
    former      jsonb,
    enabled     boolean NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    CHECK ((url IS NULL) <> (url_file IS NULL))
);
COMMENT ON TABLE jit.destination_terms IS 'Destinations of events; written by jit.create_destination, alter_destination and drop_destination';
COMMENT ON COLUMN jit.destination_terms.url_file IS 'Name of the file, or of the secret of a vault, that holds the address, when that is a secret';
COMMENT ON COLUMN jit.destination_terms.secret_file IS 'Name of the file, or of the secret of a vault, that holds the secrets that messages are signed with';
COMMENT ON COLUMN jit.destination_terms.events IS 'Which events and kinds of records; NULL: as the kind of destination has it';
COMMENT ON COLUMN jit.destination_terms.policies IS 'Of which policies; NULL: of all, and what belongs to none';
COMMENT ON COLUMN jit.destination_terms.former IS 'Former names of these policies, each with the name of today: records keep the name of their time';
COMMENT ON COLUMN jit.destination_terms.version IS 'Grows with each change, so that the courier sees it';

CREATE TABLE jit.deliveries (
    destination_id integer PRIMARY KEY REFERENCES jit.destination_terms ON DELETE CASCADE,
    acknowledged   bigint NOT NULL,
    delivered      bigint NOT NULL DEFAULT 0,
    failures       integer NOT NULL DEFAULT 0,
    failing_since  timestamptz,
    next_try       timestamptz,
    last_success   timestamptz,
    last_error     text,
    last_error_at  timestamptz,
    stopped        boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);
COMMENT ON TABLE jit.deliveries IS 'How far each destination got; written by the courier';
COMMENT ON COLUMN jit.deliveries.acknowledged IS 'Everything up to this record of jit.ledger was taken, was not for it, or is in jit.dead_letters';
COMMENT ON COLUMN jit.deliveries.delivered IS 'Number of records that were taken';
COMMENT ON COLUMN jit.deliveries.failures IS 'How often in a row it did not work';
COMMENT ON COLUMN jit.deliveries.stopped IS 'Whether it said that it wants nothing more (HTTP status 410)';

CREATE TABLE jit.dead_letters (
    destination_id integer NOT NULL REFERENCES jit.destination_terms ON DELETE CASCADE,
    seq         bigint NOT NULL,
    rejected_at timestamptz NOT NULL,
    error       text NOT NULL,
    retry       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (destination_id, seq)
);
COMMENT ON TABLE jit.dead_letters IS 'Records that a destination rejected and that wait for jit.redeliver(), and checkpoints of which a container has others';
COMMENT ON COLUMN jit.dead_letters.seq IS 'The record, in jit.ledger; of a container, the size of the checkpoint that it contradicts';
COMMENT ON COLUMN jit.dead_letters.error IS 'What the destination answered';
COMMENT ON COLUMN jit.dead_letters.retry IS 'Whether jit.redeliver() was called since';
