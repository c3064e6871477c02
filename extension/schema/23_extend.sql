-- More time for a right that is there.

CREATE FUNCTION jit.extend(request_id bigint, duration interval DEFAULT NULL, reason text DEFAULT NULL) RETURNS bigint
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_extend';
REVOKE ALL ON FUNCTION jit.extend(bigint, interval, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.extend(bigint, interval, text) TO PUBLIC;
COMMENT ON FUNCTION jit.extend(bigint, interval, text)
    IS 'Asks for more time for a right that I hold, under the same consent and within max_duration from its start; returns the number of the new request';
