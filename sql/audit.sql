-- audit: one row a story, from the request to its end; each person sees what concerns them
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_boss2 LOGIN;
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
CREATE SCHEMA pay;
CREATE TABLE pay.a (id int);
CREATE TABLE pay.b (id int);
INSERT INTO pay.a VALUES (1), (2);
GRANT USAGE ON SCHEMA pay TO regress_asker;
GRANT SELECT ON pay.a, pay.b TO regress_asker;
SELECT jit.create_policy('a', '{READ}', '{pay.a}', eligible => '{regress_asker, regress_other}', approvers => '{regress_boss}',
    break_glass => '{regress_other}');
SELECT jit.create_policy('b', '{READ}', '{pay.b}', eligible => '{regress_asker}', approvers => '{regress_boss2}', approvals => 1);

\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('a', '20 min', reason => E'two\nlines', ticket => 'T-1') AS released \gset
SELECT jit.request('b', '10 min', reason => 'waits') AS pending \gset
\c - regress_boss
\set VERBOSITY terse
SELECT jit.approve(:released, 'fine');
\c - regress_asker
\set VERBOSITY terse
SELECT id FROM pay.a;
SELECT count(*) FROM pay.a;
SELECT id FROM pay.b;
SELECT jit.release(:released);
SELECT jit.request('a', '10 min', reason => 'denied <b>') AS denied \gset
\c - regress_boss
\set VERBOSITY terse
SELECT jit.deny(:denied, 'no "way"');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('a', '10 min', reason => 'taken back') AS cancelled \gset
SELECT jit.cancel(:cancelled);
\c - regress_other
\set VERBOSITY terse
SELECT jit.break_glass('a', 'fire') AS glass \gset
\c - regress_boss
SELECT jit.revoke(:glass, 'enough');
SELECT jit.review(:glass, 'justified', 'it burned');

CALL jit.catch_up();

-- Each sees theirs: who asked, who decides, and nobody else's.
\c - regress_asker
SELECT person, policy, state, end_reason, break_glass, review, regexp_replace(votes, '00:00:\d\d', 'N') AS votes,
    time_to_decide < '1 min' AS decided_soon, ended_at IS NOT NULL AS over FROM jit.audit;
SELECT regexp_replace(regexp_replace(story, 'after 00:00:\d\d', 'after N', 'g'), 'until .*', 'until T') AS story FROM jit.audit;
SELECT policy, uses, rows, touched, refusals, last_use > first_use AS later, first_use > starts_at AND last_use < ended_at AS within
  FROM jit.audit;
\c - regress_other
SELECT person, policy, state, end_reason, break_glass, review, verdict, reviewed_by FROM jit.audit;
SELECT regexp_replace(story, 'after 00:00:\d\d', 'after N', 'g') AS story FROM jit.audit;
\c - regress_boss
SELECT count(*), count(*) FILTER (WHERE policy = 'b') AS of_others FROM jit.audit;
\c - regress_boss2
SET intervalstyle = postgres;
SELECT person, policy, state, reason, ticket, actions, objects, duration FROM jit.audit \gx

-- Auditors see all, and filter by what they look for.
\c - regress_auditor
SELECT count(*) = (SELECT count(*) FROM jit.requests) AS everything FROM jit.audit;
SELECT policy, state FROM jit.audit WHERE person = 'regress_asker' AND asked_at > now() - '1 month'::interval AND objects @> '{pay.b}';
SELECT count(*) FROM jit.audit WHERE break_glass;
SELECT person, policy, actions, uses, last_use > first_use AS later FROM jit.touched('pay.a');
SELECT count(*) FROM jit.touched('pay.b');
-- And by person.
SELECT object, policy, actions, uses, last_use > first_use AS later FROM jit.used('regress_asker') ORDER BY object, request_id;
SELECT count(*) FROM jit.used('regress_boss');
SELECT count(*) FROM jit.touched('pay.a', '1 day', now() - '1 day'::interval);
\c - regress_asker
SELECT * FROM jit.touched('pay.a');
SELECT * FROM jit.used('regress_asker');
\c - regress_auditor
SELECT bool_and(was IS NULL OR was > request_id) AS newest_first FROM (SELECT request_id, lag(request_id) OVER () AS was FROM jit.audit) s;

\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(name) FROM jit.policies ORDER BY name;
DROP SCHEMA pay CASCADE;
DROP ROLE regress_asker, regress_other, regress_boss, regress_boss2, regress_auditor;
