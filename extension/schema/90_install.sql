-- Last: what is nobody's, who may look, what pg_dump takes, and the roles.

REVOKE ALL ON ALL TABLES IN SCHEMA jit FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA jit FROM PUBLIC;
REVOKE ALL ON SCHEMA jit FROM PUBLIC;
GRANT USAGE ON SCHEMA jit TO PUBLIC;
GRANT SELECT ON jit.available, jit.my_requests, jit.pending, jit.active, jit.history, jit.audit, jit.certifications, jit.my_delegations, jit.reviews, jit.status,
    jit.uses, jit.refusals, jit.factors TO PUBLIC;

-- Guards, approvals, their counts, scopes, second factors and the instance belong to one database and are made anew by jit.rebind().
SELECT pg_catalog.pg_extension_config_dump('jit.policies', '');
SELECT pg_catalog.pg_extension_config_dump('jit.stages', '');
SELECT pg_catalog.pg_extension_config_dump('jit.rules', '');
SELECT pg_catalog.pg_extension_config_dump('jit.delegations', '');
SELECT pg_catalog.pg_extension_config_dump('jit.requests', '');
SELECT pg_catalog.pg_extension_config_dump('jit.votes', '');
SELECT pg_catalog.pg_extension_config_dump('jit.statements', '');
SELECT pg_catalog.pg_extension_config_dump('jit.statement_parts', '');
SELECT pg_catalog.pg_extension_config_dump('jit.certificates', '');
SELECT pg_catalog.pg_extension_config_dump('jit.events', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_segments', '');
SELECT pg_catalog.pg_extension_config_dump('jit.checkpoints', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_01', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_02', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_03', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_04', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_05', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_06', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_07', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_08', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_09', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_10', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_11', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_12', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_13', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_14', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_15', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_16', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_17', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_18', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_19', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_20', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_21', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_22', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_23', '');
SELECT pg_catalog.pg_extension_config_dump('jit.ledger_24', '');
SELECT pg_catalog.pg_extension_config_dump('jit.policies_policy_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jit.requests_request_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jit.delegations_delegation_id_seq', '');
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
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.statements FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.statements ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.statements IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.statement_parts FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.statement_parts ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.statement_parts IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.stages FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.stages ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.stages IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.rules FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.rules ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.rules IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.delegations FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.delegations ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.delegations IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.events FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.events ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.events IS 'As on jit.policies: the keeper must not go on with a ledger that is being restored';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.certificates FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.certificates ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.certificates IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_segments FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_segments ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_segments IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.checkpoints FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.checkpoints ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.checkpoints IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_01 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_01 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_01 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_02 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_02 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_02 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_03 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_03 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_03 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_04 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_04 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_04 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_05 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_05 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_05 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_06 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_06 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_06 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_07 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_07 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_07 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_08 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_08 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_08 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_09 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_09 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_09 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_10 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_10 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_10 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_11 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_11 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_11 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_12 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_12 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_12 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_13 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_13 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_13 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_14 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_14 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_14 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_15 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_15 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_15 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_16 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_16 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_16 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_17 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_17 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_17 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_18 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_18 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_18 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_19 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_19 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_19 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_20 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_20 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_20 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_21 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_21 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_21 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_22 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_22 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_22 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_23 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_23 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_23 IS 'As on jit.policies';
CREATE TRIGGER restored AFTER INSERT OR UPDATE ON jit.ledger_24 FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind();
ALTER TABLE jit.ledger_24 ENABLE ALWAYS TRIGGER restored;
COMMENT ON TRIGGER restored ON jit.ledger_24 IS 'As on jit.policies';

INSERT INTO jit.ledger_state (segment, tree_size, frontier, incarnation, timeline, position, signed_size, unresolved)
VALUES (1, 0, '', 0, 0, pg_catalog.pg_current_wal_insert_lsn(), 0, '{}');

CREATE FUNCTION jit._install() RETURNS void
    LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_install';
REVOKE ALL ON FUNCTION jit._install() FROM PUBLIC;
COMMENT ON FUNCTION jit._install() IS 'A part of CREATE EXTENSION: makes the roles of jit_guard and binds the installation';

SELECT jit._install();
SELECT jit._watch();

GRANT EXECUTE ON FUNCTION jit.create_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.alter_policy(text, text[], text[], regrole, regrole, regrole[], regrole[], integer, regrole[],
    interval, interval, interval, boolean, text, text, cidr[], integer, integer, regrole[], interval, jsonb, regrole[], interval,
    interval, jsonb, text, text, text, text, text, interval, boolean, text, boolean, text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drop_policy(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.export_policies() TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.apply_policies(json, boolean, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.reset_factors(regrole, text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.rebind() TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.seal() TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.start_certification(interval, text[]) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.accept_drift(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drift() TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.touched(text, interval, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.used(text, interval, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.verify() TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.export(bigint, bigint, bigint) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.drop_evidence(bigint, text, boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.create_destination(text, text, text, text, text, text, text[], text[], boolean, bigint) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.alter_destination(text, text, text, text, text, text[], text[], boolean) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.drop_destination(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.redeliver(text) TO jit_admin;
GRANT EXECUTE ON FUNCTION jit.report(timestamptz, timestamptz) TO jit_admin, jit_auditor;
GRANT EXECUTE ON FUNCTION jit.findings(interval, timestamptz) TO jit_admin, jit_auditor;
GRANT SELECT ON jit.policies, jit.stages, jit.rules, jit.delegations, jit.guards, jit.requests, jit.votes, jit.approvals, jit.use_counts, jit.scopes, jit.statements, jit.statement_parts, jit.events, jit.instance,
    jit.baseline, jit.certificates, jit.ledger, jit.ledger_segments, jit.ledger_state, jit.checkpoints,
    jit.authenticator_counts, jit.attempts, jit.challenges, jit.proofs, jit.token_issuers, jit.token_keys,
    jit.destination_terms, jit.deliveries, jit.dead_letters, jit.destinations, jit.pim_syncs TO jit_admin, jit_auditor;
