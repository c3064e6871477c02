-- lending_columns: a policy on columns lends these columns and no others, though the role holds them all (vector 252)
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_lent;
\c - regress_owner
CREATE TABLE app.staff (id int PRIMARY KEY, ssn text, salary int, room serial);
INSERT INTO app.staff VALUES (1, '123', 100), (2, '456', 200);
CREATE TABLE app.whole (id int, ssn text, salary int);
INSERT INTO app.whole VALUES (1, '123', 100);
CREATE VIEW app.shown AS SELECT id, ssn, salary FROM app.staff;
CREATE TABLE app.pairs (a int, b int);
INSERT INTO app.pairs VALUES (1, 2);
GRANT ALL ON app.staff, app.whole, app.shown, app.pairs TO regress_lent;
GRANT USAGE ON SEQUENCE app.staff_room_seq TO regress_lent;
\c - postgres
SELECT jit.create_policy('ssn', '{SELECT, INSERT, UPDATE}', '{app.staff(ssn), app.shown(ssn), "app.pairs(a, b)", app.whole}', lends => 'regress_lent',
    eligible => '{regress_alice}', approvals => 0, require_reason => false);
\set ECHO all
\c - regress_alice
SELECT jit.request('ssn') AS r \gset
-- What the policy names.
SELECT ssn FROM app.staff WHERE ssn = '123';
UPDATE app.staff SET ssn = '124' WHERE ssn = '123' RETURNING ssn;
BEGIN;
DECLARE c CURSOR FOR SELECT ssn FROM app.staff ORDER BY ssn;
FETCH c;
ROLLBACK;
COPY app.staff (ssn) TO STDOUT;
SELECT ssn FROM app.shown ORDER BY ssn;
SELECT p, a + b AS sum FROM app.pairs p;
INSERT INTO app.pairs VALUES (3, 4);
COPY app.pairs FROM STDIN;
5	6
\.
COPY app.pairs (b) FROM STDIN WHERE b > 6;
7
\.
SELECT * FROM app.pairs ORDER BY b;
SELECT * FROM app.whole;
UPDATE app.whole SET salary = 101;
-- What it does not.
SELECT ssn, salary FROM app.staff;
SELECT * FROM app.staff;
SELECT s FROM app.staff s;
SELECT ssn FROM app.staff WHERE salary > 150;
SELECT ssn FROM app.staff ORDER BY salary;
SELECT a.ssn, b.salary FROM app.staff a, app.staff b;
SELECT count(a.ssn) FROM app.staff a, app.staff b WHERE b.ssn IS NOT NULL;
SELECT count(*) FROM app.staff;
SELECT a.ssn, (SELECT count(*) FROM app.staff) FROM app.staff a;
SELECT ssn, ctid FROM app.staff;
SELECT ssn FROM app.staff WHERE ctid = '(0,1)';
UPDATE app.staff SET ssn = ssn, salary = 1000 WHERE ssn = '123';
UPDATE app.staff SET ssn = '1' WHERE id = 2;
UPDATE app.staff SET ssn = '1' RETURNING salary;
INSERT INTO app.staff (id, ssn, salary) VALUES (3, '789', 1);
INSERT INTO app.staff (ssn) VALUES ('789') ON CONFLICT (id) DO UPDATE SET ssn = '1';
SELECT ssn, salary FROM app.shown;
UPDATE app.shown SET ssn = '1', salary = 1;
SELECT ssn FROM app.staff FOR UPDATE;
COPY app.staff TO STDOUT;
COPY (SELECT ssn, salary FROM app.staff) TO STDOUT;
COPY app.staff FROM STDIN;
\.
COPY app.staff (ssn, salary) FROM STDIN;
\.
COPY app.pairs FROM STDIN WHERE ctid IS NULL;
\.
PREPARE p AS SELECT ssn, salary FROM app.staff;
EXECUTE p;
DO $$ BEGIN PERFORM ssn, salary FROM app.staff; END $$;
BEGIN;
LOCK app.staff IN ACCESS SHARE MODE;
ROLLBACK;
BEGIN;
LOCK app.staff IN EXCLUSIVE MODE;
ROLLBACK;
BEGIN;
LOCK app.whole IN EXCLUSIVE MODE;
ROLLBACK;
-- Nor the numbers of a column that it does not name.
INSERT INTO app.staff (ssn, room) VALUES ('789', nextval('app.staff_room_seq'));
SELECT DISTINCT allowed FROM jit.check('SELECT ssn, salary FROM app.staff');
SELECT DISTINCT allowed FROM jit.check('SELECT * FROM app.whole');
-- What the person holds needs no lender.
\c - regress_owner
GRANT SELECT (id), INSERT (id) ON app.staff TO regress_alice;
\c - regress_alice
SELECT id, ssn FROM app.staff WHERE id = 2;
UPDATE app.staff SET ssn = '457' WHERE id = 2 RETURNING id, ssn;
SELECT id, ssn, salary FROM app.staff;
INSERT INTO app.staff (id, ssn) VALUES (3, '789');
\c - regress_owner
GRANT USAGE ON SEQUENCE app.staff_room_seq TO regress_alice;
\c - regress_alice
INSERT INTO app.staff (id, ssn) VALUES (3, '789') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn RETURNING id, ssn;
INSERT INTO app.staff (id, ssn) VALUES (3, '790') ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn RETURNING id, ssn;
SELECT jit.release(:r);
-- A column added later is not lent, one that is gone is in no row.
\c - regress_owner
ALTER TABLE app.pairs ADD c int;
\c - regress_alice
SELECT jit.request('ssn') AS r \gset
SELECT p FROM app.pairs p;
\c - postgres
ALTER TABLE app.pairs DROP c;
\c - regress_alice
SELECT p FROM app.pairs p ORDER BY b;
SELECT jit.release(:r);
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy('ssn');
\set ECHO none
DROP OWNED BY regress_lent;
DROP ROLE regress_lent;
\i :end
