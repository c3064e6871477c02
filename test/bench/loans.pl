#!/usr/bin/env perl
# The end of loans: how long until the membership is gone, and 10,000 of them ending at one instant.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;
use Time::HiRes qw(sleep time);

my $runs = $ENV{JIT_BENCH_RUNS} // 40;
my $crowd = $ENV{JIT_BENCH_LOANS} // 10_000;
my $server = Bench->make('loans', <<'CONF');
jit_guard.control_database = 'app'
track_commit_timestamp = on
CONF
print '# loans: ', machine(), "\n\n";
$server->start;
$server->sql('postgres', 'CREATE DATABASE app');
$server->sql('app', $_) for 'CREATE ROLE dba', 'CREATE ROLE bench LOGIN', 'CREATE ROLE approver LOGIN', 'CREATE TABLE mark (i int)',
    'CREATE TABLE secret AS SELECT 1 AS i', 'ALTER TABLE secret OWNER TO dba', 'CREATE EXTENSION jit_guard',
    "SELECT jit.create_policy('bench', elevates_to => 'dba', eligible => '{bench}', approvers => '{approver}', require_reason => false)";
my $admin = $server->session('app');
my $epoch = sub { $admin->value("SELECT extract(epoch FROM $_[0])") };

# ---- one loan ----

# When a sleeping process runs again its count of time slices moves (/proc/PID/schedstat); without that file the wake-up
# is not told apart. The poll is why this needs a core of its own.
sub slices { my ($pid) = @_; open my $in, '<', "/proc/$pid/schedstat" or return; my $line = <$in>; return (split ' ', $line)[2] }

my @commit;
for (1 .. 200) {
    my $begin = time;
    $admin->query('INSERT INTO mark VALUES (1)');
    push @commit, 1000 * (time - $begin);
}
my $approver = $server->session('app', 'approver');
my $bench = $server->session('app', 'bench');
my $lender;
my (@wake, @rest, @all);
for (1 .. $runs) {
    my $request = $bench->value("SELECT jit.request('bench', '1 s')");
    $approver->query("SELECT jit.approve($request)");
    $bench->query("CALL jit.await($request, '10 s')");
    $lender //= $admin->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard lender'");
    my $end = $admin->value("SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE request_id = $request");
    sleep $end - time - 0.005 if $end - time > 0.005;
    my ($before, $awake) = slices($lender);
    while (time < $end + 0.2) {
        my $now = slices($lender);
        if (defined $now && $now != $before) { # it may have run before the end: then it was something else
            $awake = time;
            last if $awake >= $end;
            $before = $now;
        }
    }
    my $gone;
    until (defined $gone) {
        $gone = $admin->value("SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM jit.events WHERE event = 'loan_returned' AND request_id = $request");
    }
    push @all, 1000 * ($gone - $end);
    next unless defined $awake && $awake >= $end && $awake <= $gone; # else this process was not there to see it
    push @wake, 1000 * ($awake - $end);
    push @rest, 1000 * ($gone - $awake);
}
my $line = sub {
    my ($what, @figures) = @_;
    @figures = sort { $a <=> $b } @figures;
    return [$what, scalar @figures, @figures ? map { sprintf '%.2f', $_ } $figures[0], percentile(50, @figures), percentile(99, @figures) : ('-') x 3];
};
say_table(['ms', 'runs', 'min', 'p50', 'p99'], $line->('one INSERT committed, seen by the client (fsync on)', @commit),
    $line->('end of a loan until the lender runs', @wake), $line->('from there until the membership is gone, committed', @rest),
    $line->('end of a loan until the membership is gone', @all));
if (@rest) {
    printf "The rest takes %.1f times one committed INSERT (budget 5).\n\n", median(@rest) / median(@commit);
}

# ---- ten thousand at one instant ----

$admin->query("DO 'BEGIN FOR i IN 1..$crowd LOOP EXECUTE ''CREATE ROLE crowd'' || i || '' LOGIN''; END LOOP; END'");
$_->close for $admin, $approver, $bench;
system("'$ENV{JIT_BIN}/pgbench' -h '$server->{dir}' -U postgres -i -q -s 1 postgres >'$server->{dir}/pgbench.log' 2>&1") == 0 or die "pgbench -i failed\n";
$server->stop;
$server->start(libraries => '');
$admin = $server->session('app');
my $wait = 12 + $crowd / 500; # for the start and for all the grants
my $policy = $admin->value("SELECT policy_id FROM jit.policies WHERE name = 'bench'");
my $end = $epoch->("date_trunc('second', clock_timestamp()) + interval '$wait s'");
my $at = "to_timestamp($end)";
my $people = q{pg_roles WHERE rolname LIKE 'crowd%'};
my $triggers = without_triggers($admin);
$admin->query("INSERT INTO jit.requests (request_id, policy_id, policy, person, person_name, state, actions, objects, narrowed, duration, starts_at,
    requested_at, pending_until, decided_at, ends_at) OVERRIDING SYSTEM VALUE
    SELECT 1000000 + oid::bigint, $policy, 'bench', oid, rolname, 'approved', '{}', '{}', false, '1 h', now(), now(), now(), now(), $at FROM $people");
$admin->query("INSERT INTO jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, commands, narrowed) SELECT 1000000 + oid::bigint, $policy, oid, now(), $at, 0, 0, false FROM $people");
with_triggers($admin, $triggers);
$admin->query("VACUUM ANALYZE jit.$_") for qw(policies guards requests votes approvals scopes events); # the ledger's indexes call the library
$admin->close;
$server->stop;
$server->start;
$admin = $server->session('app');
my $count = sub { $admin->value(q{SELECT count(*) FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.grantor WHERE r.rolname = 'jit_lender'}) };
my $begin = time;
sleep 0.05 until $count->() == $crowd || time > $end;
my $lent = $count->();
die "only $lent of $crowd loans were granted in time\n" if $lent < $crowd;
my $granted = time - $begin;
die "the grants took too long\n" if $end - time < 6;

# Somebody of the crowd asks all the time; others run pgbench -S, which knows nothing of it.
my $borrower = $server->session('app', 'crowd77');
my $pgbench = fork // die "fork: $!\n";
if ($pgbench == 0) {
    sleep $end - time - 4;
    chdir $server->{dir};
    exec "$ENV{JIT_BIN}/pgbench", '-h', $server->{dir}, '-U', 'postgres', '-n', '-S', '-c', 2, '-T', 9, '-l', '--log-prefix=latency', 'postgres' or die;
}
sleep $end - time - 0.5;
my ($allowed_after, $asked, $first_refusal) = (0, 0);
my ($gone, @left);
while (time < $end + 30) {
    my $before = time;
    $borrower->send_query('SELECT i FROM secret');
    my $result = $borrower->answer;
    if ($result->{closed}) { $borrower = $server->session('app', 'crowd77') } # ended, as a session with a lost role is
    elsif ($before >= $end) {
        $asked++;
        $result->{error} ? ($first_refusal //= $before - $end) : $allowed_after++;
    }
    if (time >= $end && $asked % 5 == 0) {
        my $now = $count->();
        push @left, sprintf '%.2f s: %d', time - $end, $now if !@left || time - $end > 0.1 * @left;
        if ($now == 0) { $gone = time - $end; last }
    }
}
waitpid $pgbench, 0;
my (@quiet, @busy);
for my $file (glob "$server->{dir}/latency.*") {
    open my $in, '<', $file or next;
    while (<$in>) {
        my (undef, undef, $us, undef, $s, $part) = split;
        my $when = $s + $part / 1e6;
        push @{$when < $end ? \@quiet : $when < $end + ($gone // 30) ? \@busy : []}, $us / 1000;
    }
}
print join("\n", "$crowd loans granted in " . sprintf('%.2f s', $granted), @left, ''), "\n";
say_table(["$crowd loans ending at one instant", ''],
    ['all memberships gone after, s (goal 1)', defined $gone ? sprintf('%.2f', $gone) : 'never'],
    ['statements of a borrower after the end', $asked], ['of these allowed (must be 0)', $allowed_after],
    ['pgbench -S meanwhile, p50/p99/max ms', @busy ? join ' / ', map { sprintf '%.2f', $_ } percentile(50, sort { $a <=> $b } @busy), percentile(99, sort { $a <=> $b } @busy), (sort { $a <=> $b } @busy)[-1] : '-'],
    ['pgbench -S before, p50/p99/max ms', @quiet ? join ' / ', map { sprintf '%.2f', $_ } percentile(50, sort { $a <=> $b } @quiet), percentile(99, sort { $a <=> $b } @quiet), (sort { $a <=> $b } @quiet)[-1] : '-']);
$server->stop;
