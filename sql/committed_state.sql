-- committed_state: nothing that is not committed opens or closes anything, one's own included
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{READ, WRITE}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
-- vector 124
-- Request, approval and use in one transaction.
\c - regress_alice
BEGIN;
SELECT jit.request('accounts') AS r \gset
\set VERBOSITY default
SELECT count(*) FROM app.accounts;
\set VERBOSITY terse
ROLLBACK;
SELECT count(*) FROM app.accounts;
BEGIN;
SELECT jit.request('accounts') AS r \gset
COMMIT;
SELECT count(*) FROM app.accounts;
-- Savepoints change nothing about that.
BEGIN;
SAVEPOINT s;
SELECT jit.release(:r);
SELECT count(*) FROM app.accounts;
ROLLBACK TO s;
SELECT count(*) FROM app.accounts;
SAVEPOINT t;
SELECT jit.release(:r);
RELEASE t;
SELECT count(*) FROM app.accounts;
COMMIT;
SELECT count(*) FROM app.accounts;
BEGIN;
SAVEPOINT s;
SELECT jit.request('accounts') AS r \gset
RELEASE s;
SAVEPOINT t;
SELECT count(*) FROM app.accounts;
ROLLBACK TO t;
UPDATE app.accounts SET balance = 0;
ROLLBACK;
-- In a block, in a function, by one statement.
DO $$ BEGIN PERFORM jit.request('accounts'); PERFORM count(*) FROM app.accounts; END $$;
WITH asked AS (SELECT jit.request('accounts') AS id) SELECT id > 0, (SELECT count(*) FROM app.accounts) FROM asked;
SELECT jit.request('accounts') > 0 AS asked \; SELECT count(*) FROM app.accounts;
SELECT count(*) AS requests FROM jit.my_requests WHERE state = 'approved';
-- An old snapshot neither keeps nor hides an approval.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM app.notes;
SELECT count(*) FROM app.accounts;
COMMIT;
SELECT jit.request('accounts') AS r \gset
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT count(*) FROM app.accounts;
COMMIT;
SELECT jit.release(:r);
SET default_transaction_read_only = on;
SELECT count(*) FROM app.accounts;
RESET default_transaction_read_only;
-- A policy that is not committed: neither guards nor, when dropped or weakened, opens.
\c - postgres
BEGIN;
SELECT jit.create_policy('notes', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SELECT count(*) FROM app.notes;
ROLLBACK;
SELECT count(*) FROM app.notes;
BEGIN;
SELECT jit.drop_policy('accounts');
SELECT count(*) FROM app.accounts;
ROLLBACK;
BEGIN;
SELECT jit.alter_policy('accounts', mode => 'off');
SELECT count(*) FROM app.accounts;
ROLLBACK;
BEGIN;
SELECT jit.alter_policy('accounts', exempt => '{postgres}');
SAVEPOINT s;
SELECT count(*) FROM app.accounts;
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM app.accounts;
BEGIN;
SELECT jit.alter_policy('accounts', exempt => '{}');
SELECT count(*) FROM app.accounts;
COMMIT;
SELECT count(*) FROM app.accounts;
-- The extension dropped and rolled back would open everything in between.
BEGIN;
DROP EXTENSION jit_guard;
ROLLBACK;
DO $$ BEGIN DROP EXTENSION jit_guard; END $$;
DROP EXTENSION jit_guard \; SELECT 1;
BEGIN;
DROP SCHEMA jit CASCADE;
ROLLBACK;
SELECT count(*) FROM app.accounts;
-- vector 116
-- Prepared transactions.
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
BEGIN;
UPDATE app.accounts SET balance = 0 WHERE id = 1;
PREPARE TRANSACTION 'regress_written';
BEGIN;
SELECT count(*) FROM app.accounts;
PREPARE TRANSACTION 'regress_read';
ROLLBACK PREPARED 'regress_read';
BEGIN;
SELECT jit.release(:r);
PREPARE TRANSACTION 'regress_released';
SELECT balance FROM app.accounts WHERE id = 1;
-- A change of policies too, which the control database publishes at commit.
\c - postgres
BEGIN;
SELECT FROM jit.create_policy('notes', '{READ}', '{app.notes}', eligible => '{regress_alice}', approvals => 0);
PREPARE TRANSACTION 'regress_created';
SELECT count(*) FROM jit.policies WHERE name = 'notes';
\set ECHO none
\i :end
