-- gate_export: copying guarded rows to where nobody guards them is an action of its own
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    exempt => '{regress_carol}');
\c - postgres
CREATE TABLE mine.ways (n serial, statement text);
INSERT INTO mine.ways (statement) VALUES
    ('CREATE TABLE mine.copy AS SELECT * FROM app.accounts'),
    ('CREATE TABLE mine.structure AS TABLE app.accounts WITH NO DATA'),
    ('CREATE TEMPORARY TABLE copy AS SELECT * FROM app.accounts'),
    ('SELECT * INTO mine.copy FROM app.accounts'),
    ('CREATE MATERIALIZED VIEW mine.copy AS SELECT * FROM app.accounts'),
    ('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE TABLE mine.copy AS SELECT * FROM app.accounts'),
    ('INSERT INTO mine.loot SELECT iban FROM app.accounts'),
    ('INSERT INTO mine.loot VALUES ((SELECT max(iban) FROM app.accounts))'),
    ('UPDATE mine.loot SET v = iban FROM app.accounts'),
    ('UPDATE mine.loot SET v = (SELECT max(iban) FROM app.accounts)'),
    ('DELETE FROM mine.loot USING app.accounts WHERE v = iban'),
    ('MERGE INTO mine.loot USING app.accounts ON v = iban WHEN NOT MATCHED THEN INSERT VALUES (iban)'),
    ('WITH x AS (INSERT INTO mine.loot SELECT iban FROM app.accounts RETURNING 1) SELECT count(*) FROM x'),
    ('WITH x AS (SELECT iban FROM app.accounts) INSERT INTO mine.loot SELECT * FROM x'),
    ('INSERT INTO mine.through SELECT iban FROM app.accounts'),
    ($s$DO 'BEGIN INSERT INTO mine.loot SELECT iban FROM app.accounts; END'$s$),
    ('INSERT INTO app.accounts SELECT id + 100, owner, iban, balance FROM app.accounts'),
    ('UPDATE app.accounts SET iban = (SELECT max(iban) FROM app.accounts) WHERE id = 1'),
    ('INSERT INTO app.accounts SELECT 200, v, v, 0 FROM mine.loot LIMIT 1');
CREATE TABLE mine.loot (v text);
INSERT INTO mine.loot VALUES ('x');
CREATE VIEW mine.through AS SELECT * FROM mine.loot;
GRANT ALL ON mine.ways, mine.loot, mine.through TO PUBLIC;
-- Reading and writing, without EXPORT: only copies that stay below the guard.
\c - regress_alice
SELECT jit.request('accounts', actions => '{READ, WRITE}') AS r \gset
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT statement FROM mine.ways ORDER BY n \gexec
ROLLBACK;
-- With it.
SELECT jit.request('accounts', actions => '{EXPORT}') AS r \gset
BEGIN;
SELECT statement FROM mine.ways WHERE statement !~ '^(CREATE|EXPLAIN|SELECT)' ORDER BY n \gexec
ROLLBACK;
SELECT 'BEGIN', statement, 'ROLLBACK' FROM mine.ways WHERE statement ~ '^(CREATE|EXPLAIN|SELECT)' ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
-- A materialized view's owner, and who refreshes it.
\c - regress_owner
CREATE MATERIALIZED VIEW app.stored AS SELECT iban FROM app.accounts WITH NO DATA;
REFRESH MATERIALIZED VIEW app.stored;
\c - regress_mallory
CREATE MATERIALIZED VIEW mine.stored AS SELECT iban FROM app.accounts WITH NO DATA;
\c - postgres
GRANT regress_mallory, regress_owner TO regress_carol, regress_alice;
\c - regress_carol
REFRESH MATERIALIZED VIEW app.stored;
REFRESH MATERIALIZED VIEW mine.stored;
\c - regress_alice
REFRESH MATERIALIZED VIEW app.stored;
REFRESH MATERIALIZED VIEW mine.stored;
\set ECHO none
\i :end
