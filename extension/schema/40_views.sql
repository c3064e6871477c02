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
       pg_catalog.array_to_string(p.approvers, ', ')
           || COALESCE((SELECT pg_catalog.string_agg(', then ' || pg_catalog.array_to_string(s.approvers, ', ')
                                                     || CASE WHEN s.approvals > 1 THEN ' (' || s.approvals::text || ')' ELSE '' END,
                                                     '' ORDER BY s.stage)
                          FROM jit.stages s WHERE s.policy_id = p.policy_id), '') AS approvers,
       (1 + (SELECT pg_catalog.count(*) FROM jit.stages s WHERE s.policy_id = p.policy_id))::integer AS stages,
       CASE WHEN p.approvals = 0 THEN 'always'
            WHEN EXISTS (SELECT FROM jit.rules u WHERE u.policy_id = p.policy_id AND u.verdict = 'approve') THEN 'by rule'
            ELSE 'never' END AS automatic,
       p.require_reason,
       p.ticket_pattern,
       p.pending_timeout,
       p.mode,
       p.max_uses,
       p.max_rows,
       p.statement,
       p.require_mfa,
       p.networks,
       (SELECT pg_catalog.max(a.ends_at)
          FROM jit.approvals a
         WHERE a.person = jit.person() AND a.policy_id = p.policy_id
           AND a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp() AND NOT a.by_statement
           AND NOT EXISTS (SELECT FROM jit.use_counts u
                            WHERE u.request_id = a.request_id
                              AND (u.used >= LEAST(a.uses, p.max_uses) OR u.rows >= LEAST(a.rows, p.max_rows)))) AS held_until,
       p.hours,
       CASE WHEN p.hours IS NOT NULL THEN jit.opens(p.hours, pg_catalog.clock_timestamp()) END AS closed_until,
       jit.belongs(p.eligible) AS may_ask,
       CASE WHEN jit.belongs(p.break_glass) THEN p.break_glass_duration END AS break_glass
  FROM jit.policies p
 WHERE p.mode <> 'off' AND jit.belongs(p.eligible || p.break_glass);
COMMENT ON VIEW jit.available IS 'The policies under which I may ask, or whose glass I may break';
COMMENT ON COLUMN jit.available.held_until IS 'Until when I hold an approval of it now, those of single statements left out; NULL if I hold none';

CREATE VIEW jit.my_requests WITH (security_barrier) AS
WITH w AS MATERIALIZED (SELECT w.* FROM jit.waiting(true) w)
SELECT r.request_id,
       r.policy,
       CASE WHEN r.state = 'pending' AND r.pending_until <= pg_catalog.clock_timestamp() THEN 'timed_out'
            WHEN r.state = 'approved' AND (r.ends_at <= pg_catalog.clock_timestamp() OR c.uses_left = 0 OR c.rows_left = 0) THEN 'ended'
            WHEN r.state = 'approved' AND r.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
            WHEN r.state = 'approved' THEN 'active'
            ELSE r.state END AS state,
       CASE WHEN r.state = 'approved' AND r.ends_at <= pg_catalog.clock_timestamp() THEN 'expired'
            WHEN r.state = 'approved' AND (c.uses_left = 0 OR c.rows_left = 0) THEN 'used_up'
            ELSE r.end_reason END AS end_reason,
       r.actions,
       r.objects,
       r.reason,
       r.ticket,
       r.duration,
       r.uses,
       CASE WHEN r.end_reason = 'used_up' AND r.rows IS NULL THEN 0 ELSE c.uses_left END AS uses_left,
       r.rows,
       CASE WHEN r.end_reason = 'used_up' AND r.uses IS NULL AND r.rows > 0 THEN 0 ELSE c.rows_left END AS rows_left,
       r.requested_at,
       r.pending_until,
       CASE WHEN w.unproved THEN 'your proof of person'
            WHEN w.request_id IS NOT NULL THEN 'stage ' || w.stage::text || ' of ' || w.stages::text || ': '
                 || w.approvals_given::text || ' of ' || w.approvals_needed::text || ' approvals, from ' || w.waits_for END AS waits_for,
       r.decided_at,
       r.starts_at,
       r.ends_at,
       CASE WHEN r.state = 'approved' AND r.ends_at > pg_catalog.clock_timestamp() AND c.uses_left IS DISTINCT FROM 0
                 AND c.rows_left IS DISTINCT FROM 0
            THEN r.ends_at - GREATEST(r.starts_at, pg_catalog.clock_timestamp()) END AS remaining,
       r.ended_at,
       (SELECT pg_catalog.string_agg(v.voter_name || COALESCE(' for ' || v.for_whom_name, '') || ': ' || v.vote || COALESCE(' (' || v.comment || ')', ''), ', '
                                     ORDER BY v.voted_at)
          FROM jit.votes v WHERE v.request_id = r.request_id) AS votes,
       r.extends,
       r.break_glass,
       r.review,
       r.verdict,
       r.reviewed_by,
       r.review_comment,
       (SELECT s.statement FROM jit.statements s WHERE s.request_id = COALESCE(r.extends, r.request_id)) AS statement,
       CASE WHEN w.unproved THEN 'SELECT jit.prove(' || r.request_id::text || ', ''code'');' END AS to_prove
  FROM jit.requests r
  LEFT JOIN w ON w.request_id = r.request_id
  LEFT JOIN (SELECT a.request_id, CASE WHEN LEAST(a.uses, p.max_uses) > 0 THEN GREATEST(LEAST(a.uses, p.max_uses) - u.used, 0) END AS uses_left,
                    CASE WHEN LEAST(a.rows, p.max_rows) > 0 THEN GREATEST(LEAST(a.rows, p.max_rows) - u.rows, 0) END AS rows_left
               FROM jit.approvals a JOIN jit.policies p ON p.policy_id = a.policy_id
               JOIN jit.use_counts u ON u.request_id = a.request_id) c ON c.request_id = r.request_id
 WHERE r.person = jit.person();
COMMENT ON VIEW jit.my_requests IS 'My requests, with their state as of now';
COMMENT ON COLUMN jit.my_requests.state IS 'pending, scheduled, active, denied, cancelled, timed_out or ended';
COMMENT ON COLUMN jit.my_requests.uses IS 'How many guarded statements I asked for; NULL: any number';
COMMENT ON COLUMN jit.my_requests.uses_left IS 'How many are left of an approved right; NULL: any number, or it is over';
COMMENT ON COLUMN jit.my_requests.rows IS 'How many rows of guarded tables I asked for; NULL: any number';
COMMENT ON COLUMN jit.my_requests.rows_left IS 'How many of them are left of an approved right; NULL: any number, or it is over';
COMMENT ON COLUMN jit.my_requests.remaining IS 'How long an approved right still lasts';

-- In the views that follow, what depends on the reader alone is asked once and what depends on the policy once a policy,
-- not for every row: jit.person() and jit.belongs() are calls.
CREATE VIEW jit.pending WITH (security_barrier) AS
WITH w AS MATERIALIZED (SELECT w.* FROM jit.waiting(false) w),
-- What is known about a policy is asked once for all its requests, and what is known about a person for all theirs.
p AS MATERIALIZED (
    SELECT p.policy_id, p.elevates_to[1] AS elevates_to, p.max_uses, p.max_rows, p.max_duration, p.mode, p.hours,
           CASE WHEN p.hours IS NOT NULL THEN jit.opens(p.hours, pg_catalog.clock_timestamp()) END AS opens,
           CASE WHEN p.hours IS NOT NULL THEN jit.closes(p.hours, pg_catalog.clock_timestamp()) END AS closes
      FROM jit.policies p
     WHERE EXISTS (SELECT FROM w)),
h AS MATERIALIZED (
    SELECT s.person,
           (SELECT pg_catalog.count(*) FROM jit.requests h WHERE h.person = s.person
               AND h.requested_at > pg_catalog.statement_timestamp() - '30 days'::interval) AS month,
           (SELECT pg_catalog.max(h.decided_at) FROM jit.requests h WHERE h.person = s.person AND h.state = 'denied') AS last_denied
      FROM (SELECT DISTINCT w.person FROM w) s)
SELECT r.request_id,
       r.policy,
       r.person_name AS person,
       r.reason,
       r.ticket,
       r.actions,
       r.objects,
       p.elevates_to,
       r.duration,
       LEAST(r.uses, p.max_uses) AS uses,
       LEAST(r.rows, p.max_rows) AS rows,
       r.starts_at,
       r.requested_at,
       r.pending_until,
       w.stage,
       w.stages,
       w.approvals_needed,
       w.approvals_given,
       CASE WHEN w.unproved THEN 'proof of person by ' || r.person_name ELSE w.waits_for END AS waits_for,
       w.escalated,
       w.in_place_of,
       r.authn_id,
       r.client_addr,
       r.application_name,
       p.max_duration,
       p.mode,
       h.month::integer - (r.requested_at > pg_catalog.statement_timestamp() - '30 days'::interval)::integer AS person_requests_30d,
       h.last_denied AS person_last_denied,
       COALESCE(r.change -> 'difference', r.change -> 'after', r.change -> 'before') AS change,
       CASE WHEN p.hours IS NOT NULL AND r.starts_at > pg_catalog.clock_timestamp() THEN jit.opens(p.hours, r.starts_at)
            ELSE p.opens END AS closed_until,
       CASE WHEN p.hours IS NULL THEN NULL
            WHEN r.starts_at > pg_catalog.clock_timestamp() THEN
                 CASE WHEN jit.closes(p.hours, r.starts_at) < r.starts_at + r.duration THEN jit.closes(p.hours, r.starts_at) END
            WHEN p.closes < pg_catalog.clock_timestamp() + r.duration THEN p.closes END AS clipped_at,
       s.statement,
       s.open_ends AS cannot_be_bound,
       s.estimate,
       CASE WHEN w.must_prove THEN 'SELECT jit.prove(' || r.request_id::text || ', ''code'');' END AS to_prove,
       CASE WHEN w.may_approve THEN 'SELECT jit.approve(' || r.request_id::text || ');' END AS to_approve,
       CASE WHEN w.may_deny THEN 'SELECT jit.deny(' || r.request_id::text || ', ''why'');' END AS to_deny
  FROM w
  JOIN jit.requests r ON r.request_id = w.request_id
  JOIN p ON p.policy_id = r.policy_id
  JOIN h ON h.person = w.person
  LEFT JOIN LATERAL (SELECT s.statement, s.open_ends, s.estimate FROM jit.statements s
                      WHERE s.request_id = COALESCE(r.extends, r.request_id) OFFSET 0) s ON true
 WHERE r.state = 'pending' AND r.pending_until > pg_catalog.clock_timestamp();
COMMENT ON VIEW jit.pending IS 'The requests that I may decide; auditors and admins see all that wait';
COMMENT ON COLUMN jit.pending.to_approve IS 'The call that approves it; NULL when it is not mine to approve in this stage, or I have voted';
COMMENT ON COLUMN jit.pending.person_requests_30d IS 'Other requests of this person within 30 days';
COMMENT ON COLUMN jit.pending.person_last_denied IS 'When a request of this person was last denied';

CREATE VIEW jit.active WITH (security_barrier) AS
WITH p AS MATERIALIZED (SELECT p.policy_id, p.elevates_to, p.max_uses, p.max_rows, d.policy_id IS NOT NULL AS decides
                             FROM jit.policies p LEFT JOIN jit.decides() d ON d.policy_id = p.policy_id),
a AS MATERIALIZED (
    SELECT a.request_id, a.starts_at, a.ends_at, LEAST(a.uses, p.max_uses) AS uses, LEAST(a.rows, p.max_rows) AS rows,
           p.elevates_to[1] AS elevates_to
      FROM jit.approvals a LEFT JOIN p ON p.policy_id = a.policy_id
     WHERE a.ends_at > pg_catalog.clock_timestamp()
       AND ((SELECT jit.sees_all()) OR a.person = (SELECT jit.person()) OR p.decides)),
v AS MATERIALIZED (
    SELECT s.request_id, pg_catalog.string_agg(s.voter_name, ', ') AS approved_by
      FROM (SELECT v.request_id, v.voter_name FROM jit.votes v
             WHERE v.request_id = ANY (ARRAY(SELECT a.request_id FROM a)) AND v.vote = 'approve'
             ORDER BY v.request_id, v.voted_at) s
     GROUP BY s.request_id)
-- OFFSET 0, and the array above: requests and votes are found by their numbers, however many these seem to be, and never by
-- reading a year of them.
SELECT a.request_id,
       r.person_name AS person,
       r.policy,
       CASE WHEN a.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled' ELSE 'active' END AS state,
       r.actions,
       r.objects,
       a.elevates_to,
       a.starts_at,
       a.ends_at,
       a.ends_at - GREATEST(a.starts_at, pg_catalog.clock_timestamp()) AS remaining,
       a.uses,
       CASE WHEN a.uses > 0 THEN GREATEST(a.uses - u.used, 0) END AS uses_left,
       a.rows,
       CASE WHEN a.rows > 0 THEN GREATEST(a.rows - u.rows, 0) END AS rows_left,
       r.reason,
       r.ticket,
       v.approved_by,
       (SELECT s.statement FROM jit.statements s WHERE s.request_id = a.request_id) AS statement
  FROM a
 CROSS JOIN LATERAL (SELECT r.person_name, r.policy, r.actions, r.objects, r.reason, r.ticket FROM jit.requests r
                      WHERE r.request_id = a.request_id OFFSET 0) r
  LEFT JOIN v ON v.request_id = a.request_id
  LEFT JOIN jit.use_counts u ON u.request_id = a.request_id;
COMMENT ON VIEW jit.active IS 'Rights in force or scheduled: mine, those I may revoke, and all for auditors and admins';
COMMENT ON COLUMN jit.active.remaining IS 'How long it lasts from now, or from its start when it is scheduled';

-- The newest first, so that the last fifty are found without reading the rest. It has three parts, and a reader one of
-- them: all events; when many requests concern the reader, all events with a look at the request of each; when few do,
-- the events of these.
CREATE VIEW jit.history WITH (security_barrier) AS
WITH me AS MATERIALIZED (
    SELECT jit.person() AS person, jit.sees_all() AS sees_all,
           ARRAY(SELECT d.policy_id FROM jit.decides() d) AS decides),
crowd AS MATERIALIZED (
    SELECT pg_catalog.count(*) > 1000 AS is_large
      FROM ((SELECT FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[]) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.requests r WHERE r.person = (SELECT me.person FROM me) LIMIT 1001)
            UNION ALL
            (SELECT FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me) LIMIT 1001)) s)
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
                 || e.person || COALESCE(' in the place of ' || (e.detail ->> 'in_place_of'), '')
                 || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'approved' THEN e.person || ' may use "' || e.policy || '" until ' || (e.detail ->> 'ends_at')
            WHEN 'denied' THEN e.person || ' was denied "' || e.policy || '"' || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'cancelled' THEN CASE WHEN e.detail ->> 'reason' IS NULL
                 THEN e.actor || ' took back request ' || e.request_id::text
                 ELSE e.actor || ' ended request ' || e.request_id::text || ' of ' || e.person || ': ' || (e.detail ->> 'reason') END
            WHEN 'stage_reached' THEN 'the request of ' || e.person || ' for "' || e.policy || '" reached stage ' || (e.detail ->> 'stage')
                 || ': now ' || (e.detail ->> 'approvers') || ' must say yes'
            WHEN 'escalated' THEN 'nobody decided in time: ' || (e.detail ->> 'to') || ' may decide whether ' || e.person
                 || ' may use "' || e.policy || '"'
            WHEN 'reminder' THEN e.person || ' still waits for "' || e.policy || '"; who can decide: ' || (e.detail ->> 'who')
            WHEN 'ends_soon' THEN e.person || '''s approval under "' || e.policy || '" ends at ' || (e.detail ->> 'ends_at')
            WHEN 'delegated' THEN e.actor || ' lets ' || (e.detail ->> 'delegate') || ' decide in his place'
                 || COALESCE(' under "' || e.policy || '"', '') || ' until ' || (e.detail ->> 'ends_at')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'undelegated' THEN e.actor || ' ended that ' || (e.detail ->> 'delegate') || ' decides in the place of ' || e.person
            WHEN 'timed_out' THEN 'nobody decided in time whether ' || e.person || ' may use "' || e.policy || '"'
            WHEN 'expired' THEN e.person || '''s approval under "' || e.policy || '" is over'
            WHEN 'break_glass' THEN e.person || ' broke the glass of "' || e.policy || '" for ' || (e.detail ->> 'duration') || ': '
                 || (e.detail ->> 'reason')
            WHEN 'reviewed' THEN e.actor || ' found the broken glass of ' || e.person || ' under "' || e.policy || '" '
                 || (e.detail ->> 'verdict') || COALESCE(': ' || (e.detail ->> 'comment'), '')
            WHEN 'extended' THEN e.person || '''s approval under "' || e.policy || '" is extended until ' || (e.detail ->> 'ends_at')
            WHEN 'shortened' THEN e.person || '''s approval under "' || e.policy || '" ends earlier, at ' || (e.detail ->> 'ends_at')
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'used_up' THEN e.person || '''s approval under "' || e.policy || '" is used up'
            WHEN 'released' THEN e.actor || ' gave "' || e.policy || '" back'
            WHEN 'revoked' THEN e.actor || ' revoked "' || e.policy || '" from ' || e.person
                 || COALESCE(': ' || (e.detail ->> 'reason'), '')
            WHEN 'loan_granted' THEN e.person || ' was made a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_returned' THEN e.person || ' is no longer a member of "' || (e.detail ->> 'role') || '"'
            WHEN 'loan_refused' THEN e.person || ' could not be made a member of "' || (e.detail ->> 'role') || '": '
                 || (e.detail ->> 'why')
            WHEN 'left_behind' THEN e.person || ' used ' || COALESCE('"' || e.policy || '"', 'the loan of request ' || (e.detail ->> 'control_request'))
                 || ' for ' || (e.detail ->> 'command') || ': '
                 || pg_catalog.concat_ws(', ', e.detail ->> 'made', e.detail ->> 'changed', e.detail ->> 'dropped')
            WHEN 'guard_dropped' THEN e.actor || ' dropped ' || (e.detail ->> 'object') || ', which "' || e.policy || '" guarded'
            WHEN 'proved' THEN e.person || ' proved with ' || (e.detail ->> 'factor') || ' that it is them'
            WHEN 'locked_out' THEN e.person || ' may not prove anything until ' || (e.detail ->> 'until')
            WHEN 'factor_enrolled' THEN e.actor || ' enrolled a second factor: ' || (e.detail ->> 'factor')
            WHEN 'factor_removed' THEN e.actor || ' removed a second factor: ' || (e.detail ->> 'factor')
            WHEN 'factors_reset' THEN e.actor || ' reset the second factors of ' || e.person || ': ' || (e.detail ->> 'reason')
            WHEN 'label_set' THEN e.actor || CASE WHEN e.detail ->> 'label' = '' THEN ' untied ' || e.person || ' from Entra ID'
                                                  ELSE ' tied ' || e.person || ' to Entra ID: ' || (e.detail ->> 'label') END
            WHEN 'rebound' THEN e.actor || ' bound the policies to this database'
            ELSE e.actor || ': ' || pg_catalog.replace(e.event, '_', ' ') || COALESCE(' "' || e.policy || '"', '')
       END AS story,
       e.detail
  FROM ((SELECT e.event_id, e.happened_at, e.event, e.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM jit.events e
          WHERE (SELECT me.sees_all FROM me)
          ORDER BY e.event_id DESC)
        UNION ALL
        (SELECT e.event_id, e.happened_at, e.event, e.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM jit.events e
          WHERE (SELECT NOT me.sees_all AND crowd.is_large FROM me, crowd)
            AND ((SELECT r.person = (SELECT me.person FROM me) OR r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                    FROM jit.requests r WHERE r.request_id = e.request_id)
              OR (SELECT true FROM jit.votes v WHERE v.request_id = e.request_id AND v.voter = (SELECT me.person FROM me)))
          ORDER BY e.event_id DESC)
        UNION ALL
        (SELECT e.event_id, e.happened_at, e.event, r.request_id, e.policy, e.person, e.actor, e.authn_id, e.client_addr, e.detail
           FROM (SELECT r.request_id FROM jit.requests r WHERE r.person = (SELECT me.person FROM me)
                  UNION
                 SELECT r.request_id FROM jit.requests r WHERE r.policy_id = ANY ((SELECT me.decides FROM me)::integer[])
                  UNION
                 SELECT v.request_id FROM jit.votes v WHERE v.voter = (SELECT me.person FROM me)) r
          CROSS JOIN LATERAL (SELECT * FROM jit.events e WHERE e.request_id = r.request_id OFFSET 0) e
          WHERE (SELECT NOT me.sees_all AND NOT crowd.is_large FROM me, crowd)
          ORDER BY e.event_id DESC)) e
 ORDER BY e.event_id DESC;
COMMENT ON VIEW jit.history IS 'Everything that happened, one row an event: about my requests and those I may decide or voted on, and all for auditors and admins';
COMMENT ON COLUMN jit.history.story IS 'The event in one sentence';

CREATE VIEW jit.my_delegations WITH (security_barrier) AS
SELECT d.delegation_id,
       d.person_name AS person,
       d.delegate_name AS delegate,
       d.policy,
       CASE WHEN d.ended_at IS NOT NULL OR d.ends_at <= pg_catalog.clock_timestamp() THEN 'ended'
            WHEN d.starts_at > pg_catalog.clock_timestamp() THEN 'scheduled'
            ELSE 'active' END AS state,
       d.starts_at,
       d.ends_at,
       d.ended_at,
       d.reason,
       CASE WHEN d.ended_at IS NULL AND d.ends_at > pg_catalog.clock_timestamp()
            THEN 'SELECT jit.undelegate(' || d.delegation_id::text || ');' END AS to_end
  FROM jit.delegations d
 WHERE d.person = (SELECT jit.person()) OR d.delegate = (SELECT jit.person()) OR (SELECT jit.sees_all());
COMMENT ON VIEW jit.my_delegations IS 'Who decides in my place, and in whose place I decide; auditors and admins see all';
COMMENT ON COLUMN jit.my_delegations.delegation_id IS 'Number of the delegation: the argument of jit.undelegate()';
COMMENT ON COLUMN jit.my_delegations.person IS 'The approver whose place is taken';
COMMENT ON COLUMN jit.my_delegations.delegate IS 'Who decides in it';
COMMENT ON COLUMN jit.my_delegations.policy IS 'Under this policy only; NULL: under all';
COMMENT ON COLUMN jit.my_delegations.state IS 'active, scheduled or ended';
COMMENT ON COLUMN jit.my_delegations.starts_at IS 'From when it holds';
COMMENT ON COLUMN jit.my_delegations.ends_at IS 'Until when it holds, unless it is ended before';
COMMENT ON COLUMN jit.my_delegations.ended_at IS 'When jit.undelegate() ended it';
COMMENT ON COLUMN jit.my_delegations.reason IS 'Why, in the approver''s words';
COMMENT ON COLUMN jit.my_delegations.to_end IS 'The call that ends it; NULL when it has ended';

-- Whose glass I never judge: my own, and that of people with whom I share a delegation now.
CREATE VIEW jit.reviews WITH (security_barrier) AS
WITH friends AS MATERIALIZED (
    SELECT jit.person() AS person
     UNION ALL
    SELECT CASE d.person WHEN jit.person() THEN d.delegate ELSE d.person END FROM jit.delegations d
     WHERE jit.person() IN (d.person, d.delegate) AND d.ended_at IS NULL
       AND d.starts_at <= pg_catalog.clock_timestamp() AND d.ends_at > pg_catalog.clock_timestamp())
SELECT r.request_id,
       r.policy,
       r.person_name AS person,
       r.reason,
       r.actions,
       r.objects,
       r.starts_at,
       r.ends_at,
       r.ended_at,
       r.authn_id,
       r.client_addr,
       r.application_name,
       CASE WHEN r.person <> ALL (ARRAY(SELECT f.person FROM friends f))
             AND CASE WHEN p.policy_id IS NOT NULL AND o.oid IS NOT NULL THEN p.mine
                      ELSE (SELECT jit.sees_all()) AND (o.oid IS NOT NULL OR r.person_name <> pg_catalog.pg_get_userbyid((SELECT jit.person()))) END
            THEN 'SELECT jit.review(' || r.request_id::text || ', ''justified'', ''comment'');' END AS to_review
  FROM jit.requests r
  LEFT JOIN (SELECT q.policy_id, q.policy_id IN (SELECT d.policy_id FROM jit.decides() d) AS mine
               FROM jit.policies q OFFSET 0) p ON p.policy_id = r.policy_id
  LEFT JOIN pg_catalog.pg_roles o ON o.oid = r.person -- none: a jit_admin reviews it
 WHERE r.review = 'awaiting'
   AND ((SELECT jit.sees_all()) OR (r.person <> ALL (ARRAY(SELECT f.person FROM friends f)) AND p.mine));
COMMENT ON VIEW jit.reviews IS 'Broken glass that waits for a review: what I may review, and all for auditors and admins';
COMMENT ON COLUMN jit.reviews.request_id IS 'Number of the request: the argument of jit.review()';
COMMENT ON COLUMN jit.reviews.policy IS 'Name of the policy then';
COMMENT ON COLUMN jit.reviews.person IS 'Who broke the glass';
COMMENT ON COLUMN jit.reviews.reason IS 'What for, in the person''s words';
COMMENT ON COLUMN jit.reviews.actions IS 'What the person could do';
COMMENT ON COLUMN jit.reviews.objects IS 'On what';
COMMENT ON COLUMN jit.reviews.starts_at IS 'When the glass was broken';
COMMENT ON COLUMN jit.reviews.ends_at IS 'Until when the right was given';
COMMENT ON COLUMN jit.reviews.ended_at IS 'When it was over in fact; NULL: not yet';
COMMENT ON COLUMN jit.reviews.authn_id IS 'What the person''s connection authenticated as, if the method tells';
COMMENT ON COLUMN jit.reviews.client_addr IS 'From which address; NULL: from the server itself';
COMMENT ON COLUMN jit.reviews.application_name IS 'With which program, as it calls itself';
COMMENT ON COLUMN jit.reviews.to_review IS 'The call; NULL when it is not mine to review. The uses themselves are in the server''s log';

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
SELECT 'reviews awaited', pg_catalog.count(*)::text FROM jit.requests r WHERE r.review = 'awaiting'
UNION ALL
SELECT 'certifications late', pg_catalog.count(*)::text FROM jit.certificates c
  JOIN jit.policies p ON p.policy_id = c.policy_id
 WHERE c.certified_at IS NULL AND c.due_at <= pg_catalog.clock_timestamp()
UNION ALL
SELECT 'records in the ledger', s.tree_size::text FROM jit.ledger_state s
UNION ALL
SELECT 'records not signed yet', (s.tree_size - s.signed_size)::text FROM jit.ledger_state s
UNION ALL
SELECT 'destinations', pg_catalog.count(*)::text FROM jit.destination_terms
UNION ALL
SELECT 'destinations failing', pg_catalog.count(*)::text FROM jit.destination_terms t JOIN jit.deliveries d ON d.destination_id = t.destination_id
 WHERE t.enabled AND (d.failures > 0 OR d.stopped)
UNION ALL
SELECT 'anchors contradicted', pg_catalog.count(*)::text FROM jit.dead_letters l JOIN jit.destination_terms t ON t.destination_id = l.destination_id
 WHERE t.kind = 'azure_blob'
UNION ALL
SELECT 'PIM groups', pg_catalog.count(DISTINCT p.pim_group)::text FROM jit.policies p WHERE p.mode <> 'off'
UNION ALL
SELECT 'PIM groups failing', pg_catalog.count(*)::text FROM jit.pim_syncs s WHERE s.failures > 0
UNION ALL
SELECT 'dead letters', pg_catalog.count(*)::text FROM jit.dead_letters
UNION ALL
SELECT 'approvals in force', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at <= pg_catalog.clock_timestamp() AND a.ends_at > pg_catalog.clock_timestamp()
UNION ALL
SELECT 'approvals scheduled', pg_catalog.count(*)::text FROM jit.approvals a
 WHERE a.starts_at > pg_catalog.clock_timestamp();
COMMENT ON VIEW jit.status IS 'The state of jit_guard, one fact a row';
