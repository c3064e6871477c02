-- What somebody should look at: each finding with the rows that show it, and what to do. The limits stand in the statements; the
-- README lists them.

CREATE FUNCTION jit._findings_of_requests(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH asked AS MATERIALIZED (
    SELECT r.request_id, r.policy_id, r.policy, r.person, r.person_name, r.authn_id, r.requested_at, r.stage_since
      FROM jit.requests r WHERE r.requested_at >= $1 AND r.requested_at < $2),
before AS MATERIALIZED ( -- three times as long, just before
    SELECT r.policy_id, r.person, count(*) AS n
      FROM jit.requests r WHERE r.requested_at >= $1 - 3 * ($2 - $1) AND r.requested_at < $1 GROUP BY r.policy_id, r.person),
votes AS (
    SELECT v.voter_name, v.voted_at, a.request_id, a.policy, v.voted_at - a.requested_at AS after,
           v.vote = 'approve'
               AND (v.voted_at - GREATEST(a.requested_at, a.stage_since) < '10 seconds'
                    OR v.voted_at - lag(v.voted_at) OVER (PARTITION BY v.voter ORDER BY v.voted_at) < '5 seconds') AS quick, v.voter
      FROM asked a JOIN jit.votes v ON v.request_id = a.request_id),
runs AS (
    SELECT v.*, row_number() OVER (PARTITION BY v.voter ORDER BY v.voted_at)
                - row_number() OVER (PARTITION BY v.voter, v.quick ORDER BY v.voted_at) AS run FROM votes v)
SELECT 'low', 'asks_often',
       a.person || ' asked ' || a.n::text || ' times for "' || a.policy || '"; before: ' || round(COALESCE(b.n, 0) / 3.0, 1)::text || ' times in as long',
       a.policy, a.person, jsonb_build_object('requests', a.ids, 'count', a.n, 'before', round(COALESCE(b.n, 0) / 3.0, 1)),
       'Ask what the work is. A longer approval with fewer rights, or a rule for the routine part, may serve it better.'
  FROM (SELECT a.policy_id, a.person AS oid, min(a.policy) AS policy, min(a.person_name) AS person, count(*) AS n,
               (array_agg(a.request_id ORDER BY a.request_id DESC))[1:20] AS ids
          FROM asked a GROUP BY a.policy_id, a.person HAVING count(*) >= 10) a
  LEFT JOIN before b ON b.policy_id = a.policy_id AND b.person = a.oid
 WHERE a.n > COALESCE(b.n, 0)
 UNION ALL
SELECT 'low', 'policy_asked_often',
       '"' || a.policy || '" was asked for ' || a.n::text || ' times by ' || a.people::text || ' people; before: ' || round(b.n / 3.0, 1)::text
           || ' times in as long',
       a.policy, NULL, jsonb_build_object('count', a.n, 'people', a.people, 'before', round(b.n / 3.0, 1)),
       'Look what changed: a new task, a broken tool, or a policy that guards too much.'
  FROM (SELECT a.policy_id, min(a.policy) AS policy, count(*) AS n, count(DISTINCT a.person) AS people
          FROM asked a GROUP BY a.policy_id HAVING count(*) >= 30) a
  JOIN (SELECT b.policy_id, sum(b.n) AS n FROM before b GROUP BY b.policy_id) b ON b.policy_id = a.policy_id
 WHERE a.n > b.n
 UNION ALL
SELECT 'medium', 'quick_fire',
       r.voter_name || ' said yes ' || count(*)::text || ' times in a row, each within seconds', NULL, r.voter_name,
       jsonb_build_object('requests', (array_agg(r.request_id ORDER BY r.voted_at))[1:20], 'count', count(*),
                          'first', min(r.voted_at), 'last', max(r.voted_at), 'seconds', round(EXTRACT(epoch FROM avg(r.after)), 1)),
       'Talk to the approver: a yes that nobody thinks about is no control. A rule can answer what needs no thought.'
  FROM runs r WHERE r.quick GROUP BY r.voter, r.voter_name, r.run HAVING count(*) >= 5
 UNION ALL
SELECT 'high', 'two_identities',
       i.name || ' was used by ' || count(DISTINCT i.authn_id)::text || ' identities', NULL, i.name,
       jsonb_build_object('identities', (array_agg(DISTINCT i.authn_id))[1:20]),
       'One role, one person: give each their own role, or nobody knows who it was.'
  FROM (SELECT a.person AS oid, a.person_name AS name, a.authn_id FROM asked a
         UNION ALL
        SELECT v.voter, v.voter_name, v.authn_id FROM asked a JOIN jit.votes v ON v.request_id = a.request_id) i
 WHERE i.authn_id IS NOT NULL GROUP BY i.oid, i.name HAVING count(DISTINCT i.authn_id) > 1
$$;
REVOKE ALL ON FUNCTION jit._findings_of_requests(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_requests(timestamptz, timestamptz) IS 'A part of jit.findings()';

CREATE FUNCTION jit._findings_of_anchors(
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
SELECT 'high', 'anchor_contradicted',
       'the container of "' || t.name || '" has other checkpoints than the ledger, the first of ' || min(l.seq)::text || ' records', NULL, NULL,
       jsonb_build_object('destination', t.name, 'url', t.url, 'checkpoints', (array_agg(l.seq ORDER BY l.seq))[1:20], 'count', count(*),
                          'found_at', min(l.rejected_at)),
       'Fetch the container and compare it with jit-verify --anchors: the ledger was changed, rolled back or restored, or somebody else wrote there. '
           || 'After a restore that was meant, drop the destination and anchor into another container or prefix.'
  FROM jit.destination_terms t JOIN jit.dead_letters l ON l.destination_id = t.destination_id
 WHERE t.kind = 'azure_blob' GROUP BY t.destination_id
 UNION ALL
SELECT 'medium', 'anchor_late',
       '"' || t.name || '" has not anchored the ledger for ' || justify_interval(date_trunc('minute', clock_timestamp() - c.signed_at))::text, NULL, NULL,
       jsonb_build_object('destination', t.name, 'anchored', d.acknowledged, 'signed', s.signed_size, 'last_error', d.last_error, 'stopped', d.stopped),
       'SELECT * FROM jit.destinations says what is wrong. Until it works, whoever has the signing key can change what is not anchored.'
  FROM jit.destination_terms t JOIN jit.deliveries d ON d.destination_id = t.destination_id CROSS JOIN jit.ledger_state s
 CROSS JOIN LATERAL (SELECT c.signed_at FROM jit.checkpoints c WHERE c.tree_size > d.acknowledged ORDER BY c.tree_size LIMIT 1) c
 WHERE t.kind = 'azure_blob' AND t.enabled AND c.signed_at < clock_timestamp() - '1 hour'::interval
$$;
REVOKE ALL ON FUNCTION jit._findings_of_anchors() FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_anchors() IS 'A part of jit.findings()';

CREATE FUNCTION jit._findings_of_state(
    since timestamptz, until timestamptz,
    OUT severity text, OUT kind text, OUT finding text, OUT policy text, OUT person text, OUT evidence jsonb, OUT what_to_do text
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
SELECT CASE WHEN LEAST(r.ended_at, r.ends_at) < clock_timestamp() - '1 day'::interval THEN 'high' ELSE 'medium' END, 'glass_not_reviewed',
       r.person_name || ' broke the glass of "' || r.policy || '" and nobody has reviewed it', r.policy, r.person_name,
       jsonb_build_object('requests', ARRAY[r.request_id], 'at', r.requested_at, 'reason', r.reason),
       'An approver looks at what was done and calls SELECT jit.review(' || r.request_id::text || ', ''justified'', ''comment'');'
  FROM jit.requests r WHERE r.review = 'awaiting'
 UNION ALL
SELECT CASE WHEN d.change = 'removed' THEN 'low' WHEN d.kind = 'membership' AND d.parts <@ '{eligible}' THEN 'medium' ELSE 'high' END, 'drift',
       CASE d.change WHEN 'removed' THEN 'no longer: ' ELSE 'by hand: ' END || d.described, d.policies[1], NULL,
       jsonb_build_object('change', d.change, 'kind', d.kind, 'parts', d.parts, 'policies', d.policies),
       CASE d.change WHEN 'removed' THEN 'If it was meant: SELECT jit.accept_drift(''why'');'
                     ELSE 'REVOKE it, or, if it was meant: SELECT jit.accept_drift(''why'');' END
  FROM jit.drift() d
 UNION ALL
SELECT 'medium', 'certification_late', '"' || p.name || '" was to be certified until ' || to_char(c.due_at, 'YYYY-MM-DD HH24:MI'), p.name, NULL,
       jsonb_build_object('campaign', c.campaign, 'due_at', c.due_at, 'started_by', c.started_by),
       'An approver calls SELECT jit.certify(' || quote_literal(p.name) || ', ''comment''); or the policy is changed or dropped.'
  FROM jit.certificates c JOIN jit.policies p ON p.policy_id = c.policy_id
 WHERE c.certified_at IS NULL AND c.due_at <= clock_timestamp()
 UNION ALL
SELECT 'low', 'policy_unused', 'nobody asked for "' || p.name || '"', p.name, NULL,
       jsonb_build_object('created_at', p.created_at, 'asked_last', (SELECT max(r.requested_at) FROM jit.requests r WHERE r.policy_id = p.policy_id)),
       'Drop it if what it guards is gone. If it guards what nobody needs, take people off eligible.'
  FROM jit.policies p
 WHERE p.mode <> 'off' AND p.name <> 'jit_guard' AND p.created_at < $1 AND p.eligible <> '{}'
   AND NOT EXISTS (SELECT FROM jit.requests r WHERE r.policy_id = p.policy_id AND r.requested_at >= $1 AND r.requested_at < $2)
$$;
REVOKE ALL ON FUNCTION jit._findings_of_state(timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION jit._findings_of_state(timestamptz, timestamptz) IS 'A part of jit.findings()';
