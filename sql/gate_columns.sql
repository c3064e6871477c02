-- gate_columns: a guard or an approval that names columns decides column by column
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('iban', '{SELECT, INSERT, UPDATE}', '{app.accounts(iban)}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);

-- Other columns are free, the guarded one is not, however it is spelled (vector 195).
\c - regress_bob
SELECT id, owner FROM app.accounts ORDER BY id;
SELECT iban FROM app.accounts;
SELECT count(*) FROM app.accounts;
SELECT count(iban) FROM app.accounts;
SELECT * FROM app.accounts;
SELECT a FROM app.accounts a;
SELECT to_jsonb(a) FROM app.accounts a;
SELECT (a).iban FROM app.accounts a;
SELECT a.iban FROM app.accounts a;
SELECT iban(a) FROM app.accounts a;
SELECT id FROM app.accounts WHERE id > 2;
SELECT id FROM app.accounts WHERE iban = 'DE01';
SELECT id FROM app.accounts ORDER BY id DESC LIMIT 1;
SELECT id FROM app.accounts ORDER BY iban;
SELECT count(*) FROM app.accounts GROUP BY owner, iban;
SELECT count(*) FROM app.accounts a JOIN (VALUES ('DE01')) v (iban) USING (iban);
SELECT count(*) FROM app.accounts NATURAL JOIN (VALUES ('DE01')) v (iban);
SELECT ctid, tableoid::regclass, xmin <> '0' FROM app.accounts WHERE id = 1;
COPY app.accounts (id, owner) TO STDOUT;
COPY app.accounts (iban) TO STDOUT;
COPY app.accounts TO STDOUT;
INSERT INTO app.accounts (id, owner) VALUES (8, 'hal');
INSERT INTO app.accounts (id, owner) VALUES (9, 'ida') RETURNING iban;
INSERT INTO app.accounts (id, iban) VALUES (9, 'DE09');
INSERT INTO app.accounts VALUES (9, 'ida');
INSERT INTO app.accounts VALUES (9, 'ida', 'DE09');
INSERT INTO app.accounts (id) VALUES (8) ON CONFLICT (id) DO UPDATE SET owner = 'h';
INSERT INTO app.accounts (id) VALUES (8) ON CONFLICT (id) DO UPDATE SET owner = app.accounts.iban;
UPDATE app.accounts SET owner = 'x' WHERE id = 8;
UPDATE app.accounts SET iban = 'x' WHERE id = 8;
UPDATE app.accounts SET owner = iban WHERE id = 8;
UPDATE app.accounts SET (id, iban) = (8, 'x') WHERE id = 8;
UPDATE app.accounts SET owner = 'x' WHERE id = 8 RETURNING *;
DELETE FROM app.accounts WHERE iban = 'DE08';
DELETE FROM app.accounts WHERE id = 8;
MERGE INTO app.accounts a USING app.notes n ON a.id = n.id WHEN MATCHED THEN UPDATE SET balance = 1;
MERGE INTO app.accounts a USING app.notes n ON a.iban = n.note WHEN MATCHED THEN UPDATE SET balance = 1;

\c - regress_alice
SELECT jit.request('iban') AS r \gset
SELECT iban FROM app.accounts WHERE id = 1;
SELECT a FROM app.accounts a WHERE iban = 'DE01';
UPDATE app.accounts SET iban = 'DE01' WHERE id = 1 RETURNING *;
SELECT jit.release(:r);

-- A policy on the table, an approval for some of its columns (vector 196).
\c - postgres
SELECT jit.alter_policy('iban', objects => '{app.accounts}', actions => '{READ, WRITE}');
\c - regress_alice
SELECT jit.request('iban', objects => ARRAY['app.accounts(id, owner)'], actions => '{SELECT, UPDATE}') AS r \gset
SELECT owner FROM app.accounts WHERE id = 1;
SELECT owner, iban FROM app.accounts WHERE id = 1;
SELECT * FROM app.accounts;
SELECT a FROM app.accounts a;
UPDATE app.accounts SET owner = 'ann' WHERE id = 1;
UPDATE app.accounts SET owner = 'ann', balance = 0 WHERE id = 1;
UPDATE app.accounts SET owner = iban WHERE id = 1;
SELECT jit.release(:r);

-- A column renamed stays guarded, one dropped leaves no hole in whole rows (vector 197).
\c - postgres
SELECT jit.alter_policy('iban', objects => '{app.accounts(iban), app.accounts(owner)}', actions => '{SELECT}');
ALTER TABLE app.accounts RENAME iban TO number;
SELECT objects FROM jit.policies;
\c - regress_bob
SELECT number FROM app.accounts;
SELECT balance FROM app.accounts WHERE id = 2;
\c - postgres
ALTER TABLE app.accounts DROP balance;
\c - regress_bob
SELECT id FROM app.accounts WHERE id = 2;
SELECT a FROM app.accounts a;
SELECT count(a) FROM app.accounts a;
-- A generated column is made of others: reading it reads those, and changing those changes it (vector 198).
\c - postgres
SELECT jit.drop_policy('iban');
ALTER TABLE app.accounts RENAME number TO iban;
ALTER TABLE app.accounts ADD COLUMN balance int DEFAULT 5 CHECK (balance > 0), ADD COLUMN shown text GENERATED ALWAYS AS ('x' || iban) STORED,
    ADD COLUMN size int GENERATED ALWAYS AS (length(owner)) STORED;
SELECT jit.create_policy('iban', '{SELECT, UPDATE, EXPORT}', '{app.accounts(iban), app.accounts(size)}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_bob
SELECT shown FROM app.accounts;
SELECT id FROM app.accounts WHERE shown = 'x';
SELECT count(shown) FROM app.accounts;
SELECT size FROM app.accounts;
UPDATE app.accounts SET owner = 'x' WHERE id = 2;
UPDATE app.accounts SET balance = 6 WHERE id = 2;
COPY app.accounts (shown) TO STDOUT;
COPY app.accounts (id) TO STDOUT;
\c - regress_alice
SELECT jit.request('iban', objects => '{app.accounts(iban)}') AS r \gset
SELECT shown FROM app.accounts WHERE id = 1;
UPDATE app.accounts SET owner = 'x' WHERE id = 2;
SELECT jit.release(:r);
SELECT jit.request('iban') AS r \gset
UPDATE app.accounts SET owner = 'xy' WHERE id = 2 RETURNING size;
CREATE TABLE mine.ibans AS SELECT iban FROM app.accounts WHERE id = 1;
SELECT jit.release(:r);
CREATE TABLE mine.more AS SELECT id FROM app.accounts WHERE id = 1;
CREATE TABLE mine.yet_more AS SELECT iban FROM app.accounts WHERE id = 1;
DROP TABLE mine.ibans, mine.more;

-- The error of a constraint shows the row to those who may read it (vector 199).
\c - regress_bob
\set VERBOSITY default
UPDATE app.accounts SET id = NULL WHERE id = 1;
UPDATE app.accounts SET balance = -1 WHERE id = 1;
INSERT INTO app.accounts (id, balance) VALUES (1, 5) ON CONFLICT (id) DO UPDATE SET balance = -1;
DO $$
DECLARE told text;
BEGIN
    UPDATE app.accounts SET balance = -1 WHERE id = 1;
EXCEPTION WHEN check_violation THEN GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL; RAISE NOTICE '%', told;
END $$;
UPDATE app.notes SET id = NULL;
\c - regress_alice
\set VERBOSITY terse
SELECT jit.request('iban') AS r \gset
\set VERBOSITY default
UPDATE app.accounts SET balance = -1 WHERE id = 1;
SELECT jit.release(:r);
\set VERBOSITY terse

-- An exclusion constraint shows the row that was there, also to COPY (vector 263) and to what is deferred (vector 264).
\c - regress_owner
CREATE TABLE app.leave (person text, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE TABLE app.later (person text, during int4range, n int REFERENCES app.notes DEFERRABLE INITIALLY DEFERRED,
    EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED);
CREATE PROCEDURE app.commits() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO app.later VALUES ('all', '(,)'); COMMIT; END $$;
INSERT INTO app.leave VALUES ('ann', '[7,9)');
INSERT INTO app.later VALUES ('ann', '[7,9)');
GRANT SELECT, INSERT ON app.leave, app.later TO regress_bob, regress_alice;
\c - postgres
SELECT jit.create_policy('leave', '{READ}', '{app.leave,app.later}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\set deferred 'BEGIN; INSERT INTO app.later VALUES (\'all\', \'(,)\'); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK; BEGIN; INSERT INTO app.later VALUES (\'all\', \'(,)\'); COMMIT; INSERT INTO app.later VALUES (\'all\', \'(,)\'); CALL app.commits(); INSERT INTO app.later VALUES (\'none\', \'empty\', 4711);'
\set VERBOSITY default
\c - regress_bob
INSERT INTO app.leave VALUES ('all', '(,)');
COPY app.leave FROM STDIN;
all	(,)
\.
:deferred
DO $$
DECLARE told text;
BEGIN
    INSERT INTO app.later VALUES ('all', '(,)');
    SET CONSTRAINTS ALL IMMEDIATE;
EXCEPTION WHEN exclusion_violation THEN GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL; RAISE NOTICE '%', told;
END $$;
-- What follows is another statement, and of a table whose rows may be seen.
INSERT INTO app.notes VALUES (1);
BEGIN;
INSERT INTO app.later VALUES ('none', 'empty');
INSERT INTO app.notes VALUES (1);
ROLLBACK;
COPY app.notes FROM STDIN;
1	again
\.
-- Twin: who may read it is told.
\c - regress_alice
\set VERBOSITY terse
SELECT jit.request('leave') AS r \gset
\set VERBOSITY default
COPY app.leave FROM STDIN;
all	(,)
\.
:deferred
SELECT jit.release(:r);
\set VERBOSITY terse

-- Values that lie in a TOAST table are of no column there (vector 200).
\c - postgres
ALTER TABLE app.accounts ALTER iban SET STORAGE EXTERNAL;
DO $$ BEGIN EXECUTE format('SELECT count(*) FROM %s', (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'app.accounts'::regclass));
EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE '%', regexp_replace(SQLERRM, '[0-9]+', 'N'); END $$;
DO $$ BEGIN EXECUTE format('SELECT count(*) FROM %s', (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'app.notes'::regclass)); END $$;

-- An approval for columns is none of the row as such, which system columns tell of; a guard of columns leaves them free (vector 201).
SELECT jit.create_policy('notes', '{SELECT}', '{app.notes}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_bob
SELECT ctid IS NOT NULL AS is_there, id FROM app.accounts WHERE id = 1;
\c - regress_alice
SELECT jit.request('notes', objects => '{app.notes(id)}') AS r \gset
SELECT id FROM app.notes;
SELECT id, ctid FROM app.notes;
SELECT id FROM app.notes WHERE xmin IS NOT NULL;
\set ECHO none
\i :end
