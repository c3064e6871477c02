-- crowd_rows.sql: what the people of crowd_people.sql did in a year: crowd.requests requests (a setting), a hundredth of
-- them pending, a fiftieth approved and live, with their votes and events. For a server that runs without the library,
-- where the tables of jit_guard are tables like any other, while their triggers are off.
CREATE TEMPORARY TABLE asked AS
SELECT i::bigint AS request_id, p.policy_id, p.name AS policy, p.approvals AS needed, p.objects, p.actions,
       a.oid AS person, a.rolname AS person_name, v.oids AS voters, v.names AS voter_names,
       CASE WHEN i > n - n / 100 THEN 'pending'
            WHEN i > n - n / 100 - n / 50 THEN 'approved'
            ELSE (ARRAY['ended', 'ended', 'ended', 'ended', 'ended', 'ended', 'ended', 'denied', 'cancelled', 'timed_out'])[1 + i / 7 % 10] END AS state,
       CASE WHEN i > n - n / 100 THEN clock_timestamp() - '3 h'::interval * (n - i) * 100 / n
            WHEN i > n - n / 100 - n / 50 THEN clock_timestamp() - '3 h'::interval - '1 h'::interval * (n - n / 100 - i) * 50 / n
            ELSE clock_timestamp() - '5 h'::interval - '365 days'::interval * (n - i) / n END AS at
  FROM (SELECT pg_catalog.current_setting('crowd.requests')::int) s(n)
 CROSS JOIN LATERAL generate_series(1, n) i
  JOIN jit.policies p ON p.name = 'policy-' || (i::bigint * 7919 % 200)::text
  JOIN LATERAL (SELECT substr(p.name, 8)::int % 20) t(team) ON true
  JOIN pg_authid a ON a.rolname = 'person_' || (team + 20 * (i / 200 % 15))::text
  JOIN LATERAL (SELECT array_agg(l.oid ORDER BY l.rolname), array_agg(l.rolname ORDER BY l.rolname)
                  FROM pg_auth_members m JOIN pg_authid l ON l.oid = m.member
                 WHERE m.roleid = ('leads_' || team)::regrole AND l.rolname LIKE 'person%') v(oids, names) ON true;

INSERT INTO jit.requests (request_id, policy_id, policy, person, person_name, authn_id, client_addr, application_name, state,
    end_reason, actions, objects, narrowed, reason, ticket, duration, starts_at, requested_at, pending_until, decided_at, ends_at, ended_at)
OVERRIDING SYSTEM VALUE
SELECT request_id, policy_id, policy, person, person_name, NULL, '10.1.2.3', 'psql', state,
       CASE state WHEN 'ended' THEN (ARRAY['expired', 'expired', 'released', 'revoked'])[1 + request_id % 4] END,
       actions, objects, false, 'case ' || request_id, 'OPS-' || request_id, '6 h',
       CASE WHEN state IN ('approved', 'ended') THEN at + '5 min' END, at, at + '4 h',
       CASE WHEN state IN ('approved', 'ended', 'denied') THEN at + '5 min' END,
       CASE WHEN state IN ('approved', 'ended') THEN at + '6 h 5 min' END,
       CASE state WHEN 'ended' THEN at + '3 h' WHEN 'cancelled' THEN at + '3 min' WHEN 'timed_out' THEN at + '4 h' END
  FROM asked ORDER BY request_id;

INSERT INTO jit.votes (request_id, voter, voter_name, vote, comment, voted_at)
SELECT request_id, voters[k], voter_names[k], CASE state WHEN 'denied' THEN 'deny' ELSE 'approve' END, 'looks right',
       at + '1 min'::interval * (2 + k)
  FROM asked, generate_series(1, 2) k
 WHERE k <= CASE WHEN state IN ('approved', 'ended') THEN needed WHEN state = 'denied' THEN 1
                 WHEN state IN ('pending', 'timed_out') THEN needed - 1 ELSE 0 END
 ORDER BY request_id, k;

INSERT INTO jit.approvals
SELECT (jsonb_populate_record(NULL::jit.approvals, to_jsonb(r) || to_jsonb(g) || '{"by_statement": false}')).*
  FROM jit.requests r JOIN jit.guards g ON g.policy_id = r.policy_id WHERE r.state = 'approved';

INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, client_addr, detail)
SELECT * FROM (
    SELECT at, 'requested', request_id, policy, person_name, person_name, '10.1.2.3'::inet,
           jsonb_build_object('duration', '06:00:00', 'reason', 'case ' || request_id, 'ticket', 'OPS-' || request_id) FROM asked
    UNION ALL
    SELECT v.voted_at, 'vote', request_id, a.policy, a.person_name, v.voter_name, '10.1.2.4',
           jsonb_build_object('vote', v.vote, 'comment', v.comment) FROM jit.votes v JOIN asked a USING (request_id)
    UNION ALL
    SELECT decided_at, CASE state WHEN 'denied' THEN 'denied' ELSE 'approved' END, request_id, policy, person_name, 'person_1', '10.1.2.4',
           jsonb_build_object('starts_at', starts_at, 'ends_at', ends_at) FROM jit.requests WHERE decided_at IS NOT NULL
    UNION ALL
    SELECT at + '10 min', w, request_id, policy, person_name, 'jit_guard lender', NULL,
           jsonb_build_object('role', 'lent_1') FROM asked, unnest('{loan_granted,loan_returned}'::text[]) w
     WHERE state IN ('approved', 'ended') AND request_id % 3 > 0
    UNION ALL
    SELECT ended_at, COALESCE(end_reason, state), request_id, policy, person_name, 'jit_guard keeper', NULL, '{}'
      FROM jit.requests WHERE ended_at IS NOT NULL) e(at) ORDER BY at;
SELECT setval(pg_get_serial_sequence('jit.requests', 'request_id'), max(request_id)) FROM jit.requests;
DROP TABLE asked;
