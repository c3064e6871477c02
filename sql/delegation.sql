-- delegation: one decides in another's place, for a time; one hop; neither decides the other's request
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;

CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss1 LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_deputy LOGIN;
CREATE ROLE regress_third LOGIN;
CREATE ROLE regress_bosses ROLE regress_boss1, regress_boss2;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
SELECT jit.create_policy('one', '{READ}', '{pay.a}', eligible => '{regress_asker, regress_deputy, regress_boss1}',
    approvers => '{regress_bosses}', require_reason => false);
SELECT jit.create_policy('two', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_bosses}',
    approvals => 2, require_reason => false);

-- What cannot stand.
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.delegate('regress_boss1', '1 day');
SELECT jit.delegate('regress_bosses', '1 day');
SELECT jit.delegate(NULL, '1 day');
SELECT jit.delegate('regress_deputy');
SELECT jit.delegate('regress_deputy', '1 day', until => '2000-01-01');
SELECT jit.delegate('regress_deputy', '91 days');
SELECT jit.delegate('regress_deputy', '-1 day');
SELECT jit.delegate('regress_deputy', until => 'infinity');
SELECT jit.delegate('regress_deputy', until => '2000-01-01');
SELECT jit.delegate('regress_deputy', '1 day', starts_at => '2000-01-01');
SELECT jit.delegate('regress_deputy', '1 day', policy => 'three');
SELECT count(*) FROM jit.my_delegations, jit.delegate('regress_deputy', '1 day');
\c - regress_deputy
\set VERBOSITY default
SELECT jit.delegate('regress_third', '1 day');
SELECT jit.delegate('regress_third', '1 day', policy => 'one');

-- Without one the deputy decides nothing; with one he does, and uses up the vote of the other.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('two') AS r \gset
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.approve(:r);
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.delegate('regress_deputy', '14 days', reason => 'on leave') AS d \gset
SELECT delegation_id, person, delegate, policy, state, ends_at - starts_at AS lasts, reason, to_end FROM jit.my_delegations;
\c - regress_deputy
\set VERBOSITY terse
SELECT delegation_id, person, delegate FROM jit.my_delegations;
SELECT request_id, in_place_of, to_approve FROM jit.pending;
SELECT jit.approve(:r);
SELECT jit.approve(:r);
\c - regress_boss1
\set VERBOSITY default
SELECT to_approve, to_deny FROM jit.pending;
SELECT jit.approve(:r);
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT state, votes FROM jit.my_requests;
SELECT count(*) FROM jit.my_delegations;
SELECT jit.release(:r);

-- The other way round: who has voted himself leaves nothing to the deputy.
SELECT jit.request('two') AS r2 \gset
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.approve(:r2);
\c - regress_deputy
\set VERBOSITY default
SELECT to_approve, to_deny FROM jit.pending;
SELECT jit.approve(:r2);
SELECT jit.deny(:r2);

-- One hop: what the deputy decides for another, nobody decides for him.
\c - postgres
GRANT regress_bosses TO regress_third;
\c - regress_third
\set VERBOSITY terse
SELECT jit.delegate('regress_boss1', '1 day') AS hop \gset
\c - regress_deputy
\set VERBOSITY terse
SELECT in_place_of, to_approve FROM jit.pending;
SELECT jit.approve(:r2);
\c - regress_third
\set VERBOSITY terse
SELECT jit.undelegate(:hop);

-- An approver who is somebody's deputy votes in his own right first, and a person counts once.
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.delegate('regress_third', '1 day', policy => 'two') AS d2 \gset
\c - regress_third
\set VERBOSITY terse
SELECT in_place_of, to_approve FROM jit.pending;
SELECT jit.approve(:r2);
\c - regress_asker
\set VERBOSITY terse
SELECT state, votes FROM jit.my_requests WHERE request_id = :r2;
SELECT jit.release(:r2);
\c - regress_boss2
SELECT jit.undelegate(:d2);

-- Neither decides the other's request, whoever is whose deputy.
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.request('one') AS own \gset
\c - regress_boss1
\set VERBOSITY default
SELECT to_approve, to_deny FROM jit.pending;
SELECT jit.approve(:own);
SELECT jit.deny(:own);
\set VERBOSITY terse
SELECT jit.request('one') AS bosses \gset
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.approve(:bosses);
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:own);
SELECT jit.approve(:bosses);

-- A vote that was given counts no more when its giver came to decide for the requester.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('two') AS r3 \gset
\c - regress_boss2
\set VERBOSITY terse
SELECT jit.approve(:r3);
SELECT jit.delegate('regress_asker', '1 day') AS d3 \gset
\c - regress_boss1
\set VERBOSITY terse
SELECT jit.approve(:r3);
\c - regress_third
\set VERBOSITY terse
SELECT jit.approve(:r3);

-- The right follows the approver: when he is none any more, his deputy is none.
\c - postgres
REVOKE regress_bosses FROM regress_boss1;
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('one') AS r4 \gset
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.approve(:r4);
\c - postgres
GRANT regress_bosses TO regress_boss1;

-- Only its two sides and jit_admin end it, once; then the deputy decides nothing.
\c - regress_asker
\set VERBOSITY default
SELECT jit.undelegate(:d);
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.may_decide(:r4);
SELECT jit.undelegate(:d);
SELECT jit.undelegate(:d);
SELECT jit.may_decide(:r4);
SELECT jit.approve(:r4);
\c - regress_boss1
\set VERBOSITY terse
-- for later, and over by now
SELECT now() + '1 day' AS tomorrow \gset
SELECT jit.delegate('regress_deputy', '1 day', starts_at => :'tomorrow') AS later \gset
SELECT jit.delegate('regress_third', '1 ms') AS over \gset
SELECT pg_sleep(0.01);
SELECT delegate, state, to_end IS NOT NULL AS can_end FROM jit.my_delegations WHERE person = 'regress_boss1' ORDER BY delegation_id;
SELECT jit.undelegate(:over);
\c - regress_deputy
\set VERBOSITY terse
SELECT jit.approve(:r4);
\c - postgres
\set VERBOSITY terse
SELECT jit.undelegate(:later);
SELECT story FROM jit.history WHERE event = 'undelegated' AND actor LIKE 'regress%' ORDER BY event_id;
SELECT regexp_replace(story, 'until [0-9T:.+-]*[0-9]', 'until ...') AS story FROM jit.history WHERE event = 'delegated' ORDER BY event_id LIMIT 2;
SELECT story FROM jit.history WHERE event = 'vote' AND detail ? 'in_place_of';
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
-- A role that is still part of a delegation is kept.
\set VERBOSITY default
DROP ROLE regress_asker;
SELECT jit.undelegate(:d3);
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_boss1, regress_boss2, regress_deputy, regress_third, regress_bosses;
