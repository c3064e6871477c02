-- gate_partitions: guards of a parent reach its partitions and children, now and later, whatever way they are reached
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
\c - regress_owner
CREATE TABLE app.pay (id int, region text, iban text) PARTITION BY LIST (region);
CREATE TABLE app.pay_de PARTITION OF app.pay FOR VALUES IN ('de');
CREATE TABLE app.pay_fr (iban text, x int, id int, region text);
ALTER TABLE app.pay_fr DROP x;
ALTER TABLE app.pay ATTACH PARTITION app.pay_fr FOR VALUES IN ('fr');
INSERT INTO app.pay VALUES (1, 'de', 'DE01'), (2, 'fr', 'FR02');
CREATE TABLE app.base (id int, iban text);
CREATE TABLE app.child (extra int) INHERITS (app.base);
INSERT INTO app.child VALUES (3, 'IT03', 0);
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob, regress_carol;
\c - postgres
SELECT jit.create_policy('pay', '{READ, WRITE, DDL}', '{app.pay, app.base}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
-- Named or not, the partition is guarded.
\c - regress_bob
SELECT * FROM app.pay;
SELECT * FROM app.pay_de;
SELECT * FROM app.pay_fr;
SELECT * FROM app.child;
SELECT * FROM ONLY app.base;
INSERT INTO app.pay VALUES (4, 'de', 'x');
INSERT INTO app.pay_de VALUES (4, 'de', 'x');
UPDATE app.pay_fr SET region = 'de';
TRUNCATE app.pay_de;
-- Made or attached later.
\c - regress_owner
CREATE TABLE app.pay_es PARTITION OF app.pay FOR VALUES IN ('es');
CREATE TABLE app.other (id int, region text, iban text);
ALTER TABLE app.pay ATTACH PARTITION app.other DEFAULT;
ALTER TABLE app.pay DETACH PARTITION app.pay_fr;
ALTER TABLE app.child NO INHERIT app.base;
CREATE TABLE app.second (more int) INHERITS (app.base);
\c - postgres
SELECT jit.alter_policy('pay', actions => '{READ, WRITE}');
CREATE TABLE app.pay_es PARTITION OF app.pay FOR VALUES IN ('es');
ALTER TABLE app.pay ATTACH PARTITION app.other DEFAULT;
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob;
\c - regress_bob
SELECT * FROM app.pay_es;
SELECT * FROM app.other;
\c - regress_alice
SELECT jit.request('pay') AS r \gset
SELECT * FROM app.pay ORDER BY id;
SELECT * FROM app.pay_fr;
SELECT * FROM app.child;
UPDATE app.pay SET region = 'de' WHERE id = 2 RETURNING tableoid::regclass, *;
SELECT jit.release(:r);
-- An approval of one partition.
SELECT jit.request('pay', objects => '{app.pay_de}') AS r \gset
SELECT id FROM app.pay_de ORDER BY id;
SELECT id FROM app.pay_fr;
SELECT id FROM app.pay;
SELECT jit.release(:r);
-- vector 60
-- Detached, it leaves the guards: that takes everything that they guard.
\c - regress_owner
ALTER TABLE app.pay DETACH PARTITION app.pay_es;
SELECT * FROM app.pay_es;
\c - postgres
SELECT jit.alter_policy('pay', exempt => '{regress_owner}');
\c - regress_owner
ALTER TABLE app.pay DETACH PARTITION app.pay_es;
\c - regress_bob
SELECT * FROM app.pay_es;

-- A guarded child below a parent that is not: through the parent it is guarded too, columns numbered differently included.
\c - regress_owner
INSERT INTO app.pay VALUES (5, 'fr', 'FR05');
\c - postgres
SELECT jit.alter_policy('pay', objects => '{app.pay_fr(iban), app.child}', exempt => '{}', actions => '{SELECT, INSERT, UPDATE}');
ALTER TABLE app.child ADD note text, ALTER id SET NOT NULL;
ALTER TABLE app.child INHERIT app.notes;
-- Which columns of a child a parent's statement reads is not told, so any guarded one counts.
\c - regress_bob
SELECT id FROM app.pay_fr;
SELECT iban FROM app.pay_fr;
SELECT id FROM app.pay WHERE region = 'de' ORDER BY id;
SELECT id FROM app.pay;
SELECT iban FROM app.pay WHERE region = 'fr';
SELECT id FROM app.notes;
SELECT id FROM ONLY app.notes;
INSERT INTO app.pay VALUES (6, 'de', 'x');
INSERT INTO app.pay VALUES (6, 'fr', 'x');
COPY app.pay FROM STDIN;
7	fr	x
\.
COPY app.pay TO STDOUT;
UPDATE app.pay SET region = 'fr' WHERE region = 'de';
\c - regress_alice
SELECT jit.request('pay') AS r \gset
SELECT id, iban FROM app.pay WHERE region = 'fr';
INSERT INTO app.pay VALUES (6, 'fr', 'FR06');
SELECT id FROM app.notes ORDER BY id;
SELECT jit.release(:r);

-- ON CONFLICT DO UPDATE through the parent reads the partition's row, where only reading is guarded (vector 248). Inserting, and
-- doing nothing, show what the person wrote, as they do on the partition.
\c - postgres
CREATE TABLE app.due (id int, region text, iban text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE app.due_de PARTITION OF app.due FOR VALUES IN ('de');
CREATE TABLE app.due_fr PARTITION OF app.due FOR VALUES IN ('fr');
CREATE TABLE app.free (id int, region text, iban text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE app.free_fr PARTITION OF app.free FOR VALUES IN ('fr');
INSERT INTO app.due VALUES (1, 'de', 'DE01'), (2, 'fr', 'FR02');
INSERT INTO app.free VALUES (2, 'fr', 'FR02');
GRANT ALL ON app.due, app.due_de, app.due_fr, app.free, app.free_fr TO regress_alice, regress_bob;
SELECT jit.create_policy('due', '{READ}', '{app.due_fr}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_bob
BEGIN;
INSERT INTO app.due (id, region) VALUES (1, 'de'), (2, 'fr') ON CONFLICT (id, region) DO UPDATE SET id = app.due.id RETURNING *;
ROLLBACK;
INSERT INTO app.due_fr (id, region) VALUES (2, 'fr') ON CONFLICT (id, region) DO UPDATE SET id = app.due_fr.id RETURNING *;
SELECT allowed, object
    FROM jit.check('INSERT INTO app.due (id, region) VALUES (2, $$fr$$) ON CONFLICT (id, region) DO UPDATE SET id = 2 RETURNING *');
BEGIN;
INSERT INTO app.free (id, region) VALUES (2, 'fr') ON CONFLICT (id, region) DO UPDATE SET id = app.free.id RETURNING *;
INSERT INTO app.due (id, region) VALUES (2, 'fr'), (3, 'fr') ON CONFLICT (id, region) DO NOTHING RETURNING *;
INSERT INTO app.due_fr (id, region) VALUES (2, 'fr') ON CONFLICT DO NOTHING;
UPDATE app.due SET region = 'fr' WHERE region = 'de' RETURNING *;
ROLLBACK;
\c - regress_alice
SELECT jit.request('due') AS r \gset
BEGIN;
INSERT INTO app.due (id, region) VALUES (2, 'fr') ON CONFLICT (id, region) DO UPDATE SET id = app.due.id RETURNING *;
ROLLBACK;
SELECT jit.release(:r);

-- A policy with one column of the parent and another of the partition guards each (vector 253).
\c - postgres
SELECT jit.alter_policy('due', objects => '{app.due(id), app.due_fr(iban)}');
\c - regress_bob
SELECT iban FROM app.due WHERE region = 'fr';
SELECT iban FROM app.due_fr;
SELECT id FROM app.due WHERE region = 'de';
SELECT iban FROM app.due WHERE region = 'de';
SELECT allowed, object, column_name FROM jit.check('SELECT iban FROM app.due WHERE region = $$fr$$');
\c - regress_alice
SELECT jit.request('due') AS r \gset
SELECT iban FROM app.due WHERE region = 'fr';
SELECT jit.release(:r);
-- Where the partition's columns are among the parent's, those that are read count.
\c - postgres
SELECT jit.alter_policy('due', objects => '{"app.due(id, iban)", app.due_fr(iban)}');
\c - regress_bob
SELECT DISTINCT region FROM app.due ORDER BY region;
SELECT iban FROM app.due;

-- Foreign keys, statistics and publications of a parent reach its guarded children (vector 249, vector 250, vector 251).
\c - postgres
SELECT jit.alter_policy('due', objects => '{app.due_fr, app.child}', actions => '{REFERENCES, CREATE STATISTICS, PRIVILEGE}');
SET client_min_messages = error;
CREATE PUBLICATION regress_pub FOR TABLE app.due;
CREATE PUBLICATION regress_pub FOR TABLE app.free, app.notes;
CREATE PUBLICATION regress_pub FOR TABLE app.free;
ALTER PUBLICATION regress_pub ADD TABLE app.notes;
DROP PUBLICATION regress_pub;
CREATE STATISTICS app.s ON (lower(iban)), id FROM app.due;
CREATE STATISTICS app.s ON (lower(iban)), id FROM app.free;
\c - regress_bob
CREATE TABLE mine.asks (id int, region text, FOREIGN KEY (id, region) REFERENCES app.due);
CREATE TABLE mine.asks (id int, region text, FOREIGN KEY (id, region) REFERENCES app.free);
INSERT INTO mine.asks VALUES (2, 'fr');
DROP TABLE mine.asks;
-- A key to an inheritance parent does not look into its children.
CREATE TABLE mine.asks (id int REFERENCES app.notes);
INSERT INTO mine.asks VALUES (3);
DROP TABLE mine.asks;
\c - regress_alice
SELECT jit.request('due') AS r \gset
CREATE TABLE mine.asks (id int, region text, FOREIGN KEY (id, region) REFERENCES app.due);
INSERT INTO mine.asks VALUES (2, 'fr');
DROP TABLE mine.asks;
\set ECHO none
\i :end
