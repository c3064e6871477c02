-- rules: automatic decisions, deny over approve, and what a rule may say
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE "regress Oncall" LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
CREATE FUNCTION pg_temp.try(rules jsonb) RETURNS void LANGUAGE sql AS $$
    SELECT jit.create_policy('t', '{READ}', '{pay.a}', eligible => '{regress_asker}', approvers => '{regress_boss}', rules => $1)
$$;

-- What cannot stand is refused, and the message says where it is.
\set VERBOSITY terse
SELECT pg_temp.try('{}');
SELECT pg_temp.try('3');
SELECT pg_temp.try('[3]');
SELECT pg_temp.try('[{"verdict": "deny", "longer_than": "1 hour"}, {"when": "now"}]');
SELECT pg_temp.try('[{"verdict": "perhaps"}]');
SELECT pg_temp.try('[{"verdict": 1}]');
SELECT pg_temp.try('[{"at_most": "1 hour"}]');
SELECT pg_temp.try('[{"verdict": "approve"}]');
SELECT pg_temp.try('[{"verdict": "deny", "why": "no"}]');
SELECT pg_temp.try('[{"verdict": "deny", "people": ["regress_nobody"]}]');
SELECT pg_temp.try('[{"verdict": "deny", "people": ["10"]}]');
SELECT pg_temp.try('[{"verdict": "deny", "people": "regress_asker"}]');
SELECT pg_temp.try('[{"verdict": "deny", "people": [1]}]');
SELECT pg_temp.try('[{"verdict": "deny", "people": []}]');
SELECT pg_temp.try('[{"verdict": "deny", "at_most": 30}]');
SELECT pg_temp.try('[{"verdict": "deny", "at_most": "-5 min"}]');
SELECT pg_temp.try('[{"verdict": "deny", "at_most": "30 min", "longer_than": "1 hour"}]');
SELECT pg_temp.try('[{"verdict": "deny", "during": ""}]');
SELECT pg_temp.try('[{"verdict": "deny", "during": "Mon-Fri 09:00-17:00 UTC", "outside": "Mon-Sun 08:00-18:00 UTC"}]');
SELECT pg_temp.try('[{"verdict": "deny", "fewer_than": 3}]');
SELECT pg_temp.try('[{"verdict": "deny", "within": "1 day"}]');
SELECT pg_temp.try('[{"verdict": "deny", "more_than": 3, "fewer_than": 4, "within": "1 day"}]');
SELECT pg_temp.try('[{"verdict": "deny", "more_than": 1.5, "within": "1 day"}]');
SELECT pg_temp.try('[{"verdict": "deny", "more_than": "2", "within": "1 day"}]');
\set VERBOSITY default
SELECT pg_temp.try('[{"verdict": "deny", "at_most": "soon"}]');
SELECT pg_temp.try('[{"verdict": "deny", "ticket": "("}]');
SELECT pg_temp.try('[{"verdict": "deny", "during": "always"}]');
SELECT pg_temp.try('[{"verdict": "deny", "longer_than": "1 hour", "foo": 1}]');

-- Told as they were given, and read again the same.
SELECT pg_temp.try('[{"verdict": "deny", "longer_than": "45 min", "why": "too long"},
    {"verdict": "approve", "people": ["\"regress Oncall\"", "regress_asker"], "at_most": "10 min",
     "during": "Mon-Sun 00:00-24:00 UTC", "ticket": "INC-\\d+", "fewer_than": 3, "within": "24 hours"}]');
SELECT jsonb_pretty(detail -> 'rules') FROM jit.events WHERE event = 'policy_created';
SELECT jit.alter_policy('t', rules => detail -> 'rules') FROM jit.events WHERE event = 'policy_created';
SELECT count(*) FROM jit.rules;

-- Deny wins; an approval by rule is an approval; people decide what no rule does.
GRANT USAGE ON SCHEMA pay TO PUBLIC;
GRANT ALL ON pay.a TO regress_asker;
SELECT jit.alter_policy('t', require_reason => false);
\c - regress_asker
SET intervalstyle = postgres;
\set VERBOSITY terse
SELECT policy, automatic FROM jit.available;
SELECT step, what, who, why FROM jit.preview('t', '50 min');
SELECT step, what, who, why FROM jit.preview('t', '10 min', ticket => 'INC-1');
SELECT step, what, who, why FROM jit.preview('t', '10 min', ticket => 'XINC-12');
SELECT allowed, suggestion FROM jit.check('SELECT id FROM pay.a');
\set VERBOSITY default
SELECT jit.request('t', '50 min', ticket => 'INC-1') AS denied \gset
\set VERBOSITY terse
SELECT state FROM jit.my_requests;
SELECT jit.request('t', '11 min', ticket => 'INC-1') AS longer \gset
SELECT jit.request('t', '10 min') AS ticketless \gset
SELECT jit.cancel(:longer);
SELECT jit.request('t', '10 min', ticket => 'INC-12') AS auto \gset
SELECT jit.cancel(:longer);
SELECT state, count(*) FROM jit.my_requests GROUP BY state ORDER BY state;
SELECT count(*) FROM pay.a;
\c - postgres
SELECT request_id, event, actor, detail - 'starts_at' - 'ends_at' - 'duration' AS detail FROM jit.events WHERE request_id IS NOT NULL ORDER BY event_id;

-- Counting: whatever was asked within that time, this one not counted.
SELECT jit.drop_policy('t');
SELECT jit.create_policy('n', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_boss}', require_reason => false,
    rules => '[{"verdict": "approve", "fewer_than": 2, "within": "1 hour"}, {"verdict": "deny", "more_than": 2, "within": "1 hour", "why": "enough for now"}]');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('n') AS n1 \gset
SELECT jit.request('n') AS n2 \gset
SELECT jit.request('n') AS n3 \gset
SELECT jit.request('n', starts_at => now() + '1 hour') AS n4 \gset
-- The same again would be refused; later it would be answered.
SELECT step, what, why = format('Request %s is the same and still pending. SELECT jit.cancel(%s); takes it back.', :n3, :n3) AS told FROM jit.preview('n');
SELECT step, what, who, why FROM jit.preview('n', starts_at => now() + '3 hours');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT jit.request('n', starts_at => now() + '2 hours');
ROLLBACK;
-- A preview writes nothing, and says what jit.request would refuse.
BEGIN READ ONLY;
SELECT step, what FROM jit.preview('n', starts_at => now() + '3 hours');
SELECT step, what FROM jit.preview('n', '2 hours');
ROLLBACK;
SELECT step, what FROM jit.preview('t');

-- Hours.
\c - postgres
\set VERBOSITY terse
SELECT jit.alter_policy('n', approvals => 0, rules => '[{"verdict": "deny", "outside": "Mon 00:00-00:01 UTC", "people": ["regress_boss"]},
    {"verdict": "deny", "during": "Mon-Sun 00:00-24:00 UTC", "why": "never"}]');
\c - regress_asker
\set VERBOSITY terse
SELECT step, what, who, why FROM jit.preview('n', starts_at => now() + '3 hours');

-- Both apply: no wins, wherever it stands.
\c - postgres
\set VERBOSITY terse
SELECT jit.alter_policy('n', rules => '[{"verdict": "approve", "at_most": "1 hour"}, {"verdict": "deny", "people": ["regress_asker"], "why": "not he"}]');
\c - regress_asker
\set VERBOSITY terse
SELECT step, what, who, why FROM jit.preview('n', starts_at => now() + '3 hours');
SELECT jit.request('n', starts_at => now() + '3 hours') AS both \gset
SELECT state FROM jit.my_requests WHERE request_id = :both;
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
SELECT count(*) FROM jit.rules;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, "regress Oncall", regress_boss;
