-- The ledger verified, exported, and dropped when it is old.

CREATE FUNCTION jit.verify(OUT what text, OUT ok boolean, OUT seq bigint, OUT detail text) RETURNS SETOF record
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_verify';
REVOKE ALL ON FUNCTION jit.verify() FROM PUBLIC;
COMMENT ON FUNCTION jit.verify()
    IS 'Computes the ledger''s tree again and compares it with what was written down and signed; a row for each thing that does not agree, and the sum';

CREATE FUNCTION jit.export(from_seq bigint DEFAULT NULL, to_seq bigint DEFAULT NULL, earlier bigint DEFAULT NULL) RETURNS SETOF text
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_export';
REVOKE ALL ON FUNCTION jit.export(bigint, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION jit.export(bigint, bigint, bigint)
    IS 'Records of the ledger with their checkpoints as JSON lines for jit-verify; earlier adds the proof for a checkpoint of that size';

CREATE FUNCTION jit.drop_evidence(before_seq bigint, checkpoint text DEFAULT NULL, exported boolean DEFAULT false) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_drop_evidence';
REVOKE ALL ON FUNCTION jit.drop_evidence(bigint, text, boolean) FROM PUBLIC;
COMMENT ON FUNCTION jit.drop_evidence(bigint, text, boolean)
    IS 'Empties the full segments of the ledger that end before a record; wants the last checkpoint of their export, or exported => true';
