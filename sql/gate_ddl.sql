-- gate_ddl: commands on a guarded table are decided by what the relation is and by what they really reach
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - regress_owner
CREATE DOMAIN app.kind AS text;
ALTER TABLE app.accounts ADD kind app.kind;
CREATE TABLE app.empty ();
CREATE INDEX extra ON app.accounts (owner);
CREATE STATISTICS app.had ON owner, balance FROM app.accounts;
CREATE FUNCTION app.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER had BEFORE UPDATE ON app.accounts EXECUTE FUNCTION app.nothing();
CREATE VIEW app.names AS SELECT id, owner FROM app.accounts;
\c - postgres
CREATE TABLE mine.commands (n serial, statement text);
INSERT INTO mine.commands (statement) VALUES
    ($s$ALTER TABLE app.accounts ADD x int$s$),
    ($s$ALTER TABLE app.accounts RENAME TO gone$s$),
    ($s$ALTER TABLE app.accounts RENAME iban TO x$s$),
    ($s$ALTER TABLE app.accounts SET SCHEMA mine$s$),
    ($s$ALTER TABLE app.accounts OWNER TO regress_bob$s$),
    ($s$ALTER TABLE app.accounts DISABLE TRIGGER ALL$s$),
    ($s$ALTER TABLE app.accounts ENABLE ROW LEVEL SECURITY$s$),
    ($s$ALTER TABLE app.accounts ALTER iban TYPE text USING upper(iban)$s$),
    ($s$ALTER TABLE app.accounts ADD CHECK (balance < 1000)$s$),
    ($s$ALTER TABLE app.accounts INHERIT app.empty$s$),
    ($s$ALTER TABLE IF EXISTS app.accounts SET (fillfactor = 50)$s$),
    ($s$ALTER INDEX app.accounts_pkey RENAME TO x$s$),
    ($s$ALTER INDEX app.accounts RENAME TO gone$s$),
    ($s$ALTER VIEW app.accounts RENAME TO gone$s$),
    ($s$CREATE INDEX ON app.accounts (iban)$s$),
    ($s$DROP INDEX app.extra$s$),
    ($s$CREATE STATISTICS app.s ON owner, iban FROM app.accounts$s$),
    ($s$DROP STATISTICS app.had$s$),
    ($s$CREATE TRIGGER t BEFORE INSERT ON app.accounts EXECUTE FUNCTION app.nothing()$s$),
    ($s$DROP TRIGGER had ON app.accounts$s$),
    ($s$ALTER TRIGGER had ON app.accounts RENAME TO x$s$),
    ($s$CREATE RULE r AS ON INSERT TO app.accounts DO ALSO NOTHING$s$),
    ($s$CREATE POLICY p ON app.accounts$s$),
    ($s$CREATE TABLE mine.x (id int REFERENCES app.accounts)$s$),
    ($s$CREATE TABLE mine.x (id int, FOREIGN KEY (id) REFERENCES app.accounts)$s$),
    ($s$CREATE TABLE mine.x () INHERITS (app.accounts)$s$),
    ($s$ALTER TABLE app.notes ADD FOREIGN KEY (id) REFERENCES app.accounts$s$),
    ($s$ALTER TABLE app.notes ADD x int REFERENCES app.accounts$s$),
    ($s$ALTER DOMAIN app.kind ADD CHECK (value <> 'x')$s$),
    ($s$ALTER DOMAIN app.kind SET NOT NULL$s$),
    ($s$GRANT SELECT ON app.accounts TO PUBLIC$s$),
    ($s$GRANT SELECT (iban) ON app.accounts TO PUBLIC$s$),
    ($s$GRANT SELECT ON ALL TABLES IN SCHEMA app TO PUBLIC$s$),
    ($s$REVOKE ALL ON app.accounts FROM PUBLIC$s$),
    ($s$REVOKE ALL ON ALL TABLES IN SCHEMA app FROM PUBLIC$s$),
    ($s$COMMENT ON TABLE app.accounts IS 'x'$s$),
    ($s$COMMENT ON COLUMN app.accounts.iban IS 'x'$s$),
    ($s$DROP TABLE app.accounts CASCADE$s$),
    ($s$DROP TABLE IF EXISTS app.notes, app.accounts CASCADE$s$),
    ($s$DROP DOMAIN app.kind CASCADE$s$),
    ($s$VACUUM app.accounts$s$),
    ($s$ANALYZE app.accounts$s$),
    ($s$CLUSTER app.accounts USING accounts_pkey$s$),
    ($s$REINDEX TABLE app.accounts$s$),
    ($s$REINDEX INDEX app.accounts_pkey$s$),
    ($s$DO 'BEGIN ALTER TABLE app.accounts ADD x int; END'$s$);
GRANT SELECT ON mine.commands TO PUBLIC;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_owner}', approvals => 0,
    require_reason => false);
-- The table's owner, without an approval.
\c - regress_owner
SELECT statement FROM mine.commands ORDER BY n \gexec
-- A superuser, and commands that do not name the table.
\c - regress_dba
DROP SCHEMA app CASCADE;
DROP OWNED BY regress_owner CASCADE;
REASSIGN OWNED BY regress_owner TO regress_bob;
CREATE PUBLICATION regress_pub FOR TABLE app.accounts;
CREATE PUBLICATION regress_pub FOR ALL TABLES;
CREATE PUBLICATION regress_pub FOR TABLES IN SCHEMA app;
CREATE PUBLICATION regress_pub FOR TABLE app.notes;
ALTER PUBLICATION regress_pub ADD TABLE app.accounts;
DROP PUBLICATION regress_pub;
VACUUM;
DROP TABLE app.empty;
-- The same with an approval: nothing but the server's own objections.
\c - regress_owner
CREATE TABLE app.empty ();
SELECT jit.request('accounts') AS r \gset
\set ON_ERROR_ROLLBACK on
SELECT 'BEGIN', statement, 'ROLLBACK' FROM mine.commands WHERE statement !~ '^(VACUUM|REINDEX|CLUSTER)' ORDER BY n \gexec
\set ON_ERROR_ROLLBACK off
SELECT statement FROM mine.commands WHERE statement ~ '^(VACUUM|REINDEX|CLUSTER)' ORDER BY n \gexec

-- Actions by what the relation is: ALTER TABLE of a view is ALTER VIEW.
SELECT jit.release(:r);
\c - postgres
SELECT jit.create_policy('names', '{ALTER VIEW, DROP VIEW, CREATE VIEW}', '{app.names}', eligible => '{regress_owner}', approvals => 0,
    require_reason => false);
\c - regress_owner
ALTER TABLE app.names RENAME TO x;
ALTER VIEW app.names RENAME TO x;
ALTER TABLE app.names ALTER owner SET DEFAULT 'x';
CREATE OR REPLACE VIEW app.names AS SELECT 1 AS id, 'x' AS owner;
DROP VIEW app.names;
SELECT jit.request('names', actions => '{ALTER VIEW}') AS r \gset
ALTER TABLE app.names RENAME TO renamed;
ALTER VIEW app.renamed RENAME TO names;
DROP VIEW app.names;
-- vector 66
-- The guard follows the object, not the name.
SELECT jit.request('accounts', actions => '{ALTER TABLE}') AS r \gset
ALTER TABLE app.accounts RENAME TO old;
CREATE TABLE app.accounts (id int);
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.old;

-- vector 272: what a DROP takes of a table that stays is asked for as if it were dropped by itself; what goes with its table or column is not.
\c - postgres
GRANT CREATE ON DATABASE :DBNAME TO regress_owner;
\c - regress_owner
CREATE SCHEMA own;
CREATE FUNCTION own.ok(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION own.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE DOMAIN own.kind AS text;
-- GRANT ON ALL SEQUENCES is no business of tables.
CREATE SEQUENCE app.free;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO PUBLIC;
CREATE TABLE own.up (id int PRIMARY KEY);
CREATE TABLE app.parts (id int PRIMARY KEY, n serial, g int GENERATED ALWAYS AS IDENTITY, up int REFERENCES own.up, kind own.kind,
    ok boolean DEFAULT own.ok('x'), word text CHECK (own.ok(word)),
    who regrole DEFAULT jit.person()); -- which DROP EXTENSION jit_guard CASCADE takes along, at the end
CREATE INDEX parts_kind ON app.parts (kind);
CREATE INDEX parts_ok ON app.parts (own.ok(word));
CREATE STATISTICS app.parts_stat ON kind, word FROM app.parts;
CREATE TRIGGER fires BEFORE UPDATE OF kind ON app.parts FOR EACH ROW EXECUTE FUNCTION own.fires();
CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON app.parts FOR EACH ROW EXECUTE FUNCTION own.fires();
CREATE POLICY seen ON app.parts USING (own.ok(word));
CREATE RULE ruled AS ON DELETE TO app.parts WHERE own.ok(old.word) DO INSTEAD NOTHING;
\c - postgres
SELECT jit.create_policy('parts', '{ALL}', '{app.parts}', eligible => '{regress_owner}', approvals => 0, require_reason => false);
\c - regress_owner
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO PUBLIC;
\set ON_ERROR_ROLLBACK on
SELECT jit.request('parts', actions => '{DROP TABLE}') AS r \gset
BEGIN;
SET LOCAL client_min_messages = warning;
DROP TABLE app.parts;
ROLLBACK;
BEGIN;
SET LOCAL client_min_messages = warning;
DROP FUNCTION own.fires() CASCADE;
DROP FUNCTION own.ok(text) CASCADE;
DROP DOMAIN own.kind CASCADE;
DROP TABLE own.up CASCADE;
DROP SCHEMA own CASCADE;
ROLLBACK;
SELECT jit.release(:r);
SELECT jit.request('parts', actions => '{ALTER TABLE}') AS r \gset
BEGIN;
SET LOCAL client_min_messages = warning;
ALTER TABLE app.parts DROP CONSTRAINT parts_pkey;
ALTER TABLE app.parts ALTER ok DROP DEFAULT;
ALTER TABLE app.parts DROP n;
ALTER TABLE app.parts DROP g;
DROP TABLE own.up CASCADE;
DROP FUNCTION own.fires() CASCADE;
DROP FUNCTION own.ok(text) CASCADE;
DROP TABLE app.parts;
DROP DOMAIN own.kind CASCADE;
ALTER TABLE app.parts DROP word CASCADE;
ROLLBACK;
DROP SEQUENCE app.parts_n_seq CASCADE;
SELECT jit.release(:r);
SELECT jit.request('parts', actions => '{DROP TRIGGER, DROP POLICY, DROP RULE, DROP INDEX, DROP STATISTICS}') AS r \gset
BEGIN;
SET LOCAL client_min_messages = warning;
DROP FUNCTION own.fires() CASCADE;
ROLLBACK;
BEGIN;
SET LOCAL client_min_messages = warning;
DROP TRIGGER fires ON app.parts;
DROP TRIGGER late ON app.parts;
DROP POLICY seen ON app.parts;
DROP RULE ruled ON app.parts;
DROP INDEX app.parts_ok;
DROP STATISTICS app.parts_stat;
ALTER TABLE app.parts DROP word;
DROP TABLE app.parts;
DROP FUNCTION own.ok(text) CASCADE;
ROLLBACK;
DROP INDEX CONCURRENTLY app.parts_ok;
SELECT jit.release(:r);
-- However much it takes, it is one use.
SELECT jit.request('parts', uses => 1) AS r \gset
SET client_min_messages = warning;
DROP SCHEMA own CASCADE;
ALTER TABLE app.parts DROP kind;
RESET client_min_messages;
SELECT string_agg(conname, ',' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'app.parts'::regclass AND contype <> 'n';
\set ON_ERROR_ROLLBACK off
\set ECHO none
\i :end
