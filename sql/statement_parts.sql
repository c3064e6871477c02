-- statement_parts: an approval of a statement holds while everything that the statement reaches is what it was
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SET ROLE regress_owner;
REVOKE ALL ON app.notes, app.accounts FROM regress_alice;
CREATE DOMAIN app.amount AS int CHECK (VALUE >= 0);
CREATE TABLE app.log (at int DEFAULT 7, what text);
CREATE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql SET search_path = app, pg_temp
    AS $$ BEGIN INSERT INTO app.log (what) VALUES (new.owner); RETURN new; END $$;
CREATE TRIGGER noted AFTER UPDATE ON app.accounts FOR EACH ROW EXECUTE FUNCTION app.note();
CREATE VIEW app.rich AS SELECT id, owner FROM app.accounts WHERE balance > 150;
CREATE FUNCTION app.top() RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT max(balance) FROM app.accounts; END;
CREATE FUNCTION app.fix(who int) RETURNS int LANGUAGE plpgsql SET search_path = app, pg_temp
    AS $$ BEGIN UPDATE app.accounts SET balance = balance + 5 WHERE id = who; RETURN (SELECT balance FROM app.accounts WHERE id = who); END $$;
CREATE TABLE app.parts (id int, what text, sum app.amount DEFAULT 1) PARTITION BY LIST (id);
CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES IN (1);
CREATE TABLE app.lines (account int REFERENCES app.accounts ON DELETE RESTRICT, line text);
ALTER TABLE app.lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON app.lines USING (line <> 'secret');
INSERT INTO app.lines VALUES (1, 'one'), (1, 'secret');
CREATE TABLE app.numbered (id serial, other int, what text);
CREATE TYPE app.grade AS ENUM ('a');
CREATE TYPE app.span AS RANGE (subtype = int);
CREATE TEXT SEARCH CONFIGURATION app.words (COPY = simple);
GRANT USAGE ON SEQUENCE app.numbered_id_seq TO regress_alice;
GRANT SELECT ON app.rich, app.lines TO regress_alice;
RESET ROLE;
CREATE ROLE regress_lender;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_lender;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO regress_lender;
GRANT regress_owner TO regress_dba;
SELECT jit.create_policy('app', '{ALL}', '{app.*}', lends => 'regress_lender', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    exempt => '{regress_owner}');
-- Asks for :it, shows what it reaches, runs it.
\set begins 'SELECT jit.request(''app'', statement => :''it'') AS r \\gset \\\\ SELECT part, what FROM jit.statement(:r) WHERE part NOT IN (''setting'', ''statement'') ORDER BY part, what COLLATE "C"; :it;'
\set VERBOSITY default
\set ECHO all

-- A view, replaced by one with the same columns; put back, it is the same again (vector 183).
\c - regress_alice
\set it 'SELECT * FROM app.rich'
\set VERBOSITY terse
:begins
\set VERBOSITY default
\c - regress_owner
CREATE OR REPLACE VIEW app.rich AS SELECT id, iban AS owner FROM app.accounts WHERE balance > 150;
\c - regress_alice
:it;
\c - regress_owner
CREATE OR REPLACE VIEW app.rich AS SELECT id,   owner FROM app.accounts WHERE balance > 150;
\c - regress_alice
:it;
SELECT jit.release(:r);

-- What a table fires: the body of its trigger, a trigger more, one that is switched off (vector 184).
\set it 'UPDATE app.accounts SET balance = balance + 1 WHERE id = 1'
\set VERBOSITY terse
:begins
\set VERBOSITY default
\c - regress_owner
CREATE OR REPLACE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql SET search_path = app, pg_temp
    AS $$ BEGIN INSERT INTO app.log (what) VALUES (new.iban); RETURN new; END $$;
\c - regress_alice
:it;
\c - regress_owner
CREATE OR REPLACE FUNCTION app.note() RETURNS trigger LANGUAGE plpgsql SET search_path = app, pg_temp
    AS $$ BEGIN INSERT INTO app.log (what) VALUES (new.owner); RETURN new; END $$;
\c - regress_alice
:it;
\c - regress_owner
CREATE TRIGGER another BEFORE UPDATE ON app.accounts FOR EACH ROW EXECUTE FUNCTION app.note();
\c - regress_alice
:it;
\c - regress_owner
DROP TRIGGER another ON app.accounts;
ALTER TABLE app.accounts DISABLE TRIGGER noted;
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.accounts ENABLE TRIGGER noted;
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.accounts ADD CONSTRAINT little CHECK (balance < 100000);
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.accounts DROP CONSTRAINT little;
ALTER TABLE app.lines DROP CONSTRAINT lines_account_fkey, ADD FOREIGN KEY (account) REFERENCES app.accounts ON UPDATE CASCADE;
\c - regress_alice
:it;
SELECT jit.release(:r);

-- Functions: one that the server keeps as a tree, and one whose statements are found when it runs (vector 183).
\set it 'SELECT app.top()'
\set VERBOSITY terse
:begins
\set VERBOSITY default
\c - regress_owner
CREATE OR REPLACE FUNCTION app.top() RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT min(balance) FROM app.accounts; END;
\c - regress_alice
:it;
SELECT jit.release(:r);
\set it 'SELECT app.fix(3)'
\set VERBOSITY terse
:begins
\set VERBOSITY default
SELECT app.fix(2);
UPDATE app.accounts SET balance = balance + 5 WHERE id = 3;
\c - regress_owner
ALTER FUNCTION app.fix(int) SECURITY DEFINER;
\c - regress_alice
:it;
\c - regress_owner
ALTER FUNCTION app.fix(int) SECURITY INVOKER;
\c - regress_alice
:it;
SELECT jit.release(:r);

-- Row security: a policy more, and its end (vector 183).
\set it 'SELECT line FROM app.lines'
\set VERBOSITY terse
:begins
\set VERBOSITY default
\c - regress_owner
CREATE POLICY more ON app.lines USING (true);
\c - regress_alice
:it;
\c - regress_owner
DROP POLICY more ON app.lines;
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.lines DISABLE ROW LEVEL SECURITY;
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.lines ENABLE ROW LEVEL SECURITY;
\c - regress_alice
:it;
SELECT jit.release(:r);

-- A partition more, a default, a domain's constraint, an index that refuses rows; an index that only speeds up is none of it.
\set it 'INSERT INTO app.parts (id, what) VALUES (1, \'x\')'
\set VERBOSITY terse
:begins
\set VERBOSITY default
\c - regress_owner
CREATE INDEX ON app.parts_1 (what);
\c - regress_alice
:it;
\c - regress_owner
CREATE TABLE app.parts_2 PARTITION OF app.parts FOR VALUES IN (2);
\c - regress_alice
:it;
\c - regress_owner
DROP TABLE app.parts_2;
ALTER TABLE app.parts ALTER sum SET DEFAULT 2;
\c - regress_alice
:it;
SELECT jit.release(:r);
\set VERBOSITY terse
SELECT jit.request('app', statement => :'it') AS r \gset
\set VERBOSITY default
:it;
\c - regress_owner
ALTER DOMAIN app.amount ADD CONSTRAINT little CHECK (VALUE < 10);
\c - regress_alice
:it;
\c - regress_owner
ALTER DOMAIN app.amount DROP CONSTRAINT little;
CREATE UNIQUE INDEX only_one ON app.parts_1 (sum) WHERE what <> 'x';
\c - regress_alice
:it;
\c - regress_owner
DROP INDEX app.only_one;
\c - regress_alice
:it;
\c - regress_owner
ALTER TABLE app.parts RENAME COLUMN sum TO total;
\c - regress_alice
:it;
SELECT jit.release(:r);

-- The same name means another object: in a schema before it, a temporary one, one that took its place (vector 185).
\c - regress_alice
SET search_path = mine, app;
\set it 'SELECT count(*) FROM accounts'
\set VERBOSITY terse
:begins
\set VERBOSITY default
CREATE TABLE mine.accounts (id int);
:it;
SELECT count(*) FROM app.accounts;
DROP TABLE mine.accounts;
:it;
CREATE TEMP TABLE accounts (id int);
:it;
DROP TABLE pg_temp.accounts;
:it;
SELECT jit.release(:r);
-- So do operators and functions that the path finds first (vector 185).
SET search_path = mine, pg_catalog, app;
\set it 'SELECT id FROM app.accounts WHERE owner = \'ann\''
\set VERBOSITY terse
:begins
\set VERBOSITY default
CREATE FUNCTION mine.shows(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$;
CREATE OPERATOR mine.= (FUNCTION = mine.shows, LEFTARG = text, RIGHTARG = text);
:it;
DROP OPERATOR mine.= (text, text);
:it;
CREATE FUNCTION mine.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', $1; RETURN $1; END $$;
SELECT jit.release(:r);
RESET search_path;
\set it 'SELECT lower(owner) FROM app.accounts WHERE id = 1'
\set VERBOSITY terse
:begins
\set VERBOSITY default
SET search_path = mine, pg_catalog;
:it;
SELECT jit.release(:r);
RESET search_path;

-- What cannot be bound is said, and a policy may refuse it (vector 192).
CREATE TABLE mine.rates (id int);
CREATE FUNCTION mine.dynamic(int) RETURNS int LANGUAGE plpgsql SET search_path = app, pg_temp AS $$ BEGIN EXECUTE 'SELECT 1'; RETURN 1; END $$;
CREATE FUNCTION mine.unpinned(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION mine.shadowed(int) RETURNS int LANGUAGE plpgsql SET search_path = app AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION mine.open(int) RETURNS int LANGUAGE sql SET search_path = mine, pg_temp AS $$ SELECT 1 $$;
CREATE TEMP TABLE brief (id int);
\set VERBOSITY terse
SELECT jit.request('app', statement => 'SELECT mine.dynamic(a.id), mine.unpinned(a.id), mine.shadowed(a.id), mine.open(a.id), current_setting(''my.x'')
    FROM app.accounts a JOIN mine.rates USING (id) JOIN brief USING (id)') AS r \gset
SELECT part, what FROM jit.statement(:r) WHERE part NOT IN ('setting', 'statement') ORDER BY part, what COLLATE "C";
-- The planner calls none of it for an estimate (vector 194).
\c - postgres
SELECT estimate FROM jit.statements WHERE request_id = :r;
SELECT jit.alter_policy('app', statement => 'bound');
\c - regress_alice
SELECT count(*) FROM app.accounts;
\set VERBOSITY default
SELECT jit.request('app');
SELECT jit.request('app', statement => 'SELECT mine.unpinned(id) FROM app.accounts');
\set VERBOSITY terse
SELECT jit.request('app', statement => 'SELECT id FROM app.accounts WHERE id = 1') AS r \gset
SELECT id FROM app.accounts WHERE id = 1;
SELECT jit.release(:r);
-- Nor what answers by what the requester does later: sessions, objects, statistics, chance with a seed (vector 261).
CREATE SEQUENCE mine.s;
CREATE TABLE mine.t (id int);
CREATE TYPE mine.colour AS ENUM ('red');
CREATE TEXT SEARCH CONFIGURATION mine.words (COPY = simple);
CREATE TYPE mine.two AS (a int, b int);
CREATE TYPE mine.span AS RANGE (subtype = int);
CREATE TYPE mine.spans AS (one mine.span[]);
SELECT lo_create(4711);
\set VERBOSITY default
\set only 'SELECT owner FROM app.accounts WHERE '
SELECT format('SELECT jit.request(''app'', statement => %L)', :'only' || condition) FROM (VALUES
    ('id = (SELECT last_value FROM mine.s)'),
    ('id = nextval(''mine.s'')'),
    ('id = currval(''mine.s'')'),
    ('id = lastval()'),
    ('id = (random() * 10)::int'),
    ('id = pg_backend_pid()'),
    ('owner = (SELECT application_name FROM pg_stat_activity WHERE pid = 1)'),
    ('owner = (SELECT setting FROM pg_settings WHERE name = ''my.x'')'),
    ('owner = (SELECT comment FROM information_schema.tables t, LATERAL (SELECT t.table_name AS comment) c LIMIT 1)'),
    ('owner = obj_description(''mine.t''::regclass)'),
    ('owner = (''mine.t''::regclass)::text'),
    ('has_table_privilege(''public'', ''mine.t'', ''SELECT'')'),
    ('to_regclass(''mine.flag'') IS NULL'),
    ('id = pg_relation_size(''mine.t'')'),
    ('owner = (''red''::mine.colour)::text'),
    ('NOT to_tsvector(''mine.words'', owner) @@ to_tsquery(''simple'', ''ann'')'),
    ('owner = convert_from(lo_get(4711), ''UTF8'')'),
    ('pg_try_advisory_lock(1)'),
    -- a cast to json that the owner of a type makes later (vector 342)
    ('id = length(to_json(''[1,2)''::mine.span)::text) - 6'),
    ('id = length((SELECT jsonb_agg(t) FROM (SELECT mine.span(1, 2)) t)::text)'),
    ('id = length(row_to_json(NULL::mine.spans)::text)')) v (condition) \gexec
-- Twin: the time, chance that nobody seeds, and what others own.
\set VERBOSITY terse
SELECT format('SELECT jit.request(''app'', statement => %L)', :'only' || condition) FROM (VALUES
    ('now() > current_date AND clock_timestamp() > localtimestamp AND owner <> current_user'),
    ('gen_random_uuid() IS NOT NULL AND length(owner) = 3'),
    ('tableoid = ''app.accounts''::regclass'),
    ('owner = (''a''::app.grade)::text AND to_tsvector(''app.words'', owner) @@ to_tsquery(''simple'', ''ann'')'),
    ('(jsonb_populate_record(NULL::mine.two, ''{"a": 1}'')).a = id'),
    ('id <@ ''[1,2)''::mine.span AND to_json(owner) IS NOT NULL'),
    ('to_json(''[1,2)''::app.span) IS NOT NULL AND to_json(''[1,2)''::int4range) IS NOT NULL')) v (condition) \gexec
-- A number that a column draws by default is not one that the requester chooses.
\set VERBOSITY default
SELECT jit.request('app', statement => $$INSERT INTO app.numbered (other) VALUES (nextval('app.numbered_id_seq'))$$);
SELECT jit.request('app', statement => $$UPDATE app.numbered SET what = 'y' WHERE id = nextval('app.numbered_id_seq')$$);
\set VERBOSITY terse
SELECT jit.request('app', statement => $$INSERT INTO app.numbered (what) VALUES ('x')$$);
SELECT jit.request('app', statement => $$INSERT INTO app.numbered (id) VALUES (nextval('app.numbered_id_seq'))$$);
SELECT jit.request('app', statement => $$UPDATE app.numbered SET what = 'y' WHERE id = 1$$);
SELECT jit.request('app', statement => $$SELECT setval('app.numbered_id_seq', 7)$$);
-- A type of the requester's own is bound as it is.
SELECT jit.request('app', statement => 'SELECT owner FROM app.accounts WHERE id = (jsonb_populate_record(NULL::mine.two, ''{"a": 1, "b": 2}'')).a') AS r \gset
SELECT owner FROM app.accounts WHERE id = (jsonb_populate_record(NULL::mine.two, '{"a": 1, "b": 2}')).a;
ALTER TYPE mine.two RENAME ATTRIBUTE a TO c;
ALTER TYPE mine.two RENAME ATTRIBUTE b TO a;
\set VERBOSITY default
SELECT owner FROM app.accounts WHERE id = (jsonb_populate_record(NULL::mine.two, '{"a": 1, "b": 2}')).c;
\set VERBOSITY terse
SELECT owner FROM app.accounts WHERE id = (jsonb_populate_record(NULL::mine.two, '{"a": 1, "b": 2}')).a;
SELECT jit.release(:r);
SELECT lo_unlink(4711);
DROP SEQUENCE mine.s;
DROP TABLE mine.t;
DROP TYPE mine.colour, mine.two, mine.spans, mine.span;
DROP TEXT SEARCH CONFIGURATION mine.words;
DROP TABLE mine.rates;
\c - postgres
\set VERBOSITY terse
\i :end
SET client_min_messages = warning;
DROP OWNED BY regress_lender;
DROP ROLE regress_lender;
