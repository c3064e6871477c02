-- What the views ask about hours; useful by hand too.

CREATE FUNCTION jit.opens(hours text, at timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_opens';
REVOKE ALL ON FUNCTION jit.opens(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.opens(text, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION jit.opens(text, timestamptz)
    IS 'When the hours open next, seen from that moment; NULL: they are open then; infinity: not within two years';

CREATE FUNCTION jit.closes(hours text, at timestamptz) RETURNS timestamptz
    LANGUAGE C STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_closes';
REVOKE ALL ON FUNCTION jit.closes(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.closes(text, timestamptz) TO PUBLIC;
COMMENT ON FUNCTION jit.closes(text, timestamptz)
    IS 'When the hours that are open at that moment end; NULL: not within two years; the moment itself when they are closed';
