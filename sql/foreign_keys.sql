-- foreign_keys: keys of and to guarded tables go on working; they give away nothing else
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - regress_owner
CREATE TABLE app.parent (id int PRIMARY KEY, code text UNIQUE, secret text);
CREATE TABLE app.child (id int PRIMARY KEY, parent int REFERENCES app.parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE app.free_child (parent int REFERENCES app.parent);
CREATE TABLE app.text_child (code varchar(9) REFERENCES app.parent (code));
CREATE TABLE app.free_parent (id int PRIMARY KEY);
CREATE TABLE app.guarded_child (id int REFERENCES app.free_parent ON DELETE CASCADE);
CREATE TABLE app.null_child (id int REFERENCES app.free_parent ON DELETE SET NULL);
CREATE TABLE app.num_parent (id numeric PRIMARY KEY);
CREATE TABLE app.num_child (id int REFERENCES app.num_parent);
CREATE TABLE app.part (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE app.part_1 PARTITION OF app.part FOR VALUES FROM (0) TO (10);
CREATE TABLE app.part_2 PARTITION OF app.part FOR VALUES FROM (10) TO (20);
CREATE TABLE app.part_child (id bigint REFERENCES app.part);
INSERT INTO app.parent VALUES (1, 'a', 'S1'), (2, 'b', 'S2');
INSERT INTO app.free_parent VALUES (1), (2);
INSERT INTO app.guarded_child VALUES (1);
INSERT INTO app.null_child VALUES (2);
INSERT INTO app.num_parent VALUES (1), (2);
INSERT INTO app.num_child VALUES (1);
INSERT INTO app.part VALUES (1), (11);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob, regress_mallory;
\c - postgres
SELECT jit.create_policy('parent', '{ALL}', '{app.parent, app.part, app.guarded_child, app.null_child, app.num_child}', eligible => '{regress_alice}',
    approvals => 0, require_reason => false);
-- vector 41
-- Rows that refer to a guarded table are checked as ever.
\c - regress_bob
INSERT INTO app.free_child VALUES (1);
INSERT INTO app.free_child VALUES (9);
UPDATE app.free_child SET parent = 2;
INSERT INTO app.text_child VALUES ('a');
INSERT INTO app.text_child VALUES ('z');
INSERT INTO app.part_child VALUES (1), (11);
INSERT INTO app.part_child VALUES (5);
DELETE FROM app.free_child;
INSERT INTO app.free_child VALUES (2);
COPY app.free_child FROM STDIN;
1
\.
-- And what refers from one; here the server casts its column.
DELETE FROM app.num_parent WHERE id = 2;
DELETE FROM app.num_parent WHERE id = 1;
-- What cascades into a guarded table changes it.
DELETE FROM app.free_parent WHERE id = 1;
DELETE FROM app.free_parent WHERE id = 2;
UPDATE app.free_parent SET id = 3 WHERE id = 1;
INSERT INTO app.free_parent VALUES (4);
SELECT id FROM app.free_parent ORDER BY id;
\c - regress_alice
SELECT jit.request('parent') AS r \gset
DELETE FROM app.free_parent WHERE id = 1;
DELETE FROM app.parent WHERE id = 2;
UPDATE app.part SET id = 12 WHERE id = 11;
DELETE FROM app.free_child;
DELETE FROM app.parent WHERE id = 2;
DELETE FROM app.part WHERE id = 1;
SELECT jit.release(:r);
-- vector 44
-- A new key to a guarded table is the right to ask for its keys; a new key of a guarded table reads it.
\c - regress_bob
CREATE TABLE mine.asks (id int REFERENCES app.parent);
CREATE TABLE mine.asks (id int);
ALTER TABLE mine.asks ADD FOREIGN KEY (id) REFERENCES app.parent;
\c - regress_owner
ALTER TABLE app.guarded_child ADD FOREIGN KEY (id) REFERENCES app.free_parent;
ALTER TABLE app.free_child ADD FOREIGN KEY (parent) REFERENCES app.free_parent;
\c - postgres
SELECT jit.alter_policy('parent', eligible => '{regress_alice, regress_owner}');
\c - regress_owner
SELECT jit.request('parent') AS r \gset
ALTER TABLE app.guarded_child ADD FOREIGN KEY (id) REFERENCES app.free_parent;
CREATE TABLE app.late (id int);
INSERT INTO app.late VALUES (1);
ALTER TABLE app.late ADD FOREIGN KEY (id) REFERENCES app.parent;
INSERT INTO app.late VALUES (7);
SELECT jit.release(:r);
INSERT INTO app.late VALUES (1);
-- Code hung into somebody's cascade runs where the server makes its probes: it may ask what the probes ask, and no more.
\c - regress_mallory
CREATE TABLE mine.m_parent (id int PRIMARY KEY);
CREATE TABLE mine.m_child (id int REFERENCES mine.m_parent ON DELETE CASCADE);
INSERT INTO mine.m_parent SELECT generate_series(1, 10);
INSERT INTO mine.m_child SELECT generate_series(1, 10);
-- vector 209
-- A cast of one's own to another type and back, and an order of one's own, would be told the values; a collation of one's own would
-- find what is only similar.
CREATE COLLATION mine.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE TYPE mine.spy AS (v int);
CREATE FUNCTION mine.see(int) RETURNS mine.spy LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'seen: %', $1; RETURN ROW($1)::mine.spy; END$$;
CREATE FUNCTION mine.back(mine.spy) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN $1.v; END$$;
CREATE CAST (int AS mine.spy) WITH FUNCTION mine.see(int);
CREATE CAST (mine.spy AS int) WITH FUNCTION mine.back(mine.spy);
CREATE FUNCTION mine.probe() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE answer int; question text;
BEGIN
    question := CASE old.id WHEN 1 THEN $q$secret LIKE 'S%'$q$ WHEN 2 THEN $q$id = 1 AND secret > ''$q$ WHEN 3 THEN 'id > 0' WHEN 4 THEN 'id = 1'
        WHEN 5 THEN 'true' WHEN 6 THEN $q$secret = 'S1'$q$ WHEN 7 THEN 'id = 1 OR id = 2'
        WHEN 8 THEN 'id::mine.spy::int = 1' WHEN 9 THEN 'id = 1 ORDER BY mine.see(id)' WHEN 10 THEN $q$code COLLATE mine.loose = 'A'$q$ END;
    EXECUTE 'SELECT 1 FROM app.parent WHERE ' || question || ' FOR KEY SHARE' INTO answer;
    RAISE NOTICE 'told: % is %', question, answer IS NOT NULL;
    RETURN old;
END $$;
CREATE TRIGGER probe BEFORE DELETE ON mine.m_child FOR EACH ROW EXECUTE FUNCTION mine.probe();
SELECT format('DELETE FROM mine.m_parent WHERE id = %s', n) FROM generate_series(1, 10) n \gexec
-- The table's owner learns what her own keys would tell her.
\c - postgres
ALTER TABLE mine.m_child OWNER TO regress_owner;
ALTER FUNCTION mine.probe() OWNER TO regress_owner;
GRANT ALL ON mine.m_parent, mine.m_child TO regress_owner;
\c - regress_owner
SELECT format('DELETE FROM mine.m_parent WHERE id = %s', n) FROM generate_series(1, 10) n \gexec
\set ECHO none
\i :end
