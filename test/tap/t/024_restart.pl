# Deadlines are absolute: a crash, a standby and a promotion change nothing about who may read what until when.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $primary = gate_cluster('primary', init => {allows_streaming => 1}, conf => "wal_receiver_status_interval = 1s\nhot_standby_feedback = on\n");
sub state_of { my ($node, $request) = @_; return "(SELECT state || coalesce(' ' || end_reason, '') FROM jit.requests WHERE request_id = $request)"; }
my $read = 'SELECT id FROM pay.accounts WHERE id = 1';

# ---- crash: what was approved still is, what ended meanwhile has ended ----
my $lasting = approved($primary, 'alice', '10 min');
my ($short, $end) = short_window($primary, 'bob', '2 s');
gate_rows(JitClient->new($primary, 'bob')->query($read), '1', 'before the crash bob reads');
my $open = JitClient->new($primary, 'alice');
$open->query('BEGIN; INSERT INTO pay.accounts VALUES (60, 60)');
my $pending = JitClient->new($primary, 'bob')->value("SELECT jit.request('lent', '1 min', reason => 'later')");
my $future = JitClient->new($primary, 'bob')->value("SELECT jit.request('lent', '5 min', reason => 'later', starts_at => clock_timestamp() + interval '1 hour')");
JitClient->new($primary, 'carol')->value("SELECT jit.approve($future)");
my $uncommitted = JitClient->new($primary, 'carol');
$uncommitted->query("BEGIN; SELECT jit.approve($pending)");
$primary->stop('immediate');
past($end);
$primary->start;
my $alice = JitClient->new($primary, 'alice');
my $bob = JitClient->new($primary, 'bob');
gate_error($bob->query($read), '42501', qr/request $short (?:expired at|was ended)/, 'after it: an approval that ended meanwhile is over');
gate_rows($alice->query($read), '1', 'one that did not still holds');
gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 60'), '', 'what was not committed is gone');
gate_error($bob->query('SELECT id FROM pay.lent'), '42501', qr/Approval $future starts at/, 'a scheduled one still waits for its start');
wait_until($primary, state_of($primary, $short) . " = 'ended expired'", 'the worker writes the end down');
my $carol = JitClient->new($primary, 'carol');
gate_rows($carol->query("SELECT request_id FROM jit.pending WHERE request_id = $pending"), $pending, 'a vote that was not committed does not count');
gate_rows($carol->query("SELECT jit.approve($pending)"), 'approved', 'and can be given again');

# ---- a crash of one backend restarts all: the same ----
my $victim = JitClient->new($primary, 'alice');
gate_rows($victim->query('BEGIN; ' . $read), '1', 'a backend uses an approval');
kill 'KILL', $victim->{pid};
ok($alice->ends, 'every session is ended');
my $up = 0;
for (1 .. 300) {
    last if $up = eval { $alice = JitClient->new($primary, 'alice'); 1 };
    sleep 0.1;
}
ok($up, 'the server comes back');
gate_rows($alice->query($read), '1', 'the approval still holds');
gate_refused(JitClient->new($primary, 'bob')->query($read), 'and who has none still has none');

# ---- a hot standby follows the approvals as they are replayed ----
$primary->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'copy', has_streaming => 1);
$standby->start;
# Before its first commit the standby does not know how far it is behind.
$primary->safe_psql('postgres', 'SELECT pg_current_xact_id()');
sub caught_up { $primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert')); return; }
caught_up();
my %s = map { $_ => JitClient->new($standby, $_ =~ /_/ ? 'bob' : $_) } qw(alice bob bob_tx bob_plan postgres);
gate_rows($s{alice}->query($read), '1', 'standby: an approval from before the copy holds');
gate_rows($s{alice}->query('BEGIN READ ONLY; ' . $read . '; COMMIT'), '1', 'standby: also in a read-only transaction');
gate_refused($s{bob}->query($read), 'standby: who has none is refused');
gate_rows($s{bob}->query('SELECT id FROM pay.lent WHERE id = 1'), '1', 'standby: a lent privilege works');
gate_error($s{bob}->query("SELECT jit.request('acc', '1 min', reason => 'x')"), '25006', qr/cannot execute jit.request\(\) on a standby server.*Call it on the primary/, 'standby: jit.request is for the primary');
gate_error($s{bob}->query("SELECT jit.$_"), '25006', qr/on a standby server.*Call it on the primary/, "standby: jit.$_ too") for "release($lasting)", "approve($lasting)", "revoke($lasting)";
$s{bob_tx}->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT id FROM pay.open');
$s{bob_plan}->query("SET plan_cache_mode = force_generic_plan; PREPARE p AS $read; BEGIN; SELECT id FROM pay.open");
my $id = approved($primary, 'bob', '10 min');
caught_up();
gate_rows($s{bob}->query($read), '1', 'standby: a new approval arrives');
gate_rows($s{bob_tx}->query($read), '1', 'standby: also in an open transaction');
gate_rows($s{bob_plan}->query('EXECUTE p'), '1', 'standby: and for a prepared plan');
$s{alice}->query('BEGIN');
$carol = JitClient->new($primary, 'carol');
$carol->value("SELECT jit.revoke($id)");
caught_up();
gate_refused($s{bob}->query($read), 'standby: a revocation arrives');
gate_error($s{bob_tx}->query($read), '42501', qr/approval/, 'standby: also in an open transaction');
gate_error($s{bob_plan}->query('EXECUTE p'), '42501', qr/approval/, 'standby: and for a prepared plan');
$_->query('ROLLBACK') for values %s;

# ---- and expires on the standby's own clock ----
($id, $end) = short_window($primary, 'bob', '10 s');
caught_up();
$primary->stop; # nobody can send anything any more
gate_rows($s{bob}->query($read), '1', 'standby: a short approval holds without its primary');
$s{bob_tx}->send_query('SELECT count(*) FROM pay.accounts, pg_sleep(60)');
$s{bob_plan}->query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM pay.accounts');
gate_error($s{bob_tx}->finish, '57014', qr/canceling statement: approval $id is over/, 'standby: the running statement is cancelled');
cmp_ok(time, '>=', $end, 'standby: not before the end');
gate_error($s{bob_plan}->query('FETCH 1 FROM c'), '42501', qr/approval $id is over/, 'standby: a cursor does not outlive it') if !$s{bob_plan}{gone};
gate_error($s{bob}->query($read), '42501', qr/request $id expired at/, 'standby: and the next statement is refused');
gate_rows($s{alice}->query($read), '1', 'standby: the longer one holds');

# ---- promotion: the same rights, and the functions work ----
is($s{postgres}->value('SELECT pg_promote()'), 't', 'promoted');
wait_until($standby, 'NOT pg_is_in_recovery()', 'the standby takes writes');
gate_rows($s{alice}->query($read), '1', 'promoted: an approval of the old primary holds');
gate_rows($s{alice}->query('UPDATE pay.accounts SET v = 11 WHERE id = 1 RETURNING id'), '1', 'promoted: now for writing too');
gate_refused($s{bob}->query($read), 'promoted: who has none is refused');
wait_until($standby, state_of($standby, $id) . " = 'ended expired'", 'promoted: the worker of the new primary writes the end down');
my $new = approved($standby, 'bob', '10 min');
cmp_ok($new, '>', $id, 'promoted: requests go on with a new number');
gate_rows($s{bob}->query($read), '1', 'promoted: and open');
JitClient->new($standby, 'carol')->value("SELECT jit.revoke($_)") for $lasting, $new;
gate_refused($s{$_}->query($read), "promoted: revoked for $_") for qw(alice bob);
done_testing();
