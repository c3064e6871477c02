-- certify: policies are certified again from time to time; who may, when it is late, and where that shows
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_second LOGIN;
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
CREATE ROLE regress_admin LOGIN IN ROLE jit_admin;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
SELECT jit.create_policy('a', '{READ}', '{pay.a}', eligible => '{regress_asker}', approvers => '{regress_boss}',
    stages => '[{"approvers": ["regress_second"]}]');
SELECT jit.create_policy('b''s', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_second}');

-- Who may start a campaign, and how.
\c - regress_boss
\set VERBOSITY terse
SELECT jit.start_certification('30 days');
SELECT jit.certify('a');
\c - regress_auditor
\set VERBOSITY terse
SELECT jit.start_certification('30 days');
\c - regress_admin
\set VERBOSITY terse
SELECT jit.start_certification('-1 day');
SELECT jit.start_certification('2 years');
SELECT jit.start_certification(NULL);
SELECT jit.start_certification('1 day', '{nobody}');
SELECT jit.start_certification('1 day', '{}');
SELECT n, jit.start_certification('1 day') FROM generate_series(1, 2) n;
SELECT jit.start_certification();
SELECT jit.start_certification('1 second', '{a}');
SELECT campaign, policy, started_by, due_at - started_at AS due_in, certified_by, late, asked_last, to_certify FROM jit.certifications ORDER BY 1, 2;

-- Who may certify: those who decide, in any stage, and admins; each sees theirs.
\c - regress_asker
\set VERBOSITY default
SELECT count(*) FROM jit.certifications;
SELECT jit.certify('a');
\c - regress_boss
\set VERBOSITY default
SELECT campaign, policy, to_certify FROM jit.certifications ORDER BY 1, 2;
SELECT jit.certify('b''s', 'not mine');
SELECT jit.certify('c');
BEGIN READ ONLY;
SELECT jit.certify('a');
ROLLBACK;
DO $$ BEGIN PERFORM jit.certify('a', 'from inside'); END $$;
SELECT pg_sleep(1.1);
SELECT campaign, late FROM jit.certifications ORDER BY 1, 2;
\c - postgres
SELECT * FROM jit.status WHERE fact = 'certifications late';
\c - regress_boss
\set VERBOSITY default
SELECT jit.certify('a', 'still needed for refunds');
SELECT jit.certify('a');
SELECT campaign, policy, certified_by, comment, late, to_certify FROM jit.certifications ORDER BY 1, 2;
\c - regress_second
SELECT campaign, policy, to_certify FROM jit.certifications ORDER BY 1, 2;
\c - regress_admin
\set VERBOSITY terse
SELECT jit.certify('b''s', 'an admin may');
SELECT event, policy, story FROM jit.history WHERE event ~ 'certif' ORDER BY event_id;
\c - postgres
SELECT * FROM jit.status WHERE fact = 'certifications late';
-- Nobody writes it by hand, and a policy that is gone is late for nobody.
UPDATE jit.certificates SET due_at = 'infinity';
DELETE FROM jit.certificates;
TRUNCATE jit.certificates;
SET client_min_messages = warning;
SELECT jit.start_certification('1 second', '{a}');
SELECT pg_sleep(1.1);
SELECT policy, late FROM jit.certifications WHERE campaign = 3;
SELECT jit.drop_policy('a');
SELECT policy, late FROM jit.certifications WHERE campaign = 3;
SELECT * FROM jit.status WHERE fact = 'certifications late';
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_boss, regress_second, regress_auditor, regress_admin;
