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

\c regression postgres
DROP DATABASE regress_jit_first;
DROP DATABASE regress_jit_second;
DROP ROLE regress_asker, regress_boss;
SET client_min_messages = warning;
CREATE EXTENSION jit_guard;
