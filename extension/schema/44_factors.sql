-- Second factors as people see them: no secret, and nothing that helps to guess one.

CREATE VIEW jit.factors WITH (security_barrier) AS
SELECT a.authenticator_id AS factor_id,
       a.person::regrole AS person,
       a.kind,
       a.name,
       a.enrolled_at,
       a.confirmed_at,
       CASE WHEN a.kind = 'ssh' THEN 'SHA256:' || pg_catalog.rtrim(pg_catalog.encode(pg_catalog.sha256(a.secret), 'base64'), '=') END AS fingerprint,
       CASE WHEN a.kind = 'recovery' THEN (10 - pg_catalog.bit_count(c.last::bit(64)))::integer END AS codes_left,
       COALESCE(t.failures, 0) AS failures,
       CASE WHEN t.locked_until > pg_catalog.clock_timestamp() THEN t.locked_until END AS locked_until
  FROM jit.authenticators a
  LEFT JOIN jit.authenticator_counts c ON c.authenticator_id = a.authenticator_id
  LEFT JOIN jit.attempts t ON t.person = a.person
 WHERE (a.person = (SELECT jit.person()) OR (SELECT jit.sees_all()))
   AND (a.kind <> 'entra' OR EXISTS (SELECT FROM pg_catalog.pg_shseclabel l WHERE l.objoid = a.person
            AND l.classoid = 'pg_catalog.pg_authid'::regclass AND l.provider = 'jit_guard'));
COMMENT ON VIEW jit.factors IS 'My second factors; auditors and admins see those of all';
COMMENT ON COLUMN jit.factors.factor_id IS 'Number of the factor: the argument of jit.remove_factor()';
COMMENT ON COLUMN jit.factors.person IS 'Whose it is';
COMMENT ON COLUMN jit.factors.kind IS 'totp: an authenticator app; ssh: a key; recovery: codes for when both are lost; entra: tokens of Entra ID';
COMMENT ON COLUMN jit.factors.name IS 'What it is called';
COMMENT ON COLUMN jit.factors.enrolled_at IS 'When it was enrolled';
COMMENT ON COLUMN jit.factors.confirmed_at IS 'Since when it proves something; NULL: not before jit.confirm_totp()';
COMMENT ON COLUMN jit.factors.fingerprint IS 'Of a key, as ssh-keygen -l shows it';
COMMENT ON COLUMN jit.factors.codes_left IS 'Recovery codes that are not used yet';
COMMENT ON COLUMN jit.factors.failures IS 'Attempts of the person to prove something that failed lately';
COMMENT ON COLUMN jit.factors.locked_until IS 'Until when the person cannot prove anything, after too many of them; NULL: there is no lock-out';
