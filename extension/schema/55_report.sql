-- What happened in a time, as a page for people.

CREATE FUNCTION jit.report(from_time timestamptz DEFAULT NULL, to_time timestamptz DEFAULT NULL) RETURNS text
    LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_report';
REVOKE ALL ON FUNCTION jit.report(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.report(timestamptz, timestamptz)
    IS 'A page of HTML about a time, the last 30 days by default: rights, requests, findings, with pictures; it needs nothing from elsewhere';
