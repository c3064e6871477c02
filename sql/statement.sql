-- statement: an approval of one statement opens for that statement, by what it means, and for nothing else
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SET ROLE regress_owner;
CREATE VIEW app.rich AS SELECT id, owner FROM app.accounts WHERE balance > 150;
REVOKE ALL ON app.notes FROM regress_alice;
GRANT SELECT ON app.notes, app.rich TO regress_alice;
RESET ROLE;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvers => '{regress_boss}',
    require_reason => false);
-- What became of the person's newest request.
\set newest 'SELECT state, end_reason, uses_left, statement FROM jit.my_requests ORDER BY request_id DESC LIMIT 1;'

-- Asked for, and shown to the one who decides.
\c - regress_alice
SELECT jit.request('accounts', statement => $$SELECT iban FROM app.accounts WHERE id = 1$$) AS r \gset
:newest
SELECT * FROM jit.statement(:r) WHERE part <> 'setting';
\c - regress_boss
SELECT statement, cannot_be_bound, estimate FROM jit.pending;
SELECT * FROM jit.statement(:r) WHERE part <> 'setting' OR what ~ '^(search_path|role|TimeZone|DateStyle|IntervalStyle|row_security)=';
SELECT jit.approve(:r);

-- The statement itself, however it is spelled.
\c - regress_alice
\set VERBOSITY default
SELECT iban FROM app.accounts WHERE id = 1;
select  IBAN -- the account
  FROM app.accounts
 WHERE (id) = '1';
-- Another one (vector 180).
SELECT iban FROM app.accounts WHERE id = 2;
SELECT iban FROM app.accounts;
SELECT balance FROM app.accounts WHERE id = 1;
SELECT iban FROM app.accounts a WHERE id = 1;
UPDATE app.accounts SET balance = 0 WHERE id = 1;
COPY app.accounts TO STDOUT;
-- Only as the client's own statement (vector 181).
EXPLAIN (COSTS OFF) SELECT iban FROM app.accounts WHERE id = 1;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT iban FROM app.accounts WHERE id = 1;
BEGIN;
DECLARE c CURSOR FOR SELECT iban FROM app.accounts WHERE id = 1;
ROLLBACK;
PREPARE p AS SELECT iban FROM app.accounts WHERE id = 1;
EXECUTE p;
DO $$ BEGIN PERFORM iban FROM app.accounts WHERE id = 1; END $$;
CREATE TABLE mine.copy AS SELECT iban FROM app.accounts WHERE id = 1;
COPY (SELECT iban FROM app.accounts WHERE id = 1) TO STDOUT;
SELECT (SELECT iban FROM app.accounts WHERE id = 1);
SELECT iban FROM app.accounts WHERE id = 1;
-- Under other settings it is another one (vector 182).
SET TimeZone = 'Asia/Tokyo';
SELECT iban FROM app.accounts WHERE id = 1;
RESET TimeZone;
SET search_path = app;
SELECT iban FROM app.accounts WHERE id = 1;
RESET search_path;
-- So it is under those that change what it finds or does, those of languages and extensions too (vector 309).
SET gin_fuzzy_search_limit = 10;
SELECT iban FROM app.accounts WHERE id = 1;
RESET gin_fuzzy_search_limit;
SET pg_trgm.similarity_threshold = 0.1;
SELECT iban FROM app.accounts WHERE id = 1;
SET pg_trgm.similarity_threshold = 0.3;
SET plpgsql.check_asserts = off;
SELECT iban FROM app.accounts WHERE id = 1;
RESET plpgsql.check_asserts;
SELECT iban FROM app.accounts WHERE id = 1;
SET DateStyle = 'German';
SELECT iban FROM app.accounts WHERE id = 1;
RESET DateStyle;
SELECT iban FROM app.accounts WHERE id = 1;
-- Run by number.
SELECT * FROM jit.run(:r);
SELECT action, object, policy, allowed, regexp_replace(why, 'until .*', 'until ...') AS why FROM jit.check('SELECT iban FROM app.accounts WHERE id = 1');
SELECT action, object, allowed, why FROM jit.check('SELECT iban FROM app.accounts WHERE id = 2');
SELECT action, object, allowed, why FROM jit.check('EXPLAIN SELECT iban FROM app.accounts WHERE id = 1');
\set VERBOSITY terse
SELECT jit.release(:r);
SELECT iban FROM app.accounts WHERE id = 1;
SELECT * FROM jit.run(:r);

-- Values, uses, and rows that come back as JSON.
SELECT jit.request('accounts', uses => 1, statement => $$UPDATE app.accounts SET balance = balance + 1 WHERE id = 2 RETURNING id, balance$$) AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_alice
SELECT jit.run(:r);
BEGIN;
SELECT * FROM jit.run(:r);
ROLLBACK;
SELECT * FROM jit.run(:r);
:newest
SELECT jit.request('accounts', uses => 1, statement => 'DELETE FROM app.accounts WHERE balance > 1000') AS r \gset
SELECT jit.request('accounts', uses => 1, statement => 'DELETE FROM app.accounts WHERE balance > 1000');
SELECT jit.request('accounts', uses => 1, statement => 'DELETE FROM app.accounts WHERE balance > 2000') AS other \gset
\c - regress_boss
SELECT jit.approve(:r);
SELECT * FROM jit.run(:r);
\c - regress_alice
SELECT * FROM jit.run(:r);
SELECT * FROM jit.run(:r);
SELECT * FROM jit.run(:other);
SELECT jit.cancel(:other);
-- It is called by the client alone (vector 189).
SELECT * FROM jit.run(:r) WHERE false;
DO $$ BEGIN PERFORM * FROM jit.run(1); END $$;

-- What cannot be asked for (vector 190).
SELECT jit.request('accounts', statement => 'DROP TABLE app.accounts');
SELECT jit.request('accounts', statement => 'SELECT 1; SELECT 2');
SELECT jit.request('accounts', statement => '');
SELECT jit.request('accounts', statement => 'SELECT iban FROM app.accounts WHERE id = $1');
SELECT jit.request('accounts', statement => 'SELECT nonsense FROM app.accounts');
SELECT jit.request('accounts', statement => 'EXPLAIN SELECT 1');
-- Nor what reads as another statement than it is (vector 265); lines, tabs and escapes are shown.
\set VERBOSITY default
SELECT jit.request('accounts', statement => E'SELECT * FROM app.accounts WHERE id = 1 /*\u202E \u2066*/ OR true --\u2069 \u2066*/');
\set VERBOSITY terse
SELECT jit.request('accounts', statement => E'SELECT id FROM app.accounts\n\tWHERE owner = U&\'\\202E\'\r\n') AS r \gset
SELECT jit.cancel(:r);

-- An approval without a statement serves any, and is used first when nobody counts it.
SELECT jit.request('accounts', uses => 1, statement => 'SELECT count(*) FROM app.accounts') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_alice
SELECT balance FROM app.accounts WHERE id = 3;
SELECT jit.request('accounts') AS whole \gset
\c - regress_boss
SELECT jit.approve(:whole);
\c - regress_alice
SELECT balance FROM app.accounts WHERE id = 3;
SELECT count(*) FROM app.accounts;
SELECT uses_left FROM jit.my_requests WHERE request_id = :r;
SELECT jit.release(:whole);
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.accounts;
-- Whose it is, is not for everybody.
\c - regress_bob
SELECT * FROM jit.statement(:r);
SELECT * FROM jit.run(:r);

-- More time for it is more time for the same (vector 191).
\c - regress_alice
SELECT jit.request('accounts', '10 min', statement => 'SELECT owner FROM app.accounts WHERE id = 3') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_alice
SELECT jit.extend(:r, '10 min', 'why') AS x \gset
\c - regress_boss
SELECT statement FROM jit.pending WHERE request_id = :x;
SELECT jit.approve(:x);
\c - regress_alice
SELECT owner FROM app.accounts WHERE id = 3;
SELECT owner FROM app.accounts WHERE id = 2;
SELECT what FROM jit.statement(:x) WHERE part = 'statement';

-- The term: approvals without a statement end, and what was asked for without one is not approved any more.
SELECT jit.request('accounts') AS whole \gset
SELECT jit.request('accounts', uses => 2) AS waits \gset
\c - regress_boss
SELECT jit.approve(:whole);
\c - postgres
SELECT jit.alter_policy('accounts', statement => 'sometimes');
SELECT jit.alter_policy('accounts', statement => 'required');
SELECT jit.export_policies() -> 'policies' -> 'accounts' ->> 'statement' AS exported;
SELECT jit.create_policy('role', elevates_to => 'regress_owner', eligible => '{regress_alice}', approvers => '{regress_boss}', statement => 'bound');
\c - regress_boss
SELECT jit.approve(:waits);
\c - regress_alice
SELECT owner FROM app.accounts WHERE id = 3;
\set VERBOSITY default
SELECT owner FROM app.accounts WHERE id = 2;
\set VERBOSITY terse
SELECT jit.request('accounts');
SELECT * FROM jit.preview('accounts');
SELECT step, what, who FROM jit.preview('accounts', statement => 'SELECT owner FROM app.accounts');
SELECT jit.release(:r);
\c - postgres
SELECT jit.alter_policy('accounts', statement => 'optional');
\i :end
