-- gate_overlap: the most specific policies decide; among equals an approval under any is enough, an exemption only in all
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\set quiet ', approvals => 0, require_reason => false'
SET client_min_messages = warning;
SELECT jit.create_policy('database', '{SELECT}', '{*.*}', eligible => '{regress_alice}', exempt => '{regress_bob}' :quiet);
SELECT jit.create_policy('schema', '{SELECT}', '{app.*}', eligible => '{regress_alice}', exempt => '{regress_carol}' :quiet);
SELECT jit.create_policy('table', '{SELECT}', '{app.accounts}', eligible => '{regress_alice}', exempt => '{regress_dba}' :quiet);
SELECT jit.create_policy('column', '{SELECT}', '{app.accounts(iban)}', eligible => '{regress_alice}', exempt => '{regress_owner}' :quiet);
CREATE TABLE mine.open (v int);
GRANT SELECT ON mine.open TO PUBLIC;

-- Who is exempt where: database, schema, table, column.
\c - regress_bob
SELECT count(*) FROM mine.open;
SELECT count(*) FROM app.notes;
SELECT count(id) FROM app.accounts;
SELECT count(iban) FROM app.accounts;
\c - regress_carol
SELECT count(*) FROM mine.open;
SELECT count(*) FROM app.notes;
SELECT count(id) FROM app.accounts;
SELECT count(iban) FROM app.accounts;
\c - regress_dba
SELECT count(*) FROM mine.open;
SELECT count(*) FROM app.notes;
SELECT count(id) FROM app.accounts;
SELECT count(iban) FROM app.accounts;
\c - regress_owner
SELECT count(*) FROM mine.open;
SELECT count(*) FROM app.notes;
SELECT count(id) FROM app.accounts;
SELECT count(iban) FROM app.accounts;

-- An approval opens only what its own policy decides.
\c - regress_alice
SELECT jit.request('database') AS d \gset
SELECT count(*) FROM mine.open;
SELECT count(*) FROM app.notes;
SELECT jit.release(:d);
SELECT jit.request('table') AS t \gset
SELECT count(id) FROM app.accounts;
SELECT count(iban) FROM app.accounts;
SELECT jit.request('column') AS c \gset
SELECT count(iban) FROM app.accounts;
SELECT count(*) FROM app.accounts WHERE iban > '' AND id > 0;
SELECT jit.release(:t);
SELECT count(*) FROM app.accounts WHERE iban > '' AND id > 0;
SELECT count(iban) FROM app.accounts;
SELECT jit.release(:c);

-- Two equal policies: either approval does; exempt only who is exempt in both.
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy('column');
SELECT jit.create_policy('twin', '{SELECT}', '{app.accounts}', eligible => '{regress_alice}', exempt => '{regress_dba, regress_carol}' :quiet);
\c - regress_dba
SELECT count(*) FROM app.accounts;
\c - regress_carol
SELECT count(*) FROM app.accounts;
\c - regress_alice
SELECT jit.request('twin') AS t \gset
SELECT count(*) FROM app.accounts;
SELECT jit.release(:t);
SELECT jit.request('table') AS t \gset
SELECT count(*) FROM app.accounts;
SELECT jit.release(:t);

-- The levels are per action: a table policy about reading says nothing about writing.
\c - postgres
SET client_min_messages = warning;
SELECT jit.create_policy('writes', '{UPDATE}', '{app.*}', eligible => '{regress_alice}' :quiet);
\c - regress_alice
SELECT jit.request('table') AS t \gset
SELECT count(*) FROM app.accounts;
UPDATE app.accounts SET balance = 0;
SELECT jit.request('writes') AS w \gset
UPDATE app.accounts SET balance = 0;

-- Monitor and off neither open nor close: the schema's policy decides again.
\c - postgres
SET client_min_messages = warning;
SELECT jit.alter_policy('table', mode => 'monitor');
SELECT jit.alter_policy('twin', mode => 'off');
\c - regress_dba
SELECT count(*) FROM app.accounts;
\c - regress_carol
SELECT count(*) FROM app.accounts;
\set ECHO none
\i :end
