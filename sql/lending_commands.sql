-- lending_commands: COPY FROM, TRUNCATE and LOCK with a lent privilege, and the numbers of a table's own sequences; nothing runs as the role that lends
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_lent;
-- Somebody else's functions, which the owner of the tables took for what they say.
\c - regress_mallory
CREATE FUNCTION mine.peek(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT max(balance) FROM app.accounts); END $$;
CREATE FUNCTION mine.count(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN 7; END $$;
\c - regress_owner
\set VERBOSITY terse
CREATE TABLE app.trap_default (n int, x int DEFAULT mine.peek(1));
CREATE TABLE app.trap_check (n int CHECK (mine.peek(n) > 0));
CREATE TABLE app.trap_stored (n int, x int GENERATED ALWAYS AS (mine.peek(n)) STORED);
CREATE TABLE app.trap_index (n int);
CREATE INDEX ON app.trap_index (mine.peek(n));
CREATE DOMAIN app.trap AS int CHECK (mine.peek(VALUE) > 0);
CREATE TABLE app.trap_domain (n app.trap);
CREATE TABLE app.trap_none (n int CHECK (mine.count(n) > 0), x int DEFAULT mine.count(1));
-- Everything that runs on the way to a row says as whom.
CREATE TABLE app.diary (at text, who name, person name);
GRANT INSERT ON app.diary TO PUBLIC;
CREATE FUNCTION app.note(at text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO app.diary VALUES (at, current_user, session_user); RETURN true; END $$;
CREATE FUNCTION app.noting() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM app.note(tg_name); RETURN CASE tg_level WHEN 'ROW' THEN new END; END $$;
CREATE DOMAIN app.label AS text CHECK (app.note('domain'));
CREATE TABLE app.orders (id serial PRIMARY KEY, big bigserial, who name DEFAULT current_user, seen boolean DEFAULT app.note('default'),
    label app.label, doubled int GENERATED ALWAYS AS (n * 2) STORED, n int CHECK (app.note('check')));
CREATE TRIGGER before_row BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.noting();
CREATE TRIGGER before_truncate BEFORE TRUNCATE ON app.orders EXECUTE FUNCTION app.noting();
CREATE TABLE app.lines (order_id int REFERENCES app.orders, what text);
CREATE TABLE app.alone (id serial, n int);
CREATE TABLE app.parts (id int, n int) PARTITION BY LIST (id);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES IN (1);
CREATE TABLE app.own (id int, who name);
ALTER TABLE app.own ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.own USING (who = current_user);
CREATE VIEW app.view AS SELECT * FROM app.accounts;
CREATE SEQUENCE app.loose;
REVOKE ALL ON ALL TABLES IN SCHEMA app FROM regress_alice;
GRANT INSERT ON app.diary TO regress_alice;
GRANT SELECT, INSERT, UPDATE, TRUNCATE ON app.orders, app.lines, app.accounts, app.parts, app.own TO regress_lent;
GRANT INSERT, SELECT ON app.alone, app.view TO regress_lent;
GRANT INSERT ON app.trap_default, app.trap_check, app.trap_stored, app.trap_index, app.trap_domain, app.trap_none TO regress_lent;
GRANT INSERT (id) ON app.notes TO regress_lent;
GRANT INSERT ON app.parts_1 TO regress_lent;
GRANT USAGE ON SEQUENCE app.orders_id_seq, app.orders_big_seq, app.loose TO regress_lent;
\c - postgres
SELECT jit.create_policy('lent', '{READ, WRITE}', '{app.orders, app.lines, app.accounts, app.notes, app.parts, app.own, app.alone, app.view, app.trap_default,
    app.trap_check, app.trap_stored, app.trap_index, app.trap_domain, app.trap_none}',
    lends => 'regress_lent', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\set ECHO all
-- Not without an approval.
\c - regress_alice
COPY app.orders (n) FROM STDIN;
1
\.
COPY app.accounts (id) FROM STDIN;
1
\.
TRUNCATE app.orders;
BEGIN;
LOCK app.orders;
ROLLBACK;
INSERT INTO app.orders (n) VALUES (1);
SELECT jit.request('lent') AS r \gset
-- COPY FROM: with defaults, sequences of the table's own, generated columns; everything that runs is alice.
COPY app.orders (n, label) FROM STDIN;
1	one
2	two
\.
COPY app.orders (n) FROM STDIN WITH (FORMAT csv) WHERE n > 3;
3
4
\.
SELECT id, big, who, seen, label, doubled, n FROM app.orders ORDER BY id;
\c - regress_owner
SELECT at, who, person, count(*) FROM app.diary GROUP BY at, who, person ORDER BY at, who;
\c - regress_alice
SELECT currval('app.orders_id_seq') AS not_lent;
COPY app.orders (label) FROM STDIN WHERE doubled > 3;
x
\.
COPY app.orders (n) FROM '/nonexistent';
COPY app.orders (n) FROM PROGRAM 'true';
COPY app.parts FROM STDIN;
1	1
\.
SELECT * FROM app.parts;
COPY app.own FROM STDIN;
1	regress_alice
\.
COPY app.view FROM STDIN;
9
\.
BEGIN READ ONLY;
COPY app.accounts (id) FROM STDIN;
9
\.
ROLLBACK;
-- Columns, other tables and other privileges of the role.
COPY app.notes (id) FROM STDIN;
2
\.
COPY app.notes FROM STDIN;
3	three
\.
SELECT count(*) FROM app.diary;
COPY app.nothing FROM STDIN;
\.
-- The numbers of the table's own sequences are lent with the row, and no others.
INSERT INTO app.orders (n) VALUES (5), (6) RETURNING id, big;
INSERT INTO app.orders (id, n) VALUES (DEFAULT, 7), (nextval('app.orders_id_seq') + 100, 8) RETURNING id;
PREPARE put (int) AS INSERT INTO app.orders (n) VALUES ($1) RETURNING id;
EXECUTE put (9);
MERGE INTO app.orders o USING (VALUES (10)) v (n) ON o.n = v.n WHEN NOT MATCHED THEN INSERT (n) VALUES (v.n);
SELECT max(id) AS id FROM app.orders WHERE n = 10;
INSERT INTO app.orders (n) VALUES (nextval('app.loose'));
SELECT nextval('app.orders_id_seq');
SELECT nextval('app.loose');
INSERT INTO app.alone (n) VALUES (1);
INSERT INTO app.alone VALUES (1, 1);
COPY app.alone (n) FROM STDIN;
1
\.
SELECT c.action, c.object, c.allowed FROM unnest('{INSERT INTO app.orders (n) VALUES (1), INSERT INTO app.alone (n) VALUES (1)}'::text[]) s, jit.check(s) c
    WHERE c.action = 'INSERT';
-- LOCK.
BEGIN;
LOCK app.orders IN ACCESS SHARE MODE;
LOCK app.orders IN ROW EXCLUSIVE MODE NOWAIT;
LOCK ONLY app.parts, app.orders;
LOCK app.parts NOWAIT;
SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relname IN ('orders', 'parts', 'parts_1') ORDER BY c.relname COLLATE "C", l.mode;
COMMIT;
LOCK app.orders;
BEGIN;
LOCK app.alone IN SHARE MODE;
ROLLBACK;
BEGIN;
LOCK app.orders, app.diary;
ROLLBACK;
BEGIN;
LOCK app.view;
ROLLBACK;
-- TRUNCATE.
TRUNCATE app.orders;
TRUNCATE app.alone;
TRUNCATE app.orders, app.lines, app.diary;
TRUNCATE app.orders, app.lines RESTART IDENTITY;
TRUNCATE ONLY app.parts;
BEGIN;
DECLARE c CURSOR FOR SELECT FROM app.lines;
FETCH c;
TRUNCATE app.lines;
ROLLBACK;
BEGIN READ ONLY;
TRUNCATE app.lines;
ROLLBACK;
BEGIN;
DO 'BEGIN TRUNCATE app.parts; END';
SELECT count(*) FROM app.parts;
TRUNCATE app.orders CASCADE;
SELECT count(*) FROM app.orders;
ROLLBACK;
SELECT count(*) > 0 AS still_there FROM app.orders;
TRUNCATE app.orders, app.orders, app.lines;
SELECT count(*) FROM app.orders;
\c - regress_owner
SELECT at, who, person, count(*) FROM app.diary WHERE at ~ 'truncate' GROUP BY at, who, person;
-- One use each, however many tables.
\c - regress_alice
SELECT jit.release(:r);
SELECT jit.request('lent', uses => 2) AS r \gset
TRUNCATE app.orders, app.lines;
COPY app.accounts (id) FROM STDIN;
9
\.
COPY app.accounts (id) FROM STDIN;
8
\.
SELECT jit.request('lent') AS r \gset
\c - regress_owner
-- A cascade to what is not lent stops.
CREATE TABLE app.more (order_id int REFERENCES app.orders);
\c - regress_alice
TRUNCATE app.orders CASCADE;
\c - regress_owner
GRANT TRUNCATE ON app.more TO regress_alice;
\c - regress_alice
TRUNCATE app.orders CASCADE;
-- A narrower approval lends less, and a plan that was made under a wider one does not keep it.
PREPARE put AS INSERT INTO app.orders (n) VALUES (1) RETURNING id IS NOT NULL AS put;
EXECUTE put;
SELECT jit.release(:r);
EXECUTE put;
SELECT jit.request('lent', actions => '{INSERT}', objects => ARRAY['app.accounts(id, owner)']) AS r \gset
COPY app.accounts (id, owner) FROM STDIN;
10	dov
\.
COPY app.accounts (id, iban) FROM STDIN;
11	DE11
\.
COPY app.accounts (id) FROM STDIN WHERE iban IS NULL;
11
\.
TRUNCATE app.accounts;
BEGIN;
LOCK app.accounts IN ROW EXCLUSIVE MODE;
ROLLBACK;
SELECT jit.release(:r);
-- Code of others borrows nothing, and gets no more than before.
\c - regress_mallory
CREATE FUNCTION mine.empty() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE app.lines; END';
CREATE FUNCTION mine.lock() RETURNS void LANGUAGE plpgsql AS 'BEGIN LOCK app.lines; END';
CREATE FUNCTION mine.steal() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN TRUNCATE app.lines; RETURN new; END';
\c - regress_owner
CREATE TRIGGER foreign_code BEFORE INSERT ON app.accounts FOR EACH ROW EXECUTE FUNCTION mine.steal();
CREATE FUNCTION app.empty() RETURNS void LANGUAGE plpgsql AS 'BEGIN TRUNCATE app.lines; END';
GRANT USAGE ON SCHEMA app TO PUBLIC;
\c - regress_alice
SELECT jit.request('lent') AS r \gset
SELECT mine.empty();
SELECT mine.lock();
COPY app.accounts (id) FROM STDIN;
12
\.
-- Nor does it from a default, a check, a domain, an index or a stored column (vector 170).
COPY app.trap_default (n) FROM STDIN;
1
\.
COPY app.trap_check (n) FROM STDIN;
1
\.
COPY app.trap_stored (n) FROM STDIN;
1
\.
COPY app.trap_index (n) FROM STDIN;
1
\.
COPY app.trap_domain (n) FROM STDIN;
1
\.
COPY app.accounts (id) FROM STDIN WHERE mine.peek(id) > 0;
1
\.
COPY app.trap_none (n) FROM STDIN;
1
\.
SELECT app.empty();
\c - regress_owner
DROP TRIGGER foreign_code ON app.accounts;
\c - regress_alice
COPY app.accounts (id) FROM STDIN;
12
\.
SELECT id FROM app.accounts WHERE id > 3 ORDER BY id;
-- What would reach another server as the role that lends is not lent (vector 171).
\c - postgres
SET client_min_messages = warning;
CREATE FOREIGN DATA WRAPPER regress_fdw;
CREATE SERVER regress_server FOREIGN DATA WRAPPER regress_fdw;
CREATE FOREIGN TABLE app.parts_2 PARTITION OF app.parts FOR VALUES IN (2) SERVER regress_server;
RESET client_min_messages;
\c - regress_alice
INSERT INTO app.parts VALUES (1, 2);
SELECT allowed FROM jit.check('INSERT INTO app.parts VALUES (1, 2)');
COPY app.parts FROM STDIN;
1	2
\.
TRUNCATE app.parts;
SELECT count(*) FROM app.parts WHERE id = 1;
INSERT INTO app.parts_1 VALUES (1, 2);
-- Who holds the privilege natively goes on as before, with an approval and only with one.
\c - regress_bob
COPY app.accounts (id) FROM STDIN;
12
\.
TRUNCATE app.accounts;
\c - postgres
\set ECHO none
SET client_min_messages = warning;
SELECT jit.drop_policy('lent');
DROP OWNED BY regress_lent;
DROP ROLE regress_lent;
DROP FOREIGN DATA WRAPPER regress_fdw CASCADE;
\i :end
