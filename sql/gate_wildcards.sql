-- gate_wildcards: schema.* and *.* reach tables made later, and leave out catalogs, temporary tables and schema jit
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT jit.create_policy('schema', '{READ, WRITE, ALTER TABLE}', '{app.*}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_bob
SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.notes;
CREATE TABLE mine.free (v int);
SELECT count(*) FROM mine.free;
-- A table made later, a view, a materialized view, a sequence.
\c - postgres
CREATE TABLE app.later (v int, s serial);
CREATE VIEW app.view AS SELECT 1 AS v;
CREATE MATERIALIZED VIEW app.matview AS SELECT 1 AS v;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob;
GRANT ALL ON ALL SEQUENCES IN SCHEMA app TO regress_alice, regress_bob;
\c - regress_bob
SELECT count(*) FROM app.later;
SELECT * FROM app.view;
SELECT * FROM app.matview;
SELECT last_value FROM app.later_s_seq;
\c - regress_alice
SELECT jit.request('schema') AS r \gset
SELECT count(*) FROM app.later;
SELECT * FROM app.view;
SELECT * FROM app.matview;
SELECT last_value FROM app.later_s_seq;
SELECT jit.release(:r);
-- Moving a table out of the schema takes it out of the guard's reach, so it needs all that the guard guards; moving one in does not.
\c - regress_owner
ALTER TABLE app.notes SET SCHEMA mine;
\c - regress_bob
ALTER TABLE mine.free SET SCHEMA app;
\c - postgres
ALTER TABLE mine.free SET SCHEMA app;
\c - regress_bob
SELECT count(*) FROM app.free;

-- The whole database.
\c - postgres
SELECT jit.drop_policy('schema');
SELECT jit.create_policy('all', '{READ, WRITE}', '{*.*}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_bob
SELECT count(*) FROM app.notes;
CREATE TABLE mine.new (v int);
GRANT ALL ON mine.new TO regress_alice;
SELECT count(*) FROM mine.new;
INSERT INTO mine.new VALUES (1);
CREATE TEMPORARY TABLE temporary (v int);
INSERT INTO temporary VALUES (1) RETURNING v;
SELECT count(*) FROM pg_temp.temporary;
SELECT count(*) > 0 AS reads FROM pg_class;
SELECT count(*) > 0 AS reads FROM information_schema.tables;
SELECT count(*) AS mine FROM jit.my_requests;
\c - postgres
CREATE TABLE public.in_public (v int);
SELECT count(*) FROM public.in_public;
SELECT count(*) > 0 AS reads FROM jit.policies;
DROP TABLE public.in_public;
\c - regress_alice
SELECT jit.request('all', objects => '{mine.*}', actions => '{SELECT}') AS r \gset
SELECT count(*) FROM mine.new;
SELECT count(*) FROM app.notes;
INSERT INTO mine.new VALUES (1);
\set ECHO none
\i :end
