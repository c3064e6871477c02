-- gate_toast_statistics: what is kept beside a table, toasted values and statistics, is guarded as the table is
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - postgres
ALTER TABLE app.notes ALTER note SET STORAGE EXTERNAL;
INSERT INTO app.notes SELECT 2, repeat('secret', 1000);
ANALYZE app.accounts, app.notes;
CREATE STATISTICS app.stats (mcv) ON owner, iban FROM app.accounts;
ANALYZE app.accounts;
GRANT pg_read_all_stats TO regress_bob;
SELECT reltoastrelid::regclass AS toast FROM pg_class WHERE oid = 'app.notes'::regclass \gset
-- Not guarded: readable.
\c - regress_bob
SELECT count(*) > 0 AS reads FROM pg_stats WHERE schemaname = 'app';
\c - regress_dba
SELECT count(*) > 0 AS reads FROM :toast;
\c - postgres
SELECT jit.create_policy('notes', '{READ, WRITE, DDL, MAINTAIN}', '{app.notes, app.accounts}', eligible => '{regress_alice, regress_dba}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');
-- The name of a toast table has a number in it, so only the kind of the error is shown.
\set VERBOSITY sqlstate
\c - regress_dba
SELECT count(*) > 0 AS reads FROM :toast;
\set VERBOSITY terse
SELECT count(*) FROM pg_statistic;
SELECT count(*) FROM pg_statistic_ext_data;
-- vector 268: long values are in the toast tables of the two
SELECT count(*) FROM pg_toast.pg_toast_2619;
SELECT count(*) FROM pg_toast.pg_toast_3429;
COPY pg_toast.pg_toast_2619 TO STDOUT;
\c - regress_bob
SELECT count(*) FROM pg_stats;
SELECT count(*) FROM pg_stats_ext;
SELECT count(*) > 0 AS structure FROM pg_statistic_ext;
ANALYZE app.accounts;
\c - regress_dba
SELECT jit.request('notes') AS r \gset
SELECT count(*) > 0 AS reads FROM :toast;
SELECT count(*) > 0 AS reads FROM pg_statistic;
SELECT count(*) >= 0 AS reads FROM pg_toast.pg_toast_2619;
SELECT count(*) > 0 AS reads FROM pg_stats;
ANALYZE app.accounts;
VACUUM app.notes;
SELECT jit.release(:r);
VACUUM app.notes;
-- Statistics hold values of every table: the approval must reach every policy that guards reading.
\c - postgres
SELECT jit.create_policy('other', '{SELECT}', '{app.accounts(iban)}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');
\c - regress_dba
SELECT jit.request('notes') AS r \gset
SELECT count(*) FROM pg_stats;
\c - regress_carol
SELECT count(*) > 0 AS reads FROM pg_stats;
\set ECHO none
\i :end
