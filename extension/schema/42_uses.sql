-- The ledger as people read it.

-- What became of a transaction is the last word on it. One that is not over, or ended in a crash before its end was recorded, is
-- unknown.
CREATE VIEW jit.uses WITH (security_barrier) AS
SELECT l.seq,
       l.at,
       d.r ->> 'person' AS person,
       d.r ->> 'role' AS role,
       d.r ->> 'authn_id' AS authn_id,
       (d.r ->> 'client_addr')::inet AS client_addr,
       d.r ->> 'application_name' AS application_name,
       (d.r ->> 'session_start')::timestamptz AS session_start,
       (d.r ->> 'pid')::integer AS pid,
       (d.r ->> 'nested')::boolean AS nested,
       d.r ->> 'statement' AS statement,
       d.r ->> 'statement_hash' AS statement_hash,
       (u.u ->> 'request_id')::bigint AS request_id,
       u.u ->> 'policy' AS policy,
       u.u ->> 'object' AS object,
       pg_catalog.string_to_array(u.u ->> 'actions', ', ') AS actions,
       pg_catalog.string_to_array(u.u ->> 'columns', ', ') AS columns,
       (u.u ->> 'until')::timestamptz AS until,
       COALESCE(n.n ->> 'outcome', o.o ->> 'outcome', 'unknown') AS outcome,
       (n.n ->> 'rows')::bigint AS rows,
       (d.r ->> 'parameters')::jsonb AS parameters
  FROM jit.ledger l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(d.r -> 'uses') AS u (u)
  LEFT JOIN LATERAL (SELECT jit.decode(x.record) AS o
                       FROM jit.ledger x
                      WHERE jit.record_transaction(x.record) = jit.record_transaction(l.record)
                        AND pg_catalog.get_byte(x.record, 1) = 5 -- an outcome; by its key all of them would be looked through
                      ORDER BY x.seq + 0 DESC -- not by walking the key
                      LIMIT 1) o ON true
  LEFT JOIN LATERAL (SELECT e.n FROM pg_catalog.jsonb_array_elements(o.o -> 'done') AS e (n)
                      WHERE e.n -> 'statement_number' = d.r -> 'statement_number') n ON true
 WHERE jit.record_keys(l.record) @> ARRAY['kind:use']
   AND ((SELECT jit.sees_all()) OR d.r ->> 'person' = pg_catalog.pg_get_userbyid((SELECT jit.person())));
COMMENT ON VIEW jit.uses IS 'What was done under approvals: a row for each object of each statement; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.uses.seq IS 'The record, in jit.ledger';
COMMENT ON COLUMN jit.uses.statement IS 'Its text; NULL when it is long: then it is in records of kind text with the same hash';
COMMENT ON COLUMN jit.uses.outcome IS 'committed, rolled back, failed, or unknown';
COMMENT ON COLUMN jit.uses.rows IS 'Rows that the statement returned or changed, whatever the object; NULL: not known, as of COPY and of what failed';
COMMENT ON COLUMN jit.uses.parameters IS 'The values bound to it, as texts, where a policy has record_parameters';

CREATE VIEW jit.refusals WITH (security_barrier) AS
SELECT l.seq,
       l.at,
       d.r ->> 'person' AS person,
       d.r ->> 'role' AS role,
       d.r ->> 'authn_id' AS authn_id,
       (d.r ->> 'client_addr')::inet AS client_addr,
       d.r ->> 'application_name' AS application_name,
       d.r ->> 'policy' AS policy,
       d.r ->> 'action' AS action,
       d.r ->> 'object' AS object,
       d.r ->> 'why' AS why,
       (d.r ->> 'nested')::boolean AS nested,
       d.r ->> 'statement' AS statement,
       d.r ->> 'kind' = 'refusal' AS enforced
  FROM jit.ledger l
 CROSS JOIN LATERAL (SELECT jit.decode(l.record) AS r OFFSET 0) d
 WHERE jit.record_keys(l.record) && ARRAY['kind:refusal', 'kind:would_refuse']
   AND ((SELECT jit.sees_all()) OR d.r ->> 'person' = pg_catalog.pg_get_userbyid((SELECT jit.person())));
COMMENT ON VIEW jit.refusals IS 'What was refused, or would have been in mode monitor; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.refusals.enforced IS 'Whether it was refused; false: mode monitor let it pass';
