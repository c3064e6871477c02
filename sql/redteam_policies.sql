-- redteam_policies: ways around one policy by way of another one, before the seal and after it, each closed
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE SCHEMA scratch AUTHORIZATION regress_owner;
GRANT ALL ON SCHEMA scratch TO PUBLIC;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    require_reason => false);
SELECT jit.create_policy('scratch', '{READ, WRITE}', '{scratch.*}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
-- A view that somebody writes into a schema under an easier policy opens nothing, though his approval names it.
\c - regress_alice
CREATE VIEW scratch.mine AS SELECT iban FROM app.accounts;
CREATE TABLE scratch.notes (note text);
SELECT jit.request('scratch', objects => '{scratch.mine}') AS r \gset
SELECT * FROM scratch.mine;
SELECT jit.request('scratch') AS r \gset
SELECT * FROM scratch.mine;
SELECT * FROM scratch.notes;
-- The twin: a policy that names the view.
\c - postgres
SELECT jit.create_policy('mine', '{SELECT}', '{scratch.mine}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, weaker => true);
\c - regress_alice
SELECT * FROM scratch.mine;
SELECT jit.request('mine') AS r \gset
SELECT * FROM scratch.mine WHERE iban = 'DE01';

-- An UPDATE that reads nothing shows rows in the errors of constraints. Where reading is guarded, each attempt is a use.
\c - postgres
CREATE TABLE app.limited (id int PRIMARY KEY, secret text, n int CHECK (n > 0));
INSERT INTO app.limited VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
CREATE SEQUENCE mine.steps;
GRANT ALL ON app.limited, mine.steps TO regress_alice;
SELECT jit.create_policy('limited', '{READ, WRITE}', '{app.limited}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_alice
SELECT jit.request('limited', uses => 2) AS r \gset
\set VERBOSITY default
UPDATE app.limited SET n = 1 - nextval('mine.steps');
UPDATE app.limited SET n = 3 - nextval('mine.steps');
\set VERBOSITY terse
UPDATE app.limited SET n = 6 - nextval('mine.steps');
\c - postgres
-- The twin: where only writing is guarded they hold no secret, and are given back.
SELECT jit.alter_policy('limited', actions => '{WRITE}');
\c - regress_alice
SELECT jit.request('limited', uses => 1) AS r \gset
UPDATE app.limited SET n = 0;
UPDATE app.limited SET n = 7;
UPDATE app.limited SET n = 8;

-- Sealed: one jit_admin alone lets nobody past a policy by making another one.
\c - postgres
DROP SCHEMA scratch CASCADE;
CREATE ROLE regress_admin1 LOGIN IN ROLE jit_admin;
CREATE ROLE regress_admin2 LOGIN SUPERUSER IN ROLE jit_admin;
CREATE ROLE regress_deputy LOGIN;
CREATE ROLE regress_payroll;
CREATE ROLE regress_calm;
CREATE ROLE regress_wild ROLE regress_mallory;
CREATE SCHEMA other;
CREATE TABLE app.parent (id int) PARTITION BY RANGE (id);
CREATE TABLE app.child PARTITION OF app.parent FOR VALUES FROM (0) TO (9);
CREATE TABLE app.left_side (id int);
CREATE TABLE app.right_side (n int);
CREATE TABLE other.both () INHERITS (app.left_side, app.right_side);
CREATE TABLE app.free (id int);
CREATE TABLE app.numbered (id serial);
CREATE VIEW app.seen AS SELECT * FROM app.free;
SELECT jit.create_policy('child', '{READ}', '{app.child, app.right_side, app.numbered}', eligible => '{regress_alice}', approvers => '{regress_boss}');
SELECT jit.create_policy('other', '{READ}', '{other.*}', eligible => '{regress_alice}', approvers => '{regress_boss}');
SELECT jit.create_policy('server', '{PRIVILEGE}', '{server}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    exempt => '{regress_admin2}');
\c - regress_admin1
SELECT jit.seal();
-- The parent of what is guarded, what shares a child with it, a role where the server is guarded, and a view.
SELECT jit.create_policy('by_parent', '{READ}', '{app.parent}', eligible => '{regress_alice}', approvals => 0);
SELECT jit.create_policy('by_sibling', '{READ}', '{app.left_side}', eligible => '{regress_alice}', approvals => 0);
SELECT jit.create_policy('by_role', '{GRANT}', '{role regress_payroll}', eligible => '{regress_admin1}', approvals => 0);
SELECT jit.create_policy('by_view', '{SELECT}', '{app.seen}', eligible => '{regress_alice}', approvals => 0);
SELECT jit.create_policy('by_sequence', '{ALL}', '{app.numbered_id_seq}', eligible => '{regress_alice}', approvals => 0);
-- The same in steps: a policy on something free grows.
SELECT jit.create_policy('grows', '{READ}', '{app.free}', eligible => '{regress_alice}', approvals => 0);
SELECT jit.alter_policy('grows', objects => '{app.free, app.parent}');
SELECT jit.alter_policy('grows', objects => '{app.free, app.seen}');
SELECT name FROM jit.policies WHERE name LIKE 'by%' OR name = 'grows' ORDER BY name;
SELECT objects FROM jit.policies WHERE name = 'grows';
-- Approved is what the names meant when it was asked: not a table, nor a role, that took the name since.
\c - postgres
CREATE TABLE app.next (id int);
CREATE TABLE app.last (id int);
\c - regress_admin1
SELECT jit.alter_policy('grows', approvers => '{regress_calm, regress_boss}', eligible => '{regress_carol, regress_alice, regress_bob}');
SELECT jit.create_policy('next', '{READ}', '{app.seen, app.next}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    stages => '[{"approvers": ["regress_carol"]}]', rules => '[{"verdict": "deny", "people": ["regress_bob"]}]');
SELECT max(request_id) AS n, max(request_id) - 1 AS g FROM jit.my_requests \gset
\c - regress_admin2
ALTER TABLE app.next RENAME TO gone;
ALTER TABLE app.last RENAME TO next;
ALTER ROLE regress_calm RENAME TO regress_calmer;
ALTER ROLE regress_wild RENAME TO regress_calm;
\set VERBOSITY default
SELECT jit.approve(:g);
SELECT jit.approve(:n);
\set VERBOSITY terse
-- The twin: the names are what they were again.
ALTER TABLE app.next RENAME TO last;
ALTER TABLE app.gone RENAME TO next;
ALTER ROLE regress_calm RENAME TO regress_wild;
ALTER ROLE regress_calmer RENAME TO regress_calm;
SELECT jit.approve(:g);
SELECT jit.approve(:n);
SELECT name, eligible, approvers, objects FROM jit.policies WHERE name IN ('grows', 'next') ORDER BY name;

-- Whoever decides in an approver's place: the password of such a person is nobody's to set.
\c - regress_admin2
ALTER ROLE regress_deputy PASSWORD 'x';
\c - regress_boss
SELECT jit.delegate('regress_deputy', '1 day') AS d \gset
\c - regress_admin2
ALTER ROLE regress_deputy PASSWORD 'y';
\c - regress_boss
SELECT jit.undelegate(:d);
\c - regress_admin2
ALTER ROLE regress_deputy PASSWORD 'y';
SELECT jit.request('jit_guard', '5 min', reason => 'end of the test') AS r \gset
\c - regress_admin1
SELECT jit.approve(:r);
\c - regress_admin2
\set ECHO none
SET client_min_messages = warning;
DROP EXTENSION jit_guard CASCADE;
\c - postgres
SET client_min_messages = error;
DROP SCHEMA other CASCADE;
DROP ROLE regress_admin1, regress_admin2, regress_deputy, regress_payroll, regress_calm, regress_wild;
CREATE EXTENSION jit_guard;
\i :end
