-- drift: memberships, privileges and owners changed by hand are seen; what jit_guard does itself, and what is no policy's, is not
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE ROLE regress_leads;
CREATE ROLE regress_team;
CREATE ROLE regress_lent;
CREATE ROLE regress_lent2;
CREATE ROLE regress_devs;
CREATE ROLE regress_alice LOGIN IN ROLE regress_devs;
CREATE ROLE regress_bob LOGIN IN ROLE regress_leads;
CREATE ROLE regress_eve LOGIN;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int, secret int);
CREATE TABLE pay.b (id int);
CREATE TABLE pay.free (id int);
CREATE FUNCTION pay.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
GRANT SELECT ON pay.a TO regress_lent;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SELECT jit.create_policy('a', '{READ}', '{pay.a}', lends => 'regress_lent', eligible => '{regress_devs}', approvers => '{regress_leads}');
CREATE ROLE regress_auditor LOGIN;
SELECT * FROM jit.drift();

-- A name that no index takes, on which the owner of a function gives the lent role a privilege: it is recorded all the same.
DO $$ BEGIN FOR i IN 1 .. 99 LOOP EXECUTE format('CREATE TYPE pay.%I AS ENUM (''a'')', 'x' || md5(i::text) || left(md5((i + 1000)::text), 28)); END LOOP; END $$;
SELECT 'pay.long(' || string_agg('pay.' || typname, ', ' ORDER BY typname) || ')' AS long
  FROM pg_type WHERE typnamespace = 'pay'::regnamespace AND typtype = 'e' \gset
CREATE FUNCTION :long RETURNS int LANGUAGE sql AS 'SELECT 1';
GRANT EXECUTE ON FUNCTION :long TO regress_lent;
SELECT change, kind, length(described) > 6000 AS whole FROM jit.drift();
SELECT jit.accept_drift('a long name');
SELECT count(*) FROM jit.drift();
REVOKE EXECUTE ON FUNCTION :long FROM regress_lent;
SELECT change, kind, length(described) > 6000 AS whole FROM jit.drift();
SELECT jit.accept_drift('and without it');
DROP FUNCTION :long;

-- Who may look.
\c - regress_alice
\set VERBOSITY terse
SELECT * FROM jit.drift();
SELECT jit.accept_drift('x');
\c - postgres
\set VERBOSITY terse

-- Each kind, and its twin that concerns no policy.
GRANT regress_leads TO regress_eve;
GRANT regress_team TO regress_eve;
GRANT regress_devs TO regress_team;
GRANT SELECT (secret) ON pay.a TO regress_eve;
GRANT UPDATE ON pay.a TO regress_eve WITH GRANT OPTION;
GRANT SELECT ON pay.free TO regress_eve;
GRANT SELECT ON pay.free TO regress_lent;
GRANT jit_auditor TO regress_auditor;
REVOKE regress_devs FROM regress_alice;
ALTER TABLE pay.b OWNER TO regress_eve;
SELECT * FROM jit.drift();
ALTER TABLE pay.a OWNER TO regress_eve;
SELECT change, kind, regexp_replace(described, '^(?!regress_)\S+', 'somebody') AS described FROM jit.drift() WHERE kind = 'owner';
ALTER TABLE pay.a OWNER TO CURRENT_USER;

-- A new policy on the same roles and tables does not cover it up; what is new with it is recorded.
SELECT jit.create_policy('b', '{READ, EXECUTE}', '{pay.a, pay.b, function pay.f()}', lends => 'regress_lent2', eligible => '{regress_team}', approvers => '{regress_leads}');
SELECT count(*) FROM jit.drift();
GRANT regress_team TO regress_alice;
GRANT EXECUTE ON FUNCTION pay.f() TO regress_eve;
SELECT change, described, policies FROM jit.drift() WHERE described ~ 'regress_team|function' ORDER BY 2;

-- A loan is no drift.
SELECT jit.create_policy('team', elevates_to => 'regress_lent2', eligible => '{regress_bob}', approvals => 0);
\c - regress_bob
\set VERBOSITY terse
SELECT jit.request('team', '10 min', reason => 'x') AS loan \gset
CALL jit.await(:loan);
\c - postgres
\set VERBOSITY terse
SELECT count(*) FROM pg_auth_members WHERE roleid = 'regress_lent2'::regrole AND member = 'regress_bob'::regrole;
SELECT * FROM jit.drift() WHERE described ~ 'regress_lent2';

-- Somebody looked.
DO $$ BEGIN PERFORM jit.accept_drift('from inside'); END $$;
SELECT jit.accept_drift(' ');
SELECT jit.accept_drift('team of eve, ticket 5');
SELECT * FROM jit.drift();
SELECT detail ->> 'comment' AS comment, jsonb_array_length(detail -> 'changes') AS changes, left(detail -> 'changes' ->> 0, 80) AS first
  FROM jit.history WHERE event = 'drift_accepted';
GRANT SELECT ON pay.b TO PUBLIC;
SELECT * FROM jit.drift();
REVOKE SELECT ON pay.b FROM PUBLIC;
SELECT * FROM jit.drift();
REVOKE regress_leads FROM regress_bob;
SELECT * FROM jit.drift();
DELETE FROM jit.baseline;

SET client_min_messages = warning;
SELECT jit.revoke(:loan);
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
SELECT * FROM jit.drift();
DROP SCHEMA pay CASCADE;
DROP ROLE regress_leads, regress_team, regress_lent, regress_lent2, regress_devs, regress_alice, regress_bob, regress_eve, regress_auditor;
