-- modes: enforce refuses, monitor lets pass, off is as if there were no policy
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_bob
SELECT count(*) FROM app.accounts;
\c - postgres
SELECT jit.alter_policy('accounts', mode => 'monitor');
-- What would have been refused goes to the server's log only.
\c - regress_bob
SELECT count(*) FROM app.accounts;
UPDATE app.accounts SET balance = 1 WHERE id = 1;
BEGIN;
LOCK app.accounts;
TRUNCATE app.accounts;
ROLLBACK;
CREATE TABLE mine.copy AS SELECT * FROM app.accounts;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM app.accounts ORDER BY id;
FETCH c;
CLOSE c;
SELECT DISTINCT allowed FROM jit.check('SELECT * FROM app.accounts');
\c - regress_alice
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM app.accounts;
-- Enforced again, in a session that is open; then off.
\c - regress_dba
SELECT count(*) FROM app.accounts;
SELECT jit.alter_policy('accounts', mode => 'enforce');
SELECT count(*) FROM app.accounts;
SELECT jit.alter_policy('accounts', mode => 'off');
SELECT count(*) FROM app.accounts;
SELECT * FROM jit.check('SELECT * FROM app.accounts');
-- Beside an enforcing policy a monitoring one changes nothing, either way.
SELECT jit.alter_policy('accounts', mode => 'monitor');
SELECT jit.create_policy('enforced', '{SELECT}', '{app.*}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SELECT count(*) FROM app.accounts;
DELETE FROM app.accounts;
SELECT jit.alter_policy('enforced', exempt => '{regress_dba}');
SELECT count(*) FROM app.accounts;
\set ECHO none
\i :end
