-- others.sql: enforced policies on every kind of object, none of which the suites touch; the suites' role is exempt.
CREATE EXTENSION jit_guard;
CREATE ROLE jit_peace_people;
CREATE ROLE jit_peace_approver LOGIN;
CREATE ROLE jit_peace_lends;
CREATE SCHEMA jit_peace;
CREATE TABLE jit_peace.accounts (id serial PRIMARY KEY, owner text, balance int);
CREATE TABLE jit_peace.notes (id int PRIMARY KEY REFERENCES jit_peace.accounts, note text);
CREATE VIEW jit_peace.owners AS SELECT owner FROM jit_peace.accounts;
CREATE FUNCTION jit_peace.f(int) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';
CREATE TYPE jit_peace.t AS (a int);
CREATE SEQUENCE jit_peace.s;
SELECT lo_create(4711);
GRANT ALL ON ALL TABLES IN SCHEMA jit_peace TO jit_peace_lends;
SELECT jit.create_policy('table', '{ALL}', '{jit_peace.accounts, jit_peace.owners}', lends => 'jit_peace_lends',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}', exempt => '{postgres}');
SELECT jit.create_policy('columns', '{SELECT, UPDATE}', '{jit_peace.notes(note)}',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}', exempt => '{postgres}');
SELECT jit.create_policy('relations', '{ALL}', '{jit_peace.*}',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}', exempt => '{postgres}');
SELECT jit.create_policy('objects', '{ALL}',
    '{schema jit_peace, sequence jit_peace.s, function jit_peace.f(int), type jit_peace.t, large object 4711}',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}', exempt => '{postgres}');
SELECT jit.create_policy('cluster', '{ALL}', '{role jit_peace_lends, database postgres}',
    eligible => '{jit_peace_people}', approvers => '{jit_peace_approver}', exempt => '{postgres}');
