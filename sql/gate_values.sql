-- gate_values: values of sequences and contents of large objects, whatever reads or writes them
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
CREATE ROLE regress_asker LOGIN SUPERUSER;
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_other LOGIN;
CREATE ROLE regress_free LOGIN SUPERUSER;
CREATE SCHEMA app;
GRANT ALL ON SCHEMA app TO PUBLIC;
CREATE SEQUENCE app.q;
CREATE SEQUENCE app.open;
CREATE TABLE app.serial (id serial, v text);
CREATE TABLE app.guarded_default (id bigint DEFAULT nextval('app.q'), v text);
CREATE VIEW app.draws AS SELECT nextval('app.q') AS n;
CREATE FUNCTION app.inlined() RETURNS bigint LANGUAGE sql AS $$SELECT nextval('app.q')$$;
CREATE FUNCTION app.atomic() RETURNS bigint LANGUAGE sql RETURN nextval('app.q');
CREATE FUNCTION app.other_name(regclass) RETURNS bigint LANGUAGE internal STRICT AS 'nextval_oid';
CREATE FUNCTION app.other_get(oid) RETURNS bytea LANGUAGE internal STRICT AS 'be_lo_get';
CREATE FUNCTION app.drawn() RETURNS bigint LANGUAGE plpgsql AS $$DECLARE n bigint; BEGIN n := nextval('app.q'); RETURN n; END$$;
CREATE PROCEDURE app.takes(n bigint) LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', n; END';
CREATE OPERATOR app.!! (rightarg = regclass, function = nextval);
GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO PUBLIC;
SELECT lo_from_bytea(4711, 'secret'), lo_from_bytea(4712, 'open');
-- Plans and cached expressions from before.
SET plan_cache_mode = force_generic_plan;
PREPARE old AS SELECT nextval('app.q');
EXECUTE old;
SELECT app.drawn(), app.inlined();
SELECT jit.create_policy('values', '{SELECT, UPDATE, USAGE}', '{sequence app.q, large object 4711}', eligible => '{regress_asker}',
    approvers => '{regress_boss}', exempt => '{regress_free}', require_reason => false, max_duration => '1 h');
EXECUTE old;
SELECT app.drawn();
SELECT nextval('app.open');

\c - regress_asker
\set VERBOSITY default
SELECT nextval('app.q');
\set VERBOSITY terse
-- vector 70
SELECT setval('app.q', 1);
SELECT setval('app.q', 1, false);
SELECT last_value FROM app.q;
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'app' ORDER BY 1;
SELECT pg_sequence_last_value('app.q');
SELECT nextval(s::regclass) FROM (VALUES ('app.open'), ('app.q')) v (s);
SELECT * FROM app.draws;
SELECT app.inlined();
SELECT app.atomic();
SELECT app.drawn();
SELECT jit._nextval('app.q');
DO $$BEGIN PERFORM nextval('app.q'); END$$;
INSERT INTO app.guarded_default (v) VALUES ('x');
COPY app.guarded_default (v) FROM STDIN;
x
\.
SELECT * FROM generate_series(1, 2) WHERE nextval('app.q') > 0;
CREATE TABLE app.copy AS SELECT nextval('app.q');
-- What nobody planned shows no arguments.
\set VERBOSITY default
CALL app.takes(nextval('app.q'));
\set VERBOSITY terse
CALL app.takes(nextval('app.open'));
SELECT app.other_name('app.q');
SELECT OPERATOR(app.!!) 'app.q'::regclass;
ALTER TABLE app.serial ADD n bigint DEFAULT nextval('app.q');
CREATE TABLE app.checks (id int CHECK (nextval('app.q') > 0));
INSERT INTO app.checks VALUES (1);
COPY app.serial (v) FROM STDIN WHERE nextval('app.q') > 0;
x
\.
-- What nobody guards goes on.
SELECT nextval('app.open'), setval('app.open', 7), currval('app.open');
INSERT INTO app.serial (v) VALUES ('x') RETURNING id;
COPY app.serial (v) FROM STDIN;
copied
\.
SELECT * FROM app.serial ORDER BY id;
ALTER TABLE app.serial ADD another serial;
DO $$DECLARE n bigint := nextval('app.open'); BEGIN RAISE NOTICE '%', n; END$$;

-- vector 71
-- Large objects.
SELECT lo_get(4711);
SELECT lo_get(4711, 0, 3);
SELECT lo_put(4711, 0, 'x');
SELECT lo_open(4711, x'40000'::int);
SELECT lo_open(4711, x'20000'::int);
SELECT lo_export(4711, '/nowhere/at/all');
SELECT app.other_get(4711);
SELECT data FROM pg_largeobject WHERE loid = 4711;
SELECT lo_get(4712);
SELECT lo_put(4712, 0, 'O'), lo_get(4712, 0, 1);
BEGIN;
SELECT lo_open(4712, x'60000'::int) AS fd \gset
SELECT loread(:fd, 10), lo_lseek(:fd, 0, 0), lowrite(:fd, 'more'), lo_truncate(:fd, 2), lo_close(:fd);
SELECT loread(77, 1);
ROLLBACK;
SELECT action, object, allowed FROM jit.check($$SELECT nextval('app.q'), lo_get(4711), lo_get(4712), nextval(v::regclass) FROM app.serial$$) ORDER BY 1, 2;

-- Who is exempt does all of it.
\c - regress_free
\set VERBOSITY terse
SELECT nextval('app.q') > 0 AS drawn, app.other_name('app.q') > 0 AS drawn, lo_get(4711), app.other_get(4711);
SELECT data FROM pg_largeobject WHERE loid = 4711;
CALL app.takes(setval('app.q', 1000));

-- So does an approval, until it is over.
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('values', actions => '{USAGE, SELECT}') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT nextval('app.q');
SELECT app.drawn(), app.inlined();
INSERT INTO app.guarded_default (v) VALUES ('x') RETURNING id;
COPY app.guarded_default (v) FROM STDIN;
x
\.
SELECT last_value FROM app.q;
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'app' ORDER BY 1;
SELECT lo_get(4711);
SELECT setval('app.q', 1);
SELECT lo_put(4711, 0, 'x');
BEGIN;
SELECT lo_open(4711, x'40000'::int) AS fd \gset
SELECT loread(:fd, 3);
SELECT lowrite(:fd, 'x');
ROLLBACK;
SELECT jit.release(:r);
SELECT lo_get(4711);
SELECT nextval('app.q');

-- Somebody else's text does not ride on it.
\c - regress_other
CREATE FUNCTION app.ride() RETURNS bytea LANGUAGE plpgsql AS 'BEGIN RETURN lo_get(4711); END';
CREATE VIEW app.ride_view AS SELECT lo_get(4711);
CREATE TABLE app.ride_default (id int, v bytea DEFAULT lo_get(4711));
CREATE FUNCTION app.ride_argument(v bytea DEFAULT lo_get(4711)) RETURNS bytea LANGUAGE plpgsql AS 'BEGIN RETURN v; END';
GRANT ALL ON app.ride_view, app.ride_default TO PUBLIC;
\c - regress_asker
\set VERBOSITY terse
SELECT jit.request('values') AS r \gset
\c - regress_boss
SELECT jit.approve(:r);
\c - regress_asker
\set VERBOSITY terse
SELECT lo_get(4711);
SELECT app.ride();
SELECT * FROM app.ride_view;
INSERT INTO app.ride_default (id) VALUES (1);
COPY app.ride_default (id) FROM STDIN;
1
\.
SELECT app.ride_argument();
SELECT * FROM app.ride_default;

\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy('values');
SELECT nextval('app.q') > 0 AS drawn;
SELECT lo_unlink(4711), lo_unlink(4712);
DROP SCHEMA app CASCADE;
DROP EXTENSION jit_guard;
CREATE EXTENSION jit_guard;
DROP ROLE regress_asker, regress_boss, regress_other, regress_free;
