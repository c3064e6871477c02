-- Who is looking: what the views below are filtered by. They tell nobody more than is known already.

CREATE FUNCTION jit.person() RETURNS regrole
    LANGUAGE C STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_person';
REVOKE ALL ON FUNCTION jit.person() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.person() TO PUBLIC;
COMMENT ON FUNCTION jit.person() IS 'The authenticated role of this connection, which SET ROLE does not change';

CREATE FUNCTION jit.sees_all() RETURNS boolean
    LANGUAGE C STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_sees_all';
REVOKE ALL ON FUNCTION jit.sees_all() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.sees_all() TO PUBLIC;
COMMENT ON FUNCTION jit.sees_all() IS 'Whether the person is a jit_auditor, jit_admin or superuser and so sees every row in the views';

CREATE FUNCTION jit.belongs(roles regrole[]) RETURNS boolean
    LANGUAGE C STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_belongs';
REVOKE ALL ON FUNCTION jit.belongs(regrole[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.belongs(regrole[]) TO PUBLIC;
COMMENT ON FUNCTION jit.belongs(regrole[])
    IS 'Whether the person is one of the roles or a member of one; superusers are no members, and loans do not count';

CREATE FUNCTION jit.status_facts(OUT fact text, OUT value text) RETURNS SETOF record
    LANGUAGE C STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_status_facts';
REVOKE ALL ON FUNCTION jit.status_facts() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.status_facts() TO PUBLIC;
COMMENT ON FUNCTION jit.status_facts() IS 'What the library knows about itself; read jit.status instead';
