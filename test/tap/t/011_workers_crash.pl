# kill -9 and kill -TERM of every worker, a crash of the server, a shutdown during a loan: what became due meanwhile is
# put right at start, and closed until then.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;

my $node = new_cluster('crash');
my $lent = "SELECT EXISTS (SELECT FROM pg_auth_members WHERE member = '%s'::regrole AND grantor = 'jit_lender'::regrole)";
my $published = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard lender'";

sub lent { my ($person) = @_; return sprintf($lent, $person); }
sub not_lent { my ($person) = @_; return 'SELECT NOT (' . lent($person) . ')'; }

sub is_over {
    my ($request) = @_;
    return $node->poll_query_until('app', "SELECT clock_timestamp() > ends_at FROM jit.requests WHERE request_id = $request") || die 'not over';
}

# A loan to bob, and a session that keeps it from being taken back, however slow the machine is.
sub lend_and_lock {
    my ($duration) = @_;
    my $session = session($node, $node->safe_psql('app', 'SELECT current_user'));
    my $lender = worker_pid($node, 'lender');
    my $request = lend($node, 'bob', $duration);
    kill 'STOP', $lender;
    $session->run('BEGIN; LOCK TABLE pg_auth_members IN SHARE MODE');
    kill 'CONT', $lender;
    return ($request, $session);
}

sub can_read {
    my ($person, $test) = @_;
    my ($code, $out, $err);
    for (1 .. 100) {    # until the lender has published again
        ($code, $out, $err) = as_person($node, $person, 'SELECT v FROM secret');
        last if $code == 0;
        sleep 0.1;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($out, '42', $test) || diag($err);
}

# ---- SIGTERM: the launcher starts them again, the postmaster the launcher ----
for my $type ('keeper', 'lender', 'launcher') {
    wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard $type'", "one $type runs");
    my $pid = worker_pid($node, $type);
    kill 'TERM', $pid;
    wait_for($node, "SELECT count(*) = 1 AND min(pid) <> $pid FROM pg_stat_activity WHERE backend_type = 'jit_guard $type'",
        "$type: back after SIGTERM");
}
wait_for($node, "SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type LIKE 'jit_guard %'", 'no worker runs twice');
($node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'jit_guard %'"));
wait_for($node, "SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type LIKE 'jit_guard %'", 'all three back after dying together');

# ---- kill -9: the server restarts all its processes; the loans survive, and those that are over do not ----
for my $victim ('launcher', 'keeper', 'lender', 'backend') {
    wait_for($node, $published, "$victim: the lender runs");
    my $stays = lend($node, 'alice', '10 min');
    my $backend = session($node, 'dave');
    my $pid = $victim eq 'backend' ? $backend->backend_pid : worker_pid($node, $victim);
    my ($ends, $locker) = lend_and_lock('8 s');    # bob's loan cannot be taken back before the crash
    is_over($ends);
    refused($node, 'bob', 'SELECT v FROM secret', qr/has not been taken back/, "$victim: overdue before the crash");
    kill 'KILL', $pid;
    sleep 0.3;
    wait_server($node);
    my ($code, $out, $err) = as_person($node, 'bob', 'SELECT v FROM secret');
    isnt($code, 0, "$victim: what was over is closed after the crash");
    unlike($err, qr/^42$/m, "$victim: and gives nothing");
    wait_for($node, not_lent('bob'), "$victim: what was over is taken back after the crash");
    can_read('alice', "$victim: what was not over goes on");
    wait_for($node, "SELECT end_reason = 'expired' FROM jit.requests WHERE request_id = $ends", "$victim: the request has expired");
    is(sql($node, "SELECT count(*) FROM jit.events WHERE request_id = $ends AND event = 'loan_returned'"), '1',
        "$victim: the return is one event");
    sql($node, "SELECT jit.revoke($stays, 'test')");
    wait_for($node, not_lent('alice'), "$victim: and the rest can be revoked");
    $_->close for $backend, $locker;
}

# ---- immediate shutdown during a loan; without workers everything lent is closed, the live loan too ----
my $stays = lend($node, 'alice', '10 min');
my $ends = lend($node, 'bob', '5 s');
$node->stop('immediate');
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
sleep 5;
$node->start;
refused($node, 'bob', 'SELECT v FROM secret', qr/membership in "dba" was lent by jit_guard and has not been taken back/,
    'without workers: what was over is closed');
refused($node, 'alice', 'SELECT v FROM secret', qr/has not been taken back/, 'without workers: what cannot be proved is closed too');
my ($code, $out) = as_person($node, 'dave', 'SELECT 1');
is($out, '1', 'without workers: others go on');
like(slurp_file($node->logfile), qr/too many background workers|jit_guard/, 'and the log says that workers are missing');
$node->stop('fast');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->start;
wait_for($node, not_lent('bob'), 'with workers again: what was over is taken back');
can_read('alice', 'with workers again: what is not over goes on');

# ---- a lock on pg_auth_members delays the return, not the expiry ----
my ($id, $locker) = lend_and_lock('8 s');
is_over($id);
refused($node, 'bob', 'SELECT v FROM secret', qr/has not been taken back/, 'overdue while the lender waits for a lock');
sleep 1.5;
$locker->run('COMMIT');
wait_for($node, not_lent('bob'), 'taken back when the lock is gone');
$locker->close;

# ---- a row lock held by a person does not stop the keeper from ending others ----
$id = request_approved($node, 'bob', '8 s');
my $other = request_approved($node, 'dave', '8 s');
$locker = session($node, 'carol');
my ($held, $why) = $locker->run("BEGIN; SELECT jit.revoke($id)");
unlike($why, qr/ERROR/, 'an approver is about to revoke');
wait_for($node, "SELECT state = 'ended' FROM jit.requests WHERE request_id = $other", 'others are ended');
cmp_ok(sql($node, "SELECT max(extract(epoch FROM happened_at)) - (SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE request_id = $other) FROM jit.events WHERE request_id = $other AND event = 'expired'"),
    '<', 5, 'in time');
is(sql($node, "SELECT state FROM jit.requests WHERE request_id = $id"), 'approved', 'the locked one waits');
$locker->run('ROLLBACK');
wait_for($node, "SELECT state = 'ended' FROM jit.requests WHERE request_id = $id", 'and is ended after the ROLLBACK');
$locker->close;

# ---- settings that would stop a worker ----
# vector 108
my %hostile = (default_transaction_read_only => 'on', statement_timeout => '1', search_path => 'pg_temp',
    session_replication_role => 'replica', default_transaction_isolation => 'serializable');
sql($node, "ALTER DATABASE app SET $_ = $hostile{$_}", 'postgres') for sort keys %hostile;
$node->restart;
wait_for($node, $published, 'the lender runs under hostile settings of its database', 'postgres');
sql($node, "ALTER DATABASE app RESET $_", 'postgres') for sort keys %hostile;
lend($node, 'bob', '1 s');
wait_for($node, not_lent('bob'), 'and lends and takes back');

$node->stop;
done_testing();
