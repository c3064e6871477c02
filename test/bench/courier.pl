#!/usr/bin/env perl
# How fast the courier empties the queue: 50,000 events that wait in the ledger, to a receiver on the loopback that takes everything at
# once. Each row is one destination by itself.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../tap";
use Bench;
use File::Path qw(make_path remove_tree);
use JitReceiver;
use Time::HiRes qw(sleep time);

my $events = $ENV{JIT_BENCH_EVENTS} // 50_000;
my $work = "$ENV{JIT_BENCH}/courier_receivers";
remove_tree($work);
make_path($work, {mode => 0700});
my $server = Bench->make('courier', "jit_guard.control_database = 'app'\njit_guard.courier_allow = '127.0.0.1'\n");
print '# courier: ', machine(), "\n\n";

$server->start;
$server->sql('postgres', 'CREATE DATABASE app');
$server->sql('app', 'CREATE EXTENSION jit_guard');
$server->stop;
$server->start(libraries => ''); # tables like any other
{
    my $s = $server->session('app', 'postgres', 'bench.events' => $events);
    my $triggers = without_triggers($s);
    $s->query(<<'SQL');
INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail)
SELECT clock_timestamp(), 'requested', n, 'payments-write', 'person' || n % 300, 'person' || n % 300,
       jsonb_build_object('duration', '00:30:00', 'reason', 'what somebody writes about the ticket that he works on', 'ticket', 'INC' || n)
  FROM generate_series(1, current_setting('bench.events')::int) n
SQL
    with_triggers($s, $triggers);
    $s->close;
}
$server->stop;
$server->start(settings => ['log_min_messages=warning']);
sleep 0.2 while $server->sql('app', 'SELECT count(*) FROM jit.events WHERE seq IS NULL') > 0; # the keeper takes a thousand at a time
my $records = $server->sql('app', 'SELECT tree_size FROM jit.ledger_state');

my @rows = (['destination', 'records', 'seconds', 'records a second', 'messages']);
for (['webhook', 'cloudevents-batch'], ['webhook', 'cloudevents']) {
    my ($kind, $format) = @$_;
    my $receiver = JitReceiver->new("$work/$format", brief => 1);
    my $begin = time;
    $server->sql('app', "SELECT jit.create_destination('$format', '$kind', '" . $receiver->url . "', format => '$format', from_seq => 1)");
    sleep 0.05 until $server->sql('app', "SELECT acknowledged >= $records FROM jit.destinations WHERE name = '$format'") eq 't';
    my $seconds = time - $begin;
    my $messages = scalar $receiver->requests;
    push @rows, ["$kind, $format", $records, sprintf('%.1f', $seconds), sprintf('%.0f', $records / $seconds), $messages];
    $server->sql('app', "SELECT jit.drop_destination('$format')");
    $receiver->stop;
}
say_table(@rows);
$server->stop;
