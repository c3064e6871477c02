#!/usr/bin/env perl
# What records cost in time and space: a durable one beside the commit of a row, many clients beside one, how fast the keeper puts
# them into the ledger, and what the ledger needs of the disk. The two of each pair run in turn, in one session of the machine.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{JIT_BENCH_SECONDS} // 5;
my $records = $ENV{JIT_BENCH_RECORDS} // 20_000;
my $bin = $ENV{JIT_BIN};
my $server = Bench->make('evidence', <<'CONF');
jit_guard.control_database = 'app'
jit_guard.log_uses = off
jit_guard.evidence_backlog = '1GB'
CONF
print '# evidence: ', machine(), "\n\n";
$server->start;
$server->sql('postgres', 'CREATE DATABASE app');
$server->sql('app', $_) for 'CREATE ROLE bench LOGIN', 'CREATE TABLE mark (i int)', 'CREATE TABLE kept (aid int PRIMARY KEY, abalance int)',
    'INSERT INTO kept SELECT i, i FROM generate_series(1, 1000) i', 'CREATE TABLE free AS TABLE kept', 'ALTER TABLE free ADD PRIMARY KEY (aid)',
    'GRANT SELECT ON kept, free TO bench', 'GRANT INSERT ON mark TO bench', 'VACUUM (FREEZE, ANALYZE)', 'CREATE EXTENSION jit_guard',
    "SELECT jit.create_policy('bench', '{READ}', '{public.kept}', eligible => '{bench}', approvals => 0, require_reason => false, max_duration => '1 day')";
$server->sql('app', 'CALL jit.catch_up()');
my $bench = $server->session('app', 'bench');
$bench->query("SELECT jit.request('bench', '1 day')");

# Transactions a second of pgbench with a script.
sub rate {
    my ($clients, $sql) = @_;
    my $script = "$server->{dir}/script.sql";
    open my $out, '>', $script or die "$script: $!";
    print $out $sql;
    close $out or die "$script: $!";
    my $said = `'$bin/pgbench' -h '$server->{dir}' -U bench -n -M prepared -c $clients -j 2 -T $seconds -f '$script' app 2>'$server->{dir}/pgbench.log'`;
    return $said =~ /^tps = ([\d.]+)/m ? $1 : die "pgbench: $said" . $server->log_tail;
}
my $pick = "\\set aid random(1, 1000)\n";
my $guarded = "${pick}SELECT abalance FROM kept WHERE aid = :aid;\n";
my %sql = (guarded => $guarded, free => "${pick}SELECT abalance FROM free WHERE aid = :aid;\n", insert => "INSERT INTO mark VALUES (1);\n");
my %rate;
for (1 .. 3) {
    push @{$rate{$_}}, rate(1, $sql{$_}) for qw(free insert guarded);
    push @{$rate{many}}, rate(16, $sql{guarded});
}
my %median = map { $_ => median(@{$rate{$_}}) } keys %rate;
my $more = 1e6 / $median{guarded} - 1e6 / $median{free};
my $commit = 1e6 / $median{insert};
printf "One client: a SELECT %.0f us, guarded and recorded %.0f us more, the commit of a one-row INSERT %.0f us: %.2f of it (budget 0.5).\n",
    1e6 / $median{free}, $more, $commit, $more / $commit;
printf "16 clients: %.0f guarded SELECTs a second, one client %.0f: %.1f times as many (budget 3).\n\n", $median{many}, $median{guarded}, $median{many} / $median{guarded};

# ---- the keeper ----
my $admin = $server->session('app');
$admin->value("CALL jit.catch_up('5 min')");
my $keeper = $admin->value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app'");
my $first = $admin->value('SELECT max(seq) FROM jit.ledger');
my ($before) = $admin->value("SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('jit.ledger') WHERE isleaf");
kill 'STOP', $keeper;
system("'$bin/pgbench' -h '$server->{dir}' -U bench -n -M prepared -c 8 -j 2 -t " . int($records / 16) . " -f '$server->{dir}/script.sql' app >/dev/null 2>&1");
kill 'CONT', $keeper;
my $begin = time;
$admin->value("CALL jit.catch_up('5 min')");
my $took = time - $begin;
my $count = $admin->value('SELECT max(seq) FROM jit.ledger') - $first;
printf "The keeper put %d records into the ledger in %.2f s: %.0f a second (budget 20,000).\n", $count, $took, $count / $took;
my $after = $admin->value("SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('jit.ledger') WHERE isleaf");
my $fields = $admin->value("SELECT sum(octet_length(record)) FROM jit.ledger WHERE seq > $first");
printf "Its tables grew by %.0f bytes a record, whose text and fields are %.0f: %.2f times (budget 1.3).\n\n",
    ($after - $before) / $count, $fields / $count, ($after - $before) / $fields;
$server->stop;
exit failed();
