# With a synchronous standby a guarded statement starts only when the standby has the record: after a failover every statement that
# was answered is in the ledger there. A wait for the standby can be cancelled, and then the statement was not run.
use strict;
use warnings;
use JitClient;
use JitGate;
use PostgreSQL::Test::Cluster;
use Test::More;
use Time::HiRes qw(sleep time);

my $primary = gate_cluster('failover', init => {allows_streaming => 1}, conf => "jit_guard.log_uses = off\n");
my $admin = JitClient->new($primary, 'postgres');
$admin->query(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 day')});
my $alice = JitClient->new($primary, 'alice');
$alice->query(q{SELECT jit.request('acc', '1 day')});
$primary->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('failover_standby');
$standby->init_from_backup($primary, 'b', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
$primary->append_conf('postgresql.conf', q{synchronous_standby_names = '*'});
$primary->reload;
wait_until($primary, q{EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')});

# ---- the standby does not answer ----
my $receiver = $standby->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'});
kill 'STOP', $receiver;
$alice->query('SET synchronous_commit = off'); # what the person says about commits is not asked
$alice->send_query('SELECT count(*) /* marked waiting */ FROM pay.accounts');
wait_until($primary, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $alice->{pid} AND wait_event = 'SyncRep')");
ok(1, 'a guarded statement waits for the standby');
is(JitClient->new($primary, 'bob')->value('SELECT v FROM pay.open'), 1, 'one that touches nothing guarded does not');
$admin->query("SELECT pg_cancel_backend($alice->{pid})");
gate_error($alice->finish, '57014', qr/not on the synchronous standby/, 'the wait can be cancelled, and the statement is not run');
kill 'CONT', $receiver;
$alice->query('RESET synchronous_commit');
gate_rows($alice->query('SELECT count(*) FROM pay.accounts'), '5', 'the standby is back');

# ---- the primary is lost in the middle ----
my (%answered, $number);
my @clients = map { JitClient->new($primary, 'alice') } 1 .. 3;
my $end = time + 1;
my $killed = 0;
while (grep { !$_->{gone} } @clients) {
    if (!$killed && time > $end) {
        kill 'KILL', $primary->{_pid};
        $killed = 1;
    }
    last if time > $end + 20;
    for my $client (grep { !$_->{gone} } @clients) {
        my $statement = 'SELECT ' . ++$number . ' AS marked FROM pay.accounts LIMIT 1';
        my $answer = eval { local $SIG{PIPE} = 'IGNORE'; $client->query($statement) };
        if (!defined $answer || $answer->{gone} || $answer->{error}) { $client->{gone} = 1; }
        else { $answered{$statement} = 1; }
    }
}
$primary->{_pid} = undef;
cmp_ok(scalar keys %answered, '>', 50, scalar(keys %answered) . ' statements were answered');
$standby->promote;
for (1 .. 300) {
    last if eval { $admin = JitClient->new($standby, 'postgres'); $admin->value('SELECT pg_is_in_recovery()') eq 'f' };
    sleep 0.1;
}
my $answer;
for (1 .. 20) {
    $answer = $admin->query(q{CALL jit.catch_up('5 s')});
    last if !$answer->{error};
}
is($answer->{error}, undef, 'the promoted standby has a ledger');
my %used;
$used{$_->[0]}++ for @{$admin->query(q{SELECT statement FROM jit.uses WHERE statement LIKE '%AS marked%'})->{rows}};
is(scalar(grep { ($used{$_} // 0) != 1 } keys %answered), 0, 'in which every statement that was answered is, once');
is($admin->value('SELECT max(seq) - count(*) FROM jit.ledger'), 0, 'and no gap');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:gap}'}), 0, 'nothing is lost');
$standby->stop;
done_testing();
