-- uses: an approval that allows a number of uses; one use is one top-level statement that touches something guarded
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
-- How many are counted and how many are left, for the person's newest request.
\set left 'SELECT uses, uses_left, state, end_reason FROM jit.my_requests ORDER BY request_id DESC LIMIT 1;'
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, max_uses => 5);
SELECT policy, max_uses FROM jit.available;

-- What can be asked for.
\c - regress_alice
SELECT policy, max_uses FROM jit.available;
SELECT jit.request('accounts', uses => 6);
SELECT jit.request('accounts', uses => 0);
SELECT jit.request('accounts', uses => -1);
SELECT jit.request('accounts') AS r \gset
:left
SELECT jit.release(:r);

-- A statement that reads is one use, counted as it starts: however often it reads, and whatever becomes of it.
SELECT jit.request('accounts', uses => 3) AS r \gset
SELECT a.id FROM app.accounts a JOIN app.accounts b USING (id) WHERE a.id = 1;
:left
BEGIN;
SELECT count(*) FROM app.accounts;
ROLLBACK;
:left
SELECT 1 / (id - id) FROM app.accounts;
:left
SELECT count(*) FROM app.accounts;
SELECT detail FROM jit.history WHERE request_id = :r AND event = 'requested';

-- READ ONLY and REPEATABLE READ count as well, and a snapshot does not hide what was counted.
SELECT jit.request('accounts', uses => 2) AS r \gset
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT count(*) FROM app.notes;
SELECT count(*) FROM app.accounts;
:left
SAVEPOINT s;
SELECT count(*) FROM app.accounts;
ROLLBACK TO s;
SELECT count(*) FROM app.accounts;
ROLLBACK;
SELECT count(*) FROM app.accounts;

-- What only changes rows is counted at COMMIT and given back by ROLLBACK, whole or to a savepoint.
\c - regress_dba
SELECT jit.alter_policy('accounts', actions => '{INSERT,UPDATE,DELETE,TRUNCATE}');
\c - regress_alice
SELECT jit.request('accounts', uses => 2) AS r \gset
BEGIN;
UPDATE app.accounts SET balance = balance + 1;
ROLLBACK;
:left
BEGIN;
SAVEPOINT s;
INSERT INTO app.accounts VALUES (4, 'dov', 'DE04', 400);
INSERT INTO app.accounts VALUES (5, 'eli', 'DE05', 500);
INSERT INTO app.accounts VALUES (6, 'fay', 'DE06', 600);
ROLLBACK TO s;
INSERT INTO app.accounts VALUES (4, 'dov', 'DE04', 400);
SAVEPOINT t;
INSERT INTO app.accounts VALUES (5, 'eli', 'DE05', 500);
RELEASE t;
ROLLBACK TO s;
INSERT INTO app.accounts VALUES (4, 'dov', 'DE04', 400);
:left
COMMIT;
:left
INSERT INTO app.accounts VALUES (4, 'again', 'DE04', 400);
:left
-- The last one: COMMIT is not refused, nothing follows it.
BEGIN;
DELETE FROM app.accounts WHERE id = 4;
SAVEPOINT s;
DELETE FROM app.accounts WHERE id = 1;
ROLLBACK TO s;
COMMIT;
SELECT id FROM app.accounts ORDER BY id;
DELETE FROM app.accounts WHERE id = 1;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT jit.request('accounts', uses => 1) AS r \gset
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE app.accounts SET balance = 7 WHERE id = 1;
COMMIT;
UPDATE app.accounts SET balance = 8 WHERE id = 1;
SELECT balance FROM app.accounts WHERE id = 1;

-- Releasing with a reserved use does not refuse its own COMMIT.
SELECT jit.request('accounts', uses => 1) AS r \gset
BEGIN;
UPDATE app.accounts SET balance = 9 WHERE id = 1;
SELECT jit.release(:r);
COMMIT;
SELECT balance FROM app.accounts WHERE id = 1;

-- What a statement calls, fires and loops over is part of it.
\c - regress_dba
SELECT jit.alter_policy('accounts', actions => '{ALL}');
-- A trigger deferred to the COMMIT shares what its transaction has taken.
CREATE FUNCTION app.looks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM app.accounts; RETURN NULL; END $$;
ALTER FUNCTION app.looks() OWNER TO regress_owner;
CREATE CONSTRAINT TRIGGER looks AFTER INSERT ON app.notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.looks();
\c - regress_alice
SELECT jit.request('accounts', uses => 2) AS r \gset
BEGIN;
INSERT INTO app.notes VALUES (2, 'two'), (3, 'three');
UPDATE app.accounts SET balance = balance + 1;
COMMIT;
:left
INSERT INTO app.notes VALUES (4, 'four');
:left
INSERT INTO app.notes VALUES (5, 'five');
SELECT max(id) FROM app.notes;
\c - regress_dba
DROP TRIGGER looks ON app.notes;
CREATE FUNCTION app.twice() RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN PERFORM count(*) FROM app.accounts; RETURN (SELECT sum(balance) FROM app.accounts); END $$;
ALTER FUNCTION app.twice() OWNER TO regress_owner;
\c - regress_alice
SELECT jit.request('accounts', uses => 4) AS r \gset
DO $$ BEGIN FOR i IN 1..3 LOOP UPDATE app.accounts SET balance = balance; PERFORM FROM app.accounts; END LOOP; END $$;
:left
SELECT app.twice(), app.twice();
:left
DO $$ BEGIN
    BEGIN UPDATE app.accounts SET balance = 0; RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN NULL; END;
    PERFORM count(*) FROM app.accounts;
END $$;
:left
-- A cursor is one use, however it is fetched.
BEGIN;
DECLARE c CURSOR FOR SELECT id, app.twice() > 0 AS more FROM app.accounts ORDER BY id;
FETCH 1 FROM c;
FETCH 1 FROM c;
MOVE ALL FROM c;
SELECT count(*) FROM app.accounts;
ROLLBACK;
:left

-- What fetches from it reads nothing else for it, whether or not the fetch fails (vector 259).
SELECT jit.request('accounts', uses => 4) AS r \gset
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts ORDER BY id;
DO $$ DECLARE c refcursor := 'c'; r record; BEGIN
    FETCH c INTO r;
    SELECT * INTO r FROM app.accounts WHERE id = r.id + 1;
    RAISE NOTICE 'read %', r;
END $$;
:left
DO $$ DECLARE c refcursor := 'c'; r record; BEGIN FETCH c INTO r; RAISE NOTICE 'fetched %', r; END $$;
:left
DECLARE d CURSOR FOR SELECT 1 / (id - id) FROM app.accounts;
DO $$ DECLARE d refcursor := 'd'; r record; BEGIN
    BEGIN FETCH d INTO r; EXCEPTION WHEN division_by_zero THEN RAISE NOTICE '%', SQLERRM; END;
    SELECT * INTO r FROM app.accounts WHERE id = 2;
    RAISE NOTICE 'read %', r;
END $$;
:left
DO $$ DECLARE c refcursor := 'c'; r record; BEGIN FETCH c INTO r; RAISE NOTICE 'fetched %', r; END $$;
DO $$ DECLARE c refcursor := 'c'; r record; BEGIN FETCH c INTO r; SELECT * INTO r FROM app.accounts WHERE id = 3; RAISE NOTICE 'read %', r; END $$;
ROLLBACK;

-- Calls of a function and values of a sequence: one statement is one use, also in a string of several (vector 260).
\c - regress_dba
CREATE FUNCTION app.pay(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN n; END $$;
CREATE FUNCTION app.fixed(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN n; END $$;
CREATE SEQUENCE app.numbers;
GRANT ALL ON SEQUENCE app.numbers TO regress_alice;
SELECT jit.create_policy('pay', '{EXECUTE,USAGE}', '{"function app.pay(integer)","function app.fixed(integer)","sequence app.numbers"}',
    eligible => '{regress_alice}', approvals => 0, require_reason => false, max_uses => 5);
\c - regress_alice
SELECT jit.request('pay', uses => 1) AS r \gset
SELECT sum(app.pay(n)), app.pay(4) FROM generate_series(1, 3) n;
SELECT app.pay(5);
SELECT jit.request('pay', uses => 2) AS r \gset
SELECT app.pay(1) \; SELECT app.pay(2) \; SELECT app.pay(3);
:left
SELECT jit.request('pay', uses => 2) AS r \gset
SELECT nextval('app.numbers') FROM generate_series(1, 2);
SELECT nextval('app.numbers');
SELECT nextval('app.numbers');
SELECT jit.request('pay', uses => 2) AS r \gset
SELECT nextval('app.numbers') > 0 AS drawn \; SELECT nextval('app.numbers') > 0 AS drawn \; SELECT nextval('app.numbers') > 0 AS drawn;
:left
-- What setval() sets stays when its transaction is rolled back, and so does its use (vector 283).
\c - regress_dba
SELECT jit.alter_policy('pay', actions => '{EXECUTE,USAGE,UPDATE}');
\c - regress_alice
SELECT jit.request('pay', uses => 2) AS r \gset
BEGIN;
SELECT setval('app.numbers', 70);
ROLLBACK;
:left
SELECT setval('app.numbers', 71);
SELECT setval('app.numbers', 72);
-- A cursor calls the function anew at each FETCH.
SELECT jit.request('pay', uses => 4) AS r \gset
BEGIN;
DECLARE e CURSOR FOR SELECT app.pay(n) FROM generate_series(1, 9) n;
FETCH 2 FROM e;
FETCH 2 FROM e;
ROLLBACK;
:left
SELECT jit.release(:r);
-- What is called while the statement is planned is part of it, too.
SELECT jit.request('pay', uses => 2) AS r \gset
SELECT app.fixed(1) + app.fixed(n) AS sum FROM generate_series(1, 2) n;
:left
SELECT jit.release(:r);

-- Each statement of a string, each EXECUTE, and the commands.
SELECT jit.request('accounts', uses => 5) AS r \gset
SELECT count(*) AS first FROM app.accounts \; SELECT count(*) AS second FROM app.accounts;
:left
PREPARE p AS SELECT count(*) FROM app.accounts;
EXECUTE p;
EXECUTE p;
:left
EXPLAIN (COSTS OFF) SELECT * FROM app.accounts;
:left
EXECUTE p;
SELECT jit.request('accounts', uses => 3) AS r \gset
COPY (SELECT id FROM app.accounts WHERE id = 1) TO STDOUT;
COPY app.accounts (id) TO STDOUT;
BEGIN;
LOCK TABLE app.accounts IN ACCESS SHARE MODE;
ROLLBACK;
:left
COPY app.accounts (id) TO STDOUT;
SELECT jit.request('accounts', uses => 1) AS r \gset
BEGIN;
TRUNCATE app.accounts;
ROLLBACK;
:left
SELECT object, allowed FROM jit.check('SELECT iban FROM app.accounts');
SELECT count(*) FROM app.accounts;
SELECT object, allowed FROM jit.check('SELECT iban FROM app.accounts');

-- An approval that is not counted is used first; then the one that ends last.
\c - regress_dba
SELECT jit.alter_policy('accounts', max_uses => 0);
\c - regress_alice
SELECT jit.request('accounts', '20 min', uses => 1) AS longer \gset
SELECT jit.request('accounts', '10 min', uses => 1) AS shorter \gset
SELECT jit.request('accounts', '5 min') AS free \gset
SELECT count(*) FROM app.accounts;
SELECT uses, uses_left FROM jit.my_requests WHERE state = 'active' ORDER BY request_id;
SELECT jit.release(:free);
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM jit.my_requests WHERE request_id = :longer AND end_reason = 'used_up';
SELECT uses, uses_left FROM jit.active WHERE uses_left > 0;
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.accounts;

-- Today's policy counts: also what was given without a number; raised again, no more than was given.
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM app.accounts;
SELECT jit.request('accounts', '10 min', uses => 4) AS four \gset
\c - regress_dba
SELECT jit.alter_policy('accounts', max_uses => 2);
\c - regress_alice
SELECT uses, uses_left FROM jit.active WHERE uses_left > 0 ORDER BY request_id;
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.accounts;
SELECT uses, uses_left FROM jit.active WHERE uses_left > 0;
\c - regress_dba
SELECT jit.alter_policy('accounts', max_uses => 10);
SELECT uses, uses_left FROM jit.active WHERE request_id = :four;

-- Terms that cannot stand.
SELECT jit.alter_policy('accounts', max_uses => -1);
SELECT jit.alter_policy('accounts', max_uses => 2000000);
SELECT jit.create_policy('lends', elevates_to => 'regress_owner', eligible => '{regress_alice}', approvals => 0, max_uses => 3);
-- The counts are nobody's to write.
UPDATE jit.use_counts SET used = 0;
DELETE FROM jit.use_counts;
TRUNCATE jit.use_counts;
\set ECHO none
\i :end
