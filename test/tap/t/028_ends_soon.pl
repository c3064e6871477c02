# The holder of an approval hears before its end: an event, LISTEN, and once in each session that uses it. Nobody hears of a short one.
use strict;
use warnings;
use JitClient;
use JitGate;
use Test::More;

my $node = gate_cluster('ending', conf => "jit_guard.expiry_warning = '2s'\n");
my $admin = JitClient->new($node, 'postgres');
$admin->query(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 hour')});
my ($alice, $second, $bob) = map { JitClient->new($node, $_) } qw(alice alice bob);
my $read = 'SELECT id FROM pay.accounts WHERE id = 1';
sub warned { my ($client) = @_; my $answer = $client->query($read); return $answer->{error} ? "error: $answer->{error}{M}" : join(' | ', map { "$_->{M} $_->{H}" } grep { $_->{S} eq 'NOTICE' } @{$answer->{notices}}) }
sub events { my ($request) = @_; return "(SELECT count(*) FROM jit.events WHERE event = 'ends_soon' AND request_id = $request)" }

my $short = $bob->value(q{SELECT jit.request('acc', '3 s')});
my $request = $alice->value(q{SELECT jit.request('acc', '5 s')});
is(warned($alice), '', 'no word while there is time');
is(warned($bob), '', 'nor of an approval that is hardly longer than the warning');
is($admin->value("SELECT " . events($request)), '0', 'and no event');
wait_until($node, events($request) . ' = 1', 'before its end: an event');
like(warned($alice), qr/^approval $request under policy "acc" ends at 20\S+ \S+, in [12] seconds If you need more time: SELECT jit\.extend\($request, '30 min', 'why'\);$/,
    'and in the session: when, and how to get more time');
is(warned($alice), '', 'once');
like(warned($second), qr/^approval $request /, 'in each session');
is($admin->value(q{SELECT story ~ '^alice''s approval under "acc" ends at 20' FROM jit.history WHERE event = 'ends_soon' AND request_id = } . $request), 't', 'jit.history tells it');
my $answer = $alice->query("SELECT jit.extend($request, '4 s', 'more')");
ok(!$answer->{error}, 'extended') or diag($answer->{error}{M});
is(warned($alice), '', 'then there is time again');
wait_until($node, events($request) . ' = 2', 'and a warning before the new end');
like(warned($alice), qr/^approval $request /, 'also in the session');
wait_until($node, "NOT EXISTS (SELECT FROM jit.approvals WHERE request_id IN ($short, $request))", 'both end');
is($admin->value("SELECT " . events($short)), '0', 'the short one without a warning');

# What cannot be extended is asked for anew.
$request = $alice->value(q{SELECT jit.request('acc', '6 s', uses => 100)});
wait_until($node, events($request) . ' = 1', 'a right with a number of uses ends');
like(warned($alice), qr/in [12] seconds It cannot be extended. If you need more time, ask anew: SELECT jit\.request\('acc', '30 min', 'why'\);$/, 'its holder is not told to extend it');
wait_until($node, "NOT EXISTS (SELECT FROM jit.approvals WHERE request_id = $request)", 'it is over');

$node->append_conf('postgresql.conf', 'jit_guard.expiry_warning = 0');
$node->reload;
wait_until($node, "current_setting('jit_guard.expiry_warning') = '0'");
$request = $alice->value(q{SELECT jit.request('acc', '2 s')});
wait_until($node, "NOT EXISTS (SELECT FROM jit.approvals WHERE request_id = $request)", 'switched off: it ends');
is($admin->value("SELECT " . events($request)), '0', 'without a word');
$node->stop;
done_testing();
