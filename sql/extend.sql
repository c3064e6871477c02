-- extend: more time for a right that is there, under the same consent, within max_duration from its start
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE TABLE longer (a int);
CREATE TABLE longer2 (a int);
GRANT SELECT ON longer, longer2 TO regress_asker;
SELECT jit.create_policy('voted', '{SELECT}', '{public.longer, public.longer2}', eligible => '{regress_asker}', approvers => '{regress_boss}', max_duration => '1 hour');
SELECT jit.create_policy('auto', '{SELECT}', '{public.longer2}', eligible => '{regress_asker}', approvals => 0, weaker => true,
    require_reason => false, max_duration => '1 hour');

\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY terse
SET intervalstyle = postgres;
SELECT jit.request('voted', '20 min', 'work', objects => '{public.longer}') AS id \gset
SELECT jit.extend(:id, '10 min', 'not yet');
\c - regress_boss
SET client_min_messages = error;
SELECT jit.approve(:id);
SELECT jit.extend(:id, '10 min', 'for him');
\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY terse
SET intervalstyle = postgres;
SELECT ends_at AS first_end FROM jit.my_requests WHERE request_id = :id \gset
-- A reason, a positive time, and no more than is left of max_duration.
SELECT jit.extend(:id, '10 min');
SELECT jit.extend(:id, '-1 min', 'x');
\set VERBOSITY default
SELECT jit.extend(:id, '41 min', 'x');
DO $$ BEGIN PERFORM jit.extend(1, '1 min', 'hidden'); END $$;
\set VERBOSITY terse
SELECT jit.extend(:id, '25 min', 'more work') AS ext \gset
SELECT state, extends = :id AS extends, starts_at = :'first_end' AS from_the_end, objects, pending_until = :'first_end' AS while_it_lives
  FROM jit.my_requests WHERE request_id = :ext;
SELECT ends_at = :'first_end' AS nothing_given_yet FROM jit.active WHERE request_id = :id;
-- One at a time; an ordinary request is another matter.
SELECT jit.extend(:id, '5 min', 'more');
SELECT jit.request('voted', '20 min', 'work', objects => '{public.longer}') AS other \gset
SELECT jit.cancel(:other);
-- Denied: nothing changes. Again, and approved, shorter than asked.
\c - regress_boss
SET client_min_messages = error;
SELECT jit.deny(:ext, 'go home');
\c - regress_asker
SET client_min_messages = error;
SELECT jit.extend(:id, '25 min', 'really') AS ext \gset
SELECT jit.approve(:ext);
\c - regress_boss
SET client_min_messages = error;
SELECT jit.approve(:ext, duration => '15 min');
\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY terse
SET intervalstyle = postgres;
SELECT request_id = :id AS id, state, ends_at - :'first_end' AS longer, starts_at = :'first_end' AS contiguous
  FROM jit.my_requests WHERE request_id IN (:id, :ext) ORDER BY request_id;
SELECT request_id = :id AS one_right, ends_at - :'first_end' AS longer FROM jit.active;
SELECT count(*) FROM longer;
SELECT count(*) FROM longer2; -- the same scope, no more
-- The chain counts from its start: 35 of 60 minutes are given. By the number of the extension too.
SELECT jit.extend(:ext, '26 min', 'x');
SELECT jit.extend(:ext, '25 min', 'last') AS last \gset
SELECT extends = :id AS of_the_right FROM jit.my_requests WHERE request_id = :last;

-- Whatever ends the right ends what extends it; the number of an extension is good for it.
\c - regress_boss
SET client_min_messages = error;
SELECT jit.revoke(:ext, 'enough');
\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY terse
SELECT array_position(ARRAY[:id, :ext, :last], request_id) AS nr, state, end_reason FROM jit.my_requests
 WHERE request_id IN (:id, :ext, :last) ORDER BY 1;
SELECT count(*) FROM longer;
SELECT jit.extend(:id, '1 min', 'x');

-- Automatic, and given back: by the right's number.
SELECT jit.request('auto', '10 min') AS id \gset
SELECT jit.extend(:id, '10 min') AS ext \gset
SELECT jit.extend(:id) AS ext2 \gset
SELECT jit.extend(:id, '11 min');
SELECT ends_at - starts_at AS lasts FROM jit.active WHERE request_id = :id;
SELECT jit.release(:id);
SELECT array_position(ARRAY[:id, :ext, :ext2], request_id) AS nr, state, end_reason FROM jit.my_requests
 WHERE request_id IN (:id, :ext, :ext2) ORDER BY 1;
SELECT count(*) FROM longer2;
-- By the extension's number.
SELECT jit.request('auto', '10 min') AS id \gset
SELECT jit.extend(:id, '10 min') AS ext \gset
SELECT jit.release(:ext);
SELECT count(*) FROM longer2;
-- Over: the extension ends with the right; what it would extend is gone.
SELECT jit.request('auto', '100 ms') AS id \gset
SELECT jit.extend(:id, '400 ms') AS ext \gset
SELECT pg_sleep(0.2);
SELECT count(*) FROM longer2;
SELECT pg_sleep(0.4);
SELECT count(*) FROM longer2;
SELECT array_position(ARRAY[:id, :ext], request_id) AS nr, state, end_reason FROM jit.my_requests WHERE request_id IN (:id, :ext) ORDER BY 1;
SELECT jit.extend(:id, '1 min');

-- The hours of the policy clip it, and leave nothing to extend at their end.
\c - postgres
SET client_min_messages = error;
SELECT CASE WHEN extract(hour FROM now() AT TIME ZONE 'UTC') BETWEEN 2 AND 21 THEN 'UTC' ELSE 'Etc/GMT-12' END AS z \gset
SELECT to_char(now() AT TIME ZONE :'z' - '10 min'::interval, 'HH24:MI') AS ago, to_char(now() AT TIME ZONE :'z' + '20 min'::interval, 'HH24:MI') AS soon,
       date_trunc('minute', now()) + '20 min'::interval AS soon_at \gset
SELECT jit.alter_policy('auto', hours => 'daily ' || :'ago' || '-' || :'soon' || ' ' || :'z');
\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY sqlstate
SELECT jit.request('auto', '10 min') AS id \gset
SELECT jit.extend(:id, '30 min') AS ext \gset
SELECT ends_at = :'soon_at' AS with_the_hours FROM jit.active WHERE request_id = :id;
SELECT jit.extend(:id, '5 min');
SELECT event, count(*) FROM jit.history WHERE request_id IN (:id, :ext) GROUP BY event ORDER BY event;

-- Decided like a request: rules (for the time after the right's end, with the right's ticket), stages, networks, mode.
\c - postgres
SET client_min_messages = error;
SELECT jit.drop_policy('auto');
SELECT jit.alter_policy('voted', stages => '[{"approvers": ["regress_other"]}]', rules => '[
    {"verdict": "approve", "at_most": "5 min", "ticket": "INC-[0-9]+"},
    {"verdict": "deny", "longer_than": "15 min", "why": "no long extensions"},
    {"verdict": "deny", "more_than": 12, "within": "1 day", "why": "too many"}]');
\c - regress_asker
SET client_min_messages = error;
SELECT jit.request('voted', '5 min', 'work', ticket => 'INC-1') AS id \gset
SELECT jit.request('voted', '10 min', 'work', objects => '{public.longer}') AS plain \gset
SET client_min_messages = notice;
\set VERBOSITY terse
SELECT jit.extend(:id, '5 min', 'a rule says yes') AS yes \gset
SELECT jit.extend(:id, '16 min', 'a rule says no') AS no \gset
SELECT jit.extend(:id, '15 min', 'no rule says anything') AS ext \gset
SELECT array_position(ARRAY[:id, :yes, :no, :ext], request_id) AS nr, state FROM jit.my_requests
 WHERE request_id IN (:id, :yes, :no, :ext) ORDER BY 1;
SELECT ends_at - starts_at AS lasts FROM jit.active WHERE request_id = :id;
\c - regress_other
SET client_min_messages = error;
\set VERBOSITY terse
SELECT jit.approve(:ext);
\c - regress_boss
SET client_min_messages = error;
SELECT jit.approve(:ext);
\c - regress_other
SET client_min_messages = error;
SELECT jit.approve(:ext, duration => '10 min');
\c - regress_asker
SET client_min_messages = error;
SET intervalstyle = postgres;
\set VERBOSITY terse
SELECT ends_at - starts_at AS lasts FROM jit.active WHERE request_id = :id;
SELECT event, detail ->> 'rule' AS rule, detail ->> 'automatic' AS automatic FROM jit.history
 WHERE request_id IN (:yes, :no, :ext) AND event IN ('approved', 'denied', 'stage_reached') ORDER BY event_id;
-- Extensions are counted among the requests.
SELECT jit.cancel(:plain);
SELECT jit.request('voted', '10 min', 'work') AS refill \gset
SELECT jit.extend(:id, '6 min', 'one more') AS e1 \gset
SELECT jit.cancel(:e1);
SELECT jit.extend(:id, '6 min', 'one more') AS e2 \gset
SELECT jit.cancel(:e2);
SELECT jit.extend(:id, '6 min', 'one more') AS e3 \gset
SELECT state FROM jit.my_requests WHERE request_id = :e3;
SELECT array_agg(state ORDER BY request_id) FROM jit.my_requests WHERE request_id IN (:e1, :e2);
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('voted', rules => '[]', networks => '{10.99.0.0/16}');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.extend(:id, '1 min', 'from elsewhere');
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('voted', networks => '{}', mode => 'off');
\c - regress_asker
\set VERBOSITY terse
SELECT jit.extend(:id, '1 min', 'while it is off');
\c - postgres
SET client_min_messages = error;
DROP EXTENSION jit_guard;
DROP TABLE longer, longer2;
DROP ROLE regress_asker, regress_other, regress_boss;
