-- votes: who decides, once, in time, and what the last vote needed does
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss1 LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_boss3 LOGIN;
CREATE ROLE regress_bosses ROLE regress_boss1, regress_boss2, regress_boss3, regress_asker;
CREATE ROLE regress_super LOGIN SUPERUSER;
CREATE SCHEMA pay;
CREATE TABLE pay.accounts (id int);
GRANT USAGE ON SCHEMA pay TO PUBLIC;
GRANT ALL ON pay.accounts TO regress_asker;
SELECT jit.create_policy('one', '{READ}', '{pay.accounts}', eligible => '{regress_asker}', approvers => '{regress_bosses}',
    require_reason => false);
SELECT jit.create_policy('two', '{DELETE}', '{pay.accounts}', eligible => '{regress_asker}', approvers => '{regress_bosses}',
    approvals => 2, require_reason => false);

-- Never one's own, never by those who may not, also not as superuser or by SET ROLE.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('one') AS r \gset
\set VERBOSITY default
SELECT jit.approve(:r);
SELECT jit.deny(:r);
\set VERBOSITY terse
SELECT jit.revoke(:r);
\c - regress_super
\set VERBOSITY default
SELECT jit.approve(:r);
SET ROLE regress_boss1;
SELECT jit.approve(:r);
SET SESSION AUTHORIZATION regress_boss1;
SELECT jit.approve(:r);
RESET SESSION AUTHORIZATION;

-- vector 123
-- Only a bare call decides: nothing that runs in somebody's name can.
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.approve(request_id) FROM jit.pending;
SELECT jit.approve((SELECT 1));
SELECT jit.approve(:r) LIMIT 1;
SELECT jit.approve(:r), 1;
WITH v AS (SELECT jit.approve(:r)) SELECT * FROM v;
EXPLAIN ANALYZE SELECT jit.approve(:r);
DO $$ BEGIN PERFORM jit.approve(1); END $$;
PREPARE p AS SELECT jit.approve(1);
EXECUTE p;
DECLARE c CURSOR WITH HOLD FOR SELECT jit.approve(1);
CREATE TEMPORARY TABLE t AS SELECT jit.approve(1);
COPY (SELECT jit.approve(1)) TO STDOUT;
SELECT state FROM jit.requests WHERE request_id = 1;
SELECT request_id, person, approvals_needed, approvals_given, to_approve, to_deny FROM jit.pending;

-- Longer than asked is not given; shorter is.
\set VERBOSITY default
SELECT jit.approve(:r, duration => '31 min');
SELECT jit.approve(:r, duration => '0');
SELECT jit.approve(:r, duration => '-5 min');
\set VERBOSITY terse
SELECT * FROM jit.approve(:r, 'have fun', '5 min');
SELECT jit.approve(:r);
SELECT jit.deny(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT state, ends_at - starts_at AS lasts, votes FROM jit.my_requests WHERE request_id = :r;
SELECT count(*) FROM pay.accounts;

-- Revoking: by an approver, at once, once.
\c - regress_boss2
\set VERBOSITY terse
SELECT request_id, person, state, approved_by FROM jit.active;
SELECT jit.revoke(:r, 'enough');
SELECT jit.revoke(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM pay.accounts;
SELECT state, end_reason FROM jit.my_requests WHERE request_id = :r;
SELECT jit.release(:r);

-- Two votes: two people, the shorter duration holds, and one person counts once.
SELECT jit.request('two', '30 min') AS r2 \gset
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.approve(:r2, duration => '20 min');
SELECT jit.approve(:r2);
SELECT jit.deny(:r2);
SELECT to_approve FROM jit.pending;
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r2, duration => '25 min');
\c - regress_boss3
\set VERBOSITY terse
SELECT jit.approve(:r2);
\c - regress_asker
\set VERBOSITY terse
SELECT state, ends_at - starts_at AS lasts FROM jit.my_requests WHERE request_id = :r2;
DELETE FROM pay.accounts;

-- A vote of somebody who is no approver any more does not count.
SELECT jit.request('two') AS r3 \gset
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - postgres
REVOKE regress_bosses FROM regress_boss1;
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - regress_boss3
\set VERBOSITY terse
SELECT jit.approve(:r3);

-- Nor is anything given to somebody who is no longer eligible.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('one') AS r4 \gset
\c - postgres
SELECT jit.alter_policy('one', eligible => '{regress_boss1}');
\c - regress_boss2
\set VERBOSITY default
SELECT jit.approve(:r4);
\set VERBOSITY terse
SELECT jit.deny(:r4, 'left the team');
SELECT jit.deny(:r4);
SELECT jit.approve(:r4);
\c - postgres
SELECT jit.alter_policy('one', eligible => '{regress_asker}');

-- One no is enough.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.release(request_id) FROM jit.my_requests WHERE state = 'active' ORDER BY request_id;
SELECT jit.request('two') AS r5 \gset
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r5);
\c - regress_boss3
\set VERBOSITY terse
SELECT jit.deny(:r5, 'no');
\c - regress_asker
\set VERBOSITY terse
SELECT state, votes FROM jit.my_requests WHERE request_id = :r5;
CALL jit.await(:r5);

-- Late: what nobody decided in time cannot be decided, whether or not a worker has noticed.
\c - postgres
SELECT jit.alter_policy('one', pending_timeout => '100 ms');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('one') AS r6 \gset
SELECT pg_sleep(0.3);
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r6);
SELECT count(*) FROM jit.pending;
\c - regress_asker
SELECT state FROM jit.my_requests WHERE request_id = :r6;

-- What grows after the decision was not decided.
\c - postgres
CREATE TABLE pay.more (id int);
GRANT SELECT ON pay.more TO regress_asker;
SELECT jit.alter_policy('one', pending_timeout => '1 hour');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('one') AS r7 \gset
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r7);
\c - postgres
SELECT jit.alter_policy('one', objects => '{pay.accounts, pay.more}');
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM pay.accounts;
SELECT count(*) FROM pay.more;
SELECT jit.request('one', reason => 'now with more') AS r8 \gset
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r8);
\c - regress_asker
SELECT count(*) FROM pay.more;

-- The record.
\c - postgres
SELECT event, policy, person, actor FROM jit.history WHERE request_id = :r2 ORDER BY event_id;
SELECT DISTINCT event FROM jit.events ORDER BY 1;
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_boss1, regress_boss2, regress_boss3, regress_bosses, regress_super;
