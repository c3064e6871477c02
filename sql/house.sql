-- house: the tables of jit_guard are written by its functions only, superusers included
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM jit.approvals;
INSERT INTO jit.approvals DEFAULT VALUES;
\c - regress_dba
SELECT count(*) FROM jit.approvals;
-- vector 126
DELETE FROM jit.guards;
UPDATE jit.policies SET mode = 'off';
INSERT INTO jit.approvals SELECT * FROM jit.approvals;
WITH x AS (DELETE FROM jit.votes RETURNING 1) SELECT count(*) FROM x;
TRUNCATE jit.events;
TRUNCATE jit.policies CASCADE;
COPY jit.policies FROM STDIN;
1
\.
DO $$ BEGIN DELETE FROM jit.approvals; END $$;
SELECT * FROM jit.approvals FOR UPDATE;
BEGIN;
LOCK jit.guards IN ACCESS EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK jit.guards IN ACCESS SHARE MODE;
ROLLBACK;
-- vector 87
SET session_replication_role = replica;
DELETE FROM jit.guards;
RESET session_replication_role;
ALTER TABLE jit.guards DISABLE TRIGGER ALL;
ALTER TABLE jit.guards ADD x int;
ALTER TABLE jit.guards RENAME TO x;
ALTER TABLE jit.guards SET SCHEMA public;
ALTER TABLE jit.guards OWNER TO regress_bob;
ALTER TABLE jit.approvals ENABLE ROW LEVEL SECURITY;
ALTER INDEX jit.guards_object RENAME TO x;
DROP INDEX jit.guards_object;
CREATE INDEX ON jit.guards (policy_id);
CREATE TRIGGER t BEFORE INSERT ON jit.approvals FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE RULE r AS ON INSERT TO jit.events DO INSTEAD NOTHING;
CREATE POLICY p ON jit.approvals;
CREATE TABLE mine.x () INHERITS (jit.guards);
CREATE TABLE mine.x (id bigint REFERENCES jit.requests);
GRANT INSERT ON jit.approvals TO regress_bob;
\set VERBOSITY sqlstate
GRANT SELECT ON ALL TABLES IN SCHEMA jit TO PUBLIC;
\set VERBOSITY terse
COMMENT ON TABLE jit.guards IS 'x';
DROP TABLE jit.guards;
DROP TABLE jit.guards CASCADE;
DROP SCHEMA jit CASCADE;
DROP VIEW jit.my_requests;
ALTER EXTENSION jit_guard DROP TABLE jit.guards;
ALTER EXTENSION jit_guard ADD TABLE app.notes;
ALTER EXTENSION jit_guard SET SCHEMA mine;
-- Reading, counting and looking after them is welcome.
SELECT count(*) FROM jit.guards;
ANALYZE jit.guards;
VACUUM jit.approvals;
REINDEX TABLE jit.guards;
CREATE TEMPORARY TABLE copy AS SELECT * FROM jit.policies;
COPY (SELECT name FROM jit.policies) TO STDOUT;
SET client_min_messages = error;
CREATE PUBLICATION regress_pub FOR TABLE jit.policies;
DROP PUBLICATION regress_pub;
RESET client_min_messages;
-- What names in jit_guard's own statements could be made to mean: a cast, and a function that fits better (vector 321).
CREATE FUNCTION mine.forges(text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN DELETE FROM jit.votes; RAISE NOTICE 'forged'; RETURN jsonb_in(textout($1)); END $$;
CREATE CAST (text AS jsonb) WITH FUNCTION mine.forges(text);
\c - regress_alice
\set VERBOSITY default
SELECT jit.release(:r);
\set VERBOSITY terse
\c - regress_dba
DROP CAST (text AS jsonb);
CREATE FUNCTION pg_catalog.array_remove(text[], text) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN DELETE FROM jit.votes; RAISE NOTICE 'forged'; RETURN $1; END $$;
CREATE TABLE app.gone ();
SELECT jit.create_policy('gone', '{ALL}', '{app.gone}', eligible => '{regress_alice}', approvals => 0, require_reason => false, exempt => '{regress_dba}');
DROP TABLE app.gone;
DROP FUNCTION pg_catalog.array_remove(text[], text);
-- Twin: without them.
DROP TABLE app.gone;
SELECT jit.drop_policy('gone');
\c - regress_alice
SELECT jit.release(:r);
\c - regress_dba
SELECT jit.drop_policy('accounts');
SELECT count(*) FROM jit.guards;
\set ECHO none
\i :end
