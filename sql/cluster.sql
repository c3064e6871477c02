-- cluster: in the control database policies guard roles, databases and the server; the other databases are in TAP test 040
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE ROLE regress_payroll;
CREATE ROLE regress_other;
CREATE ROLE regress_staff LOGIN SUPERUSER;
CREATE ROLE regress_lead LOGIN;
CREATE ROLE regress_officer LOGIN SUPERUSER;
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
-- What is refused, and why.
SELECT jit.create_policy('payroll', '{ALL}', '{role nobody_has_it}', eligible => '{regress_staff}', approvers => '{regress_lead}');
SELECT jit.create_policy('payroll', '{SELECT}', '{role regress_payroll}', eligible => '{regress_staff}', approvers => '{regress_lead}');
SELECT jit.create_policy('payroll', '{ALL}', '{role regress_payroll}', eligible => '{regress_staff}', approvers => '{regress_lead}', max_uses => 1);
SELECT jit.create_policy('payroll', '{ALL}', '{role regress_payroll}', eligible => '{regress_staff}', approvers => '{regress_lead}', networks => '{10.0.0.0/8}');
SELECT jit.create_policy('payroll', '{ALL}', '{role regress_payroll}', eligible => '{regress_staff}', approvers => '{regress_lead}', exempt => '{regress_officer}');
SELECT jit.create_policy('files', '{FILE FUNCTION, COPY PROGRAM}', '{server}', eligible => '{regress_staff}', approvers => '{regress_lead}', exempt => '{regress_officer}');
SELECT name, actions, objects FROM jit.policies ORDER BY name;
-- A superuser without an approval.
\c - regress_staff
GRANT regress_payroll TO regress_other;
ALTER ROLE regress_payroll PASSWORD 'x';
GRANT regress_other TO regress_lead;
REVOKE regress_other FROM regress_lead;
SELECT length(pg_read_file('PG_VERSION')) > 0;
SELECT action, object, policy, allowed FROM jit.check('GRANT regress_payroll TO regress_other');
SELECT action, object, policy, allowed FROM jit.check('SELECT pg_read_file(''PG_VERSION'')');
SELECT action, object, policy, allowed FROM jit.check('GRANT regress_other TO regress_lead');
-- With one, and when it is over.
SELECT jit.request('payroll', '5 min', reason => 'new colleague') AS r \gset
\c - regress_lead
SELECT jit.approve(:r) AS ends_at \gset
\c - regress_staff
SELECT action, object, policy, allowed FROM jit.check('GRANT regress_payroll TO regress_other');
GRANT regress_payroll TO regress_other;
REVOKE regress_payroll FROM regress_other;
DO $$ BEGIN ALTER ROLE regress_payroll CONNECTION LIMIT 5; END $$;
SELECT jit.release(:r);
GRANT regress_payroll TO regress_other;
-- A request for less than the policy.
SELECT jit.request('payroll', '5 min', reason => 'less', actions => '{ALTER ROLE}') AS r \gset
\c - regress_lead
SELECT jit.approve(:r) AS ends_at \gset
\c - regress_staff
ALTER ROLE regress_payroll CONNECTION LIMIT -1;
GRANT regress_payroll TO regress_other;
-- Exempt, and a mode that only watches.
\c - regress_officer
GRANT regress_payroll TO regress_other;
SELECT action, object, policy, allowed, why FROM jit.check('REVOKE regress_payroll FROM regress_other');
REVOKE regress_payroll FROM regress_other;
SELECT length(pg_read_file('PG_VERSION')) > 0;
SELECT jit.alter_policy('files', mode => 'monitor');
\c - regress_staff
SELECT length(pg_read_file('PG_VERSION')) > 0;
-- Names follow, and a role that is dropped takes its guard along.
\c - regress_officer
ALTER ROLE regress_payroll RENAME TO regress_wages;
SELECT name, objects FROM jit.policies WHERE name = 'payroll';
DROP ROLE regress_wages;
SELECT name, objects FROM jit.policies WHERE name = 'payroll';
\c - postgres
\set ECHO none
SET client_min_messages = warning;
DROP EXTENSION jit_guard CASCADE;
DROP ROLE regress_other, regress_staff, regress_lead, regress_officer;
