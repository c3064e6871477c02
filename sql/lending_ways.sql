-- lending_ways: parallel plans, row security, views that an approval names, and cascades under a lent privilege
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
CREATE ROLE regress_lent;
\c - regress_owner
CREATE TABLE app.rows AS SELECT i AS id, i % 7 AS k FROM generate_series(1, 1000) i;
CREATE TABLE app.split (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE app.split_1 PARTITION OF app.split FOR VALUES FROM (0) TO (500);
CREATE TABLE app.split_2 PARTITION OF app.split FOR VALUES FROM (500) TO (2000);
INSERT INTO app.split SELECT * FROM app.rows;
ANALYZE app.rows, app.split;
CREATE VIEW app.few AS SELECT id, k FROM app.rows WHERE id <= 3;
CREATE VIEW app.invoking WITH (security_invoker) AS SELECT id, k FROM app.rows WHERE id <= 3;
CREATE TABLE app.seen (id int, who name);
INSERT INTO app.seen VALUES (1, 'regress_alice'), (2, 'regress_lent'), (3, 'regress_bob'), (4, 'regress_owner');
ALTER TABLE app.seen ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.seen USING (who = current_user);
CREATE TABLE app.keys (who name);
INSERT INTO app.keys VALUES ('regress_alice'), ('regress_bob');
CREATE TABLE app.keyed (id int, who name);
INSERT INTO app.keyed VALUES (1, 'regress_alice'), (2, 'regress_lent');
ALTER TABLE app.keyed ENABLE ROW LEVEL SECURITY;
CREATE POLICY keyed ON app.keyed USING (who IN (SELECT k.who FROM app.keys k));
CREATE TABLE app.parent (id int PRIMARY KEY);
INSERT INTO app.parent SELECT generate_series(1, 9);
CREATE TABLE app.child (id int REFERENCES app.parent ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO app.child SELECT generate_series(1, 9);
CREATE TABLE app.loose (id int REFERENCES app.parent ON DELETE SET NULL);
REVOKE ALL ON ALL TABLES IN SCHEMA app FROM regress_alice;
GRANT SELECT, INSERT, UPDATE, DELETE ON app.rows, app.split, app.few, app.invoking, app.seen, app.keyed, app.parent TO regress_lent;
GRANT SELECT ON app.keys TO regress_lent;
\c - postgres
SET client_min_messages = warning;
SELECT jit.create_policy('lent', '{READ, WRITE}', '{app.rows, app.split, app.few, app.invoking, app.seen, app.keyed, app.parent}',
    lends => 'regress_lent', eligible => '{regress_alice}', approvals => 0, require_reason => false);
SELECT jit.create_policy('child', '{READ, WRITE}', '{app.child}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\set ECHO all
-- Parallel workers check the role that lends, too.
\c - regress_alice
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT sum(id) FROM app.rows;
SELECT jit.request('lent') AS r \gset
EXPLAIN (COSTS OFF) SELECT sum(id) FROM app.rows;
SELECT sum(id) FROM app.rows;
SELECT count(*), sum(a.k) FROM app.split a JOIN app.rows b USING (id);
SELECT set_config(name, 'on', false) AS forced FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT count(*) FROM app.rows WHERE id = 1;
SELECT id FROM app.split WHERE id IN (1, 999) ORDER BY id;
SELECT count(*) FROM app.seen;
-- A worker needs what is lent: without an approval the same plan is refused.
PREPARE counted AS SELECT count(*) FROM app.rows;
EXECUTE counted;
SELECT jit.release(:r);
EXECUTE counted;
-- Row security: the person's rows, whoever lends, and the person's privileges in what a policy reads.
\c - regress_alice
SELECT jit.request('lent') AS r \gset
SELECT * FROM app.seen ORDER BY id;
INSERT INTO app.seen VALUES (5, 'regress_alice');
INSERT INTO app.seen VALUES (6, 'regress_lent');
UPDATE app.seen SET who = 'regress_lent' WHERE id = 1;
UPDATE app.seen SET id = 7 WHERE id = 2;
DELETE FROM app.seen RETURNING id;
SELECT * FROM app.keyed;
\c - regress_owner
GRANT SELECT ON app.keys TO regress_alice;
\c - regress_alice
SELECT * FROM app.keyed;
-- Not even when the role that lends owns the table, and row security is not for its owner.
\c - postgres
ALTER TABLE app.seen OWNER TO regress_lent;
\c - regress_alice
INSERT INTO app.seen VALUES (8, 'regress_alice');
SELECT id, who FROM app.seen;
SET row_security = off;
SELECT id, who FROM app.seen;
RESET row_security;
-- A view that the approval names: its owner's privileges below, what is lent on itself, and nothing else.
SELECT jit.release(:r);
SELECT * FROM app.few;
SELECT jit.request('lent', objects => '{app.few}') AS r \gset
SELECT * FROM app.few ORDER BY id;
UPDATE app.few SET k = 9 WHERE id = 1 RETURNING *;
SELECT * FROM app.rows;
SELECT * FROM app.invoking;
SELECT jit.release(:r);
SELECT jit.request('lent', objects => '{app.few, app.invoking, app.rows}') AS r \gset
SELECT * FROM app.invoking ORDER BY id;
UPDATE app.few SET k = 9 WHERE id = 1 RETURNING *;
SELECT jit.release(:r);
-- Cascades run as the owner of the child, so nothing has to be lent for them; the child wants an approval of its own.
SELECT jit.request('lent') AS r \gset
DELETE FROM app.parent WHERE id = 1;
UPDATE app.parent SET id = 20 WHERE id = 2;
SELECT jit.request('child') AS c \gset
DELETE FROM app.parent WHERE id = 1;
UPDATE app.parent SET id = 20 WHERE id = 2;
DELETE FROM app.child;
\c - regress_owner
INSERT INTO app.loose VALUES (3), (4);
\c - postgres
SELECT jit.create_policy('loose', '{WRITE}', '{app.loose}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
DELETE FROM app.parent WHERE id = 3;
SELECT jit.request('loose') AS l \gset
DELETE FROM app.parent WHERE id = 3;
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy(p) FROM unnest('{lent,child,loose}'::text[]) p;
SELECT p.id AS parent, c.id AS child FROM app.parent p FULL JOIN app.child c ON c.id = p.id WHERE p.id IN (1, 2, 3, 4, 20) OR p.id IS NULL ORDER BY 1;
SELECT count(*) FILTER (WHERE id IS NULL) AS set_null FROM app.loose;
\set ECHO none
DROP OWNED BY regress_lent;
DROP ROLE regress_lent;
\i :end
