-- The ledger as people read it.

-- One's own are found by the requests that were used: somebody else may have the name by now, and jit.rebind() says who the requester is
-- in another cluster.
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
   AND ((SELECT jit.sees_all())
        OR (u.u ->> 'request_id')::bigint IN (SELECT q.request_id FROM jit.requests q WHERE q.person = (SELECT jit.person())));
COMMENT ON VIEW jit.uses IS 'What was done under approvals: a row for each object of each statement; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.uses.seq IS 'The record, in jit.ledger';
COMMENT ON COLUMN jit.uses.statement IS 'Its text; NULL when it is long: then it is in records of kind text with the same hash';
COMMENT ON COLUMN jit.uses.outcome IS 'committed, rolled back, failed, or unknown';
COMMENT ON COLUMN jit.uses.rows IS 'Rows that the statement returned or changed, whatever the object; NULL: not known, as of COPY and of what failed';
COMMENT ON COLUMN jit.uses.parameters IS 'The values bound to it, as texts, where a policy has record_parameters';

-- One's own are those of one's OID since the ledger came to this cluster: in another it was another's.
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
   AND ((SELECT jit.sees_all())
        OR ((d.r ->> 'person_oid')::oid = (SELECT jit.person())
            AND l.seq >= (SELECT COALESCE(pg_catalog.min(i.seq) FILTER (WHERE i.here AND i.seq > COALESCE(i.elsewhere, 0)), pg_catalog.max(i.seq), 0)
                            FROM (SELECT i.seq, i.here, pg_catalog.max(i.seq) FILTER (WHERE NOT i.here) OVER () AS elsewhere
                                    FROM (SELECT x.seq + 0 AS seq, n.system_identifier::text = jit.decode(x.record) ->> 'system_identifier' AS here
                                            FROM jit.ledger x CROSS JOIN jit.instance n
                                           WHERE jit.record_keys(x.record) @> ARRAY['kind:incarnation']) i) i)));
COMMENT ON VIEW jit.refusals IS 'What was refused, or would have been in mode monitor; auditors and admins see all, others their own';
COMMENT ON COLUMN jit.refusals.enforced IS 'Whether it was refused; false: mode monitor let it pass';
