-- What stands for the server's functions of sequences and large objects while some of them are guarded. Not to be called by name.

CREATE FUNCTION jit._nextval(regclass) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_nextval';
REVOKE ALL ON FUNCTION jit._nextval(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._nextval(regclass) TO PUBLIC;
COMMENT ON FUNCTION jit._nextval(regclass) IS 'Asks the gate and then does what pg_catalog.nextval does; queries call it by themselves';

CREATE FUNCTION jit._setval(regclass, bigint) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_setval';
REVOKE ALL ON FUNCTION jit._setval(regclass, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._setval(regclass, bigint) TO PUBLIC;
COMMENT ON FUNCTION jit._setval(regclass, bigint) IS 'Asks the gate and then does what pg_catalog.setval does; queries call it by themselves';

CREATE FUNCTION jit._setval(regclass, bigint, boolean) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_setval_called';
REVOKE ALL ON FUNCTION jit._setval(regclass, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._setval(regclass, bigint, boolean) TO PUBLIC;
COMMENT ON FUNCTION jit._setval(regclass, bigint, boolean) IS 'Asks the gate and then does what pg_catalog.setval does; queries call it by themselves';

CREATE FUNCTION jit._pg_sequence_last_value(regclass) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_sequence_last_value';
REVOKE ALL ON FUNCTION jit._pg_sequence_last_value(regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._pg_sequence_last_value(regclass) TO PUBLIC;
COMMENT ON FUNCTION jit._pg_sequence_last_value(regclass) IS 'Asks the gate and then does what pg_catalog.pg_sequence_last_value does; queries call it by themselves';

CREATE FUNCTION jit._lo_open(oid, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_open';
REVOKE ALL ON FUNCTION jit._lo_open(oid, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_open(oid, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_open(oid, integer) IS 'Asks the gate and then does what pg_catalog.lo_open does; queries call it by themselves';

CREATE FUNCTION jit._loread(integer, integer) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_loread';
REVOKE ALL ON FUNCTION jit._loread(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._loread(integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._loread(integer, integer) IS 'Asks the gate and then does what pg_catalog.loread does; queries call it by themselves';

CREATE FUNCTION jit._lowrite(integer, bytea) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lowrite';
REVOKE ALL ON FUNCTION jit._lowrite(integer, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lowrite(integer, bytea) TO PUBLIC;
COMMENT ON FUNCTION jit._lowrite(integer, bytea) IS 'Asks the gate and then does what pg_catalog.lowrite does; queries call it by themselves';

CREATE FUNCTION jit._lo_lseek(integer, integer, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_lseek';
REVOKE ALL ON FUNCTION jit._lo_lseek(integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_lseek(integer, integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_lseek(integer, integer, integer) IS 'Asks the gate and then does what pg_catalog.lo_lseek does; queries call it by themselves';

CREATE FUNCTION jit._lo_lseek64(integer, bigint, integer) RETURNS bigint
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_lseek64';
REVOKE ALL ON FUNCTION jit._lo_lseek64(integer, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_lseek64(integer, bigint, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_lseek64(integer, bigint, integer) IS 'Asks the gate and then does what pg_catalog.lo_lseek64 does; queries call it by themselves';

CREATE FUNCTION jit._lo_truncate(integer, integer) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_truncate';
REVOKE ALL ON FUNCTION jit._lo_truncate(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_truncate(integer, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_truncate(integer, integer) IS 'Asks the gate and then does what pg_catalog.lo_truncate does; queries call it by themselves';

CREATE FUNCTION jit._lo_truncate64(integer, bigint) RETURNS integer
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_truncate64';
REVOKE ALL ON FUNCTION jit._lo_truncate64(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_truncate64(integer, bigint) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_truncate64(integer, bigint) IS 'Asks the gate and then does what pg_catalog.lo_truncate64 does; queries call it by themselves';

CREATE FUNCTION jit._lo_get(oid) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_get';
REVOKE ALL ON FUNCTION jit._lo_get(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_get(oid) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_get(oid) IS 'Asks the gate and then does what pg_catalog.lo_get does; queries call it by themselves';

CREATE FUNCTION jit._lo_get(oid, bigint, integer) RETURNS bytea
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_get_part';
REVOKE ALL ON FUNCTION jit._lo_get(oid, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_get(oid, bigint, integer) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_get(oid, bigint, integer) IS 'Asks the gate and then does what pg_catalog.lo_get does; queries call it by themselves';

CREATE FUNCTION jit._lo_put(oid, bigint, bytea) RETURNS void
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_lo_put';
REVOKE ALL ON FUNCTION jit._lo_put(oid, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._lo_put(oid, bigint, bytea) TO PUBLIC;
COMMENT ON FUNCTION jit._lo_put(oid, bigint, bytea) IS 'Asks the gate and then does what pg_catalog.lo_put does; queries call it by themselves';

-- Without STRICT's help the functions that it stands for, all of them strict, would see NULL.
-- It returns what they return: the call says which type that is.
CREATE FUNCTION jit._maintain(regclass, anyelement) RETURNS anyelement
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'jit_maintain';
REVOKE ALL ON FUNCTION jit._maintain(regclass, anyelement) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit._maintain(regclass, anyelement) TO PUBLIC;
COMMENT ON FUNCTION jit._maintain(regclass, anyelement) IS 'Asks for MAINTAIN of the table of the index and then does what brin_summarize_new_values, gin_clean_pending_list or a function of amcheck does; queries call it by themselves';
