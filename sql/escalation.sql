-- escalation: after a while without a decision another group may decide too; reminders are events
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_chief LOGIN;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
CREATE FUNCTION pg_temp.try(who regrole[] DEFAULT '{}', after interval DEFAULT NULL, remind interval DEFAULT NULL, approvals int DEFAULT 1)
RETURNS void LANGUAGE sql AS $$
    SELECT jit.create_policy('late', '{READ}', '{pay.a}', eligible => '{regress_asker, regress_chief}', approvers => '{regress_boss}',
        approvals => $4, escalate_to => $1, escalate_after => $2, remind_after => $3, require_reason => false)
$$;

-- What cannot stand.
\set VERBOSITY terse
SELECT pg_temp.try('{regress_chief}');
SELECT pg_temp.try(after => '1 hour');
SELECT pg_temp.try('{regress_chief}', '4 hours');
SELECT pg_temp.try('{regress_chief}', '-1 hour');
SELECT pg_temp.try(remind => '5 hours');
SELECT pg_temp.try(remind => '999 ms');
SELECT pg_temp.try(remind => '1 hour', approvals => 0);

-- Before its time the group decides nothing; afterwards each counts as one of the stage.
SELECT pg_temp.try('{regress_chief}', '1 hour');
SELECT jit.create_policy('soon', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_boss}', require_reason => false,
    escalate_to => '{regress_chief}', escalate_after => '1 us',
    stages => '[{"approvers": ["regress_boss2"]}]');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('late') AS late \gset
SELECT jit.request('soon') AS soon \gset
\c - regress_chief
\set VERBOSITY terse
SELECT policy, stage, escalated, waits_for, to_approve IS NOT NULL AS to_approve FROM jit.pending ORDER BY 1;
SELECT jit.approve(:late);
SELECT jit.may_decide(:late), jit.may_decide(:soon);
SELECT jit.approve(:soon);
SELECT jit.approve(:soon);
-- The group's votes count for their stage when it is over, too.
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:soon);
\c - regress_asker
SELECT policy, state, votes FROM jit.my_requests ORDER BY 1;
-- The group may deny, and revoke, and never decides its own.
\c - regress_chief
\set VERBOSITY terse
SELECT jit.revoke(:soon, 'enough');
SELECT jit.request('late', '10 min') AS own \gset
\c - postgres
SELECT jit.alter_policy('late', escalate_after => '1 us', remind_after => '1 s');
\c - regress_chief
\set VERBOSITY terse
SELECT jit.approve(:own);
-- The events come from the keeper.
\c - postgres
CREATE PROCEDURE pg_temp.wait_for(what text, many int) LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 200 LOOP
        EXIT WHEN (SELECT count(*) FROM jit.events WHERE event = what AND policy = 'late' AND person = 'regress_asker') >= many;
        COMMIT;
        PERFORM pg_sleep(0.05);
    END LOOP;
END $$;
CALL pg_temp.wait_for('escalated', 1);
CALL pg_temp.wait_for('reminder', 1);
SELECT DISTINCT request_id = :late AS late, policy, actor, detail FROM jit.events
    WHERE event IN ('escalated', 'reminder') AND policy = 'late' AND person = 'regress_asker';
SELECT DISTINCT story FROM jit.history WHERE event IN ('escalated', 'reminder') AND policy = 'late' AND person = 'regress_asker' ORDER BY 1;
SELECT escalated_at IS NOT NULL AS escalated, reminded_at IS NOT NULL AS reminded FROM jit.requests WHERE request_id = :late;
\c - regress_chief
\set VERBOSITY terse
SELECT jit.deny(:late, 'too late');
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_boss, regress_boss2, regress_chief;
