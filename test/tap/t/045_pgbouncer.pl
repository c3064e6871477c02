# Connections through pgbouncer on the loopback, in session and in transaction mode: a pool belongs to one authenticated
# role, and that is the person. What a pool with one shared user means is shown too.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitCluster;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'pgbouncer is not installed (Debian: pgbouncer)' if !defined $pgbouncer;

my $node = new_cluster('pooled');
my $postgres = $node->safe_psql('app', 'SELECT current_user');
$node->safe_psql('app', <<'SQL');
CREATE ROLE poolman LOGIN IN ROLE staff; CREATE ROLE root LOGIN SUPERUSER;
GRANT SELECT, UPDATE ON secret TO staff;
CREATE TABLE free (v int); GRANT ALL ON free TO PUBLIC;
SELECT jit.create_policy('read', '{READ, UPDATE}', '{public.secret}', eligible => '{staff}', approvers => '{leads}');
SQL

# ---- the pooler ----
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $server = 'host=' . $node->host . ' port=' . $node->port . ' dbname=app';
sub write_file { my ($name, $text) = @_; open my $out, '>', "$dir/$name" or die "$name: $!"; print {$out} $text; close $out or die "$name: $!"; return }
write_file('users', join '', map { qq{"$_" ""\n} } qw(alice bob carol root poolman));
write_file('pgbouncer.ini', <<"INI");
[databases]
app = $server pool_mode=session
tx = $server pool_mode=transaction pool_size=1
shared = $server user=poolman pool_mode=transaction
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = trust
auth_file = $dir/users
logfile = $dir/log
pidfile = $dir/pid
server_reset_query = DISCARD ALL
INI
my $pooler = IPC::Run::start([$pgbouncer, "$dir/pgbouncer.ini"], '<', \undef, '>', \my $pooler_out, '2>', \my $pooler_err);
END { local $?; if (defined $pooler) { $pooler->signal('TERM'); eval { $pooler->finish; 1 } or diag($@); } }

# For JitCluster's sessions: a node whose connections go through the pooler.
{
    package Pool;
    sub connstr { my ($self, $db) = @_; return "host=127.0.0.1 port=$port dbname=$db"; }
}
my $pool = bless {}, 'Pool';
sub through { my ($person, $db) = @_; return session($pool, $person, db => $db // 'app'); }
# One statement in a session of its own; (output, errors).
sub once {
    my ($person, $sql, $db) = @_;
    my ($out, $err) = ('', '');
    IPC::Run::run(['psql', '-XAtq', '-d', $pool->connstr($db // 'app') . " user=$person", '-c', $sql], '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(300));
    chomp $out;
    return ($out, $err);
}
sub value { my ($person, $sql, $db) = @_; my ($out, $err) = once($person, $sql, $db); die "$person: $sql: $err" if $err =~ /ERROR|FATAL/; return $out }
sub denied {
    my ($answer, $test, $like) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return like($answer, $like // qr/ERROR:.*needs a just-in-time approval/, $test);
}
sub approved {
    my ($person, $duration, $db) = @_;
    my $id = value($person, "SELECT jit.request('read', '$duration', reason => 'x')", $db);
    $id =~ s/\D.*//s;
    value('carol', "SELECT jit.approve($id)");
    return $id;
}
for (1 .. 100) { last if (once('alice', 'SELECT 1'))[0] eq '1'; sleep 0.1; }
my $read = 'SELECT v FROM secret';

# ---- session mode: as a direct connection ----
is(value('alice', 'SELECT jit.person()::regrole'), 'alice', 'session: the person is who authenticated to the pooler');
denied((once('alice', $read))[1], 'session: refused without an approval');
my $id = approved('alice', '5 min');
is(value('alice', $read), '42', 'session: asked, approved and used through the pooler');
denied((once('bob', $read))[1], 'session: another person through the same pooler is refused');
for (1 .. 3) { once('alice', $read); } # the connection goes back to its pool and is taken again
denied((once('bob', $read))[1], 'session: also after alice\'s connections went back');
is(value('alice', 'SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE usename = current_user'), '1', 'session: which were one connection, taken again');
my $root = through('root');
$root->run('SET SESSION AUTHORIZATION alice');
denied(($root->run($read))[1], 'session: SET SESSION AUTHORIZATION does not make a person');
$root->run('RESET SESSION AUTHORIZATION; SET ROLE alice');
denied(($root->run($read))[1], 'session: nor does SET ROLE');
is(($root->run('SELECT jit.person()::regrole'))[0], 'root', 'session: he stays who he is');
$root->close;
denied((once('root', $read))[1], 'session: and so after DISCARD ALL');
value('alice', "SELECT jit.release($id)");
denied((once('alice', $read))[1], 'session: released, over');

$id = approved('alice', '1 s');
my $alice = through('alice');
denied(($alice->run('SELECT pg_sleep(30) FROM secret'))[1], 'session: the deadline ends the running statement', qr/ERROR:.*(expired|ended)/s);
denied(($alice->run($read))[1], 'session: and the next is refused');
is(($alice->run('SELECT 1'))[0], '1', 'session: the connection lives');

$id = approved('alice', '5 min');
$alice->send_only('SELECT pg_sleep(30) FROM secret');
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'alice' AND query LIKE '%pg_sleep(30)%' AND wait_event = 'PgSleep'}, 'session: a long statement runs', 'postgres');
$alice->{psql}->signal('INT');
denied(($alice->finish)[1], 'session: a cancel request goes through', qr/canceling statement due to user request/);
$alice->close; # psql itself has ended too
$alice = through('alice');
$alice->send_only('SELECT pg_sleep(30) FROM secret');
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'alice' AND query LIKE '%pg_sleep(30)%' AND wait_event = 'PgSleep'}, 'session: another one', 'postgres');
value('carol', "SELECT jit.revoke($id)");
denied(($alice->finish)[1], 'session: revoked in mid-statement', qr/ERROR:.*revoked/s);
$alice->close;

# ---- transaction mode: clients of one person share a connection, and only of one person ----
$id = approved('alice', '5 min', 'tx');
my $one = through('alice', 'tx');
my $two = through('alice', 'tx');
is(($one->run($read))[0], '42', 'transaction: used');
is(($one->run('SELECT pg_backend_pid()'))[0], ($two->run('SELECT pg_backend_pid()'))[0], 'transaction: two clients of alice share a connection');
is(($two->run($read))[0], '42', 'transaction: and the approval, which is hers');
denied((once('bob', $read, 'tx'))[1], 'transaction: bob has a connection of his own and is refused');
$one->run('PREPARE q AS SELECT v FROM secret');
is(($two->run('EXECUTE q'))[0], '42', 'transaction: what one client prepares the other finds');
denied(($one->run('DECLARE c CURSOR WITH HOLD FOR SELECT v FROM secret'))[1], 'transaction: no cursor outlives its transaction', qr/ERROR:.*WITH HOLD/s);
value('alice', "SELECT jit.release($id)", 'tx');
denied(($two->run('EXECUTE q'))[1], 'transaction: a prepared statement does not outlive the approval');
$id = approved('alice', '2 s', 'tx');
$one->run('BEGIN; UPDATE secret SET v = 43');
sleep 2.2; # the deadline is what is tested
denied(($one->run('COMMIT'))[1], 'transaction: COMMIT after the deadline is refused', qr/ERROR|FATAL|closed the connection/);
is($node->safe_psql('app', q{SET ROLE dba; SELECT 1}), '1', 'the server answers');
$_->close for $one, $two;
$root = through('root', 'tx');
$root->run('SET ROLE alice');
$id = approved('alice', '5 min');
my $second = through('root', 'tx');
is(($second->run('SELECT current_user'))[0], 'alice', 'transaction: a SET of one client leaks into the next client of the same person');
denied(($second->run($read))[1], 'transaction: but makes nobody another person');
$root->run('SET SESSION AUTHORIZATION alice'); # newer PgBouncers take it back before the next client
denied(($second->run($read))[1], 'transaction: nor does the session authorization');
$_->close for $root, $second;

# vector 53
# ---- one user for the whole pool: the person is the pool ----
is(value('alice', 'SELECT jit.person()::regrole', 'shared'), 'poolman', 'shared: whoever comes is the user of the pool');
denied((once('alice', $read, 'shared'))[1], 'shared: alice\'s own approval is not used');
$id = approved('alice', '5 min', 'shared');
is(value('bob', $read, 'shared'), '42', 'shared: what is approved for one serves all (README: do not)');
denied((once('bob', $read))[1], 'shared: but only through that pool');

$node->stop;
done_testing();
