-- The ledger: everything that happened, in one order, gapless, hashed into a tree (RFC 6962) and signed. The keeper alone writes it.
--
-- All partitions are made here, so that nothing is created or dropped while the server runs: a period fills one, then the next
-- empty one is taken; retention empties the oldest.

CREATE FUNCTION jit.decode(record bytea) RETURNS jsonb
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_decode';
REVOKE ALL ON FUNCTION jit.decode(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.decode(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.decode(bytea) IS 'A record of the ledger as JSON; raises when the bytes are none';

CREATE FUNCTION jit.record_keys(record bytea) RETURNS text[]
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'jit_record_keys';
REVOKE ALL ON FUNCTION jit.record_keys(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.record_keys(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.record_keys(bytea) IS 'By what a record of the ledger is found: kind:…, person:…, policy:…, request:…, object:…, event:…';

CREATE FUNCTION jit.record_transaction(record bytea) RETURNS bigint
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'jit_record_transaction';
REVOKE ALL ON FUNCTION jit.record_transaction(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.record_transaction(bytea) TO PUBLIC;
COMMENT ON FUNCTION jit.record_transaction(bytea) IS 'A hash of session and transaction, equal for what was done in it and its outcome; NULL for records of other kinds';

CREATE TABLE jit.ledger (
    segment smallint NOT NULL,
    seq     bigint NOT NULL,
    at      timestamptz NOT NULL,
    record  bytea NOT NULL,
    PRIMARY KEY (seq, segment)
) PARTITION BY LIST (segment);
CREATE INDEX ledger_at ON jit.ledger (at);
-- Whoever looks something up reads what is pending as well.
CREATE INDEX ledger_keys ON jit.ledger USING gin (jit.record_keys(record)) WITH (gin_pending_list_limit = 512);
CREATE INDEX ledger_transaction ON jit.ledger (jit.record_transaction(record)) WHERE jit.record_transaction(record) IS NOT NULL;
COMMENT ON TABLE jit.ledger IS 'Everything that happened, sequenced, chained and signed; jit.uses, jit.refusals and jit.audit read it for people';
COMMENT ON COLUMN jit.ledger.segment IS 'The partition; see jit.ledger_segments';
COMMENT ON COLUMN jit.ledger.seq IS 'From 1, gapless: leaf seq - 1 of the tree';
COMMENT ON COLUMN jit.ledger.at IS 'When it happened: repeats what the record says';
COMMENT ON COLUMN jit.ledger.record IS 'The canonical bytes (extension/verify/FORMAT.md); jit.decode() makes JSON of them';

CREATE TABLE jit.ledger_01 PARTITION OF jit.ledger FOR VALUES IN (1);
CREATE TABLE jit.ledger_02 PARTITION OF jit.ledger FOR VALUES IN (2);
CREATE TABLE jit.ledger_03 PARTITION OF jit.ledger FOR VALUES IN (3);
CREATE TABLE jit.ledger_04 PARTITION OF jit.ledger FOR VALUES IN (4);
CREATE TABLE jit.ledger_05 PARTITION OF jit.ledger FOR VALUES IN (5);
CREATE TABLE jit.ledger_06 PARTITION OF jit.ledger FOR VALUES IN (6);
CREATE TABLE jit.ledger_07 PARTITION OF jit.ledger FOR VALUES IN (7);
CREATE TABLE jit.ledger_08 PARTITION OF jit.ledger FOR VALUES IN (8);
CREATE TABLE jit.ledger_09 PARTITION OF jit.ledger FOR VALUES IN (9);
CREATE TABLE jit.ledger_10 PARTITION OF jit.ledger FOR VALUES IN (10);
CREATE TABLE jit.ledger_11 PARTITION OF jit.ledger FOR VALUES IN (11);
CREATE TABLE jit.ledger_12 PARTITION OF jit.ledger FOR VALUES IN (12);
CREATE TABLE jit.ledger_13 PARTITION OF jit.ledger FOR VALUES IN (13);
CREATE TABLE jit.ledger_14 PARTITION OF jit.ledger FOR VALUES IN (14);
CREATE TABLE jit.ledger_15 PARTITION OF jit.ledger FOR VALUES IN (15);
CREATE TABLE jit.ledger_16 PARTITION OF jit.ledger FOR VALUES IN (16);
CREATE TABLE jit.ledger_17 PARTITION OF jit.ledger FOR VALUES IN (17);
CREATE TABLE jit.ledger_18 PARTITION OF jit.ledger FOR VALUES IN (18);
CREATE TABLE jit.ledger_19 PARTITION OF jit.ledger FOR VALUES IN (19);
CREATE TABLE jit.ledger_20 PARTITION OF jit.ledger FOR VALUES IN (20);
CREATE TABLE jit.ledger_21 PARTITION OF jit.ledger FOR VALUES IN (21);
CREATE TABLE jit.ledger_22 PARTITION OF jit.ledger FOR VALUES IN (22);
CREATE TABLE jit.ledger_23 PARTITION OF jit.ledger FOR VALUES IN (23);
CREATE TABLE jit.ledger_24 PARTITION OF jit.ledger FOR VALUES IN (24);
COMMENT ON TABLE jit.ledger_01 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_02 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_03 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_04 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_05 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_06 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_07 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_08 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_09 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_10 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_11 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_12 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_13 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_14 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_15 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_16 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_17 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_18 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_19 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_20 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_21 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_22 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_23 IS 'A partition of jit.ledger';
COMMENT ON TABLE jit.ledger_24 IS 'A partition of jit.ledger';

CREATE TABLE jit.ledger_segments (
    segment    smallint PRIMARY KEY,
    first_seq  bigint NOT NULL,
    last_seq   bigint,
    begun_at   timestamptz NOT NULL,
    frontier   bytea NOT NULL,
    emptied_at timestamptz,
    CHECK (last_seq >= first_seq)
);
COMMENT ON TABLE jit.ledger_segments IS 'Which records each partition of jit.ledger holds, or held';
COMMENT ON COLUMN jit.ledger_segments.first_seq IS 'The first record in it';
COMMENT ON COLUMN jit.ledger_segments.last_seq IS 'The last one; NULL: more come';
COMMENT ON COLUMN jit.ledger_segments.begun_at IS 'When the first record was put there';
COMMENT ON COLUMN jit.ledger_segments.frontier IS 'Hashes of the subtrees before first_seq, the largest first: with them the chain verifies without what is before';
COMMENT ON COLUMN jit.ledger_segments.emptied_at IS 'When its records were dropped; NULL: they are there';

CREATE TABLE jit.ledger_state (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    segment     smallint NOT NULL,
    tree_size   bigint NOT NULL,
    frontier    bytea NOT NULL,
    incarnation integer NOT NULL,
    timeline    integer NOT NULL,
    position    pg_lsn NOT NULL,
    signed_size bigint NOT NULL,
    unresolved  bigint[] NOT NULL,
    spool       bytea
);
COMMENT ON TABLE jit.ledger_state IS 'Where the keeper is: what comes next in jit.ledger, and what of the write-ahead log is in it';
COMMENT ON COLUMN jit.ledger_state.singleton IS 'Always true: there is one row';
COMMENT ON COLUMN jit.ledger_state.segment IS 'The partition that is being filled';
COMMENT ON COLUMN jit.ledger_state.tree_size IS 'Number of records';
COMMENT ON COLUMN jit.ledger_state.frontier IS 'Hashes of the subtrees of the whole tree, the largest first';
COMMENT ON COLUMN jit.ledger_state.incarnation IS 'Grows when the ledger goes on in another server: a restored backup, a promoted standby';
COMMENT ON COLUMN jit.ledger_state.timeline IS 'Timeline of the server''s write-ahead log; 0: not known yet';
COMMENT ON COLUMN jit.ledger_state.position IS 'Everything recorded before it is in jit.ledger';
COMMENT ON COLUMN jit.ledger_state.signed_size IS 'Size of the tree at the last checkpoint';
COMMENT ON COLUMN jit.ledger_state.unresolved IS 'Records of outcomes that were not decided yet when they were sequenced';
COMMENT ON COLUMN jit.ledger_state.spool IS 'Name of the last file of a hot standby that was read into the ledger';

CREATE TABLE jit.checkpoints (
    tree_size   bigint PRIMARY KEY,
    signed_at   timestamptz NOT NULL,
    incarnation integer NOT NULL,
    note        text NOT NULL
);
COMMENT ON TABLE jit.checkpoints IS 'Signed states of the ledger: whoever keeps one can prove later that nothing before it was changed';
COMMENT ON COLUMN jit.checkpoints.tree_size IS 'It covers the records 1 to this one';
COMMENT ON COLUMN jit.checkpoints.note IS 'A signed note (C2SP): origin, size, root, and the signature by the key that jit.status shows';

CREATE PROCEDURE jit.catch_up(timeout interval DEFAULT '10 seconds', sign boolean DEFAULT false)
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'jit_catch_up';
REVOKE ALL ON PROCEDURE jit.catch_up(interval, boolean) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE jit.catch_up(interval, boolean) TO PUBLIC;
COMMENT ON PROCEDURE jit.catch_up(interval, boolean) IS 'Waits until everything that was recorded before the call is in jit.ledger, and with sign => true (jit_admin, jit_auditor) under a checkpoint; raises 57014 after the timeout';
