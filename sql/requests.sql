-- requests: asking under a policy, for all of it or less, at once or later, and taking it back
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_super LOGIN SUPERUSER;
CREATE SCHEMA pay;
CREATE TABLE pay.accounts (id int, owner text, iban text);
CREATE TABLE pay.parts (id int) PARTITION BY RANGE (id);
CREATE TABLE pay.parts_1 PARTITION OF pay.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE pay.other (id int);
INSERT INTO pay.accounts VALUES (1, 'ann', 'DE00');
INSERT INTO pay.parts VALUES (1);
GRANT USAGE ON SCHEMA pay TO regress_asker;
GRANT ALL ON ALL TABLES IN SCHEMA pay TO regress_asker;
SELECT jit.create_policy('read', '{READ, WRITE}', '{pay.accounts, pay.parts}', eligible => '{regress_asker}',
    approvers => '{regress_boss}');
SELECT jit.create_policy('columns', '{SELECT}', '{pay.other}', eligible => '{regress_asker}', approvers => '{regress_boss}',
    require_reason => false, ticket_pattern => 'OPS-[0-9]+');
SELECT jit.create_policy('auto', '{SELECT}', '{pay.*}', eligible => '{regress_asker}', approvals => 0, max_duration => '10 min',
    mode => 'monitor');
SELECT jit.create_policy('idle', '{TRUNCATE}', '{pay.other}', eligible => '{regress_asker}', approvals => 0, mode => 'off');

-- Who may: the eligible only, also not superusers; a policy that is not theirs looks like none.
\c - regress_super
\set VERBOSITY default
SELECT jit.request('read', reason => 'because I can');
SET ROLE regress_asker;
SELECT jit.request('read', reason => 'because I can');
RESET ROLE;
SELECT jit.request('no such policy', reason => 'x');
\c - regress_asker
\set VERBOSITY default
SELECT jit.request('idle', reason => 'x');

-- The terms: reason, ticket, duration.
SELECT jit.request('read');
SELECT jit.request('read', reason => E' \t\n ');
SELECT jit.request('columns');
SELECT jit.request('columns', ticket => 'OPS-1; DROP TABLE pay.other');
SELECT jit.request('columns', ticket => E'OPS-1\n');
SELECT jit.request('read', '61 min', 'x');
SELECT jit.request('auto', '11 min', 'x');
\set VERBOSITY terse
SELECT jit.request('columns', ticket => 'OPS-17');
SELECT jit.request('read', '1 hour', 'month end');

-- Two at the same time are fine, the same one twice is not.
\set VERBOSITY default
SELECT jit.request('read', '1 hour', 'month end again');
\set VERBOSITY terse
SELECT jit.request('read', '1 hour', 'month end', actions => '{SELECT}');

-- Narrower than the policy.
\set VERBOSITY default
SELECT jit.request('read', reason => 'x', actions => '{SELECT, DELETE, ALTER TABLE}');
SELECT jit.request('read', reason => 'x', objects => '{pay.other}');
SELECT jit.request('read', reason => 'x', objects => '{pay.*}');
SELECT jit.request('read', reason => 'x', objects => '{*.*}');
SELECT jit.request('read', reason => 'x', objects => '{pay.accounts(owner)}', actions => '{DELETE}');
\set VERBOSITY terse
SELECT jit.request('read', reason => 'x', objects => '{pay.accounts(owner)}');
SELECT jit.request('read', reason => 'x', objects => '{pay.parts_1}', actions => '{SELECT}');
SELECT jit.request('auto', reason => 'x', objects => '{pay.accounts, pay.parts_1}');
SELECT request_id, policy, state, actions, objects, duration FROM jit.my_requests ORDER BY request_id;

-- A start to come.
\set VERBOSITY default
SELECT jit.request('auto', reason => 'x', starts_at => 'infinity');
\set VERBOSITY terse
SELECT jit.request('auto', reason => 'x', starts_at => clock_timestamp() - interval '1 min');
SELECT jit.request('auto', reason => 'x', starts_at => clock_timestamp() + interval '31 days');
SELECT jit.request('auto', '5 min', 'x', starts_at => clock_timestamp() + interval '1 hour') AS later \gset
SELECT state, ends_at - starts_at AS lasts, starts_at > now() + interval '50 min' AS later FROM jit.my_requests WHERE request_id = :later;
CALL jit.await(:later);

-- Approved narrow, used narrow.
SELECT id FROM pay.parts_1;
SELECT owner FROM pay.accounts;
\c - regress_boss
\set VERBOSITY terse
SELECT jit.approve(request_id) FROM jit.pending WHERE 'pay.parts_1' = ANY (objects);
SELECT request_id AS part FROM jit.pending WHERE 'pay.parts_1' = ANY (objects) \gset
SELECT request_id AS col FROM jit.pending WHERE 'pay.accounts(owner)' = ANY (objects) \gset
SELECT jit.approve(:part);
SELECT jit.approve(:col);
\c - regress_asker
\set VERBOSITY terse
SELECT id FROM pay.parts_1;
SELECT id FROM pay.parts;
UPDATE pay.parts_1 SET id = 2;
SELECT owner FROM pay.accounts;
SELECT iban FROM pay.accounts;

-- Taking back: cancel before the decision, release after it, each only once and only one's own.
\set VERBOSITY terse
SELECT jit.cancel(:part);
SELECT jit.release(:part);
SELECT jit.release(:part);
SELECT id FROM pay.parts_1;
SELECT min(request_id) AS mine FROM jit.my_requests WHERE state = 'pending' \gset
SELECT jit.release(:mine);
\c - regress_other
\set VERBOSITY terse
SELECT jit.cancel(:mine);
SELECT jit.release(:col);
CALL jit.await(:mine);
\c - regress_asker
\set VERBOSITY terse
SELECT jit.cancel(:mine);
SELECT jit.cancel(:mine);
CALL jit.await(:mine);
SELECT state, end_reason FROM jit.my_requests WHERE request_id IN (:mine, :part) ORDER BY request_id;

-- In one transaction with its use: an approval counts once it is committed.
SELECT jit.release(request_id) FROM jit.my_requests WHERE state IN ('active', 'scheduled');
\c - postgres
SELECT jit.alter_policy('auto', mode => 'enforce');
\c - regress_asker
\set VERBOSITY terse
BEGIN;
SELECT jit.request('auto', reason => 'one transaction', objects => '{pay.other}') AS tx \gset
SELECT count(*) FROM pay.other;
ROLLBACK;
BEGIN;
SELECT jit.request('auto', reason => 'one transaction', objects => '{pay.other}') AS tx \gset
COMMIT;
\c - postgres
SELECT jit.drop_policy('columns');
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM pay.other;

-- Waiting does not work in a transaction block, and writers not in a read-only one.
BEGIN;
CALL jit.await(:tx);
ROLLBACK;
\set VERBOSITY default
BEGIN READ ONLY;
SELECT jit.request('auto', reason => 'x');
ROLLBACK;
BEGIN READ ONLY;
SELECT jit.release(:tx);
ROLLBACK;
\set VERBOSITY terse
CALL jit.await(:tx);

-- A policy that goes takes everything open along.
\c - postgres
SELECT jit.drop_policy('auto');
\c - regress_asker
\set VERBOSITY terse
SELECT state, end_reason FROM jit.my_requests WHERE request_id = :tx;
CALL jit.await(:tx);

\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_other, regress_boss, regress_super;
