# Approvals of one statement under the protocol itself: parameters, prepared statements, portals, pipelines, and what changes
# between Parse, Bind and Execute.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;

my $node = gate_cluster('statement');
my $admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');
my $owner = 'keeper_of_tables';
my $answer;

# An approval of that statement under a policy; asked for by another session of alice.
sub of_statement {
    my ($sql, %how) = @_;
    return approved($node, 'alice', '10 min', policy => $how{policy} // 'acc',
        more => "statement => \$it\$$sql\$it\$" . ($how{uses} ? ", uses => $how{uses}" : ''));
}
sub over { my ($id) = @_; $alice->query('ROLLBACK'); $alice->value("SELECT jit.release($id)"); return; }
my $by_itself = qr/serves only the statement itself/;
my $another = qr/This is another statement/;

# ---- parameters are the constants that they are bound to (vector 180) ----
my $id = of_statement('SELECT v FROM pay.accounts WHERE id = 3');
gate_rows($alice->query('SELECT v FROM pay.accounts WHERE id = 3'), '30', 'simple protocol');
gate_rows($alice->extended('SELECT v FROM pay.accounts WHERE id = 3'), '30', 'extended protocol');
gate_rows($alice->extended('SELECT v FROM pay.accounts WHERE id = $1', 3), '30', 'a parameter with the value of the constant');
gate_error($alice->extended('SELECT v FROM pay.accounts WHERE id = $1', 4), '42501', $another, 'another value');
gate_error($alice->extended('SELECT v FROM pay.accounts WHERE id = $1', undef), '42501', $another, 'no value');
gate_error($alice->extended('SELECT v FROM pay.accounts WHERE id = $1::bigint', 3), '42501', $another, 'a value of another type');
gate_error($alice->extended('SELECT v FROM pay.accounts WHERE id = $1::text::int', 3), '42501', $another, 'a value that is computed');
gate_error($alice->query('SELECT 1; SELECT v FROM pay.accounts; SELECT v FROM pay.accounts WHERE id = 3'), '42501', $another,
    'another statement in the same string');
gate_rows($alice->query('SELECT 1 AS one; SELECT v FROM pay.accounts WHERE id = 3'), '1 30', 'the statement in a string of several');

# ---- only what was freshly planned (vector 186) ----
$answer = $alice->parse('p', 'SELECT v FROM pay.accounts WHERE id = 3')->bind('', 'p')->execute('')->sync->finish;
gate_rows($answer, '30', 'a prepared statement, the first time');
gate_error($alice->bind('', 'p')->execute('')->sync->finish, '42501', qr/plan was made for an earlier execution/, 'and not again from the same plan');
$alice->value("SELECT 1");
$alice->parse('q', 'SELECT v FROM pay.accounts WHERE id = $1');
for my $time (1 .. 5) {
    $answer = $alice->bind('', 'q', 3)->execute('')->sync->finish;
    gate_rows($answer, '30', "planned for its parameters, time $time") if $time == 1 || $time == 5;
}
$alice->query("SET plan_cache_mode = force_generic_plan");
gate_error($alice->bind('', 'q', 3)->execute('')->sync->finish, '42501', qr/planned for any values/, 'a generic plan serves any value');
$alice->query("SET plan_cache_mode = force_custom_plan");
gate_rows($alice->bind('', 'q', 3)->execute('')->sync->finish, '30', 'and a custom one is the statement again');
gate_error($alice->bind('', 'q', 5)->execute('')->sync->finish, '42501', $another, 'for this value only');
$answer = $alice->bind('', 'q', 3)->execute('')->bind('', 'q', 2)->execute('')->bind('', 'q', 3)->execute('')->sync->finish;
gate_error($answer, '42501', $another, 'in a pipeline another value fails');
is(join(' ', map { $_->[0] } @{$answer->{rows}}), '30', 'after the rows of the approved one, and nothing follows');
$alice->query('RESET plan_cache_mode');

# ---- fetched in parts, and not after anything changed (vector 187) ----
over($id);
$id = of_statement('SELECT v FROM pay.accounts ORDER BY id');
$alice->query('BEGIN');
$alice->parse('', 'SELECT v FROM pay.accounts ORDER BY id')->bind('a', '')->execute('a', 2)->flush;
gate_rows($alice->finish(stop => 's'), '10 20', 'the first rows of a portal');
gate_rows($alice->execute('a', 1)->flush->finish(stop => 's'), '30', 'and one more');
$alice->parse('', "SELECT set_config('TimeZone', 'Asia/Tokyo', true)")->bind('', '')->execute('')->flush->finish(stop => 'C');
gate_error($alice->execute('a', 1)->sync->finish, '42501', qr/TimeZone is "Asia\/Tokyo"/, 'but not under another time zone');
$alice->query('ROLLBACK');
$alice->query('BEGIN');
$alice->parse('', 'SELECT v FROM pay.accounts ORDER BY id')->bind('a', '')->execute('a', 2)->flush->finish(stop => 's');
gate_error($alice->parse('', 'SELECT v FROM pay.accounts')->bind('', '')->execute('')->sync->finish, '42501', $another,
    'an open portal opens nothing for the next statement');
over($id);

# ---- what it reaches is replaced while a portal is open (vector 188) ----
my $label = 'CREATE OR REPLACE FUNCTION pay.label(int) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS';
$admin->query("$label \$\$ BEGIN RETURN 'approved'; END \$\$; ALTER FUNCTION pay.label(int) OWNER TO $owner");
$id = of_statement('SELECT pay.label(v) FROM pay.accounts');
$alice->query('BEGIN');
$alice->parse('', 'SELECT pay.label(v) FROM pay.accounts')->bind('a', '')->execute('a', 2)->flush;
gate_rows($alice->finish(stop => 's'), 'approved approved', 'rows by the function as it was approved');
gate_rows($alice->execute('a', 1)->flush->finish(stop => 's'), 'approved', 'and one more');
$admin->query("$label \$\$ BEGIN RETURN 'replaced'; END \$\$");
gate_error($alice->execute('a', 1)->sync->finish, '42501', qr/function pay\.label\(integer\) has changed/, 'none by what took its place');
over($id);

# ---- SET between Bind and Execute: what writes starts only then (vector 187) ----
$id = of_statement('UPDATE pay.accounts SET v = v + 1 WHERE id = 1');
my $update = 'UPDATE pay.accounts SET v = v + 1 WHERE id = 1';
$alice->query('BEGIN');
$alice->parse('u', $update)->bind('u', 'u')->flush->finish(stop => '2');
$alice->parse('', "SELECT set_config('DateStyle', 'German', true)")->bind('', '')
    ->execute('')->flush->finish(stop => 'C');
gate_error($alice->execute('u')->sync->finish, '42501', qr/DateStyle is "German/, 'another setting between Bind and Execute');
$alice->query('ROLLBACK');
$answer = $alice->parse('', $update)->bind('', '')->execute('')->sync->finish;
is($answer->{tags}[0], 'UPDATE 1', 'and it is done without');
$alice->query('BEGIN'); $alice->query($update); $alice->query('ROLLBACK');
is($alice->query($update)->{tags}[0], 'UPDATE 1', 'after a rollback it is planned anew');
over($id);

# ---- another role, although the person is the same (vector 182) ----
$admin->query('CREATE ROLE hat; GRANT hat TO alice; GRANT ALL ON pay.accounts TO hat; GRANT USAGE ON SCHEMA pay TO hat');
$id = of_statement('SELECT v FROM pay.accounts WHERE id = 2');
$alice->query('SET ROLE hat');
gate_error($alice->query('SELECT v FROM pay.accounts WHERE id = 2'), '42501', qr/role is "hat", and was "alice"/, 'under another role');
$alice->query('RESET ROLE');
gate_rows($alice->query('SELECT v FROM pay.accounts WHERE id = 2'), '20', 'and under that of the request');
$alice->query('BEGIN');
$alice->parse('', 'SELECT v FROM pay.accounts WHERE id = 2')->bind('r', '')->flush->finish(stop => '2');
$alice->parse('', "SELECT set_config('role', 'hat', true)")->bind('', '')->execute('')->flush->finish(stop => 'C');
gate_error($alice->execute('r')->sync->finish, '42501', qr/role is "hat"/, 'a role between Bind and Execute');
over($id);

# ---- what is inside other code: functions, deferred triggers, input functions of parameters (vector 181) ----
$admin->query(<<'SQL');
CREATE FUNCTION pay.reads() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT v FROM pay.accounts WHERE id = 2); END $$;
ALTER FUNCTION pay.reads() OWNER TO alice;
CREATE FUNCTION pay.leaves() RETURNS refcursor LANGUAGE plpgsql SET search_path = pay, pg_temp AS
    $$ DECLARE c refcursor := 'left'; BEGIN OPEN c FOR SELECT v FROM pay.accounts ORDER BY id; RETURN c; END $$;
CREATE FUNCTION pay.deferred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM v FROM pay.accounts WHERE id = 2; RETURN null; END $$;
CREATE TABLE pay.queue (id int); GRANT ALL ON pay.queue TO alice;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON pay.queue DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pay.deferred();
SQL
$id = of_statement('SELECT v FROM pay.accounts WHERE id = 2');
gate_refused($alice->query('SELECT pay.reads()'), 'the statement inside a function is not the statement');
gate_refused($alice->query('INSERT INTO pay.queue VALUES (1)'), 'nor in a deferred trigger');
gate_rows($alice->query('SELECT v FROM pay.accounts WHERE id = 2'), '20', 'it is, by itself');
over($id);
$id = of_statement('SELECT pay.reads()');
gate_rows($alice->query('SELECT pay.reads()'), '20', 'a call that is approved reads what it reads');
gate_error($alice->query('SELECT v FROM pay.accounts WHERE id = 2'), '42501', $another, 'the same read outside of it does not');
over($id);
# A cursor that the function leaves behind is not the statement any more.
$id = of_statement('SELECT pay.leaves()');
$alice->query('BEGIN');
gate_rows($alice->query('SELECT pay.leaves()'), 'left', 'a function that opens a cursor');
gate_refused($alice->query('FETCH ALL FROM "left"'), 'nothing is fetched after the statement is over');
over($id);

# ---- MERGE, and lent power (vector 193) ----
$id = of_statement('SELECT v FROM pay.lent WHERE id = 1', policy => 'lent');
gate_rows($alice->query('SELECT v FROM pay.lent WHERE id = 1'), '100', 'power is lent to the statement');
gate_error($alice->query('SELECT v FROM pay.lent WHERE id = 2'), '42501', $another, 'and to no other');
over($id);
my $merge = 'MERGE INTO pay.accounts a USING (SELECT 1 AS id) s ON s.id = a.id WHEN MATCHED THEN UPDATE SET v = 0';
$id = of_statement($merge, uses => 1);
is($alice->query('  ' . lc $merge)->{tags}[0], 'MERGE 1', 'MERGE');
gate_refused($alice->query($merge), 'once');

# ---- what runs is what was approved, however it is reached ----
$alice->query('CREATE SCHEMA mine');
$alice->query($_) for (
    'CREATE TABLE mine.took (v int)',
    'CREATE FUNCTION mine.takes(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        UPDATE pay.accounts SET v = v; INSERT INTO mine.took SELECT v FROM pay.accounts; RETURN true; END $$');
my $is_beside = qr/Function mine\.takes\(integer\) runs, which is not part of the approved statement/;
# Prepares, asks, changes, and says how the statement then fares and what was taken.
sub changed_after {
    my ($setup, $sql, $change) = @_;
    $alice->query('TRUNCATE mine.took');
    $alice->query($_)->{error} && diag($_) for @$setup;
    my $asked = of_statement($sql);
    my $before = $alice->query($sql);
    $alice->query($_)->{error} && diag($_) for @$change;
    my $after = $alice->query($sql);
    my $taken = $alice->value('SELECT count(*) FROM mine.took');
    over($asked);
    return ($before, $after, $taken);
}
# Statement, what alice made for it, what she changes later; the first is with the type as it was.
JitClient->new($node, 'postgres')->value("SELECT jit.alter_policy('acc', statement => 'bound')");
my $by_id = 'SELECT v FROM pay.accounts WHERE id = (SELECT %s)';
for my $case ( # vector 341
    ['a list of columns', 'x FROM jsonb_to_record(\'{"x": 2}\') AS t (x mine.d1)', ['CREATE DOMAIN mine.d1 AS int'], 'd1'],
    ['XMLTABLE', q{x FROM XMLTABLE('/a' PASSING XMLPARSE(DOCUMENT '<a>2</a>') COLUMNS x mine.d2 PATH '.')}, ['CREATE DOMAIN mine.d2 AS int'], 'd2'],
    ['a range', q{2 + isempty((text '[2,3)')::mine.r3)::int}, ['CREATE DOMAIN mine.d3 AS int', 'CREATE TYPE mine.r3 AS RANGE (subtype = mine.d3)'], 'd3'],
    ['a multirange', q{2 + isempty((text '{[2,3)}')::mine.m4)::int},
        ['CREATE DOMAIN mine.d4 AS int', 'CREATE TYPE mine.r4 AS RANGE (subtype = mine.d4, multirange_type_name = mine.m4)'], 'd4'],
    ['a range in a row', q{2 + isempty((jsonb_populate_record(NULL::mine.c5, '{"r": "[2,3)"}')).r)::int},
        ['CREATE DOMAIN mine.d5 AS int', 'CREATE TYPE mine.r5 AS RANGE (subtype = mine.d5)', 'CREATE TYPE mine.c5 AS (r mine.r5)'], 'd5'],
    ['the row type of a table', q{(jsonb_populate_record(NULL::mine.t6, '{"a": 2}')).a},
        ['CREATE DOMAIN mine.d6 AS int', 'CREATE TABLE mine.t6 (a int)'], 'd6', 'ALTER TABLE mine.t6 ALTER a TYPE mine.d6'],
  ) {
    my ($how, $value, $setup, $domain, @more) = @$case;
    my ($before, $after, $taken) = changed_after($setup, sprintf($by_id, $value),
        [@more, "ALTER DOMAIN mine.$domain ADD CHECK (mine.takes(VALUE))"]);
    gate_rows($before, '20', "$how: its type as it was approved");
    gate_error($after, '42501', qr/(?:type mine\.t6 has changed|constraint \w+_check is new) since it was asked for/,
        "$how: a check of its type that came later");
    is($taken, '0', "$how: and nothing is taken");
}

# PL/pgSQL bodies: what they name is a part (vector 341); what is found otherwise does not use the approval (vector 340).
my $body = 'CREATE FUNCTION mine.f() RETURNS int LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ %s $$';
my $g = 'CREATE OR REPLACE FUNCTION mine.g() RETURNS int LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN %s; RETURN 2; END $$';
my $reads = sprintf($by_id, 'mine.f()');
my $alters = sprintf($g, 'PERFORM mine.takes(1)');
for my $case (
    ['a variable', ['CREATE DOMAIN mine.d7 AS int', sprintf($body, 'DECLARE x mine.d7 := 2; BEGIN RETURN x; END')],
        ['ALTER DOMAIN mine.d7 ADD CHECK (mine.takes(VALUE))'], qr/constraint d7_check is new/],
    ['a call', [sprintf($body, 'BEGIN RETURN Mine . "g" (); END'), sprintf($g, 'NULL')], [$alters], qr/function mine\.g\(\) has changed/],
    ['a default of an argument', [sprintf($g, 'NULL'),
        'CREATE FUNCTION mine.f(int DEFAULT mine.g()) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN $1; END $$'],
        [$alters], qr/function mine\.g\(\) has changed/],
    ['a call by an operator', [sprintf($body, 'BEGIN RETURN 1 OPERATOR(mine.##) 1; END'),
        'CREATE FUNCTION mine.later(int, int) RETURNS int LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN $1 + $2; END $$',
        'CREATE OPERATOR mine.## (FUNCTION = mine.later, LEFTARG = int, RIGHTARG = int)'],
        ['CREATE OR REPLACE FUNCTION mine.later(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM mine.takes(1); RETURN 2; END $$'], $is_beside],
  ) {
    my ($how, $setup, $change, $why) = @$case;
    my ($before, $after, $taken) = changed_after($setup, $reads, $change);
    gate_rows($before, '20', "$how in a body: as it was approved");
    gate_error($after, '42501', $why, "$how in a body: which does more now");
    is($taken, '0', "$how in a body: and nothing is taken");
    $alice->query('DROP FUNCTION mine.f');
}
# Twin: a function that the body calls reads what it was approved to read; by dynamic SQL it is not found, and does not.
$alice->query($_) for (sprintf($g, 'PERFORM v FROM pay.accounts WHERE id = 2'), sprintf($body, 'BEGIN RETURN mine.g(); END'));
$id = of_statement($reads);
gate_rows($alice->query($reads), '20', 'what a body calls uses the approval');
over($id);
$admin->query("SELECT jit.alter_policy('acc', statement => 'optional')");
$alice->query(q{CREATE OR REPLACE FUNCTION mine.f() RETURNS int LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS
    $$ DECLARE x int; BEGIN EXECUTE 'SELECT mine' || '.g()' INTO x; RETURN x; END $$});
$id = of_statement($reads);
$answer = $alice->query($reads);
gate_error($answer, '42501', qr/Function mine\.g\(\) runs, which is not part of the approved statement/, 'unless dynamic SQL does it');
like($answer->{error}{H}, qr/calls it by its name/, 'and the HINT says how');
$alice->query(sprintf($g, 'NULL'));
gate_rows($alice->query($reads), '20', 'a function that reads nothing guarded may be found so');
over($id);

# ---- the clock, revoke, restart: as every approval ----
$id = of_statement('SELECT v FROM pay.accounts WHERE id = 5');
$node->restart;
$alice = JitClient->new($node, 'alice');
gate_rows($alice->query("SELECT * FROM jit.run($id)"), '{"v":50}', 'after a restart, by its number');
JitClient->new($node, 'carol')->value("SELECT jit.revoke($id)");
gate_refused($alice->query('SELECT v FROM pay.accounts WHERE id = 5'), 'revoked');
gate_error($alice->query("SELECT * FROM jit.run($id)"), '42501', qr/you hold no approval/, 'nor by its number');
$node->stop;
done_testing;
