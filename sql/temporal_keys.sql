-- temporal_keys: the check of a key with PERIOD (18 and later) computes with what it reads, and is refused like any other reading
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
SELECT current_setting('server_version_num')::int >= 180000 AS has_period \gset
\if :has_period
\c - regress_owner
CREATE TABLE app.parent (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE app.child (id int4range, during daterange, FOREIGN KEY (id, PERIOD during) REFERENCES app.parent);
CREATE TABLE app.free_parent (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
CREATE TABLE app.guarded_child (id int4range, during daterange, FOREIGN KEY (id, PERIOD during) REFERENCES app.free_parent);
INSERT INTO app.parent VALUES ('[1,1]', '[2020-01-01,2030-01-01)');
INSERT INTO app.free_parent VALUES ('[1,1]', '[2020-01-01,2030-01-01)'), ('[2,2]', '[2020-01-01,2030-01-01)');
INSERT INTO app.guarded_child VALUES ('[1,1]', '[2020-01-01,2025-01-01)');
GRANT ALL ON ALL TABLES IN SCHEMA app TO regress_alice, regress_bob, regress_carol;
\c - postgres
SELECT jit.create_policy('parent', '{ALL}', '{app.parent, app.guarded_child}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false, exempt => '{regress_carol}');
-- Without an approval: nothing that has a key checked, and no key of one's own that would be asked.
\c - regress_bob
INSERT INTO app.child VALUES ('[1,1]', '[2021-01-01,2022-01-01)');
DELETE FROM app.free_parent WHERE id = '[2,2]';
INSERT INTO app.free_parent VALUES ('[3,3]', '[2020-01-01,2030-01-01)');
CREATE TABLE mine.asks (id int4range, during daterange, FOREIGN KEY (id, PERIOD during) REFERENCES app.parent);
-- With one, and for the exempt, keys are checked as ever.
\c - regress_alice
SELECT jit.request('parent') AS r \gset
INSERT INTO app.child VALUES ('[1,1]', '[2021-01-01,2022-01-01)');
INSERT INTO app.child VALUES ('[1,1]', '[2021-01-01,2032-01-01)');
DELETE FROM app.free_parent WHERE id = '[2,2]';
DELETE FROM app.free_parent WHERE id = '[1,1]';
SELECT jit.release(:r);
\c - regress_carol
INSERT INTO app.child VALUES ('[1,1]', '[2023-01-01,2024-01-01)');
INSERT INTO app.child VALUES ('[9,9]', '[2023-01-01,2024-01-01)');
DELETE FROM app.free_parent WHERE id = '[1,1]';
\endif
\set ECHO none
\i :end
