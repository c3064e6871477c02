-- What people see: each what concerns them; jit_admin and jit_auditor everything.

CREATE VIEW jit.available WITH (security_barrier) AS
SELECT p.name AS policy,
       p.actions,
       p.objects,
       p.lends[1] AS lends,
       p.elevates_to[1] AS elevates_to,
       p.default_duration,
       p.max_duration,
       p.approvals,
       pg_catalog.array_to_string(p.approvers, ', ') AS approvers,
       p.require_reason,
       p.ticket_pattern,
       p.pending_timeout,
       p.mode,
       (SELECT pg_catalog.max(a.ends_at)
          FROM jit.approvals a
         WHERE a.person = jit.person() AND a.policy_id = p.policy_id
           AND a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp()) AS held_until
  FROM jit.policies p
 WHERE p.mode <> 'off' AND jit.belongs(p.eligible);
COMMENT ON VIEW jit.available IS 'The policies under which I may ask';
COMMENT ON COLUMN jit.available.held_until IS 'Until when I hold an approval under the policy now; NULL if I hold none';

CREATE VIEW jit.my_requests WITH (security_barrier) AS
SELECT r.request_id,
       r.policy,
       CASE WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN 'timed_out'
            WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'ended'
            WHEN r.state = 'approved' AND r.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
            WHEN r.state = 'approved' THEN 'active'
            ELSE r.state END AS state,
       CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'expired'
            ELSE r.end_reason END AS end_reason,
       r.actions,
       r.objects,
       r.reason,
       r.ticket,
       r.duration,
       r.requested_at,
       r.pending_until,
       r.decided_at,
       r.starts_at,
       r.ends_at,
       CASE WHEN r.state = 'approved' AND r.ends_at > pg_catalog.clock_timestamp()
            THEN r.ends_at - GREATEST(r.starts_at, pg_catalog.clock_timestamp()) END AS remaining,
       r.ended_at,
       (SELECT pg_catalog.string_agg(v.voter_name || ': ' || v.vote || COALESCE(' (' || v.comment || ')', ''), ', '
                                     ORDER BY v.voted_at)
          FROM jit.votes v WHERE v.request_id = r.request_id) AS votes
  FROM jit.requests r
 WHERE r.person = jit.person();
COMMENT ON VIEW jit.my_requests IS 'My requests, with their state as of now';
COMMENT ON COLUMN jit.my_requests.state IS 'pending, scheduled, active, denied, cancelled, timed_out or ended';
COMMENT ON COLUMN jit.my_requests.remaining IS 'How long an approved right still lasts';

CREATE VIEW jit.pending WITH (security_barrier) AS
SELECT r.request_id,
       r.policy,
       r.person_name AS person,
       r.reason,
       r.ticket,
       r.actions,
       r.objects,
       p.elevates_to[1] AS elevates_to,
       r.duration,
       r.starts_at,
       r.requested_at,
       r.pending_until,
       p.approvals AS approvals_needed,
       (SELECT pg_catalog.count(*) FROM jit.votes v WHERE v.request_id = r.request_id AND v.vote = 'approve')::integer
           AS approvals_given,
       r.authn_id,
       r.client_addr,
       r.application_name,
       p.max_duration,
       p.mode,
       (SELECT pg_catalog.count(*) FROM jit.requests h WHERE h.person = r.person AND h.request_id <> r.request_id
           AND h.requested_at > pg_catalog.clock_timestamp() - '30 days'::interval)::integer AS person_requests_30d,
       (SELECT pg_catalog.max(h.decided_at) FROM jit.requests h WHERE h.person = r.person AND h.state = 'denied')
           AS person_last_denied,
       CASE WHEN r.person <> jit.person() AND jit.belongs(p.approvers)
             AND NOT EXISTS (SELECT FROM jit.votes v WHERE v.request_id = r.request_id AND v.voter = jit.person())
            THEN 'SELECT jit.approve(' || r.request_id::text || ');' END AS to_approve,
       CASE WHEN r.person <> jit.person() AND jit.belongs(p.approvers)
             AND NOT EXISTS (SELECT FROM jit.votes v WHERE v.request_id = r.request_id AND v.voter = jit.person())
            THEN 'SELECT jit.deny(' || r.request_id::text || ', ''why'');' END AS to_deny
  FROM jit.requests r
  JOIN jit.policies p ON p.policy_id = r.policy_id
 WHERE r.state = 'pending' AND r.pending_until > pg_catalog.clock_timestamp()
   AND (jit.sees_all() OR (r.person <> jit.person() AND jit.belongs(p.approvers)));
COMMENT ON VIEW jit.pending IS 'The requests that I may decide; auditors and admins see all that wait';
COMMENT ON COLUMN jit.pending.to_approve IS 'The call that approves it; NULL when it is not mine to decide, or I have voted';
COMMENT ON COLUMN jit.pending.person_requests_30d IS 'Other requests of this person within 30 days';
COMMENT ON COLUMN jit.pending.person_last_denied IS 'When a request of this person was last denied';

CREATE VIEW jit.active WITH (security_barrier) AS
SELECT a.request_id,
       r.person_name AS person,
       r.policy,
       CASE WHEN a.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled' ELSE 'active' END AS state,
       r.actions,
       r.objects,
       p.elevates_to[1] AS elevates_to,
       a.starts_at,
       a.ends_at,
       a.ends_at - GREATEST(a.starts_at, pg_catalog.clock_timestamp()) AS remaining,
       r.reason,
       r.ticket,
       (SELECT pg_catalog.string_agg(v.voter_name, ', ' ORDER BY v.voted_at) FROM jit.votes v
         WHERE v.request_id = a.request_id AND v.vote = 'approve') AS approved_by
  FROM jit.approvals a
  JOIN jit.requests r ON r.request_id = a.request_id
  LEFT JOIN jit.policies p ON p.policy_id = a.policy_id
 WHERE a.ends_at > pg_catalog.clock_timestamp()
   AND (a.person = jit.person() OR jit.sees_all() OR jit.belongs(p.approvers));
COMMENT ON VIEW jit.active IS 'Rights in force or scheduled: mine, those I may revoke, and all for auditors and admins';
COMMENT ON COLUMN jit.active.remaining IS 'How long it lasts from now, or from its start when it is scheduled';

CREATE VIEW jit.audit WITH (security_barrier) AS
SELECT e.event_id,
       e.happened_at,
       e.event,
       e.request_id,
       e.policy,
       e.person,
       e.actor,
       e.authn_id,
       e.client_addr,
       CASE e.event
            WHEN 'requested' THEN e.actor || ' asked for "' || e.policy || '" for ' || (e.detail ->> 'duration')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'vote' THEN e.actor || CASE e.detail ->> 'vote' WHEN 'deny' THEN ' said no to ' ELSE ' said yes to ' END
                 || e.person || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'approved' THEN e.person || ' may use "' || e.policy || '" until ' || (e.detail ->> 'ends_at')
            WHEN 'denied' THEN e.person || ' was denied "' || e.policy || '"' || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'cancelled' THEN CASE WHEN e.detail ->> 'reason' IS NULL
                 THEN e.actor || ' took back request ' || e.request_id::text
                 ELSE e.actor || ' ended request ' || e.request_id::text || ' of ' || e.person || ': ' || (e.detail ->> 'reason') END
            WHEN 'timed_out' THEN 'nobody decided in time whether ' || e.person || ' may use "' || e.policy || '"'
            WHEN 'expired' THEN e.person || '''s approval under "' || e.policy || '" is over'
            WHEN 'released' THEN e.actor || ' gave "' || e.policy || '" back'
            WHEN 'revoked' THEN e.actor || ' revoked "' || e.policy || '" from ' || e.person
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'loan_granted' THEN e.person || ' was made a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_returned' THEN e.person || ' is no longer a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_refused' THEN e.person || ' could not be made a member of "' || (e.detail ->> 'role') || '": '
                 || (e.detail ->> 'why')
            WHEN 'guard_dropped' THEN e.actor || ' dropped ' || (e.detail ->> 'object') || ', which "' || e.policy || '" guarded'
            WHEN 'rebound' THEN e.actor || ' bound the policies to this database'
            ELSE e.actor || ': ' || pg_catalog.replace(e.event, '_', ' ') || COALESCE(' "' || e.policy || '"', '')
       END AS story,
       e.detail
  FROM jit.events e
 WHERE jit.sees_all()
    OR EXISTS (SELECT FROM jit.requests r WHERE r.request_id = e.request_id AND r.person = jit.person())
    OR EXISTS (SELECT FROM jit.votes v WHERE v.request_id = e.request_id AND v.voter = jit.person())
    OR EXISTS (SELECT FROM jit.requests r JOIN jit.policies p ON p.policy_id = r.policy_id
                WHERE r.request_id = e.request_id AND jit.belongs(p.approvers));
COMMENT ON VIEW jit.audit IS 'Everything that happened, one row an event: about my requests and those I may decide or voted on, and all for auditors and admins';
COMMENT ON COLUMN jit.audit.story IS 'The event in one sentence';

CREATE VIEW jit.status WITH (security_barrier) AS
SELECT f.fact, f.value FROM jit.status_facts() f
UNION ALL
SELECT 'policies', pg_catalog.count(*)::text FROM jit.policies
UNION ALL
SELECT 'policies enforced', pg_catalog.count(*)::text FROM jit.policies p WHERE p.mode = 'enforce'
UNION ALL
SELECT 'requests pending', pg_catalog.count(*)::text FROM jit.requests r
 WHERE r.state = 'pending' AND r.pending_until > pg_catalog.clock_timestamp()
UNION ALL
SELECT 'approvals in force', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp()
UNION ALL
SELECT 'approvals scheduled', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at > pg_catalog.clock_timestamp();
COMMENT ON VIEW jit.status IS 'The state of jit_guard, one fact a row';
