# A short run of test/chaos: sixteen clients, some kills, and the invariants of test/chaos/INVARIANTS.md. Then the harness
# itself: it has to find what is wrong when rows are corrupted, and when checks of the gate are switched off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../../chaos";
use ChaosCheck;
use ChaosRun;
use JitAttacks ();
use JitClient;
use Test::More;

my $rounds = $ENV{JIT_CHAOS_ROUNDS} // 15;
my $seed = $ENV{JIT_CHAOS_SEED} // 1 + time % 10_000;
my $slack = $ENV{JIT_CHAOS_SLACK} // 1;
my $bin = `$ENV{PG_CONFIG} --bindir`;
chomp $bin;
$bin = "$ENV{JIT_WORK}/tree$bin" if index($bin, "$ENV{JIT_WORK}/tree") != 0;

sub kinds { my %kind; $kind{$_->[0]}++ for @_; return \%kind }

# What has to have happened: of these requests one each is corrupted below, and of these answers one each was given.
my %happens = (
    two => q{policy = 'two' AND state = 'ended'},
    ended => q{policy = 'one' AND state = 'ended'},
    longer => q{extends IS NOT NULL AND state = 'ended'},
    staged => q{policy = 'staged' AND state = 'ended' AND extends IS NULL},
    glass => q{break_glass},
    denied => q{policy = 'ruled' AND state = 'denied' AND extract(epoch FROM duration) > 1.2},
);
my @answers = ('vote ok', 'vote no', 'read ok', 'read no', 'write ok', 'write no', 'own_vote no', 'review ok', 'delegate ok');

sub has_happened {
    my ($run) = @_;
    my %told = map { ("$_->{kind} $_->{outcome}" => 1) } read_logs(@{$run->{logs}});
    return 0 if grep { !$told{$_} } @answers;
    my $all = join ' AND ', 'count(*) > ' . 3 * $rounds, map { "count(*) FILTER (WHERE $_) > 0" } values %happens;
    return eval { JitClient->new($run->{server}, 'checker')->value("SELECT $all FROM jit.requests") eq 't' };
}

# ---- a short run ----
note("seed $seed; the same dice again: JIT_CHAOS_SEED=$seed");
my $run = ChaosRun->new(bin => $bin, dir => "$ENV{JIT_WORK}/chaos", seed => $seed, slack => $slack);
my @found = $run->run($rounds, 0, \&has_happened);
my $summary = $run->{summary};
note(join ', ', map { "$_: $run->{kills}{$_}" } sort keys %{$run->{kills}});
note(join ', ', map { "$_: $summary->{told}{$_}" } sort keys %{$summary->{told}});
is(scalar @found, 0, "$rounds rounds: every invariant holds") or diag("seed $seed\n", map { "$_->[0]: $_->[1]\n" } @found);
cmp_ok($summary->{requests}, '>', 3 * $rounds, "there were requests: $summary->{requests}");
cmp_ok($summary->{told}{$_} // 0, '>', 0, "there were: $_") for @answers;

# ---- rows are corrupted: each invariant is seen failing ----
my $server = $run->{server};
$server->stop('INT');
$server->{libraries} = ''; # without the library its tables are tables like any other
$server->start;
my @told = read_logs(@{$run->{logs}});
{
    my $client = JitClient->new($server, 'checker');
    my $look = sub { my $seen = look($client); return (judge($seen, late => 0.5), judge_told($seen, \@told, slack => $slack, log => $server->log_name)) };
    is(scalar(@found = $look->()), 0, 'at rest and without the library the rows are as they were') or diag(map { "$_->[0]: $_->[1]\n" } @found);
    my $triggers = $client->query(q{SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname)
        FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'jit.%' AND NOT tgisinternal});
    $client->query($_->[0]) for @{$triggers->{rows}};
    my ($two, $ended, $longer, $staged, $glass, $denied) =
        map { "(SELECT min(request_id) FROM jit.requests WHERE $happens{$_})" } qw(two ended longer staged glass denied);
    my ($asked) = map { $_->{token} } grep { $_->{kind} eq 'request' && $_->{outcome} eq 'ok' } @told;
    my $insert = 'INSERT INTO jit.approvals SELECT (jsonb_populate_record(NULL::jit.approvals, to_jsonb(r) || to_jsonb(g) || jsonb_build_object($$by_statement$$, false))).*'
        . " FROM jit.requests r JOIN jit.guards g USING (policy_id) WHERE r.request_id = $ended";
    my $event = 'INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) SELECT happened_at, %s, request_id, policy, person, actor, detail FROM jit.events WHERE %s';
    for (
        ['a vote is lost', "DELETE FROM jit.votes WHERE request_id = $two", 'votes-count-once', 'votes-decide'],
        ['a vote is counted twice', sprintf($event, 'event', "request_id = $two AND event = 'vote' LIMIT 1"), 'votes-count-once'],
        ['a vote for oneself', "UPDATE jit.votes v SET voter_name = r.person_name FROM jit.requests r WHERE v.request_id = $ended AND r.request_id = v.request_id", 'votes-are-others'],
        ['an approval lives on', $insert, 'approved-is-approved', 'over-is-over'],
        ['an approval is lost', "UPDATE jit.requests SET state = 'approved', end_reason = NULL WHERE request_id = $ended", 'approved-is-approved', 'history-is-state'],
        ['a request that waits for ever', "UPDATE jit.requests SET state = 'pending', end_reason = NULL WHERE request_id = $ended", 'over-is-over', 'history-is-state'],
        ['an impossible step', sprintf($event, "'denied'", "request_id = $ended AND event = 'approved'"), 'history-is-state'],
        ['a step is not recorded', "DELETE FROM jit.events WHERE request_id = $ended AND event = 'approved'", 'history-is-state'],
        ['a longer window', "UPDATE jit.requests SET ends_at = ends_at + '1 min' WHERE request_id = $ended", 'window-is-granted'],
        ['a loan lives on', 'GRANT power TO p0 GRANTED BY jit_lender', 'loan-is-lent', 'loans-alternate'],
        ['a write without approval', q{INSERT INTO app.one (token, who) VALUES ('forged', 'checker')}, 'writes-are-held', 'uses-are-recorded'],
        ['an approval for an extension', $insert =~ s/\Q$ended\E/$longer/r, 'approved-is-approved'],
        ['an extension lives on', "UPDATE jit.requests SET state = 'approved', end_reason = NULL WHERE request_id = $longer", 'extensions-follow'],
        ['a right ends before its extension', "UPDATE jit.requests SET ends_at = ends_at - interval '1 ms' WHERE request_id = (SELECT extends FROM jit.requests WHERE request_id = $longer)", 'extensions-follow'],
        ['one person in both stages', "UPDATE jit.votes SET for_whom_name = (SELECT voter_name FROM jit.votes WHERE request_id = $staged AND stage = 1 LIMIT 1) WHERE request_id = $staged AND stage = 2", 'stages-are-distinct', 'stands-in'],
        ['a stage without its vote', "UPDATE jit.votes SET stage = 1 WHERE request_id = $staged", 'stages-have-votes'],
        ['a vote of a partner', "INSERT INTO jit.delegations (person, person_name, delegate, delegate_name, starts_at, ends_at, created_at) SELECT v.voter, v.voter_name, r.person, r.person_name, v.voted_at - interval '1 min', v.voted_at + interval '1 min', now() FROM jit.votes v JOIN jit.requests r USING (request_id) WHERE r.request_id = $two", 'no-vote-of-a-partner'],
        ['broken glass without a review', "UPDATE jit.requests SET review = 'none', verdict = NULL, reviewed_by = NULL, reviewed_at = NULL WHERE request_id = $glass", 'glass-is-reviewed'],
        ['two reviews owed', "DROP INDEX jit.requests_owed; UPDATE jit.requests SET break_glass = true, review = 'awaiting', verdict = NULL, reviewed_by = NULL, reviewed_at = NULL WHERE person_name = 'p0'", 'one-review-owed'],
        ['a denial by rule is approved', sprintf($event, "'approved'", "request_id = $denied AND event = 'denied'"), 'rules-decide'],
        ['a rule did not decide', "UPDATE jit.events SET detail = detail - 'rule' WHERE request_id = $denied", 'rules-decide'],
        ['a request is lost', "UPDATE jit.requests SET reason = 'forged' WHERE reason = '$asked'", 'told-is-true'],
    ) {
        my ($what, $sql, @names) = @$_;
        $client->query('BEGIN');
        my $answer = $client->query($sql);
        die "$what: $answer->{error}{M}" if $answer->{error};
        like($answer->{tags}[-1], qr/[1-9]\d*$|GRANT/, "$what: done");
        # In the same transaction: nothing is kept. Its own rows have no commit time yet, so they are judged as of now.
        my $seen = look_inside($client);
        my $kinds = kinds(judge($seen, late => 0.5), judge_told($seen, \@told, slack => $slack, log => $server->log_name));
        for my $name (@names) {
            ok($kinds->{$name}, "$what: found, $name") or diag(join ' ', %$kinds);
        }
        $client->query('ROLLBACK');
    }
    my $seen = look($client);
    for (
        [{kind => 'vote', outcome => 'ok', token => 'forged', request => 1}, 'told-is-true'], [{kind => 'release', outcome => 'ok', request => 0}, 'told-is-true'],
        [{kind => 'write', outcome => 'ok', token => 'forged', policy => 'one'}, 'told-is-true'], [{kind => 'own_vote', outcome => 'ok', request => 1}, 'votes-are-others'],
        [{kind => 'read', outcome => 'ok', policy => 'one', until => 10}, 'reads-are-held'], [{kind => 'silence', outcome => 'unknown', sql => ''}, 'always-an-answer'],
    ) {
        my ($line, $name) = @$_;
        ok(kinds(judge_told($seen, [{person => 'p0', t0 => 10, t1 => 10, %$line}], slack => $slack))->{$name}, "told of a $line->{kind} that was not: found, $name");
    }
    $client->close;
}
$server->stop('INT');

# ---- checks of the gate are switched off: the clients find it ----
SKIP: {
    my $tree = JitAttacks::_switch_tree() or skip 'the module with switches was not built', 3;
    my %seen;
    for my $try (1 .. 4) { # the dice decide whether somebody is late in each of three ways
        my $open = ChaosRun->new(bin => "$tree/bin", dir => "$ENV{JIT_WORK}/chaos", seed => 4 + $try, slack => $slack, off => 'commit,timers,recheck,loans');
        my @late = $open->run(0, 10);
        $seen{/committed/ ? 'commit' : /under elev/ ? 'loan' : 'read'} = 1 for map { $_->[1] } grep { $_->[0] =~ /-are-held/ } @late;
        $open->{server}->stop('QUIT');
        last if keys %seen == 3;
    }
    ok($seen{$_}, "without the checks at the end: a late $_ is found") for qw(commit loan read);
}
done_testing();

sub look_inside {
    my ($client) = @_;
    my $seen = ChaosCheck::look_here($client);
    $_->{committed} //= $seen->{now} for @{$seen->{events}}, @{$seen->{rows}};
    return $seen;
}
