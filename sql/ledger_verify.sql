-- ledger_verify: the ledger is verified, exported and dropped, by whom it may be, and says what is missing
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\set VERBOSITY terse
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
SELECT jit.create_policy('accounts', '{READ}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SET client_min_messages = warning;
SELECT count(*) FROM app.accounts;
SELECT id FROM app.accounts;
SELECT owner FROM app.accounts;
SELECT iban FROM app.accounts;
SELECT balance FROM app.accounts;
SELECT 1 FROM app.accounts;
CALL jit.catch_up();

-- Everything agrees.
SELECT what, ok, seq, regexp_replace(detail, '\d+', 'N', 'g') AS detail FROM jit.verify();

-- An export has its first line, a line for each record, and its last line.
CREATE TEMP TABLE export (n int GENERATED ALWAYS AS IDENTITY, line jsonb);
INSERT INTO export (line) SELECT e::jsonb FROM jit.export() e;
SELECT line ->> 'jit_guard_export' AS version, line ->> 'origin' LIKE 'jit_guard/%' AS origin, line ->> 'public_key' LIKE 'jit_guard/%+%+A%' AS public_key,
       line ->> 'from' AS first, (line ->> 'to')::bigint = (line ->> 'size')::bigint AS whole, line ->> 'frontier' AS frontier FROM export WHERE n = 1;
SELECT count(*) = (SELECT (line ->> 'to')::bigint FROM export WHERE n = 1) AS all_records,
       bool_and(decode(line ->> 'record', 'base64') = l.record) AS same, bool_and((line ->> 'at')::timestamptz = l.at) AS same_time,
       bool_and(line -> 'json' ->> 'kind' = jit.decode(l.record) ->> 'kind') AS same_kind,
       bool_and(decode(line ->> 'leaf', 'base64') = sha256('\x00' || l.record)) AS same_hash
  FROM export JOIN jit.ledger l ON l.seq = (line ->> 'seq')::bigint;
SELECT line ->> 'end' = (SELECT line ->> 'to' FROM export WHERE n = 1) AS ends FROM export ORDER BY n DESC LIMIT 1;
-- A part of it begins with the hashes of what is before.
SELECT e::jsonb ->> 'from' AS first, e::jsonb ->> 'to' AS last, length(decode(e::jsonb ->> 'frontier', 'base64')) AS bytes FROM jit.export(4, 6) e LIMIT 1;
SELECT count(*) FROM jit.export(4, 6) e WHERE e LIKE '{"seq"%';
SELECT (e::jsonb -> 'consistency') - 'proof' AS proof, length(decode(e::jsonb -> 'consistency' ->> 'proof', 'base64')) / 32 AS hashes
  FROM jit.export(4, 7, earlier => 3) e WHERE e LIKE '{"consistency"%';
SELECT count(*) FROM jit.export(1, 0);
SELECT * FROM jit.export(0);
SELECT * FROM jit.export(5, 3);
SELECT * FROM jit.export(1, 1000000000);
SELECT * FROM jit.export(4, 6, earlier => 7);

-- Old segments can be dropped, full ones only, and only what somebody has.
SELECT jit.drop_evidence(1000000000);
SELECT jit.drop_evidence(NULL);

-- Auditors verify and export, and drop nothing; others do nothing of it.
\c - regress_auditor
\set VERBOSITY terse
SELECT ok FROM jit.verify() WHERE what = 'sum';
SELECT count(*) > 3 AS exported FROM jit.export();
SELECT jit.drop_evidence(1000000000, exported => true);
\c - regress_alice
\set VERBOSITY terse
SELECT * FROM jit.verify();
SELECT * FROM jit.export();
SELECT jit.drop_evidence(1000000000, exported => true);
\c - postgres
DROP ROLE regress_auditor;
\i :end
