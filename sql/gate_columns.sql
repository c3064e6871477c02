-- gate_columns: a guard or an approval that names columns decides column by column
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('iban', '{SELECT, INSERT, UPDATE}', '{app.accounts(iban)}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);

-- Other columns are free, the guarded one is not, however it is spelled.
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

-- A policy on the table, an approval for some of its columns.
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

-- A column renamed stays guarded, one dropped leaves no hole in whole rows.
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
\set ECHO none
\i :end
