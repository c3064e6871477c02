-- evidence: what the ledger says about uses and refusals: who, what, which rows, and what became of it
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\set uses 'SELECT person, role, nested, object, actions, columns, outcome, rows, statement FROM jit.uses WHERE seq > :seen ORDER BY seq, object;'
\set refused 'SELECT person, enforced, policy, action, object, nested, statement FROM jit.refusals WHERE seq > :seen ORDER BY seq;'
CREATE ROLE regress_auditor LOGIN IN ROLE jit_auditor;
SELECT jit.create_policy('accounts', '{READ, WRITE}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SET client_min_messages = warning;
CALL jit.catch_up();
SELECT max(seq) AS seen FROM jit.ledger \gset

-- Statements that ran: each with its rows and its end.
\c - regress_alice
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM app.accounts;
UPDATE app.accounts SET id = id WHERE id <= 2;
BEGIN;
SELECT id FROM app.accounts WHERE id = 1;
SAVEPOINT s;
DELETE FROM app.accounts WHERE id = 1;
ROLLBACK TO s;
COMMIT;
BEGIN;
DELETE FROM app.accounts;
ROLLBACK;
SELECT 1 / (id - id) FROM app.accounts;
DO $$ BEGIN FOR i IN 1 .. 3 LOOP PERFORM FROM app.accounts; END LOOP; END $$;
PREPARE p AS SELECT id FROM app.accounts WHERE id = $1;
EXECUTE p(1);
BEGIN READ ONLY;
SELECT count(*) FROM app.accounts;
COMMIT;
-- The server's own refusal, before anything is used; 16 words it differently.
\set VERBOSITY sqlstate
COPY app.accounts (id) TO '/dev/null';
\set VERBOSITY terse
\copy (SELECT id FROM app.accounts WHERE id = 1) TO '/dev/null'
CALL jit.catch_up();
:uses

-- Refusals, also in a transaction that is rolled back, and in READ ONLY.
SELECT jit.release(:r);
SELECT id FROM app.accounts;
BEGIN READ ONLY;
SELECT id FROM app.accounts;
ROLLBACK;
DO $$ BEGIN PERFORM FROM app.accounts; END $$;
CALL jit.catch_up();
:refused

-- Nested statements are told apart by what they say, also when they lie at the same place in memory; what was rolled back in between
-- is recorded again.
\c - regress_alice
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT jit.request('accounts') AS r \gset
CALL jit.catch_up();
SELECT max(seq) AS before FROM jit.uses \gset
DO $$ DECLARE v int; BEGIN FOR i IN 1 .. 3 LOOP EXECUTE 'SELECT id FROM app.accounts WHERE id = ' || i INTO v; END LOOP; END $$;
DO $$
BEGIN
    FOR i IN 1 .. 2 LOOP
        BEGIN
            UPDATE app.accounts SET id = id WHERE id = 3;
            IF i = 1 THEN RAISE 'no'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
    END LOOP;
END $$;
CALL jit.catch_up();
SELECT nested, actions, outcome, rows, statement FROM jit.uses WHERE seq > :before ORDER BY seq;
SELECT jit.release(:r);

-- Others see their own; auditors see everything; nobody reads or writes the tables but these.
\c - regress_bob
\set VERBOSITY terse
SELECT count(*) FROM jit.uses;
SELECT count(*) FROM jit.refusals;
SELECT count(*) FROM jit.ledger;
\c - regress_auditor
\set VERBOSITY terse
SELECT count(*) > 5 FROM jit.uses WHERE seq > :seen;
SELECT count(*) > 10 AS "whole" FROM jit.ledger;
INSERT INTO jit.ledger SELECT * FROM jit.ledger LIMIT 1;
DELETE FROM jit.ledger;
TRUNCATE jit.ledger_01;
ALTER TABLE jit.ledger DETACH PARTITION jit.ledger_02;

-- vector 290: whoever gets a name later is not shown what was recorded under it, and whoever had it is.
\c - postgres
SET client_min_messages = error;
ALTER ROLE regress_alice RENAME TO regress_renamed;
CREATE ROLE regress_alice LOGIN;
\c - regress_alice
SELECT (SELECT count(*) FROM jit.uses) AS uses, (SELECT count(*) FROM jit.refusals) AS refusals;
SELECT id FROM app.accounts;
CALL jit.catch_up();
SELECT person, object FROM jit.refusals;
\c - regress_renamed
SELECT (SELECT count(*) > 5 FROM jit.uses) AS uses, (SELECT count(*) > 2 FROM jit.refusals) AS refusals;
\c - postgres
SET client_min_messages = error;
DROP ROLE regress_alice;
ALTER ROLE regress_renamed RENAME TO regress_alice;
-- vector 295: checkpoints are kept for ever, and nobody asks for one whose work it is not.
\c - regress_bob
\set VERBOSITY default
CALL jit.catch_up('10 s', sign => true);
CALL jit.catch_up('10 s', sign => false);
\c - regress_auditor
CALL jit.catch_up('10 s', sign => true);
SELECT count(*) AS checkpoints FROM jit.checkpoints \gset
CALL jit.catch_up('10 s', sign => true);
SELECT count(*) - :checkpoints AS more FROM jit.checkpoints;

-- A long statement is in records of its own, whole.
\c - regress_alice
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT jit.request('accounts') AS r \gset
SELECT 'SELECT count(*) FROM app.accounts WHERE ' || string_agg('id <> -' || i::text, ' AND ') AS long FROM generate_series(1, 9000) i \gset
:long ;
CALL jit.catch_up();
SELECT statement IS NULL AS elsewhere, statement_hash = encode(sha256(convert_to(:'long' || ' ;', 'UTF8')), 'hex') AS same, outcome FROM jit.uses WHERE seq > :seen ORDER BY seq DESC LIMIT 1;
\c - regress_auditor
SELECT string_agg(d ->> 'statement', '' ORDER BY (d ->> 'offset')::bigint) = :'long' || ' ;' AS same, count(*) AS parts
  FROM (SELECT jit.decode(record) AS d FROM jit.ledger WHERE seq > :seen AND jit.record_keys(record) @> '{kind:text}') s;

-- Values that are bound to a statement, where a policy asks for them; of types that somebody made, only the type.
\c - postgres
\set VERBOSITY terse
CREATE TYPE app.mood AS ENUM ('happy', 'sad');
SELECT jit.alter_policy('accounts', record_parameters => true);
\c - regress_alice
PREPARE bound(int, text, app.mood, text, text[]) AS
    SELECT count(*) FROM app.accounts WHERE id = $1 AND $2 IS NOT NULL AND $3 IS NOT NULL AND $4 IS NULL AND $5 IS NOT NULL;
EXECUTE bound(1, 'it''s "quoted"', 'happy', NULL, '{a,NULL}');
EXECUTE bound(2, repeat('é', 9000), 'sad', 'x', '{}');
SELECT count(*) FROM app.accounts;
CALL jit.catch_up();
SELECT parameters - 1, length(parameters ->> 1), right(parameters ->> 1, 18) AS cut FROM jit.uses ORDER BY seq DESC LIMIT 3;
\c - postgres
SELECT jit.alter_policy('accounts', record_parameters => false);
\c - regress_alice
PREPARE bound(int) AS SELECT count(*) FROM app.accounts WHERE id = $1;
EXECUTE bound(3);
CALL jit.catch_up();
SELECT parameters FROM jit.uses ORDER BY seq DESC LIMIT 1;

-- vector 233: a token in the text of a statement, in that around a nested one, in the functions that led there, in parts of a long one,
-- and in a value: every record says that there was one, and its hash is that of what it says.
\c - postgres
SELECT jit.alter_policy('accounts', record_parameters => true);
SELECT jit.create_policy('notes', '{READ}', '{app.notes}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
CALL jit.catch_up();
SELECT max(seq) AS tokens FROM jit.ledger \gset
\c - regress_alice
\set VERBOSITY terse
SELECT 'eyJ' || repeat('h', 60) || '.' || repeat('c', 300) || '.' || repeat('s', 342) AS token \gset
SELECT '(a signed token of 707 bytes)' AS word \gset
SELECT count(*) FROM app.accounts WHERE id > 0 AND :'token' <> '';
SELECT 1 \; SELECT count(*) FROM app.notes \; SELECT :'token' ;
SELECT format($f$DO $$ BEGIN PERFORM %L; EXECUTE 'SELECT note FROM app.notes /* %s */'; END $$$f$, :'token', :'token') AS nested \gset
:nested ;
SELECT format($f$DO $$ BEGIN PERFORM %L; EXECUTE 'SELECT id FROM app.accounts /* %s */'; END $$$f$, :'token', :'token') AS nested \gset
:nested ;
SELECT format('SELECT count(*) FROM app.accounts /* %s %s %s */', :'token', repeat('x', 70000), :'token') AS long \gset
:long ;
PREPARE tokens(int, text, text[], text) AS SELECT count(*) FROM app.accounts WHERE id > $1 AND $2 IS NOT NULL AND $3 IS NOT NULL AND $4 IS NOT NULL;
EXECUTE tokens(1, 'Bearer ' || :'token', ARRAY[:'token', 'x', :'token'], repeat('é', 7900) || :'token' || 'y');
CALL jit.catch_up();
SELECT replace(statement, :'word', '(a token)') AS statement, statement_hash = encode(sha256(convert_to(statement, 'UTF8')), 'hex') AS same
  FROM jit.uses WHERE seq > :tokens ORDER BY seq;
SELECT replace(statement, :'word', '(a token)') AS statement FROM jit.refusals WHERE seq > :tokens ORDER BY seq;
SELECT parameters - 3 AS parameters, right(parameters ->> 3, 32) AS cut FROM jit.uses WHERE parameters IS NOT NULL ORDER BY seq DESC LIMIT 1;
\c - regress_auditor
SELECT count(*) AS left_over FROM jit.ledger WHERE encode(record, 'escape') LIKE '%eyJ%';
SELECT k.key, count(*) FROM jit.ledger l, jsonb_each_text(jit.decode(l.record)) k
 WHERE l.seq > :tokens AND k.value LIKE '%(a signed token of 707 bytes)%' GROUP BY 1 ORDER BY 1;
SELECT count(*) AS parts, encode(sha256(string_agg(convert_to(d ->> 'statement', 'UTF8'), '' ORDER BY (d ->> 'offset')::bigint)), 'hex') = min(d ->> 'statement_hash') AS same,
       sum(octet_length(d ->> 'statement')) = min((d ->> 'statement_length')::bigint) AS whole
  FROM (SELECT jit.decode(record) AS d FROM jit.ledger WHERE seq > :tokens AND jit.record_keys(record) @> '{kind:text}') s;

-- vector 267: a name that no index takes, which would stop the ledger for everybody.
\c - postgres
DO $$ BEGIN FOR i IN 1 .. 99 LOOP EXECUTE format('CREATE TYPE app.%I AS ENUM (''a'')', 'x' || md5(i::text) || left(md5((i + 1000)::text), 28)); END LOOP; END $$;
SELECT 'app.long(' || string_agg('app.' || typname, ', ' ORDER BY typname) || ')' AS long, string_agg('NULL', ', ') AS nothing
  FROM pg_type WHERE typnamespace = 'app'::regnamespace AND typtype = 'e' \gset
CREATE FUNCTION :long RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT jit.create_policy('long', '{EXECUTE}', ARRAY['function ' || :'long'], eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
\set VERBOSITY sqlstate
SELECT app.long(:nothing);
SELECT jit.request('long') AS r \gset
SELECT app.long(:nothing);
\c - postgres
CALL jit.catch_up();
SELECT count(*), min(length(object)) > 6000 AS whole FROM jit.refusals WHERE policy = 'long';
SELECT object AS long, left(object, -1) AS other FROM jit.refusals WHERE policy = 'long' \gset
SELECT person, uses FROM jit.touched(:'long');
SELECT count(*) FROM jit.touched(:'other');
SELECT jit.drop_policy('long');
CALL jit.catch_up();

\c - regress_auditor
-- Gapless, every event among them.
SELECT min(seq), max(seq) - count(*) AS missing, count(DISTINCT seq) = count(*) AS once FROM jit.ledger;
SELECT count(*) FILTER (WHERE e.seq IS NULL OR jit.decode(l.record) ->> 'event' IS DISTINCT FROM e.event) AS wrong
  FROM jit.events e LEFT JOIN jit.ledger l ON l.seq = e.seq;
\c - postgres
DROP ROLE regress_auditor;
\i :end
