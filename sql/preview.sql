-- preview: who would have to approve, and why, before anybody is asked
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_lead1 LOGIN;
CREATE ROLE regress_lead2 LOGIN;
CREATE ROLE regress_sec LOGIN;
CREATE ROLE regress_deputy LOGIN;
CREATE ROLE regress_chief LOGIN;
CREATE ROLE regress_leads ROLE regress_lead1, regress_lead2, regress_asker;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
GRANT USAGE ON SCHEMA pay TO PUBLIC;
SELECT jit.create_policy('plain', '{READ}', '{pay.a}', eligible => '{regress_asker}', approvers => '{regress_leads}');
SELECT jit.create_policy('staged', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_leads}', approvals => 2,
    stages => '[{"approvers": ["regress_sec"]}]', escalate_to => '{regress_chief}', escalate_after => '1 hour',
    remind_after => '30 min', max_duration => '2 hours');
\c - regress_asker
SET intervalstyle = postgres;
\set VERBOSITY terse
SELECT * FROM jit.preview('plain');
SELECT * FROM jit.preview('plain', '30 min', 'because');
SELECT * FROM jit.preview('staged', '2 hours', 'because');
SELECT * FROM jit.preview('staged', '3 hours', 'because');
SELECT * FROM jit.preview('staged', '1 hour', 'because', objects => '{pay.a}');
SELECT object, allowed, suggestion FROM jit.check('SELECT * FROM pay.a, pay.b');
\c - regress_sec
\set VERBOSITY terse
SELECT jit.delegate('regress_deputy', '1 day') AS d \gset
SELECT * FROM jit.preview('plain', '30 min', 'because');
\c - regress_lead1
\set VERBOSITY terse
SELECT jit.delegate('regress_asker', '1 day') AS d2 \gset
\c - regress_asker
\set VERBOSITY terse
SELECT step, what, who, why FROM jit.preview('staged', '2 hours', 'because') LIMIT 2;
SELECT count(*) FROM jit.my_requests;
-- The hours clip what is given.
\c - postgres
SET client_min_messages = error;
SELECT CASE WHEN extract(hour FROM now() AT TIME ZONE 'UTC') BETWEEN 2 AND 21 THEN 'UTC' ELSE 'Etc/GMT-12' END AS z \gset
SELECT to_char(now() AT TIME ZONE :'z' - '10 min'::interval, 'HH24:MI') AS ago, to_char(now() AT TIME ZONE :'z' + '20 min'::interval, 'HH24:MI') AS soon,
       date_trunc('minute', now()) + '20 min'::interval AS soon_at \gset
SELECT jit.alter_policy('plain', hours => 'daily ' || :'ago' || '-' || :'soon' || ' ' || :'z');
\c - regress_asker
SET intervalstyle = postgres;
SELECT what, left(why, 75), why LIKE '%' || to_char(:'soon_at'::timestamptz, 'HH24:MI:00') || '%' AS end_told FROM jit.preview('plain', '30 min', 'because') WHERE what = 'holds';
SELECT what, why FROM jit.preview('plain', '5 min', 'because') WHERE what = 'holds';
\c - postgres
SET client_min_messages = warning;
SELECT jit.undelegate(:d);
SELECT jit.undelegate(:d2);
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_lead1, regress_lead2, regress_sec, regress_deputy, regress_chief, regress_leads;
