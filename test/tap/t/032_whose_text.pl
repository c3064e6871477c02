# More attacks of the kind of 030_attacks.pl, which see: statements, and other people's text and code in them. Most of those
# from vector 127 on were found by attacking.
use strict;
use warnings;
use JitAttacks;
use Test::More;

my $gate = 'planner,executor_start,check_perms';
my $leak = 'CREATE FUNCTION SCHEMA.leak(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'leaked %\', $1; RETURN $1; END$$;';
my $loot = 'CREATE TABLE SCHEMA.loot (v text); GRANT ALL ON SCHEMA.loot TO PUBLIC;';
my $looted = 'SELECT v FROM SCHEMA.loot';
my $talks = 'CREATE FUNCTION SCHEMA.lt(text, text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE \'leaked %\', $1; RETURN true; END$$;'
    . 'CREATE OPERATOR SCHEMA.<<< (FUNCTION = SCHEMA.lt, LEFTARG = text, RIGHTARG = text, RESTRICT = scalarltsel);';
my $steal = 'CREATE FUNCTION SCHEMA.steal() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT max(iban) FROM SCHEMA.secret); END$$;';
my $bait = 'CREATE TABLE SCHEMA.bait (id int); GRANT ALL ON SCHEMA.bait TO PUBLIC;';
my $names = 'SET ROLE owner; CREATE VIEW SCHEMA.names AS SELECT id, iban FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.names TO PUBLIC; RESET ROLE; SET ROLE mallory;';
my $query = 'query_to_xml(\'SELECT iban FROM SCHEMA.secret\', true, true, \'\')::text';
my $read = 'SELECT iban FROM SCHEMA.secret';
my $parts = 'CREATE TABLE SCHEMA.whole (id int PRIMARY KEY, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); INSERT INTO SCHEMA.whole VALUES (7, \'MARKER7\'); GRANT ALL ON SCHEMA.whole, SCHEMA.part TO PUBLIC;';
my $not_leader = 'pg_backend_pid() <> current_setting(\'x.leader\')::int';
my $remember_leader = 'SELECT set_config(\'x.leader\', pg_backend_pid()::text, false) > \'\';';
sub fired { my ($body) = @_; return "CREATE FUNCTION SCHEMA.fired() RETURNS trigger LANGUAGE plpgsql AS \$\$DECLARE c refcursor := 'c'; v text; BEGIN $body; RETURN new; END\$\$;" }
my $before_insert = 'CREATE TRIGGER fired BEFORE INSERT ON SCHEMA.bait FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired();';
my $deferred = 'CREATE CONSTRAINT TRIGGER fired AFTER INSERT ON SCHEMA.bait DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION SCHEMA.fired();';
my $steals_rows = fired("INSERT INTO SCHEMA.loot $read");
my $mine = "CREATE FUNCTION SCHEMA.mine() RETURNS trigger LANGUAGE plpgsql AS \$g\$BEGIN INSERT INTO SCHEMA.loot $read; RETURN NULL; END\$g\$";
sub makes { my (@commands) = @_; return $bait . fired(join "; ", map { "EXECUTE \$f\$ $_ \$f\$" } @commands) . $before_insert }
my $shown = 'SET ROLE owner; CREATE VIEW SCHEMA.shown AS SELECT id, iban FROM SCHEMA.secret WHERE id < 5; GRANT ALL ON SCHEMA.shown TO PUBLIC;';
my $seen = 'SET ROLE owner; CREATE VIEW SCHEMA.seen AS SELECT iban FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.seen TO PUBLIC; RESET ROLE;';
my $loops = 'CREATE FUNCTION SCHEMA.loops() RETURNS SETOF text LANGUAGE plpgsql AS $$DECLARE x record; BEGIN FOR x IN SELECT iban FROM SCHEMA.secret LOOP RETURN NEXT x.iban; END LOOP; END$$;';

# The owner's function reads what the approval is for; whoever calls it gets that.
my $get = 'SET ROLE owner; CREATE FUNCTION SCHEMA.get(n int) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN (SELECT iban FROM SCHEMA.secret WHERE id = n); END$$; RESET ROLE;'
    . "SET ROLE mallory; $loot CREATE FUNCTION SCHEMA.store(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END';";
my $stored = 'SCHEMA.store(SCHEMA.get(7))';
my $rests = 'CREATE FUNCTION SCHEMA.rests() RETURNS trigger LANGUAGE plpgsql AS \'BEGIN RETURN new; END\';';
my $riding = 'BEGIN; SELECT SCHEMA.opens(); FETCH ALL FROM c; COMMIT';
my $ended = 'SELECT $$MARKER$$ FROM jit.requests WHERE request_id = REQUEST AND state = $$ended$$';
sub called_by { my ($text, @more) = @_; return (as => 'alice', approved => '{ALL}', off => 'nested_texts', happened => $looted, before => "$get $text RESET ROLE;", @more) }
sub opens { my ($query, @more) = @_; return called_by("$bait CREATE FUNCTION SCHEMA.opens() RETURNS refcursor LANGUAGE plpgsql AS \$\$DECLARE c refcursor := 'c'; BEGIN OPEN c FOR $query; RETURN c; END\$\$;", off => 'opened_queries', do => $riding, @more) }
sub own { my (@more) = @_; return (as => 'alice', approved => '{ALL}', off => 'own_calls', happened => $ended, @more) }

my @attacks = (
    # ---- statements ----
    # vector 12: from 17 on MERGE returns rows, and acts on those that the source does not have
    {name => 'MERGE RETURNING', since => 17, off => $gate, do => 'MERGE INTO SCHEMA.secret s USING (VALUES (7)) v (id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET id = 7 RETURNING s.iban'},
    {name => 'MERGE NOT MATCHED BY SOURCE', since => 17, off => $gate, do => 'MERGE INTO SCHEMA.secret s USING (VALUES (1)) v (id) ON s.id = v.id WHEN NOT MATCHED BY SOURCE THEN DELETE',
        happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret WHERE id = 7)'},
    # vector 14
    {name => 'EXPLAIN', off => $gate, do => 'EXPLAIN (VERBOSE) SELECT $$MARKER$$ FROM SCHEMA.secret WHERE id = 7'},
    {name => 'EXPLAIN EXECUTE of a plan that is older than the end', as => 'alice', approved => '{SELECT}', off => "$gate,executor_run,recheck",
        do => 'SET plan_cache_mode = force_generic_plan; PREPARE p (int) AS SELECT $$MARKER$$ FROM SCHEMA.secret WHERE id = $1; SELECT jit.release(REQUEST); EXPLAIN (VERBOSE) EXECUTE p (7)',
        twin => 'EXPLAIN (VERBOSE) SELECT $$MARKER$$ FROM SCHEMA.secret'},
    # vector 24: what an error leaves behind neither opens nor closes anything
    {name => 'errors in depth, then a read', off => $gate, do => 'SELECT 1 / (SELECT 0); DO $$BEGIN EXECUTE \'DO $d$BEGIN PERFORM 1 / 0; END$d$\'; END$$; CREATE TABLE SCHEMA.x AS SELECT 1 / 0 AS a;'
            . 'SAVEPOINT s; BEGIN; SAVEPOINT s; SELECT query_to_xml(\'SELECT 1 / 0\', true, true, \'\'); ROLLBACK TO s; SELECT iban FROM SCHEMA.secret; ROLLBACK; SELECT iban FROM SCHEMA.secret'},
    {name => 'a vote inside a view, after errors in depth', as => 'bob', votes => 1, off => 'bare_call', before => 'CREATE VIEW SCHEMA.bait AS SELECT jit.approve(REQUEST); GRANT SELECT ON SCHEMA.bait TO PUBLIC;',
        do => 'DO $$BEGIN PERFORM 1 / 0; END$$; SELECT * FROM SCHEMA.bait', happened => 'SELECT $$MARKER$$ FROM jit.requests WHERE request_id = REQUEST AND state = $$approved$$',
        twin => 'DO $$BEGIN PERFORM 1 / 0; END$$; SELECT jit.approve(REQUEST)', twin_as => 'bob'},
    # ---- indirection ----
    # vector 29
    {name => 'a security_invoker view of the owner', off => $gate, before => 'SET ROLE owner; CREATE VIEW SCHEMA.v WITH (security_invoker) AS SELECT iban FROM SCHEMA.secret; GRANT SELECT ON SCHEMA.v TO PUBLIC; RESET ROLE;', do => 'SELECT * FROM SCHEMA.v'},
    # vector 32
    {name => 'ts_stat', off => $gate, do => 'SELECT upper(word) FROM ts_stat($$SELECT to_tsvector(\'simple\', iban) FROM SCHEMA.secret$$)'},
    {name => 'a body BEGIN ATOMIC', off => $gate, set_up => 'CREATE FUNCTION SCHEMA.atomic() RETURNS text LANGUAGE sql VOLATILE BEGIN ATOMIC SELECT max(iban) FROM SCHEMA.secret; END;', do => 'SELECT SCHEMA.atomic()'},
    {name => 'a refcursor', off => $gate, set_up => 'CREATE FUNCTION SCHEMA.opens() RETURNS refcursor LANGUAGE plpgsql AS $$DECLARE c refcursor := \'c\'; BEGIN OPEN c FOR SELECT iban FROM SCHEMA.secret; RETURN c; END$$;', do => 'BEGIN; SELECT SCHEMA.opens(); FETCH ALL FROM c'},
    {name => 'EXECUTE of text', off => $gate, do => 'DO $$DECLARE v text; BEGIN EXECUTE \'SELECT max(iban) FROM SCHEMA.secret\' INTO v; RAISE NOTICE \'%\', v; END$$'},
    # vector 34
    {name => 'a rule ALSO', off => $gate, before => 'SET ROLE owner; CREATE TABLE SCHEMA.ruled (id int); GRANT ALL ON SCHEMA.ruled TO PUBLIC; CREATE RULE r AS ON INSERT TO SCHEMA.ruled DO ALSO SELECT iban FROM SCHEMA.secret; RESET ROLE;', do => 'INSERT INTO SCHEMA.ruled VALUES (1)'},
    {name => 'a conditional rule', off => $gate, before => 'SET ROLE owner; CREATE TABLE SCHEMA.ruled (id int); GRANT ALL ON SCHEMA.ruled TO PUBLIC; CREATE RULE r AS ON INSERT TO SCHEMA.ruled WHERE new.id = 1 DO INSTEAD DELETE FROM SCHEMA.secret; RESET ROLE;', do => 'INSERT INTO SCHEMA.ruled VALUES (1)',
        happened => 'SELECT $$MARKER$$ WHERE NOT EXISTS (SELECT FROM SCHEMA.secret)'},
    # vector 35
    {name => 'the body of a trigger', off => $gate, set_up => "$loot$bait" . $steals_rows . $before_insert, do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => $looted},
    # vector 37: maintenance, by the approved and by the exempt
    {name => 'VACUUM ANALYZE by the approved', as => 'dba', approved => '{ALL}', off => 'owner_stack', set_up => "$steal $bait INSERT INTO SCHEMA.bait VALUES (1); CREATE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN \$1; END\$\$; CREATE INDEX ON SCHEMA.bait (SCHEMA.say(id)); CREATE OR REPLACE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', SCHEMA.steal(); RETURN \$1; END\$\$;",
        do => 'VACUUM ANALYZE SCHEMA.bait', twin => $read},
    {name => 'CREATE INDEX by the exempt', as => 'exempt_dba', off => 'maintenance', set_up => "$steal $bait INSERT INTO SCHEMA.bait VALUES (1); CREATE FUNCTION SCHEMA.say(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', SCHEMA.steal(); RETURN \$1; END\$\$;",
        do => 'CREATE INDEX ON SCHEMA.bait (SCHEMA.say(id))', twin => $read},
    # vector 39: replaced after the approved person had looked at it
    {name => 'a function of a CHECK, replaced', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$loot CREATE FUNCTION SCHEMA.ok(int) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RETURN true; END\$\$; CREATE TABLE SCHEMA.bait (id int CHECK (SCHEMA.ok(id))); GRANT ALL ON SCHEMA.bait TO PUBLIC; CREATE OR REPLACE FUNCTION SCHEMA.ok(int) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot $read; RETURN true; END\$\$;",
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    {name => 'a function of a generated column, replaced', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$steal CREATE FUNCTION SCHEMA.made(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN ''; END\$\$; CREATE TABLE SCHEMA.bait (id int, v text GENERATED ALWAYS AS (SCHEMA.made(id)) STORED); GRANT ALL ON SCHEMA.bait TO PUBLIC; CREATE OR REPLACE FUNCTION SCHEMA.made(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS \$\$BEGIN RETURN SCHEMA.steal(); END\$\$;",
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => 'SELECT v FROM SCHEMA.bait', twin => $read},
    {name => 'a function of a row security policy, replaced', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$steal $bait CREATE FUNCTION SCHEMA.ok() RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RETURN true; END\$\$; INSERT INTO SCHEMA.bait VALUES (1); ALTER TABLE SCHEMA.bait ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.bait USING (SCHEMA.ok()); CREATE OR REPLACE FUNCTION SCHEMA.ok() RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN RAISE NOTICE '%', SCHEMA.steal(); RETURN true; END\$\$;",
        do => 'SELECT * FROM SCHEMA.bait', twin => $read},
    # vector 40: whatever role is in force when it fires
    {name => 'a deferred trigger at COMMIT', as => 'alice', approved => '{ALL}', off => 'owner_stack', set_up => "$loot$bait" . $steals_rows . $deferred, do => 'BEGIN; INSERT INTO SCHEMA.bait VALUES (1); COMMIT', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    {name => 'a deferred trigger under another role', as => 'carols_friend', off => $gate, set_up => "$loot$bait" . $steals_rows . $deferred, do => 'BEGIN; INSERT INTO SCHEMA.bait VALUES (1); SET ROLE alice; COMMIT', happened => $looted, after_as_alice => '{ALL}', twin_as => 'carol', twin => $read},
    # vector 45: a function that does it in a parallel worker only, in a statement and while an index is built
    {name => 'a query in a parallel worker', off => $gate, set_up => "CREATE FUNCTION SCHEMA.looks(int) RETURNS int PARALLEL SAFE LANGUAGE plpgsql AS \$\$BEGIN IF $not_leader THEN RAISE NOTICE 'worker %', (SELECT max(iban) FROM SCHEMA.secret); END IF; RETURN 1; END\$\$; $bait INSERT INTO SCHEMA.bait VALUES (1);",
        do => "SET force_parallel_mode = on; SET debug_parallel_query = on; $remember_leader SELECT SCHEMA.looks(id) FROM SCHEMA.bait", twin => $read},
    {name => 'the same as a parallel worker starts', off => $gate, set_up => "CREATE FUNCTION SCHEMA.looks() RETURNS int STABLE PARALLEL SAFE LANGUAGE plpgsql AS \$\$BEGIN IF $not_leader THEN RAISE NOTICE 'worker %', (SELECT max(iban) FROM SCHEMA.secret); END IF; RETURN 1; END\$\$;"
            . 'CREATE TABLE SCHEMA.big (id int) PARTITION BY LIST (id); CREATE TABLE SCHEMA.big1 PARTITION OF SCHEMA.big FOR VALUES IN (1); CREATE TABLE SCHEMA.big2 PARTITION OF SCHEMA.big FOR VALUES IN (2); INSERT INTO SCHEMA.big SELECT 1 + i % 2 FROM generate_series(1, 1000) i; GRANT ALL ON SCHEMA.big TO PUBLIC;',
        do => "SET force_parallel_mode = on; SET debug_parallel_query = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; $remember_leader SELECT count(*) FROM SCHEMA.big WHERE id = SCHEMA.looks()", twin => $read},
    {name => 'the same while an index is built', off => $gate, set_up => "CREATE FUNCTION SCHEMA.looks(int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS \$\$BEGIN IF $not_leader THEN RAISE NOTICE 'worker %', (SELECT max(iban) FROM SCHEMA.secret); END IF; RETURN 1; END\$\$;"
            . 'CREATE TABLE SCHEMA.big (id int) WITH (parallel_workers = 2); INSERT INTO SCHEMA.big SELECT i FROM generate_series(1, 50000) i;',
        do => "SET max_parallel_maintenance_workers = 2; SET min_parallel_table_scan_size = 0; $remember_leader CREATE INDEX ON SCHEMA.big (SCHEMA.looks(id))", refused => 0, twin => $read},
    # vector 322: the analysis of a text runs CHECKs of domains, as whoever called, not as who runs the function that asks
    (map {
        my ($ask, $how, $makes, $does) = @$_;
        {name => "a statement that somebody's function asks about: $ask, $how", as => 'dba', off => 'statement_call,own_calls',
            set_up => $loot . 'CREATE FUNCTION SCHEMA.checks(int) RETURNS boolean LANGUAGE plpgsql AS $f$BEGIN IF current_user <> \'mallory\' THEN INSERT INTO SCHEMA.loot VALUES (\'MARKER as \' || current_user); END IF; RETURN true; END$f$;'
                . 'CREATE DOMAIN SCHEMA.checked AS int CHECK (SCHEMA.checks(VALUE)); GRANT ALL ON SCHEMA.loot TO dba;'
                . "CREATE FUNCTION SCHEMA.asks(int) RETURNS int IMMUTABLE LANGUAGE plpgsql $makes AS \$f\$BEGIN IF session_user = 'dba' THEN PERFORM $ask('SCHEMA', statement => \$q\$SELECT iban FROM SCHEMA.secret WHERE '{1}'::SCHEMA.checked[] IS NOT NULL\$q\$); END IF; RETURN \$1; END\$f\$;"
                . 'CREATE TABLE SCHEMA.bait (id int); INSERT INTO SCHEMA.bait VALUES (1); CREATE INDEX ON SCHEMA.bait (SCHEMA.asks(id));',
            do => $does, happened => $looted,
            twin => 'SELECT * FROM jit.preview(\'SCHEMA\', statement => \'SELECT iban FROM SCHEMA.secret\'); SELECT jit.request(\'SCHEMA\', statement => $q$SELECT iban FROM SCHEMA.secret WHERE iban = \'MARKER7\'$q$); SELECT statement FROM jit.my_requests'}
        } ['jit.preview', 'in a restricted operation', '', 'REINDEX TABLE SCHEMA.bait'], ['jit.preview', 'as its owner', 'SECURITY DEFINER', 'SELECT SCHEMA.asks(1)'],
          ['jit.request', 'as its owner', 'SECURITY DEFINER', 'SELECT SCHEMA.asks(2)']),
    # ---- somebody else's identity ----
    # vector 48, vector 49
    {name => 'UPDATE pg_settings', as => 'dba', off => $gate, do => 'UPDATE pg_settings SET setting = \'carol\' WHERE name = \'role\'; SELECT iban FROM SCHEMA.secret', twin_as => 'carol', twin => $read},
    {name => 'a function with SET role', as => 'dba', off => $gate, set_up => $steal, do => 'ALTER FUNCTION SCHEMA.steal() SET role = carol; SELECT SCHEMA.steal()', twin_as => 'carol', twin => $read},
    # vector 50
    {name => 'ALTER ROLE SET role', as => 'dba', off => $gate, do => 'ALTER ROLE dba SET role = carol; \c' . "\n" . 'SELECT current_user; SELECT iban FROM SCHEMA.secret; SET ROLE NONE; ALTER ROLE dba RESET role', twin_as => 'carol', twin => $read},
    # vector 51
    {name => 'PGOPTIONS with another session user', as => 'dba', off => $gate, options => '-c session_authorization=carol', do => $read, twin_as => 'carol', twin => $read},
    # vector 52
    {name => 'back from another role, by every way', as => 'dba', off => $gate, do => 'SET ROLE carol; RESET ROLE; SELECT iban FROM SCHEMA.secret; SET SESSION AUTHORIZATION carol; RESET SESSION AUTHORIZATION; SELECT iban FROM SCHEMA.secret; SET ROLE carol; RESET ALL; SELECT iban FROM SCHEMA.secret; SET SESSION AUTHORIZATION carol; DISCARD ALL; SELECT iban FROM SCHEMA.secret',
        twin_as => 'carol', twin => "RESET ALL; DISCARD ALL; $read"},
    # vector 54
    {name => 'settings that sound like an identity', off => $gate, options => '-c jit.user=carol -c jit.person=carol', do => 'SET jit.user = carol; SET "jit_guard.user" = carol; BEGIN; SET LOCAL jit.person = carol; SELECT set_config(\'jit.user\', \'carol\', false); SELECT iban FROM SCHEMA.secret; ROLLBACK; SELECT iban FROM SCHEMA.secret',
        twin_as => 'carol', twin => $read},
    # ---- what stands for something else ----
    # vector 134: the statistics of a part are not shown by way of the whole
    {name => 'statistics of a partitioned table with a guarded partition', refused => 0, off => 'child_statistics', set_up => $talks,
        before => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (1, 7); INSERT INTO SCHEMA.whole VALUES (1, \'A plain one\'), (7, \'MARKER7\'); ANALYZE SCHEMA.whole; GRANT ALL ON SCHEMA.whole TO PUBLIC;',
        guards => 'SCHEMA.part', do => 'EXPLAIN SELECT FROM SCHEMA.whole WHERE iban OPERATOR(SCHEMA.<<<) \'x\''},
    # vector 269: the statistics of the parent with its children, when something else than the parent itself is estimated
    {name => 'the same of the parent, for a subquery', refused => 0, off => 'inherited_statistics', set_up => $talks,
        before => 'CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (1, 7); INSERT INTO SCHEMA.whole VALUES (1, \'A plain one\'), (7, \'MARKER7\'); ANALYZE SCHEMA.whole; GRANT ALL ON SCHEMA.whole TO PUBLIC;',
        guards => 'SCHEMA.part', do => 'EXPLAIN SELECT FROM (SELECT iban FROM SCHEMA.whole OFFSET 0) s WHERE s.iban OPERATOR(SCHEMA.<<<) \'x\''},
    # vector 306: what planning itself puts into the statement
    {name => 'statistics of what a function in SQL reads', off => 'unjudged_statistics', set_up => "$talks CREATE FUNCTION SCHEMA.rows() RETURNS SETOF SCHEMA.secret STABLE LANGUAGE sql AS 'SELECT * FROM SCHEMA.secret';",
        do => 'EXPLAIN SELECT FROM SCHEMA.rows() WHERE iban OPERATOR(SCHEMA.<<<) \'x\''},
    {name => 'the same by way of the owner\'s view', off => 'unjudged_statistics', set_up => $talks, before => "$seen SET ROLE mallory; CREATE FUNCTION SCHEMA.rows() RETURNS SETOF text STABLE LANGUAGE sql BEGIN ATOMIC SELECT iban FROM SCHEMA.seen; END; RESET ROLE;",
        do => 'EXPLAIN SELECT FROM SCHEMA.rows() r WHERE r OPERATOR(SCHEMA.<<<) \'x\''},
    {name => 'statistics of an index of what a function in SQL reads', off => 'unjudged_statistics', set_up => "$talks CREATE FUNCTION SCHEMA.rows() RETURNS SETOF SCHEMA.secret STABLE LANGUAGE sql AS 'SELECT * FROM SCHEMA.secret';",
        before => 'CREATE INDEX ON SCHEMA.secret (upper(iban)); ANALYZE SCHEMA.secret;', do => 'EXPLAIN SELECT FROM SCHEMA.rows() WHERE upper(iban) OPERATOR(SCHEMA.<<<) \'x\''},
    {name => 'extended statistics of what a function in SQL reads', off => 'unjudged_statistics', set_up => "$talks CREATE FUNCTION SCHEMA.rows() RETURNS SETOF SCHEMA.secret STABLE LANGUAGE sql AS 'SELECT * FROM SCHEMA.secret';",
        before => 'CREATE STATISTICS SCHEMA.s ON (iban || \'\') FROM SCHEMA.secret; INSERT INTO SCHEMA.secret SELECT i, \'MARKER7\' FROM generate_series(10, 60) i; ANALYZE SCHEMA.secret;',
        do => 'EXPLAIN SELECT FROM SCHEMA.rows() WHERE (iban || \'\') OPERATOR(SCHEMA.<<<) \'x\''},
    # vector 307: an error of the estimate for a request tells which values its functions were shown
    {name => 'an estimate that fails for a value', as => 'alice', refused => 0, off => 'unjudged_statistics', before => 'INSERT INTO SCHEMA.secret SELECT i, \'MARKER7\' FROM generate_series(10, 60) i; ANALYZE SCHEMA.secret;',
        do => 'SELECT jit.request(\'SCHEMA\', statement => $s$SELECT FROM SCHEMA.secret WHERE iban LIKE \'_ARKER\\\'$s$);' . "\n\\if :ERROR\n\\echo MARKER\n\\endif\n"},
    # vector 133: by way of the parent the text of the view does not name the child
    {name => 'a guarded child by way of somebody\'s view of its parent', as => 'alice', approved => '{ALL}', off => 'unsigned_text', before => "CREATE TABLE SCHEMA.whole (id int, iban text) PARTITION BY LIST (id); CREATE TABLE SCHEMA.part PARTITION OF SCHEMA.whole FOR VALUES IN (7); INSERT INTO SCHEMA.whole VALUES (7, 'MARKER7'); GRANT ALL ON SCHEMA.whole TO PUBLIC; SET ROLE mallory; $leak CREATE VIEW SCHEMA.bait WITH (security_invoker) AS SELECT SCHEMA.leak(iban) FROM SCHEMA.whole; GRANT SELECT ON SCHEMA.bait TO PUBLIC; RESET ROLE;",
        guards => 'SCHEMA.part', do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => 'SELECT iban FROM SCHEMA.whole'},
    # vector 248: the row that ON CONFLICT finds lies in a partition that the plan does not name
    {name => 'ON CONFLICT through a parent, with approvals to write', as => 'alice', approved => '{INSERT, UPDATE}', off => 'routed_reading', before => $parts, guards => 'SCHEMA.part',
        do => 'INSERT INTO SCHEMA.whole (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING iban'},
    {name => 'the same as a condition', as => 'alice', approved => '{INSERT, UPDATE}', off => 'routed_reading', before => $parts, guards => 'SCHEMA.part',
        do => 'INSERT INTO SCHEMA.whole AS w (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET id = 7 WHERE w.iban = $$MARKER7$$ RETURNING w.iban'},
    {name => 'the same in a WITH query that is copied', as => 'alice', approved => '{SELECT, INSERT, UPDATE}', off => 'routed_reading', set_up => $loot, before => $parts, guards => 'SCHEMA.part',
        do => 'WITH w AS (INSERT INTO SCHEMA.whole (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING iban) INSERT INTO SCHEMA.loot SELECT iban FROM w', happened => $looted},
    {name => 'the same by way of somebody\'s view', as => 'alice', approved => '{ALL}', off => 'unsigned_text', guards => 'SCHEMA.part',
        before => "$parts SET ROLE mallory; $leak CREATE VIEW SCHEMA.bait WITH (security_invoker) AS SELECT id, SCHEMA.leak(iban) FROM SCHEMA.whole; GRANT ALL ON SCHEMA.bait TO PUBLIC; RESET ROLE;",
        do => 'INSERT INTO SCHEMA.bait (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING leak', twin => 'INSERT INTO SCHEMA.whole (id) VALUES (7) ON CONFLICT (id) DO UPDATE SET id = 7 RETURNING iban'},
    # vector 253: the policy names other columns of the parent than of the partition
    {name => 'a column of a partition by way of its parent', actions => '{SELECT}', off => 'shared_columns', before => $parts, guards => 'SCHEMA.whole(id), SCHEMA.part(iban)', do => 'SELECT iban FROM SCHEMA.whole'},
    # vector 127
    {name => 'somebody\'s trigger that fetches from the person\'s cursor', as => 'alice', approved => '{ALL}', off => 'fetching_code', set_up => "$loot$bait" . fired('FETCH c INTO v; INSERT INTO SCHEMA.loot VALUES (v)') . $before_insert,
        do => 'BEGIN; DECLARE c CURSOR FOR SELECT iban FROM SCHEMA.secret ORDER BY id DESC; INSERT INTO SCHEMA.bait VALUES (1); COMMIT', happened => $looted,
        twin => 'BEGIN; DECLARE c CURSOR FOR SELECT iban FROM SCHEMA.secret ORDER BY id DESC; FETCH c; COMMIT'},
    {name => 'a default that reads the person\'s cursor', as => 'alice', approved => '{ALL}', off => 'fetching_code', set_up => 'CREATE TABLE SCHEMA.bait (id int, v text DEFAULT cursor_to_xml(\'c\', 9, true, true, \'\')::text); GRANT ALL ON SCHEMA.bait TO PUBLIC;',
        do => 'BEGIN; DECLARE c CURSOR FOR SELECT iban FROM SCHEMA.secret; INSERT INTO SCHEMA.bait (id) VALUES (1); COMMIT', happened => 'SELECT v FROM SCHEMA.bait',
        twin => 'BEGIN; DECLARE c CURSOR FOR SELECT iban FROM SCHEMA.secret; FETCH ALL FROM c; COMMIT'},
    # vector 128
    {name => 'a default that gives text to the server', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "CREATE TABLE SCHEMA.bait (id int, v text DEFAULT $query); GRANT ALL ON SCHEMA.bait TO PUBLIC;",
        do => 'INSERT INTO SCHEMA.bait (id) VALUES (1)', happened => 'SELECT v FROM SCHEMA.bait', twin => "SELECT $query"},
    {name => 'the same in COPY', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "CREATE TABLE SCHEMA.bait (id int, v text DEFAULT $query); GRANT ALL ON SCHEMA.bait TO PUBLIC;",
        do => "COPY SCHEMA.bait (id) FROM STDIN;\n1\n\\.\n", happened => 'SELECT v FROM SCHEMA.bait', twin => $read},
    {name => 'a view that gives text to the server', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "$leak CREATE VIEW SCHEMA.bait AS SELECT SCHEMA.leak($query); GRANT ALL ON SCHEMA.bait TO PUBLIC;",
        do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => $read},
    {name => 'a domain that gives text to the server', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "$loot CREATE FUNCTION SCHEMA.keeps(text) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END\$\$; CREATE DOMAIN SCHEMA.bait AS text CHECK (SCHEMA.keeps($query));",
        do => 'SELECT \'x\'::SCHEMA.bait', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    {name => 'the same as a type of a row, before anything is planned', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "$loot CREATE FUNCTION SCHEMA.keeps(text) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END\$\$; CREATE DOMAIN SCHEMA.checked AS text CHECK (SCHEMA.keeps($query)); CREATE TYPE SCHEMA.bait AS (v SCHEMA.checked);",
        do => 'SELECT \'(x)\'::SCHEMA.bait', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    {name => 'an argument by default that is text for the server', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "$loot CREATE FUNCTION SCHEMA.bait(v text DEFAULT $query) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN 1; END\$\$;",
        do => 'SELECT SCHEMA.bait()', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    {name => 'a row given to a function that makes columns of it', as => 'alice', approved => '{ALL}', off => 'given_text', set_up => "$loot CREATE FUNCTION SCHEMA.keeps(text) RETURNS boolean LANGUAGE plpgsql AS \$\$BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END\$\$; CREATE DOMAIN SCHEMA.bait AS text CHECK (SCHEMA.keeps($query));",
        do => 'SELECT * FROM json_to_record(\'{"v": "x"}\') AS r (v SCHEMA.bait)', happened => $looted, twin => "INSERT INTO SCHEMA.loot $read"},
    # vector 129
    {name => 'somebody\'s view of the owner\'s view', as => 'alice', approved => '{ALL}', off => 'unsigned_text', before => "$names $leak CREATE VIEW SCHEMA.bait AS SELECT SCHEMA.leak(iban) FROM SCHEMA.names; GRANT SELECT ON SCHEMA.bait TO PUBLIC; RESET ROLE;",
        do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => 'SELECT iban FROM SCHEMA.names'},
    {name => 'the same, both as security_invoker', as => 'alice', approved => '{ALL}', off => 'text_chains', before => ($names =~ s/names AS/names WITH (security_invoker) AS/r) . "$leak CREATE VIEW SCHEMA.bait WITH (security_invoker) AS SELECT SCHEMA.leak(iban) FROM SCHEMA.names; GRANT SELECT ON SCHEMA.bait TO PUBLIC; RESET ROLE;",
        do => 'SELECT count(*) FROM SCHEMA.bait WHERE leak > \'\'', twin => 'SELECT iban FROM SCHEMA.names'},
    {name => 'somebody\'s rule that reads the owner\'s view', as => 'alice', approved => '{ALL}', off => 'unsigned_text', before => "$names $leak $bait CREATE RULE r AS ON INSERT TO SCHEMA.bait DO INSTEAD SELECT SCHEMA.leak(iban) FROM SCHEMA.names; RESET ROLE;",
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', twin => 'SELECT iban FROM SCHEMA.names'},
    # vector 130
    {name => 'a condition that sees what an approved view leaves out', as => 'alice', refused => 0, approved => '{SELECT}', objects => 'SCHEMA.shown', off => 'barriers',
        before => 'SET ROLE owner; CREATE VIEW SCHEMA.shown AS SELECT iban FROM SCHEMA.secret WHERE id < 5; GRANT SELECT ON SCHEMA.shown TO PUBLIC; RESET ROLE;',
        do => 'CREATE FUNCTION SCHEMA.say(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS $$BEGIN RAISE NOTICE \'%\', $1; RETURN true; END$$; SELECT iban FROM SCHEMA.shown WHERE SCHEMA.say(iban)', twin_as => 'carol', twin => $read},
    # vector 254: code that is the person's own only because somebody else's function made it, or made it hers
    {name => 'somebody\'s trigger that makes a function of the person\'s for COMMIT', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $loot . makes($mine, 'CREATE TEMP TABLE z (id int)', 'CREATE CONSTRAINT TRIGGER c AFTER INSERT ON z DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION SCHEMA.mine()', 'INSERT INTO z VALUES (1)'),
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', happened => $looted, twin => "$mine; CREATE TEMP TABLE z (id int); CREATE TRIGGER c AFTER INSERT ON z FOR EACH ROW EXECUTE FUNCTION SCHEMA.mine(); INSERT INTO z VALUES (1)"},
    {name => 'somebody\'s trigger that replaces a function of the person\'s', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $loot . makes('CREATE OR REPLACE FUNCTION SCHEMA.own() RETURNS int LANGUAGE sql AS $g$INSERT INTO SCHEMA.loot SELECT iban FROM SCHEMA.secret; SELECT 1$g$'),
        do => 'CREATE FUNCTION SCHEMA.own() RETURNS int LANGUAGE sql AS \'SELECT 2\'; INSERT INTO SCHEMA.bait VALUES (1); SELECT SCHEMA.own()', happened => $looted,
        twin => "CREATE FUNCTION SCHEMA.own() RETURNS int LANGUAGE sql AS 'SELECT 2'; CREATE OR REPLACE FUNCTION SCHEMA.own() RETURNS int LANGUAGE sql AS \$g\$INSERT INTO SCHEMA.loot $read; SELECT 1\$g\$; SELECT SCHEMA.own()"},
    {name => 'somebody\'s trigger that makes a temporary view before the table of that name', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $leak . 'CREATE TABLE SCHEMA.orders (leak text); GRANT SELECT ON SCHEMA.orders TO PUBLIC;' . makes('CREATE TEMP VIEW orders AS SELECT SCHEMA.leak(iban) FROM SCHEMA.secret'),
        do => 'SET search_path = SCHEMA; INSERT INTO bait VALUES (1); SELECT count(*) FROM orders WHERE leak > \'\'', twin => 'CREATE TEMP VIEW orders AS SELECT iban FROM SCHEMA.secret; SELECT * FROM orders'},
    {name => 'somebody\'s trigger that makes a rule on a table of the person\'s', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $loot . makes("CREATE RULE r AS ON INSERT TO SCHEMA.hers DO ALSO INSERT INTO SCHEMA.loot $read"),
        do => 'CREATE TABLE SCHEMA.hers (id int); INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.hers VALUES (1)', happened => $looted,
        twin => "CREATE TABLE SCHEMA.hers (id int); CREATE RULE r AS ON INSERT TO SCHEMA.hers DO ALSO INSERT INTO SCHEMA.loot $read; INSERT INTO SCHEMA.hers VALUES (1)"},
    {name => 'somebody\'s trigger that makes a row security policy on a table of the person\'s', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $leak . makes('CREATE POLICY p ON SCHEMA.hers USING (SCHEMA.leak((SELECT max(iban) FROM SCHEMA.secret)) > \'\')'),
        do => 'CREATE TABLE SCHEMA.hers (id int); INSERT INTO SCHEMA.hers VALUES (1); ALTER TABLE SCHEMA.hers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; INSERT INTO SCHEMA.bait VALUES (1); SELECT * FROM SCHEMA.hers',
        twin => 'CREATE TABLE SCHEMA.hers (v text); INSERT INTO SCHEMA.hers VALUES (\'MARKER\'); ALTER TABLE SCHEMA.hers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.hers USING ((SELECT max(iban) FROM SCHEMA.secret) > \'\'); SELECT * FROM SCHEMA.hers'},
    {name => 'somebody\'s trigger that puts a trigger with its own words on a table of the person\'s', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $loot . makes("CREATE TRIGGER t AFTER INSERT ON SCHEMA.hers FOR EACH ROW EXECUTE FUNCTION SCHEMA.runs('INSERT INTO SCHEMA.loot $read')"),
        do => 'CREATE TABLE SCHEMA.hers (id int); CREATE FUNCTION SCHEMA.runs() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE tg_argv[0]; RETURN NULL; END$$; INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.hers VALUES (1)', happened => $looted,
        twin => "CREATE TABLE SCHEMA.hers (id int); CREATE FUNCTION SCHEMA.runs() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN EXECUTE tg_argv[0]; RETURN NULL; END\$\$; CREATE TRIGGER t AFTER INSERT ON SCHEMA.hers FOR EACH ROW EXECUTE FUNCTION SCHEMA.runs('INSERT INTO SCHEMA.loot $read'); INSERT INTO SCHEMA.hers VALUES (1)"},
    {name => 'somebody\'s trigger that gives a function to the person', as => 'dba', approved => '{ALL}', off => 'made_by_others', set_up => $steal . makes('ALTER FUNCTION SCHEMA.steal() OWNER TO dba'),
        do => 'INSERT INTO SCHEMA.bait VALUES (1); SELECT SCHEMA.steal()', twin => 'ALTER FUNCTION SCHEMA.steal() OWNER TO dba; SELECT SCHEMA.steal()'},
    {name => 'somebody\'s trigger that gives a view to the person', as => 'dba', approved => '{ALL}', off => 'made_by_others',
        set_up => "$leak CREATE VIEW SCHEMA.theirs AS SELECT SCHEMA.leak(iban) FROM SCHEMA.secret;" . makes('ALTER VIEW SCHEMA.theirs OWNER TO dba'),
        do => 'INSERT INTO SCHEMA.bait VALUES (1); SELECT count(*) FROM SCHEMA.theirs WHERE leak > \'\'', twin => 'ALTER VIEW SCHEMA.theirs OWNER TO dba; SELECT count(*) FROM SCHEMA.theirs WHERE leak > \'\''},
    {name => 'somebody\'s trigger that gives a table with a rule to the person', as => 'dba', approved => '{ALL}', off => 'made_by_others',
        set_up => "$loot CREATE TABLE SCHEMA.theirs (id int); CREATE RULE r AS ON INSERT TO SCHEMA.theirs DO ALSO INSERT INTO SCHEMA.loot $read;" . makes('ALTER TABLE SCHEMA.theirs OWNER TO dba'),
        do => 'INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.theirs VALUES (1)', happened => $looted, twin => 'ALTER TABLE SCHEMA.theirs OWNER TO dba; INSERT INTO SCHEMA.theirs VALUES (1)'},
    {name => 'somebody\'s trigger that makes a default which calls a guarded function', as => 'alice', approved => '{ALL}', off => 'made_by_others', guards => 'function SCHEMA.tells()', objects => 'function SCHEMA.tells()',
        before => 'CREATE FUNCTION SCHEMA.tells() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$;', set_up => makes('ALTER TABLE SCHEMA.hers ALTER v SET DEFAULT SCHEMA.tells()'),
        do => 'CREATE TABLE SCHEMA.hers (id int, v text); INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.hers VALUES (1)', happened => 'SELECT v FROM SCHEMA.hers',
        twin => 'CREATE TABLE SCHEMA.hers (id int, v text); ALTER TABLE SCHEMA.hers ALTER v SET DEFAULT SCHEMA.tells(); INSERT INTO SCHEMA.hers VALUES (1)'},
    # vector 286
    {name => 'somebody\'s trigger that makes a CHECK which calls a guarded function', as => 'alice', approved => '{ALL}', off => 'made_by_others', guards => 'function SCHEMA.tells()', objects => 'function SCHEMA.tells()',
        before => 'CREATE FUNCTION SCHEMA.tells() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$;',
        set_up => "$loot CREATE FUNCTION SCHEMA.logs(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END';" . makes('ALTER TABLE SCHEMA.hers ADD CHECK (SCHEMA.logs(SCHEMA.tells())) NOT VALID'),
        do => 'CREATE TABLE SCHEMA.hers (id int); INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.hers VALUES (1)', happened => $looted,
        twin => 'CREATE TABLE SCHEMA.hers (id int, CHECK (SCHEMA.logs(SCHEMA.tells()))); INSERT INTO SCHEMA.hers VALUES (1)'},
    {name => 'somebody\'s trigger that makes an index which calls a guarded function', as => 'alice', approved => '{ALL}', off => 'made_by_others', guards => 'function SCHEMA.tells(integer)', objects => 'function SCHEMA.tells(integer)',
        before => 'CREATE FUNCTION SCHEMA.tells(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$;',
        set_up => "CREATE FUNCTION SCHEMA.says(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1; END';" . makes('CREATE INDEX ON SCHEMA.hers (id, SCHEMA.says(SCHEMA.tells(id)))'),
        do => 'CREATE TABLE SCHEMA.hers (id int) PARTITION BY LIST (id); INSERT INTO SCHEMA.bait VALUES (1); CREATE TABLE SCHEMA.her1 PARTITION OF SCHEMA.hers FOR VALUES IN (1); INSERT INTO SCHEMA.hers VALUES (1)',
        twin => 'CREATE TABLE SCHEMA.hers (id int); CREATE INDEX ON SCHEMA.hers (id, SCHEMA.says(SCHEMA.tells(id))); INSERT INTO SCHEMA.hers VALUES (1)'},
    # vector 304
    {name => 'somebody\'s trigger that gives a table to the person, with a trigger whose condition calls a guarded function', as => 'dba', approved => '{ALL}', off => 'made_by_others', guards => 'function SCHEMA.tells()', objects => 'function SCHEMA.tells()',
        before => 'CREATE FUNCTION SCHEMA.tells() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$; SET ROLE mallory;' . "$loot CREATE FUNCTION SCHEMA.logs(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN INSERT INTO SCHEMA.loot VALUES (\$1); RETURN true; END'; CREATE FUNCTION SCHEMA.rests() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            . 'CREATE TABLE SCHEMA.theirs (id int); CREATE TRIGGER t AFTER INSERT ON SCHEMA.theirs FOR EACH ROW WHEN (SCHEMA.logs(SCHEMA.tells())) EXECUTE FUNCTION SCHEMA.rests();' . makes('ALTER TABLE SCHEMA.theirs OWNER TO dba') . 'RESET ROLE;',
        do => 'INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.theirs VALUES (1)', happened => $looted, twin => 'ALTER TABLE SCHEMA.theirs OWNER TO dba; INSERT INTO SCHEMA.theirs VALUES (1)'},
    {name => 'the same with an index', as => 'dba', approved => '{ALL}', off => 'made_by_others', guards => 'function SCHEMA.tells(integer)', objects => 'function SCHEMA.tells(integer)',
        before => 'CREATE FUNCTION SCHEMA.tells(int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN \'MARKER\'; END$$; SET ROLE mallory;' . "CREATE FUNCTION SCHEMA.says(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', \$1; RETURN \$1; END'; CREATE TABLE SCHEMA.theirs (id int); CREATE INDEX ON SCHEMA.theirs (id, SCHEMA.says(SCHEMA.tells(id)));" . makes('ALTER TABLE SCHEMA.theirs OWNER TO dba') . 'RESET ROLE;',
        do => 'INSERT INTO SCHEMA.bait VALUES (1); INSERT INTO SCHEMA.theirs VALUES (1)', twin => 'ALTER TABLE SCHEMA.theirs OWNER TO dba; INSERT INTO SCHEMA.theirs VALUES (1)'},
    # vector 255
    {name => 'somebody\'s trigger that prepares a statement in the place of the person\'s', as => 'alice', approved => '{ALL}', off => 'made_by_others',
        set_up => $loot . makes('DEALLOCATE q', "PREPARE q AS INSERT INTO SCHEMA.loot $read"),
        do => 'PREPARE q AS SELECT 1; INSERT INTO SCHEMA.bait VALUES (1); EXECUTE q', happened => $looted, twin => "PREPARE q AS INSERT INTO SCHEMA.loot $read; EXECUTE q"},
    # vector 256: an approval of a view opens what the view reads, to the view alone
    {name => 'a rule beside the one that is the approved view', as => 'alice', approved => '{ALL}', objects => 'SCHEMA.shown', off => 'view_rules', before => "$shown CREATE RULE r AS ON UPDATE TO SCHEMA.shown DO INSTEAD SELECT * FROM SCHEMA.secret; RESET ROLE;",
        do => 'UPDATE SCHEMA.shown SET id = id', twin => 'UPDATE SCHEMA.shown SET id = id'},
    {name => 'a rule of the view\'s owner on another table', as => 'alice', approved => '{SELECT}', objects => 'SCHEMA.shown', off => 'view_rules', before => "$shown $bait CREATE RULE r AS ON INSERT TO SCHEMA.bait DO INSTEAD SELECT * FROM SCHEMA.secret; RESET ROLE;",
        do => 'INSERT INTO SCHEMA.bait SELECT id FROM SCHEMA.shown', twin => $read},
    {name => 'the same beside the statement, to a function', as => 'alice', approved => '{ALL}', objects => 'SCHEMA.shown', off => 'view_rules', set_up => $leak, before => "$shown CREATE RULE r AS ON UPDATE TO SCHEMA.shown DO INSTEAD NOTHING; CREATE RULE s AS ON UPDATE TO SCHEMA.shown DO ALSO SELECT SCHEMA.leak(iban) FROM SCHEMA.secret; RESET ROLE;",
        do => 'UPDATE SCHEMA.shown SET id = id', twin => $read},
    # vector 257
    {name => 'row security of a table that the approved view reads as well', as => 'alice', approved => '{SELECT}', objects => 'SCHEMA.shown', off => 'view_texts',
        set_up => "$leak CREATE TABLE SCHEMA.theirs (id int); INSERT INTO SCHEMA.theirs VALUES (1); GRANT ALL ON SCHEMA.theirs TO PUBLIC; ALTER TABLE SCHEMA.theirs ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.theirs USING (SCHEMA.leak((SELECT max(iban) FROM SCHEMA.secret)) > '');",
        before => "$seen SET ROLE owner; CREATE VIEW SCHEMA.shown AS SELECT s.iban FROM SCHEMA.secret s JOIN SCHEMA.theirs t ON s.id = t.id; GRANT SELECT ON SCHEMA.shown TO PUBLIC; RESET ROLE;",
        do => 'SELECT count(*) FROM SCHEMA.shown', twin => 'SELECT * FROM SCHEMA.seen'},
    # vector 258
    {name => 'a cursor WITH HOLD over a function\'s loop', as => 'alice', approved => '{SELECT}', off => 'held_loops', do => "$loops BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT * FROM SCHEMA.loops(); COMMIT; SELECT jit.release(REQUEST); FETCH ALL FROM h",
        twin => "$loops BEGIN; DECLARE h CURSOR FOR SELECT * FROM SCHEMA.loops(); FETCH ALL FROM h; COMMIT"},
    # vector 311: the function is trusted, but who has it called is not
    {name => 'somebody\'s view that calls the owner\'s function', called_by("CREATE VIEW SCHEMA.bait AS SELECT $stored AS x; CREATE FUNCTION SCHEMA.shout(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN upper(\$1); END'; CREATE VIEW SCHEMA.list AS SELECT SCHEMA.shout('a') AS v; GRANT SELECT ON SCHEMA.bait, SCHEMA.list TO PUBLIC;"),
        do => 'SELECT * FROM SCHEMA.bait', twin => 'SELECT l.v, SCHEMA.get(7) FROM SCHEMA.list l'},
    {name => 'somebody\'s view of the owner\'s view that calls it', called_by('RESET ROLE; SET ROLE owner; CREATE VIEW SCHEMA.got AS SELECT SCHEMA.get(7) AS v; GRANT SELECT ON SCHEMA.got TO PUBLIC; RESET ROLE; SET ROLE mallory; CREATE VIEW SCHEMA.bait AS SELECT SCHEMA.store(v) FROM SCHEMA.got; GRANT SELECT ON SCHEMA.bait TO PUBLIC;'),
        do => 'SELECT * FROM SCHEMA.bait', twin => 'SELECT * FROM SCHEMA.got'},
    {name => 'somebody\'s view that calls the person\'s function', called_by('RESET ROLE; SET ROLE alice; CREATE FUNCTION SCHEMA.hers() RETURNS text LANGUAGE sql AS $$SELECT max(iban) FROM SCHEMA.secret$$; RESET ROLE; SET ROLE mallory; CREATE VIEW SCHEMA.bait AS SELECT SCHEMA.store(SCHEMA.hers()) AS x; GRANT SELECT ON SCHEMA.bait TO PUBLIC;'),
        do => 'SELECT * FROM SCHEMA.bait', twin => 'SELECT SCHEMA.store(SCHEMA.hers())'},
    {name => 'somebody\'s row security that calls it', called_by("$bait INSERT INTO SCHEMA.bait VALUES (1); ALTER TABLE SCHEMA.bait ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.bait USING ($stored);"),
        do => 'SELECT * FROM SCHEMA.bait', twin => "CREATE TABLE SCHEMA.hers (id int); INSERT INTO SCHEMA.hers VALUES (1); ALTER TABLE SCHEMA.hers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON SCHEMA.hers USING ($stored); SELECT * FROM SCHEMA.hers"},
    {name => 'somebody\'s rule that calls it for what the person writes', called_by("$bait CREATE RULE r AS ON INSERT TO SCHEMA.bait DO ALSO SELECT SCHEMA.store(SCHEMA.get(NEW.id));"),
        do => 'INSERT INTO SCHEMA.bait VALUES (7)', twin => 'CREATE TABLE SCHEMA.hers (id int); CREATE RULE r AS ON INSERT TO SCHEMA.hers DO ALSO SELECT SCHEMA.store(SCHEMA.get(NEW.id)); INSERT INTO SCHEMA.hers VALUES (7)'},
    {name => 'somebody\'s default that calls it', called_by("CREATE TABLE SCHEMA.bait (id int, b boolean DEFAULT $stored); GRANT ALL ON SCHEMA.bait TO PUBLIC;"),
        do => 'INSERT INTO SCHEMA.bait (id) VALUES (1)', twin => "CREATE TABLE SCHEMA.hers (id int, b boolean DEFAULT $stored); INSERT INTO SCHEMA.hers (id) VALUES (1)"},
    {name => 'the same in COPY', called_by("CREATE TABLE SCHEMA.bait (id int, b boolean DEFAULT $stored); GRANT ALL ON SCHEMA.bait TO PUBLIC;"),
        do => "COPY SCHEMA.bait (id) FROM STDIN;\n1\n\\.\n", twin => "INSERT INTO SCHEMA.loot VALUES (SCHEMA.get(7))"},
    {name => 'somebody\'s CHECK that calls it', called_by('CREATE TABLE SCHEMA.bait (id int CHECK (SCHEMA.store(SCHEMA.get(id)))); GRANT ALL ON SCHEMA.bait TO PUBLIC;'),
        do => 'INSERT INTO SCHEMA.bait VALUES (7)', twin => 'CREATE TABLE SCHEMA.hers (id int CHECK (SCHEMA.store(SCHEMA.get(id)))); INSERT INTO SCHEMA.hers VALUES (7)'},
    {name => 'somebody\'s condition of a trigger that calls it', called_by("$bait $rests CREATE TRIGGER t BEFORE INSERT ON SCHEMA.bait FOR EACH ROW WHEN ($stored) EXECUTE FUNCTION SCHEMA.rests();"),
        do => 'INSERT INTO SCHEMA.bait VALUES (7)', twin => "CREATE TABLE SCHEMA.hers (id int); CREATE TRIGGER t BEFORE INSERT ON SCHEMA.hers FOR EACH ROW WHEN ($stored) EXECUTE FUNCTION SCHEMA.rests(); INSERT INTO SCHEMA.hers VALUES (7)"},
    {name => 'somebody\'s domain that calls it', called_by("CREATE DOMAIN SCHEMA.bait AS int CHECK ($stored);"),
        do => 'SELECT 1::SCHEMA.bait', twin => 'CREATE DOMAIN SCHEMA.hers AS int CHECK (SCHEMA.store(SCHEMA.get(VALUE))); SELECT 7::SCHEMA.hers'},
    {name => 'somebody\'s default of an argument that calls it', called_by("CREATE FUNCTION SCHEMA.bait(b boolean DEFAULT $stored) RETURNS int LANGUAGE sql AS 'SELECT 1';"),
        do => 'SELECT SCHEMA.bait()', twin => "SELECT SCHEMA.bait(length(SCHEMA.get(7)) > 0), $stored"},
    # vector 312: a cursor is text of the function that opened it
    {name => 'a cursor that somebody\'s function opened', opens("SELECT $stored", twin => "BEGIN; DECLARE c CURSOR FOR SELECT $stored; FETCH ALL FROM c; COMMIT")},
    {name => 'the same of an INSERT that returns rows', opens("INSERT INTO SCHEMA.bait VALUES (1) RETURNING $stored", twin => "INSERT INTO SCHEMA.bait VALUES (1) RETURNING $stored")},
    {name => 'the same of EXPLAIN', opens("EXECUTE 'EXPLAIN ANALYZE SELECT $stored'",
        twin => "CREATE FUNCTION SCHEMA.hers() RETURNS SETOF text LANGUAGE plpgsql AS \$\$DECLARE x text; BEGIN FOR x IN EXECUTE 'EXPLAIN ANALYZE SELECT $stored' LOOP RETURN NEXT x; END LOOP; END\$\$; SELECT * FROM SCHEMA.hers()")},
    {name => 'a cursor in the place of the person\'s', called_by("CREATE FUNCTION SCHEMA.swaps() RETURNS void LANGUAGE plpgsql AS \$\$BEGIN EXECUTE 'CLOSE c'; EXECUTE 'DECLARE c CURSOR FOR SELECT $stored'; END\$\$;"), off => 'opened_queries',
        do => 'BEGIN; DECLARE c CURSOR FOR SELECT 1; SELECT SCHEMA.swaps(); FETCH ALL FROM c; COMMIT', twin => "BEGIN; DECLARE c CURSOR FOR SELECT 1; CLOSE c; DECLARE c CURSOR FOR SELECT $stored; FETCH ALL FROM c; COMMIT"},
    # vector 313: trusted code that does what it is told, and texts of the person's that others made
    {name => 'words that somebody\'s trigger gives to a superuser\'s function', called_by("RESET ROLE; CREATE FUNCTION SCHEMA.runs() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN EXECUTE tg_argv[0]; RETURN new; END'; SET ROLE mallory; $bait CREATE TRIGGER t BEFORE INSERT ON SCHEMA.bait FOR EACH ROW EXECUTE FUNCTION SCHEMA.runs('INSERT INTO SCHEMA.loot $read');"),
        do => 'INSERT INTO SCHEMA.bait VALUES (1)', twin => "CREATE TABLE SCHEMA.hers (id int); CREATE TRIGGER t BEFORE INSERT ON SCHEMA.hers FOR EACH ROW EXECUTE FUNCTION SCHEMA.runs('INSERT INTO SCHEMA.loot $read'); INSERT INTO SCHEMA.hers VALUES (1)"},
    {name => 'somebody\'s function that makes a default which calls the owner\'s', called_by("CREATE FUNCTION SCHEMA.makes(d text) RETURNS void LANGUAGE plpgsql AS \$\$BEGIN EXECUTE 'CREATE TEMP TABLE t (b boolean DEFAULT ' || d || ')'; END\$\$; CREATE FUNCTION SCHEMA.always() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';"), off => 'made_calls',
        do => "SELECT SCHEMA.makes('$stored'); INSERT INTO t DEFAULT VALUES", twin => "SELECT SCHEMA.makes('SCHEMA.always()'); INSERT INTO t DEFAULT VALUES; SELECT $stored FROM t WHERE b"},
    # vector 318: what somebody does for himself
    {name => 'somebody\'s function that gives the approval back', own(before => 'SET ROLE mallory; CREATE FUNCTION SCHEMA.ends(n bigint) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM jit.release(n); END$$; RESET ROLE;'),
        do => 'SELECT SCHEMA.ends(REQUEST)', twin => 'CREATE FUNCTION SCHEMA.hers(n bigint) RETURNS void LANGUAGE plpgsql AS $$BEGIN PERFORM jit.release(n); END$$; SELECT SCHEMA.hers(REQUEST)'},
    {name => 'somebody\'s view that gives it back', own(before => 'SET ROLE mallory; CREATE VIEW SCHEMA.ends AS SELECT jit.release(max(request_id))::text AS x FROM jit.my_requests; GRANT SELECT ON SCHEMA.ends TO PUBLIC; RESET ROLE;'),
        do => 'SELECT * FROM SCHEMA.ends', twin => 'SELECT jit.release(request_id)::text FROM jit.my_requests WHERE request_id = REQUEST'},
    {name => 'somebody\'s function that asks in the person\'s name', own(before => 'SET ROLE mallory; CREATE FUNCTION SCHEMA.asks() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN jit.request(\'SCHEMA\', reason => \'for SCHEMA\'); END$$; RESET ROLE;'),
        happened => 'SELECT $$MARKER$$ FROM jit.requests WHERE reason = $$for SCHEMA$$', do => 'SELECT SCHEMA.asks()',
        twin => 'CREATE FUNCTION SCHEMA.hers() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN jit.request(\'SCHEMA\', reason => \'for SCHEMA\'); END$$; SELECT SCHEMA.hers()'},
);

run_attacks(@attacks);
done_testing();
