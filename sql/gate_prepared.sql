-- gate_prepared: a prepared statement is decided at every execution, whatever plan it has
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

\c - regress_alice
SET plan_cache_mode = force_generic_plan;
PREPARE reads (int) AS SELECT iban FROM app.accounts WHERE id = $1;
PREPARE writes AS UPDATE app.accounts SET balance = balance + 1 WHERE id = 1 RETURNING balance;
EXECUTE reads (1);
SELECT jit.request('accounts') AS r \gset
EXECUTE reads (1);
EXECUTE reads (2);
EXECUTE writes;
EXPLAIN (COSTS OFF) EXECUTE reads (1);
SELECT jit.release(:r);
EXECUTE reads (1);
EXECUTE writes;
EXPLAIN EXECUTE reads (1);
CREATE TABLE mine.copy AS EXECUTE reads (1);
-- Approved again, with fewer actions.
SELECT jit.request('accounts', actions => '{SELECT}') AS r \gset
EXECUTE reads (3);
EXECUTE writes;
CREATE TABLE mine.copy AS EXECUTE reads (1);
EXPLAIN ANALYZE CREATE TABLE mine.copy AS EXECUTE reads (1);
SELECT jit.release(:r);
-- A policy that comes later reaches plans that are there, in the transaction after it.
\c - regress_dba
PREPARE notes AS SELECT count(*) FROM app.notes;
EXECUTE notes;
BEGIN;
SELECT jit.create_policy('notes', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
EXECUTE notes;
COMMIT;
EXECUTE notes;
SELECT jit.alter_policy('notes', exempt => '{regress_dba}');
EXECUTE notes;
-- Parameters, types and the catalogs may change below a plan.
DEALLOCATE notes;
PREPARE notes AS SELECT * FROM app.notes;
EXECUTE notes;
ALTER TABLE app.notes ADD more int;
EXECUTE notes;
SELECT jit.alter_policy('notes', exempt => '{}');
EXECUTE notes;
\set ECHO none
\i :end
