# Attacks on guarded functions, schemas, types, sequences and large objects, as data: see 030_attacks.pl, whose people and
# whose rule these are: refused on the module as shipped, allowed to the twin, and seen succeeding without the check.
use strict;
use warnings;
use JitAttacks;
use JitClient;
use JitGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# What is called answers with the word that must not come out.
# Its name differs between versions.
my $parallel = q{SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');};
my $pay = 'CREATE FUNCTION SCHEMA.pay(n int) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$;';
my $inline = 'CREATE FUNCTION SCHEMA.pay(n int) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE sql AS $$SELECT \'MARKER\' || n$$;';
my $t = 'CREATE TABLE SCHEMA.t (id int); INSERT INTO SCHEMA.t VALUES (1); GRANT ALL ON SCHEMA.t TO PUBLIC;';
my $g = 'function SCHEMA.pay(integer)';
my $as_mallory = 'SET ROLE mallory;';
my $mine = "$as_mallory CREATE TABLE SCHEMA.mine (id int, v text); GRANT ALL ON SCHEMA.mine TO PUBLIC;";

my $loot = 'CREATE TABLE SCHEMA.loot (v text); GRANT ALL ON SCHEMA.loot TO PUBLIC;';
my @ridden = (as => 'alice', approved => '{ALL}', objects => $g, off => 'called_texts,unplanned_texts', twin => 'SELECT SCHEMA.pay(1)', twin_as => 'alice');

my $log = "$pay $loot $as_mallory CREATE FUNCTION SCHEMA.log(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END';"
    . "CREATE FUNCTION SCHEMA.says(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1; END'; CREATE FUNCTION SCHEMA.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';";
sub called { return (guards => $g, off => 'execute', before => "$pay $t", @_) }
sub written { return called(@ridden, off => 'unplanned_texts', happened => 'SELECT v FROM SCHEMA.loot', @_) }
sub command { return (as => 'dba', off => 'utility,object_access', twin_as => 'exempt_dba', @_) }
my $q = 'CREATE SEQUENCE SCHEMA.q OWNED BY NONE; GRANT ALL ON SEQUENCE SCHEMA.q TO PUBLIC;';
my $lo = 'SELECT lo_from_bytea(NUMBER, \'MARKER\'); GRANT ALL ON LARGE OBJECT NUMBER TO PUBLIC;';
my $gate = 'planner,executor_start,check_perms';
sub value { return (guards => 'sequence SCHEMA.q', off => 'values', before => $q, @_) }
sub content { return (guards => 'large object NUMBER', off => 'values', before => $lo, @_) }

my $leak = 'CREATE FUNCTION SCHEMA.leak(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN $1; END$$;';
my $has = sub { my ($what) = @_; return "SELECT \$\$MARKER\$\$ WHERE $what" };
sub cascade { return (off => 'lost_parts', set_up => $leak, do => 'DROP FUNCTION SCHEMA.leak(text) CASCADE', @_) }

# The first calls are made while EXPLAIN plans.
sub pruned { my ($reads) = @_; return "$as_mallory CREATE TABLE SCHEMA.p (k int) PARTITION BY LIST (k); CREATE TABLE SCHEMA.p1 PARTITION OF SCHEMA.p FOR VALUES IN (1); CREATE TABLE SCHEMA.p2 PARTITION OF SCHEMA.p FOR VALUES IN (2); GRANT ALL ON SCHEMA.p TO PUBLIC;"
    . "CREATE FUNCTION SCHEMA.tell(v text) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', v; RETURN true; END\$\$; CREATE DOMAIN SCHEMA.d AS int CHECK (SCHEMA.tell($reads)); CREATE TYPE SCHEMA.c AS (k SCHEMA.d);"
    . "CREATE FUNCTION SCHEMA.prunes() RETURNS int STABLE LANGUAGE plpgsql AS \$\$DECLARE v text; BEGIN PERFORM set_config('x.n', (current_setting('x.n')::int + 1)::text, false); IF current_setting('x.n')::int > 2 THEN v := $reads; RAISE NOTICE '%', v; END IF; RETURN 1; END\$\$; RESET ROLE;" }
my $explain = 'SET x.n = 0; EXPLAIN SELECT FROM SCHEMA.p WHERE k = SCHEMA.prunes()';
my $ag = 'CREATE AGGREGATE SCHEMA.ag(int) (SFUNC = int4larger, STYPE = int, FINALFUNC = SCHEMA.pay);';
my $speaks = 'CREATE FUNCTION SCHEMA.pay(n int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'MARKER\'; RETURN \'a\'; END$$;';
my $parts = "$as_mallory CREATE TABLE SCHEMA.parts (id int) PARTITION BY RANGE (SCHEMA.pay(id)); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.parts FOR VALUES FROM ('a') TO ('b'); GRANT ALL ON SCHEMA.parts, SCHEMA.part TO PUBLIC; RESET ROLE;";

my @attacks = (
    # ---- calls ----
    {name => 'in the SELECT list', called(do => 'SELECT SCHEMA.pay(id) FROM SCHEMA.t')},
    {name => 'by a superuser', called(as => 'dba', do => 'SELECT SCHEMA.pay(1)', twin_as => 'exempt_dba')},
    {name => 'in WHERE', called(do => 'SELECT $$MARKER$$ FROM SCHEMA.t WHERE SCHEMA.pay(id) > $$A$$')},
    {name => 'in FROM', called(do => 'SELECT * FROM SCHEMA.pay(1)')},
    {name => 'in ORDER BY of a limited query', called(do => 'SELECT $$MARKER$$ FROM SCHEMA.t ORDER BY SCHEMA.pay(id) LIMIT 1')},
    {name => 'in LIMIT', called(do => 'SELECT $$MARKER$$ LIMIT length(SCHEMA.pay(1))')},
    {name => 'folded while planning', called(do => 'EXPLAIN (VERBOSE) SELECT SCHEMA.pay(1)')},
    {name => 'inlined', called(before => "$inline $t", off => 'execute', do => 'SELECT SCHEMA.pay(id) FROM SCHEMA.t')},
    {name => 'inside an inlined function', called(do => 'SELECT SCHEMA.wrap(id) FROM SCHEMA.t',
        before => "$pay $t $as_mallory CREATE FUNCTION SCHEMA.wrap(int) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT SCHEMA.pay(\$1)'; RESET ROLE;")},
    {name => 'of a guarded set-returning function', called(guards => 'function SCHEMA.rows()', do => 'SELECT * FROM SCHEMA.rows()',
        before => 'CREATE FUNCTION SCHEMA.rows() RETURNS SETOF text STABLE LANGUAGE sql AS $$VALUES (\'MARKER\')$$;')},
    {name => 'CALL', called(guards => 'procedure SCHEMA.run()', do => 'CALL SCHEMA.run()',
        before => 'CREATE PROCEDURE SCHEMA.run() LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'MARKER\'; END$$;')},
    {name => 'CALL with a default that calls it', called(do => 'CALL SCHEMA.run()',
        before => "$pay $as_mallory CREATE PROCEDURE SCHEMA.run(x text DEFAULT SCHEMA.pay(1)) LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', x; END\$\$; RESET ROLE;")},
    {name => 'as a trigger', called(guards => 'function SCHEMA.fired()', do => 'INSERT INTO SCHEMA.mine VALUES (1)',
        before => "CREATE FUNCTION SCHEMA.fired() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE 'MARKER'; RETURN new; END\$\$; $mine CREATE TRIGGER fired BEFORE INSERT ON SCHEMA.mine FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired(); RESET ROLE;")},
    {name => 'as an operator', called(do => 'SELECT OPERATOR(SCHEMA.!!!) 1',
        before => "$pay $as_mallory CREATE OPERATOR SCHEMA.!!! (RIGHTARG = int, FUNCTION = SCHEMA.pay); RESET ROLE;")},
    {name => 'as a cast', called(guards => 'function SCHEMA.as_text(SCHEMA.odd)', do => 'SELECT ROW(1)::SCHEMA.odd::text',
        before => 'CREATE TYPE SCHEMA.odd AS (n int); CREATE FUNCTION SCHEMA.as_text(SCHEMA.odd) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$; CREATE CAST (SCHEMA.odd AS text) WITH FUNCTION SCHEMA.as_text(SCHEMA.odd);')},
    {name => 'as a cast of plpgsql\'s', called(guards => 'function SCHEMA.as_text(SCHEMA.odd)', do => 'DO $$DECLARE o SCHEMA.odd := ROW(1); x text; BEGIN x := o; RAISE NOTICE \'%\', x; END$$',
        before => 'CREATE TYPE SCHEMA.odd AS (n int); CREATE FUNCTION SCHEMA.as_text(SCHEMA.odd) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$; CREATE CAST (SCHEMA.odd AS text) WITH FUNCTION SCHEMA.as_text(SCHEMA.odd) AS ASSIGNMENT;')},
    {name => 'as a DEFAULT', called(do => 'INSERT INTO SCHEMA.mine (id) VALUES (1) RETURNING v',
        before => "$pay $mine ALTER TABLE SCHEMA.mine ALTER v SET DEFAULT SCHEMA.pay(1); RESET ROLE;")},
    {name => 'as a DEFAULT of COPY', called(do => 'COPY SCHEMA.mine (id) FROM PROGRAM \'echo 1\'', as => 'dba', twin_as => 'exempt_dba', happened => 'SELECT v FROM SCHEMA.mine',
        before => "$pay $mine ALTER TABLE SCHEMA.mine ALTER v SET DEFAULT SCHEMA.pay(1); RESET ROLE;")},
    {name => 'as a DEFAULT of ALTER TABLE', called(do => 'CREATE TEMP TABLE x AS SELECT 1 AS a; ALTER TABLE x ADD v text DEFAULT SCHEMA.pay(1); SELECT v FROM x')},
    {name => 'as a generated column', called(do => 'INSERT INTO SCHEMA.mine (id) VALUES (1) RETURNING g',
        before => "$pay $mine ALTER TABLE SCHEMA.mine ADD g text GENERATED ALWAYS AS (SCHEMA.pay(id)) STORED; RESET ROLE;")},
    {name => 'as a domain\'s CHECK', called(do => 'SELECT \'MARKER\'::SCHEMA.d', before => "$pay $as_mallory CREATE DOMAIN SCHEMA.d AS text CHECK (SCHEMA.pay(1) = VALUE); RESET ROLE;")},
    {name => 'as an index expression', called(do => 'INSERT INTO SCHEMA.mine VALUES (1); SELECT $$MARKER$$ FROM SCHEMA.mine',
        before => "$pay $mine CREATE INDEX ON SCHEMA.mine (SCHEMA.pay(id)); RESET ROLE;")},
    {name => 'as a row security policy', called(do => 'SELECT $$MARKER$$ FROM SCHEMA.mine',
        before => "$pay $mine INSERT INTO SCHEMA.mine VALUES (1); ALTER TABLE SCHEMA.mine ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.mine USING (SCHEMA.pay(id) > ''); RESET ROLE;", as => 'bob')},
    {name => 'in a rule', called(do => 'INSERT INTO SCHEMA.mine VALUES (1)',
        before => "$pay $mine CREATE RULE r AS ON INSERT TO SCHEMA.mine DO INSTEAD SELECT SCHEMA.pay(1); RESET ROLE;")},
    {name => 'as an aggregate', called(guards => 'aggregate SCHEMA.all_of(text)', do => 'SELECT SCHEMA.all_of($$MARKER$$)',
        before => 'CREATE AGGREGATE SCHEMA.all_of(text) (SFUNC = textcat, STYPE = text, INITCOND = \'\');')},
    {name => 'as a guarded aggregate over a window', called(guards => 'aggregate SCHEMA.all_of(text)', do => 'SELECT SCHEMA.all_of($$MARKER$$) OVER ()',
        before => 'CREATE AGGREGATE SCHEMA.all_of(text) (SFUNC = textcat, STYPE = text, INITCOND = \'\');')},
    {name => 'as the step of one\'s own aggregate', called(guards => '"function SCHEMA.step(text, integer)"', do => 'SELECT SCHEMA.steps(id) FROM SCHEMA.t',
        before => "$t CREATE FUNCTION SCHEMA.step(text, int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN 'MARKER'; END\$\$; $as_mallory CREATE AGGREGATE SCHEMA.steps(int) (SFUNC = SCHEMA.step, STYPE = text, INITCOND = ''); RESET ROLE;")},
    {name => 'as the end of one\'s own aggregate', called(do => 'SELECT SCHEMA.ends(id) FROM SCHEMA.t',
        before => "$pay $t $as_mallory CREATE AGGREGATE SCHEMA.ends(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', FINALFUNC = SCHEMA.pay); RESET ROLE;")},
    {name => 'in DO', called(do => 'DO $$BEGIN RAISE NOTICE \'%\', SCHEMA.pay(1); END$$')},
    {name => 'in DO, assembled', called(do => 'DO $$DECLARE x text; BEGIN EXECUTE \'SELECT SCHEMA.pay(1)\' INTO x; RAISE NOTICE \'%\', x; END$$')},
    {name => 'in DO, swallowed first', called(do => 'DO $$BEGIN BEGIN PERFORM SCHEMA.pay(1); EXCEPTION WHEN insufficient_privilege THEN NULL; END; RAISE NOTICE \'%\', SCHEMA.pay(1); END$$')},
    {name => 'by a SECURITY DEFINER function of the owner', called(do => 'SELECT SCHEMA.definer()',
        before => "$pay SET ROLE owner; CREATE FUNCTION SCHEMA.definer() RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN RETURN SCHEMA.pay(1); END'; RESET ROLE;")},
    {name => 'in a view', called(do => 'SELECT * FROM SCHEMA.v', before => "$pay CREATE VIEW SCHEMA.v AS SELECT SCHEMA.pay(1); GRANT SELECT ON SCHEMA.v TO PUBLIC;")},
    {name => 'in a parallel worker', called(do => "$parallel SELECT SCHEMA.pay(id) FROM SCHEMA.t")},
    {name => 'of a function in a parallel worker', called(do => "$parallel SELECT SCHEMA.wrap(id) FROM SCHEMA.t",
        before => "$pay $t $as_mallory CREATE FUNCTION SCHEMA.wrap(int) RETURNS text IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS 'BEGIN RETURN SCHEMA.pay(\$1); END'; RESET ROLE;")},
    {name => 'as a text that is a query', called(do => 'SELECT query_to_xml($$SELECT SCHEMA.pay(1)$$, true, true, $$$$)')},
    {name => 'in a cursor', called(do => 'BEGIN; DECLARE c CURSOR FOR SELECT SCHEMA.pay(1); FETCH ALL FROM c')},
    {name => 'COPY of a query', called(do => 'COPY (SELECT SCHEMA.pay(1)) TO STDOUT')},
    # ---- riding on somebody's approval ----
    {name => 'a function in the approved person\'s statement', called(as => 'alice', approved => '{ALL}', objects => $g, off => 'owner_stack', do => 'SELECT SCHEMA.ride()', twin => 'SELECT SCHEMA.pay(1)', twin_as => 'alice',
        before => "$pay $as_mallory CREATE FUNCTION SCHEMA.ride() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN SCHEMA.pay(1); END'; RESET ROLE;")},
    {name => 'a view in the approved person\'s statement', called(as => 'alice', approved => '{ALL}', objects => $g, off => 'unsigned_text,unplanned_texts', do => 'SELECT * FROM SCHEMA.ride', twin => 'SELECT SCHEMA.pay(1)', twin_as => 'alice',
        before => "$pay $as_mallory CREATE VIEW SCHEMA.ride AS SELECT SCHEMA.pay(1); GRANT SELECT ON SCHEMA.ride TO PUBLIC; RESET ROLE;")},
    {name => 'a DEFAULT in the approved person\'s statement', called(as => 'alice', approved => '{ALL}', objects => $g, off => 'default_texts,unplanned_texts', do => 'INSERT INTO SCHEMA.mine (id) VALUES (1)', happened => 'SELECT v FROM SCHEMA.mine', twin => 'SELECT SCHEMA.pay(1)', twin_as => 'alice',
        before => "$pay $mine ALTER TABLE SCHEMA.mine ALTER v SET DEFAULT SCHEMA.pay(1); RESET ROLE;")},
    # vector 270: more of what others wrote into the statement
    {name => 'a rule in the approved person\'s statement', called(@ridden, do => 'INSERT INTO SCHEMA.mine VALUES (1)', happened => 'SELECT v FROM SCHEMA.loot',
        before => "$pay $loot $mine CREATE RULE r AS ON INSERT TO SCHEMA.mine DO ALSO INSERT INTO SCHEMA.loot SELECT SCHEMA.pay(1); RESET ROLE;")},
    {name => 'the default of an argument', called(@ridden, do => 'SELECT SCHEMA.f()', happened => 'SELECT v FROM SCHEMA.loot',
        before => "$pay $loot $as_mallory CREATE FUNCTION SCHEMA.f(v text DEFAULT SCHEMA.pay(1)) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (v); RETURN 1; END'; RESET ROLE;")},
    {name => 'the same, not folded', called(@ridden, do => 'SELECT SCHEMA.f()', happened => 'SELECT v FROM SCHEMA.loot',
        before => "$pay ALTER FUNCTION SCHEMA.pay VOLATILE; $loot $as_mallory CREATE FUNCTION SCHEMA.f(v text DEFAULT SCHEMA.pay(1)) RETURNS int LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (v); RETURN 1; END'; RESET ROLE;")},
    {name => 'the default of a domain', called(@ridden, do => 'INSERT INTO SCHEMA.mine (id) VALUES (1)', happened => 'SELECT v FROM SCHEMA.mine',
        before => "$pay $as_mallory CREATE DOMAIN SCHEMA.d AS text DEFAULT SCHEMA.pay(1); CREATE TABLE SCHEMA.mine (id int, v SCHEMA.d); GRANT ALL ON SCHEMA.mine TO PUBLIC; RESET ROLE;")},
    {name => 'the default of a view', called(@ridden, do => 'INSERT INTO SCHEMA.w (id) VALUES (1)', happened => 'SELECT v FROM SCHEMA.mine',
        before => "$pay $mine CREATE VIEW SCHEMA.w AS SELECT id, v FROM SCHEMA.mine; ALTER VIEW SCHEMA.w ALTER v SET DEFAULT SCHEMA.pay(1); GRANT ALL ON SCHEMA.w TO PUBLIC; RESET ROLE;")},
    # vector 285: what no plan shows
    {name => 'the condition of a trigger', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)',
        before => "$log $mine CREATE TRIGGER fires BEFORE INSERT ON SCHEMA.mine FOR EACH ROW WHEN (SCHEMA.log(SCHEMA.pay(NEW.id))) EXECUTE FUNCTION SCHEMA.noop(); RESET ROLE;")},
    {name => 'a CHECK of a table', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', before => "$log $mine ALTER TABLE SCHEMA.mine ADD CHECK (SCHEMA.log(SCHEMA.pay(id))); RESET ROLE;",
        twin => 'CREATE TEMP TABLE own (id int CHECK (SCHEMA.pay(id) > $$A$$)); INSERT INTO own VALUES (1); SELECT $$MARKER$$ FROM own')},
    {name => 'a CHECK of a table, put together', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', before => "$log $mine ALTER TABLE SCHEMA.mine ADD CHECK (SCHEMA.log(SCHEMA.pay(CASE WHEN 1 > 2 THEN id ELSE 1 END))); RESET ROLE;")},
    {name => 'a CHECK of a table, by an operator', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', before => "$log $mine CREATE OPERATOR SCHEMA.!!! (RIGHTARG = int, FUNCTION = SCHEMA.pay); ALTER TABLE SCHEMA.mine ADD CHECK (SCHEMA.log(OPERATOR(SCHEMA.!!!) id)); RESET ROLE;")},
    {name => 'a CHECK of a partition', written(do => 'INSERT INTO SCHEMA.parts VALUES (1)',
        before => "$log RESET ROLE; CREATE TABLE SCHEMA.parts (id int, v text) PARTITION BY LIST (id); ALTER TABLE SCHEMA.parts OWNER TO alice; CREATE TABLE SCHEMA.mine (id int, v text, CHECK (SCHEMA.log(SCHEMA.pay(id)))); ALTER TABLE SCHEMA.parts ATTACH PARTITION SCHEMA.mine FOR VALUES IN (1); ALTER TABLE SCHEMA.mine OWNER TO mallory;")},
    {name => 'a CHECK of a domain', written(do => 'SELECT 1::SCHEMA.d', before => "$log CREATE DOMAIN SCHEMA.d AS int CHECK (SCHEMA.log(SCHEMA.pay(VALUE))); RESET ROLE;")},
    {name => 'a CHECK of a domain, of a constant', written(do => 'SELECT 1::SCHEMA.d', before => "$log CREATE DOMAIN SCHEMA.d AS int CHECK (SCHEMA.log(SCHEMA.pay(7)) AND VALUE > 0); RESET ROLE;")},
    {name => 'a generated column', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', happened => 'SELECT g FROM SCHEMA.mine', before => "$log $mine ALTER TABLE SCHEMA.mine ADD g text GENERATED ALWAYS AS (SCHEMA.pay(id)) STORED; RESET ROLE;")},
    {name => 'an index expression', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', happened => 'SELECT 1', before => "$log $mine CREATE INDEX ON SCHEMA.mine (SCHEMA.says(SCHEMA.pay(id))); RESET ROLE;")},
    {name => 'the condition of an index', written(do => 'INSERT INTO SCHEMA.mine VALUES (1)', happened => 'SELECT 1', before => "$log $mine CREATE INDEX ON SCHEMA.mine (id) WHERE SCHEMA.says(SCHEMA.pay(id)) > ''; RESET ROLE;")},
    # vector 314: an aggregate is text of its owner's
    {name => 'an aggregate in somebody\'s view', written(do => 'SELECT * FROM SCHEMA.ride', happened => 'SELECT 1', before => "$pay $as_mallory $ag CREATE VIEW SCHEMA.ride AS SELECT SCHEMA.ag(a) FROM generate_series(1, 2) a; GRANT SELECT ON SCHEMA.ride TO PUBLIC; RESET ROLE;")},
    {name => 'the same as a window function', written(do => 'SELECT * FROM SCHEMA.ride', happened => 'SELECT 1', before => "$pay $as_mallory $ag CREATE VIEW SCHEMA.ride AS SELECT SCHEMA.ag(a) OVER () FROM generate_series(1, 2) a; GRANT SELECT ON SCHEMA.ride TO PUBLIC; RESET ROLE;")},
    {name => 'somebody\'s aggregate, called by the person', written(do => 'SELECT SCHEMA.ag(a) FROM generate_series(1, 2) a', happened => 'SELECT 1', before => "$pay $as_mallory $ag RESET ROLE;",
        twin => 'CREATE AGGREGATE SCHEMA.hers(int) (SFUNC = int4larger, STYPE = int, FINALFUNC = SCHEMA.pay); SELECT SCHEMA.hers(a) FROM generate_series(1, 2) a')},
    {name => 'the owner\'s aggregate in somebody\'s view', written(do => 'SELECT * FROM SCHEMA.ride', happened => 'SELECT 1', before => "$pay $ag $as_mallory CREATE VIEW SCHEMA.ride AS SELECT SCHEMA.ag(a) FROM generate_series(1, 2) a; GRANT SELECT ON SCHEMA.ride TO PUBLIC; RESET ROLE;",
        twin => 'SELECT SCHEMA.ag(a) FROM generate_series(1, 2) a')},
    # vector 315
    {name => 'the key of a partitioned table', written(do => 'INSERT INTO SCHEMA.parts VALUES (1)', happened => 'SELECT 1', before => "$speaks $parts",
        twin => 'CREATE TABLE SCHEMA.hers (id int) PARTITION BY RANGE (SCHEMA.pay(id)); CREATE TABLE SCHEMA.her1 PARTITION OF SCHEMA.hers FOR VALUES FROM ($$a$$) TO ($$b$$); INSERT INTO SCHEMA.hers VALUES (1)')},
    {name => 'the key of a partitioned table, by way of its partition', written(do => 'INSERT INTO SCHEMA.part VALUES (1)', happened => 'SELECT 1', before => "$speaks $parts")},
    # vector 316
    {name => 'the function of a trigger', called(@ridden, guards => 'function SCHEMA.fired()', objects => 'function SCHEMA.fired()', off => 'unplanned_texts', do => 'INSERT INTO SCHEMA.mine VALUES (1)',
        before => "CREATE FUNCTION SCHEMA.fired() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE 'MARKER'; RETURN new; END\$\$; $mine CREATE TRIGGER fired BEFORE INSERT ON SCHEMA.mine FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired(); RESET ROLE;",
        twin => 'CREATE TABLE SCHEMA.hers (id int); CREATE TRIGGER fired BEFORE INSERT ON SCHEMA.hers FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired(); INSERT INTO SCHEMA.hers VALUES (1)')},
    # vector 317
    {name => 'the default of a domain, in the person\'s table', written(do => 'CREATE TABLE SCHEMA.hers (id int, v SCHEMA.d); INSERT INTO SCHEMA.hers (id) VALUES (1) RETURNING v', happened => 'SELECT 1',
        before => "$pay $as_mallory CREATE DOMAIN SCHEMA.d AS text DEFAULT SCHEMA.pay(1); RESET ROLE;",
        twin => 'CREATE DOMAIN SCHEMA.hd AS text DEFAULT SCHEMA.pay(1); CREATE TABLE SCHEMA.hers (id int, v SCHEMA.hd); INSERT INTO SCHEMA.hers (id) VALUES (1) RETURNING v')},
    # ---- commands ----
    {name => 'CREATE OR REPLACE FUNCTION', command(guards => $g, before => $pay, do => 'CREATE OR REPLACE FUNCTION SCHEMA.pay(n int) RETURNS text LANGUAGE sql AS \'SELECT $$new$$\'', happened => 'SELECT $$MARKER$$ FROM pg_proc WHERE oid = $$SCHEMA.pay(int)$$::regprocedure AND prosrc LIKE $$%new%$$')},
    {name => 'ALTER FUNCTION', command(guards => $g, before => $pay, do => 'ALTER FUNCTION SCHEMA.pay(int) SECURITY DEFINER; SELECT $$MARKER$$ FROM pg_proc WHERE oid = $$SCHEMA.pay(int)$$::regprocedure AND prosecdef')},
    {name => 'GRANT of a function', command(guards => $g, before => $pay, do => 'GRANT EXECUTE ON FUNCTION SCHEMA.pay(int) TO nobody; SELECT $$MARKER$$ FROM pg_proc WHERE oid = $$SCHEMA.pay(int)$$::regprocedure AND proacl::text ~ $$nobody$$')},
    {name => 'DROP FUNCTION', command(guards => $g, before => $pay, do => 'DROP FUNCTION SCHEMA.pay(int); SELECT $$MARKER$$ WHERE to_regprocedure($$SCHEMA.pay(int)$$) IS NULL')},
    {name => 'DROP OWNED', command(guards => $g, before => "SET ROLE owner; $pay RESET ROLE;", before_guard => 'ALTER TABLE SCHEMA.secret OWNER TO postgres', do => 'BEGIN; DROP OWNED BY owner; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'ALTER SCHEMA', command(guards => 'schema SCHEMA', do => 'BEGIN; ALTER schema SCHEMA RENAME TO gone; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'GRANT of a schema', command(guards => 'schema SCHEMA', do => 'BEGIN; GRANT ALL ON schema SCHEMA TO nobody; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'CREATE in a schema', command(guards => 'schema SCHEMA', as => 'mallory', do => 'CREATE VIEW SCHEMA.x AS SELECT $$MARKER$$ AS m; SELECT * FROM SCHEMA.x')},
    {name => 'ALTER TYPE', command(guards => 'type SCHEMA.mood', before => 'CREATE TYPE SCHEMA.mood AS ENUM ($$a$$);', do => 'ALTER TYPE SCHEMA.mood RENAME VALUE $$a$$ TO $$MARKER$$; SELECT enum_range(NULL::SCHEMA.mood)')},
    {name => 'DROP TYPE', command(guards => 'type SCHEMA.mood', before => 'CREATE TYPE SCHEMA.mood AS ENUM ($$a$$);', do => 'DROP TYPE SCHEMA.mood; SELECT $$MARKER$$ WHERE to_regtype($$SCHEMA.mood$$) IS NULL')},
    {name => 'GRANT of a type', command(guards => 'type SCHEMA.mood', before => 'CREATE TYPE SCHEMA.mood AS ENUM ($$a$$);', do => 'BEGIN; GRANT USAGE ON TYPE SCHEMA.mood TO nobody; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'ALTER SEQUENCE', command(guards => 'sequence SCHEMA.q', before => 'CREATE SEQUENCE SCHEMA.q;', do => 'BEGIN; ALTER SEQUENCE SCHEMA.q RESTART 77; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'ALTER TABLE of a sequence', command(guards => 'sequence SCHEMA.q', before => 'CREATE SEQUENCE SCHEMA.q;', do => 'BEGIN; ALTER TABLE SCHEMA.q OWNER TO nobody; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'GRANT of a sequence', command(guards => 'sequence SCHEMA.q', before => 'CREATE SEQUENCE SCHEMA.q;', do => 'BEGIN; GRANT ALL ON ALL SEQUENCES IN schema SCHEMA TO nobody; SELECT $$MARKER$$; ROLLBACK')},
    {name => 'DROP SEQUENCE', command(guards => 'sequence SCHEMA.q', before => 'CREATE SEQUENCE SCHEMA.q;', do => 'BEGIN; DROP SEQUENCE SCHEMA.q; SELECT $$MARKER$$; ROLLBACK')},
    # vector 275: what a command takes of a type that stays
    {name => 'DROP FUNCTION with a CHECK of a guarded domain', cascade(guards => 'domain SCHEMA.d', before_guard => 'CREATE DOMAIN SCHEMA.d AS text CHECK (SCHEMA.leak(value) > $$$$)', happened => $has->('NOT EXISTS (SELECT FROM pg_constraint WHERE contypid = $$SCHEMA.d$$::regtype)'))},
    {name => 'DROP TYPE with an attribute of a guarded type', cascade(guards => 'type SCHEMA.pair', set_up => 'CREATE TYPE SCHEMA.mood AS ENUM ($$a$$);', before_guard => 'CREATE TYPE SCHEMA.pair AS (a int, b SCHEMA.mood)', do => 'DROP TYPE SCHEMA.mood CASCADE', happened => $has->('NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $$SCHEMA.pair$$::regclass AND attname = $$b$$)'))},
    # vector 305: privileges that DROP OWNED takes
    {name => 'DROP OWNED of a role with a privilege on a function', command(guards => $g, off => 'owned_privileges', before => "$pay CREATE ROLE \"SCHEMA role\"; GRANT EXECUTE ON FUNCTION SCHEMA.pay(int) TO \"SCHEMA role\";", do => 'DROP OWNED BY "SCHEMA role"',
        happened => $has->('NOT (SELECT proacl::text ~ $$role$$ FROM pg_proc WHERE oid = $$SCHEMA.pay(int)$$::regprocedure)'))},
    {name => 'DROP OWNED of a role with a privilege on a large object', command(guards => 'large object NUMBER', off => 'owned_privileges', before => "$lo CREATE ROLE \"SCHEMA role\"; GRANT SELECT ON LARGE OBJECT NUMBER TO \"SCHEMA role\";", do => 'DROP OWNED BY "SCHEMA role"',
        happened => $has->('NOT (SELECT lomacl::text ~ $$role$$ FROM pg_largeobject_metadata WHERE oid = NUMBER)'))},
    # vector 276
    {name => 'REASSIGN OWNED of a large object', as => 'dba', twin_as => 'exempt_dba', guards => 'large object NUMBER', off => 'reassigned', before => "$lo CREATE ROLE \"SCHEMA role\"; ALTER LARGE OBJECT NUMBER OWNER TO \"SCHEMA role\";",
        do => 'REASSIGN OWNED BY "SCHEMA role" TO bob', happened => $has->('EXISTS (SELECT FROM pg_largeobject_metadata WHERE oid = NUMBER AND lomowner = $$bob$$::regrole)')},
    # vector 277: sequences that belong to no table
    {name => 'DROP schema with a sequence', as => 'dba', twin_as => 'exempt_dba', off => 'free_sequences', before_guard => 'CREATE schema "SCHEMA part"; CREATE SEQUENCE "SCHEMA part".q;', guards => '"sequence \"SCHEMA part\".q"',
        do => 'DROP schema "SCHEMA part" CASCADE', happened => $has->('to_regclass($$"SCHEMA part".q$$) IS NULL')},
    {name => 'DROP OWNED with a sequence', as => 'dba', twin_as => 'exempt_dba', off => 'free_sequences', before => "$q CREATE ROLE \"SCHEMA role\"; GRANT ALL ON schema SCHEMA TO \"SCHEMA role\"; ALTER SEQUENCE SCHEMA.q OWNER TO \"SCHEMA role\";", guards => 'sequence SCHEMA.q',
        do => 'DROP OWNED BY "SCHEMA role"', happened => $has->('to_regclass($$SCHEMA.q$$) IS NULL')},
    # vector 278
    {name => 'GRANT on all sequences', as => 'dba', twin_as => 'exempt_dba', off => 'all_sequences', before_guard => 'CREATE schema "SCHEMA part"; CREATE SEQUENCE "SCHEMA part".q;', guards => '"sequence \"SCHEMA part\".q"',
        do => 'GRANT ALL ON ALL SEQUENCES IN schema "SCHEMA part" TO nobody', happened => $has->('has_sequence_privilege($$nobody$$, $$"SCHEMA part".q$$, $$USAGE$$)')},
    # ---- values of sequences ----
    {name => 'nextval()', value(do => 'SELECT $$MARKER$$ WHERE nextval($$SCHEMA.q$$) > 0')},
    {name => 'nextval() of the owner', value(as => 'owner', do => 'SELECT $$MARKER$$ WHERE nextval($$SCHEMA.q$$) > 0')},
    {name => 'setval()', value(as => 'dba', do => 'SELECT setval($$SCHEMA.q$$, 77)', happened => 'SELECT $$MARKER$$ FROM SCHEMA.q WHERE last_value = 77', twin_as => 'exempt_dba')},
    {name => 'setval() in DO', value(as => 'dba', do => 'DO $$DECLARE n bigint := setval(\'SCHEMA.q\', 77, false); BEGIN END$$', happened => 'SELECT $$MARKER$$ FROM SCHEMA.q WHERE last_value = 77', twin_as => 'exempt_dba')},
    {name => 'the sequence as a table', value(off => $gate, do => 'SELECT $$MARKER$$ FROM SCHEMA.q')},
    {name => 'pg_sequences', value(do => 'SELECT $$MARKER$$ FROM pg_sequences WHERE schemaname = $$SCHEMA$$ AND last_value > 0', before => "$q SELECT nextval('SCHEMA.q');", refused => 0)},
    {name => 'nextval() without what stands for it', value(off => 'values', do => 'PREPARE p AS SELECT nextval($1); SET plan_cache_mode = force_generic_plan; EXECUTE p ($$SCHEMA.q$$); SELECT $$MARKER$$ WHERE currval($$SCHEMA.q$$) > 0')},
    {name => 'an argument of EXECUTE', value(off => 'unseen', do => 'PREPARE p AS SELECT $$MARKER$$ WHERE $1 > 0; EXECUTE p (nextval($$SCHEMA.q$$))')},
    {name => 'an argument of CALL', value(off => 'unseen', before => "$q CREATE PROCEDURE SCHEMA.takes(n bigint) LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''MARKER %'', n; END';", do => 'CALL SCHEMA.takes(nextval($$SCHEMA.q$$))')},
    {name => 'a CHECK', value(off => 'unseen', before => "$q $as_mallory CREATE TABLE SCHEMA.mine (id int CHECK (nextval('SCHEMA.q') > 0)); GRANT ALL ON SCHEMA.mine TO PUBLIC; RESET ROLE;", do => 'INSERT INTO SCHEMA.mine VALUES (1); SELECT $$MARKER$$ FROM SCHEMA.mine')},
    {name => 'a WHERE of COPY', value(off => 'unseen', as => 'dba', twin_as => 'exempt_dba', before => "$q CREATE TABLE SCHEMA.mine (id int, n serial);", do => 'COPY SCHEMA.mine (id) FROM PROGRAM \'echo 1\' WHERE nextval($$SCHEMA.q$$) > 0', happened => 'SELECT $$MARKER$$ FROM SCHEMA.mine')},
    # vector 284: what other code in the command draws
    {name => 'an index function beside a serial column', value(off => 'allowed_calls', before => "$q $as_mallory CREATE DOMAIN SCHEMA.d AS int CHECK (nextval('SCHEMA.q') > 0);"
            . "CREATE FUNCTION SCHEMA.draws(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'; CREATE TABLE SCHEMA.mine (id int); INSERT INTO SCHEMA.mine VALUES (1); CREATE INDEX ON SCHEMA.mine (SCHEMA.draws(id));"
            . "CREATE OR REPLACE FUNCTION SCHEMA.draws(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'DECLARE x SCHEMA.d := 1; BEGIN RETURN 1; END'; RESET ROLE; SELECT setval('SCHEMA.q', 1);",
        do => 'ALTER TABLE SCHEMA.mine ADD s serial', happened => 'SELECT $$MARKER$$ FROM SCHEMA.q WHERE last_value > 1', twin_as => 'exempt_dba')},
    {name => 'a second column beside a serial one', value(off => 'unseen', before => "$q $as_mallory CREATE TABLE SCHEMA.mine (id int); INSERT INTO SCHEMA.mine VALUES (1); RESET ROLE;", do => 'ALTER TABLE SCHEMA.mine ADD s serial, ADD n bigint DEFAULT nextval($$SCHEMA.q$$)', happened => 'SELECT $$MARKER$$ FROM SCHEMA.mine WHERE n > 0', twin_as => 'exempt_dba')},
    {name => 'an operator', value(off => 'unseen', before => "$q CREATE OPERATOR SCHEMA.!!! (RIGHTARG = regclass, FUNCTION = nextval);", do => 'SELECT $$MARKER$$ WHERE OPERATOR(SCHEMA.!!!) $$SCHEMA.q$$::regclass > 0')},
    {name => 'another name', value(off => 'value_names', before => "$q CREATE FUNCTION SCHEMA.alias(regclass) RETURNS bigint LANGUAGE internal STRICT AS 'nextval_oid';", do => 'SELECT $$MARKER$$ WHERE SCHEMA.alias($$SCHEMA.q$$) > 0')},
    {name => 'a sequence through an inlined function', value(off => 'values', before => "$q $as_mallory CREATE FUNCTION SCHEMA.wrap() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''SCHEMA.q'')'; RESET ROLE;", do => 'SELECT $$MARKER$$ WHERE SCHEMA.wrap() > 0')},
    # ---- contents of large objects ----
    {name => 'lo_get()', content(do => 'SELECT encode(lo_get(NUMBER), $$escape$$)')},
    {name => 'lo_get() of a part', content(do => 'SELECT encode(lo_get(NUMBER, 0, 6), $$escape$$)')},
    {name => 'lo_open() and loread()', content(do => 'BEGIN; SELECT lo_open(NUMBER, 262144); SELECT encode(loread(0, 100), $$escape$$)')},
    {name => 'lo_put()', content(as => 'dba', twin_as => 'exempt_dba', do => 'SELECT lo_put(NUMBER, 0, $$changed$$)', happened => 'SELECT $$MARKER$$ WHERE lo_get(NUMBER) = $$changed$$')},
    {name => 'lo_export()', content(as => 'dba', twin_as => 'exempt_dba', off => 'unseen', do => 'SELECT lo_export(NUMBER, $$/dev/null$$), $$MARKER$$')},
    {name => 'pg_largeobject', content(as => 'dba', twin_as => 'exempt_dba', off => $gate, do => 'SELECT encode(data, $$escape$$) FROM pg_largeobject WHERE loid = NUMBER')},
    # vector 308: EXPLAIN runs no query, but prunes partitions
    {name => 'lo_get() as EXPLAIN prunes partitions', content(off => 'shown_once', before => $lo . pruned(q{encode(lo_get(NUMBER), 'escape')}), do => $explain)},
    {name => 'lo_put() as EXPLAIN prunes partitions', content(off => 'shown_once', before => $lo . pruned(q{lo_put(NUMBER, 0, 'changed')::text}), as => 'dba', twin_as => 'exempt_dba', do => $explain, happened => 'SELECT $$MARKER$$ WHERE lo_get(NUMBER) = $$changed$$')},
    {name => 'nextval() as EXPLAIN prunes partitions', value(off => 'shown_once', before => $q . pruned(q{'MARKER' || nextval('SCHEMA.q')}), do => $explain)},
    {name => 'lo_get() in the domain of a value that EXPLAIN prunes by', content(off => 'shown_calls', before => $lo . pruned(q{encode(lo_get(NUMBER), 'escape')}), do => 'SET x.n = 1; EXPLAIN SELECT lo_get(NUMBER) FROM SCHEMA.p WHERE k = current_setting($$x.n$$)::SCHEMA.d',
        twin => 'SELECT 1::SCHEMA.d')},
    {name => 'the same in a row', content(off => 'shown_calls', before => $lo . pruned(q{encode(lo_get(NUMBER), 'escape')}), do => 'SET x.n = 1; EXPLAIN SELECT lo_get(NUMBER) FROM SCHEMA.p WHERE k = (format($$(%s)$$, current_setting($$x.n$$))::SCHEMA.c).k',
        twin => 'SELECT 1::SCHEMA.d')},
    {name => 'lo_get() in the domain of a state that a window function starts from', content(off => 'shown_calls', before => $lo . pruned(q{encode(lo_get(NUMBER), 'escape')}) . "CREATE FUNCTION SCHEMA.keeps(s SCHEMA.c, i int) RETURNS SCHEMA.c LANGUAGE plpgsql AS 'BEGIN RETURN s; END';",
        do => 'EXPLAIN SELECT lo_get(NUMBER), SCHEMA.ag(1) OVER ()', after => 'CREATE AGGREGATE SCHEMA.ag(int) (SFUNC = SCHEMA.keeps, STYPE = SCHEMA.c, INITCOND = \'(1)\')', twin => 'SELECT 1::SCHEMA.d')},
    {name => 'lo_get() under another name', content(off => 'value_names', before => "$lo CREATE FUNCTION SCHEMA.alias(oid) RETURNS bytea LANGUAGE internal STRICT AS 'be_lo_get';", do => 'SELECT encode(SCHEMA.alias(NUMBER), $$escape$$)')},
    {name => 'lo_get() in somebody\'s view, under an approval', content(as => 'alice', approved => '{ALL}', objects => 'large object NUMBER', off => 'owner_stack', before => "$lo $as_mallory CREATE VIEW SCHEMA.ride AS SELECT encode(lo_get(NUMBER), 'escape') AS v; GRANT SELECT ON SCHEMA.ride TO PUBLIC; RESET ROLE;",
        do => 'SELECT * FROM SCHEMA.ride', twin => 'SELECT encode(lo_get(NUMBER), $$escape$$)', twin_as => 'alice')},
    {name => 'lo_get() in somebody\'s default, under an approval', content(as => 'alice', approved => '{ALL}', objects => 'large object NUMBER', off => 'owner_stack', before => "$lo $mine ALTER TABLE SCHEMA.mine ALTER v SET DEFAULT encode(lo_get(NUMBER), 'escape'); RESET ROLE;",
        do => 'INSERT INTO SCHEMA.mine (id) VALUES (1)', happened => 'SELECT v FROM SCHEMA.mine', twin => 'SELECT encode(lo_get(NUMBER), $$escape$$)', twin_as => 'alice')},
    {name => 'lo_get() as somebody\'s default argument, under an approval', content(as => 'alice', approved => '{ALL}', objects => 'large object NUMBER', off => 'unseen', before => "$lo $as_mallory CREATE FUNCTION SCHEMA.ride(v bytea DEFAULT lo_get(NUMBER)) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN encode(v, ''escape''); END'; RESET ROLE;",
        do => 'SELECT SCHEMA.ride()', twin => 'SELECT encode(lo_get(NUMBER), $$escape$$)', twin_as => 'alice')},
);
run_attacks(@attacks);

# vector 92
# ---- the fast-path protocol, by which clients read large objects ----
my $node = gate_cluster('objects');
my $admin = JitClient->new($node, 'postgres');
$admin->value(q{SELECT lo_from_bytea(4711, 'secret')});
$admin->value('GRANT ALL ON LARGE OBJECT 4711 TO PUBLIC');
$admin->value('CREATE SEQUENCE pay.numbers; GRANT ALL ON SEQUENCE pay.numbers TO PUBLIC');
$admin->value('CREATE FUNCTION pay.fee(int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 42; END$$');
my %function = map { $_ => $admin->value("SELECT '$_'::regprocedure::oid::int8") }
    'lo_open(oid, int)', 'loread(int, int)', 'lo_get(oid)', 'nextval(regclass)', 'pay.fee(int)';
my $numbers = $admin->value(q{SELECT 'pay.numbers'::regclass::oid::int8});
my $alice = JitClient->new($node, 'alice');
my $answer = $alice->call($function{'pay.fee(int)'}, 1);
is($answer->{result}, '42', 'before it is guarded a function is called by fast path');
$answer = $alice->call($function{'nextval(regclass)'}, $numbers);
is($answer->{result}, '1', 'and a number drawn');
$alice->query('BEGIN');
my $fd = $alice->call($function{'lo_open(oid, int)'}, 4711, 0x40000)->{result};
is($fd, '0', 'and a large object opened');
$admin->value(q{SELECT jit.create_policy('things', '{ALL}', ARRAY['function pay.fee(integer)', 'sequence pay.numbers', 'large object 4711'], eligible => '{staff}', approvers => '{leads}', exempt => '{dan}')});
my $unseen = qr/cannot be called here/;
gate_error($alice->query("SELECT loread($fd, 10)"), '42501', qr/was opened unseen/, 'a descriptor from before the policy reads nothing');
$alice->query('ROLLBACK');
gate_refused($alice->call($function{'pay.fee(int)'}, 1), 'a guarded function by fast path');
gate_error($alice->call($function{'nextval(regclass)'}, $numbers), '42501', $unseen, 'nextval() by fast path');
gate_error($alice->call($function{'lo_get(oid)'}, 4711), '42501', $unseen, 'lo_get() by fast path');
$alice->query('BEGIN');
gate_error($alice->call($function{'lo_open(oid, int)'}, 4711, 0x40000), '42501', $unseen, 'lo_open() by fast path');
$alice->query('ROLLBACK');
my $dan = JitClient->new($node, 'dan');
$dan->query('BEGIN');
$answer = $dan->call($function{'lo_open(oid, int)'}, 4711, 0x40000);
is($answer->{result}, '0', 'who is exempt may') or diag($answer->{error}{M});
gate_rows($dan->query(q{SELECT encode(loread(0, 10), 'escape')}), 'secret', 'and reads on by a query');
$dan->query('COMMIT');
$dan->close if $dan->can('close');
# An approval opens all that is said in a query, and no read outlives it.
my $id = approved($node, 'alice', '10 min', policy => 'things');
is($alice->call($function{'pay.fee(int)'}, 1)->{result}, '42', 'with an approval the function by fast path');
gate_rows($alice->query(q{SELECT nextval('pay.numbers')}), '2', 'the next number by a query');
$alice->query('BEGIN');
gate_rows($alice->query('SELECT lo_open(4711, 262144)'), '0', 'the large object is opened');
gate_rows($alice->query(q{SELECT encode(loread(0, 3), 'escape')}), 'sec', 'and read');
JitClient->new($node, 'carol')->value("SELECT jit.revoke($id)");
$answer = $alice->query(q{SELECT encode(loread(0, 3), 'escape')});
like($answer->{error}{C} // 'rows', qr/^(42501|57014)$/, 'until the approval is taken back');
$alice->query('ROLLBACK');
done_testing();
