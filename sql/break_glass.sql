-- break_glass: power at once without anybody's consent, and the review that it owes
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_fireman LOGIN;
CREATE ROLE regress_firemen NOLOGIN ROLE regress_fireman;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_super LOGIN SUPERUSER;
CREATE ROLE regress_admin LOGIN IN ROLE jit_admin;
CREATE TABLE fire (a int);
INSERT INTO fire VALUES (1);
GRANT SELECT, INSERT ON fire TO regress_asker, regress_fireman;

-- Terms: somebody else must be there to review, also when nobody has to approve.
SELECT jit.create_policy('fire', '{ALL}', '{public.fire}', eligible => '{regress_asker}', approvals => 0, break_glass => '{regress_firemen}');
SELECT jit.create_policy('fire', '{ALL}', '{public.fire}', eligible => '{regress_asker}', approvers => '{regress_fireman}', break_glass => '{regress_firemen}');
SELECT jit.create_policy('fire', '{ALL}', '{public.fire}', eligible => '{regress_asker}', approvers => '{regress_boss}',
    break_glass => '{regress_firemen}', break_glass_duration => '-1 min');
-- Hours that are closed now, whenever that is; a duration longer than max_duration.
SELECT to_char(now() AT TIME ZONE 'UTC' + '3 days'::interval, 'Dy') || ' 12:00-13:00 UTC' AS closed \gset
SELECT jit.create_policy('fire', '{ALL}', '{public.fire}', eligible => '{regress_asker}', approvers => '{regress_boss}',
    break_glass => '{regress_firemen}', break_glass_duration => '20 min', max_duration => '10 min', hours => :'closed');

-- Whom the term names, and nobody else: not the eligible, not superusers; and a reason is needed always.
\c - regress_asker
\set VERBOSITY default
SELECT jit.break_glass('fire', 'me too');
SELECT policy, may_ask, break_glass FROM jit.available;
\c - regress_super
\set VERBOSITY default
SELECT jit.break_glass('fire', 'me too');
\c - regress_fireman
\set VERBOSITY default
SET intervalstyle = postgres;
SELECT policy, may_ask, break_glass FROM jit.available;
SELECT jit.break_glass('fire', '  ');
SELECT jit.break_glass('no such policy', 'x');
SELECT count(*) FROM fire;
-- Only by the person's own call.
DO $$ BEGIN PERFORM jit.break_glass('fire', 'hidden'); END $$;
CREATE TEMP VIEW hidden AS SELECT jit.break_glass('fire', 'hidden') AS id;
SELECT * FROM hidden;
BEGIN READ ONLY;
SELECT jit.break_glass('fire', 'x');
ROLLBACK;

-- At once, for the whole policy, outside of its hours, for its own duration. (The numbers of requests are this file's.)
SET client_min_messages = error;
SELECT jit.break_glass('fire', 'the server room burns') AS id \gset
SELECT count(*) FROM fire;
INSERT INTO fire VALUES (2);
SELECT state, break_glass, review, verdict, ends_at - starts_at AS lasts FROM jit.my_requests;
SELECT person, policy, state FROM jit.active;
RESET client_min_messages;
-- No second one, neither while it lives nor when it is given back: the review is owed.
SELECT jit.break_glass('fire', 'again');
\set VERBOSITY terse
SELECT jit.release(:id);
SELECT count(*) FROM fire;
SELECT jit.break_glass('fire', 'again');
SELECT state, end_reason, review FROM jit.my_requests;

-- Reviewed by approvers, never by oneself; a verdict once and for all.
SELECT jit.review(:id, 'justified');
SELECT count(*) FROM jit.reviews;
\c - regress_asker
\set VERBOSITY terse
SELECT count(*) FROM jit.reviews;
SELECT jit.review(:id, 'justified');
\c - regress_boss
\set VERBOSITY terse
SELECT policy, person, reason, to_review = format('SELECT jit.review(%s, ''justified'', ''comment'');', :id) AS call FROM jit.reviews;
SELECT jit.review(:id, 'fine');
SELECT jit.review(:id, 'unjustified');
DO $$ BEGIN PERFORM jit.review(1, 'justified'); END $$;
SELECT jit.review(:id, 'unjustified', 'a drill is no fire');
SELECT jit.review(:id, 'justified');
SELECT count(*) FROM jit.reviews;
\c - regress_fireman
\set VERBOSITY terse
SELECT review, verdict, reviewed_by, review_comment FROM jit.my_requests;

-- Reviewed while it lives: it goes on, and is still the only one. Then revoked.
SET client_min_messages = error;
SELECT jit.break_glass('fire', 'it burns again') AS second \gset
\c - regress_boss
SET client_min_messages = error;
SELECT jit.review(:second, 'justified');
\c - regress_fireman
\set VERBOSITY terse
SELECT count(*) FROM fire;
SELECT jit.break_glass('fire', 'and again');
\c - regress_boss
SELECT jit.revoke(:second, 'the fire is out');
\c - regress_fireman
\set VERBOSITY terse
SELECT count(*) FROM fire;

-- Rolled back: no right, no debt.
SET client_min_messages = error;
BEGIN;
SELECT jit.break_glass('fire', 'no, wait') AS undone \gset
ROLLBACK;
SELECT count(*) FROM fire;
-- Dropped policies: the right ends, the review stays owed, and a jit_admin gives it.
SELECT jit.break_glass('fire', 'third') AS third \gset
\c - postgres
SET client_min_messages = error;
SELECT jit.drop_policy('fire');
SELECT fact, value FROM jit.status WHERE fact = 'reviews awaited';
\c - regress_boss
\set VERBOSITY terse
SELECT count(*) FROM jit.reviews;
SELECT jit.review(:third, 'justified');
\c - regress_admin
SELECT person, to_review IS NOT NULL AS mine FROM jit.reviews;
SELECT jit.review(:third, 'justified', 'it did burn');
SELECT event, story FROM jit.history WHERE request_id IN (:id, :third) AND event IN ('break_glass', 'reviewed', 'revoked') ORDER BY event_id;
\c - postgres
SET client_min_messages = error;
-- A request that broke nothing has nothing to review.
SELECT jit.create_policy('plain', '{ALL}', '{public.fire}', eligible => '{regress_asker}', approvers => '{regress_boss}', require_reason => false);
\c - regress_asker
SET client_min_messages = error;
SELECT jit.request('plain') AS plain \gset
\c - regress_boss
\set VERBOSITY terse
SELECT jit.review(:plain, 'justified');
-- Approvers of every stage review, the escalation group, and those in their place; not who shares a delegation with
-- the person. Uses are counted, and networks hold: an emergency is no reason to come from anywhere.
\c - postgres
SET client_min_messages = error;
CREATE ROLE regress_sec LOGIN;
CREATE ROLE regress_chief LOGIN;
CREATE ROLE regress_deputy LOGIN;
SELECT jit.drop_policy('plain');
SELECT jit.create_policy('staged', '{ALL}', '{public.fire}', eligible => '{regress_asker,regress_fireman}', approvers => '{regress_boss}',
    stages => '[{"approvers": ["regress_sec"]}]', escalate_to => '{regress_chief}', escalate_after => '1 hour',
    break_glass => '{regress_firemen}', max_uses => 2, networks => '{10.99.0.0/16}');
\c - regress_fireman
\set VERBOSITY default
SELECT jit.break_glass('staged', 'from anywhere');
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('staged', networks => '{}');
\c - regress_fireman
\set VERBOSITY default
SELECT count(*) FROM fire; -- the hint names both ways
\set VERBOSITY terse
SET client_min_messages = error;
SELECT jit.break_glass('staged', 'counted') AS id \gset
SELECT uses, uses_left FROM jit.active;
SELECT count(*) >= 0 AS one FROM fire;
SELECT count(*) >= 0 AS two FROM fire;
SELECT count(*) FROM fire;
SELECT state, end_reason, review FROM jit.my_requests WHERE request_id = :id;
\c - regress_sec
SET client_min_messages = error;
SELECT person FROM jit.reviews;
SELECT jit.delegate('regress_deputy', '1 day') AS sec_away \gset
\c - regress_boss
SET client_min_messages = error;
SELECT jit.delegate('regress_fireman', '1 day') AS boss_away \gset
SELECT count(*) FROM jit.reviews;
\set VERBOSITY default
SELECT jit.review(:id, 'justified');
\set VERBOSITY terse
\c - regress_deputy
SET client_min_messages = error;
SELECT person, to_review IS NOT NULL AS mine FROM jit.reviews;
\c - regress_chief
SET client_min_messages = error;
SELECT person, to_review IS NOT NULL AS mine FROM jit.reviews;
BEGIN;
SELECT jit.review(:id, 'justified');
ROLLBACK;
\c - regress_asker
\set VERBOSITY terse
SELECT jit.review(:id, 'justified');
\c - regress_deputy
SELECT jit.review(:id, 'justified', 'in her place');
\c - postgres
SET client_min_messages = error;
SELECT jit.undelegate(:sec_away);
SELECT jit.undelegate(:boss_away);
DROP EXTENSION jit_guard;
DROP TABLE fire;
DROP ROLE regress_asker, regress_fireman, regress_firemen, regress_boss, regress_super, regress_admin, regress_sec, regress_chief, regress_deputy;
