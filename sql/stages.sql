-- stages: one after the other, from distinct people, by today's policy
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_lead1 LOGIN;
CREATE ROLE regress_lead2 LOGIN;
CREATE ROLE regress_sec1 LOGIN;
CREATE ROLE regress_sec2 LOGIN;
CREATE ROLE regress_both LOGIN;
CREATE ROLE regress_leads ROLE regress_lead1, regress_lead2, regress_both;
CREATE ROLE "regress Security" ROLE regress_sec1, regress_sec2, regress_both;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
GRANT USAGE ON SCHEMA pay TO PUBLIC;
GRANT ALL ON pay.a TO regress_asker;
CREATE FUNCTION pg_temp.try(stages jsonb, approvals int DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    SELECT jit.create_policy('t', '{READ}', '{pay.a}', eligible => '{regress_asker}', approvers => '{regress_leads}',
        approvals => $2, stages => $1, require_reason => false)
$$;

-- What cannot stand is refused, and the message says where it is.
\set VERBOSITY terse
SELECT pg_temp.try('{"approvers": []}');
SELECT pg_temp.try('[1]');
SELECT pg_temp.try('[{}]');
SELECT pg_temp.try('[{"approvers": ["regress_nobody"]}]');
SELECT pg_temp.try('[{"approvers": ["regress Security"]}]');
SELECT pg_temp.try('[{"approvers": "regress_leads"}]');
SELECT pg_temp.try('[{"approvers": ["regress_leads"], "approvals": 0}]');
SELECT pg_temp.try('[{"approvers": ["regress_leads"], "approvals": "1"}]');
SELECT pg_temp.try('[{"approvers": ["regress_leads"]}, {"approvers": ["regress_leads"], "approval": 1}]');
SELECT pg_temp.try('[{"approvers": ["regress_leads"]}]', 0);
-- People are counted once over all stages: five decide, of whom one in both.
\set VERBOSITY default
SELECT pg_temp.try('[{"approvers": ["\"regress Security\""], "approvals": 3}]', 3);
SELECT pg_temp.try('[{"approvers": ["regress_both"]}, {"approvers": ["regress_both"]}]', 1);
\set VERBOSITY terse
SELECT pg_temp.try('[{"approvers": ["\"regress Security\""], "approvals": 2}]', 3);
SELECT detail -> 'stages' AS stages FROM jit.events WHERE event = 'policy_created';
SELECT jit.alter_policy('t', approvals => 1, stages => detail -> 'stages') FROM jit.events WHERE event = 'policy_created';
SELECT stage, approvers, approvals FROM jit.stages;

-- In order: the second stage cannot approve before the first has, but it can deny.
\c - regress_asker
\set VERBOSITY terse
SELECT policy, approvals, approvers, stages, automatic FROM jit.available;
SELECT jit.request('t') AS r \gset
SELECT state, waits_for FROM jit.my_requests;
\c - regress_sec1
\set VERBOSITY default
SELECT request_id, stage, stages, waits_for, to_approve, to_deny FROM jit.pending;
SELECT jit.may_decide(:r);
SELECT jit.approve(:r);
\c - regress_both
\set VERBOSITY terse
SELECT jit.approve(:r, duration => '20 min');
\set VERBOSITY terse
SELECT jit.approve(:r);
SELECT request_id, stage, to_approve FROM jit.pending;
\c - regress_lead1
\set VERBOSITY terse
SELECT jit.approve(:r);
\c - regress_sec1
\set VERBOSITY terse
SELECT stage, approvals_given, approvals_needed, waits_for, to_approve FROM jit.pending;
SELECT jit.may_decide(:r);
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT state, waits_for, votes FROM jit.my_requests;
SELECT count(*) FROM pay.a;
\c - regress_sec2
\set VERBOSITY terse
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT state, ends_at - starts_at AS lasts FROM jit.my_requests;
SELECT count(*) FROM pay.a;
\c - postgres
SELECT event, actor, detail - 'starts_at' - 'ends_at' AS detail FROM jit.events WHERE request_id = :r ORDER BY event_id;
SELECT story FROM jit.history WHERE event = 'stage_reached';

-- Whoever decides in a later stage can end it early, and revoke what was given.
\c - regress_sec2
\set VERBOSITY terse
SELECT jit.revoke(:r, 'enough');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('t') AS r2 \gset
\c - regress_sec1
\set VERBOSITY terse
SELECT jit.deny(:r2, 'not today');
\c - regress_asker
\set VERBOSITY terse
SELECT state, votes FROM jit.my_requests WHERE request_id = :r2;

-- Who lost the role meanwhile does not count, also in a stage that was over.
SELECT jit.request('t') AS r3 \gset
\c - regress_lead1
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - regress_sec1
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - postgres
REVOKE regress_leads FROM regress_lead1;
\c - regress_sec2
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - regress_lead2
\set VERBOSITY terse
SELECT jit.approve(:r3);

-- Today's policy decides: a stage more, a stage less, and nothing is left to wait for.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.cancel(:r3);
SELECT jit.request('t') AS r4 \gset
\c - regress_lead2
\set VERBOSITY terse
SELECT jit.approve(:r4);
\c - postgres
SELECT jit.alter_policy('t', stages => '[]');
\c - regress_lead2
\set VERBOSITY terse
SELECT stage, stages, approvals_given FROM jit.pending;
SELECT jit.approve(:r4);
\c - regress_asker
SELECT jit.release(:r4);
SELECT jit.request('t') AS r5 \gset
\c - postgres
SELECT jit.alter_policy('t', stages => '[{"approvers": ["regress_sec1"]}]');
\c - regress_lead2
\set VERBOSITY terse
SELECT jit.approve(:r5);
\c - regress_sec1
\set VERBOSITY terse
SELECT jit.approve(:r5);

-- Roles that stages name are kept.
\c - postgres
\set VERBOSITY default
DROP ROLE regress_sec1;
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
SELECT count(*) FROM jit.stages;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_lead1, regress_lead2, regress_sec1, regress_sec2, regress_both, regress_leads, "regress Security";
