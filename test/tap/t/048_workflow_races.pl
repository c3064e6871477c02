# The workflow at the same instant: stages, delegation, escalation, extension, broken glass, uses. As in 020_races.pl one side is
# held in an open transaction, so that every interleaving is the one meant. Exactly one wins, and nobody counts twice.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $node = gate_cluster('workflow_races');
my $admin = JitClient->new($node, 'postgres');
$admin->query('CREATE ROLE sec; CREATE ROLE chiefs; CREATE ROLE erin LOGIN IN ROLE sec; CREATE ROLE finn LOGIN IN ROLE sec; '
    . 'CREATE ROLE greta LOGIN IN ROLE chiefs; CREATE ROLE hugo LOGIN; CREATE ROLE ivan LOGIN IN ROLE staff, leads');
$admin->query("CREATE TABLE pay.$_ AS SELECT 1 AS id; GRANT ALL ON pay.$_ TO staff") for qw(staged slow timed glass few ruled);
my $who = "eligible => '{staff}', approvers => '{leads}'";
$admin->value("SELECT jit.create_policy($_)") for
    qq{'staged', '{READ}', '{pay.staged}', $who, stages => '[{"approvers": ["sec"]}]'},
    qq{'slow', '{READ}', '{pay.slow}', $who, escalate_to => '{chiefs}', escalate_after => '1 second'},
    qq{'timed', '{READ}', '{pay.timed}', $who, max_duration => '1 hour'},
    qq{'glass', '{READ}', '{pay.glass}', $who, break_glass => '{staff}'},
    qq{'few', '{READ}', '{pay.few}', $who, max_uses => 1},
    qq{'ruled', '{READ}', '{pay.ruled}', $who, rules => '[{"verdict": "approve", "fewer_than": 1, "within": "1 hour"}]'};
my %p = map { $_ => JitClient->new($node, $_) } qw(alice bob carol dan erin finn greta hugo ivan);
$p{alice2} = JitClient->new($node, 'alice');
my ($id, $one, $two, $answer);

sub asked { my ($policy, $time, $person) = @_; return $p{$person // 'alice'}->value(sprintf q{SELECT jit.request('%s', '%s', reason => 'race')}, $policy, $time // '10 min') }
sub votes_of { return $admin->value("SELECT coalesce(string_agg(stage || ' ' || voter_name || coalesce(' for ' || for_whom_name, ''), ', ' ORDER BY voted_at), '') FROM jit.votes WHERE request_id = $_[0]") }
sub state_of { return $admin->value("SELECT state || coalesce(' ' || end_reason, '') FROM jit.requests WHERE request_id = $_[0]") }
sub rights_of { return $admin->value("SELECT count(*) FROM jit.approvals WHERE request_id = $_[0]") }
sub stands { my ($state, $rights, $votes, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(join(' | ', state_of($id), rights_of($id), votes_of($id)), "$state | $rights | $votes", $test);
    return;
}
# The first holds its call in a transaction, the second has to wait, the first then ends as said. Returns both answers.
sub race {
    my ($first, $first_sql, $end, $second, $second_sql) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $p{$first}->query('BEGIN');
    my $held = $p{$first}->query($first_sql);
    $p{$second}->send_query($second_sql);
    is_waiting($node, $p{$second}, "$second waits for $first: $second_sql");
    $p{$first}->query($end);
    return ($held, $p{$second}->finish);
}

# ---- the last votes of two stages ----
$id = asked('staged');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'erin', "SELECT jit.approve($id)");
gate_rows($one, 'pending', 'the first stage is done');
# Whoever waited sees the stage that was reached: the check is made under the lock.
gate_rows($two, 'approved', 'the vote of the second stage, which waited for it, closes the request');
stands('approved', 1, '1 carol, 2 erin', 'one vote a stage');
$p{alice}->query("SELECT jit.release($id)");
$id = asked('staged');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'ROLLBACK', 'erin', "SELECT jit.approve($id)");
gate_error($two, '55000', qr/not yours to approve in this stage/, 'when the first stage is rolled back, it is not the turn of the second');
stands('pending', 0, '', 'nothing is left of either');
$p{carol}->query("SELECT jit.approve($id)");
($one, $two) = race('erin', "SELECT jit.approve($id)", 'COMMIT', 'finn', "SELECT jit.approve($id)");
gate_rows($one, 'approved', 'two last votes in one stage: the first closes it');
gate_error($two, '55000', qr/has already been approved/, 'the second is told so');
stands('approved', 1, '1 carol, 2 erin', 'and is not kept');
$p{alice}->query("SELECT jit.release($id)");
# One person in both stages has one vote, also from two sessions at once.
$admin->value(q{SELECT jit.alter_policy('staged', stages => '[{"approvers": ["sec", "leads"]}]')});
$p{carol2} = JitClient->new($node, 'carol');
$id = asked('staged');
($one, $two) = race('carol', "SELECT jit.approve($id)", 'COMMIT', 'carol2', "SELECT jit.approve($id)");
gate_error($two, '55000', qr/already voted/, 'who is in both stages does not close the second from another session');
stands('pending', 0, '1 carol', 'one person, one vote');
$p{alice}->query("SELECT jit.cancel($id)");

# ---- approve against escalation ----
$id = asked('slow');
gate_error($p{greta}->query("SELECT jit.approve($id)"), '42501', qr/not yours to decide/, 'before its time the escalation group has no vote');
$p{carol}->query('BEGIN');
$p{carol}->query("SELECT jit.approve($id)");
wait_until($node, "(SELECT clock_timestamp() > requested_at + '1 second' FROM jit.requests WHERE request_id = $id)");
$p{greta}->send_query("SELECT jit.approve($id)");
is_waiting($node, $p{greta}, 'the group votes when its time has come, and waits for the vote that is open');
$p{carol}->query('COMMIT');
gate_error($p{greta}->finish, '55000', qr/has already been approved/, 'the vote from before the escalation wins');
stands('approved', 1, '1 carol', 'one right, one vote');
$p{alice}->query("SELECT jit.release($id)");
$id = asked('slow');
wait_until($node, "(SELECT clock_timestamp() > requested_at + '1 second' FROM jit.requests WHERE request_id = $id)");
($one, $two) = race('greta', "SELECT jit.approve($id)", 'COMMIT', 'carol', "SELECT jit.deny($id)");
gate_rows($one, 'approved', 'after it either side decides');
gate_error($two, '55000', qr/has already been approved/, 'and the other is too late');
wait_until($node, "(SELECT count(*) <= 1 FROM jit.events WHERE request_id = $id AND event = 'escalated')", 'the worker records it at most once');
stands('approved', 1, '1 greta', 'one right, one vote');
$p{alice}->query("SELECT jit.release($id)");

# ---- two sides of a delegation ----
my $away = $p{carol}->value(q{SELECT jit.delegate('hugo', '1 hour', policy => 'slow')});
for my $order (['carol', 'hugo', 'carol'], ['hugo', 'carol', 'hugo for carol']) {
    my ($first, $second, $vote) = @$order;
    $admin->value(q{SELECT jit.alter_policy('slow', approvals => 2)});
    $id = asked('slow');
    ($one, $two) = race($first, "SELECT jit.approve($id)", 'COMMIT', $second, "SELECT jit.approve($id)");
    gate_rows($one, 'pending', "$first votes");
    gate_error($two, '55000', qr/no vote left for you/, "$second, on the other side of the delegation, does not");
    stands('pending', 0, "1 $vote", 'of both one vote counts');
    $p{alice}->query("SELECT jit.cancel($id)");
    $id = asked('slow');
    ($one, $two) = race($first, "SELECT jit.approve($id)", 'ROLLBACK', $second, "SELECT jit.approve($id)");
    gate_rows($two, 'pending', "a vote of $first that is rolled back leaves it to $second");
    $p{alice}->query("SELECT jit.cancel($id)");
    $admin->value(q{SELECT jit.alter_policy('slow', approvals => 1)});
}
$p{carol}->query("SELECT jit.undelegate($away)");

# ---- a delegation that is made while its delegate votes on the delegator's request ----
my $made;
sub delegates { $made = $p{ivan}->value(q{SELECT jit.delegate('carol', '1 hour')}); return $made; }
$id = asked('timed', '10 min', 'ivan');
$p{carol}->query('BEGIN');
gate_rows($p{carol}->query("SELECT jit.approve($id)"), 'approved', 'a vote of the delegate to be is under way');
delegates();
$p{carol}->query('COMMIT');
stands('approved', 1, '1 carol', 'it was given before there was a delegation, and holds');
$p{ivan}->query("SELECT jit.release($id)");
$id = asked('timed', '10 min', 'ivan');
gate_error($p{carol}->query("SELECT jit.approve($id)"), '42501', qr/not yours to decide/, 'from then on she decides nothing of his');
stands('pending', 0, '', 'not even a no');
$p{ivan}->query("SELECT jit.cancel($id)");
$p{ivan}->query("SELECT jit.undelegate($made)");
# The vote meets the delegation after it was committed: the check is made again under the lock of the request.
$id = asked('timed', '10 min', 'ivan');
$p{dan}->query('BEGIN');
$p{dan}->query("SELECT jit.approve($id)");
$p{carol}->send_query("SELECT jit.approve($id)");
is_waiting($node, $p{carol}, 'she waits for another vote');
delegates();
$p{dan}->query('ROLLBACK');
gate_error($p{carol}->finish, '42501', qr/not yours to decide/, 'meanwhile she became his delegate: her vote is refused');
stands('pending', 0, '', 'and not kept');
$p{ivan}->query("SELECT jit.cancel($id)");
$p{ivan}->query("SELECT jit.undelegate($made)");
# A vote that is there when the delegation comes counts no more.
$admin->value(q{SELECT jit.alter_policy('timed', approvals => 2)});
$id = asked('timed', '10 min', 'ivan');
gate_rows($p{carol}->query("SELECT jit.approve($id)"), 'pending', 'the first of two votes');
delegates();
gate_rows($p{dan}->query("SELECT jit.approve($id)"), 'pending', 'the vote of one who became his delegate counts no more');
stands('pending', 0, '1 carol, 1 dan', 'one is missing');
$p{ivan}->query("SELECT jit.cancel($id)");
$p{ivan}->query("SELECT jit.undelegate($made)");
$admin->value(q{SELECT jit.alter_policy('timed', approvals => 1)});

# ---- the vote on an extension against the end of the right ----
$id = asked('timed', '1200 ms');
$p{carol}->query("SELECT jit.approve($id)");
my $ext = $p{alice}->value("SELECT jit.extend($id, '1 min', 'late')");
$p{carol}->query('BEGIN');
gate_rows($p{carol}->query("SELECT jit.approve($ext)"), 'approved', 'a vote in time');
wait_until($node, "(SELECT clock_timestamp() > ends_at FROM jit.approvals WHERE request_id = $id)");
gate_refused($p{alice}->query('SELECT id FROM pay.timed'), 'what is not committed lengthens nothing: the right is over at its end');
$p{carol}->query('COMMIT');
sleep 0.3;
my $outcome = join ' ', state_of($id), state_of($ext), rights_of($id), rights_of($ext);
is($outcome, 'approved approved 1 0', 'committed late, it holds: one right, whose end moved');
gate_rows($p{alice}->query('SELECT id FROM pay.timed'), '1', 'and it can be used again');
$p{alice}->query("SELECT jit.release($id)");
is(join(' ', state_of($id), state_of($ext)), 'ended released ended released', 'and ended once, with what extended it');
$id = asked('timed', '500 ms');
$p{carol}->query("SELECT jit.approve($id)");
$ext = $p{alice}->value("SELECT jit.extend($id, '1 min', 'too late')");
wait_until($node, "(SELECT clock_timestamp() > ends_at FROM jit.requests WHERE request_id = $id)");
gate_error($p{carol}->query("SELECT jit.approve($ext)"), '55000', qr/timed out|cancelled|is over/, 'a vote after the end extends nothing');
wait_until($node, "(SELECT bool_and(state NOT IN ('pending', 'approved')) FROM jit.requests WHERE request_id IN ($id, $ext))", 'both are over');
is(rights_of($id) . rights_of($ext), '00', 'and no right is left');
# Extension against revocation: the right is locked first by both, so nobody dies of a deadlock.
$id = asked('timed');
$p{carol}->query("SELECT jit.approve($id)");
$ext = $p{alice}->value("SELECT jit.extend($id, '1 min', 'more')");
($one, $two) = race('carol', "SELECT jit.approve($ext)", 'COMMIT', 'dan', "SELECT jit.revoke($id)");
is($two->{error}{M}, undef, 'a revocation that waited for the extension ends what it gave');
is(join(' ', state_of($id), state_of($ext), rights_of($id)), 'ended revoked ended revoked 0', 'all of it');
$id = asked('timed');
$p{carol}->query("SELECT jit.approve($id)");
$ext = $p{alice}->value("SELECT jit.extend($id, '1 min', 'more')");
($one, $two) = race('dan', "SELECT jit.revoke($id)", 'COMMIT', 'carol', "SELECT jit.approve($ext)");
gate_error($two, '55000', qr/cancelled|is over/, 'a vote that waited for the revocation extends nothing');
is(join(' ', state_of($id), state_of($ext), rights_of($id)), 'ended revoked cancelled 0', 'nothing is left');

# ---- rules that count, from two sessions ----
($one, $two) = race('alice', q{SELECT jit.request('ruled', '10 min', reason => 'a')}, 'COMMIT', 'alice2', q{SELECT jit.request('ruled', '11 min', reason => 'b', objects => '{pay.ruled(id)}', actions => '{SELECT}')});
is($admin->value(q{SELECT string_agg(state, ' ' ORDER BY request_id) FROM jit.requests WHERE policy = 'ruled'}), 'approved pending',
    'of two requests at once one is the first: the other is counted after it');

# ---- two breaks of the glass, and two reviews ----
($one, $two) = race('alice', q{SELECT jit.break_glass('glass', 'fire')}, 'COMMIT', 'alice2', q{SELECT jit.break_glass('glass', 'fire too')});
$id = $one->{rows}[0][0];
gate_error($two, '55000', qr/owe a review|broken the glass already/, 'of two breaks at once one is refused');
is($admin->value(q{SELECT count(*) || ' ' || min(review) FROM jit.requests WHERE break_glass}), '1 awaiting', 'one debt');
($one, $two) = race('carol', "SELECT jit.review($id, 'justified')", 'COMMIT', 'dan', "SELECT jit.review($id, 'unjustified', 'no')");
is($one->{error}{M}, undef, 'the first review stands');
gate_error($two, '55000', qr/has already been reviewed/, 'the second is told so');
is($admin->value("SELECT review || ' ' || verdict || ' ' || reviewed_by FROM jit.requests WHERE request_id = $id"), 'done justified carol', 'and changes nothing');
is($admin->value("SELECT count(*) FROM jit.events WHERE request_id = $id AND event = 'reviewed'"), 1, 'one event');
$p{alice}->query("SELECT jit.release($id)");
$id = $p{bob}->value(q{SELECT jit.break_glass('glass', 'again')});
($one, $two) = race('carol', "SELECT jit.review($id, 'justified')", 'ROLLBACK', 'dan', "SELECT jit.review($id, 'unjustified', 'no')");
is($admin->value("SELECT verdict || ' ' || reviewed_by FROM jit.requests WHERE request_id = $id"), 'unjustified dan', 'a review that is rolled back leaves it to the other');
$p{bob}->query("SELECT jit.release($id)");

# ---- the last use against a revocation ----
$id = asked('few');
$p{carol}->query("SELECT jit.approve($id)");
$p{alice}->query('BEGIN');
gate_rows($p{alice}->query('SELECT id FROM pay.few'), '1', 'the last use');
$answer = $p{dan}->query("SELECT jit.revoke($id)");
my $by = $answer->{error} ? 'used_up' : 'revoked';
$answer->{error} ? gate_error($answer, '55000', qr/already ended/, 'the revocation is too late') : pass('the revocation comes first');
$p{alice}->query('COMMIT');
$p{alice} = JitClient->new($node, 'alice') if $p{alice}{gone};
wait_until($node, "(SELECT state = 'ended' FROM jit.requests WHERE request_id = $id)", 'it is over');
is($admin->value("SELECT string_agg(event, ' ') FROM jit.events WHERE request_id = $id AND event IN ('revoked', 'used_up', 'expired', 'released')"), $by, 'once, and for one reason');
is(rights_of($id), 0, 'no right is left');
gate_refused($p{alice}->query('SELECT id FROM pay.few'), 'and nothing can be read');

# ---- nothing is left waiting, locked or half done ----
is($admin->value(q{SELECT count(*) FROM pg_locks WHERE NOT granted}), 0, 'nobody waits for a lock');
is($admin->value(q{SELECT count(*) FROM jit.requests r WHERE r.extends IS NULL AND (r.state = 'approved') <> EXISTS (SELECT FROM jit.approvals a WHERE a.request_id = r.request_id)}), 0,
    'a request is approved exactly when its right exists');
is($admin->value(q{SELECT count(*) FROM jit.approvals a JOIN jit.requests r USING (request_id) WHERE r.extends IS NOT NULL}), 0, 'an extension has no right of its own');
is($admin->value(q{SELECT count(*) FROM (SELECT FROM jit.votes v, LATERAL (VALUES (v.voter), (v.for_whom)) w (who) WHERE w.who IS NOT NULL GROUP BY v.request_id, w.who HAVING count(*) > 1) d}), 0,
    'nobody, and nobody\'s place, counts twice');
done_testing();
