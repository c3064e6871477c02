-- Drift: memberships, privileges and owners that were changed by hand, against what was there when somebody looked last.

-- What holds now. A loan by jit_lender is no drift, nor is what jit_lender holds in order to lend.
CREATE FUNCTION jit._powers(
    OUT kind text, OUT class_id oid, OUT object_id oid, OUT sub_id integer, OUT role_id oid, OUT what text, OUT described text,
    OUT parts text[], OUT policies text[]
) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
WITH RECURSIVE lender AS MATERIALIZED (SELECT r.oid FROM pg_authid r WHERE r.rolname = 'jit_lender'),
named AS MATERIALIZED ( -- roles that policies name, and in which part
    SELECT u.role_id::oid AS role_id, v.part, p.name AS policy
      FROM jit.policies p
     CROSS JOIN LATERAL (VALUES ('lends', p.lends), ('elevates_to', p.elevates_to), ('eligible', p.eligible), ('approvers', p.approvers),
                                ('exempt', p.exempt), ('break_glass', p.break_glass), ('escalate_to', p.escalate_to)) v(part, roles)
     CROSS JOIN LATERAL unnest(v.roles) u(role_id)
     UNION ALL
    SELECT u.role_id::oid, 'approvers', p.name
      FROM jit.stages s JOIN jit.policies p ON p.policy_id = s.policy_id
     CROSS JOIN LATERAL unnest(s.approvers) u(role_id)
     UNION ALL
    SELECT r.oid, r.rolname::text, NULL FROM pg_authid r WHERE r.rolname IN ('jit_admin', 'jit_auditor', 'jit_lender')),
reached(role_id, part, policy) AS ( -- and all roles that are members of these, by whatever way
    SELECT n.role_id, n.part, n.policy FROM named n
     UNION
    SELECT m.member, r.part, r.policy
      FROM reached r JOIN pg_auth_members m ON m.roleid = r.role_id
     WHERE m.grantor NOT IN (SELECT l.oid FROM lender l) AND m.member NOT IN (SELECT l.oid FROM lender l)),
roles AS MATERIALIZED (
    SELECT r.role_id, array_agg(DISTINCT r.part) AS parts, array_agg(DISTINCT r.policy) FILTER (WHERE r.policy IS NOT NULL) AS policies
      FROM reached r JOIN pg_authid a ON a.oid = r.role_id GROUP BY r.role_id),
relations AS MATERIALIZED (
    SELECT g.oid AS object_id, array_agg(DISTINCT p.name) AS policies
      FROM (SELECT g.policy_id, g.object_id AS oid FROM jit.guards g WHERE g.object_class = 'r'
             UNION ALL
            SELECT g.policy_id, c.oid FROM jit.guards g JOIN pg_class c ON c.relnamespace = g.object_id
             WHERE g.object_class = 'n' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
             UNION ALL
            SELECT g.policy_id, c.oid FROM jit.guards g
             CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE g.object_class = 'd' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
               AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'jit')) g
      JOIN jit.policies p ON p.policy_id = g.policy_id GROUP BY g.oid),
others AS MATERIALIZED (
    SELECT g.object_class, g.object_id, array_agg(DISTINCT p.name) AS policies
      FROM jit.guards g JOIN jit.policies p ON p.policy_id = g.policy_id
     WHERE g.object_class IN ('f', 's') GROUP BY g.object_class, g.object_id),
held AS (
    SELECT 'place' AS kind, 'pg_authid'::regclass::oid AS class_id, r.role_id AS object_id, 0 AS sub_id, 0::oid AS role_id, '' AS what,
           'role ' || r.role_id::regrole::text AS described, r.parts, r.policies FROM roles r
     UNION ALL
    SELECT DISTINCT 'membership', 'pg_authid'::regclass::oid, r.role_id, 0, m.member,
           CASE WHEN m.admin_option THEN 'member with admin option' ELSE 'member' END,
           m.member::regrole::text || ' is a ' || CASE WHEN m.admin_option THEN 'member with admin option' ELSE 'member' END
               || ' of ' || r.role_id::regrole::text, r.parts, r.policies
      FROM roles r JOIN pg_auth_members m ON m.roleid = r.role_id
     WHERE m.grantor NOT IN (SELECT l.oid FROM lender l) AND m.member NOT IN (SELECT l.oid FROM lender l)
     UNION ALL
    SELECT 'reach', 'pg_authid'::regclass::oid, n.role_id, 0, n.role_id, CASE WHEN length(o.what) > 200 THEN left(o.what, 200) || md5(o.what) ELSE o.what END, -- a key
           n.role_id::regrole::text || ', which is lent, has privileges on ' || o.what, '{lends}', array_agg(DISTINCT n.policy)
      FROM named n
      JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = n.role_id AND d.deptype = 'a'
                        AND d.dbid IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))
     CROSS JOIN LATERAL (SELECT pg_describe_object(d.classid, d.objid, d.objsubid)) o(what)
     WHERE n.part = 'lends' AND o.what IS NOT NULL
       AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT r.object_id FROM relations r))
     GROUP BY n.role_id, o.what
     UNION ALL
    SELECT 'place', 'pg_class'::regclass::oid, r.object_id, 0, 0::oid, '', r.object_id::regclass::text, '{}', r.policies FROM relations r
     UNION ALL
    SELECT 'owner', 'pg_class'::regclass::oid, c.oid, 0, c.relowner, 'owner',
           c.relowner::regrole::text || ' owns ' || c.oid::regclass::text, '{}', r.policies
      FROM relations r JOIN pg_class c ON c.oid = r.object_id
     UNION ALL
    SELECT 'grant', 'pg_class'::regclass::oid, c.oid, x.sub_id, a.grantee,
           a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END || ' has ' || a.privilege_type
               || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END || ' on ' || c.oid::regclass::text
               || COALESCE('(' || quote_ident(x.column_name) || ')', ''), '{}', r.policies
      FROM relations r JOIN pg_class c ON c.oid = r.object_id
     CROSS JOIN LATERAL (SELECT 0 AS sub_id, NULL::name AS column_name, c.relacl AS acl
                          UNION ALL
                         SELECT t.attnum, t.attname, t.attacl FROM pg_attribute t WHERE t.attrelid = c.oid AND t.attacl IS NOT NULL AND NOT t.attisdropped) x
     CROSS JOIN LATERAL aclexplode(x.acl) a
     WHERE a.grantee <> c.relowner
     UNION ALL
    SELECT 'place', CASE o.object_class WHEN 'f' THEN 'pg_proc'::regclass ELSE 'pg_namespace'::regclass END::oid, o.object_id, 0, 0::oid, '',
           o.object_id::text, '{}', o.policies FROM others o
     UNION ALL
    SELECT 'grant', x.class_id::oid, o.object_id, 0, a.grantee,
           a.privilege_type || CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END || ' has ' || a.privilege_type || ' on '
               || pg_describe_object(x.class_id, o.object_id, 0), '{}', o.policies
      FROM others o
     CROSS JOIN LATERAL (SELECT 'pg_proc'::regclass AS class_id, COALESCE(p.proacl, acldefault('f', p.proowner)) AS acl, p.proowner AS owner
                           FROM pg_proc p WHERE o.object_class = 'f' AND p.oid = o.object_id
                          UNION ALL
                         SELECT 'pg_namespace'::regclass, n.nspacl, n.nspowner FROM pg_namespace n WHERE o.object_class = 's' AND n.oid = o.object_id) x
     CROSS JOIN LATERAL aclexplode(x.acl) a
     WHERE a.grantee <> x.owner)
SELECT h.kind, h.class_id, h.object_id, h.sub_id, h.role_id, h.what, h.described, h.parts, COALESCE(h.policies, '{}')
  FROM held h WHERE h.described IS NOT NULL
$$;
REVOKE ALL ON FUNCTION jit._powers() FROM PUBLIC;
COMMENT ON FUNCTION jit._powers() IS 'A part of jit.drift(): what holds now on what policies name';

-- What is watched already stays as it was recorded: a new policy does not cover up a change by hand.
CREATE FUNCTION jit._watch() RETURNS void
    LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS $$
INSERT INTO jit.baseline (kind, class_id, object_id, sub_id, role_id, what, described, recorded_at)
SELECT p.kind, p.class_id, p.object_id, p.sub_id, p.role_id, p.what, p.described, clock_timestamp()
  FROM jit._powers() p
 WHERE NOT EXISTS (SELECT FROM jit.baseline b WHERE b.kind = 'place' AND b.class_id = p.class_id AND b.object_id = p.object_id)
    ON CONFLICT DO NOTHING
$$;
REVOKE ALL ON FUNCTION jit._watch() FROM PUBLIC;
COMMENT ON FUNCTION jit._watch() IS 'A part of the functions that make policies: records what holds on what is not watched yet';

CREATE FUNCTION jit.drift(OUT change text, OUT kind text, OUT described text, OUT parts text[], OUT policies text[]) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
WITH p AS MATERIALIZED (SELECT p.* FROM jit._powers() p)
SELECT 'added', p.kind, p.described, p.parts, p.policies
  FROM p
 WHERE p.kind <> 'place'
   AND EXISTS (SELECT FROM jit.baseline b WHERE b.kind = 'place' AND b.class_id = p.class_id AND b.object_id = p.object_id)
   AND NOT EXISTS (SELECT FROM jit.baseline b
                    WHERE b.kind = p.kind AND b.class_id = p.class_id AND b.object_id = p.object_id AND b.sub_id = p.sub_id
                      AND b.role_id = p.role_id AND b.what = p.what)
 UNION ALL
SELECT 'removed', b.kind, b.described, s.parts, s.policies
  FROM jit.baseline b
  JOIN p s ON s.kind = 'place' AND s.class_id = b.class_id AND s.object_id = b.object_id
 WHERE b.kind <> 'place'
   AND NOT EXISTS (SELECT FROM p WHERE p.kind = b.kind AND p.class_id = b.class_id AND p.object_id = b.object_id AND p.sub_id = b.sub_id
                      AND p.role_id = b.role_id AND p.what = b.what)
 ORDER BY 1, 3
$$;
REVOKE ALL ON FUNCTION jit.drift() FROM PUBLIC;
COMMENT ON FUNCTION jit.drift()
    IS 'Memberships, privileges and owners on what policies name that were added or removed by hand since they were recorded; jit.accept_drift() records them anew';

CREATE FUNCTION jit.accept_drift(comment text) RETURNS integer
    LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'jit_accept_drift';
REVOKE ALL ON FUNCTION jit.accept_drift(text) FROM PUBLIC;
COMMENT ON FUNCTION jit.accept_drift(text)
    IS 'Somebody has looked at jit.drift(): what holds now is as it should be. Returns how many changes that were; only as a bare SELECT';
