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
