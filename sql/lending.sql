-- lending: a statement borrows exactly what was approved, from a role that nobody is a member of; nothing else of the role
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_lent;
\c - regress_owner
CREATE VIEW app.names AS SELECT id, owner FROM app.accounts;
CREATE TABLE app.seen (id int, who name);
INSERT INTO app.seen VALUES (1, 'regress_alice'), (2, 'regress_lent'), (3, 'regress_bob');
ALTER TABLE app.seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.seen USING (who = current_user);
REVOKE ALL ON app.accounts, app.notes FROM regress_alice;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON app.accounts TO regress_lent;
GRANT SELECT (id), UPDATE (note) ON app.notes TO regress_lent;
GRANT SELECT ON app.names, app.seen TO regress_lent;
\c - postgres
SELECT jit.create_policy('lent', '{READ, WRITE}', '{app.accounts, app.notes, app.names, app.seen}', lends => 'regress_lent',
    eligible => '{regress_alice}', approvals => 0, require_reason => false, exempt => '{regress_carol}');
\set ECHO none
\set dml :here '/sql/common/gate_dml.psql'
\i :dml
\set ECHO all
-- Nothing is held natively, and nothing with an approval: it is lent to each statement.
\c - regress_alice
SELECT * FROM app.accounts;
SELECT has_table_privilege('app.accounts', 'SELECT') AS holds;
SELECT jit.request('lent') AS r \gset
SELECT has_table_privilege('app.accounts', 'SELECT') AS holds;
-- All DML.
BEGIN;
\set ON_ERROR_ROLLBACK on
SELECT statement FROM mine.statements WHERE statement !~ 'app.notes' ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
ROLLBACK;
-- Prepared, in functions, as a cursor.
PREPARE reads (int) AS SELECT owner FROM app.accounts WHERE id = $1;
EXECUTE reads (1);
DO $$ BEGIN UPDATE app.accounts SET balance = 1 WHERE id = 1; END $$;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts ORDER BY id;
FETCH ALL FROM c;
COMMIT;
COPY (SELECT id FROM app.accounts ORDER BY id) TO STDOUT;
COPY app.accounts (id, owner) TO STDOUT;
-- Row security sees the person, not the role that lends.
SELECT * FROM app.seen;
-- Other columns, other privileges, other tables of the role are not lent.
SELECT id FROM app.notes;
SELECT note FROM app.notes;
SELECT * FROM app.notes;
UPDATE app.notes SET note = 'x';
UPDATE app.notes SET id = 9;
DELETE FROM app.notes;
COPY app.notes TO STDOUT;
ALTER TABLE app.accounts ADD x int;
SET ROLE regress_lent;
-- A view that is lent.
SELECT * FROM app.names ORDER BY id;
-- A request for less lends less.
SELECT jit.release(:r);
SELECT * FROM app.accounts;
EXECUTE reads (1);
SELECT jit.request('lent', actions => '{SELECT}', objects => ARRAY['app.accounts(id, owner)']) AS r \gset
SELECT id, owner FROM app.accounts WHERE id = 1;
SELECT iban FROM app.accounts;
UPDATE app.accounts SET owner = 'x';
SELECT jit.release(:r);
-- Code of others borrows nothing.
\c - regress_mallory
CREATE FUNCTION mine.reads() RETURNS text LANGUAGE sql AS $$ SELECT max(iban) FROM app.accounts $$;
CREATE VIEW mine.reader WITH (security_invoker) AS SELECT * FROM app.accounts;
GRANT SELECT ON mine.reader TO PUBLIC;
\c - regress_alice
SELECT jit.request('lent') AS r \gset
SELECT mine.reads();
SELECT count(*) FROM mine.reader;
SELECT max(iban) FROM app.accounts;
-- Bob holds privileges of his own and no approval: lending is nobody's way round.
\c - regress_bob
SELECT count(*) FROM app.accounts;
\c - postgres
SELECT jit.drop_policy('lent');
DROP OWNED BY regress_lent;
DROP ROLE regress_lent;
\set ECHO none
\i :end
