-- One row a story: what somebody asked for, who said what to it, and how it ended. Events one by one are in jit.history.

-- The newest first, so that the last fifty are found without reading the rest. It has three parts, and a reader one of
-- them: all requests; when many concern the reader, all with a look at each; when few do, these.
CREATE VIEW jit.audit WITH (security_barrier) AS
WITH me AS MATERIALIZED (
    SELECT jit.person() AS person, jit.sees_all() AS sees_all,
           ARRAY(SELECT d.policy_id FROM jit.decides() d) AS decides),
crowd AS MATERIALIZED (
    SELECT pg_catalog.count(*) > 1000 AS is_large
      FROM ((SELECT FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[]) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.requests r WHERE r.person = (SELECT me.person FROM me) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me) LIMIT 1001)) s),
-- The partitions of the ledger that hold something: the others are not even looked at.
filled AS MATERIALIZED (SELECT ARRAY(SELECT g.segment FROM jit.ledger_segments g WHERE g.emptied_at IS NULL) AS segments)
SELECT r.request_id,
       r.person_name AS person,
       r.policy,
       r.requested_at AS asked_at,
       r.reason,
       r.ticket,
       r.actions,
       r.objects,
       r.duration,
       s.state,
       s.end_reason,
       v.votes,
       r.decided_at,
       r.decided_at - r.requested_at AS time_to_decide,
       r.starts_at,
       r.ends_at,
       s.ended_at,
       u.uses,
       u.first_use,
       u.last_use,
       u.rows,
       u.touched,
       f.refusals,
       r.extends,
       r.break_glass,
       r.review,
       r.verdict,
       r.reviewed_by,
       r.authn_id,
       r.client_addr,
       r.application_name,
       r.person_name
           || CASE WHEN r.break_glass THEN ' broke the glass of "' || r.policy || '" for '
                   WHEN r.extends IS NOT NULL THEN ' asked to extend ' || r.extends::text || ' under "' || r.policy || '" to '
                   ELSE ' asked for "' || r.policy || '" for ' END
           || pg_catalog.to_char(pg_catalog.make_interval(secs => EXTRACT(epoch FROM r.duration)::integer), 'HH24:MI:SS')
           || COALESCE(' (' || pg_catalog.translate(r.reason, E'\n\r\t', '   ') || ')', '')
           || COALESCE('; ' || v.votes, '')
           || CASE s.state
                   WHEN 'pending' THEN '; waits until ' || pg_catalog.to_char(r.pending_until, 'YYYY-MM-DD HH24:MI')
                   WHEN 'timed_out' THEN '; nobody decided in time'
                   WHEN 'cancelled' THEN '; taken back'
                   WHEN 'denied' THEN CASE WHEN v.votes IS NULL THEN '; denied by a rule' ELSE '' END
                   WHEN 'scheduled' THEN '; starts at ' || pg_catalog.to_char(r.starts_at, 'YYYY-MM-DD HH24:MI')
                   WHEN 'active' THEN '; holds until ' || pg_catalog.to_char(r.ends_at, 'YYYY-MM-DD HH24:MI')
                   ELSE '; ' || pg_catalog.replace(s.end_reason, '_', ' ') || ' after '
                        || pg_catalog.to_char(pg_catalog.make_interval(secs => GREATEST(EXTRACT(epoch FROM s.ended_at - r.starts_at)::integer, 0)), 'HH24:MI:SS') END
           || CASE WHEN u.uses > 0 THEN '; used ' || u.uses::text || CASE u.uses WHEN 1 THEN ' time' ELSE ' times' END
                                        || COALESCE(', ' || u.rows::text || CASE u.rows WHEN 1 THEN ' row' ELSE ' rows' END, '') || ', on ' || pg_catalog.array_to_string(u.touched, ', ')
                   WHEN s.state = 'ended' THEN '; not used' ELSE '' END
           || CASE WHEN f.refusals > 0 THEN '; refused ' || f.refusals::text || CASE f.refusals WHEN 1 THEN ' time' ELSE ' times' END || ' meanwhile' ELSE '' END
           || CASE r.review WHEN 'awaiting' THEN '; waits for a review'
                            WHEN 'done' THEN '; ' || r.reviewed_by || ' found it ' || r.verdict ELSE '' END AS story
  FROM ((SELECT r.* FROM jit.requests r WHERE (SELECT me.sees_all FROM me) ORDER BY r.request_id DESC)
        UNION ALL
        (SELECT r.* FROM jit.requests r
          WHERE (SELECT NOT me.sees_all AND crowd.is_large FROM me, crowd)
            AND (r.person = (SELECT me.person FROM me)
                 OR r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                 OR (SELECT true FROM jit.votes v WHERE v.request_id = r.request_id AND v.voter = (SELECT me.person FROM me)))
          ORDER BY r.request_id DESC)
        UNION ALL
        (SELECT r.*
           FROM (SELECT r.request_id FROM jit.requests r WHERE r.person = (SELECT me.person FROM me)
                  UNION
                 SELECT r.request_id FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                  UNION
                 SELECT v.request_id FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me)) n
          CROSS JOIN LATERAL (SELECT * FROM jit.requests r WHERE r.request_id = n.request_id OFFSET 0) r
          WHERE (SELECT NOT me.sees_all AND NOT crowd.is_large FROM me, crowd)
          ORDER BY r.request_id DESC)) r
 CROSS JOIN LATERAL (
    SELECT CASE WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN 'timed_out'
                WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'ended'
                WHEN r.state = 'approved' AND r.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
                WHEN r.state = 'approved' THEN 'active'
                ELSE r.state END AS state,
           CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'expired'
                ELSE r.end_reason END AS end_reason,
           CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN r.ends_at
                WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN r.pending_until
                ELSE r.ended_at END AS ended_at OFFSET 0) s
 CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(v.voter_name || COALESCE(' for ' || v.for_whom_name, '')
                                 || CASE v.vote WHEN 'deny' THEN ' said no' ELSE ' said yes' END
                                 || ' after ' || pg_catalog.to_char(pg_catalog.make_interval(secs => EXTRACT(epoch FROM v.voted_at - r.requested_at)::integer), 'HH24:MI:SS')
                                 || COALESCE(': ' || pg_catalog.translate(v.comment, E'\n\r\t', '   '), ''),
                                 '; ' ORDER BY v.voted_at) AS votes
      FROM jit.votes v WHERE v.request_id = r.request_id) v
-- Rows are of a statement, whatever objects it used: they are counted once.
 CROSS JOIN LATERAL (
    SELECT pg_catalog.count(DISTINCT x.seq) AS uses, pg_catalog.min(x.at) AS first_use, pg_catalog.max(x.at) AS last_use,
           pg_catalog.sum(x.rows) FILTER (WHERE x.nth = 1)::bigint AS rows, pg_catalog.array_agg(DISTINCT x.object ORDER BY x.object) AS touched
      FROM (SELECT l.seq, l.at, e.u ->> 'object' AS object, (n.n ->> 'rows')::bigint AS rows, pg_catalog.row_number() OVER (PARTITION BY l.seq) AS nth
              FROM jit.ledger l
             CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
             CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.r -> 'uses') AS e (u)
              LEFT JOIN LATERAL (SELECT jit.decode(x.record) AS o
                                   FROM jit.ledger x
                                  WHERE x.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
                                    AND jit.record_transaction(x.record) = jit.record_transaction(l.record)
                                    AND pg_catalog.get_byte(x.record, 1) = 5 -- an outcome; by its key all of them would be looked through
                                  ORDER BY x.seq + 0 DESC LIMIT 1) o ON true
              LEFT JOIN LATERAL (SELECT e.n FROM pg_catalog.jsonb_array_elements(o.o -> 'done') AS e (n)
                                  WHERE e.n -> 'statement_number' = d.r -> 'statement_number') n ON true
             WHERE r.state IN ('approved', 'ended')
               AND l.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
               AND jit.record_keys(l.record) @> ARRAY['request:' || r.request_id::text]
               AND pg_catalog.get_byte(l.record, 1) = 2 -- a use
               AND (e.u ->> 'request_id')::bigint = r.request_id) x) u
 CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS refusals
      FROM jit.ledger l
     WHERE l.segment = ANY ((SELECT filled.segments FROM filled)::smallint[])
       AND jit.record_keys(l.record) @> ARRAY['person:' || r.person_name, 'kind:refusal']
       AND l.at >= r.requested_at AND l.at < COALESCE(s.ended_at, 'infinity')) f
 ORDER BY r.request_id DESC;
COMMENT ON VIEW jit.audit IS 'One row a story: what was asked, who decided, how it was used and how it ended; mine, those I may decide or voted on, and all for auditors and admins';
COMMENT ON COLUMN jit.audit.request_id IS 'Number of the request; its events are in jit.history';
COMMENT ON COLUMN jit.audit.person IS 'Who asked: the authenticated role, by its name then';
COMMENT ON COLUMN jit.audit.policy IS 'Name of the policy then';
COMMENT ON COLUMN jit.audit.asked_at IS 'When it was asked';
COMMENT ON COLUMN jit.audit.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.audit.ticket IS 'The ticket that the person named';
COMMENT ON COLUMN jit.audit.actions IS 'What the person asked to do';
COMMENT ON COLUMN jit.audit.objects IS 'On what';
COMMENT ON COLUMN jit.audit.duration IS 'For how long; the time given is from starts_at to ends_at';
COMMENT ON COLUMN jit.audit.state IS 'As of now: pending, scheduled, active, denied, cancelled, timed_out or ended';
COMMENT ON COLUMN jit.audit.end_reason IS 'Why an approved right is over: expired, released, revoked or used_up';
COMMENT ON COLUMN jit.audit.votes IS 'Who said what, in order, and how long after it was asked';
COMMENT ON COLUMN jit.audit.decided_at IS 'When the deciding vote came';
COMMENT ON COLUMN jit.audit.time_to_decide IS 'How long the person waited for it';
COMMENT ON COLUMN jit.audit.starts_at IS 'When the right starts';
COMMENT ON COLUMN jit.audit.ends_at IS 'Until when it was given';
COMMENT ON COLUMN jit.audit.ended_at IS 'When it was over in fact; NULL: it is not';
COMMENT ON COLUMN jit.audit.uses IS 'How many statements used the right, as far as they are in jit.ledger';
COMMENT ON COLUMN jit.audit.first_use IS 'When it was used first';
COMMENT ON COLUMN jit.audit.last_use IS 'When it was used last';
COMMENT ON COLUMN jit.audit.rows IS 'How many rows these statements returned or changed';
COMMENT ON COLUMN jit.audit.touched IS 'The objects that they used';
COMMENT ON COLUMN jit.audit.refusals IS 'How often the person was refused from the request to its end, on whatever object';
COMMENT ON COLUMN jit.audit.extends IS 'The request whose right this one lengthens';
COMMENT ON COLUMN jit.audit.break_glass IS 'Whether the right was taken without consent';
COMMENT ON COLUMN jit.audit.review IS 'none, awaiting or done';
COMMENT ON COLUMN jit.audit.verdict IS 'What the review said: justified or unjustified';
COMMENT ON COLUMN jit.audit.reviewed_by IS 'Who said so';
COMMENT ON COLUMN jit.audit.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.audit.client_addr IS 'From which address it was asked; NULL: from the server itself';
COMMENT ON COLUMN jit.audit.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.audit.story IS 'All of that in one sentence';

-- By object: the view above would have to look at every request, and jit.uses at every use.
CREATE FUNCTION jit.touched(
    object text, since interval DEFAULT '30 days', until timestamptz DEFAULT NULL,
    OUT person text, OUT policy text, OUT request_id bigint, OUT actions text[], OUT uses bigint, OUT first_use timestamptz, OUT last_use timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT d.r ->> 'person', e.u ->> 'policy', (e.u ->> 'request_id')::bigint, array_agg(DISTINCT a.action), count(DISTINCT l.seq), min(l.at), max(l.at)
  FROM (SELECT COALESCE($3, clock_timestamp()) - $2 AS since, COALESCE($3, clock_timestamp()) AS until OFFSET 0) t
 CROSS JOIN jit.ledger_segments s -- one after the other, and only those with records of that time
 CROSS JOIN LATERAL (SELECT l.seq, l.at, l.record FROM jit.ledger l
                      WHERE l.segment = s.segment AND l.at >= t.since AND l.at < t.until
                        AND jit.record_keys(l.record) @> ARRAY['object:' || left($1, 200)] OFFSET 0) l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
 CROSS JOIN LATERAL unnest(string_to_array(e.u ->> 'actions', ', ')) AS a (action)
 WHERE (SELECT max(x.at) FROM jit.ledger x WHERE x.segment = s.segment) >= t.since
   AND (SELECT min(x.at) FROM jit.ledger x WHERE x.segment = s.segment) < t.until
   AND get_byte(l.record, 1) = 2 AND e.u ->> 'object' = $1
 GROUP BY 1, 2, 3
 ORDER BY 7 DESC;
$$;
REVOKE ALL ON FUNCTION jit.touched(text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.touched(text, interval, timestamptz)
    IS 'Who used rights on an object in the time before until (NULL: now), by person and request, the last first';

-- And by person.
CREATE FUNCTION jit.used(
    person text, since interval DEFAULT '30 days', until timestamptz DEFAULT NULL,
    OUT object text, OUT policy text, OUT request_id bigint, OUT actions text[], OUT uses bigint, OUT first_use timestamptz, OUT last_use timestamptz
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
SELECT e.u ->> 'object', e.u ->> 'policy', (e.u ->> 'request_id')::bigint, array_agg(DISTINCT a.action), count(DISTINCT l.seq), min(l.at), max(l.at)
  FROM (SELECT COALESCE($3, clock_timestamp()) - $2 AS since, COALESCE($3, clock_timestamp()) AS until OFFSET 0) t
 CROSS JOIN jit.ledger_segments s -- one after the other, and only those with records of that time
 CROSS JOIN LATERAL (SELECT l.seq, l.at, l.record FROM jit.ledger l
                      WHERE l.segment = s.segment AND l.at >= t.since AND l.at < t.until
                        AND jit.record_keys(l.record) @> ARRAY['kind:use', 'person:' || $1] OFFSET 0) l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL jsonb_array_elements(d.r -> 'uses') AS e (u)
 CROSS JOIN LATERAL unnest(string_to_array(e.u ->> 'actions', ', ')) AS a (action)
 WHERE (SELECT max(x.at) FROM jit.ledger x WHERE x.segment = s.segment) >= t.since
   AND (SELECT min(x.at) FROM jit.ledger x WHERE x.segment = s.segment) < t.until
   AND d.r ->> 'person' = $1
 GROUP BY 1, 2, 3
 ORDER BY 7 DESC;
$$;
REVOKE ALL ON FUNCTION jit.used(text, interval, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit.used(text, interval, timestamptz)
    IS 'What a person used rights on in the time before until (NULL: now), by object and request, the last first';
