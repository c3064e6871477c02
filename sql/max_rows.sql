-- max_rows: an approval that allows a number of rows: those that leave scans of guarded tables, and those that are changed
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
INSERT INTO app.accounts SELECT i, 'nr ' || i, 'DE' || lpad(i::text, 2, '0'), 100 * i FROM generate_series(4, 20) i;
ANALYZE app.accounts;
-- What is left of the person's newest request; to give back what is left of all.
\set done 'DO $$ DECLARE r bigint; BEGIN FOR r IN SELECT request_id FROM jit.active LOOP BEGIN PERFORM jit.release(r); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;'
\set left 'SELECT rows, rows_left, state, end_reason FROM jit.my_requests ORDER BY request_id DESC LIMIT 1;'
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, max_rows => 10);

-- What can be asked for.
\c - regress_alice
SELECT policy, max_rows FROM jit.available;
SELECT jit.request('accounts', rows => 11);
SELECT jit.request('accounts', rows => 0);
SELECT jit.request('accounts', rows => -1);
SELECT jit.request('accounts') AS r \gset
:left
SELECT rows, rows_left FROM jit.active;
SELECT jit.release(:r);
SELECT detail -> 'rows' AS rows FROM jit.history WHERE request_id = :r AND event IN ('requested', 'approved') ORDER BY event_id;

-- Rows that leave the scan count, after its filter; the next one stops the statement.
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts WHERE id <= 2 ORDER BY id;
SELECT id FROM app.accounts WHERE id = 99;
:left
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
BEGIN; -- while it is open, the keeper does not end what is used up
SELECT id FROM app.accounts WHERE id <= 2;
SELECT id FROM app.accounts WHERE id <= 2;
ROLLBACK;
\set ON_ERROR_ROLLBACK off
\set VERBOSITY terse
:left

-- Exactly as many as there are is no error.
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT iban FROM app.accounts WHERE id BETWEEN 4 AND 6 ORDER BY id;
SELECT iban FROM app.accounts WHERE id BETWEEN 4 AND 6 ORDER BY id;

-- What sees every row counts every row; what looks for one counts one; a LIMIT counts what it lets out.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
SELECT count(*) FROM app.accounts;
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
SELECT max(id) FROM app.accounts;
SELECT EXISTS (SELECT FROM app.accounts WHERE balance > 100);
SELECT id FROM app.accounts ORDER BY id LIMIT 2;
SELECT id FROM app.accounts ORDER BY id OFFSET 4 LIMIT 1;
:left
SELECT id FROM app.accounts ORDER BY id LIMIT 2;

-- Each time that a row leaves a scan: nested loops, correlated subqueries, both sides of a join. Once where it is kept.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
SELECT (SELECT a.owner FROM app.accounts a WHERE a.id = g) FROM generate_series(1, 3) g;
SELECT (SELECT a.owner FROM app.accounts a WHERE a.id = 1) FROM generate_series(1, 3) g;
WITH c AS MATERIALIZED (SELECT id FROM app.accounts WHERE id < 3) SELECT count(*) FROM c, c d, c e;
SELECT a.id FROM app.accounts a JOIN app.accounts b ON a.id = b.id WHERE a.id = 1 AND b.id = 1;
:left

-- Index, bitmap, index-only, TID and sample scans.
SET enable_seqscan = off;
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
SELECT owner FROM app.accounts WHERE id = 1;
SELECT id FROM app.accounts WHERE id = 1;
SELECT owner FROM app.accounts WHERE ctid = '(0,1)';
SELECT count(*) FROM app.accounts WHERE ctid <= '(0,2)';
SET enable_indexscan = off;
SELECT owner FROM app.accounts WHERE id = 1 OR id = 2;
:left
RESET enable_seqscan; RESET enable_indexscan;
:done
SELECT jit.request('accounts', rows => 5) AS r \gset
SELECT id FROM app.accounts TABLESAMPLE system (100);
:left

-- READ ONLY and REPEATABLE READ count, savepoints and rollbacks give no read row back, errors cost no more than one.
:done
SELECT jit.request('accounts', rows => 9) AS r \gset
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT id FROM app.accounts WHERE id = 1;
SAVEPOINT s;
SELECT id FROM app.accounts WHERE id = 2;
ROLLBACK TO s;
ROLLBACK;
:left
BEGIN;
SELECT id, 1 / (id - 3) FROM app.accounts WHERE id = 3;
ROLLBACK;
SELECT id FROM app.accounts WHERE id = 4;
:left
DO $$ BEGIN
    FOR i IN 1..2 LOOP
        BEGIN
            PERFORM id FROM app.accounts WHERE id = i;
            RAISE division_by_zero;
        EXCEPTION WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;
:left

-- A cursor counts what is fetched, again when it is fetched again.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM app.accounts ORDER BY id;
FETCH 2 FROM c;
:left
FETCH BACKWARD 1 FROM c;
MOVE ABSOLUTE 0 FROM c;
FETCH 2 FROM c;
:left
MOVE 3 FROM c;
MOVE ALL FROM c;
ROLLBACK;
:left
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT id FROM app.accounts;
ROLLBACK;
-- A query that is under way finds that none is left, and where there is no next row, that is no error.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts WHERE id <= 2;
DECLARE d CURSOR FOR SELECT id FROM app.accounts WHERE id > 2;
FETCH 2 FROM c;
FETCH 1 FROM c;
SELECT id FROM app.accounts WHERE id = 3;
ROLLBACK;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts WHERE id <= 2;
DECLARE d CURSOR FOR SELECT id FROM app.accounts WHERE id > 2;
FETCH 2 FROM c;
FETCH 1 FROM d;
ROLLBACK;

-- Functions, DO, COPY both ways.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
CREATE FUNCTION pg_temp.one(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT owner FROM app.accounts WHERE id = $1';
CREATE FUNCTION pg_temp.all_of_them() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT owner FROM app.accounts; END';
SELECT pg_temp.one(1), pg_temp.one(2);
DO $$ BEGIN FOR i IN 1..2 LOOP PERFORM owner FROM app.accounts WHERE id = i; END LOOP; END $$;
:left
SELECT * FROM pg_temp.all_of_them() LIMIT 1;
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
COPY (SELECT id FROM app.accounts WHERE id <= 2) TO STDOUT;
COPY app.accounts (id) TO STDOUT;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
COPY app.accounts FROM STDIN;
31	a	b	1
32	a	b	1
33	a	b	1
34	a	b	1
\.
:left
COPY app.accounts FROM STDIN;
31	a	b	1
32	a	b	1
\.
:left
COPY app.accounts FROM STDIN;
33	a	b	1
34	a	b	1
\.
DELETE FROM app.accounts WHERE id = 31;
DELETE FROM app.accounts WHERE id = 32;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
DELETE FROM app.accounts WHERE id > 30;

-- Changes: a row that was found and is changed counts once, what is put in counts.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
UPDATE app.accounts SET balance = 0 WHERE id <= 2;
:left
INSERT INTO app.accounts VALUES (41, 'x', 'y', 1), (42, 'x', 'y', 1);
:left
INSERT INTO app.accounts VALUES (41, 'x', 'y', 1) ON CONFLICT (id) DO UPDATE SET balance = 7;
:left
WITH d AS (DELETE FROM app.accounts WHERE id = 41 RETURNING id) SELECT * FROM d;
:left
SELECT jit.release(:r);
SELECT jit.request('accounts', rows => 6) AS r \gset
MERGE INTO app.accounts a USING (VALUES (42), (43)) v (id) ON a.id = v.id
    WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'm', 'm', 0);
:left
SELECT id FROM app.accounts WHERE id = 1 FOR UPDATE;
:left
DELETE FROM app.accounts WHERE id IN (42, 43);
:left
UPDATE app.accounts SET balance = 0;
RESET enable_seqscan; RESET enable_hashjoin; RESET enable_mergejoin;

-- Commands that would read or change rows without a plan need an approval that does not count them.
:done
SELECT jit.request('accounts', rows => 10) AS r \gset
TRUNCATE app.accounts;
\set VERBOSITY default
CREATE INDEX ON app.accounts (owner);
\set VERBOSITY terse
BEGIN;
LOCK TABLE app.accounts IN ACCESS SHARE MODE;
ROLLBACK;
CREATE TABLE mine.copied AS SELECT id FROM app.accounts WHERE id = 1;
EXPLAIN (COSTS OFF) SELECT * FROM app.accounts;
:left
SELECT allowed, why LIKE '%counts rows%' FROM jit.check('SELECT iban FROM app.accounts');
SELECT allowed FROM jit.check('TRUNCATE app.accounts');
SELECT jit.release(:r);
DROP TABLE mine.copied;

-- What only changes rows is given back by ROLLBACK, whole or to a savepoint, and is counted at once for everybody.
\c - regress_dba
SELECT jit.alter_policy('accounts', actions => '{INSERT,UPDATE,DELETE}');
\c - regress_alice
:done
SELECT jit.request('accounts', rows => 4) AS r \gset
BEGIN;
UPDATE app.accounts SET balance = 1 WHERE id <= 3;
:left
ROLLBACK;
UPDATE app.accounts SET balance = 1 WHERE id = 1;
:left
BEGIN;
SAVEPOINT s;
INSERT INTO app.accounts VALUES (51), (52), (53);
INSERT INTO app.accounts VALUES (54);
ROLLBACK TO s;
INSERT INTO app.accounts VALUES (51);
SAVEPOINT t;
INSERT INTO app.accounts VALUES (52);
RELEASE t;
COMMIT;
:left
DELETE FROM app.accounts WHERE id IN (51, 52);
:done
SELECT jit.request('accounts', rows => 4) AS r \gset
DELETE FROM app.accounts WHERE id IN (51, 52);
BEGIN;
INSERT INTO app.accounts VALUES (51), (52);
COMMIT;
:left
INSERT INTO app.accounts VALUES (53), (54);
COPY app.accounts (id) FROM STDIN;
53
\.
:left
COPY app.accounts (id) FROM STDIN;
54
\.
-- Rows that are only looked at are not what this policy guards.
SELECT count(*) FROM app.accounts;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
UPDATE app.accounts a SET balance = 2 FROM app.accounts b WHERE a.id = b.id + 1 AND b.id = 1;
:left
:done
SELECT jit.request('accounts', rows => 9) AS r \gset
DELETE FROM app.accounts WHERE id > 50;

-- Approvals without a number are used first.
\c - regress_dba
SELECT jit.alter_policy('accounts', max_rows => 0, actions => '{ALL}');
\c - regress_alice
:done
SELECT jit.request('accounts', '20 min', rows => 1) AS counted \gset
SELECT jit.request('accounts', '10 min') AS free \gset
SELECT count(*) FROM app.accounts;
SELECT rows, rows_left FROM jit.active ORDER BY request_id;
SELECT jit.release(:free);
SELECT count(*) FROM app.accounts;
:done
SELECT jit.request('accounts', '10 min', uses => 1, rows => 5) AS both \gset
SELECT id FROM app.accounts WHERE id = 1;
SELECT end_reason FROM jit.my_requests WHERE request_id = :both;
SELECT jit.request('accounts', rows => 1, uses => 5) AS r \gset
SELECT jit.extend(:r, '1 min', 'more');
SELECT what, why FROM jit.preview('accounts', rows => 2);

-- Terms that cannot stand.
\c - regress_dba
SELECT jit.alter_policy('accounts', max_rows => -1);
SELECT jit.alter_policy('accounts', max_rows => 2000000000);
SELECT jit.create_policy('lends', elevates_to => 'regress_owner', eligible => '{regress_alice}', approvals => 0, max_rows => 3);
CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT jit.create_policy('f', '{EXECUTE}', '{function app.f()}', eligible => '{regress_alice}', approvals => 0, max_rows => 3);
UPDATE jit.use_counts SET rows = 0;
\set ECHO none
\i :end
