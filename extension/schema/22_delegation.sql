-- Deciding in somebody's place.

CREATE FUNCTION jit.delegate(
    delegate  regrole,
    duration  interval    DEFAULT NULL,
    until     timestamptz DEFAULT NULL,
    policy    text        DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL,
    reason    text        DEFAULT NULL
) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_delegate';
REVOKE ALL ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text) TO PUBLIC;
COMMENT ON FUNCTION jit.delegate(regrole, interval, timestamptz, text, timestamptz, text)
    IS 'An approver lets somebody decide in his place for a time, under one policy or all; returns the delegation''s number';

CREATE FUNCTION jit.undelegate(delegation_id bigint) RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_undelegate';
REVOKE ALL ON FUNCTION jit.undelegate(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.undelegate(bigint) TO PUBLIC;
COMMENT ON FUNCTION jit.undelegate(bigint) IS 'Either side, or jit_admin, ends a delegation before its end';
