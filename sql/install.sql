-- install: what CREATE EXTENSION makes is explained, closed to PUBLIC unless listed here, and deaf to search_path
CREATE EXTENSION jit_guard;

CREATE TEMPORARY VIEW members AS
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
    FROM pg_depend d
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'jit_guard' AND d.deptype = 'e';

-- Nothing lies outside its schema: no rows.
SELECT object FROM members WHERE object !~ '^(schema|extension) ' AND object !~ '\mjit\.' ORDER BY object COLLATE "C";

-- Everything says what it is for (row types, array types and identity sequences belong to their table): no rows.
SELECT object FROM members m
WHERE obj_description(objid, classid::regclass::name) IS NULL
  AND NOT EXISTS (SELECT FROM pg_type t WHERE m.classid = 'pg_type'::regclass AND t.oid = m.objid
                  AND (t.typcategory = 'A' OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')))
  AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype IN ('a', 'i')
                  WHERE m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind = 'S')
ORDER BY object COLLATE "C";

-- Every table is dumped with the database, but those that belong to one database and are made anew by jit.rebind().
SELECT c.oid::regclass AS "table"
FROM members m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('r', 'p')
WHERE NOT c.oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'jit_guard')::oid[])
ORDER BY c.relname;

-- Every routine sets its own search_path, but await (it could not end transactions), check (it reads as its caller does) and
-- what looks up nothing by name: catch_up, what stands for functions of the server, and what indexes are made of.
\pset format unaligned
SELECT object FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
WHERE NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
ORDER BY object COLLATE "C";

-- Whose rights a routine uses: SECURITY DEFINER is listed, one by one.
SELECT object FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
WHERE p.prosecdef
ORDER BY object COLLATE "C";

-- What everybody may do, and which roles hold more.
SELECT object, grantee, string_agg(privilege_type, ', ' ORDER BY privilege_type COLLATE "C") AS privileges
FROM (
    SELECT m.object, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type
    FROM members m
    CROSS JOIN LATERAL (
        SELECT nspacl AS acl, 'n'::"char" AS kind, nspowner AS owner FROM pg_namespace WHERE m.classid = 'pg_namespace'::regclass AND oid = m.objid
        UNION ALL
        SELECT relacl, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner FROM pg_class WHERE m.classid = 'pg_class'::regclass AND oid = m.objid
        UNION ALL
        SELECT proacl, 'f', proowner FROM pg_proc WHERE m.classid = 'pg_proc'::regclass AND oid = m.objid
    ) o
    CROSS JOIN LATERAL aclexplode(coalesce(o.acl, acldefault(o.kind, o.owner))) a
    WHERE a.grantee <> o.owner
) rights
GROUP BY object, grantee
ORDER BY object COLLATE "C", grantee COLLATE "C";

-- Once per database.
CREATE EXTENSION jit_guard;

-- The roles: made, and refused when they are something else.
SELECT rolname, rolcanlogin, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles
WHERE rolname IN ('jit_admin', 'jit_auditor', 'jit_lender') ORDER BY 1;
\set SHOW_CONTEXT never
DROP EXTENSION jit_guard;
SELECT count(*) FROM pg_roles WHERE rolname IN ('jit_admin', 'jit_auditor', 'jit_lender');
ALTER ROLE jit_auditor LOGIN CREATEDB;
CREATE EXTENSION jit_guard;
ALTER ROLE jit_auditor NOLOGIN NOCREATEDB;
CREATE ROLE regress_member ROLE jit_admin;
GRANT regress_member TO jit_lender;
CREATE EXTENSION jit_guard;
REVOKE regress_member FROM jit_lender;
GRANT jit_lender TO regress_member;
CREATE EXTENSION jit_guard;
REVOKE jit_lender FROM regress_member;
REVOKE regress_member FROM jit_admin;
GRANT jit_admin TO regress_member;
CREATE EXTENSION jit_guard;
DROP ROLE regress_member;
DROP EXTENSION jit_guard;
CREATE EXTENSION jit_guard;
