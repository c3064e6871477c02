-- gate_objects: sequences, large objects, schemas and types are altered, dropped and handed out under an approval only
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE regress_asker LOGIN SUPERUSER;
CREATE ROLE regress_boss LOGIN;
CREATE SCHEMA app;
CREATE SCHEMA free;
CREATE SEQUENCE app.q;
CREATE TYPE app.pair AS (a integer, b integer);
CREATE TYPE app.mood AS ENUM ('good');
CREATE DOMAIN app.positive AS integer CHECK (VALUE > 0);
SELECT lo_from_bytea(4711, 'secret');
-- What would guard nothing is not accepted.
\set VERBOSITY default
SELECT jit.create_policy('no', '{INSERT}', '{sequence app.q}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{USAGE}', '{large object 4711}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{USAGE}', '{schema app}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{ALL}', '{large object 4712}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{ALL}', '{type app.nothing}', eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{ALL}', '{schema pg_catalog}', eligible => '{regress_asker}', approvers => '{regress_boss}');
\set VERBOSITY terse
SELECT jit.create_policy('objects', '{ALL}', '{sequence app.q, large object 4711, schema app, type app.pair, type app.mood, domain app.positive}',
    eligible => '{regress_asker}', approvers => '{regress_boss}', require_reason => false);
SELECT object_class, object FROM jit.guards ORDER BY object;

\c - regress_asker
\set VERBOSITY terse
ALTER SEQUENCE app.q RESTART;
DROP SEQUENCE app.q;
GRANT USAGE ON SEQUENCE app.q TO regress_boss;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO regress_boss;
ALTER LARGE OBJECT 4711 OWNER TO regress_asker;
GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
COMMENT ON LARGE OBJECT 4711 IS 'x';
SELECT lo_unlink(4711);
ALTER SCHEMA app RENAME TO shop;
ALTER SCHEMA app OWNER TO regress_asker;
GRANT USAGE ON SCHEMA app TO PUBLIC;
COMMENT ON SCHEMA app IS 'x';
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO PUBLIC;
CREATE TABLE app.t (id integer);
CREATE FUNCTION app.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TYPE app.other AS ENUM ('x');
CREATE VIEW free.moved AS SELECT 1 AS one;
ALTER VIEW free.moved SET SCHEMA app;
CREATE TABLE free.t (id integer);
DROP SCHEMA app CASCADE;
ALTER TYPE app.mood ADD VALUE 'bad';
ALTER TYPE app.mood RENAME VALUE 'good' TO 'better';
ALTER TYPE app.pair ADD ATTRIBUTE c integer;
ALTER TYPE app.pair RENAME ATTRIBUTE a TO z;
ALTER TYPE app.pair RENAME TO pairs;
ALTER TYPE app.pair SET SCHEMA free;
ALTER DOMAIN app.positive DROP NOT NULL;
ALTER DOMAIN app.positive OWNER TO regress_asker;
GRANT USAGE ON TYPE app.mood TO PUBLIC;
COMMENT ON TYPE app.mood IS 'x';
DROP TYPE app.mood;
DROP DOMAIN app.positive;
-- What nobody guards is as it was.
CREATE TYPE free.mood AS ENUM ('good');
ALTER TYPE free.mood ADD VALUE 'bad';
DROP TYPE free.mood;
SELECT lo_unlink(lo_from_bytea(0, 'x')) AS unlinked;

SELECT jit.request('objects') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
ALTER SEQUENCE app.q RESTART;
GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
ALTER TYPE app.mood ADD VALUE 'bad';
ALTER DOMAIN app.positive DROP NOT NULL;
CREATE TABLE app.t (id integer);
ALTER SCHEMA app RENAME TO shop;
SELECT object FROM jit.guards ORDER BY object;
ALTER SCHEMA shop RENAME TO app;
-- vector 278: whoever may grant does not alter
SELECT jit.release(:r);
SELECT jit.request('objects', actions => '{GRANT}') AS g \gset
\c - regress_boss
SELECT jit.approve(:g);
\c - regress_asker
\set VERBOSITY terse
GRANT SELECT ON LARGE OBJECT 4711 TO PUBLIC;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO regress_boss;
SELECT jit.release(:g);
SELECT jit.request('objects') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
-- vector 277: the guard of a sequence goes with it
DROP SEQUENCE app.q;
SELECT lo_unlink(4711);
SELECT event, detail FROM jit.events WHERE event = 'guard_dropped' ORDER BY event_id;
SELECT jit.release(:r);
ALTER TYPE app.mood ADD VALUE 'worse';
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy('objects');
DROP SCHEMA app, free CASCADE;
DROP EXTENSION jit_guard;
CREATE EXTENSION jit_guard;
DROP ROLE regress_asker, regress_boss;
