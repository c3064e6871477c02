# Two people at the same instant: one of them is held in an open transaction, so every interleaving is the one meant.
# Exactly one wins, the other is told what happened, and nothing is left half done.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $node = gate_cluster('races', conf => "jit_guard.expiry_grace = '30s'\n");
my $admin = JitClient->new($node, 'postgres');
my %p = map { $_ => JitClient->new($node, $_) } qw(alice bob carol dan);
my ($id, $answer);
$admin->value("SELECT jit.alter_policy('$_', exempt => '{postgres}')") for 'acc', 'lent';
$admin->value(q{SELECT jit.create_policy('two', '{READ}', '{pay.two}', eligible => '{staff}', approvers => '{leads}', approvals => 2)})
    if $admin->query('CREATE TABLE pay.two AS SELECT 2 AS id; GRANT ALL ON pay.two TO staff');

sub asked { my ($policy) = @_; return $p{alice}->value("SELECT jit.request('" . ($policy // 'acc') . "', '10 min', reason => 'race')"); }
sub state_of { my ($request) = @_; return $admin->value("SELECT state || coalesce(' ' || end_reason, '') FROM jit.requests WHERE request_id = $request"); }
sub rights_of { my ($request) = @_; return $admin->value("SELECT count(*) FROM jit.approvals WHERE request_id = $request"); }
sub events_of { my ($request) = @_; return $admin->value("SELECT string_agg(event, ' ' ORDER BY event_id) FROM jit.events WHERE request_id = $request"); }
sub votes_of { my ($request) = @_; return $admin->value("SELECT coalesce(string_agg(voter_name || ':' || vote, ' ' ORDER BY voted_at), '') FROM jit.votes WHERE request_id = $request"); }

# The first holds its call in a transaction, the second has to wait, the first then ends as said. Returns both answers.
sub race {
    my ($first, $first_sql, $end, $second, $second_sql, $begin) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $p{$first}->query($begin // 'BEGIN');
    my $one = $p{$first}->query($first_sql);
    $p{$second}->send_query($second_sql);
    is_waiting($node, $p{$second}, "$second waits for $first: $second_sql");
    $p{$first}->query($end);
    return ($one, $p{$second}->finish);
}
sub done { my ($request, $state, $rights, $events, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join(' | ', state_of($request), rights_of($request), events_of($request)), "$state | $rights | $events", $test);
    return;
}

# ---- approve against approve, quorum 1 ----
$id = asked();
(my $one, my $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'dan', "SELECT jit.approve($id)");
gate_rows($one, 'approved', 'the first vote approves');
gate_error($two, '55000', qr/has already been approved/, 'the second is told that it is approved already');
done($id, 'approved', 1, 'requested vote approved', 'approve against approve: one right, one vote');
$id = (asked('lent'))[0];
($one, $two) = race('carol', "SELECT jit.approve($id)", 'ROLLBACK', 'dan', "SELECT jit.approve($id, duration => '5 min')");
gate_rows($two, 'approved', 'when the first rolls back, the second approves');
is(votes_of($id), 'dan:approve', 'and only that vote exists');
done($id, 'approved', 1, 'requested vote approved', 'nothing of the first is left');

# ---- quorum 2 ----
$id = asked('two');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'dan', "SELECT jit.approve($id)");
gate_rows($one, 'pending', 'quorum 2: the first vote leaves it pending');
gate_rows($two, 'approved', 'the second, at the same instant, approves: no vote is lost');
done($id, 'approved', 1, 'requested vote vote approved', 'one right after two votes');
$p{alice}->value("SELECT jit.release($id)");
$id = asked('two');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'ROLLBACK', 'dan', "SELECT jit.approve($id)");
gate_rows($two, 'pending', 'quorum 2: a vote that is rolled back does not count');
gate_rows($p{alice}->query('SELECT id FROM pay.open WHERE id = 1'), '1', 'the asker waits for nobody');
gate_refused($p{alice}->query('SELECT id FROM pay.two'), 'and has no right yet');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'dan', "SELECT jit.approve($id)");
gate_error($two, '55000', qr/has already been approved|already voted/, 'voting twice while the last vote is under way');
done($id, 'approved', 1, 'requested vote vote approved', 'counts once');
$p{alice}->value("SELECT jit.release($id)");

# In REPEATABLE READ a vote must not miscount what its snapshot hides.
$id = asked('two');
$p{dan}->query('BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE jit.pending');
gate_rows($p{carol}->query("SELECT jit.approve($id)"), 'pending', 'one vote while another has an old snapshot');
$answer = $p{dan}->query("SELECT jit.approve($id)");
gate_error($answer, '40001', qr/could not serialize/, 'the old snapshot is an error to be retried, not a lost vote');
$p{dan}->query('ROLLBACK');
gate_rows($p{dan}->query("SELECT jit.approve($id)"), 'approved', 'and the retry decides');
$p{alice}->value("SELECT jit.release($id)");

# ---- approve against deny ----
for my $first (qw(approve deny)) {
    my $second = $first eq 'approve' ? 'deny' : 'approve';
    $p{alice}->query("SELECT jit.release(request_id) FROM (VALUES (" . ($admin->value("SELECT coalesce(max(request_id), 0) FROM jit.approvals WHERE policy_id = (SELECT policy_id FROM jit.policies WHERE name = 'acc')")) . ")) v (request_id)");
    $id = asked();
    ($one, $two) = race('carol', "SELECT jit.$first($id)", 'COMMIT', 'dan', "SELECT jit.$second($id)");
    ok(!$one->{error}, "$first comes first");
    gate_error($two, '55000', $first eq 'approve' ? qr/has already been approved/ : qr/has already been denied/, "$second is too late");
    done($id, $first eq 'approve' ? ('approved', 1, 'requested vote approved') : ('denied', 0, 'requested vote denied'), "$first against $second");
    $p{alice}->value("SELECT jit.release($id)") if $first eq 'approve';
    $id = asked();
    ($one, $two) = race('carol', "SELECT jit.$first($id)", 'ROLLBACK', 'dan', "SELECT jit.$second($id)");
    ok(!$two->{error}, "$first rolled back: $second counts");
    is(state_of($id), $second eq 'approve' ? 'approved' : 'denied', 'and decides');
    $p{alice}->value("SELECT jit.release($id)") if $second eq 'approve';
}

# ---- approve against cancel ----
$id = asked();
($one, $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'alice', "SELECT jit.cancel($id)");
gate_error($two, '55000', qr/has already been approved.*jit.release/, 'cancel after approve is told to release');
done($id, 'approved', 1, 'requested vote approved', 'approve before cancel');
$p{alice}->value("SELECT jit.release($id)");
$id = asked();
($one, $two) = race('alice', "SELECT jit.cancel($id)", 'COMMIT', 'carol', "SELECT jit.approve($id)");
gate_error($two, '55000', qr/has already been cancelled/, 'approve after cancel');
done($id, 'cancelled', 0, 'requested cancelled', 'cancel before approve: no right');
$id = asked();
($one, $two) = race('alice', "SELECT jit.cancel($id)", 'ROLLBACK', 'carol', "SELECT jit.approve($id)");
done($id, 'approved', 1, 'requested vote approved', 'a cancel that is rolled back');

# ---- release against revoke; a requester cannot hold a revocation up ----
($one, $two) = race('carol', "SELECT jit.revoke($id)", 'COMMIT', 'alice', "SELECT jit.release($id)");
gate_error($two, '55000', qr/has already ended/, 'release after revoke');
done($id, 'ended revoked', 0, 'requested vote approved revoked', 'revoke before release');
$id = approved($node, 'alice', '10 min');
$p{alice}->query("BEGIN; SELECT jit.release($id)");
$answer = $p{carol}->query("SELECT jit.revoke($id)");
is($answer->{error}{M}, undef, 'revoke does not wait for a release that is not committed');
like($answer->{notices}[0]{M} // '', qr/a session of "alice" was ended/, 'it ends that session and says so');
done($id, 'ended revoked', 0, 'requested vote approved revoked', 'revoke wins');
ok($p{alice}->ends, 'the session is gone');
$p{alice} = JitClient->new($node, 'alice');
$id = approved($node, 'alice', '10 min');
($one, $two) = race('carol', "SELECT jit.revoke($id)", 'COMMIT', 'dan', "SELECT jit.revoke($id)");
gate_error($two, '55000', qr/has already ended/, 'two revokes: the second is told');
done($id, 'ended revoked', 0, 'requested vote approved revoked', 'and it is revoked once');
$id = approved($node, 'alice', '10 min');
($one, $two) = race('carol', "SELECT jit.revoke($id)", 'ROLLBACK', 'alice', "SELECT jit.release($id)");
done($id, 'ended released', 0, 'requested vote approved released', 'a revoke that is rolled back');

# ---- approve against time-out ----
$admin->value("SELECT jit.alter_policy('acc', pending_timeout => '4 s')");
$id = asked();
$p{carol}->query('BEGIN');
$p{carol}->query("SELECT jit.approve($id)");
wait_until($node, "(SELECT clock_timestamp() > pending_until FROM jit.requests WHERE request_id = $id)");
is(state_of($id), 'pending', 'the time-out passes while a vote is open');
$p{carol}->query('COMMIT');
sleep 0.3;
done($id, 'approved', 1, 'requested vote approved', 'a vote in time, committed late, holds');
$p{alice}->value("SELECT jit.release($id)");
$id = asked();
$p{carol}->query('BEGIN');
$p{carol}->query("SELECT jit.approve($id)");
wait_until($node, "(SELECT clock_timestamp() > pending_until FROM jit.requests WHERE request_id = $id)");
$p{carol}->query('ROLLBACK');
wait_until($node, "(SELECT state = 'timed_out' FROM jit.requests WHERE request_id = $id)", 'a vote rolled back: the request times out');
gate_error($p{carol}->query("SELECT jit.approve($id)"), '55000', qr/has already timed out/, 'and a vote after that is refused');
done($id, 'timed_out', 0, 'requested timed_out', 'with one event');
$id = asked();
my @workers = split /\n/, $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'jit_guard %'");
END { kill 'CONT', @workers if @workers; }
kill 'STOP', @workers;
wait_until($node, "(SELECT clock_timestamp() > pending_until FROM jit.requests WHERE request_id = $id)");
gate_error($p{carol}->query("SELECT jit.approve($id)"), '55000', qr/timed out/, 'without a worker a vote after the time-out is refused as well');
kill 'CONT', @workers;
wait_until($node, "(SELECT state = 'timed_out' FROM jit.requests WHERE request_id = $id)", 'the worker then writes it down');
$admin->value("SELECT jit.alter_policy('acc', pending_timeout => '4 hours')");

# ---- revoke against use: whatever the transaction looks like ----
$id = approved($node, 'alice', '10 min');
my %use = (
    'open transaction' => ['BEGIN; SELECT id FROM pay.accounts', 'SELECT id FROM pay.accounts'],
    'REPEATABLE READ'  => ['BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT id FROM pay.accounts', 'SELECT id FROM pay.accounts'],
    'SERIALIZABLE'     => ['BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT id FROM pay.accounts', 'SELECT id FROM pay.accounts'],
    'prepared plan, no new locks' => ['SET plan_cache_mode = force_generic_plan; PREPARE q AS SELECT id FROM pay.accounts; BEGIN; EXECUTE q; EXECUTE q', 'EXECUTE q'],
    'idle session'     => ['SELECT id FROM pay.accounts', 'SELECT id FROM pay.accounts'],
    'plpgsql function' => [q{CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(id) FROM pay.accounts); END'; BEGIN; SELECT pg_temp.f()}, 'SELECT pg_temp.f()'],
    'not used yet'     => ['BEGIN; SELECT id FROM pay.open', 'SELECT id FROM pay.accounts'],
    'old snapshot, not used yet' => ['BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT id FROM pay.open', 'SELECT id FROM pay.accounts'],
);
my %session = map { $_ => JitClient->new($node, 'alice') } keys %use;
for my $how (sort keys %use) {
    $answer = $session{$how}->query($use{$how}[0]);
    ok(!$answer->{error}, "$how: before") or diag($answer->{error}{M});
}
$p{carol}->query('BEGIN');
$p{carol}->query("SELECT jit.revoke($id)");
for my $how (sort keys %use) {
    $answer = $session{$how}->query($use{$how}[1]);
    ok(!$answer->{error}, "$how: a revoke that is not committed changes nothing, and nobody waits") or diag($answer->{error}{M});
}
$p{carol}->query('COMMIT');
for my $how (sort keys %use) {
    gate_error($session{$how}->query($use{$how}[1]), '42501', qr/approval $id is over|needs a just-in-time approval/, "$how: refused once it is");
}
# An approval in its turn is seen by an old snapshot too: what counts is what is committed now.
$session{old} = JitClient->new($node, 'alice');
$session{old}->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT id FROM pay.open');
$id = approved($node, 'alice', '10 min');
gate_rows($session{old}->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'a new approval opens in an old snapshot');
$_->close for values %session;
is($p{alice}->query("SELECT jit.release($id)")->{error}, undef, 'given back');

# ---- drop_policy against approve: both orders, and what hangs on the policy goes with it ----
my $new_policy = q{SELECT jit.create_policy('gone', '{READ}', '{pay.open}', eligible => '{staff}', approvers => '{leads}')};
$admin->value($new_policy);
$p{postgres} = $admin;
$id = asked('gone');
$p{carol}->query('BEGIN');
gate_rows($p{carol}->query("SELECT jit.approve($id)"), 'approved', 'a vote is under way');
my $dropper = $p{dropper} = JitClient->new($node, 'postgres');
$dropper->send_query(q{SELECT jit.drop_policy('gone')});
is_waiting($node, $dropper, 'drop_policy waits for it');
$p{carol}->query('COMMIT');
$answer = $dropper->finish;
is($answer->{error}{M}, undef, 'and then drops the policy');
done($id, 'ended revoked', 0, 'requested vote approved revoked', 'the approval given meanwhile is revoked with it');
gate_rows($p{alice}->query('SELECT id FROM pay.open WHERE id = 1'), '1', 'nothing is guarded any more');
$admin->value($new_policy);
$id = asked('gone');
$dropper->query('BEGIN');
$dropper->query(q{SELECT jit.drop_policy('gone')});
gate_refused($p{alice}->query('SELECT id FROM pay.open'), 'a policy whose drop is not committed guards');
$p{carol}->send_query("SELECT jit.approve($id)");
is_waiting($node, $p{carol}, 'a vote waits for drop_policy');
$dropper->query('COMMIT');
gate_error($p{carol}->finish, '55000', qr/cancelled|was dropped/, 'and is then refused');
done($id, 'cancelled', 0, 'requested cancelled', 'the request was cancelled with its policy');
$admin->value($new_policy);
$id = asked('gone');
$dropper->query('BEGIN');
$dropper->query(q{SELECT jit.drop_policy('gone')});
$p{carol}->send_query("SELECT jit.approve($id)");
is_waiting($node, $p{carol}, 'the same, and the drop is rolled back');
$dropper->query('ROLLBACK');
gate_rows($p{carol}->finish, 'approved', 'then the vote counts');
gate_rows($p{alice}->query('SELECT id FROM pay.open WHERE id = 1'), '1', 'and gives the right');
$admin->value(q{SELECT jit.drop_policy('gone')});

# ---- alter_policy against use ----
$id = approved($node, 'alice', '10 min');
%session = map { $_ => JitClient->new($node, 'alice') } qw(cursor open write);
gate_rows($session{cursor}->query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM pay.accounts ORDER BY id; FETCH 1 FROM c'), '1', 'a cursor under the old terms');
$session{open}->query('BEGIN; SELECT id FROM pay.accounts');
$session{write}->query('BEGIN; INSERT INTO pay.accounts VALUES (50, 50)');
$dropper->query('BEGIN');
$dropper->query(q{SELECT jit.alter_policy('acc', eligible => '{leads}')});
gate_rows($session{open}->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'an uncommitted alter_policy changes nothing');
$dropper->query('COMMIT');
$answer = $p{alice}->query(q{SELECT jit.request('acc', '1 min', reason => 'x')});
gate_error($answer, '42704', qr/no policy "acc" that you may use/, 'who may not ask any more is told so');
$admin->value(q{SELECT jit.alter_policy('acc', eligible => '{staff}', actions => '{UPDATE}')});
gate_rows($session{cursor}->query('FETCH 1 FROM c'), '2', 'what is no longer guarded goes on');
$admin->value(q{SELECT jit.alter_policy('acc', actions => '{READ,WRITE,EXPORT}')});
$_->query('ROLLBACK') for values %session;

# ---- a policy that comes while a session knows the table as unguarded, and an exemption that goes ----
my $bob = $p{bob};
$bob->query('SET plan_cache_mode = force_generic_plan; PREPARE q AS SELECT id FROM pay.open WHERE id = 1');
gate_rows($bob->query('BEGIN; EXECUTE q'), '1', 'an open transaction knows the table as unguarded');
$bob->query('DECLARE c CURSOR FOR SELECT id FROM pay.open');
$admin->value($new_policy);
gate_refused($bob->query('EXECUTE q'), 'the next execution is refused');
$bob->query('ROLLBACK');
$admin->value(q{SELECT jit.alter_policy('gone', exempt => '{bob}')});
gate_rows($bob->query('BEGIN; DECLARE c CURSOR FOR SELECT 7 FROM pay.open; FETCH 1 FROM c'), '7', 'an exempt person opens a cursor');
$admin->value(q{SELECT jit.alter_policy('gone', exempt => '{}')});
gate_refused($bob->query('FETCH 1 FROM c'), 'which does not outlive the exemption');
$bob->query('ROLLBACK');
is($admin->value(q{SELECT jit.drop_policy('gone')}), '', 'dropped');

# ---- a delegation that is over decides nothing, also in a transaction that began while it lasted ----
my $deputy = JitClient->new($node, 'mallory');
my $delegation = $p{dan}->value(q{SELECT jit.delegate('mallory', '1 hour')});
$id = $p{alice}->value(q{SELECT jit.request('lent', '10 min', reason => 'x')});
gate_rows($deputy->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1'), '1', 'the deputy has an old snapshot');
$p{dan}->value("SELECT jit.undelegate($delegation)");
gate_error($deputy->query("SELECT jit.approve($id)"), '42704', qr/no request $id that concerns you/, 'and cannot approve by it');
gate_error($deputy->query("ROLLBACK; SELECT jit.deny($id)"), '42704', qr/no request $id that concerns you/, 'nor deny');
$delegation = $p{dan}->value(q{SELECT jit.delegate('mallory', '1 hour')});
is($deputy->value("SELECT jit.approve($id)"), 'approved', 'while it lasts the deputy can');
$p{dan}->value("SELECT jit.undelegate($delegation)");
$p{alice}->value("SELECT jit.release($id)");

# ---- nothing is left waiting, locked or half done ----
is($admin->value(q{SELECT count(*) FROM pg_locks WHERE NOT granted}), 0, 'nobody waits for a lock');
is($admin->value(q{SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'}), 0, 'no transaction is open');
is($admin->value(q{SELECT count(*) FROM jit.requests r WHERE (r.state = 'approved') <> EXISTS (SELECT FROM jit.approvals a WHERE a.request_id = r.request_id)}), 0,
    'a request is approved exactly when its right exists');
is($admin->value(q{SELECT count(*) FROM jit.requests r WHERE 1 <> (SELECT count(*) FROM jit.events e WHERE e.request_id = r.request_id AND e.event = 'requested')
    OR r.state NOT IN ('pending', 'approved') AND 1 <> (SELECT count(*) FROM jit.events e WHERE e.request_id = r.request_id
    AND e.event IN ('denied', 'cancelled', 'timed_out', 'expired', 'released', 'revoked', 'ended'))}), 0, 'each request has one beginning and one end');
done_testing();
