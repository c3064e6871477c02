-- max_rows_attacks: rows that are seen without leaving a scan, and other ways to see more of them than an approval allows
\set ECHO none
\getenv here PG_ABS_SRCDIR
\set start :here '/sql/common/gate_start.psql'
\set end :here '/sql/common/gate_end.psql'
\i :start
INSERT INTO app.accounts SELECT i, 'nr ' || i, 'DE' || lpad(i::text, 2, '0'), 100 * i FROM generate_series(4, 20) i;
ALTER TABLE app.accounts SET (parallel_workers = 2);
ANALYZE app.accounts;
\set left 'SELECT rows, rows_left FROM jit.my_requests ORDER BY request_id DESC LIMIT 1;'
\set done 'DO $$ DECLARE r bigint; BEGIN FOR r IN SELECT request_id FROM jit.active LOOP BEGIN PERFORM jit.release(r); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $$;'
DO $$ BEGIN EXECUTE 'CREATE TYPE app.codes AS ENUM (' || (SELECT string_agg(quote_literal(iban), ',') FROM app.accounts) || ')'; END $$;
ALTER TYPE app.codes OWNER TO regress_owner;
SELECT jit.create_policy('accounts', '{ALL}', '{app.accounts}', eligible => '{regress_alice,regress_dba}', approvals => 0,
    require_reason => false);
CREATE TABLE mine.loot (row text);
GRANT ALL ON mine.loot TO PUBLIC;

\c - regress_alice
CREATE FUNCTION mine.keeps(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN false; END $$;
CREATE FUNCTION mine.same(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE DOMAIN mine.watched AS text CHECK (mine.keeps(VALUE) IS NOT NULL);
CREATE TYPE mine.pair AS (a mine.watched);

-- A filter of the person's own sees rows that it does not let through: those count.
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts WHERE mine.keeps(iban);
:left
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts WHERE id = 1 AND mine.keeps(iban);
:left
-- However the function is reached: behind an operator's cast, a domain's check, a correlated subquery, json.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE iban::mine.watched = 'x';
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE (jsonb_populate_record(NULL::mine.pair, jsonb_build_object('a', iban))).a = 'x';
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts a WHERE (SELECT mine.keeps(a.iban));
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE set_config('my.loot', current_setting('my.loot', true) || iban, false) = '';
SELECT current_setting('my.loot', true) LIKE '%DE04%' AS more_than_two;
-- Functions of PostgreSQL that run what they are given: a view, the checks of a type, a cast to json (vector 262).
DO $$ BEGIN FOR n IN 1..20 LOOP EXECUTE format('CREATE VIEW mine.v%s AS SELECT mine.keeps(%L)', lpad(n::text, 2, '0'), n); END LOOP; END $$;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE table_to_xml(('mine.v' || substr(iban, 3, 2))::regclass, true, false, '') IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE domain_in(textout(iban), 'mine.watched'::regtype, -1) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE record_in(textout('(' || iban || ')'), 'mine.pair'::regtype, -1) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE array_in(textout('{' || iban || '}'), 'mine.watched'::regtype, -1) IS NULL;
CREATE TYPE mine.span AS RANGE (subtype = mine.watched);
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE range_in(textout('[' || iban || ',]'), 'mine.span'::regtype, -1) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE multirange_in(textout('{[' || iban || ',]}'), 'mine.span_multirange'::regtype, -1) IS NULL;
CREATE TYPE mine.known AS ENUM ('DE01', 'DE02', 'DE03', 'DE04', 'DE05');
CREATE FUNCTION mine.told(mine.known) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN '1'; END $$;
CREATE CAST (mine.known AS json) WITH FUNCTION mine.told(mine.known);
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND to_json(iban::mine.known) IS NULL;
-- Functions of PostgreSQL that tell of what they are given: parsers of XML, type modifiers, text search (vector 319).
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE cardinality(xpath('/n', ('<a xmlns="' || iban || '"/>')::xml)) > 0;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE timestamptypmodin(ARRAY[int4out(1000 + id)]) < 0;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE repeat(' ', id)::tsquery IS NULL;
-- Twin: what they are told of constants.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id < 3 AND xpath('/n', '<a xmlns="x"/>') IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id < 3 AND 'de1'::tsvector @@ to_tsquery('simple', '');
-- And those that parse names of types, also in arrays, and of a constant behind a condition on the row (vector 344).
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE to_regtype('timestamp(' || id || ')') IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE to_regprocedure('lower(timestamp(' || id || '))') IS NOT NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE ('{time(' || id || ')}')::regtype[] IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE ARRAY['interval second(' || id || ')']::regtype[] IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE to_regtype(repeat('x', 60 + id)) IS NOT NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE has_type_privilege('timestamp(' || id || ')', 'USAGE') IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE CASE WHEN id > 4 THEN to_regtype('timestamp(10)') END = 0;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE to_jsonb(iban) @@ ('$ == "' || iban || '!"')::jsonpath;
-- Twin: an oid that is shown as a name.
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts WHERE id < 4 AND id::regtype::text = 'x' OR id = 3;
:left
SELECT id FROM app.accounts WHERE jsonb_build_object('time', iban) @? '$.time ? (@ == "DE01")';
:left
-- To json goes what an owner's cast makes of a type, whatever expression it comes from (vector 345).
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND to_json(('{DE01,DE02,DE03,DE04,DE05}'::mine.known[])[id]) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND to_jsonb(CASE WHEN id > 1 THEN 'DE05'::mine.known ELSE 'DE01' END) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND json_build_array(VARIADIC ('{{DE01,DE02}}'::mine.known[])[id:id]) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND row_to_json(ROW(id, CASE WHEN id > 1 THEN 'DE05'::mine.known END)) IS NULL;
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND array_to_json(ARRAY[('{DE01,DE02}'::mine.known[])[id]]) IS NULL;
CREATE TYPE mine.ages AS RANGE (subtype = int4);
CREATE FUNCTION mine.told(mine.ages) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'told %', $1; RETURN '1'; END $$;
CREATE CAST (mine.ages AS json) WITH FUNCTION mine.told(mine.ages);
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id <= 5 AND to_json((ARRAY['[1,2)', '[2,3)', '[3,4)', '[4,5)', '[5,6)']::mine.ages[])[id]) IS NULL;
-- The same for rows that json fills, and functions of PostgreSQL under an operator of one's own.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE json_populate_record(ROW((NULL::mine.pair).a), json_build_object('f1', iban)) IS NULL;
CREATE OPERATOR mine.<<@ (LEFTARG = anyelement, RIGHTARG = jsonb, FUNCTION = jsonb_populate_record);
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE (NULL::mine.pair OPERATOR(mine.<<@) jsonb_build_object('a', iban)) IS NULL;
-- Twin: rows and columns of PostgreSQL's types, and of the table's owner's.
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts a WHERE row_to_json(a)->>'id' = '2' AND to_json(iban::app.codes)::text = '"DE02"' AND jsonb_build_array(ROW(id, iban)) IS NOT NULL;
:left
-- Twin: what PostgreSQL's own functions filter out does not count.
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT id FROM app.accounts WHERE lower(iban) LIKE '%02' AND substr(owner, 1, 1) = 'b';
SELECT id FROM app.accounts WHERE ('{' || iban || '}')::text[] @> '{DE02}' AND iban::app.codes = 'DE02';
:left
-- Nor what a function of the table's owner does.
\c - regress_owner
CREATE FUNCTION app.fits(text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN $1 = 'DE02'; END $$;
CREATE FUNCTION app.fits_volatile(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN $1 = 'DE02'; END $$;
\c - regress_alice
SELECT id FROM app.accounts WHERE app.fits(iban);
:left
SELECT id FROM app.accounts WHERE app.fits_volatile(iban);
-- A superuser's own functions are his own, whoever he lets own them.
\c - regress_dba
CREATE FUNCTION mine.leaks(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE LEAKPROOF COST 0.0001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN false; END $$;
ALTER FUNCTION mine.leaks(text) OWNER TO regress_owner;
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE mine.leaks(iban);
:done

-- The target list is computed inside the scan: it must not see the row that is not left.
\c - regress_alice
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT mine.same(iban) FROM app.accounts WHERE id <= 5;
:done
SELECT jit.request('accounts', rows => 1) AS r \gset
SELECT iban FROM app.accounts WHERE id = 7;
SELECT mine.same(iban) FROM app.accounts WHERE id = 8;

-- The error of a filter shows a row: a statement that fails pays for one, and when none is left the error is not told.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
SELECT id FROM app.accounts WHERE id = 9 AND iban::int = 1;
:left
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM app.accounts WHERE id = 1 OR iban::int = 1;
DECLARE d CURSOR FOR SELECT id FROM app.accounts WHERE iban::int = 1;
DECLARE e CURSOR FOR SELECT id FROM app.accounts WHERE iban::text = '1';
FETCH 1 FROM c;
SAVEPOINT s;
\set VERBOSITY default
FETCH 1 FROM d;
\set VERBOSITY terse
ROLLBACK TO s;
FETCH 1 FROM e;
ROLLBACK;
:left

-- The error of an exclusion constraint shows a row that was there, which nobody counted (vector 320).
\c - postgres
CREATE TABLE app.stays (room int4range, guest text, EXCLUDE USING gist (room WITH &&) DEFERRABLE);
ALTER TABLE app.stays OWNER TO regress_owner;
INSERT INTO app.stays VALUES ('[17,18)', 'x');
GRANT ALL ON app.stays TO PUBLIC;
SELECT jit.create_policy('stays', '{ALL}', '{app.stays}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
SELECT jit.request('stays', rows => 5) AS r \gset
\set SHOW_CONTEXT never
\set VERBOSITY default
INSERT INTO app.stays VALUES ('[0,100)', 'me');
COPY app.stays FROM STDIN;
[0,100)	me
\.
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.stays VALUES ('[0,100)', 'me');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.stays VALUES ('[0,100)', 'me');
COMMIT;
:left
\set VERBOSITY terse
SELECT jit.release(:r);
SELECT jit.request('stays', uses => 1) AS r \gset
\set VERBOSITY default
INSERT INTO app.stays VALUES ('[0,100)', 'me');
-- Twin: an approval that does not count.
\set VERBOSITY terse
SELECT jit.release(:r);
SELECT jit.request('stays') AS r \gset
\set VERBOSITY default
INSERT INTO app.stays VALUES ('[0,100)', 'me');
\set VERBOSITY terse
\set SHOW_CONTEXT errors
SELECT jit.release(:r);

-- Statistics show values of rows to the functions of operators, while the statement is planned.
:done
SELECT jit.request('accounts', rows => 2) AS r \gset
CREATE FUNCTION mine.looks(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'planner saw %', $1; RETURN $1 < $2; END $$;
CREATE OPERATOR mine.<<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = mine.looks, RESTRICT = scalarltsel);
EXPLAIN (COSTS OFF) SELECT id FROM app.accounts WHERE iban OPERATOR(mine.<<<<) 'DE05';
SELECT count(*) FROM pg_stats WHERE tablename = 'accounts';
:done
-- Twin: an approval that does not count them.
SELECT jit.request('accounts') AS r \gset
SET client_min_messages = error;
EXPLAIN (COSTS OFF) SELECT id FROM app.accounts WHERE iban OPERATOR(mine.<<<<) 'DE05';
RESET client_min_messages;
:done

-- Workers count nothing, so there are none.
SELECT jit.request('accounts', rows => 5) AS r \gset
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM app.accounts;
SELECT count(*) FROM app.accounts;
:left
:done
SELECT jit.request('accounts', rows => 20) AS r \gset
SELECT count(*) FROM app.accounts;
:left
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET parallel_leader_participation;

-- A plan that was made, and a cursor that was opened, before rows were counted.
:done
SELECT jit.request('accounts') AS r \gset
PREPARE p AS SELECT count(*) FROM app.accounts;
EXECUTE p;
:done
SELECT jit.request('accounts', rows => 5) AS r \gset
EXECUTE p;
:done

-- EXPLAIN ANALYZE runs the query; RETURNING and writing CTEs show what they changed; a view and a function of one's own.
SELECT jit.request('accounts', rows => 3) AS r \gset
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM app.accounts WHERE id <= 3;
SELECT id FROM app.accounts WHERE id = 1;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
UPDATE app.accounts SET balance = balance RETURNING iban;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
WITH u AS (UPDATE app.accounts SET balance = balance RETURNING iban) INSERT INTO mine.loot SELECT iban FROM u;
SELECT count(*) FROM mine.loot;
CREATE VIEW mine.v AS SELECT iban FROM app.accounts;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
SELECT count(*) FROM mine.v;
:done
SELECT jit.request('accounts', rows => 3) AS r \gset
BEGIN;
SELECT set_config('my.loot', '', true);
DO $$
DECLARE c refcursor; r record;
BEGIN
    OPEN c FOR SELECT iban FROM app.accounts;
    LOOP
        BEGIN FETCH c INTO r; EXIT WHEN NOT FOUND; PERFORM set_config('my.loot', current_setting('my.loot') || r.iban, true);
        EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE '%', SQLERRM; EXIT; END;
    END LOOP;
END $$;
SELECT current_setting('my.loot');
COMMIT;
:done

-- Partitions: rows count where they are, whatever the statement names.
\c - regress_owner
CREATE TABLE app.log (day int, what text) PARTITION BY RANGE (day);
CREATE TABLE app.log_1 PARTITION OF app.log FOR VALUES FROM (0) TO (10);
CREATE TABLE app.log_2 (what text, day int);
ALTER TABLE app.log ATTACH PARTITION app.log_2 FOR VALUES FROM (10) TO (20);
INSERT INTO app.log SELECT i, 'day ' || i FROM generate_series(1, 19) i;
GRANT ALL ON app.log, app.log_1, app.log_2 TO regress_alice;
\c - regress_dba
SELECT jit.create_policy('second', '{READ,WRITE}', '{app.log_2}', eligible => '{regress_alice}', approvals => 0,
    require_reason => false);
\c - regress_alice
SELECT jit.request('second', rows => 12) AS r \gset
SELECT count(*) FROM app.log WHERE day IN (1, 2, 10, 11);
:left
UPDATE app.log SET what = 'x' WHERE day IN (3, 12);
:left
INSERT INTO app.log VALUES (13, 'new');
:left
UPDATE app.log SET day = 14 WHERE day = 4;
:left
SELECT count(*) FROM app.log_2;
:done
\c - regress_dba
SELECT jit.alter_policy('second', objects => '{app.log}');
\c - regress_alice
SELECT jit.request('second', rows => 4) AS r \gset
SELECT count(*) FROM app.log_1 WHERE day <= 2;
SELECT count(*) FROM app.log WHERE day <= 3;
:done

-- Cascades are changes of the table that they reach.
\c - regress_owner
CREATE TABLE app.items (id int PRIMARY KEY, account int REFERENCES app.notes ON DELETE CASCADE);
INSERT INTO app.items SELECT i, 1 FROM generate_series(1, 5) i;
GRANT ALL ON app.items TO regress_alice;
\c - regress_dba
SELECT jit.create_policy('items', '{READ,WRITE}', '{app.items}', eligible => '{regress_alice}', approvals => 0, require_reason => false);
\c - regress_alice
SELECT jit.request('items', rows => 4) AS r \gset
DELETE FROM app.notes WHERE id = 1;
SELECT count(*) FROM app.notes;
:done
SELECT jit.request('items', rows => 5) AS r \gset
DELETE FROM app.notes WHERE id = 1;
:left

-- A view that an approval names: what it reads counts.
\c - regress_owner
CREATE VIEW app.rich AS SELECT id, owner FROM app.accounts WHERE balance > 1000;
CREATE VIEW app.made AS SELECT generate_series(1, 100) AS n;
GRANT SELECT ON app.rich, app.made TO regress_alice;
\c - regress_dba
SELECT jit.create_policy('rich', '{SELECT}', '{app.rich,app.made}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    max_rows => 3);
\c - regress_alice
SELECT jit.request('rich') AS r \gset
SELECT owner FROM app.rich WHERE id = 11;
:left
SELECT count(*) FROM app.rich;
:done
SELECT jit.request('rich') AS r \gset
SELECT count(*) FROM app.made;

-- Rows that are lent: as much, COPY both ways included.
\c - regress_owner
CREATE TABLE app.lent (id int, twice int GENERATED ALWAYS AS (2 * id) STORED);
INSERT INTO app.lent VALUES (1), (2);
\c - regress_dba
CREATE ROLE regress_lender;
GRANT USAGE ON SCHEMA app TO regress_lender;
GRANT ALL ON app.lent TO regress_lender;
SELECT jit.create_policy('lent', '{READ,WRITE}', '{app.lent}', eligible => '{regress_alice}', approvals => 0, require_reason => false,
    lends => 'regress_lender', max_rows => 5);
\c - regress_alice
SELECT jit.request('lent') AS r \gset
COPY app.lent FROM STDIN;
3
4
\.
:left
COPY app.lent FROM STDIN;
5
6
7
8
\.
:left
COPY app.lent TO STDOUT;
:done
SELECT jit.request('lent') AS r \gset
COPY app.lent TO STDOUT;
SELECT * FROM app.lent WHERE id = 1;
:left
\set ECHO none
\c - postgres
SET client_min_messages = warning;
SELECT jit.drop_policy('lent') \gset
RESET client_min_messages;
DROP OWNED BY regress_lender;
DROP ROLE regress_lender;
\i :end
