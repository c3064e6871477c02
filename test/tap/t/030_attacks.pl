# Attacks: attempts to get round the gate, as data. Each is made three times: on the module as shipped, where it must
# fail; there by or for somebody who may, where it must work; and on the module with switches, with the named checks
# off, where it must succeed: otherwise the attack, and not the check, would be what stops it.
#
# SCHEMA stands for the attack's own schema; SCHEMA.secret is guarded there in all actions. Alice may ask, without an
# approver; Bob approves under another policy; Carol is exempt; Mallory and the owner hold privileges only; dba is a
# superuser. What must not come out, or must not happen, shows itself as the word MARKER.
use strict;
use warnings;
use JitAttacks;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Its name differs between versions.
my $parallel = q{SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');};
my $gate = 'planner,executor_start,check_perms'; # the main decision, before planning too, and the net below it
my $leak = 'CREATE FUNCTION SCHEMA.leak(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'leaked %\', $1; RETURN $1; END$$;';
my $loot = 'CREATE TABLE SCHEMA.loot (v text); GRANT ALL ON SCHEMA.loot TO PUBLIC;';
my $looted = 'SELECT v FROM SCHEMA.loot';
my $steal = 'CREATE FUNCTION SCHEMA.steal() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT max(iban) FROM SCHEMA.secret); END$$;';
my $as_mallory = 'SET ROLE mallory;';

my @attacks = (
    # ---- statements ----
    # vector 1
    {name => 'a plain SELECT', off => $gate, do => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'a superuser\'s SELECT', as => 'dba', off => $gate, do => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'the owner\'s SELECT', as => 'owner', off => $gate, do => 'TABLE SCHEMA.secret'},
    # vector 11
    {name => 'a data-modifying CTE', off => $gate, do => 'WITH x AS (DELETE FROM SCHEMA.secret RETURNING iban) SELECT * FROM x'},
    # vector 12
    {name => 'MERGE', off => $gate, do => 'MERGE INTO SCHEMA.secret s USING (VALUES (7)) v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET iban = iban || \' changed\'',
        happened => 'SELECT \'MARKER\' FROM SCHEMA.secret WHERE iban LIKE \'%changed\''},
    # vector 13
    {name => 'ON CONFLICT DO UPDATE RETURNING', off => $gate, do => 'INSERT INTO SCHEMA.secret VALUES (7, \'x\') ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING iban'},
    # vector 2
    {name => 'the second statement of a string', off => $gate, do => 'SELECT 1; SELECT iban FROM SCHEMA.secret; SELECT 3'},
    # vector 73
    {name => 'a condition as oracle', off => $gate, do => 'SELECT $$MARKER$$ WHERE EXISTS (SELECT FROM SCHEMA.secret WHERE iban LIKE $$MARK%$$)'},
    # vector 10
    {name => 'FOR UPDATE under an approval to read', as => 'alice', approved => '{SELECT}', off => $gate, do => 'SELECT iban FROM SCHEMA.secret FOR UPDATE'},
    # vector 72
    {name => 'a whole row under an approval for a column', as => 'alice', approved => '{SELECT}', objects => 'SCHEMA.secret(id)', off => $gate, do => 'SELECT s FROM SCHEMA.secret s'},
    {name => 'an approval for another table', as => 'alice', approved => '{ALL}', objects => 'SCHEMA.other', off => $gate, do => 'SELECT iban FROM SCHEMA.secret'},
    # vector 3
    {name => 'a plan that is older than the end', as => 'alice', approved => '{SELECT}', off => "$gate,executor_run,recheck",
        do => 'SET plan_cache_mode = force_generic_plan; PREPARE p (int) AS SELECT iban FROM SCHEMA.secret WHERE id = $1; EXECUTE p (1); SELECT jit.release(REQUEST); EXECUTE p (7)'},
    {name => 'a request used in its own transaction', as => 'alice', off => $gate, do => 'BEGIN; SELECT jit.request(\'SCHEMA\'); SELECT iban FROM SCHEMA.secret'},
    # vector 5
    {name => 'a cursor WITH HOLD', as => 'alice', approved => '{SELECT}', off => 'hold,timers,recheck,executor_run', do => 'DECLARE h CURSOR WITH HOLD FOR SELECT iban FROM SCHEMA.secret; FETCH ALL FROM h',
        twin => 'BEGIN; DECLARE h CURSOR FOR SELECT iban FROM SCHEMA.secret; FETCH ALL FROM h', twin_as => 'alice'},
    {name => 'COPY TO', off => 'check_perms', do => 'COPY SCHEMA.secret TO STDOUT'},
    {name => 'COPY of a query', off => $gate, do => 'COPY (SELECT iban FROM SCHEMA.secret) TO STDOUT'},
    {name => 'COPY FROM', off => 'check_perms', do => "COPY SCHEMA.secret FROM PROGRAM 'echo 9,MARKER9' (FORMAT csv)", as => 'dba',
        happened => 'SELECT iban FROM SCHEMA.secret WHERE id = 9'},
    {name => 'TRUNCATE', off => 'object_access', do => 'TRUNCATE SCHEMA.secret', happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret)'},
    {name => 'TRUNCATE CASCADE of what it refers to', off => 'object_access', before => 'CREATE TABLE SCHEMA.up (id int PRIMARY KEY); INSERT INTO SCHEMA.up VALUES (1), (7); ALTER TABLE SCHEMA.secret ADD FOREIGN KEY (id) REFERENCES SCHEMA.up; GRANT ALL ON SCHEMA.up TO PUBLIC;',
        do => 'TRUNCATE SCHEMA.up CASCADE', happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret)'},
    {name => 'LOCK', off => 'utility', do => 'BEGIN; LOCK SCHEMA.secret IN ACCESS EXCLUSIVE MODE; SELECT $$MARKER$$'},
    # ---- before and beside the executor ----
    # vector 15
    {name => 'an estimator that talks', off => $gate, seen_off => 'planner,unjudged_statistics', set_up => "$leak CREATE FUNCTION SCHEMA.lt(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN PERFORM SCHEMA.leak(\$1); RETURN true; END\$\$; CREATE OPERATOR SCHEMA.<<< (FUNCTION = SCHEMA.lt, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel);",
        do => 'EXPLAIN SELECT FROM SCHEMA.secret WHERE iban OPERATOR(SCHEMA.<<<) \'x\'', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'the same inside a parallel worker', off => 'planner,unjudged_statistics', set_up => "$leak CREATE FUNCTION SCHEMA.lt(text, text) RETURNS boolean IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE 'leaked %', \$1; RETURN true; END\$\$; CREATE OPERATOR SCHEMA.<<< (FUNCTION = SCHEMA.lt, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel);"
            . 'CREATE FUNCTION SCHEMA.looks(int) RETURNS int PARALLEL SAFE LANGUAGE plpgsql AS $$BEGIN PERFORM 1 FROM SCHEMA.secret WHERE iban OPERATOR(SCHEMA.<<<) \'x\'; RETURN 1; END$$; CREATE TABLE SCHEMA.big AS SELECT 1 AS x; GRANT SELECT ON SCHEMA.big TO PUBLIC;',
        do => "$parallel SELECT SCHEMA.looks(x) FROM SCHEMA.big"},
    {name => 'the same with a guarded partition', off => 'child_statistics', set_up => "$leak CREATE FUNCTION SCHEMA.lt(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE 'leaked %', \$1; RETURN true; END\$\$; CREATE OPERATOR SCHEMA.<<< (FUNCTION = SCHEMA.lt, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel);",
        before => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (1, 7); INSERT INTO SCHEMA.whole VALUES (1, \'A plain one\'), (7, \'MARKER7\'); ANALYZE SCHEMA.part; GRANT ALL ON SCHEMA.whole TO PUBLIC;',
        guards => 'SCHEMA.part', do => 'EXPLAIN SELECT FROM SCHEMA.whole WHERE iban OPERATOR(SCHEMA.<<<) \'x\''},
    # vector 62
    {name => 'statistics', off => $gate, do => 'SELECT histogram_bounds, most_common_vals FROM pg_stats WHERE schemaname = \'SCHEMA\''},
    # vector 63
    {name => 'statistics of a superuser', as => 'dba', off => $gate, do => 'SELECT stavalues1, stavalues2 FROM pg_statistic WHERE starelid = \'SCHEMA.secret\'::regclass', twin_as => 'exempt_dba'},
    # vector 61
    {name => 'the toast table', as => 'dba', off => $gate, before => 'ALTER TABLE SCHEMA.secret ALTER iban SET STORAGE EXTERNAL; UPDATE SCHEMA.secret SET iban = repeat(\'MARKER\', 1000) WHERE id = 7;',
        do => 'SELECT format(\'SELECT encode(chunk_data, $f$escape$f$) FROM %s\', reltoastrelid::regclass) FROM pg_class WHERE oid = \'SCHEMA.secret\'::regclass \gexec', twin_as => 'exempt_dba'},
    # ---- indirection ----
    {name => 'DO', off => $gate, do => 'DO $$BEGIN RAISE NOTICE \'%\', (SELECT max(iban) FROM SCHEMA.secret); END$$'},
    {name => 'a function', off => $gate, set_up => $steal, do => 'SELECT SCHEMA.steal()', twin_as => 'carol'},
    # vector 31
    {name => 'a SECURITY DEFINER function of the owner', off => $gate, before => "SET ROLE owner; $steal ALTER FUNCTION SCHEMA.steal() SECURITY DEFINER; RESET ROLE;", do => 'SELECT SCHEMA.steal()'},
    # vector 33
    {name => 'an inlined function', off => $gate, set_up => 'CREATE FUNCTION SCHEMA.rows() RETURNS SETOF text STABLE LANGUAGE sql AS $$SELECT iban FROM SCHEMA.secret$$;', do => 'SELECT * FROM SCHEMA.rows()'},
    {name => 'a query given as text', off => $gate, do => 'SELECT query_to_xml($$SELECT iban FROM SCHEMA.secret$$, true, true, $$$$)'},
    {name => 'a swallowed refusal', off => $gate, do => 'DO $$BEGIN BEGIN PERFORM 1 FROM SCHEMA.secret; EXCEPTION WHEN insufficient_privilege THEN NULL; END; RAISE NOTICE \'%\', (SELECT max(iban) FROM SCHEMA.secret); END$$'},
    # vector 28
    {name => 'a view of the owner', off => $gate, before => 'SET ROLE owner; CREATE VIEW SCHEMA.v AS SELECT iban FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.v TO PUBLIC; RESET ROLE;', do => 'SELECT * FROM SCHEMA.v'},
    # vector 30
    {name => 'a view changed after its approval', as => 'alice', approved => '{SELECT}', objects => 'SCHEMA.shown', off => $gate,
        before => 'SET ROLE owner; CREATE VIEW SCHEMA.shown AS SELECT \'x\' || id AS x FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.shown TO PUBLIC; RESET ROLE;',
        after => 'CREATE OR REPLACE VIEW SCHEMA.shown AS SELECT iban AS x FROM SCHEMA.secret', do => 'SELECT * FROM SCHEMA.shown'},
    {name => 'a rule', off => $gate, before => "$loot SET ROLE owner; CREATE TABLE SCHEMA.ruled (id int); GRANT ALL ON SCHEMA.ruled TO PUBLIC; CREATE RULE r AS ON INSERT TO SCHEMA.ruled DO INSTEAD SELECT iban FROM SCHEMA.secret; RESET ROLE;", do => 'INSERT INTO SCHEMA.ruled VALUES (1)'},
    # vector 57
    {name => 'a partition by its own name', off => $gate, before => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); INSERT INTO SCHEMA.whole VALUES (7, \'MARKER7\'); GRANT ALL ON SCHEMA.part TO PUBLIC;',
        guards => 'SCHEMA.whole', do => 'SELECT * FROM SCHEMA.part'},
    # vector 58
    {name => 'a parent over a guarded child', off => 'children', before => 'CREATE TABLE SCHEMA.top (id int, iban text); GRANT ALL ON SCHEMA.top TO PUBLIC; ALTER TABLE SCHEMA.secret INHERIT SCHEMA.top;', do => 'SELECT * FROM SCHEMA.top'},
    # vector 59
    {name => 'rows routed into a guarded partition', off => 'routing', before => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); GRANT ALL ON SCHEMA.whole, SCHEMA.part TO PUBLIC;',
        guards => 'SCHEMA.part', do => 'INSERT INTO SCHEMA.whole VALUES (7, \'MARKER7\')', happened => 'SELECT iban FROM SCHEMA.part'},
    # vector 42
    {name => 'a cascade into a guarded child', off => $gate, before => 'CREATE TABLE SCHEMA.up (id int PRIMARY KEY); INSERT INTO SCHEMA.up VALUES (1), (7); ALTER TABLE SCHEMA.secret ADD FOREIGN KEY (id) REFERENCES SCHEMA.up ON DELETE CASCADE; GRANT ALL ON SCHEMA.up TO PUBLIC;',
        do => 'DELETE FROM SCHEMA.up', happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret)'},
    # vector 43
    {name => 'a question asked inside somebody\'s cascade', off => 'key_probe', set_up => 'CREATE TABLE SCHEMA.m_up (id int PRIMARY KEY); CREATE TABLE SCHEMA.m_down (id int REFERENCES SCHEMA.m_up ON DELETE CASCADE); INSERT INTO SCHEMA.m_up VALUES (1); INSERT INTO SCHEMA.m_down VALUES (1);'
            . 'CREATE FUNCTION SCHEMA.asks() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM 1 FROM SCHEMA.secret WHERE iban LIKE \'MARK%\' FOR KEY SHARE; IF FOUND THEN RAISE NOTICE \'MARKER\'; END IF; RETURN old; END$$; CREATE TRIGGER asks BEFORE DELETE ON SCHEMA.m_down FOR EACH ROW EXECUTE FUNCTION SCHEMA.asks();',
        do => 'DELETE FROM SCHEMA.m_up', twin => 'SELECT iban FROM SCHEMA.secret'},
    # vector 74
    {name => 'a key of one\'s own as oracle', off => 'utility,attached', do => 'CREATE TABLE SCHEMA.mine (id int REFERENCES SCHEMA.secret); INSERT INTO SCHEMA.mine VALUES (7) RETURNING \'MARKER\''},
    # ---- somebody else's identity ----
    # vector 46
    {name => 'SET ROLE', as => 'carols_friend', off => $gate, do => 'SET ROLE alice; SELECT iban FROM SCHEMA.secret', after_as_alice => '{ALL}', twin_as => 'carol', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'SET SESSION AUTHORIZATION', as => 'dba', off => $gate, do => 'SET SESSION AUTHORIZATION carol; SELECT iban FROM SCHEMA.secret', twin_as => 'carol', twin => 'SELECT iban FROM SCHEMA.secret'},
    # vector 47
    {name => 'set_config', as => 'dba', off => $gate, do => 'SELECT set_config(\'role\', \'carol\', false); SELECT iban FROM SCHEMA.secret', twin_as => 'carol', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'PGOPTIONS', as => 'dba', off => $gate, options => '-c role=carol', do => 'SELECT iban FROM SCHEMA.secret', twin_as => 'carol'},
    # ---- riding on somebody's approval ----
    # vector 36
    {name => 'a trigger in the approved person\'s statement', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$loot CREATE TABLE SCHEMA.bait (id int); GRANT ALL ON SCHEMA.bait TO PUBLIC; CREATE FUNCTION SCHEMA.fired() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret; RETURN new; END\$\$; CREATE TRIGGER fired BEFORE INSERT ON SCHEMA.bait FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired();",
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => $looted, twin => 'INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret'},
    {name => 'a function, before the session has looked', as => 'alice', approved => '{ALL}', off => 'callers', set_up => "$loot CREATE FUNCTION SCHEMA.steal() RETURNS int LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret; RETURN 1; END\$\$;",
        do => 'SELECT SCHEMA.steal()', happened => $looted, twin => 'INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret'},
    {name => 'a rule in the approved person\'s statement', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$loot CREATE TABLE SCHEMA.bait (id int); GRANT ALL ON SCHEMA.bait TO PUBLIC; CREATE RULE r AS ON INSERT TO SCHEMA.bait DO INSTEAD INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret;",
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => $looted, twin => 'INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret'},
    {name => 'a view that calls home', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$leak CREATE VIEW SCHEMA.bait AS SELECT SCHEMA.leak(iban) FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.bait TO PUBLIC;",
        do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'the same as a security_invoker view', as => 'alice', approved => '{ALL}', off => 'unsigned_text', set_up => "$leak CREATE VIEW SCHEMA.bait WITH (security_invoker) AS SELECT SCHEMA.leak(iban) FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.bait TO PUBLIC;",
        do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'the same as a row security policy', as => 'alice', approved => '{ALL}', off => 'unsigned_text', set_up => "$leak CREATE TABLE SCHEMA.bait (id int); INSERT INTO SCHEMA.bait VALUES (1); GRANT ALL ON SCHEMA.bait TO PUBLIC; ALTER TABLE SCHEMA.bait ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.bait USING ((SELECT SCHEMA.leak(max(iban)) FROM SCHEMA.secret) > '');",
        do => 'SELECT * FROM SCHEMA.bait', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'an index function, while the approved maintain', as => 'dba', approved => '{ALL}', off => 'owner_stack', set_up => "$steal CREATE TABLE SCHEMA.bait (id int); INSERT INTO SCHEMA.bait VALUES (1); CREATE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN \$1; END\$\$; CREATE INDEX ON SCHEMA.bait (SCHEMA.say(id)); CREATE OR REPLACE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', SCHEMA.steal(); RETURN \$1; END\$\$;",
        do => 'ANALYZE SCHEMA.bait', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'an index function, while the exempt maintain', as => 'exempt_dba', off => 'maintenance', set_up => "$steal CREATE TABLE SCHEMA.bait (id int); INSERT INTO SCHEMA.bait VALUES (1); CREATE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN \$1; END\$\$; CREATE INDEX ON SCHEMA.bait (SCHEMA.say(id)); CREATE OR REPLACE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', SCHEMA.steal(); RETURN \$1; END\$\$;",
        do => 'REINDEX TABLE SCHEMA.bait', twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'a materialized view that the exempt refresh', as => 'exempt_dba', off => 'maintenance', set_up => 'CREATE MATERIALIZED VIEW SCHEMA.bait AS SELECT iban FROM SCHEMA.secret WITH NO DATA;',
        do => 'REFRESH MATERIALIZED VIEW SCHEMA.bait', happened => 'SELECT iban FROM SCHEMA.bait', twin => 'SELECT iban FROM SCHEMA.secret'},
    # ---- copies ----
    {name => 'CREATE TABLE AS without EXPORT', as => 'alice', approved => '{SELECT}', off => 'export', do => 'CREATE TABLE SCHEMA.copy AS SELECT iban FROM SCHEMA.secret', happened => 'SELECT iban FROM SCHEMA.copy'},
    {name => 'INSERT … SELECT without EXPORT', as => 'alice', approved => '{SELECT}', off => 'export,planner', set_up => $loot, do => 'INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret', happened => $looted},
    {name => 'UPDATE FROM without EXPORT', as => 'alice', approved => '{SELECT}', off => 'export,planner', set_up => "$loot INSERT INTO SCHEMA.loot VALUES ('x');", do => 'UPDATE SCHEMA.loot SET v = iban FROM SCHEMA.secret WHERE id = 7', happened => $looted},
    # ---- commands ----
    {name => 'CREATE INDEX on a function that talks', as => 'owner', off => 'utility,attached,read_by_definition', set_up => $leak, do => 'CREATE INDEX ON SCHEMA.secret (SCHEMA.leak(iban))'},
    {name => 'ALTER TYPE USING a function that talks', as => 'owner', off => 'utility,object_access', set_up => $leak, do => 'ALTER TABLE SCHEMA.secret ALTER iban TYPE text USING SCHEMA.leak(iban)'},
    {name => 'ALTER DOMAIN ADD CHECK', off => 'utility', set_up => "$leak CREATE DOMAIN SCHEMA.d AS text;", before_guard => 'ALTER TABLE SCHEMA.secret ALTER iban TYPE SCHEMA.d;', do => 'ALTER DOMAIN SCHEMA.d ADD CHECK (SCHEMA.leak(value) > \'\')'},
    {name => 'INHERIT below a parent of one\'s own', as => 'owner', off => 'utility,object_access,children', before => 'CREATE TABLE SCHEMA.top (id int, iban text); ALTER TABLE SCHEMA.top OWNER TO owner;', do => 'ALTER TABLE SCHEMA.secret INHERIT SCHEMA.top; SELECT * FROM SCHEMA.top',
        twin => 'SELECT iban FROM SCHEMA.secret'},
    {name => 'ALTER INDEX on a table', as => 'owner', off => 'utility,object_access', do => 'ALTER INDEX SCHEMA.secret RENAME TO gone', happened => 'SELECT $$MARKER$$ WHERE to_regclass($$SCHEMA.gone$$) IS NOT NULL'},
    {name => 'GRANT', as => 'owner', off => 'utility', do => 'GRANT SELECT ON SCHEMA.secret TO PUBLIC', happened => 'SELECT $$MARKER$$ WHERE has_table_privilege($$nobody$$, $$SCHEMA.secret$$, $$SELECT$$)'},
    # vector 67
    {name => 'DROP TABLE', as => 'owner', off => 'utility,object_access', do => 'DROP TABLE SCHEMA.secret', happened => 'SELECT $$MARKER$$ WHERE to_regclass($$SCHEMA.secret$$) IS NULL'},
    {name => 'DROP SCHEMA CASCADE', as => 'dba', off => 'object_access', do => 'DROP schema SCHEMA CASCADE', happened => 'SELECT $$MARKER$$ WHERE to_regclass($$SCHEMA.secret$$) IS NULL'},
    {name => 'DROP TYPE with a column', off => 'object_access', set_up => 'CREATE DOMAIN SCHEMA.d AS text;', before_guard => 'ALTER TABLE SCHEMA.secret ADD kind SCHEMA.d;', do => 'DROP DOMAIN SCHEMA.d CASCADE',
        happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = $$SCHEMA.secret$$::regclass AND attname = $$kind$$)'},
    {name => 'REASSIGN OWNED', as => 'dba', off => 'object_access', do => 'BEGIN; REASSIGN OWNED BY owner TO mallory; SELECT $$MARKER$$; ROLLBACK', twin_as => 'exempt_dba'},
    # ---- the gate itself ----
    {name => 'DELETE of the guards', as => 'dba', off => 'house', do => 'BEGIN; DELETE FROM jit.guards; SELECT $$MARKER$$; ROLLBACK', twin => 'SELECT $$MARKER$$ FROM jit.guards LIMIT 1', twin_as => 'dba'},
    {name => 'ALTER TABLE of the guards', as => 'dba', off => 'house', do => 'BEGIN; ALTER TABLE jit.guards ADD x int; SELECT $$MARKER$$; ROLLBACK', twin => 'ANALYZE jit.guards; SELECT $$MARKER$$', twin_as => 'dba'},
    {name => 'DROP of an index of the guards', as => 'dba', off => 'house', do => 'BEGIN; DROP INDEX jit.guards_object; SELECT $$MARKER$$; ROLLBACK', twin => 'REINDEX INDEX jit.guards_object; SELECT $$MARKER$$', twin_as => 'dba'},
    {name => 'ALTER EXTENSION DROP TABLE', as => 'dba', off => 'house', do => 'BEGIN; ALTER EXTENSION jit_guard DROP TABLE jit.guards; SELECT $$MARKER$$; ROLLBACK', twin => 'SELECT $$MARKER$$', twin_as => 'dba'},
    {name => 'DROP EXTENSION, read, ROLLBACK', as => 'dba', off => 'drop_extension', do => 'BEGIN; DROP EXTENSION jit_guard CASCADE; CREATE EXTENSION jit_guard; SELECT iban FROM SCHEMA.secret; ROLLBACK', twin => 'SELECT iban FROM SCHEMA.secret', twin_as => 'carol'},
    {name => 'a vote inside a view', as => 'bob', votes => 1, off => 'bare_call', before => 'CREATE VIEW SCHEMA.bait AS SELECT jit.approve(REQUEST); GRANT SELECT ON SCHEMA.bait TO PUBLIC;', do => 'SELECT * FROM SCHEMA.bait',
        happened => 'SELECT $$MARKER$$ FROM jit.requests WHERE request_id = REQUEST AND state = $$approved$$', twin => 'SELECT jit.approve(REQUEST)', twin_as => 'bob'},
    {name => 'a vote inside an inlined function', as => 'bob', votes => 1, off => 'bare_call', before => 'CREATE FUNCTION SCHEMA.harmless() RETURNS text LANGUAGE sql AS $$SELECT jit.approve(REQUEST)$$; ALTER FUNCTION SCHEMA.harmless() OWNER TO mallory;', do => 'SELECT SCHEMA.harmless()',
        happened => 'SELECT $$MARKER$$ FROM jit.requests WHERE request_id = REQUEST AND state = $$approved$$', twin => 'SELECT jit.approve(REQUEST)', twin_as => 'bob'},
);

cmp_ok(scalar @attacks, '>=', 40, 'there are at least 40 attacks');
run_attacks(@attacks);
done_testing();
