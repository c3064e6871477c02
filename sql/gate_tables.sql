-- gate_tables: every statement that reads or changes rows of a guarded table, without an approval, with one, exempt
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\set dml :here '/sql/common/gate_dml.psql'
\i :start
\set ECHO none
\i :dml
\set ECHO all
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');

-- vector 1
-- Privileges alone are not enough: every statement is refused.
\c - regress_bob
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT statement FROM mine.statements ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
ROLLBACK;
-- Also to superusers and to the owner.
\c - regress_dba
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.notes;
\c - regress_owner
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.notes;

-- Nothing has changed.
\c - regress_carol
SELECT * FROM app.accounts ORDER BY id;

-- With an approval every statement runs.
\c - regress_alice
SELECT count(*) FROM app.accounts;
SELECT jit.request('accounts') AS r \gset
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT statement FROM mine.statements ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
ROLLBACK;
SELECT jit.release(:r);
SELECT count(*) FROM app.accounts;

-- Exempt: the same, without asking.
\c - regress_carol
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT statement FROM mine.statements ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
ROLLBACK;
\set ECHO none
\i :end
