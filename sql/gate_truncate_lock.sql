-- gate_truncate_lock: TRUNCATE with its cascades, LOCK by its mode
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - regress_owner
CREATE TABLE app.parent (id int PRIMARY KEY);
CREATE TABLE app.child (id int REFERENCES app.parent);
CREATE TABLE app.part (id int) PARTITION BY LIST (id);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES IN (1);
INSERT INTO app.part VALUES (1);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob;
\c - postgres
SELECT jit.create_policy('t', '{TRUNCATE, SELECT, UPDATE}', '{app.accounts, app.child, app.part_1}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_bob
TRUNCATE app.accounts;
TRUNCATE app.notes, app.accounts;
TRUNCATE app.parent CASCADE;
TRUNCATE app.part;
TRUNCATE ONLY app.notes;
DO 'BEGIN TRUNCATE app.accounts; END';
BEGIN;
LOCK app.accounts IN ACCESS SHARE MODE;
ROLLBACK;
BEGIN;
LOCK app.accounts IN ROW EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK app.notes, app.accounts;
ROLLBACK;
BEGIN;
LOCK app.notes;
ROLLBACK;
\c - regress_alice
SELECT jit.request('t', actions => '{SELECT}') AS r \gset
BEGIN;
LOCK app.accounts IN ACCESS SHARE MODE;
LOCK app.accounts IN ROW SHARE MODE;
ROLLBACK;
TRUNCATE app.accounts;
SELECT jit.request('t', actions => '{TRUNCATE, UPDATE}') AS r \gset
BEGIN;
LOCK app.accounts;
TRUNCATE app.accounts, app.part;
TRUNCATE app.parent CASCADE;
ROLLBACK;
\set ECHO none
\i :end
