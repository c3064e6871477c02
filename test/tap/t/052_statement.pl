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
