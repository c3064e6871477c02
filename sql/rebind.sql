-- rebind: a copy of the database is closed until its policies have found their objects again; no approval lives on
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE DATABASE regress_jit_first;
\c regress_jit_first
CREATE EXTENSION jit_guard;
\set VERBOSITY terse
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int, secret text);
CREATE TABLE pay.b (id int);
CREATE TABLE pay.free (id int);
GRANT USAGE ON SCHEMA pay TO regress_asker;
GRANT ALL ON ALL TABLES IN SCHEMA pay TO regress_asker;
SELECT jit.create_policy('a', '{READ}', '{pay.a(secret), pay.b}', eligible => '{regress_asker}', approvals => 0);
SELECT jit.create_policy('b', '{WRITE}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT * FROM jit.rebind();
\c - regress_asker
SELECT jit.request('a', reason => 'x');
SELECT jit.request('b', reason => 'x');
SELECT count(*) FROM pay.b;

-- The copy.
\c regression postgres
CREATE DATABASE regress_jit_second TEMPLATE regress_jit_first;
\c regress_jit_second
SELECT value FROM jit.status WHERE fact = 'bound to this database';
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM pay.b;
SELECT count(*) FROM pay.free;
\set VERBOSITY default
SELECT jit.request('a', reason => 'y');
SELECT jit.rebind();
\c - postgres
\set VERBOSITY terse
SELECT jit.drop_policy('a');
SELECT * FROM jit.rebind();
SELECT value FROM jit.status WHERE fact = 'bound to this database';
SELECT policy, state, end_reason FROM jit.requests ORDER BY request_id;
SELECT count(*) FROM jit.approvals;
SELECT object, attnums, actions FROM jit.guards ORDER BY object, actions;
SELECT event, policy, person, detail - 'would_have_ended_at' AS detail FROM jit.history ORDER BY event_id DESC LIMIT 3;
SELECT * FROM jit.rebind();
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM pay.b;
SELECT count(*) FROM pay.free;
SELECT jit.request('a', reason => 'y');
SELECT count(*) FROM pay.b;

-- The original has not noticed.
\c regress_jit_first
SELECT count(*) FROM pay.b;

-- vector 293: whoever has got a name since is not who broke the glass under it. A copy keeps the people, whatever they are called by now.
\c regress_jit_first postgres
\set VERBOSITY terse
SET client_min_messages = error;
CREATE ROLE regress_second LOGIN;
CREATE ROLE regress_third LOGIN;
CREATE ROLE regress_lead LOGIN;
CREATE TABLE pay.c (id int);
SELECT jit.create_policy('c', '{ALL}', '{pay.c}', eligible => '{regress_asker, regress_second, regress_third}', approvers => '{regress_boss, regress_lead, regress_asker}',
    break_glass => '{regress_asker, regress_second, regress_third}');
\c - regress_asker
SET client_min_messages = error;
SELECT jit.break_glass('c', 'fire');
\c - regress_second
SET client_min_messages = error;
SELECT jit.break_glass('c', 'fire');
\c - postgres
SET client_min_messages = error;
ALTER ROLE regress_asker RENAME TO regress_renamed;
CREATE ROLE regress_asker LOGIN;
SELECT jit.alter_policy('c', eligible => '{regress_asker, regress_second, regress_third, regress_renamed}', break_glass => '{regress_asker, regress_second, regress_third, regress_renamed}');
\c regression postgres
DROP DATABASE regress_jit_second;
CREATE DATABASE regress_jit_second TEMPLATE regress_jit_first;
\c regress_jit_second
SET client_min_messages = error;
SELECT policy, object, result FROM jit.rebind();
SELECT policy, person::regrole, person_name, review FROM jit.requests WHERE break_glass ORDER BY request_id;
\c - regress_renamed
\set VERBOSITY terse
SET client_min_messages = error;
SELECT request_id AS r FROM jit.my_requests WHERE break_glass \gset
SELECT jit.break_glass('c', 'fire again');
SELECT jit.review(:r, 'justified');
\c - regress_asker
SET client_min_messages = error;
SELECT count(*) FROM jit.my_requests;
SELECT jit.break_glass('c', 'fire') AS broken;
\c - regress_lead
SELECT jit.review(:r, 'justified');

\c regression postgres
DROP DATABASE regress_jit_first;
DROP DATABASE regress_jit_second;
DROP ROLE regress_asker, regress_boss, regress_renamed, regress_second, regress_third, regress_lead;
SET client_min_messages = warning;
CREATE EXTENSION jit_guard;
