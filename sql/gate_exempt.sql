-- gate_exempt: exemption goes by membership of the authenticated person, without the superuser's short-cut
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_batch;
CREATE ROLE regress_nested ROLE regress_carol;
GRANT regress_batch TO regress_nested;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_batch}');
-- A member of a member is; a superuser is not; SET ROLE to the exempt role does not make one.
\c - regress_carol
SELECT count(*) FROM app.accounts;
SET ROLE regress_batch;
SELECT count(*) FROM app.accounts; -- natively, the role in force holds nothing here
\c - regress_dba
SELECT count(*) FROM app.accounts;
SET ROLE regress_batch;
SELECT count(*) FROM app.accounts;
RESET ROLE;
SET SESSION AUTHORIZATION regress_carol;
SELECT count(*) FROM app.accounts;
RESET SESSION AUTHORIZATION;
-- Membership taken and given takes effect in sessions that are open.
REVOKE regress_nested FROM regress_carol;
\c - regress_carol
SELECT count(*) FROM app.accounts;
\c - regress_dba
GRANT regress_nested TO regress_carol;
\c - regress_carol
SELECT count(*) FROM app.accounts;
-- The exempt may copy, lock and alter, as far as their privileges go.
COPY (SELECT id FROM app.accounts ORDER BY id) TO STDOUT;
CREATE TABLE mine.copy AS SELECT * FROM app.accounts;
BEGIN;
LOCK app.accounts IN ACCESS EXCLUSIVE MODE;
COMMIT;
ALTER TABLE app.accounts ADD x int;
\c - postgres
DROP OWNED BY regress_batch, regress_nested;
SELECT jit.drop_policy('accounts');
DROP ROLE regress_batch, regress_nested;
\set ECHO none
\i :end
