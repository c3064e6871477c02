-- Recertification: from time to time somebody who answers for a policy says that it is still needed and right.

CREATE FUNCTION jit.start_certification(
    due_in   interval DEFAULT '30 days',
    policies text[]   DEFAULT NULL
) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_start_certification';
REVOKE ALL ON FUNCTION jit.start_certification(interval, text[]) FROM PUBLIC;
COMMENT ON FUNCTION jit.start_certification(interval, text[])
    IS 'Starts a campaign: these policies, or all, are to be certified within that time. Returns its number; only as a bare SELECT';

CREATE FUNCTION jit.certify(policy text, comment text DEFAULT NULL) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_certify';
REVOKE ALL ON FUNCTION jit.certify(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION jit.certify(text, text) TO PUBLIC;
COMMENT ON FUNCTION jit.certify(text, text)
    IS 'I answer for it that the policy is still needed and right, as an approver or jit_admin. Returns in how many campaigns that was open; only as a bare SELECT';

-- A policy that was dropped need not be certified any more.
CREATE VIEW jit.certifications WITH (security_barrier) AS
SELECT c.campaign,
       COALESCE(p.name, c.policy) AS policy,
       c.started_by,
       c.started_at,
       c.due_at,
       c.certified_by,
       c.certified_at,
       c.comment,
       COALESCE(c.certified_at, CASE WHEN p.policy_id IS NULL THEN c.due_at ELSE pg_catalog.clock_timestamp() END) > c.due_at AS late,
       (SELECT pg_catalog.max(r.requested_at) FROM jit.requests r WHERE r.policy_id = c.policy_id) AS asked_last,
       CASE WHEN c.certified_at IS NULL AND p.policy_id IS NOT NULL
                 AND (d.policy_id IS NOT NULL OR (SELECT jit.belongs(ARRAY(SELECT a.oid::pg_catalog.regrole FROM pg_catalog.pg_roles a WHERE a.rolname = 'jit_admin'))))
            THEN 'SELECT jit.certify(' || pg_catalog.quote_literal(p.name) || ', ''comment'');' END AS to_certify
  FROM jit.certificates c
  LEFT JOIN jit.policies p ON p.policy_id = c.policy_id
  LEFT JOIN jit.decides() d ON d.policy_id = c.policy_id
 WHERE d.policy_id IS NOT NULL OR (SELECT jit.sees_all());
COMMENT ON VIEW jit.certifications IS 'The campaigns of recertification: the policies that I decide about, and all for auditors and admins';
COMMENT ON COLUMN jit.certifications.campaign IS 'Number of the campaign';
COMMENT ON COLUMN jit.certifications.policy IS 'Name of the policy: the argument of jit.certify()';
COMMENT ON COLUMN jit.certifications.started_by IS 'Who started the campaign';
COMMENT ON COLUMN jit.certifications.started_at IS 'When';
COMMENT ON COLUMN jit.certifications.due_at IS 'Until when it is to be certified';
COMMENT ON COLUMN jit.certifications.certified_by IS 'Who certified it; NULL: nobody yet';
COMMENT ON COLUMN jit.certifications.certified_at IS 'When';
COMMENT ON COLUMN jit.certifications.comment IS 'What that person said about it';
COMMENT ON COLUMN jit.certifications.late IS 'Whether it was certified late, or is late now';
COMMENT ON COLUMN jit.certifications.asked_last IS 'When somebody last asked under the policy: is it still needed?';
COMMENT ON COLUMN jit.certifications.to_certify IS 'The call that certifies it; NULL when it is not mine, or done';
