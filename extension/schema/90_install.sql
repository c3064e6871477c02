-- Last: what is nobody's, who may look, what pg_dump takes, and the roles.

REVOKE ALL ON ALL TABLES IN SCHEMA jit FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA jit FROM PUBLIC;
REVOKE ALL ON SCHEMA jit FROM PUBLIC;
GRANT USAGE ON SCHEMA jit TO PUBLIC;
GRANT SELECT ON jit.available, jit.my_requests, jit.pending, jit.active, jit.audit, jit.status TO PUBLIC;

-- Guards, approvals, scopes and the instance belong to one database and are made anew by jit.rebind().
SELECT pg_catalog.pg_extension_config_dump('jit.policies', '');
SELECT pg_catalog.pg_extension_config_dump('jit.requests', '');
SELECT pg_catalog.pg_extension_config_dump('jit.votes', '');
SELECT pg_catalog.pg_extension_config_dump('jit.events', '');
SELECT pg_catalog.pg_extension_config_dump('jit.policies_policy_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jit.requests_request_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jit.events_event_id_seq', '');

CREATE FUNCTION jit._unbind() RETURNS trigger
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_unbind';
REVOKE ALL ON FUNCTION jit._unbind() FROM PUBLIC;
COMMENT ON FUNCTION jit._unbind() IS 'Closes an installation into which policies were restored, until jit.rebind()';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.policies FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.policies ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.policies IS 'Rows that did not come from jit_guard''s own functions come from a restore';
-- Restored requests and votes decide nothing: jit.rebind() ends them.
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.requests FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.requests ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.requests IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.votes FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.votes ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.votes IS 'As on jit.policies';

CREATE FUNCTION jit._install() RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_install';
REVOKE ALL ON FUNCTION jit._install() FROM PUBLIC;
COMMENT ON FUNCTION jit._install() IS 'A part of CREATE EXTENSION: makes the roles of jit_guard and binds the installation';

SELECT jit._install();

GRANT EXECUTE ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, text, boolean, text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drop_policy(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.rebind() TO jit_admin;
GRANT SELECT ON jit.policies, jit.guards, jit.requests, jit.votes, jit.approvals, jit.scopes, jit.events, jit.instance
    TO jit_admin, jit_auditor;
