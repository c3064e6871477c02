-- hours: a right starts within the hours of its policy and ends with them; windows are computed around now, so that
-- this passes at any time of any day
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SET intervalstyle = postgres;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE TABLE hours_t (a int);
INSERT INTO hours_t VALUES (1);
GRANT SELECT ON hours_t TO regress_asker;

-- The grammar: an error says where; zones are names that the server knows, not abbreviations or rules of somebody's own.
SELECT jit.create_policy('p', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0, hours => 'Mon-Fri 8-18 UTC');
SELECT jit.create_policy('p', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    hours => 'Mon-Fri 08:00-18:00 Europe/Atlantis');
SELECT jit.create_policy('p', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    hours => 'Mon-Fri 08:00-18:00 FOO3/BAR');
SELECT jit.create_policy('p', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    hours => 'Mon-Fri 08:00-18:00 CET');
SELECT jit.create_policy('p', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    hours => 'Mon-Fri 08:00-18:00');

-- The server's own zones, both changes of the clock. (Fixed moments: the rules of these years will not change any more.)
SET timezone = 'UTC';
SELECT jit.opens(h, t), jit.closes(h, jit.opens(h, t)), jit.closes(h, jit.opens(h, t)) - jit.opens(h, t) AS lasts
  FROM (VALUES ('Sat 22:00-06:00 Europe/Berlin', '2024-03-30 12:00+00'::timestamptz),
               ('Sat 22:00-06:00 Europe/Berlin', '2024-10-26 12:00+00'),
               ('Sat 22:00-06:00 America/New_York', '2024-03-09 12:00+00'),
               ('Sat 22:00-06:00 America/New_York', '2024-11-02 12:00+00'),
               ('Sat 22:00-06:00 Australia/Lord_Howe', '2024-04-06 02:00+00'),
               ('Sat 22:00-06:00 Australia/Lord_Howe', '2024-10-05 02:00+00'),
               ('Sun 02:30-04:00 Europe/Berlin', '2024-03-30 12:00+00'),
               ('Sun 02:00-03:00 Europe/Berlin', '2024-10-26 12:00+00'),
               ('Fri 08:00-12:00 Pacific/Apia', '2011-12-29 00:00+00'),
               ('Mon-Fri 08:00-18:00 europe/berlin', '2024-11-22 18:00+00')) AS v (h, t);
SELECT jit.opens('daily 00:00-24:00 Europe/Berlin', '2024-10-26 12:00+00') IS NULL AS is_open,
       jit.closes('daily 00:00-24:00 Europe/Berlin', '2024-10-26 12:00+00') IS NULL AS never_closes,
       jit.opens(NULL, now()) IS NULL AS no_hours_is_open, jit.closes(NULL, now()) IS NULL AS and_never_closes;
SELECT jit.opens('daily 08:00-12:00 Europe/Atlantis', now()) AS an_unknown_zone_never_opens;
-- Against the server's own reckoning, minute by minute over both changes of 2024.
WITH z (zone, change) AS (VALUES ('Europe/Berlin', '2024-03-31 01:00+00'::timestamptz), ('Europe/Berlin', '2024-10-27 01:00+00'),
        ('America/New_York', '2024-03-10 07:00+00'), ('America/New_York', '2024-11-03 06:00+00'),
        ('Australia/Lord_Howe', '2024-04-06 15:00+00'), ('Australia/Lord_Howe', '2024-10-05 15:30+00'),
        ('Pacific/Apia', '2011-12-30 10:00+00')),
     m AS (SELECT zone, t, t AT TIME ZONE zone AS shown FROM z, generate_series(change - '30 hours'::interval, change + '30 hours', '1 min') t)
SELECT zone, count(*) AS minutes, count(*) FILTER (WHERE (jit.opens('Sat,Sun 01:45-02:20, 23:00-01:15 ' || zone, t) IS NULL) IS DISTINCT FROM
       ((extract(isodow FROM shown) IN (6, 7) AND (shown::time >= '01:45' AND shown::time < '02:20' OR shown::time >= '23:00'))
        OR (extract(isodow FROM shown - '1 day'::interval) IN (6, 7) AND shown::time < '01:15'))) AS wrong
  FROM m GROUP BY zone ORDER BY zone;

-- Windows around now, in a zone where it is about noon, so that nothing is near midnight: times are whole minutes.
SELECT 'Etc/GMT' || to_char((extract(hour FROM now() AT TIME ZONE 'UTC')::int - 12), 'FMSG00') AS z \gset
SELECT replace(replace(:'z', 'GMT+0', 'GMT+'), 'GMT-0', 'GMT-') AS z \gset
SELECT replace(:'z', 'GMT+0', 'GMT') AS z \gset
SELECT to_char(now() AT TIME ZONE :'z' - '10 min'::interval, 'HH24:MI') AS ago,
       to_char(now() AT TIME ZONE :'z' + '20 min'::interval, 'HH24:MI') AS soon,
       to_char(now() AT TIME ZONE :'z' + '40 min'::interval, 'HH24:MI') AS later,
       date_trunc('minute', now()) + '20 min'::interval AS soon_at, date_trunc('minute', now()) + '40 min'::interval AS later_at \gset
SELECT 'daily ' || :'ago' || '-' || :'soon' || ' ' || :'z' AS open_now, 'daily ' || :'soon' || '-' || :'later' || ' ' || :'z' AS closed_now \gset
SET client_min_messages = warning;
SELECT jit.create_policy('open', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvers => '{regress_boss}',
    require_reason => false, max_duration => '2 hours', hours => :'open_now');
SELECT jit.create_policy('auto', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    require_reason => false, max_duration => '2 hours', hours => :'open_now', weaker => true);
SELECT jit.create_policy('closed', '{ALL}', '{public.hours_t}', eligible => '{regress_asker}', approvals => 0,
    require_reason => false, max_duration => '2 hours', hours => :'closed_now', weaker => true);
\c - regress_asker
SET client_min_messages = error;
\set VERBOSITY terse
SELECT policy, closed_until IS NULL AS is_open, closed_until = :'soon_at' AS opens_then FROM jit.available ORDER BY policy;

-- Closed: refused at the request, unless it starts within the hours.
\set VERBOSITY sqlstate
SELECT jit.request('closed');
SELECT jit.request('closed', starts_at => :'later_at');
\set VERBOSITY terse
SELECT jit.request('closed', '10 min', starts_at => :'soon_at') AS fits \gset
SELECT jit.request('closed', '1 hour', starts_at => :'soon_at') AS clipped \gset
SELECT request_id = :fits AS fits, ends_at = :'soon_at'::timestamptz + '10 min'::interval AS as_asked, ends_at = :'later_at' AS with_the_hours
  FROM jit.my_requests WHERE request_id IN (:fits, :clipped) ORDER BY 1 DESC;

-- Open: the automatic approval and the voted one end with the hours; a short one does not.
SELECT jit.request('auto', '1 hour') AS auto \gset
SELECT jit.request('auto', '5 min') AS short \gset
SELECT request_id = :auto AS long, ends_at = :'soon_at' AS with_the_hours, ends_at < :'soon_at' AS before
  FROM jit.my_requests WHERE request_id IN (:auto, :short) ORDER BY 1 DESC;
SELECT count(*) FROM hours_t;
SELECT jit.release(:auto), jit.release(:short);
SELECT count(*) FROM hours_t;
SELECT jit.request('open', '1 hour') AS open \gset
\c - regress_boss
SET client_min_messages = error;
SELECT clipped_at = :'soon_at' AS would_be_clipped, closed_until IS NULL AS can_be_approved FROM jit.pending;
SELECT jit.approve(:open);
SELECT ends_at = :'soon_at' AS with_the_hours FROM jit.active WHERE request_id = :open;

-- Hours that change: what is in force ends with the new window, never later; what is outside of it ends now.
\c - postgres
SET client_min_messages = error;
SET timezone = 'UTC';
SELECT to_char(now() AT TIME ZONE :'z' + '10 min'::interval, 'HH24:MI') AS earlier, date_trunc('minute', now()) + '10 min'::interval AS earlier_at \gset
SELECT jit.alter_policy('open', hours => 'daily ' || :'ago' || '-' || :'earlier' || ' ' || :'z');
SELECT ends_at = :'earlier_at' AS earlier FROM jit.approvals WHERE request_id = :open;
SELECT ends_at = :'earlier_at' AS earlier FROM jit.requests WHERE request_id = :open;
SELECT jit.alter_policy('open', hours => :'open_now', weaker => true);
SELECT ends_at = :'earlier_at' AS as_before FROM jit.approvals WHERE request_id = :open;
\c - regress_asker
SELECT count(*) FROM hours_t;
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('open', hours => :'closed_now', weaker => true);
SELECT state, end_reason FROM jit.requests WHERE request_id = :open;
SELECT event, detail ->> 'reason' AS reason FROM jit.history WHERE request_id = :open ORDER BY event_id;
\c - regress_asker
\set VERBOSITY sqlstate
SELECT count(*) FROM hours_t;

-- Approved too late: the policy has closed since it was asked.
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('open', hours => '', weaker => true);
\c - regress_asker
SET client_min_messages = error;
SELECT jit.request('open', '1 hour') AS late \gset
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('open', hours => :'closed_now');
\c - regress_boss
\set VERBOSITY sqlstate
SELECT closed_until IS NOT NULL AS closed FROM jit.pending;
SELECT jit.approve(:late);
SELECT state FROM jit.pending RIGHT JOIN (SELECT 'still pending' AS state) s ON true;
\c - postgres
SET client_min_messages = error;
SELECT jit.alter_policy('open', hours => '', weaker => true);
\c - regress_boss
SET client_min_messages = error;
SELECT jit.approve(:late);

-- The words, with fixed hours: closed at any time but one minute of the week.
\c - postgres
SET client_min_messages = error;
SET timezone = 'UTC';
SELECT to_char(now() AT TIME ZONE 'UTC' + '3 days'::interval, 'Dy') AS day \gset
SELECT jit.alter_policy('closed', hours => :'day' || ' 12:00-12:01 UTC', weaker => true);
DO $$ BEGIN PERFORM jit.drop_policy('open'); PERFORM jit.drop_policy('auto'); END $$;
SELECT event, count(*) FROM jit.history WHERE story LIKE '%ends earlier, at%' GROUP BY event;
SELECT jit.drop_policy('closed');
DROP TABLE hours_t;
DROP ROLE regress_asker, regress_boss;
