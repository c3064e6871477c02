-- gate_execute: a guarded function is called by nobody without an approval, whatever calls it
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE regress_asker LOGIN;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_super LOGIN SUPERUSER;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
CREATE FUNCTION app.pay(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
CREATE FUNCTION app.free(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';
CREATE FUNCTION app.rows() RETURNS SETOF integer LANGUAGE sql STABLE AS 'SELECT generate_series(1, 3)';
CREATE PROCEDURE app.run(n integer) LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''ran %'', n; END';
CREATE FUNCTION app.touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE AGGREGATE app.total(integer) (sfunc = int4pl, stype = integer, initcond = '0');
CREATE FUNCTION app.step(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE app.summed(integer) (sfunc = app.step, stype = integer, initcond = '0');
CREATE OPERATOR app.<+> (leftarg = integer, rightarg = integer, function = app.step);
CREATE TABLE app.t (id integer);
GRANT ALL ON app.t TO PUBLIC;
INSERT INTO app.t VALUES (1), (2);

-- Before it is guarded it is inlined, and what stays unguarded still is afterwards.
EXPLAIN (VERBOSE, COSTS OFF) SELECT app.pay(id), app.free(id) FROM app.t;
PREPARE old AS SELECT app.pay(id) FROM app.t;
PREPARE old_constant AS SELECT app.pay(1);
EXECUTE old;
SET plan_cache_mode = force_generic_plan;
EXECUTE old;
EXECUTE old_constant;
SELECT jit.create_policy('pay', '{EXECUTE, ALTER FUNCTION, DROP FUNCTION, GRANT}', ARRAY['function app.pay(integer)',
    'function app.rows()', 'procedure app.run(integer)', 'function app.touched()', 'aggregate app.total(integer)',
    'function app.step(integer, integer)'], eligible => '{regress_asker}', approvers => '{regress_boss}',
    max_duration => '1 h', require_reason => false);
SELECT object_class, actions, commands, object FROM jit.guards ORDER BY object;
-- The session that made the policy holds no approval either: plans from before are no way round.
EXECUTE old;
EXECUTE old_constant;
EXPLAIN (VERBOSE, COSTS OFF) SELECT app.free(id) FROM app.t;
SELECT app.pay(1);
SELECT app.free(1);

\c - regress_asker
\set VERBOSITY default
SELECT app.pay(1);
\set VERBOSITY terse
EXPLAIN (VERBOSE, COSTS OFF) SELECT app.free(id) FROM app.t;
SELECT id FROM app.t WHERE app.pay(id) > 1;
SELECT id FROM app.t ORDER BY app.pay(id);
EXPLAIN SELECT app.pay(id) FROM app.t;
SELECT * FROM app.rows();
SELECT app.rows();
CALL app.run(1);
SELECT app.total(id) FROM app.t;
SELECT app.total(id) OVER () FROM app.t;
SELECT app.summed(id) FROM app.t;
SELECT 1 OPERATOR(app.<+>) 2;
DO 'BEGIN PERFORM app.pay(1); END';
-- vector 17
DO 'DECLARE n integer; BEGIN n := app.pay(1); END';
DO 'BEGIN EXECUTE ''SELECT app.pay(1)''; END';
DO 'BEGIN CALL app.run(1); END';
CREATE FUNCTION app.mine() RETURNS integer LANGUAGE sql AS 'SELECT app.pay(1)';
SELECT app.mine();
CREATE FUNCTION app.definer() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN app.pay(1); END';
SELECT app.definer();
PREPARE p AS SELECT app.pay($1);
EXECUTE p(1);
SELECT * FROM app.t LIMIT app.pay(1);
SELECT query_to_xml('SELECT app.pay(1)', true, false, '');
CREATE TABLE app.defaults (id integer, n integer DEFAULT app.pay(1), CHECK (n > app.pay(0)));
INSERT INTO app.defaults (id) VALUES (1);
INSERT INTO app.defaults (id, n) VALUES (1, 2);
COPY app.defaults (id) FROM STDIN;
1
\.
CREATE TABLE app.indexed (id integer);
CREATE INDEX indexed_pay ON app.indexed (app.pay(id));
INSERT INTO app.indexed VALUES (1);
CREATE TABLE app.triggered (id integer);
CREATE TRIGGER touched BEFORE INSERT ON app.triggered FOR EACH ROW EXECUTE FUNCTION app.touched();
INSERT INTO app.triggered VALUES (1);
ALTER TABLE app.triggered ADD COLUMN n integer DEFAULT app.pay(1);
CREATE VIEW app.v AS SELECT app.pay(1) AS paid;
SELECT * FROM app.v;
CREATE MATERIALIZED VIEW app.mv AS SELECT app.pay(1) AS paid;
-- What nobody guards runs.
SELECT app.free(1);

-- Superusers and owners are not above it.
\c - regress_super
\set VERBOSITY terse
SELECT app.pay(1);
CALL app.run(1);
SET SESSION AUTHORIZATION regress_asker;
SELECT app.pay(1);
RESET SESSION AUTHORIZATION;
CREATE OR REPLACE FUNCTION app.pay(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 2';
ALTER FUNCTION app.pay(integer) COST 7;
ALTER FUNCTION app.pay(integer) RENAME TO pays;
ALTER FUNCTION app.pay(integer) OWNER TO regress_super;
ALTER FUNCTION app.pay(integer) SET SCHEMA public;
GRANT EXECUTE ON FUNCTION app.pay(integer) TO regress_other;
\set VERBOSITY sqlstate
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO regress_other;
\set VERBOSITY terse
SELECT regexp_replace(:'LAST_ERROR_MESSAGE', 'app\.[a-z]+\([a-z]*\)', 'app.(the first that is found)') AS message;
DROP FUNCTION app.pay(integer);
DROP AGGREGATE app.total(integer);
COMMENT ON FUNCTION app.pay(integer) IS 'not guarded: the policy does not name COMMENT';
CREATE OR REPLACE FUNCTION app.free(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';

-- With an approval all of that works, and ends with it.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('pay', actions => '{EXECUTE}', objects => ARRAY['function app.pay(integer)']) AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT app.pay(1);
SELECT * FROM app.v;
SELECT app.mine();
SELECT app.definer();
DO 'DECLARE n integer; BEGIN n := app.pay(1); END';
SELECT app.rows();
CALL app.run(1);
ALTER FUNCTION app.pay(integer) COST 7;
INSERT INTO app.defaults (id) VALUES (1);
INSERT INTO app.indexed VALUES (1);
PREPARE p AS SELECT app.pay($1);
EXECUTE p(1);
SELECT action, object, policy, allowed FROM jit.check('SELECT app.pay(1), app.rows()');

-- Somebody else's code does not ride on it.
\c - regress_other
CREATE FUNCTION app.ride() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN app.pay(1); END';
CREATE FUNCTION app.ride_sql() RETURNS integer LANGUAGE sql AS 'SELECT app.pay(1)';
CREATE VIEW app.ride_view AS SELECT app.pay(1) AS paid;
CREATE TABLE app.mallory (id integer);
GRANT SELECT ON app.mallory TO PUBLIC;
INSERT INTO app.mallory VALUES (5);
CREATE VIEW app.ride_rows AS SELECT app.pay(id) AS paid FROM app.mallory;
GRANT SELECT ON app.ride_rows TO PUBLIC;
GRANT SELECT ON app.ride_view TO PUBLIC;
\c - regress_asker
\set VERBOSITY terse
SELECT app.pay(1);
SELECT app.ride();
SELECT app.ride_sql();
SELECT * FROM app.ride_view;
SELECT * FROM app.ride_rows;
SELECT action, object, policy, allowed FROM jit.check('CALL app.run(1)');
SELECT action, object, policy, allowed FROM jit.check('ALTER FUNCTION app.pay(integer) COST 3');

-- A long loop does not outlive it.
DO $$
BEGIN
    PERFORM app.pay(1);
    PERFORM jit.release((SELECT max(request_id) FROM jit.my_requests));
END $$;
SELECT app.pay(1);

-- Exempt people call it, also when the policy only watches it nobody is refused.
\c - postgres
\set VERBOSITY terse
SELECT jit.alter_policy('pay', exempt => '{regress_other}');
\c - regress_other
SELECT app.pay(1);
\c - postgres
SELECT jit.alter_policy('pay', mode => 'monitor');
\c - regress_asker
SELECT app.pay(1);
\c - postgres
SELECT jit.alter_policy('pay', mode => 'enforce');

-- Names follow; what is dropped is guarded no more.
\c - postgres
\set VERBOSITY terse
SELECT jit.alter_policy('pay', actions => '{EXECUTE}', exempt => '{}');
ALTER FUNCTION app.pay(integer) RENAME TO paid;
ALTER SCHEMA app RENAME TO shop;
SELECT object FROM jit.guards ORDER BY object;
SELECT unnest(objects) FROM jit.policies ORDER BY 1;
SELECT shop.paid(1);
ALTER SCHEMA shop RENAME TO app;
DROP FUNCTION app.rows();
SELECT event, policy, detail FROM jit.events WHERE event = 'guard_dropped';
SELECT object FROM jit.guards ORDER BY object;

-- Lending is of relations.
CREATE ROLE regress_lent;
SELECT jit.create_policy('lent', '{EXECUTE}', ARRAY['function app.free(integer)'], lends => 'regress_lent',
    eligible => '{regress_asker}', approvers => '{regress_boss}');
SELECT jit.drop_policy('lent');
DROP ROLE regress_lent;

-- What cannot be seen being called is not accepted.
\set VERBOSITY default
SELECT jit.create_policy('no', '{EXECUTE}', ARRAY['function pg_catalog.pg_sleep(double precision)'], eligible => '{regress_asker}',
    approvers => '{regress_boss}');
CREATE FUNCTION app.cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 - $2';
CREATE OPERATOR CLASS app.ops FOR TYPE integer USING btree AS OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 app.cmp(integer, integer);
SELECT jit.create_policy('no', '{EXECUTE}', ARRAY['function app.cmp(integer, integer)'], eligible => '{regress_asker}',
    approvers => '{regress_boss}');
CREATE AGGREGATE app.least(integer) (sfunc = int4smaller, stype = integer, sortop = <);
SELECT jit.create_policy('no', '{EXECUTE}', ARRAY['aggregate app.least(integer)'], eligible => '{regress_asker}',
    approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{EXECUTE}', ARRAY['function app.nothing()'], eligible => '{regress_asker}',
    approvers => '{regress_boss}');
SELECT jit.create_policy('no', '{SELECT}', ARRAY['function app.free(integer)'], eligible => '{regress_asker}',
    approvers => '{regress_boss}');
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT jit.drop_policy('pay');
DROP SCHEMA app CASCADE;
DROP EXTENSION jit_guard;
CREATE EXTENSION jit_guard;
DROP ROLE regress_asker, regress_boss, regress_other, regress_super;
