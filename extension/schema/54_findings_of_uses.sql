-- Findings about what was done with rights, and what was refused: read from the ledger by time.

CREATE FUNCTION jit._findings_of_uses(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH uses AS MATERIALIZED ( -- as long before, at least 30 days, is what somebody is compared with; 2: a use
    SELECT l.seq, l.at, l.at >= $1 AS recent, d.r ->> 'person' AS person, e.u ->> 'policy' AS policy, (e.u ->> 'request_id')::bigint AS request_id,
           d.r ->> 'application_name' AS application_name, (d.r ->> 'client_addr')::inet AS client_addr
      FROM jit.ledger l
     CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
     CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
     WHERE l.at >= $1 - GREATEST($2 - $1, '30 days'::interval) AND l.at < $2 AND get_byte(l.record, 1) = 2),
last_uses AS MATERIALIZED (SELECT u.request_id, max(u.at) AS at FROM uses u GROUP BY u.request_id),
began AS MATERIALIZED (SELECT min(l.at) AS at FROM jit.ledger l), -- before it nothing is known about uses
given AS MATERIALIZED ( -- rights that ended in the time; a lent role leaves no uses
    SELECT r.request_id, r.policy_id, r.policy, r.person_name, r.ends_at - r.starts_at AS given,
           u.at - r.starts_at AS used
      FROM jit.requests r JOIN jit.policies p ON p.policy_id = r.policy_id LEFT JOIN last_uses u ON u.request_id = r.request_id
     WHERE r.requested_at < $2 AND r.requested_at >= $1 - '366 days'::interval
       AND r.starts_at >= GREATEST($1, (SELECT b.at FROM began b)) AND LEAST(r.ended_at, r.ends_at) < LEAST($2, clock_timestamp())
       AND r.state IN ('approved', 'ended') AND r.change IS NULL AND p.elevates_to = '{}' AND p.mode = 'enforce'),
hourly AS (
    SELECT u.application_name, u.client_addr, u.recent, date_trunc('hour', u.at) AS hour, count(DISTINCT u.seq) AS n
      FROM uses u GROUP BY 1, 2, 3, 4),
habits AS MATERIALIZED (
    SELECT u.person, u.policy, array_agg(DISTINCT EXTRACT(hour FROM u.at)::integer) AS hours, bool_or(EXTRACT(isodow FROM u.at) > 5) AS weekends
      FROM uses u WHERE NOT u.recent GROUP BY u.person, u.policy
    HAVING count(DISTINCT u.seq) >= 20 AND count(DISTINCT u.at::date) >= 5)
SELECT CASE WHEN count(*) >= 5 THEN 'medium' ELSE 'low' END, 'never_used',
       g.person_name || ' did not use ' || count(*)::text || CASE count(*) WHEN 1 THEN ' approval' ELSE ' approvals' END || ' of "' || g.policy || '"',
       g.policy, g.person_name, jsonb_build_object('requests', (array_agg(g.request_id ORDER BY g.request_id DESC))[1:20], 'count', count(*)),
       'Rights that nobody needs should not be there: ask when the work begins, or take the person off the policy.'
  FROM given g WHERE g.used IS NULL GROUP BY g.policy_id, g.policy, g.person_name
 UNION ALL
SELECT 'low', 'longer_than_used',
       g.person_name || ' had "' || g.policy || '" for ' || to_char(make_interval(secs => EXTRACT(epoch FROM avg(g.given))::integer), 'HH24:MI:SS')
           || ' and used it for ' || to_char(make_interval(secs => EXTRACT(epoch FROM avg(g.used))::integer), 'HH24:MI:SS') || ' on average',
       g.policy, g.person_name,
       jsonb_build_object('requests', (array_agg(g.request_id ORDER BY g.request_id DESC))[1:20], 'count', count(*),
                          'given_seconds', EXTRACT(epoch FROM avg(g.given))::integer, 'used_seconds', EXTRACT(epoch FROM avg(g.used))::integer),
       'Ask for less, or lower default_duration and max_duration of the policy.'
  FROM given g WHERE g.used IS NOT NULL GROUP BY g.policy_id, g.policy, g.person_name
HAVING count(*) >= 3 AND avg(g.given) >= '15 minutes' AND sum(g.used) < sum(g.given) / 4
 UNION ALL
SELECT 'medium', 'burst',
       COALESCE(NULLIF(h.application_name, ''), 'a program without a name') || COALESCE(' from ' || host(h.client_addr), '') || ' used rights '
           || max(h.n) FILTER (WHERE h.recent)::text || ' times in one hour; before: at most ' || max(h.n) FILTER (WHERE NOT h.recent)::text,
       NULL, NULL,
       jsonb_build_object('application_name', h.application_name, 'client_addr', h.client_addr, 'most', max(h.n) FILTER (WHERE h.recent),
                          'before', max(h.n) FILTER (WHERE NOT h.recent),
                          'hours', (array_agg(h.hour ORDER BY h.n DESC, h.hour) FILTER (WHERE h.recent))[1:5]),
       'Look at its uses of that hour in jit.uses: a script gone wrong, somebody else behind the program, or rows carried out.'
  FROM hourly h GROUP BY h.application_name, h.client_addr
HAVING max(h.n) FILTER (WHERE h.recent) >= 50 AND count(*) FILTER (WHERE NOT h.recent) >= 10
   AND max(h.n) FILTER (WHERE h.recent) > 5 * max(h.n) FILTER (WHERE NOT h.recent)
 UNION ALL
SELECT 'medium', 'unusual_hours',
       u.person || ' used "' || u.policy || '" ' || count(DISTINCT u.seq)::text || ' times at unusual hours', u.policy, u.person,
       jsonb_build_object('requests', (array_agg(DISTINCT u.request_id))[1:20], 'count', count(DISTINCT u.seq),
                          'times', (array_agg(u.at ORDER BY u.at DESC))[1:20], 'usual_hours', h.hours),
       'Ask the person. If nobody works at such hours, give the policy hours.'
  FROM uses u JOIN habits h ON h.person = u.person AND h.policy = u.policy
 WHERE u.recent
   AND ((EXTRACT(isodow FROM u.at) > 5 AND NOT h.weekends)
        OR NOT EXISTS (SELECT FROM unnest(h.hours) o(hour)
                        WHERE LEAST(abs(o.hour - EXTRACT(hour FROM u.at)), 24 - abs(o.hour - EXTRACT(hour FROM u.at))) <= 1))
 GROUP BY u.person, u.policy, h.hours
 UNION ALL
SELECT 'medium', 'repeated_refusals',
       f.person || ' was refused ' || count(*)::text || ' times on ' || f.object, min(f.policy), f.person,
       jsonb_build_object('count', count(*), 'actions', array_agg(DISTINCT f.action), 'first', min(f.at), 'last', max(f.at), 'why', max(f.why)),
       'Ask the person what the work is: it lacks a policy or a request, or somebody is trying doors.'
  FROM (SELECT f.person, f.object, f.policy, f.action, f.at, f.why, count(*) OVER (PARTITION BY f.person, f.object, date_trunc('day', f.at)) AS day
          FROM (SELECT l.at, d.r ->> 'person' AS person, d.r ->> 'object' AS object, d.r ->> 'policy' AS policy, d.r ->> 'action' AS action, d.r ->> 'why' AS why
                  FROM jit.ledger l CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
                 WHERE l.at >= $1 AND l.at < $2 AND get_byte(l.record, 1) = 3) f) f
 GROUP BY f.person, f.object HAVING max(f.day) >= 10
$$;
REVOKE ALL ON FUNCTION jit._findings_of_uses(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_uses(timestamptz, timestamptz) IS 'A part of jit.findings()';

CREATE FUNCTION jit.findings(
    since interval    DEFAULT '30 days',
    until timestamptz DEFAULT NULL,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT f.*
  FROM (SELECT COALESCE($2, clock_timestamp()) AS ends_at OFFSET 0) t
 CROSS JOIN LATERAL (SELECT f.* FROM jit._findings_of_requests(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_uses(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_state(t.ends_at - $1, t.ends_at) f
                      UNION ALL
                     SELECT f.* FROM jit._findings_of_anchors() f) f
 ORDER BY array_position('{high,medium,low}', f.severity), f.kind, f.policy, f.person, f.finding
$$;
REVOKE ALL ON FUNCTION jit.findings(interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.findings(interval, timestamptz)
    IS 'What somebody should look at, in the time before until (NULL: now): severity, what was found, the rows that show it, and what to do';
