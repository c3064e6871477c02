#!/usr/bin/env perl
# How late a client sees the cancel of a CPU-bound statement, measured from the end of its approval. Client and server
# read the same clock; the client notes the time when the error message has arrived.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;

my $runs = $ENV{JIT_BENCH_RUNS} // 100;
my $server = Bench->make('deadline', '');
print '# deadline: ', machine(), "\n\n";
$server->start;
$server->sql('postgres', $_) for 'CREATE ROLE bench LOGIN', 'CREATE ROLE approver LOGIN', 'CREATE TABLE guarded AS SELECT i FROM generate_series(1, 3000) AS i',
    'GRANT SELECT ON guarded TO bench', 'ANALYZE guarded', 'CREATE EXTENSION jit_guard',
    "SELECT jit.create_policy('bench', objects => '{public.guarded}', actions => '{READ}', eligible => '{bench}', approvers => '{approver}', require_reason => false)";
my $admin = $server->session('postgres');
my $approver = $server->session('postgres', 'approver');
my $bench = $server->session('postgres', 'bench');
$bench->query('SET max_parallel_workers_per_gather = 0');

sub lateness {
    my ($statement) = @_;
    my @late;
    for (1 .. $runs) {
        my $request = $bench->value("SELECT jit.request('bench', '1 s')");
        $approver->query("SELECT jit.approve($request)");
        $bench->send_query($statement);
        my $result = $bench->answer;
        die "the statement was not cancelled: " . ($result->{error}{M} // 'no error') . "\n"
            unless $result->{error} && $result->{error}{M} =~ /^canceling statement: approval $request is over/;
        push @late, 1000 * ($result->{at} - $admin->value("SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE request_id = $request"));
    }
    return sort { $a <=> $b } @late;
}

my @rows;
for my $kind (['cross join of 3,000 x 3,000 x 3,000 rows', 'SELECT count(*) FROM guarded AS a, guarded AS b, guarded AS c WHERE a.i + b.i + c.i < 0'],
    ['sort and hash of 9,000,000 rows, again and again', 'SELECT count(DISTINCT md5((a.i * b.i)::text)) FROM guarded AS a, guarded AS b'],
    ['pg_sleep', 'SELECT pg_sleep(30) FROM guarded']) {
    my ($what, $statement) = @$kind;
    my @late = lateness($statement);
    push @rows, [$what, scalar @late, map { sprintf '%.2f', $_ } $late[0], percentile(50, @late), percentile(90, @late), percentile(99, @late), $late[-1]];
}
say_table(['cancel seen by the client, ms after the deadline', 'runs', 'min', 'p50', 'p90', 'p99', 'max'], @rows);
$server->stop;
