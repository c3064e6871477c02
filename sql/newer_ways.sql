-- newer_ways: what PostgreSQL 16 and 18 changed about commands and columns; each beside what it allows
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT current_setting('server_version_num')::int >= 160000 AS has_16, current_setting('server_version_num')::int >= 180000 AS has_18 \gset
\if :has_16
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
-- What vacuumdb does last touches no table.
\c - regress_bob
VACUUM (ONLY_DATABASE_STATS);
VACUUM (ONLY_DATABASE_STATS FALSE) app.accounts;
\c - postgres
SELECT jit.drop_policy('accounts');
-- A child that generates a column in its own way (vector 303).
\c - regress_owner
CREATE TABLE app.family (id int, iban text, owner text, shown text GENERATED ALWAYS AS (owner) STORED, plain text GENERATED ALWAYS AS (owner) STORED);
CREATE TABLE app.child (extra text, shown text GENERATED ALWAYS AS (iban) STORED) INHERITS (app.family);
INSERT INTO app.child (id, iban, owner) VALUES (1, 'DE01', 'ann');
GRANT SELECT ON app.family, app.child TO regress_bob, regress_alice;
\c - postgres
SELECT jit.create_policy('family', '{SELECT}', '{app.family(iban)}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_bob
SELECT shown FROM app.child;
SELECT shown FROM app.family;
SELECT shown FROM ONLY app.family;
SELECT plain, owner FROM app.family;
\c - regress_alice
SELECT jit.request('family') AS r \gset
SELECT shown FROM app.family;
SELECT jit.release(:r);
\c - postgres
SELECT jit.drop_policy('family');
\endif
\if :has_18
-- A column that is computed when it is read is part of the statement that reads it (vector 302).
\c - regress_owner
ALTER TABLE app.accounts ADD shown text GENERATED ALWAYS AS (upper(owner));
REVOKE ALL ON app.accounts FROM regress_alice;
CREATE VIEW app.shows AS SELECT id, shown FROM app.accounts;
GRANT SELECT ON app.shows TO regress_alice;
\c - postgres
CREATE ROLE regress_lender;
GRANT ALL ON app.accounts, app.shows TO regress_lender;
SELECT jit.create_policy('bound', '{SELECT}', '{app.accounts, app.shows}', lends => 'regress_lender', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    exempt => '{regress_owner}');
\c - regress_alice
SELECT jit.request('bound', statement => 'SELECT shown FROM app.accounts WHERE id = 1') AS r \gset
SELECT jit.request('bound', statement => 'SELECT shown FROM app.shows WHERE id = 1') AS v \gset
SELECT shown FROM app.accounts WHERE id = 1;
SELECT shown FROM app.shows WHERE id = 1;
\c - regress_owner
ALTER TABLE app.accounts ALTER shown SET EXPRESSION AS (iban);
\c - regress_alice
SELECT shown FROM app.accounts WHERE id = 1;
SELECT shown FROM app.shows WHERE id = 1;
SELECT jit.release(:r);
SELECT jit.release(:v);
\c - postgres
SELECT jit.drop_policy('bound');
DROP OWNED BY regress_lender;
DROP ROLE regress_lender;
-- COPY of a materialized view is lent like that of a table, and its rows count.
CREATE ROLE regress_lender;
CREATE MATERIALIZED VIEW app.kept AS SELECT id, owner FROM app.accounts ORDER BY id;
GRANT SELECT ON app.kept TO regress_lender;
SELECT jit.create_policy('kept', '{SELECT}', '{app.kept}', lends => 'regress_lender', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
COPY app.kept TO STDOUT;
SELECT jit.request('kept') AS r \gset
COPY app.kept TO STDOUT;
COPY app.kept (owner) TO STDOUT (FORMAT csv, HEADER);
SELECT jit.release(:r);
\c - postgres
GRANT SELECT ON app.kept TO regress_alice;
SELECT jit.alter_policy('kept', max_rows => 2);
\c - regress_alice
SELECT jit.request('kept') AS r \gset
COPY app.kept TO STDOUT;
\c - postgres
SELECT jit.drop_policy('kept');
DROP OWNED BY regress_lender;
DROP ROLE regress_lender;
\endif
\set ECHO none
\i :end
