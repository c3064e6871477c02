-- honest: what touches nothing guarded goes as if jit_guard were not there; each case was once in its way
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS jit_guard;
RESET client_min_messages;
-- Statistics of an index on an expression, in a database without the extension and in one with it.
CREATE TABLE honest (id int, name text);
INSERT INTO honest SELECT v, 'n' || v % 7 FROM generate_series(1, 100) v;
CREATE INDEX honest_upper ON honest (upper(name));
ANALYZE honest;
SELECT count(*) FROM honest WHERE upper(name) = 'N3';
SET client_min_messages = warning;
CREATE EXTENSION jit_guard;
RESET client_min_messages;
SELECT count(*) FROM honest WHERE upper(name) = 'N3';
-- A guard on any object makes commands tell which objects they name.
CREATE ROLE regress_boss LOGIN;
CREATE ROLE regress_alice LOGIN;
CREATE DOMAIN honest_guarded AS int CONSTRAINT positive CHECK (VALUE > 0);
CREATE DOMAIN honest_free AS int CONSTRAINT positive CHECK (VALUE > 0);
SELECT jit.create_policy('domain', '{ALL}', '{type public.honest_guarded}', eligible => '{regress_alice}', approvers => '{regress_boss}');
ALTER DOMAIN honest_free RENAME CONSTRAINT positive TO above_zero;
ALTER DOMAIN honest_guarded RENAME CONSTRAINT positive TO above_zero;
COMMENT ON CONSTRAINT above_zero ON DOMAIN honest_free IS 'free';
COMMENT ON CONSTRAINT positive ON DOMAIN honest_guarded IS 'guarded';
-- The server's notices come once.
CREATE FUNCTION honest_typed(honest.id%TYPE) RETURNS int LANGUAGE sql AS 'SELECT $1';
ALTER FUNCTION honest_typed(honest.id%TYPE) STABLE;
COMMENT ON FUNCTION honest_typed(honest.id%TYPE) IS 'typed';
GRANT EXECUTE ON FUNCTION honest_typed(honest.id%TYPE) TO PUBLIC;
ALTER FUNCTION honest_typed(honest.id%TYPE) RENAME TO honest_guarded;
SELECT jit.create_policy('function', '{ALL}', '{function public.honest_guarded(int)}', eligible => '{regress_alice}', approvers => '{regress_boss}');
ALTER FUNCTION honest_guarded(honest.id%TYPE) STABLE;
ALTER FUNCTION honest_guarded(honest.nothing%TYPE) STABLE;
SELECT jit.drop_policy('function');
DROP FUNCTION honest_guarded(honest.id%TYPE);
-- A command that renames or drops what no policy names runs no statement of jit_guard's own, which others that watch would see.
CREATE ROLE regress_nobody;
CREATE FUNCTION honest_f() RETURNS int LANGUAGE sql AS 'SELECT 1';
\c -
ALTER FUNCTION honest_f() RENAME TO honest_g;
ALTER TABLE honest RENAME COLUMN id TO number;
ALTER TABLE honest RENAME COLUMN number TO id;
DROP ROLE regress_nobody;
SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource' AND ident LIKE '%jit.%';
DROP FUNCTION honest_g();
SELECT jit.drop_policy('domain');
-- What decisions read does not count as read by a serializable transaction.
CREATE TABLE honest_other (id int);
\c -
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM honest_other;
SELECT DISTINCT relation::regclass FROM pg_locks WHERE mode = 'SIReadLock' AND pid = pg_backend_pid() ORDER BY 1;
ROLLBACK;
-- An error is the server's own.
CREATE SCHEMA honest_schema CREATE TEMP VIEW v AS SELECT 1;
CREATE TEMP VIEW honest_temporary AS SELECT 1 AS v;
CREATE SCHEMA honest_schema CREATE TEMP VIEW v AS SELECT 1;
-- A policy that only watches changes neither how a foreign key is validated nor what COPY says of privileges.
CREATE TABLE honest_parent (id int PRIMARY KEY);
CREATE TABLE honest_child (id int);
INSERT INTO honest_parent VALUES (1);
INSERT INTO honest_child VALUES (1);
ALTER TABLE honest_child ENABLE ROW LEVEL SECURITY;
SELECT jit.create_policy('all', '{ALL}', '{*.*}', mode => 'monitor', eligible => '{regress_alice}', approvers => '{regress_boss}');
BEGIN;
ALTER TABLE honest_child ADD FOREIGN KEY (id) REFERENCES honest_parent;
SELECT mode FROM pg_locks WHERE relation = 'honest_parent_pkey'::regclass AND pid = pg_backend_pid() ORDER BY 1;
ROLLBACK;
\c - regress_alice
SET row_security = off;
COPY honest_child TO STDOUT;
\c - postgres
-- Nor does one from which the person is exempt; nobody else's rows are looked at.
SELECT jit.alter_policy('all', mode => 'enforce', exempt => '{postgres}');
BEGIN;
ALTER TABLE honest_child ADD FOREIGN KEY (id) REFERENCES honest_parent;
SELECT mode FROM pg_locks WHERE relation = 'honest_parent_pkey'::regclass AND pid = pg_backend_pid() ORDER BY 1;
ROLLBACK;
SELECT jit.drop_policy('all');
-- While some sequence is guarded: EXPLAIN shows the query's own calls, functions in SQL that call none of that kind go into
-- plans, and who is exempt has the plans that everybody had before.
CREATE SEQUENCE honest_guarded_numbers;
CREATE SEQUENCE honest_numbers;
CREATE FUNCTION honest_rows() RETURNS SETOF honest STABLE LANGUAGE sql AS 'SELECT * FROM honest WHERE name = $$value$$';
CREATE FUNCTION honest_rows_atomic() RETURNS SETOF honest STABLE BEGIN ATOMIC SELECT * FROM honest; END;
CREATE FUNCTION honest_drawing() RETURNS SETOF bigint STABLE LANGUAGE sql AS 'SELECT id FROM honest WHERE setval(''honest_numbers'', 7) = 7';
CREATE ROLE regress_free;
CREATE ROLE regress_carol LOGIN SUPERUSER IN ROLE regress_free;
SELECT jit.create_policy('numbers', '{ALL}', '{sequence public.honest_guarded_numbers}', exempt => '{regress_free}',
    eligible => '{regress_alice}', approvers => '{regress_boss}');
EXPLAIN (VERBOSE, COSTS OFF) SELECT nextval('honest_numbers') FROM honest_other;
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM honest_rows();
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM honest_rows_atomic();
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM honest_drawing();
PREPARE p AS SELECT nextval('honest_guarded_numbers');
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE p;
EXECUTE p;
EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT nextval('honest_guarded_numbers');
\c - regress_carol
EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM honest_drawing();
PREPARE p AS SELECT nextval('honest_guarded_numbers');
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE p;
EXECUTE p;
SELECT setval('honest_guarded_numbers', 10);
-- Exempt no more, and again, with the plans of before.
CREATE FUNCTION honest_next() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN nextval(''honest_guarded_numbers''); END';
SELECT honest_next();
REVOKE regress_free FROM regress_carol;
EXECUTE p;
SELECT honest_next();
SELECT * FROM honest_drawing() LIMIT 1;
GRANT regress_free TO regress_carol;
EXECUTE p;
SELECT honest_next();
BEGIN;
SELECT honest_next();
SELECT jit.alter_policy('numbers', exempt => '{}');
COMMIT;
SELECT honest_next();
EXECUTE p;
\c - postgres
-- What maintains an index can be called in FROM, and returns what it returned before (vector 310).
CREATE INDEX honest_brin ON honest USING brin (id);
CREATE INDEX honest_gin ON honest USING gin (to_tsvector('simple', name));
SELECT n, pg_typeof(n) FROM brin_summarize_new_values('honest_brin') n;
SELECT * FROM brin_desummarize_range('honest_brin', 0) WITH ORDINALITY;
SELECT n, pg_typeof(n) FROM generate_series(0, 1) i, brin_summarize_range('honest_brin', i) n;
SELECT n, pg_typeof(n), s FROM ROWS FROM (gin_clean_pending_list('honest_gin'), brin_summarize_new_values('honest_brin')) r (n, s);
SELECT brin_summarize_range('honest_brin', NULL) IS NULL AS strict;
SELECT jit._maintain('honest_brin', 'brin_summarize_new_values'::regproc::oid);
DROP INDEX honest_brin, honest_gin;
-- A server without a tenant of Entra ID has no provider of security labels: without FOR, no other one is crowded out.
SECURITY LABEL ON ROLE regress_free IS 'unclassified';
\set VERBOSITY default
SECURITY LABEL FOR jit_guard ON ROLE regress_free IS 'entra,oid=aaaaaaaa-0000-4000-8000-000000000001,tid=11111111-2222-3333-4444-555555555555,type=user';
\set VERBOSITY terse
SELECT jit.drop_policy('numbers');
DROP FUNCTION honest_next, honest_drawing, honest_rows_atomic, honest_rows;
DROP SEQUENCE honest_guarded_numbers, honest_numbers;
DROP TABLE honest_child, honest_parent, honest_other;
DROP DOMAIN honest_free, honest_guarded;
DROP TABLE honest;
DROP ROLE regress_alice, regress_boss, regress_free, regress_carol;
