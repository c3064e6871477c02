# The gate under the protocol itself: what is sent between Parse and Execute, portals, pipelines, fast path.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;

my $node = gate_cluster('protocol');
my $admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');
my $carol = JitClient->new($node, 'carol');
my $answer;
my $over = qr/approval \d+ is over|needs a just-in-time approval/;

sub count_of { my ($table) = @_; return $admin->value("SELECT n_live_tup FROM (SELECT count(*) AS n_live_tup FROM $table) c"); }
# postgres is a person like any other; the counts below come from a table's owner's view of an unguarded copy.
$admin->value("SELECT jit.alter_policy('$_', exempt => '{postgres}')") for 'acc', 'lent';

# ---- simple query ----
gate_refused($alice->query('SELECT v FROM pay.accounts'), 'simple query without an approval');
my $id = approved($node, 'alice', '10 min');
gate_rows($alice->query('SELECT id FROM pay.accounts ORDER BY id'), '1 2 3 4 5', 'simple query with an approval');
$answer = $alice->query("SELECT 'open' FROM pay.open; SELECT id FROM pay.lent; SELECT 'never'");
gate_refused($answer, 'the second of several statements is refused');
is(join(' ', map { $_->[0] } @{$answer->{rows}}), 'open', 'after the first was answered, and the third is not run');
$answer = $alice->query('SELECT id FROM pay.accounts WHERE id = 1; INSERT INTO pay.open VALUES (2, 2); SELECT id FROM pay.accounts WHERE id = 2');
gate_rows($answer, '1 2', 'several statements, all approved');
$answer = $alice->query('INSERT INTO pay.open VALUES (77, 7); DELETE FROM pay.lent');
gate_refused($answer, 'several statements are one transaction');
is(count_of('pay.open WHERE id = 77'), 0, 'and what came before the refused one is rolled back');

# ---- extended: Describe and Flush disclose no rows ----
$answer = $alice->parse('', 'SELECT v FROM pay.lent')->describe('S', '')->flush->finish(stop => 'T');
is($answer->{seen}, '1tT', 'Parse and Describe of a guarded statement answer with its shape only');
$answer = $alice->bind('', '')->execute('')->sync->finish;
gate_refused($answer, 'Bind is refused');
is(scalar @{$answer->{rows}}, 0, 'without a row');
$answer = $alice->extended('SELECT id FROM pay.accounts WHERE id > $1 ORDER BY id', 3);
gate_rows($answer, '4 5', 'extended protocol with a parameter, approved');
is($answer->{seen}, '12TDDCZ', 'with the usual messages');

# ---- a pipeline with a revoke in between: everything after it is refused ----
$alice->query('BEGIN');
$alice->parse('p', 'SELECT id FROM pay.accounts WHERE id = $1')->bind('', 'p', 1)->execute('')->flush;
gate_rows($alice->finish(stop => 'C'), '1', 'first Execute of a pipeline');
$carol->value("SELECT jit.revoke($id)");
$alice->bind('', 'p', 2)->execute('')->bind('', 'p', 3)->execute('')->sync;
$answer = $alice->finish;
like($answer->{error}{C}, qr/^(42501|57014)$/, 'the next Execute of the pipeline is refused after a revoke');
is(scalar @{$answer->{rows}}, 0, 'and no row of it or of what follows arrives');
is($answer->{status}, 'E', 'the transaction has failed');
$alice->query('ROLLBACK');
gate_refused($alice->bind('', 'p', 2)->execute('')->sync->finish, 'the prepared statement does not outlive the approval');
$id = approved($node, 'alice', '10 min');
gate_rows($alice->bind('', 'p', 2)->execute('')->sync->finish, '2', 'and works again under a new one');

# ---- pipeline without a transaction block: each Sync ends one ----
$alice->bind('', 'p', 1)->execute('')->sync->bind('', 'p', 4)->execute('')->sync;
gate_rows($alice->finish, '1', 'two Syncs in one go: first');
gate_rows($alice->finish, '4', 'second');

# ---- Bind before, Execute after ----
$alice->query('BEGIN');
$alice->bind('late', 'p', 5)->flush;
# vector 7
is($alice->finish(stop => '2')->{seen}, '2', 'bound in time');
$carol->value("SELECT jit.revoke($id)");
$answer = $alice->execute('late')->sync->finish;
like($answer->{error}{C} // 'rows', qr/^(42501|57014)$/, 'Execute of a portal bound before the revoke');
$alice->query('ROLLBACK');

# ---- a suspended portal ----
$id = approved($node, 'alice', '10 min');
$alice->query('BEGIN');
$alice->parse('all', 'SELECT id FROM pay.accounts ORDER BY id')->bind('slow', 'all')->execute('slow', 2)->flush;
$answer = $alice->finish(stop => 's');
gate_rows($answer, '1 2', 'a portal with a row limit gives its first rows');
# vector 8
like($answer->{seen}, qr/s$/, 'and is suspended');
$answer = $alice->execute('slow', 1)->flush->finish(stop => 's');
gate_rows($answer, '3', 'the next Execute goes on');
$carol->value("SELECT jit.revoke($id)");
$answer = $alice->execute('slow', 2)->sync->finish;
like($answer->{error}{C} // 'rows', qr/^(42501|57014)$/, 'a suspended portal does not outlive the approval');
is(scalar @{$answer->{rows}}, 0, 'and gives no more rows');
$alice->query('ROLLBACK');

# ---- INSERT ... RETURNING writes at the first Execute and keeps its rows: the session ends with the approval ----
$id = approved($node, 'alice', '10 min');
$alice->query('BEGIN');
$alice->parse('ins', 'INSERT INTO pay.accounts SELECT g, g FROM generate_series(100, 105) g RETURNING id')->bind('ret', 'ins')->execute('ret', 2)->flush;
gate_rows($alice->finish(stop => 's'), '100 101', 'INSERT RETURNING with a row limit');
gate_rows($alice->execute('ret', 1)->flush->finish(stop => 's'), '102', 'goes on while the approval lives');
$carol->value("SELECT jit.revoke($id)");
ok($alice->ends, 'revoked: the session that holds the stored rows is ended');
is($alice->{last_error}{C}, '57P01', 'as an administrator would') if $alice->{last_error};
is(count_of('pay.accounts WHERE id >= 100'), 0, 'and nothing was written');
$alice = JitClient->new($node, 'alice');

# ---- held cursors are refused, so no Execute can read one ----
$id = approved($node, 'alice', '10 min');
$alice->query('BEGIN');
# vector 6
gate_error($alice->query('DECLARE h CURSOR WITH HOLD FOR SELECT id FROM pay.accounts'), '0A000', qr/a cursor WITH HOLD cannot read pay.accounts/, 'WITH HOLD is refused');
$alice->query('ROLLBACK');
$answer = $alice->execute('h')->sync->finish;
is($answer->{error}{C}, '34000', 'and Execute finds no such portal');
gate_rows($alice->query('BEGIN; DECLARE n CURSOR FOR SELECT id FROM pay.accounts ORDER BY id'), '', 'without hold it is declared');
gate_rows($alice->execute('n', 2)->sync->finish, '1 2', 'a protocol Execute reads it');
$carol->value("SELECT jit.revoke($id)");
$answer = $alice->execute('n', 1)->sync->finish;
like($answer->{error}{C} // 'rows', qr/^(42501|57014)$/, 'until the approval is over');
$alice->query('ROLLBACK');
gate_rows($alice->query('BEGIN; DECLARE o CURSOR WITH HOLD FOR SELECT id FROM pay.open WHERE id = 1; COMMIT'), '', 'an unguarded cursor may be held');
gate_rows($alice->execute('o')->sync->finish, '1', 'and read with Execute');

# ---- nor one by way of a function's loop, whose own cursor is the one that runs ----
$id = approved($node, 'alice', '10 min');
$alice->query($_) for (
    q{CREATE FUNCTION pay.loops() RETURNS SETOF int LANGUAGE plpgsql AS $$DECLARE x record; BEGIN FOR x IN SELECT id FROM pay.accounts ORDER BY id LOOP RETURN NEXT x.id; END LOOP; END$$},
    q{CREATE FUNCTION pay.loops_once() RETURNS int LANGUAGE plpgsql AS $$DECLARE x record; BEGIN FOR x IN SELECT id FROM pay.accounts ORDER BY id LOOP RETURN x.id; END LOOP; END$$},
    q{CREATE FUNCTION pay.fetches() RETURNS int LANGUAGE plpgsql AS $$DECLARE c refcursor := 'c'; x int; BEGIN FETCH c INTO x; RETURN x; END$$},
);
my $no_hold = qr/a cursor WITH HOLD cannot read pay.accounts/;
# vector 258
gate_error($alice->query('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT * FROM pay.loops(); COMMIT'), '0A000', $no_hold, 'a held cursor over a loop is refused at COMMIT');
is($alice->execute('h')->sync->finish->{error}{C}, '34000', 'and Execute finds no such portal');
gate_error($alice->query('BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT pay.loops_once(); FETCH h'), '0A000', $no_hold, 'and at FETCH');
$alice->query('ROLLBACK');
gate_error($alice->query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM pay.accounts; DECLARE h CURSOR WITH HOLD FOR SELECT pay.fetches(); FETCH h'), '0A000', $no_hold, 'as is one that fetches from another cursor');
$alice->query('ROLLBACK');
gate_rows($alice->query('BEGIN; DECLARE n CURSOR FOR SELECT * FROM pay.loops() LIMIT 2; FETCH ALL FROM n; COMMIT'), '1 2', 'without hold it may loop');
gate_rows($alice->query('BEGIN; DECLARE k CURSOR WITH HOLD FOR SELECT id FROM pay.open WHERE id = 1; FETCH k; SELECT pay.loops_once(); COMMIT; CLOSE k'), '1 1', 'beside a held cursor, too');

# ---- a loop of a procedure keeps at COMMIT what its query has not given yet, also what functions in it have read ----
for my $loop ('SELECT * FROM pay.loops(), generate_series(1, 20)', 'SELECT pay.loops_once() FROM generate_series(1, 100)') {
    $alice->send_query(qq{DO \$\$DECLARE x record; BEGIN FOR x IN $loop LOOP COMMIT; INSERT INTO pay.open VALUES (700, 1); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END\$\$});
    wait_until($node, 'EXISTS (SELECT FROM pay.open WHERE id = 700)');
    $carol->value("SELECT jit.revoke($id)");
    ok($alice->ends, "revoked: the session that keeps the rows of $loop is ended");
    $admin->value('DELETE FROM pay.open WHERE id = 700 RETURNING 1');
    $alice = JitClient->new($node, 'alice');
    $id = approved($node, 'alice', '10 min');
}
$alice->query('DO $$DECLARE x record; BEGIN FOR x IN SELECT 1 FROM generate_series(1, 3) LOOP PERFORM FROM pay.accounts; COMMIT; END LOOP; END$$');
$carol->value("SELECT jit.revoke($id)");
gate_rows($alice->query('SELECT id FROM pay.open WHERE id = 1'), '1', 'a loop that kept nothing guarded leaves the session alone');

# ---- fast path ----
$admin->value(q{CREATE FUNCTION pay.peek(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT a.v FROM pay.accounts a WHERE a.id = i); END'});
my $peek = $admin->value(q{SELECT 'pay.peek(int)'::regprocedure::oid::int8});
my $approve = $admin->value(q{SELECT 'jit.approve(bigint, text, interval)'::regprocedure::oid::int8});
gate_refused($alice->call($peek, 2), 'a function called by fast path that reads a guarded table');
$id = approved($node, 'alice', '10 min');
$answer = $alice->call($peek, 2);
is($answer->{result}, '20', 'with an approval it answers') or diag($answer->{error}{M});
my $asked = $alice->value("SELECT jit.request('lent', '10 min', reason => 'fast')");
$answer = $carol->call($approve, $asked, 'yes', '5 min');
gate_error($answer, '42501', qr/jit.approve\(\) can only be called by the client itself/, 'jit.approve by fast path is refused');
is($admin->value("SELECT state FROM jit.requests WHERE request_id = $asked"), 'pending', 'and changes nothing');

# ---- vector 335: a function called by fast path hears of a new policy while it runs, whose locks and plans it has already ----
$admin->query('CREATE TABLE pay.late (v int); INSERT INTO pay.late VALUES (77); GRANT ALL ON pay.late TO staff');
$admin->query(q{CREATE FUNCTION pay.reads_twice() RETURNS int LANGUAGE plpgsql AS $$DECLARE n int; waited bool; BEGIN
    SELECT v INTO n FROM pay.late; waited := pg_advisory_xact_lock(5) IS NULL; SELECT v INTO n FROM pay.late; RETURN n; END$$});
my $twice = $admin->value(q{SELECT 'pay.reads_twice()'::regprocedure::oid::int8});
is($alice->call($twice)->{result}, '77', 'it may read, and has plans now');
$admin->query('SELECT pg_advisory_lock(5)');
$alice->send_message('F', pack('N n n n', $twice, 0, 0, 0));
is_waiting($node, $alice, 'it has read once, and waits');
JitClient->new($node, 'postgres')->value(q{SELECT jit.create_policy('late', '{READ}', '{pay.late}', eligible => '{staff}', approvers => '{leads}')});
$admin->query('SELECT pg_advisory_unlock(5)');
gate_refused($alice->finish, 'guarded meanwhile, it is not read again');
$alice = JitClient->new($node, 'alice');

# ---- approve in the extended protocol, as every driver sends it ----
$answer = $carol->extended('SELECT jit.approve($1, $2, $3)', $asked, "it's fine", '5 min');
gate_rows($answer, 'approved', 'SELECT jit.approve($1, $2, $3) with parameters');
gate_rows($alice->query('SELECT v FROM pay.lent WHERE id = 1'), '100', 'gives the right');
$asked = $alice->value("SELECT jit.request('lent', '10 min', reason => 'again')");
$carol->parse('vote', 'SELECT * FROM jit.approve($1)')->sync->finish;
gate_rows($carol->bind('', 'vote', $asked)->execute('')->sync->finish, 'approved', 'a prepared SELECT * FROM jit.approve($1)');
$asked = $alice->value("SELECT jit.request('lent', '10 min', reason => 'third')");
gate_rows($carol->bind('', 'vote', $asked)->execute('', 1)->sync->finish, 'approved', 'with a row limit too');
$asked = $alice->value("SELECT jit.request('lent', '10 min', reason => 'fourth')");
gate_error($carol->extended('SELECT jit.approve(request_id) FROM jit.pending WHERE request_id = $1', $asked), '42501', qr/can only be called by the client itself/, 'but not over a table');
$alice->value("SELECT jit.cancel($asked)");
for (1 .. 8) { # from the sixth on the server may take a generic plan
    $asked = $alice->value("SELECT jit.request('lent', '10 min', reason => 'more')");
    $answer = $carol->bind('', 'vote', $asked)->execute('')->sync->finish;
    last if $answer->{error};
}
gate_rows($answer, 'approved', 'as a generic plan');

# ---- an error inside a pipeline leaves the gate as it was ----
$alice->query("SELECT jit.release($_)") for map { $_->[0] } @{$admin->query("SELECT request_id FROM jit.approvals")->{rows}};
$alice->parse('', 'SELECT 1 / $1::int')->bind('', '', 0)->execute('')->parse('', 'SELECT v FROM pay.accounts')->bind('', '')->execute('')->sync;
is($alice->finish->{error}{C}, '22012', 'an error skips to Sync');
gate_refused($alice->extended('SELECT v FROM pay.accounts'), 'and the gate still stands');

# ---- a cancel request is still what it was ----
$id = approved($node, 'alice', '10 min');
$alice->send_query('SELECT count(*) FROM pay.accounts, pg_sleep(20)');
wait_until($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $alice->{pid} AND wait_event = 'PgSleep')");
$alice->cancel;
$answer = $alice->finish;
gate_error($answer, '57014', qr/canceling statement due to user request/, 'a cancel by the client keeps its words');
gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'and the session goes on');

# ---- a cached plan whose lock is older than the policy ----
# What brings news is a new lock, and the lock of the plan can have been taken long before: by Parse, by a statement, by
# planning. The plan must hear of a policy that was made since, each time.
$admin->value('CREATE TABLE pay.later (id int); INSERT INTO pay.later VALUES (1); GRANT SELECT ON pay.later TO staff');
$alice->query('SET plan_cache_mode = force_generic_plan');
$alice->parse('later', 'SELECT id FROM pay.later WHERE id > $1')->sync->finish;
gate_rows($alice->bind('', 'later', 0)->execute('')->sync->finish, '1', 'an unguarded table, as a generic plan') for 1 .. 2;
for my $first (
    ['Parse in the same transaction', sub { $alice->parse('', 'SELECT id FROM pay.later')->flush->finish(stop => '1') }],
    ['a statement in the same transaction', sub { $alice->query('BEGIN'); $alice->query('SELECT id FROM pay.later') }],
    ['planning in the same transaction', sub { $alice->query('BEGIN'); $alice->query('EXPLAIN SELECT id FROM pay.later') }],
    ['nothing before it', sub { }]) {
    my ($what, $before) = @$first;
    $before->();
    $admin->value(q{SELECT jit.create_policy('later', '{READ}', '{pay.later}', eligible => '{staff}', approvers => '{leads}')});
    gate_refused($alice->bind('', 'later', 0)->execute('')->sync->finish, "a policy made after $what");
    $alice->query('ROLLBACK');
    $admin->value(q{SELECT jit.drop_policy('later')});
    gate_rows($alice->bind('', 'later', 0)->execute('')->sync->finish, '1', 'and without it the plan works again');
}

# ---- COPY both ways ----
$answer = $alice->query('COPY pay.accounts (id) TO STDOUT');
like($answer->{copied}, qr/^1\n2\n3/, 'COPY TO STDOUT, approved');
$alice->value("SELECT jit.release($id)");
gate_refused($alice->query('COPY pay.accounts TO STDOUT'), 'COPY TO STDOUT, released');
gate_refused($alice->query('COPY (SELECT id FROM pay.accounts) TO STDOUT'), 'COPY of a query, released');
gate_refused($alice->query('COPY pay.accounts FROM STDIN'), 'COPY FROM STDIN, released');

done_testing();
