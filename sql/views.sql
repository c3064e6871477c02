-- views: each person sees what concerns them; jit_admin and jit_auditor see all; nobody sees the tables
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
CREATE ROLE regress_admin LOGIN IN ROLE jit_admin;
CREATE ROLE regress_super LOGIN SUPERUSER;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
SELECT jit.create_policy('a', '{READ}', '{pay.a}', eligible => '{regress_asker, regress_other}', approvers => '{regress_boss}');
SELECT jit.create_policy('b', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_boss2}');
SELECT jit.create_policy('off', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvals => 0, mode => 'off');

\c - regress_other
\set VERBOSITY terse
SELECT policy FROM jit.available;
SELECT jit.request('a', reason => 'other''s <script>alert(1)</script>') AS other \gset
\c - regress_asker
\set VERBOSITY terse
SET intervalstyle = postgres;
SELECT policy, actions, objects, lends, elevates_to, default_duration, max_duration, approvals, approvers, require_reason,
    ticket_pattern, pending_timeout, mode, held_until FROM jit.available ORDER BY 1 \gx
SELECT jit.request('a', reason => 'mine, a') AS a \gset
SELECT jit.request('b', reason => 'mine, b') AS b \gset
SELECT request_id, reason FROM jit.my_requests ORDER BY 1;
SELECT count(*) FROM jit.pending;
SELECT count(*) FROM jit.active;
SELECT event, request_id, story FROM jit.history ORDER BY event_id;

-- Approvers: what they may decide, and no more.
\c - regress_boss
\set VERBOSITY terse
SET intervalstyle = postgres;
SELECT request_id, policy, person, reason, actions, objects, duration, approvals_needed, approvals_given, person_requests_30d,
    person_last_denied, to_approve, to_deny FROM jit.pending ORDER BY 1;
SELECT jit.deny(:other, 'no');
SELECT jit.approve(:a);
SELECT request_id, person, policy, state, objects, reason, approved_by FROM jit.active;
SELECT event, request_id, story FROM jit.history WHERE event <> 'approved' ORDER BY event_id;
SELECT count(*) FROM jit.my_requests;
\c - regress_other
\set VERBOSITY terse
SELECT count(*) FROM jit.active;
SELECT state, votes FROM jit.my_requests;
SELECT jit.request('a', reason => 'again') AS again \gset
\c - regress_boss
SELECT person, person_requests_30d, person_last_denied IS NOT NULL AS denied_before FROM jit.pending;
\c - regress_asker
SELECT policy, held_until IS NOT NULL AS held FROM jit.available ORDER BY 1;
SELECT state, votes, remaining > interval '29 min' AS remaining FROM jit.my_requests WHERE request_id = :a;

-- Auditors, admins and superusers see all, and decide nothing by that.
\c - regress_auditor
\set VERBOSITY terse
SELECT request_id, policy, person, to_approve FROM jit.pending ORDER BY 1;
SELECT request_id, person FROM jit.active;
SELECT count(*) = (SELECT count(*) FROM jit.events) AS all_events FROM jit.history;
SELECT jit.approve(:b);
SELECT jit.revoke(:a);
SELECT jit.drop_policy('a');
SELECT count(*) FROM jit.policies;
\c - regress_super
SELECT request_id, policy, person, to_approve FROM jit.pending ORDER BY 1;
SET ROLE regress_other;
SELECT jit.person(), jit.sees_all();
SELECT count(*) FROM jit.my_requests;
\c - regress_admin
\set VERBOSITY terse
SELECT count(*) FROM jit.pending;
SELECT jit.approve(:b);
SELECT jit.revoke(:a, 'an admin may');
SELECT story FROM jit.history WHERE event = 'revoked';

-- SET ROLE changes nothing, in either direction.
\c - regress_super
SET ROLE regress_asker;
SELECT count(*) FROM jit.my_requests;
SELECT jit.belongs('{regress_asker}'), jit.belongs('{regress_super, regress_boss}'), jit.belongs('{}'), jit.belongs(NULL);

-- The tables are not for reading by others, and not for writing by anybody else.
\c - regress_asker
\set VERBOSITY terse
SELECT * FROM jit.policies;
SELECT * FROM jit.requests;
SELECT * FROM jit.events;
INSERT INTO jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, commands, narrowed) VALUES (1, 1, 1, now(), now() + interval '1 hour', 1, 0, false);
UPDATE jit.my_requests SET state = 'approved';
DELETE FROM jit.history;
-- A leaky function does not see rows that the view hides.
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN RAISE NOTICE 'seen: %', $1; RETURN true; END $$;
SELECT request_id FROM jit.my_requests WHERE pg_temp.leak(reason) ORDER BY 1;
DISCARD TEMP; -- or its owner could not be dropped until this session has cleaned up

-- The state of the installation.
\c - postgres
SELECT fact, CASE WHEN fact IN ('version', 'changes', 'loans published', 'cluster scope published', 'records waiting for the ledger',
    'write-ahead log kept for the ledger', 'public key of the ledger', 'records in the ledger', 'records not signed yet') THEN '...' ELSE value END AS value FROM jit.status;

SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_other, regress_boss, regress_boss2, regress_auditor, regress_admin, regress_super;
