# Rows that are counted, where a server is needed: crashes, a backend that is ended in the middle of a scan, portals of the
# extended protocol, blocks of rows that are set aside, a standby.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitClient;
use JitGate;

my $node = gate_cluster('primary', init => {allows_streaming => 1}, conf => <<'CONF');
wal_receiver_status_interval = 1s
hot_standby_feedback = on
CONF
my $admin = JitClient->new($node, 'postgres');
$admin->value($_) for 'CREATE TABLE pay.big (id int PRIMARY KEY)', 'INSERT INTO pay.big SELECT generate_series(1, 100000)', 'ANALYZE pay.big',
    'CREATE TABLE pay.written (id int)', 'GRANT ALL ON pay.big, pay.written TO alice, bob',
    q{SELECT jit.create_policy('r', '{SELECT}', '{pay.big}', eligible => '{alice,bob}', approvals => 0, require_reason => false)},
    q{SELECT jit.create_policy('w', '{INSERT,UPDATE,DELETE}', '{pay.written}', eligible => '{alice,bob}', approvals => 0, require_reason => false)};

sub ask { my ($person, $policy, $rows) = @_; return JitClient->new($node, $person)->value("SELECT jit.request('$policy', '10 min', rows => $rows)"); }
sub left { my ($request, $on) = @_; return JitClient->new($on // $node, 'postgres')->value("SELECT rows_left FROM jit.active WHERE request_id = $request"); }
sub ended { my ($request) = @_; return "(SELECT state || coalesce(' ' || end_reason, '') FROM jit.requests WHERE request_id = $request) = 'ended used_up'"; }
sub back {
    for (1 .. 300) {
        return if eval { $admin = JitClient->new($node, 'postgres'); 1 };
        sleep 0.1;
    }
    BAIL_OUT('the server does not come back');
}

# ---- many rows: blocks are set aside, and what is not read comes back ----
my $id = ask('alice', 'r', 200_000);
my $alice = JitClient->new($node, 'alice');
is($alice->value('SELECT count(*) FROM pay.big'), 100_000, 'as many rows as there are');
is(left($id), 100_000, 'each counted once');
is($alice->value('SELECT count(*) FROM (SELECT FROM pay.big LIMIT 10) s'), 10, 'a few');
is(left($id), 99_990, 'and no more than these counted');
gate_error($alice->query('SELECT count(*) FROM pay.big'), '42501', qr/approval $id has no row left/, 'more than are left');
wait_until($node, ended($id), 'the keeper ends what is used up');
gate_error($alice->query('SELECT count(*) FROM pay.big'), '42501', qr/request $id was used up/, 'and the refusal tells the story');

# ---- the keeper leaves an approval to the transaction that lives on its last row ----
$id = ask('alice', 'r', 2);
$alice->query('BEGIN');
$alice->query('DECLARE c CURSOR FOR SELECT id FROM pay.big WHERE id <= 2');
gate_rows($alice->query('FETCH 1 FROM c'), '1', 'one row');
gate_rows($alice->query('FETCH 1 FROM c'), '2', 'the last one');
is(left($id), 0, 'none is left');
gate_error(JitClient->new($node, 'alice')->query('SELECT count(*) FROM pay.big'), '42501', qr/Approval $id is used up: it allowed 2 rows/,
    'another session is told so');
is($alice->query('FETCH 1 FROM c')->{error}, undef, 'that there is no other is no error');
$alice->query('COMMIT');
wait_until($node, ended($id), 'then it is used up');

# ---- a session is ended in the middle of a scan: what it had set aside and not read comes back ----
$id = ask('alice', 'r', 50_000);
$alice = JitClient->new($node, 'alice');
$alice->send_query('SELECT count(*), pg_sleep(60) FROM (SELECT FROM pay.big LIMIT 1000) s');
wait_until($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $alice->{pid} AND wait_event = 'PgSleep')");
$admin->value("SELECT pg_terminate_backend($alice->{pid})");
wait_until($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $alice->{pid})");
$alice = JitClient->new($node, 'alice');
$alice->value('SELECT id FROM pay.big WHERE id = 1');
is(left($id), 48_999, 'the thousand that it read are counted, and no others');

# ---- extended protocol: each Execute of a suspended portal counts what it returns ----
$id = ask('alice', 'r', 5);
$alice->query('BEGIN');
$alice->parse('', 'SELECT id FROM pay.big ORDER BY id');
$alice->bind('p', '');
$alice->execute('p', 2);
$alice->execute('p', 2);
$alice->sync;
gate_rows($alice->finish, '1 2 3 4', 'two Executes');
is(left($id), 1, 'are four rows');
$alice->execute('p', 2);
$alice->sync;
gate_error($alice->finish, '42501', qr/approval $id has no row left/, 'the next stops after one');
$alice->query('ROLLBACK');

# ---- crash: what a session had set aside stays counted, and what it had only changed, too ----
$alice->value("SELECT jit.release(request_id) FROM jit.active WHERE person = 'alice' AND rows_left > 0");
$id = ask('alice', 'r', 1_000);
my $changed = ask('bob', 'w', 100);
$alice = JitClient->new($node, 'alice');
$alice->query('BEGIN');
$alice->query('DECLARE c CURSOR FOR SELECT id FROM pay.big');
$alice->query('FETCH 300 FROM c');
my $bob = JitClient->new($node, 'bob');
$bob->query('BEGIN');
$bob->query('INSERT INTO pay.written SELECT generate_series(1, 60)');
$alice->send_query('SELECT count(*), pg_sleep(60) FROM (SELECT FROM pay.big LIMIT 100) s');
wait_until($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $alice->{pid} AND wait_event = 'PgSleep')");
kill 'KILL', $bob->{pid};
ok($admin->ends, 'a backend is killed: every session is ended');
back();
cmp_ok(left($id), '<=', 600, 'what was read is counted');
cmp_ok(left($id), '>=', 400, 'and no more than a block that was set aside');
cmp_ok(left($changed), '<=', 40, 'what was changed when the server crashed is not given back');
$alice = JitClient->new($node, 'alice');
my $rest = left($id);
is($alice->value("SELECT count(*) FROM (SELECT FROM pay.big LIMIT $rest) s"), $rest, 'the rest can be read');
gate_error($alice->query('SELECT id FROM pay.big LIMIT 1'), '42501', qr/used up/, 'and nothing after it');
$id = ask('alice', 'r', 7);
$alice->value('SELECT count(*) FROM (SELECT FROM pay.big LIMIT 5) s');
$node->stop('immediate');
$node->start;
back();
is(left($id), 2, 'immediate shutdown: counted as before');

# ---- a standby: it sees the count, and cannot count ----
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$alice = JitClient->new($node, 'alice');
$alice->value('SELECT id FROM pay.big WHERE id = 1');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(left($id, $standby), 1, 'the count is replicated');
my $there = JitClient->new($standby, 'alice');
gate_error($there->query('SELECT id FROM pay.big LIMIT 1'), '42501', qr/cannot be counted on a hot standby/, 'an approval that counts does not open there');
$alice->value("SELECT jit.release($id)");
my $free = $alice->value(q{SELECT jit.request('r', '5 min')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
gate_rows($there->query('SELECT id FROM pay.big LIMIT 1'), '1', 'one that does not, does');
$standby->stop('immediate');
$node->stop('fast');
done_testing();
