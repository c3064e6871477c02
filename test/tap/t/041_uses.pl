# Uses and networks where a server is needed: crashes, two sessions for the last use, the extended protocol, a standby,
# and connections over TCP beside those over a socket.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitClient;
use JitGate;

my $node = gate_cluster('primary', init => {allows_streaming => 1}, conf => <<'CONF');
listen_addresses = '127.0.0.1'
wal_receiver_status_interval = 1s
hot_standby_feedback = on
CONF
my $admin = JitClient->new($node, 'postgres');
$admin->value($_) for 'CREATE TABLE pay.read (id int)', 'INSERT INTO pay.read VALUES (1), (2), (3)',
    'CREATE TABLE pay.written (id int, v int)', 'INSERT INTO pay.written VALUES (1, 1)', 'GRANT ALL ON pay.read, pay.written TO alice, bob',
    q{SELECT jit.create_policy('r', '{SELECT}', '{pay.read}', eligible => '{alice,bob}', approvals => 0, require_reason => false, max_uses => 100)},
    q{SELECT jit.create_policy('w', '{INSERT,UPDATE,DELETE}', '{pay.written}', eligible => '{alice,bob}', approvals => 0, require_reason => false, max_uses => 100)};

my $read = 'SELECT count(*) FROM pay.read';
my $write = 'UPDATE pay.written SET v = v + 1';
sub ask { my ($person, $policy, $uses) = @_; return JitClient->new($node, $person)->value("SELECT jit.request('$policy', '10 min', uses => $uses)"); }
sub left { my ($request, $on) = @_; return JitClient->new($on // $node, 'postgres')->value("SELECT uses_left FROM jit.active WHERE request_id = $request"); }
sub ended { my ($request) = @_; return "(SELECT state || coalesce(' ' || end_reason, '') FROM jit.requests WHERE request_id = $request) = 'ended used_up'"; }
sub back {
    for (1 .. 300) {
        return if eval { $admin = JitClient->new($node, 'postgres'); 1 };
        sleep 0.1;
    }
    BAIL_OUT('the server does not come back');
}

# ---- the keeper ends what is used up, when nobody lives on it any more ----
my $id = ask('alice', 'r', 1);
my $alice = JitClient->new($node, 'alice');
$alice->query('BEGIN');
$alice->query('DECLARE c CURSOR FOR SELECT id FROM pay.read ORDER BY id');
my $other = JitClient->new($node, 'alice');
gate_error($other->query($read), '42501', qr/Approval $id is used up: it allowed 1 use/, 'the last use is gone for another session');
gate_rows($alice->query('FETCH 1 FROM c'), '1', 'the one that has it fetches');
gate_rows($alice->query('FETCH 1 FROM c'), '2', 'and goes on');
is(left($id), 0, 'while it lives on it, the approval is there, with nothing left');
gate_error($alice->query($read), '42501', qr/is used up/, 'but another statement of the same transaction is not allowed');
$alice->query('ROLLBACK');
wait_until($node, ended($id), 'then the keeper ends it as used up');
gate_error($other->query($read), '42501', qr/request $id was used up/, 'and the refusal tells the story');

# ---- who holds the last one ----
$id = ask('alice', 'w', 1);
$alice->query('BEGIN');
$alice->query($write);
gate_error($other->query($write), '42501', qr/The last use of approval $id is held by "alice" \(process $alice->{pid}\) since /,
    'the second session is told who has it');
gate_error($alice->query($write), '42501', qr/taken by an earlier statement of this transaction/, 'and the first that it has it itself');
$alice->query('ROLLBACK');
is(left($id), 1, 'rolled back: it is there again');

# ---- extended protocol: one Bind and Execute is one use; further Executes of a suspended portal are free ----
my $rows = ask('alice', 'r', 3);
$alice->query('BEGIN');
$alice->parse('', 'SELECT id FROM pay.read ORDER BY id');
$alice->bind('p', '');
$alice->execute('p', 1);
$alice->flush;
$alice->execute('p', 1);
$alice->execute('p', 1);
$alice->sync;
$alice->finish;
is(left($rows), 2, 'three Executes of one portal are one use');
$alice->query('COMMIT');
$alice->extended('SELECT count(*) FROM pay.read') for 1 .. 2;
wait_until($node, ended($rows), 'two statements more are two');

# ---- fast path: each call is a use, also in a transaction in which an earlier statement took one (vector 260) ----
$admin->value($_) for q{CREATE FUNCTION pay.charge(i int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN i; END'},
    q{SELECT jit.create_policy('f', '{EXECUTE}', '{"function pay.charge(integer)"}', eligible => '{alice}', approvals => 0, require_reason => false, max_uses => 100)};
my $charge = $admin->value(q{SELECT 'pay.charge(int)'::regprocedure::oid::int8});
my $calls = ask('alice', 'f', 3);
$alice->query('BEGIN');
gate_rows($alice->query('SELECT pay.charge(1)'), '1', 'a guarded function in a statement');
is($alice->call($charge, 2)->{result}, '2', 'and by fast path');
is(left($calls), 1, 'are two uses');
is($alice->call($charge, 3)->{result}, '3', 'the last one');
gate_error($alice->call($charge, 4), '42501', qr/is used up/, 'and no further call');
$alice->query('ROLLBACK');
# One Bind and Execute of each: planned at Bind, called at Execute.
$calls = ask('alice', 'f', 2);
gate_rows($alice->extended('SELECT pay.charge($1)', 5), '5', 'a call in the extended protocol');
is(left($calls), 1, 'is one use');
$alice->parse('', 'SELECT pay.charge(6)');
$alice->bind($_, '') for 'p', 'q';
$alice->execute($_, 0) for 'p', 'q';
$alice->sync;
gate_error($alice->finish, '42501', qr/is used up/, 'two portals of one statement are two');

# ---- crash: what was counted stays counted, what was reserved is free ----
my $counted = ask('alice', 'r', 2);
my $kept = ask('bob', 'w', 2);
gate_rows($alice->query($read), '3', 'alice reads');
my $bob = JitClient->new($node, 'bob');
$bob->query($write);
is(left($kept), 1, 'bob has written and committed once');
$bob->query('BEGIN');
$bob->query($write);
my $third = JitClient->new($node, 'bob');
gate_error($third->query($write), '42501', qr/held by "bob"/, 'and reserved the other');
kill 'KILL', $bob->{pid};
ok($admin->ends, 'a backend is killed: every session is ended');
back();
is(left($counted), 1, 'a backend is killed: the use that was counted is');
is(left($kept), 1, 'as is the one that committed; the reserved one is free');
$bob = JitClient->new($node, 'bob');
$bob->query('BEGIN');
$bob->query($write);
$alice = JitClient->new($node, 'alice');
$alice->query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
gate_rows($alice->query($read), '3', 'alice reads again, in a read-only transaction, for the last time');
$node->stop('immediate');
$node->start;
back();
is(JitClient->new($node, 'alice')->value("SELECT state || ' ' || end_reason FROM jit.my_requests WHERE request_id = $counted"),
    'ended used_up', 'immediate shutdown: the last use stays taken');
is(left($kept), 1, 'and what was reserved is free');
$bob = JitClient->new($node, 'bob');
$bob->query($write);
gate_error($bob->query($write), '42501', qr/used up/, 'it can be used once');
is($admin->value('SELECT v FROM pay.written'), 3, 'two writes were allowed and two are there');

# ---- the table that is counted in may be vacuumed, frozen, rewritten and checkpointed ----
$id = ask('alice', 'r', 10);
$alice = JitClient->new($node, 'alice');
$alice->value($read);
for my $command ('VACUUM FREEZE jit.use_counts', 'CHECKPOINT', 'VACUUM jit.use_counts', 'REINDEX TABLE jit.use_counts', 'VACUUM FULL jit.use_counts') {
    my $answer = $admin->query($command);
    my $left = left($id);
    $alice->value($read);
    is(left($id), $left - 1, "counted on after $command");
}

# ---- a standby: it sees the count, and cannot count ----
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$alice->value($read);
my $now = left($id);
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is(left($id, $standby), $now, 'the count is replicated');
my $there = JitClient->new($standby, 'alice');
gate_error($there->query($read), '42501', qr/cannot be counted on a hot standby/, 'an approval that counts does not open there');
$alice->value("SELECT jit.release($id)");
$admin->value(q{SELECT jit.alter_policy('r', max_uses => 0)});
my $free = $alice->value(q{SELECT jit.request('r', '5 min')});
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
gate_rows($there->query($read), '3', 'one that does not, does');
$alice->value("SELECT jit.release($free)");
$standby->stop('immediate');

# ---- networks ----
sub over_tcp {
    my ($person, $sql) = @_;
    my ($out, $err) = ('', '');
    my $code = $node->psql('app', $sql, stdout => \$out, stderr => \$err, connstr => "host=127.0.0.1 port=" . $node->port . " dbname=app user=$person");
    return ($code, $out, $err);
}
append_to_file($node->data_dir . '/pg_hba.conf', "\nhost all all 127.0.0.1/32 trust\n");
$node->reload;
my ($code, $out, $err) = over_tcp('alice', 'SELECT 1');
SKIP: {
    skip "no connection over TCP here: $err", 12 if $code != 0;
    my $give = sub { my ($list) = @_; $admin->value(qq{SELECT jit.alter_policy('r', networks => '$list')}); };
    $give->('{10.0.0.0/8}');
    gate_error($alice->query(q{SELECT jit.request('r')}), '42501', qr/unix socket, which counts as 127\.0\.0\.1 and ::1; it serves only these networks: 10\.0\.0\.0\/8/,
        'asked from a socket: refused');
    ($code, $out, $err) = over_tcp('alice', q{SELECT jit.request('r')});
    like($err, qr/connected from 127\.0\.0\.1; it serves only these networks/, 'asked from another address: refused');
    $give->('{127.0.0.0/8}');
    ($code, $out, $err) = over_tcp('alice', q{SELECT jit.request('r')});
    is($code, 0, 'asked from a network that is served') or diag($err);
    ($code, $out, $err) = over_tcp('alice', $read);
    is($out, '3', 'and used');
    gate_rows($alice->query($read), '3', 'a socket counts as loopback');
    $give->('{10.0.0.0/8}');
    gate_error($alice->query($read), '42501', qr/Approval \d+ serves only the networks 10\.0\.0\.0\/8; you are connected from a unix socket/,
        'changed: a running session is refused at its next statement');
    ($code, $out, $err) = over_tcp('alice', $read);
    like($err, qr/serves only the networks 10\.0\.0\.0\/8; you are connected from 127\.0\.0\.1/, 'and so is a new one');
    $give->('{10.0.0.0/8,::ffff:127.0.0.0/104}');
    ($code, $out, $err) = over_tcp('alice', $read);
    is($out, '3', 'an IPv4 network in the clothes of IPv6 is the IPv4 network');
    $give->('{0.0.0.0/0}');
    ($code, $out, $err) = over_tcp('alice', $read);
    is($out, '3', 'all of IPv4');
    $give->('{::/0}');
    ($code, $out, $err) = over_tcp('alice', $read);
    like($err, qr/serves only the networks ::\/0/, 'is not all of IPv6');
    gate_rows($alice->query($read), '3', 'which a socket is in');
    $give->('{}');
    ($code, $out, $err) = over_tcp('alice', $read);
    is($out, '3', 'empty: from everywhere');
}
$node->stop('fast');
done_testing();
