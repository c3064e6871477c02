-- admin_option: from PostgreSQL 16 on, who makes a role gets ADMIN OPTION of it and nothing else; that is no membership
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT current_setting('server_version_num')::int >= 160000 AS has_options \gset
\if :has_options
-- vector 292: regress_maker makes the roles that policies name, and is a member of none.
CREATE ROLE regress_maker LOGIN CREATEROLE;
GRANT ALL ON app.accounts, app.notes TO regress_maker;
\c - regress_maker
CREATE ROLE regress_leads;
CREATE ROLE regress_askers;
CREATE ROLE regress_exempt;
CREATE ROLE regress_lent;
CREATE ROLE regress_person LOGIN IN ROLE regress_askers;
GRANT regress_leads TO regress_boss;
GRANT regress_exempt TO regress_carol;
SELECT roleid::regrole, admin_option, inherit_option, set_option FROM pg_auth_members WHERE member = 'regress_maker'::regrole ORDER BY 1;
\c - postgres
GRANT USAGE ON SCHEMA app TO regress_lent;
GRANT SELECT ON app.notes TO regress_lent;
GRANT ALL ON app.accounts TO regress_person;
SELECT jit.create_policy('accounts', '{READ}', '{app.accounts}', eligible => '{regress_askers}', approvers => '{regress_leads}', exempt => '{regress_exempt}',
    break_glass => '{regress_askers}', require_reason => false);
-- A role can be lent that only its maker has to do with; and a person be elevated.
SELECT jit.create_policy('notes', '{SELECT}', '{app.notes}', lends => 'regress_lent', eligible => '{regress_askers}', approvals => 0, require_reason => false);
SELECT jit.create_policy('role', elevates_to => 'regress_exempt', eligible => '{regress_askers}', approvals => 0, require_reason => false);
\c - regress_maker
SELECT policy FROM jit.available;
SELECT count(*) FROM app.accounts;
SELECT jit.request('accounts');
SELECT jit.break_glass('accounts', 'fire');
\c - regress_carol
SELECT count(*) FROM app.accounts;
\c - regress_person
SELECT jit.request('role') IS NOT NULL AS asked;
SELECT max(request_id) AS r FROM jit.my_requests \gset
SELECT jit.release(:r);
\c - postgres
DO $$BEGIN FOR i IN 1..600 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole); PERFORM pg_sleep(0.1); END LOOP; END$$;
\c - regress_person
SET client_min_messages = warning;
SELECT jit.request('accounts') AS r \gset
\c - regress_maker
SELECT count(*) FROM jit.pending;
SELECT jit.approve(:r);
\c - regress_boss
SET client_min_messages = warning;
SELECT jit.approve(:r);
\c - regress_person
SELECT count(*) FROM app.accounts;
SELECT jit.release(:r);
-- With SET or INHERIT it is a membership.
SET client_min_messages = warning;
SELECT jit.request('accounts') AS r \gset
\c - postgres
GRANT regress_leads TO regress_maker WITH INHERIT FALSE, SET TRUE;
GRANT regress_exempt TO regress_maker WITH INHERIT TRUE, SET FALSE;
\c - regress_maker
SELECT count(*) FROM jit.pending;
SET client_min_messages = warning;
SELECT jit.approve(:r);
SELECT count(*) FROM app.accounts;
\c - regress_person
SELECT jit.release(:r);
-- A role with members is not lent, and who has members is not elevated.
\c - postgres
SELECT jit.drop_policy('notes');
GRANT regress_lent, regress_person TO regress_maker WITH INHERIT TRUE;
\set VERBOSITY default
SELECT jit.create_policy('notes', '{SELECT}', '{app.notes}', lends => 'regress_lent', eligible => '{regress_askers}', approvals => 0);
\c - regress_person
SELECT jit.request('role');
\c - postgres
SET client_min_messages = error;
DROP EXTENSION jit_guard CASCADE;
DROP OWNED BY regress_maker, regress_leads, regress_askers, regress_exempt, regress_lent, regress_person;
DROP ROLE regress_person, regress_leads, regress_askers, regress_exempt, regress_lent, regress_maker;
CREATE EXTENSION jit_guard;
\endif
\set ECHO none
\i :end
