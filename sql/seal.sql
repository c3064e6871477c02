-- seal: two people for what weakens, nobody by being a superuser, and jit_guard's own protection enforced
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_admin1 LOGIN;
CREATE ROLE regress_admin2 LOGIN;
CREATE ROLE regress_dba LOGIN SUPERUSER;
CREATE SCHEMA pay;
CREATE TABLE pay.accounts (id int);
CREATE TABLE pay.cards (id int);
SELECT jit.create_policy('accounts', '{ALL}', '{pay.accounts}', eligible => '{regress_asker}',
    approvers => '{regress_boss,regress_boss2}', approvals => 2);

-- Two different people who can log in are needed; superusers are none.
SELECT jit.seal();
GRANT jit_admin TO regress_admin1 WITH ADMIN OPTION;
SELECT jit.seal();
GRANT jit_admin TO regress_admin2;
DO $$ BEGIN PERFORM jit.seal(); END $$;
\c - regress_boss
SELECT jit.seal();
\c - regress_admin1
SELECT value FROM jit.status WHERE fact = 'sealed';
SELECT jit.seal();
\set VERBOSITY terse
SELECT jit.seal();
SELECT value FROM jit.status WHERE fact = 'sealed';
SELECT name, eligible, approvers, approvals, mode FROM jit.policies ORDER BY name;

-- Superusers do not count any more, and policy calls are bare calls.
\c - regress_dba
SELECT jit.create_policy('mine', '{READ}', '{pay.cards}', eligible => '{regress_dba}', approvals => 0);
SELECT jit.drop_policy('accounts');
SELECT * FROM jit.apply_policies('{"policies": {}}', prune => true);
SELECT jit.export_policies();
UPDATE jit.instance SET sealed_at = NULL, sealed_by = NULL;
COPY jit.policies FROM STDIN;
\.
\c - regress_admin1
DO $$ BEGIN PERFORM jit.alter_policy('accounts', approvals => 2); END $$;

-- Tightening is immediate.
SELECT jit.alter_policy('accounts', max_duration => '30 min', require_reason => true, ticket_pattern => 'OPS-[0-9]+');
SELECT jit.create_policy('cards', '{READ}', '{pay.cards}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT name, max_duration, ticket_pattern FROM jit.policies ORDER BY name;

-- What weakens is a request: not one's own to approve, not a superuser's, nor an approver's of the policy.
SELECT jit.alter_policy('accounts', approvals => 1, max_duration => '10 min') ;
SELECT jit.alter_policy('accounts', approvals => 1, max_duration => '10 min') ;
SELECT name, approvals, max_duration FROM jit.policies WHERE name = 'accounts';
SELECT request_id AS r, state FROM jit.my_requests \gset
SELECT jit.approve(:r);
\c - regress_dba
SELECT jit.approve(:r);
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_admin2
\x
SELECT request_id = :r AS this, person, policy, reason, change FROM jit.pending;
\x
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT jit.approve(:r, 'agreed');
ROLLBACK;
SELECT jit.approve(:r, 'agreed');
SELECT name, approvals, max_duration FROM jit.policies WHERE name = 'accounts';
SELECT state, end_reason FROM jit.requests WHERE request_id = :r;
SELECT count(*) FROM jit.approvals;
SELECT jit.approve(:r);

-- Denied, taken back: nothing changes.
\c - regress_admin1
SELECT jit.alter_policy('accounts', mode => 'off');
SELECT max(request_id) AS r FROM jit.my_requests \gset
\c - regress_admin2
SELECT jit.deny(:r, 'no');
\c - regress_admin1
SELECT jit.alter_policy('accounts', exempt => '{regress_admin1}');
SELECT max(request_id) AS r FROM jit.my_requests \gset
SELECT jit.cancel(:r);
SELECT name, mode, exempt FROM jit.policies WHERE name = 'accounts';

-- Approved is what was shown: a policy that changed since is not changed by it.
SELECT jit.alter_policy('accounts', max_duration => '20 min');
SELECT max(request_id) AS r FROM jit.my_requests \gset
SELECT jit.alter_policy('accounts', max_duration => '5 min');
\c - regress_admin2
SELECT jit.approve(:r);
SELECT max_duration FROM jit.policies WHERE name = 'accounts';
SELECT jit.deny(:r);

-- Each term that weakens asks; each twin that tightens does not.
\c - regress_admin1
SELECT jit.alter_policy('cards', eligible => '{regress_asker,regress_boss2}');
SELECT jit.alter_policy('cards', approvers => '{regress_boss,regress_boss2}');
SELECT jit.alter_policy('cards', approvals => 0);
SELECT jit.alter_policy('cards', require_reason => false);
SELECT jit.alter_policy('cards', objects => '{pay.cards(id)}');
SELECT jit.alter_policy('cards', networks => '{10.0.0.0/8}');
SELECT jit.alter_policy('cards', networks => '{10.1.0.0/16}');
SELECT jit.alter_policy('cards', networks => '{10.0.0.0/8}');
SELECT jit.alter_policy('cards', max_uses => 3);
SELECT jit.alter_policy('cards', max_uses => 4);
SELECT jit.alter_policy('cards', break_glass => '{regress_boss2}');
SELECT jit.alter_policy('cards', pending_timeout => '5 hours');
SELECT jit.alter_policy('cards', on_expiry => 'terminate');
SELECT jit.alter_policy('cards', on_expiry => 'cancel');
SELECT jit.alter_policy('cards', mode => 'monitor');
SELECT jit.alter_policy('cards', comment => 'ours', new_name => 'card');
SELECT jit.drop_policy('card');
-- So does what would decide instead of another policy.
SELECT jit.create_policy('beside', '{READ}', '{pay.accounts}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('under', '{READ}', '{pay.accounts(id)}', eligible => '{regress_asker}', approvers => '{regress_boss}', exempt => '{regress_admin1}');
SELECT jit.create_policy('over', '{READ}', '{pay.*}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT name, eligible, approvers, approvals, networks, max_uses, break_glass, on_expiry, mode FROM jit.policies WHERE name <> 'jit_guard' ORDER BY name;
SELECT count(*) FROM jit.requests WHERE state = 'pending';

-- A document: what tightens is applied, what weakens is asked for.
SELECT * FROM jit.apply_policies('{"policies": {
    "card": {"actions": ["READ"], "objects": ["pay.cards"], "eligible": ["regress_asker"], "approvers": ["regress_boss"], "networks": ["10.1.0.0/16"], "max_uses": 2, "on_expiry": "terminate", "comment": "ours"},
    "over": {"actions": ["READ"], "objects": ["pay.*"], "eligible": ["regress_asker"], "approvers": ["regress_boss", "regress_boss2"]}}}', dry_run => true);
SET client_min_messages = warning;
SELECT * FROM (SELECT 1) x, jit.apply_policies('{"policies": {}}');
SELECT * FROM jit.apply_policies('{"policies": {
    "over": {"actions": ["READ"], "objects": ["pay.*"], "eligible": ["regress_asker"], "approvers": ["regress_boss"], "max_duration": "10 min"}}}');
RESET client_min_messages;
-- Dropping and creating go the same way.
SELECT jit.drop_policy('card');
SELECT max(request_id) AS r FROM jit.my_requests WHERE reason LIKE 'drop %' \gset
\c - regress_admin2
SELECT jit.approve(:r);
SELECT request_id AS r FROM jit.pending WHERE reason LIKE 'create policy "under"%' \gset
SELECT jit.approve(:r);
SELECT name FROM jit.policies ORDER BY name;
SELECT event, policy, actor, detail -> 'change' AS change FROM jit.events WHERE event IN ('sealed', 'change_applied') ORDER BY event_id;

-- jit_guard's own protection. A superuser alone cannot; a jit_admin can, when another one agreed, until the end.
\c - regress_dba
LOAD 'plpgsql';
ALTER SYSTEM SET work_mem = '8MB';
CREATE FUNCTION pay.c() RETURNS int LANGUAGE internal AS 'pg_backend_pid';
CREATE FUNCTION pay.fine() RETURNS int LANGUAGE sql AS 'SELECT 1';
DO LANGUAGE plpgsql $$ BEGIN LOAD 'plpgsql'; END $$;
UPDATE pg_authid SET rolsuper = true WHERE rolname = 'regress_asker';
DELETE FROM pg_extension WHERE extname = 'jit_guard';
INSERT INTO pg_auth_members SELECT * FROM pg_auth_members WHERE false;
WITH x AS (DELETE FROM pg_depend WHERE false RETURNING 1) SELECT count(*) FROM x;
MERGE INTO pg_proc p USING (SELECT 1) x ON false WHEN MATCHED THEN DO NOTHING;
COPY pg_description FROM STDIN;
\.
PREPARE p AS UPDATE pg_class SET relname = relname WHERE false;
EXECUTE p;
SELECT count(*) > 0 AS reads FROM pg_authid;
UPDATE pg_settings SET setting = setting WHERE name = 'work_mem';
GRANT jit_admin TO regress_dba;
GRANT regress_boss TO regress_dba;
REVOKE regress_boss2 FROM regress_dba;
ALTER GROUP jit_admin ADD USER regress_dba;
CREATE ROLE regress_new IN ROLE jit_admin;
-- vector 125
ALTER ROLE regress_boss PASSWORD 'x';
ALTER ROLE regress_admin1 PASSWORD 'x';
ALTER ROLE regress_admin1 SET role = 'regress_dba';
ALTER ROLE regress_asker LOGIN;
ALTER ROLE regress_admin2 NOLOGIN;
ALTER ROLE regress_boss RENAME TO regress_b;
DROP ROLE regress_admin2;
ALTER ROLE regress_dba SET session_preload_libraries = 'x';
ALTER DATABASE regression SET session_preload_libraries = 'x';
ALTER ROLE regress_dba SET work_mem = '5MB';
ALTER EXTENSION jit_guard UPDATE;
DROP EXTENSION jit_guard;
DROP EXTENSION jit_guard CASCADE;
CREATE OR REPLACE VIEW jit.available AS SELECT * FROM jit.available;
CREATE RULE "_RETURN" AS ON SELECT TO jit.active DO INSTEAD SELECT 1;
ALTER TABLE jit.pending OWNER TO regress_dba;
CREATE FUNCTION jit.approve(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
-- vector 321
CREATE FUNCTION pg_catalog.jsonb_build_object(text, timestamptz) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
CREATE CAST (text AS jsonb) WITH INOUT AS ASSIGNMENT;
ALTER FUNCTION pg_catalog.jsonb_typeof RENAME TO jsonb_build_object;
-- vector 266: what approvers call and look at has no double, and makes room for none
CREATE FUNCTION public.prove(integer, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
ALTER FUNCTION public.prove(integer, text) SET SCHEMA jit;
CREATE AGGREGATE jit.approve(integer) (SFUNC = int4pl, STYPE = integer);
CREATE TYPE jit.approve AS ENUM ('a');
CREATE TYPE jit.approve AS (a integer);
CREATE TYPE jit.approve AS RANGE (SUBTYPE = int4);
CREATE DOMAIN jit.approve AS text;
ALTER VIEW jit.pending RENAME TO pending_;
ALTER TABLE jit.pending RENAME TO pending_;
ALTER VIEW jit.pending RENAME COLUMN reason TO why;
ALTER VIEW jit.pending SET SCHEMA pay;
ALTER FUNCTION public.prove(integer, text) SET SCHEMA pay;
CREATE AGGREGATE pay.approve(integer) (SFUNC = int4pl, STYPE = integer);
CREATE VIEW pay.pending AS SELECT 1 AS reason;
ALTER VIEW pay.pending RENAME COLUMN reason TO why;
ALTER VIEW pay.pending RENAME TO pending_;
SET allow_system_table_mods = on;
ALTER TABLE pg_class ADD x int;
CREATE TRIGGER t BEFORE INSERT ON pg_authid FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
RESET allow_system_table_mods;
CREATE VIEW pay.fine AS SELECT 1 AS one;
DROP OWNED BY regress_dba;
CREATE ROLE regress_other;
ALTER ROLE regress_other CREATEDB PASSWORD 'x';
DROP ROLE regress_other;
\c - regress_admin1
ALTER ROLE regress_admin1 PASSWORD NULL;
ALTER ROLE regress_admin2 PASSWORD NULL;

\c - regress_dba
SELECT jit.request('jit_guard', '5 min', reason => 'me');
\c - regress_admin1
SELECT policy FROM jit.available;
SELECT jit.request('jit_guard', '5 min', reason => 'the dba shall help', actions => '{GRANT}');
SELECT max(request_id) AS r FROM jit.my_requests \gset
\c - regress_admin2
SELECT jit.approve(:r);
-- The right is the one's who asked for it, and for what was asked.
GRANT jit_admin TO regress_dba;
\c - regress_admin1
GRANT jit_admin TO regress_dba;
ALTER ROLE regress_asker PASSWORD 'x';
SELECT jit.release(:r);
GRANT jit_admin TO regress_boss;
\c - postgres
GRANT jit_admin TO regress_boss;

-- A superuser who is a member, and whom another member let: for each the allowed twin, until it is given back.
\c - regress_dba
SELECT jit.request('jit_guard', '5 min', reason => 'removal');
SELECT max(request_id) AS r FROM jit.my_requests \gset
\c - regress_admin2
SELECT jit.approve(:r);
\c - regress_dba
LOAD 'plpgsql';
ALTER SYSTEM SET work_mem = '8MB';
ALTER SYSTEM RESET work_mem;
CREATE FUNCTION pay.c() RETURNS int LANGUAGE internal AS 'pg_backend_pid';
UPDATE pg_class SET relname = relname WHERE oid = 'pay.cards'::regclass;
ALTER ROLE regress_asker VALID UNTIL 'infinity';
ALTER ROLE regress_dba SET session_preload_libraries = '';
ALTER ROLE regress_dba RESET ALL;
-- Somebody else's code does not ride on it.
SET ROLE regress_boss;
CREATE FUNCTION pg_temp.ride() RETURNS void LANGUAGE plpgsql AS $$ BEGIN LOAD 'plpgsql'; END $$;
RESET ROLE;
SELECT pg_temp.ride();
SELECT jit.release(:r);
LOAD 'plpgsql';
DROP EXTENSION jit_guard;
SELECT jit.request('jit_guard', '5 min', reason => 'removal', actions => '{DROP EXTENSION}');
SELECT max(request_id) AS r FROM jit.my_requests \gset
\c - regress_admin2
SELECT jit.approve(:r);
\c - regress_dba
LOAD 'plpgsql';
DROP EXTENSION jit_guard;
SELECT to_regnamespace('jit') IS NULL AS gone;
\c - postgres
SET client_min_messages = warning;
DROP SCHEMA pay CASCADE;
DROP OWNED BY regress_asker, regress_boss, regress_boss2, regress_admin1, regress_admin2, regress_dba;
DROP ROLE regress_asker, regress_boss, regress_boss2, regress_admin2, regress_dba;
DROP ROLE regress_admin1;
