# Attacks with commands: COPY, TRUNCATE, LOCK, copies, DDL that runs code over rows, maintenance, row security, publications.
# How they are made is said in t/030_attacks.pl.
use strict;
use warnings;
use JitAttacks;
use PostgreSQL::Test::Utils;
use Test::More;

my $leak = 'CREATE FUNCTION SCHEMA.leak(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'leaked %\', $1; RETURN $1; END$$;';
my $gone = 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret)';
my $parts = 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); INSERT INTO SCHEMA.whole VALUES (7, \'MARKER7\'); GRANT ALL ON SCHEMA.whole, SCHEMA.part TO PUBLIC;';
my $no_part = 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.part)';
my $copied = 'SELECT v FROM SCHEMA.copy';
# An index of the guarded table on a function that its owner makes talk afterwards.
my $talks = 'ALTER FUNCTION SCHEMA.say(text) OWNER TO owner; CREATE INDEX by_say ON SCHEMA.secret (SCHEMA.say(iban)); CREATE OR REPLACE FUNCTION SCHEMA.say(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'said %\', $1; RETURN $1; END$$;';
my $talking = "CREATE FUNCTION SCHEMA.say(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN \$1; END\$\$; $talks";
my $lock = sub { return "BEGIN; LOCK TABLE SCHEMA.$_[0] IN ACCESS EXCLUSIVE MODE; SELECT \$\$MARKER\$\$ FROM pg_locks WHERE relation = 'SCHEMA.secret'::regclass AND mode = 'AccessExclusiveLock'" };
my $top = 'CREATE TABLE SCHEMA.top (id int, iban text); ALTER TABLE SCHEMA.top OWNER TO owner; ALTER TABLE SCHEMA.secret INHERIT SCHEMA.top;';
my $brin = "$talking CREATE INDEX by_brin ON SCHEMA.secret USING brin (SCHEMA.say(iban)); SELECT brin_desummarize_range('SCHEMA.by_brin', 0);";
my $amcheck = "$talking CREATE EXTENSION IF NOT EXISTS amcheck;";
my $mine = 'CREATE TABLE SCHEMA.mine (id int PRIMARY KEY); CREATE INDEX mine_brin ON SCHEMA.mine USING brin (id); ALTER TABLE SCHEMA.mine OWNER TO owner;';
sub looks_after { my ($name, $do, %more) = @_; return {name => $name, as => 'owner', off => 'index_calls', before => $brin, do => $do, twin_as => 'exempt_dba', %more} }
my $has = sub { my ($what) = @_; return "SELECT \$\$MARKER\$\$ WHERE $what" };

my $lost = sub { my ($catalog, $column, $more) = @_; return $has->("NOT EXISTS (SELECT FROM $catalog WHERE $column = \$\$SCHEMA.secret\$\$::regclass" . ($more // '') . ')') };
my $fires = 'CREATE FUNCTION SCHEMA.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;';
my $sees = 'CREATE FUNCTION SCHEMA.sees(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'saw %\', $1; RETURN $1; END$$;';
my $no_trigger = $lost->('pg_trigger', 'tgrelid', ' AND NOT tgisinternal');
sub cascade { return (off => 'lost_parts', set_up => $leak, do => 'DROP FUNCTION SCHEMA.leak(text) CASCADE', @_) }

my @attacks = (
    # ---- vector 75: COPY of a table has no plan ----
    {name => 'COPY table TO', off => 'check_perms', do => 'COPY SCHEMA.secret TO STDOUT'},
    {name => 'COPY of columns', off => 'check_perms', do => 'COPY SCHEMA.secret (iban) TO STDOUT (FORMAT csv)'},
    {name => 'COPY table FROM', as => 'dba', off => 'check_perms', do => "COPY SCHEMA.secret FROM PROGRAM 'echo 9,MARKER9' (FORMAT csv)", happened => 'SELECT iban FROM SCHEMA.secret WHERE id = 9'},
    {name => 'COPY in a DO block', as => 'dba', off => 'check_perms', do => "DO \$\$BEGIN COPY SCHEMA.secret FROM PROGRAM 'echo 9,MARKER9' (FORMAT csv); END\$\$", happened => 'SELECT iban FROM SCHEMA.secret WHERE id = 9', twin_as => 'exempt_dba'},
    # ---- vector 76: COPY of a query, to files and programs ----
    {name => 'COPY (query)', off => 'planner,executor_start,check_perms', do => 'COPY (SELECT iban FROM SCHEMA.secret) TO STDOUT'},
    {name => 'COPY (query) TO PROGRAM with an approval to read', as => 'dba', approved => '{SELECT}', off => 'export', do => 'BEGIN; COPY (SELECT iban FROM SCHEMA.secret) TO PROGRAM \'cat >/dev/null\'; SELECT $$MARKER$$; ROLLBACK'},
    {name => 'COPY table TO PROGRAM with an approval to read', as => 'dba', approved => '{SELECT}', off => 'check_perms', do => 'BEGIN; COPY SCHEMA.secret TO PROGRAM \'cat >/dev/null\'; SELECT $$MARKER$$; ROLLBACK'},
    {name => 'COPY (query) TO PROGRAM in a DO block', as => 'dba', approved => '{SELECT}', off => 'export', do => 'BEGIN; DO $$BEGIN COPY (SELECT iban FROM SCHEMA.secret) TO PROGRAM \'cat >/dev/null\'; END$$; SELECT $$MARKER$$; ROLLBACK'},
    # ---- vector 77, vector 78: TRUNCATE ----
    {name => 'TRUNCATE in a DO block', off => 'object_access', do => 'DO $$BEGIN TRUNCATE SCHEMA.secret; END$$', happened => $gone},
    {name => 'TRUNCATE of a partition by its name', off => 'object_access', before => $parts, guards => 'SCHEMA.whole', do => 'TRUNCATE SCHEMA.part', happened => $no_part},
    {name => 'TRUNCATE of a parent with a guarded partition', off => 'object_access', before => $parts, guards => 'SCHEMA.part', do => 'TRUNCATE SCHEMA.whole', happened => $no_part},
    {name => 'TRUNCATE CASCADE of what it refers to', off => 'object_access', before => 'CREATE TABLE SCHEMA.up (id int PRIMARY KEY); INSERT INTO SCHEMA.up VALUES (1), (7); ALTER TABLE SCHEMA.secret ADD FOREIGN KEY (id) REFERENCES SCHEMA.up; GRANT ALL ON SCHEMA.up TO PUBLIC;',
        do => 'TRUNCATE SCHEMA.up CASCADE', happened => $gone},
    # ---- vector 79: LOCK; vector 153: what a LOCK reaches without naming it ----
    {name => 'LOCK', off => 'utility', do => $lock->('secret')},
    {name => 'LOCK in a function', off => 'utility', set_up => 'CREATE FUNCTION SCHEMA.locks() RETURNS void LANGUAGE plpgsql AS $$BEGIN LOCK SCHEMA.secret IN SHARE MODE; END$$;', do => 'BEGIN; SELECT SCHEMA.locks(); SELECT $$MARKER$$', twin_as => 'carol'},
    {name => 'LOCK of a view over it', off => 'locked', before => 'SET ROLE owner; CREATE VIEW SCHEMA.v AS SELECT iban FROM SCHEMA.secret; GRANT ALL ON SCHEMA.v TO PUBLIC; RESET ROLE;', do => $lock->('v')},
    {name => 'LOCK of a parent of it', off => 'locked', before => 'CREATE TABLE SCHEMA.top (id int, iban text); GRANT ALL ON SCHEMA.top TO PUBLIC; ALTER TABLE SCHEMA.secret INHERIT SCHEMA.top;', do => $lock->('top')},
    # ---- vector 80: copies ----
    {name => 'CREATE TABLE AS', as => 'alice', approved => '{SELECT}', off => 'export', do => 'CREATE TABLE SCHEMA.copy AS SELECT iban AS v FROM SCHEMA.secret', happened => $copied},
    {name => 'SELECT INTO', as => 'alice', approved => '{SELECT}', off => 'export', do => 'SELECT iban AS v INTO SCHEMA.copy FROM SCHEMA.secret', happened => $copied},
    {name => 'CREATE TABLE AS EXECUTE', as => 'alice', approved => '{SELECT}', off => 'export', do => 'PREPARE p AS SELECT iban AS v FROM SCHEMA.secret; CREATE TABLE SCHEMA.copy AS EXECUTE p', happened => $copied},
    {name => 'EXPLAIN ANALYZE CREATE TABLE AS', as => 'alice', approved => '{SELECT}', off => 'export', do => 'BEGIN; EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) CREATE TABLE SCHEMA.copy AS SELECT iban AS v FROM SCHEMA.secret; SELECT $$MARKER$$; ROLLBACK'},
    {name => 'a materialized view', as => 'alice', approved => '{SELECT, CREATE VIEW}', off => 'export', do => 'CREATE MATERIALIZED VIEW SCHEMA.copy AS SELECT iban AS v FROM SCHEMA.secret', happened => $copied},
    {name => 'INSERT … SELECT', as => 'alice', approved => '{SELECT}', off => 'export,planner', set_up => 'CREATE TABLE SCHEMA.copy (v text); GRANT ALL ON SCHEMA.copy TO PUBLIC;', do => 'INSERT INTO SCHEMA.copy SELECT iban FROM SCHEMA.secret', happened => $copied},
    {name => 'a temporary table in a DO block', as => 'alice', approved => '{SELECT}', off => 'export', do => 'DO $$BEGIN CREATE TEMPORARY TABLE copy AS SELECT iban FROM SCHEMA.secret; END$$; SELECT * FROM copy'},
    # ---- vector 82: DDL that runs code over the rows ----
    {name => 'CREATE INDEX on a function', as => 'owner', off => 'utility,attached,read_by_definition', set_up => $leak, do => 'CREATE INDEX ON SCHEMA.secret (SCHEMA.leak(iban))'},
    {name => 'a partial index', as => 'owner', off => 'utility,attached,read_by_definition', set_up => $leak, do => 'CREATE INDEX ON SCHEMA.secret (id) WHERE SCHEMA.leak(iban) > \'\'', twin_as => 'exempt_dba'},
    {name => 'ADD CHECK', as => 'owner', off => 'utility,object_access', set_up => $leak, do => 'ALTER TABLE SCHEMA.secret ADD CHECK (SCHEMA.leak(iban) > \'\')'},
    {name => 'ADD COLUMN with a computed value', as => 'owner', off => 'utility,object_access', set_up => $leak, do => 'ALTER TABLE SCHEMA.secret ADD COLUMN more text GENERATED ALWAYS AS (SCHEMA.leak(iban)) STORED'},
    {name => 'ALTER TYPE USING', as => 'owner', off => 'utility,object_access', set_up => $leak, do => 'ALTER TABLE SCHEMA.secret ALTER iban TYPE text USING SCHEMA.leak(iban)'},
    {name => 'ALTER TABLE of a parent, over a guarded child', as => 'owner', off => 'utility,object_access', set_up => $leak, before => 'CREATE TABLE SCHEMA.top (id int, iban text); ALTER TABLE SCHEMA.top OWNER TO owner; ALTER TABLE SCHEMA.secret INHERIT SCHEMA.top;',
        do => 'ALTER TABLE SCHEMA.top ADD CHECK (SCHEMA.leak(iban) > \'\')'},
    {name => 'CREATE STATISTICS', as => 'owner', off => 'utility,attached', set_up => $leak, do => 'CREATE STATISTICS SCHEMA.s ON SCHEMA.leak(iban), id FROM SCHEMA.secret', happened => $has->('EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = $$SCHEMA.secret$$::regclass)')},
    {name => 'ATTACH PARTITION', as => 'owner', off => 'utility,object_access', set_up => $leak, before => 'CREATE TABLE SCHEMA.whole (id int NOT NULL, iban text) PARTITION BY LIST (SCHEMA.leak(iban)); ALTER TABLE SCHEMA.whole OWNER TO owner;',
        do => 'ALTER TABLE SCHEMA.whole ATTACH PARTITION SCHEMA.secret FOR VALUES IN (\'A plain one\', \'MARKER7\')'},
    # ---- vector 83: domains ----
    {name => 'ALTER DOMAIN ADD CHECK', off => 'utility', set_up => "$leak CREATE DOMAIN SCHEMA.d AS text;", before_guard => 'ALTER TABLE SCHEMA.secret ALTER iban TYPE SCHEMA.d;', do => 'ALTER DOMAIN SCHEMA.d ADD CHECK (SCHEMA.leak(value) > \'\')'},
    {name => 'ALTER DOMAIN VALIDATE CONSTRAINT', off => 'utility', set_up => "$leak CREATE DOMAIN SCHEMA.d AS text; ALTER DOMAIN SCHEMA.d ADD CONSTRAINT c CHECK (SCHEMA.leak(value) > '') NOT VALID;", before_guard => 'SET client_min_messages = error; ALTER TABLE SCHEMA.secret ALTER iban TYPE SCHEMA.d;',
        do => 'ALTER DOMAIN SCHEMA.d VALIDATE CONSTRAINT c'},
    # ---- vector 84: maintenance runs the owner's functions over the rows ----
    {name => 'ANALYZE', as => 'owner', off => 'utility', before => $talking, do => 'ANALYZE SCHEMA.secret', twin_as => 'exempt_dba'},
    {name => 'ANALYZE of everything', as => 'owner', off => 'utility', before => $talking, do => 'ANALYZE', twin_as => 'exempt_dba'},
    {name => 'REINDEX', as => 'owner', off => 'utility', before => $talking, do => 'REINDEX TABLE SCHEMA.secret', twin_as => 'exempt_dba'},
    {name => 'REINDEX of an index', as => 'owner', off => 'utility', before => $talking, do => 'REINDEX INDEX SCHEMA.by_say', twin_as => 'exempt_dba'},
    {name => 'REINDEX of a schema', as => 'dba', off => 'utility', before => $talking, do => 'REINDEX schema SCHEMA', twin_as => 'exempt_dba'},
    {name => 'VACUUM FULL', as => 'owner', off => 'utility', before => $talking, do => 'VACUUM FULL SCHEMA.secret', twin_as => 'exempt_dba'},
    {name => 'CLUSTER', as => 'owner', off => 'utility', before => $talking, do => 'CLUSTER SCHEMA.secret USING secret_pkey', twin_as => 'exempt_dba'},
    # ---- vector 280: functions that run an index over the rows ----
    looks_after('brin_summarize_new_values()', 'SELECT brin_summarize_new_values($$SCHEMA.by_brin$$)'),
    looks_after('brin_summarize_range() of a column', 'SELECT brin_summarize_range(i::regclass, 0) FROM (VALUES ($$SCHEMA.by_brin$$)) v (i)'),
    looks_after('brin_summarize_new_values() in PL/pgSQL', 'DO $$DECLARE n int; BEGIN n := brin_summarize_new_values(\'SCHEMA.by_brin\'); END$$'),
    looks_after('brin_summarize_new_values() in FROM', 'SELECT * FROM brin_summarize_new_values($$SCHEMA.by_brin$$)'),
    looks_after('brin_desummarize_range()', 'SELECT $$MARKER$$ FROM brin_desummarize_range($$SCHEMA.by_brin$$, 0)'),
    looks_after('gin_clean_pending_list()', 'SELECT $$MARKER$$ WHERE gin_clean_pending_list($$SCHEMA.by_gin$$) >= 0', before => q{CREATE INDEX by_gin ON SCHEMA.secret USING gin (to_tsvector('simple', iban));}),
    looks_after('brin_summarize_new_values(), inlined', 'SELECT SCHEMA.wrap($$SCHEMA.by_brin$$)', before => "$brin CREATE FUNCTION SCHEMA.wrap(regclass) RETURNS int LANGUAGE sql AS 'SELECT brin_summarize_new_values(\$1)';"),
    looks_after('the same, parsed before', 'SELECT SCHEMA.wrap($$SCHEMA.by_brin$$)', before => "$brin CREATE FUNCTION SCHEMA.wrap(i regclass) RETURNS int LANGUAGE sql RETURN brin_summarize_new_values(i);"),
    looks_after('brin_summarize_new_values() under another name', 'SELECT SCHEMA.other($$SCHEMA.by_brin$$)', before => "$brin CREATE FUNCTION SCHEMA.other(regclass) RETURNS int LANGUAGE internal STRICT AS 'brin_summarize_new_values';"),
    looks_after('brin_summarize_new_values() as an operator', 'SELECT OPERATOR(SCHEMA.!!) $$SCHEMA.by_brin$$::regclass', before => "$brin CREATE OPERATOR SCHEMA.!! (RIGHTARG = regclass, FUNCTION = brin_summarize_new_values);"),
    looks_after('brin_summarize_new_values() as an argument of CALL', 'CALL SCHEMA.takes(brin_summarize_new_values($$SCHEMA.by_brin$$))', before => "$brin CREATE PROCEDURE SCHEMA.takes(int) LANGUAGE plpgsql AS 'BEGIN END';"),
    looks_after('brin_summarize_new_values() as a condition of COPY', 'COPY SCHEMA.mine FROM PROGRAM \'echo 1\' WHERE brin_summarize_new_values($$SCHEMA.by_brin$$) > 0', as => 'dba', before => "$brin CREATE TABLE SCHEMA.mine (id int);"),
    # vector 308
    looks_after('brin_summarize_new_values() as EXPLAIN prunes partitions', 'SET x.n = 0; EXPLAIN SELECT FROM SCHEMA.p WHERE k = SCHEMA.prunes()', off => 'shown_once', before => "$brin CREATE TABLE SCHEMA.p (k int) PARTITION BY LIST (k); CREATE TABLE SCHEMA.p1 PARTITION OF SCHEMA.p FOR VALUES IN (1); CREATE TABLE SCHEMA.p2 PARTITION OF SCHEMA.p FOR VALUES IN (2); GRANT ALL ON SCHEMA.p TO owner;"
        . "CREATE FUNCTION SCHEMA.prunes() RETURNS int STABLE LANGUAGE plpgsql AS \$\$BEGIN PERFORM set_config('x.n', (current_setting('x.n')::int + 1)::text, false); IF current_setting('x.n')::int > 2 THEN PERFORM brin_summarize_new_values('SCHEMA.by_brin'); END IF; RETURN 1; END\$\$;"),
    looks_after('bt_index_check()', 'SELECT bt_index_check($$SCHEMA.by_say$$, true)', as => 'dba', before => $amcheck),
    looks_after('bt_index_check() by the names of its arguments', 'SELECT bt_index_check(heapallindexed => true, index => c.oid) FROM pg_class c WHERE oid = $$SCHEMA.by_say$$::regclass', as => 'dba', before => $amcheck),
    looks_after('bt_index_parent_check()', 'SELECT bt_index_parent_check($$SCHEMA.by_say$$, true)', as => 'dba', before => $amcheck),
    # Of what nobody guards they run without an approval.
    looks_after('brin_summarize_new_values() again', 'SELECT brin_summarize_new_values($$SCHEMA.by_brin$$)', before => "$brin $mine", twin_as => 'owner', twin => 'SELECT $$MARKER$$ FROM (VALUES ($$SCHEMA.mine_brin$$)) v (i) WHERE brin_summarize_new_values(i::regclass) >= 0'),
    looks_after('the same, inlined', 'SELECT SCHEMA.wrap($$SCHEMA.by_brin$$)', before => "$brin $mine CREATE FUNCTION SCHEMA.wrap(regclass) RETURNS int LANGUAGE sql AS 'SELECT brin_summarize_new_values(\$1)';", twin_as => 'owner', twin => 'SELECT $$MARKER$$ WHERE SCHEMA.wrap($$SCHEMA.mine_brin$$) >= 0'),
    looks_after('bt_index_check() again', 'SELECT $$MARKER$$, bt_index_check($$SCHEMA.by_say$$)', as => 'dba', before => "$amcheck $mine", twin_as => 'dba', twin_plain => 1, twin => 'SELECT $$MARKER$$, bt_index_check(heapallindexed => true, index => c.oid) FROM pg_class c WHERE oid = $$SCHEMA.mine_pkey$$::regclass'),
    looks_after('an approval ridden by a view', 'SELECT * FROM SCHEMA.ride', as => 'dba', approved => '{ALL}', off => 'owner_stack', before => "$brin SET ROLE mallory; CREATE VIEW SCHEMA.ride AS SELECT brin_summarize_new_values('SCHEMA.by_brin'); RESET ROLE;", twin => 'SELECT brin_summarize_new_values($$SCHEMA.by_brin$$)', twin_as => 'dba'),
    # ---- vector 281: of a partitioned index, those of the partitions ----
    {name => 'REINDEX of a partitioned index', as => 'owner', off => 'reindexed_parts', twin_as => 'exempt_dba', guards => 'SCHEMA.part', do => 'REINDEX INDEX SCHEMA.by_part',
        before => "CREATE FUNCTION SCHEMA.say(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN \$1; END\$\$; $parts ALTER TABLE SCHEMA.whole OWNER TO owner; ALTER TABLE SCHEMA.part OWNER TO owner; CREATE INDEX by_part ON SCHEMA.whole (SCHEMA.say(iban)); $talks"},
    # ---- vector 85: materialized views ----
    {name => 'REFRESH MATERIALIZED VIEW by whoever may not', as => 'owner', off => 'planner,executor_start,check_perms,export', before_guard => 'CREATE MATERIALIZED VIEW SCHEMA.copy AS SELECT iban AS v FROM SCHEMA.secret WITH NO DATA; ALTER MATERIALIZED VIEW SCHEMA.copy OWNER TO owner; GRANT SELECT ON SCHEMA.copy TO PUBLIC;',
        do => 'REFRESH MATERIALIZED VIEW SCHEMA.copy', happened => 'SELECT v FROM SCHEMA.copy WHERE (SELECT relispopulated FROM pg_class WHERE oid = $$SCHEMA.copy$$::regclass)'},
    # ---- vector 86: row security ----
    {name => 'ENABLE ROW LEVEL SECURITY', as => 'owner', off => 'utility,object_access', do => 'ALTER TABLE SCHEMA.secret ENABLE ROW LEVEL SECURITY', happened => $has->('(SELECT relrowsecurity FROM pg_class WHERE oid = $$SCHEMA.secret$$::regclass)')},
    {name => 'NO FORCE ROW LEVEL SECURITY', as => 'owner', off => 'utility,object_access', before_guard => 'ALTER TABLE SCHEMA.secret FORCE ROW LEVEL SECURITY', do => 'ALTER TABLE SCHEMA.secret NO FORCE ROW LEVEL SECURITY', happened => $has->('NOT (SELECT relforcerowsecurity FROM pg_class WHERE oid = $$SCHEMA.secret$$::regclass)')},
    {name => 'CREATE POLICY', as => 'owner', off => 'utility,attached', do => 'CREATE POLICY open ON SCHEMA.secret USING (true)', happened => $has->('EXISTS (SELECT FROM pg_policy WHERE polrelid = $$SCHEMA.secret$$::regclass)')},
    {name => 'ALTER POLICY', as => 'owner', off => 'utility,attached', before_guard => 'CREATE POLICY p ON SCHEMA.secret USING (false)', do => 'ALTER POLICY p ON SCHEMA.secret USING (true)', happened => $has->('EXISTS (SELECT FROM pg_policies WHERE schemaname = $$SCHEMA$$ AND qual = $$true$$)')},
    # ---- vector 87: triggers and rules off ----
    {name => 'DISABLE TRIGGER', as => 'owner', off => 'utility,object_access', before_guard => 'CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.secret FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', do => 'ALTER TABLE SCHEMA.secret DISABLE TRIGGER audit',
        happened => $has->('EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $$SCHEMA.secret$$::regclass AND tgenabled = $$D$$)')},
    {name => 'session_replication_role', as => 'dba', off => 'planner,executor_start,check_perms', do => 'SET session_replication_role = replica; SELECT iban FROM SCHEMA.secret'},
    # ---- vector 88: parts of a command ----
    {name => 'a table among the parts of a schema', as => 'dba', off => 'utility,attached', do => 'CREATE schema "SCHEMA part" CREATE TABLE asks (id int REFERENCES SCHEMA.secret)', happened => $has->('to_regclass($$"SCHEMA part".asks$$) IS NOT NULL'), twin_as => 'exempt_dba'},
    # ---- vector 91: remarks ----
    {name => 'COMMENT', as => 'owner', off => 'utility', do => 'COMMENT ON COLUMN SCHEMA.secret.iban IS \'MARKER\'', happened => 'SELECT col_description($$SCHEMA.secret$$::regclass, 2)', twin_as => 'exempt_dba'},
    # ---- vector 98: publications ----
    {name => 'a publication', as => 'dba', off => 'utility', before => 'SET client_min_messages = error;', do => 'SET client_min_messages = error; CREATE PUBLICATION "SCHEMA pub" FOR TABLE SCHEMA.secret', happened => $has->('EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = $$SCHEMA$$ AND tablename = $$secret$$)')},
    {name => 'a publication of a schema', as => 'dba', off => 'utility', do => 'SET client_min_messages = error; CREATE PUBLICATION "SCHEMA pub" FOR TABLES IN schema SCHEMA', happened => $has->('EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = $$SCHEMA$$ AND tablename = $$secret$$)')},
    # ---- what a command on a parent gives of a guarded child ----
    # vector 249: whether a row is there
    {name => 'a foreign key to a parent with a guarded partition', off => 'routed_references', before => $parts =~ s/id int,/id int PRIMARY KEY,/r, guards => 'SCHEMA.part',
        do => 'CREATE TABLE SCHEMA.asks (id int REFERENCES SCHEMA.whole); INSERT INTO SCHEMA.asks VALUES (7)', happened => $has->('EXISTS (SELECT FROM pg_constraint WHERE contype = $$f$$ AND conrelid = to_regclass($$SCHEMA.asks$$))')},
    {name => 'the same by ALTER TABLE', off => 'routed_references', before => $parts =~ s/id int,/id int PRIMARY KEY,/r, guards => 'SCHEMA.part', set_up => 'CREATE TABLE SCHEMA.asks (id int);',
        do => 'ALTER TABLE SCHEMA.asks ADD FOREIGN KEY (id) REFERENCES SCHEMA.whole NOT VALID', happened => $has->('EXISTS (SELECT FROM pg_constraint WHERE contype = $$f$$ AND conrelid = to_regclass($$SCHEMA.asks$$))')},
    # vector 250: whatever analyzes the parent hands the rows to the function
    {name => 'CREATE STATISTICS on a parent', as => 'owner', off => 'routed_statistics', set_up => $leak, before => $top, do => 'CREATE STATISTICS SCHEMA.s ON SCHEMA.leak(iban), id FROM SCHEMA.top', happened => 'ANALYZE SCHEMA.top'},
    # vector 251
    {name => 'a publication of a parent', as => 'dba', off => 'routed_publications', before => $top, do => 'SET client_min_messages = error; CREATE PUBLICATION "SCHEMA pub" FOR TABLE SCHEMA.top',
        happened => $has->('EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = $$SCHEMA$$ AND tablename = $$secret$$)')},
    {name => 'the same by ALTER PUBLICATION', as => 'dba', off => 'routed_publications', before => "$top SET client_min_messages = error; CREATE PUBLICATION \"SCHEMA pub\";", do => 'ALTER PUBLICATION "SCHEMA pub" ADD TABLE SCHEMA.top',
        happened => $has->('EXISTS (SELECT FROM pg_publication_tables WHERE schemaname = $$SCHEMA$$ AND tablename = $$secret$$)'), twin_as => 'exempt_dba'},
    # ---- vector 272: what a command takes of a table that stays ----
    {name => 'DROP FUNCTION with a trigger', cascade(set_up => $fires, before_guard => 'CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.secret FOR EACH ROW EXECUTE FUNCTION SCHEMA.fires()',
        do => 'DROP FUNCTION SCHEMA.fires() CASCADE', happened => $no_trigger)},
    {name => 'the same in a DO block', cascade(set_up => $fires, before_guard => 'CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.secret FOR EACH ROW EXECUTE FUNCTION SCHEMA.fires()',
        do => 'DO $$BEGIN DROP FUNCTION SCHEMA.fires() CASCADE; END$$', happened => $no_trigger, twin_as => 'exempt_dba')},
    {name => 'DROP FUNCTION with a policy', cascade(before_guard => 'CREATE POLICY p ON SCHEMA.secret USING (SCHEMA.leak(iban) > $$$$)', happened => $lost->('pg_policy', 'polrelid'))},
    {name => 'DROP FUNCTION with a rule', cascade(before_guard => 'CREATE RULE r AS ON DELETE TO SCHEMA.secret WHERE SCHEMA.leak(old.iban) > $$$$ DO INSTEAD NOTHING', happened => $lost->('pg_rewrite', 'ev_class'))},
    {name => 'DROP FUNCTION with a CHECK', cascade(before_guard => 'ALTER TABLE SCHEMA.secret ADD CHECK (SCHEMA.leak(iban) > $$$$)', happened => $lost->('pg_constraint', 'conrelid', ' AND contype = $$c$$'))},
    {name => 'DROP FUNCTION with a default', cascade(before_guard => 'ALTER TABLE SCHEMA.secret ALTER iban SET DEFAULT SCHEMA.leak($$x$$)', happened => $lost->('pg_attrdef', 'adrelid'))},
    {name => 'DROP FUNCTION with an index', cascade(before_guard => 'CREATE UNIQUE INDEX one ON SCHEMA.secret (SCHEMA.leak(iban))', happened => $has->('to_regclass($$SCHEMA.one$$) IS NULL'))},
    {name => 'DROP FUNCTION with statistics', cascade(before_guard => 'CREATE STATISTICS SCHEMA.s ON SCHEMA.leak(iban), id FROM SCHEMA.secret', happened => $lost->('pg_statistic_ext', 'stxrelid'))},
    {name => 'DROP TABLE with a foreign key', cascade(set_up => 'CREATE TABLE SCHEMA.up (id int PRIMARY KEY); INSERT INTO SCHEMA.up VALUES (1), (7); GRANT ALL ON SCHEMA.up TO PUBLIC;',
        before_guard => 'ALTER TABLE SCHEMA.secret ADD FOREIGN KEY (id) REFERENCES SCHEMA.up', do => 'DROP TABLE SCHEMA.up CASCADE', happened => $lost->('pg_constraint', 'conrelid', ' AND contype = $$f$$'))},
    {name => 'ALTER TABLE of a key with a foreign key', cascade(set_up => 'CREATE TABLE SCHEMA.up (id int PRIMARY KEY); INSERT INTO SCHEMA.up VALUES (1), (7); GRANT ALL ON SCHEMA.up TO PUBLIC;',
        before_guard => 'ALTER TABLE SCHEMA.secret ADD FOREIGN KEY (id) REFERENCES SCHEMA.up', do => 'ALTER TABLE SCHEMA.up DROP CONSTRAINT up_pkey CASCADE', happened => $lost->('pg_constraint', 'conrelid', ' AND contype = $$f$$'))},
    {name => 'DROP OWNED with a trigger', cascade(as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE ROLE "SCHEMA role"; CREATE FUNCTION SCHEMA.fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$; ALTER FUNCTION SCHEMA.fires() OWNER TO "SCHEMA role"; CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.secret FOR EACH ROW EXECUTE FUNCTION SCHEMA.fires()',
        do => 'DROP OWNED BY "SCHEMA role" CASCADE', happened => $no_trigger)},
    {name => 'DROP schema with a trigger', cascade(before_guard => 'CREATE schema "SCHEMA part" AUTHORIZATION mallory; SET ROLE mallory; CREATE FUNCTION "SCHEMA part".fires() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$; RESET ROLE; CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.secret FOR EACH ROW EXECUTE FUNCTION "SCHEMA part".fires();',
        do => 'DROP schema "SCHEMA part" CASCADE', happened => $no_trigger)},
    {name => 'DROP EXTENSION with a default', cascade(as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE EXTENSION IF NOT EXISTS fuzzystrmatch schema public; ALTER TABLE SCHEMA.secret ALTER iban SET DEFAULT public.soundex($$x$$)',
        do => 'DROP EXTENSION fuzzystrmatch CASCADE', happened => $lost->('pg_attrdef', 'adrelid'))},
    {name => 'DROP TRIGGER of a parent with a guarded partition', cascade(guards => 'SCHEMA.part', set_up => $fires . 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); CREATE TRIGGER audit BEFORE UPDATE ON SCHEMA.whole FOR EACH ROW EXECUTE FUNCTION SCHEMA.fires();',
        do => 'DROP TRIGGER audit ON SCHEMA.whole', happened => $has->('NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = $$SCHEMA.part$$::regclass)'))},
    {name => 'DROP INDEX of a parent with a guarded partition', cascade(guards => 'SCHEMA.part', set_up => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); CREATE INDEX one ON SCHEMA.whole (iban);',
        do => 'DROP INDEX SCHEMA.one', happened => $has->('NOT EXISTS (SELECT FROM pg_index WHERE indrelid = $$SCHEMA.part$$::regclass)'))},
    # vector 273
    {name => 'DROP OWNED with a policy that names the role', off => 'attached', as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE ROLE "SCHEMA role"; CREATE POLICY p ON SCHEMA.secret TO "SCHEMA role", bob USING (false)', do => 'DROP OWNED BY "SCHEMA role"',
        happened => $has->('EXISTS (SELECT FROM pg_policy WHERE polrelid = $$SCHEMA.secret$$::regclass AND cardinality(polroles) = 1)')},
    # vector 305: privileges that it takes
    {name => 'DROP OWNED of a role with a privilege', off => 'owned_privileges', as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE ROLE "SCHEMA role"; GRANT SELECT ON SCHEMA.secret TO "SCHEMA role"', do => 'DROP OWNED BY "SCHEMA role"',
        happened => $has->('NOT has_table_privilege($$SCHEMA role$$, $$SCHEMA.secret$$, $$SELECT$$)')},
    {name => 'DROP OWNED of a role with a privilege on a column', off => 'owned_privileges', as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE ROLE "SCHEMA role"; GRANT SELECT (iban) ON SCHEMA.secret TO "SCHEMA role"', do => 'DO $$BEGIN DROP OWNED BY "SCHEMA role"; END$$',
        happened => $has->('NOT has_column_privilege($$SCHEMA role$$, $$SCHEMA.secret$$, $$iban$$, $$SELECT$$)')},
    # vector 332: the tables of a type change with it
    {name => 'ALTER TYPE of a guarded table\'s type', off => 'typed_tables', as => 'dba', twin_as => 'exempt_dba', guards => 'SCHEMA.typed', before_guard => 'CREATE TYPE SCHEMA.kind AS (a numeric); CREATE TABLE SCHEMA.typed OF SCHEMA.kind',
        do => 'ALTER TYPE SCHEMA.kind ALTER ATTRIBUTE a TYPE int CASCADE', happened => $has->('EXISTS (SELECT FROM pg_attribute WHERE attrelid = $$SCHEMA.typed$$::regclass AND attname = $$a$$ AND atttypid = $$int$$::regtype)')},
    {name => 'RENAME ATTRIBUTE of a guarded table\'s type', off => 'typed_tables', as => 'dba', twin_as => 'exempt_dba', guards => 'SCHEMA.typed', before_guard => 'CREATE TYPE SCHEMA.kind AS (a numeric); CREATE TABLE SCHEMA.typed OF SCHEMA.kind',
        do => 'ALTER TYPE SCHEMA.kind RENAME ATTRIBUTE a TO b CASCADE', happened => $has->('EXISTS (SELECT FROM pg_attribute WHERE attrelid = $$SCHEMA.typed$$::regclass AND attname = $$b$$)')},
    # vector 333: rows that an approved definition reads
    {name => 'CREATE INDEX whose error shows a row', off => 'failing_definitions', as => 'dba', approved => '{CREATE INDEX}', do => 'CREATE INDEX ON SCHEMA.secret ((CASE WHEN id = 7 THEN iban::int END))', twin => 'CREATE INDEX ON SCHEMA.secret (iban, lower(iban)); SELECT $$MARKER$$'},
    {name => 'ALTER TABLE whose error shows a row', off => 'failing_definitions', as => 'dba', approved => '{ALTER TABLE}', do => 'ALTER TABLE SCHEMA.secret ADD CHECK (CASE WHEN id = 7 THEN iban::int > 0 END)', twin => 'ALTER TABLE SCHEMA.secret ADD CHECK (iban > $$$$); SELECT $$MARKER$$'},
    {name => 'CREATE INDEX by a function of one\'s own', off => 'read_by_definition', as => 'dba', approved => '{CREATE INDEX}', do => "$sees CREATE INDEX ON SCHEMA.secret (SCHEMA.sees(iban))", twin => "$sees CREATE INDEX ON SCHEMA.secret (SCHEMA.sees(iban))", twin_as => 'exempt_dba'},
    {name => 'ADD CHECK by a function of one\'s own', off => 'read_by_definition', as => 'dba', approved => '{ALTER TABLE}', do => "$sees ALTER TABLE SCHEMA.secret ADD CHECK (SCHEMA.sees(iban) > \$\$\$\$)", twin => "$sees ALTER TABLE SCHEMA.secret ADD CHECK (SCHEMA.sees(iban) > \$\$\$\$)", twin_as => 'exempt_dba'},
    {name => 'ADD a generated column by a function of one\'s own', off => 'read_by_definition', as => 'dba', approved => '{ALTER TABLE}', do => "$sees ALTER TABLE SCHEMA.secret ADD g text GENERATED ALWAYS AS (SCHEMA.sees(iban)) STORED", twin => "$sees ALTER TABLE SCHEMA.secret ADD g text GENERATED ALWAYS AS (SCHEMA.sees(iban)) STORED", twin_as => 'exempt_dba'},
    {name => 'ALTER COLUMN TYPE by a function of one\'s own', off => 'read_by_definition', as => 'dba', approved => '{ALTER TABLE}', do => "$sees ALTER TABLE SCHEMA.secret ALTER iban TYPE text USING SCHEMA.sees(iban)", twin => "$sees ALTER TABLE SCHEMA.secret ALTER iban TYPE text USING SCHEMA.sees(iban)", twin_as => 'exempt_dba'},
    # vector 334
    {name => 'ALTER EXTENSION ADD', off => 'made_members', as => 'dba', twin_as => 'exempt_dba', before_guard => 'CREATE schema "SCHEMA ext"; CREATE EXTENSION tcn schema "SCHEMA ext"', do => 'BEGIN; ALTER EXTENSION tcn ADD TABLE SCHEMA.secret; SELECT $$MARKER$$ FROM pg_depend WHERE objid = $$SCHEMA.secret$$::regclass AND deptype = $$e$$; ROLLBACK; DROP EXTENSION tcn'},
    # vector 274: out of a policy on a schema
    {name => 'ALTER EXTENSION SET SCHEMA', as => 'dba', twin_as => 'exempt_dba', off => 'extension_members', actions => '{SELECT}', guards => '"\"SCHEMA ext\".*"',
        before_guard => 'CREATE schema "SCHEMA ext"; CREATE schema "SCHEMA out"; CREATE EXTENSION unaccent schema "SCHEMA ext"; CREATE TABLE "SCHEMA ext".m (iban text); INSERT INTO "SCHEMA ext".m VALUES ($$MARKER$$); ALTER EXTENSION unaccent ADD TABLE "SCHEMA ext".m;',
        do => 'ALTER EXTENSION unaccent SET schema "SCHEMA out"; SELECT iban FROM "SCHEMA out".m', happened => 'DROP EXTENSION unaccent'},
    # ---- vector 105: temporary objects do not stand for jit's or the server's ----
    {name => 'temporary tables under jit\'s names', off => 'planner,executor_start,check_perms', do => 'CREATE TEMPORARY TABLE guards (policy_id int); CREATE TEMPORARY TABLE approvals AS SELECT 1 AS request_id; CREATE TEMPORARY TABLE pg_class AS SELECT * FROM pg_catalog.pg_class; CREATE TEMPORARY TABLE pg_inherits (inhrelid oid);'
            . 'CREATE FUNCTION pg_temp.person() RETURNS regrole LANGUAGE sql AS \'SELECT $$carol$$::regrole\'; SET search_path = pg_temp, jit, pg_catalog; SELECT iban FROM SCHEMA.secret'},
);
run_attacks(@attacks);
done_testing();
