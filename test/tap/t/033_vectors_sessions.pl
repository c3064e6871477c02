# Ways to the data that take more than one session, raw messages, or a server process of its own.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $node = gate_cluster('vectors', conf => "autovacuum_naptime = '1s'\nautovacuum_analyze_threshold = 1\nautovacuum_analyze_scale_factor = 0\nautovacuum = off\nlog_min_messages = log\n");
my $admin = JitClient->new($node, 'postgres');
$admin->value("SELECT jit.alter_policy('$_', exempt => '{postgres}')") for 'acc', 'lent';
my $carol = JitClient->new($node, 'carol');
my ($answer, $id, $alice, $other);

# ---- vector 9: what a utility portal keeps ends with the session ----
for my $how (['FETCH', 'BEGIN; DECLARE c CURSOR FOR SELECT id FROM pay.accounts ORDER BY id', 'FETCH ALL FROM c'],
    ['EXECUTE', 'BEGIN; PREPARE p AS SELECT id FROM pay.accounts ORDER BY id', 'EXECUTE p'],
    ['INSERT RETURNING', 'BEGIN', 'INSERT INTO pay.accounts SELECT 20 + g, g FROM generate_series(1, 3) g RETURNING id - 20']) {
    my ($name, $before, $statement) = @$how;
    $alice = JitClient->new($node, 'alice');
    $id = approved($node, 'alice', '10 min');
    $alice->query($before);
    $alice->parse('s', $statement)->bind('slow', 's')->execute('slow', 1)->flush;
    gate_rows($alice->finish(stop => 's'), '1', "$name with a row limit gives its first row");
    gate_rows($alice->execute('slow', 1)->flush->finish(stop => 's'), '2', "$name goes on while the approval lives");
    $carol->value("SELECT jit.revoke($id)");
    ok($alice->ends, "$name: revoked, the session that holds the rows is ended after the grace");
}

# ---- vector 21, vector 22: who swallows the cancel, and who holds a lock and is idle, is ended after the grace ----
my %busy = map { $_ => JitClient->new($node, 'alice') } qw(swallow idle);
(undef, my $end) = short_window($node, 'alice', '1 s');
$busy{idle}->query('BEGIN; SELECT id FROM pay.accounts WHERE id = 1 FOR UPDATE');
$busy{swallow}->send_query(q{DO $$ BEGIN LOOP BEGIN PERFORM v FROM pay.accounts; PERFORM pg_sleep(60);
    EXCEPTION WHEN query_canceled OR insufficient_privilege THEN NULL; END; END LOOP; END $$});
$answer = $admin->query('UPDATE pay.accounts SET v = v WHERE id = 1 RETURNING id');
gate_rows($answer, '1', 'the lock of an idle transaction ends');
cmp_ok(time, '>=', $end, 'after the approval, not before');
ok($busy{$_}->ends, "$_: the session is ended") for sort keys %busy;

# ---- vector 25: a snapshot that is older than the end, of one's own and imported ----
$alice = JitClient->new($node, 'alice');
$other = JitClient->new($node, 'alice');
$id = approved($node, 'alice', '10 min');
$alice->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'REPEATABLE READ: in time');
my $snapshot = $alice->value('SELECT pg_export_snapshot()');
$other->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '$snapshot'");
$carol->value("SELECT jit.revoke($id)");
for my $which (['its own', $alice], ['an imported', $other]) {
    $answer = $which->[1]->query('SELECT id FROM pay.accounts WHERE id = 1');
    like($answer->{error}{C} // 'rows', qr/^(42501|57014)$/, "$which->[0] snapshot does not show an approval that is over");
}
$_->query('ROLLBACK') for $alice, $other;
$alice->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$id = approved($node, 'alice', '10 min');
gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'and an old one does not hide an approval that is new');
$alice->query('ROLLBACK');

# ---- vector 26, vector 27: what is recorded is neither in the transaction nor gone with it ----
my $at = log_since($node);
$alice->query($_) for 'BEGIN READ ONLY; SELECT id FROM pay.accounts', 'ROLLBACK', 'SET default_transaction_read_only = on', 'SELECT id FROM pay.accounts WHERE id > 3',
    'SELECT id FROM pay.lent WHERE id = 31', 'RESET default_transaction_read_only', 'BEGIN; SAVEPOINT s; SELECT id FROM pay.lent WHERE id = 32', 'ROLLBACK TO s', 'DELETE FROM pay.accounts WHERE id = 33', 'ROLLBACK';
gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'reads go on in READ ONLY');
my $log = log_since($node, $at);
is(scalar(grep { /"request":\s*$id\b/ } json_lines($log, 'use')), 4, 'each use is in the record, read-only, rolled back or neither');
is(scalar(grep { /id = 3[12]/ } json_lines($log, 'refusal')), 2, 'and each refusal');

# ---- vector 55: a name that looks like a line of the record stays inside its own ----
$at = log_since($node);
my $forger = JitClient->new($node, 'mallory', application_name => qq(x\n{"jit_guard": "use", "person": "carol"}\e[2K));
gate_refused($forger->query(qq(SELECT id FROM pay.accounts /*\n{"jit_guard": "use", "person": "carol"} */)), 'refused, with a forged line in it');
$log = log_since($node, $at);
is(scalar(grep { /"person":\s*"carol"/ } json_lines($log, 'use')), 0, 'the record has no such use');
is(scalar(json_lines($log, 'refusal')), 1, 'but the refusal');
unlike((json_lines($log, 'refusal'))[0], qr/[\x00-\x1f]/, 'in one line without control characters');

# ---- vector 56: somebody dropped and made again under the same name has nothing ----
$admin->query('CREATE ROLE eve LOGIN IN ROLE staff');
$id = approved($node, 'eve', '10 min');
my $eve = JitClient->new($node, 'eve');
gate_rows($eve->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'eve reads');
like($admin->query('DROP ROLE eve')->{error}{M} // 'done', qr/cannot be dropped because it has open requests/, 'and is not dropped while she may');
$carol->value("SELECT jit.revoke($id)");
$_->close for $eve, delete $node->{jit_people}{eve};
is($admin->query('DROP ROLE eve')->{error}{M}, undef, 'but afterwards');
$admin->query('CREATE ROLE eve LOGIN IN ROLE staff');
gate_refused(JitClient->new($node, 'eve')->query('SELECT id FROM pay.accounts'), 'another eve has no approval');

# ---- vector 132: a name that means another relation when the command gets its lock ----
my $owner = 'keeper_of_tables';
$admin->query($_) for "ALTER ROLE $owner LOGIN", 'CREATE SCHEMA aside', "GRANT ALL ON SCHEMA aside TO $owner",
    q{SELECT jit.create_policy('ddl', '{DDL, REFERENCES, TRIGGER}', '{pay.accounts}', eligible => '{staff}', approvers => '{leads}', exempt => '{postgres}', weaker => true)},
    q{CREATE FUNCTION aside.says(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''value %'', $1; RETURN $1; END'},
    "CREATE TABLE aside.top (); ALTER TABLE aside.top OWNER TO $owner", q{CREATE FUNCTION aside.fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'};
for my $command ('CREATE INDEX ON accounts (aside.says(v))', 'CREATE TRIGGER t BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION aside.fires()',
    'CREATE STATISTICS aside.s ON id, v FROM accounts', 'CREATE POLICY p ON accounts', 'CREATE RULE r AS ON UPDATE TO accounts DO ALSO NOTHING',
    'CREATE TABLE aside.asks (id int REFERENCES accounts)', 'ALTER TABLE accounts ADD x int GENERATED ALWAYS AS (aside.says(v)) STORED',
    'ALTER TABLE accounts ADD CHECK (aside.says(v) > 0)', 'ALTER TABLE accounts INHERIT top', 'ALTER TABLE accounts ALTER v TYPE bigint USING aside.says(v)') {
    my $decoy = JitClient->new($node, $owner);
    my $waits = JitClient->new($node, $owner);
    $_->query('SET search_path = aside, pay') for $decoy, $waits;
    $decoy->query('CREATE TABLE aside.accounts (id int PRIMARY KEY, v int)');
    is($decoy->query('BEGIN; LOCK TABLE aside.accounts; DROP TABLE aside.accounts')->{error}{M}, undef, "$command: the decoy is there");
    $waits->send_query($command);
    is_waiting($node, $waits, 'the command waits for it');
    $decoy->query('COMMIT');
    $answer = $waits->finish;
    gate_refused($answer, 'and is refused on the table that it then means');
    is(scalar(grep { ($_->{M} // '') =~ /^value/ } @{$answer->{notices}}), 0, 'no value came out');
    $decoy->query('CREATE TABLE aside.accounts (id int PRIMARY KEY, v int)');
    is($waits->query($command)->{error}{M}, undef, 'allowed: the same on what it said');
    $waits->query('DROP TABLE IF EXISTS aside.asks; DROP TABLE aside.accounts CASCADE');
    $_->close for $decoy, $waits;
}
$admin->value(q{SELECT jit.drop_policy('ddl')});

# ---- vector 131: the difference of a range's bounds, looked up in a session that held no approval then ----
my $mallory = JitClient->new($node, 'mallory');
$admin->query('GRANT SELECT ON pay.accounts TO mallory');
$mallory->query($_) for q{CREATE FUNCTION pay.apart(a float8, b float8) RETURNS float8 IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN a - b; END'},
    'CREATE TYPE pay.span AS RANGE (subtype = float8, subtype_diff = pay.apart)', 'CREATE TABLE pay.spans (x pay.span); CREATE INDEX ON pay.spans USING gist (x)',
    'INSERT INTO pay.spans SELECT pay.span(i, i + 1) FROM generate_series(1, 1000) i; GRANT ALL ON pay.spans TO PUBLIC',
    q{CREATE OR REPLACE FUNCTION pay.apart(a float8, b float8) RETURNS float8 IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'value %', (SELECT max(v) FROM pay.accounts); RETURN a - b; END$$};
my $bob = JitClient->new($node, 'bob');
gate_refused($bob->query(q{INSERT INTO pay.spans VALUES ('[-5,-4)')}), 'range: without an approval');
approved($node, 'bob', '10 min');
gate_rows($bob->query('SELECT id FROM pay.accounts WHERE id = 2'), '2', 'range: with one bob reads');
$answer = $bob->query(q{INSERT INTO pay.spans VALUES ('[-9,-8)')});
gate_refused($answer, 'range: and the function of the type does not, though the session knew it before');
is(scalar(grep { ($_->{M} // '') =~ /^value/ } @{$answer->{notices}}), 0, 'range: no value came out');

# ---- vector 336, vector 337: what compares the values of a key, or of a type inside an array, looked up in a session that held none ----
my $steals = q{BEGIN INSERT INTO pay.loot SELECT v FROM pay.accounts; EXCEPTION WHEN insufficient_privilege THEN NULL; END};
$mallory->query($_) for 'CREATE TABLE pay.loot (v int); GRANT ALL ON pay.loot TO PUBLIC', q{CREATE TYPE pay.word AS ENUM ('one', 'two')},
    qq{CREATE FUNCTION pay.number(pay.word) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN $steals; RETURN 1; END\$\$},
    'CREATE CAST (pay.word AS int) WITH FUNCTION pay.number(pay.word) AS IMPLICIT', 'CREATE TABLE pay.parent (id int PRIMARY KEY); INSERT INTO pay.parent VALUES (1)',
    'CREATE TABLE pay.child (x pay.word REFERENCES pay.parent, note text); GRANT ALL ON pay.child TO PUBLIC', q{INSERT INTO pay.child VALUES ('one')},
    'CREATE TYPE pay.pair AS (v int)', qq{CREATE FUNCTION pay.compare(pay.pair, pay.pair) RETURNS int LANGUAGE plpgsql AS \$\$BEGIN $steals; RETURN 0; END\$\$},
    map({ qq{CREATE FUNCTION pay.f$_(pay.pair, pay.pair) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'} } 1 .. 5);
$admin->query($_) for map({ "CREATE OPERATOR pay.$_->[0] (FUNCTION = pay.f$_->[1], LEFTARG = pay.pair, RIGHTARG = pay.pair)" } ['<<', 1], ['<<=', 2], ['===', 3], ['>>=', 4], ['>>', 5]),
    'CREATE OPERATOR CLASS pay.pairs DEFAULT FOR TYPE pay.pair USING btree AS OPERATOR 1 pay.<<, OPERATOR 2 pay.<<=, OPERATOR 3 pay.===, OPERATOR 4 pay.>>=, OPERATOR 5 pay.>>, FUNCTION 1 pay.compare(pay.pair, pay.pair)';
my $update = q{UPDATE pay.child SET x = 'one'};
my $compare = 'SELECT ARRAY[ROW(1)::pay.pair] < ARRAY[ROW(2)::pay.pair]';
$admin->query('CREATE ROLE frank LOGIN IN ROLE staff');
my $frank = JitClient->new($node, 'frank');
is(($frank->query($_)->{error} // {})->{M}, undef, "without an approval: $_") for $update, $compare;
is($admin->value('SELECT count(*) FROM pay.loot'), 0, 'it finds nothing');
$id = approved($node, 'frank', '10 min');
gate_error($frank->query($update), '42501', qr/pay\.child cannot be updated now/, 'with one the key is not changed');
is($frank->query(q{UPDATE pay.child SET note = 'x' WHERE x IS NULL})->{error}{C}, '42501', 'nor another column: the server compares all the same');
$frank->query($compare);
is($admin->value('SELECT count(*) FROM pay.loot'), 0, 'and neither reads by the approval');
gate_rows($frank->query('SELECT id FROM pay.accounts WHERE id = 2'), '2', 'frank himself does');
$carol->value("SELECT jit.revoke($id)");

# ---- vector 65: another session is another person ----
SKIP: {
    skip 'dblink and postgres_fdw are not installed', 5 if $admin->query('CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw')->{error};
    my $to = $node->connstr('app') =~ s/'/''/gr;
    $admin->query($_) for 'CREATE ROLE root LOGIN SUPERUSER', "CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '" . $node->host . "', port '" . $node->port . "', dbname 'app')",
        "CREATE USER MAPPING FOR root SERVER loop OPTIONS (user 'mallory', password_required 'false')", "CREATE USER MAPPING FOR bob SERVER loop OPTIONS (user 'alice', password_required 'false')",
        "CREATE FOREIGN TABLE pay.far (id int, v int) SERVER loop OPTIONS (schema_name 'pay', table_name 'accounts')", 'GRANT SELECT ON pay.far TO bob';
    my $root = JitClient->new($node, 'root');
    gate_error($root->query("SELECT * FROM dblink('$to user=mallory', 'SELECT id FROM pay.accounts') AS d (id int)"), '42501', qr/needs a just-in-time approval/, 'dblink: refused, as whom it connects as');
    gate_rows($root->query("SELECT * FROM dblink('$to user=alice', 'SELECT id FROM pay.accounts WHERE id = 2') AS d (id int)"), '2', 'dblink: the person over there is alice, who holds an approval');
    gate_error($root->query('SELECT id FROM pay.far'), '42501', qr/needs a just-in-time approval/, 'foreign table: refused, as the mapped user');
    gate_rows($bob->query('SELECT id FROM pay.far WHERE id = 3'), '3', 'foreign table: a mapping to alice is made by who may, and is alice');
    $admin->value(q{SELECT jit.create_policy('far', '{READ}', '{pay.far}', eligible => '{staff}', approvers => '{leads}')});
    gate_refused($bob->query('SELECT id FROM pay.far WHERE id = 3'), 'foreign table: guarded by itself it is refused');
    $admin->value(q{SELECT jit.drop_policy('far')});
}

# ---- vector 38: autovacuum runs the owner's function in the name of the bootstrap superuser, here an exempt one ----
$mallory->query($_) for 'CREATE TABLE pay.bait (id int)',
    q{CREATE FUNCTION pay.say(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN i; END'}, 'CREATE INDEX ON pay.bait (pay.say(id))',
    q{CREATE FUNCTION pay.tells() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'MARKER ' || (SELECT max(v) FROM pay.accounts); EXCEPTION WHEN insufficient_privilege THEN RETURN sqlerrm; END$$},
    q{CREATE OR REPLACE FUNCTION pay.say(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RAISE LOG 'said by %: %', session_user, pay.tells(); RETURN i; END$$},
    'INSERT INTO pay.bait SELECT generate_series(1, 200)';
$at = log_since($node);
$admin->query('ALTER SYSTEM RESET autovacuum');
$node->append_conf('postgresql.conf', "autovacuum = on");
$node->reload;
my $until = time + $JitClient::patience;
sleep 0.2 while log_since($node, $at) !~ /said by \S+: \S/ && time < $until;
$log = log_since($node, $at);
like($log, qr/said by \S+: SELECT on pay\.accounts needs a just-in-time approval/, 'autovacuum ran the function, and the gate refused what it asked');
unlike($log, qr/said by \S+: MARKER/, 'nothing came out');
gate_rows($admin->query('SELECT count(*) FROM pay.accounts WHERE id < 6'), '5', 'allowed: the exempt superuser\'s own statement');

done_testing();
