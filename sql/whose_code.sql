-- whose_code: an approval is used by the person's own statements, not by what somebody else hung into them
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');
CREATE SCHEMA theirs AUTHORIZATION regress_mallory;
CREATE SCHEMA owners AUTHORIZATION regress_owner;
CREATE SCHEMA supers AUTHORIZATION regress_dba;
CREATE SCHEMA own AUTHORIZATION regress_alice;
GRANT USAGE ON SCHEMA theirs, owners, supers, own TO PUBLIC;
CREATE TABLE mine.calls (n serial, statement text);
INSERT INTO mine.calls (statement) VALUES
    ('SELECT %s.plpgsql()'), ('SELECT %s.inlined()'), ('SELECT count(*) FROM %s.rows()'), ('SELECT %s.definer()'),
    ($s$SELECT 'a' OPERATOR(%s.<<<) note AS operator FROM app.notes$s$), ('SELECT %s.adds(note) AS aggregate FROM app.notes'),
    ($s$SELECT 'x'::%s.checked$s$), ('INSERT INTO %s.own (id) VALUES (1)'), ($s$INSERT INTO %s.constrained VALUES ('x')$s$),
    ('INSERT INTO %s.triggered VALUES (1) RETURNING note'), ('INSERT INTO %s.ruled VALUES (1)'),
    ('SELECT count(*) AS secured FROM %s.secured'), ('SELECT * FROM %s.calls'), ('SELECT count(*) AS shows FROM %s.shows'),
    ('SELECT count(*) AS invoker FROM %s.invoker'), ($s$DO 'DECLARE t text; BEGIN t := %s.plpgsql(); END'$s$);
GRANT SELECT ON mine.calls TO PUBLIC;
\set ECHO none
\set code :here '/sql/common/gate_code.psql'
\set schema theirs
\c - regress_mallory
\i :code
\set schema owners
\c - regress_owner
\i :code
\set schema supers
\c - regress_dba
\i :code
\set schema own
\c - regress_alice
\i :code
\set ECHO all
-- Every kind of code, of Mallory, of the table's owner, of a superuser, of Alice herself. First without an approval.
SELECT replace(statement, '%s', 'own') FROM mine.calls ORDER BY n \gexec
SELECT jit.request('accounts') AS r \gset
-- In a session that has not looked at its approvals yet.
\c - regress_alice
SELECT theirs.plpgsql();
\c - regress_alice
DO 'DECLARE t text; BEGIN t := theirs.plpgsql(); END';
\c - regress_alice
SELECT replace(statement, '%s', 'theirs') FROM mine.calls ORDER BY n \gexec
SELECT replace(statement, '%s', 'owners') FROM mine.calls ORDER BY n \gexec
SELECT replace(statement, '%s', 'supers') FROM mine.calls ORDER BY n \gexec
SELECT replace(statement, '%s', 'own') FROM mine.calls ORDER BY n \gexec
-- The words.
\set VERBOSITY default
SELECT theirs.plpgsql();
SELECT count(*) FROM theirs.shows;
\set VERBOSITY terse
-- Mallory's code deeper down: called by Alice's own function, in a subtransaction.
CREATE FUNCTION own.calls_theirs() RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN theirs.plpgsql(); EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused'; END $$;
SELECT own.calls_theirs();
SELECT count(*) FROM app.accounts;
-- And the other way: Mallory's function that calls the owner's.
\c - regress_mallory
CREATE FUNCTION theirs.calls_owners() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN owners.plpgsql(); END $$;
\c - regress_alice
SELECT theirs.calls_owners();
SELECT owners.plpgsql();
-- A function handed over is somebody else's code from then on.
\c - postgres
ALTER FUNCTION owners.plpgsql() OWNER TO regress_mallory;
\c - regress_alice
SELECT owners.plpgsql();

-- What Mallory's function makes is not Alice's own: it makes nothing that runs in her name (vector 254), and prepares no statement
-- (vector 255). Her own function and a superuser's may.
\c - regress_mallory
CREATE TABLE theirs.parts (id int, note text) PARTITION BY LIST (id);
CREATE FUNCTION theirs.notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
CREATE TRIGGER notes BEFORE INSERT ON theirs.parts FOR EACH ROW EXECUTE FUNCTION theirs.notes();
CREATE FUNCTION theirs.runs(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'done'; END $$;
CREATE FUNCTION theirs.runs_as_mallory(statement text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN EXECUTE statement; RETURN 'done'; END $$;
\c - regress_dba
CREATE FUNCTION supers.runs(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'done'; END $$;
\c - regress_alice
CREATE FUNCTION own.runs(statement text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE statement; RETURN 'done'; END $$;
CREATE TABLE own.plain (id int, note text);
CREATE VIEW own.view AS SELECT 1 AS id;
CREATE TABLE mine.makes (n serial, statement text);
INSERT INTO mine.makes (statement) VALUES
    ('CREATE FUNCTION own.made() RETURNS int LANGUAGE sql AS ''SELECT 1'''), ('ALTER FUNCTION own.rows() COST 7'),
    ('ALTER FUNCTION own.rows() RENAME TO renamed'), ('CREATE AGGREGATE own.sums (int) (SFUNC = int4pl, STYPE = int)'),
    ('CREATE TEMP VIEW seen AS SELECT 1 AS id'), ('CREATE OR REPLACE VIEW own.view AS SELECT 2 AS id'),
    ('ALTER VIEW own.view RENAME TO viewed'), ('CREATE MATERIALIZED VIEW own.kept AS SELECT 1 AS id'),
    ('CREATE RULE r AS ON DELETE TO own.plain DO INSTEAD NOTHING'), ('ALTER TABLE own.ruled DISABLE RULE loot'),
    ('CREATE POLICY p ON own.plain USING (true)'), ('ALTER POLICY p ON own.secured USING (true)'),
    ('CREATE TRIGGER t BEFORE INSERT ON own.plain FOR EACH ROW EXECUTE FUNCTION own.fired()'),
    ('ALTER TABLE own.triggered DISABLE TRIGGER fired'), ('PREPARE p AS SELECT 1');
SELECT format('SELECT theirs.runs(%L)', statement) FROM mine.makes ORDER BY n \gexec
\a
\t
BEGIN;
SELECT format('SELECT own.runs(%L)', statement) FROM mine.makes ORDER BY n \gexec
ROLLBACK;
DEALLOCATE ALL;
BEGIN;
SELECT format('SELECT supers.runs(%L)', statement) FROM mine.makes ORDER BY n \gexec
ROLLBACK;
DEALLOCATE ALL;
\a
\t
\set VERBOSITY default
SELECT theirs.runs('CREATE TEMP VIEW seen AS SELECT 1 AS id');
SELECT theirs.runs('PREPARE p AS SELECT 1');
\set VERBOSITY terse
-- It does make what holds rows, and what belongs to Mallory.
SELECT theirs.runs('CREATE TEMP TABLE scratch (id serial PRIMARY KEY, at timestamptz DEFAULT now(), note text NOT NULL UNIQUE CHECK (note > ''''))');
SELECT theirs.runs('CREATE TEMP TABLE refers (id int REFERENCES scratch (id), twice int GENERATED ALWAYS AS (id * 2) STORED)');
SELECT theirs.runs('CREATE INDEX ON scratch (lower(note)); INSERT INTO scratch (note) VALUES (''x''); ALTER TABLE scratch ADD more int DEFAULT 1');
SELECT theirs.runs('CREATE TEMP TABLE copied AS SELECT * FROM scratch; CREATE TEMP TABLE liked (LIKE scratch INCLUDING ALL)');
SELECT theirs.runs('CREATE TABLE own.part (LIKE own.plain INCLUDING ALL); ALTER TABLE own.part OWNER TO regress_alice');
SELECT theirs.runs('CREATE TYPE own.pair AS (a int, b int); CREATE DOMAIN own.some AS int CHECK (value > 0); CREATE SEQUENCE own.numbers');
SELECT theirs.runs_as_mallory('CREATE TABLE theirs.part PARTITION OF theirs.parts FOR VALUES IN (1)');
SELECT theirs.runs_as_mallory('CREATE VIEW theirs.made AS SELECT 1; CREATE FUNCTION theirs.made() RETURNS int LANGUAGE sql AS ''SELECT 1''');
SELECT id FROM scratch;
DROP TABLE scratch, refers, copied, liked;
-- Where no approval is at stake nothing is in the way.
SELECT jit.release(:r);
SELECT theirs.runs('CREATE TEMP VIEW seen AS SELECT 1 AS id');
SELECT jit.request('accounts') AS r \gset

-- Maintenance: an index function of Mallory's runs in the name of who maintains, exempt or approved.
\c - regress_mallory
CREATE FUNCTION theirs.peek(int) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT max(iban) FROM app.accounts); EXCEPTION WHEN insufficient_privilege THEN RETURN 'refused'; END $$;
CREATE FUNCTION theirs.indexed(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE NOTICE 'as %: %', current_user, theirs.peek($1); RETURN 1; END $$;
CREATE TABLE theirs.maintained (id int);
INSERT INTO theirs.maintained VALUES (1);
CREATE INDEX ON theirs.maintained (theirs.indexed(id));
\c - postgres
SELECT jit.alter_policy('accounts', exempt => '{regress_carol, postgres}', eligible => '{regress_alice, regress_dba}');
SELECT count(*) FROM app.accounts;
ANALYZE theirs.maintained;
REINDEX TABLE theirs.maintained;
\c - regress_dba
SELECT jit.request('accounts') AS r \gset
SELECT count(*) FROM app.accounts;
ANALYZE theirs.maintained;
\c - postgres
SET client_min_messages = warning;
DROP SCHEMA theirs, owners, supers, own CASCADE;
\set ECHO none
\i :end
