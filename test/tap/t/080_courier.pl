# Events reach a webhook: at least once, in order, signed; whatever the weather; and nobody waits for it.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;
use JitReceiver;

my $work = PostgreSQL::Test::Utils::tempdir();
my $node = new_cluster('courier', "jit_guard.courier_allow = '127.0.0.1, ::1'\njit_guard.log_uses = off");
my $secrets = $node->data_dir . '/jit_guard_secrets';
mkdir $secrets, 0700;
my @secret = map { 'whsec_' . encode_base64($_ x 32, '') } 'a', 'b';

sub write_secret {
    my ($name, $text, $mode) = @_;
    open my $out, '>', "$secrets/$name" or die "$name: $!\n";
    print $out $text;
    close $out;
    chmod $mode // 0600, "$secrets/$name";
    return;
}
sub status { my ($name, $what) = @_; return sql($node, "SELECT $what FROM jit.destinations WHERE name = '$name'") }
sub happens { my ($what) = @_; sql($node, qq{SELECT jit.create_policy('$what', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')}); return }
# Until nothing waits for that destination.
sub delivered {
    my ($name, $test) = @_;
    sql($node, q{CALL jit.catch_up('20 s')});
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, "SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = '$name'", $test);
}
sub in_order { my @seq = map { $_->{data}{seq} } @_; return !grep { $seq[$_] <= $seq[$_ - 1] } 1 .. $#seq }

# ---- nothing to send: no courier ----
is(worker_pid($node, 'courier'), '', 'without a destination there is no courier');

# ---- a webhook, signed ----
write_secret('hook', "$secret[0]\n");
my $hook = JitReceiver->new("$work/hook");
sql($node, qq{SELECT jit.create_destination('hook', 'webhook', '} . $hook->url . q{', secret_file => 'hook')});
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard courier' AND datname = 'app'}, 'a courier comes');
happens('first');
delivered('hook', 'what happens is delivered');
my @events = $hook->events;
is($events[0]{type}, 'jit_guard.destination_created', 'the destination learns that it was made');
my ($created) = grep { $_->{type} eq 'jit_guard.policy_created' } @events;
is($created->{data}{record}{policy}, 'first', 'and of the policy');
is($created->{specversion}, '1.0', 'as a CloudEvent');
is($created->{data}{record}{kind}, 'event', 'with the whole record');
is($created->{data}{leaf}, sql($node, "SELECT encode(sha256('\\x00'::bytea || record), 'base64') FROM jit.ledger WHERE seq = $created->{data}{seq}"),
    'and its hash in the tree of the ledger');
ok(in_order(@events), 'in order');

sub signed_by {
    my ($request, $secret) = @_;
    my $headers = $request->{headers};
    my $key = MIME::Base64::decode_base64($secret =~ s/^whsec_//r);
    my $wanted = 'v1,' . encode_base64(hmac_sha256("$headers->{'webhook-id'}.$headers->{'webhook-timestamp'}.$request->{body}", $key), '');
    return grep { $_ eq $wanted } split / /, $headers->{'webhook-signature'} // '';
}
my ($request) = $hook->requests;
ok(signed_by($request, $secret[0]), 'signed with the secret in the file');
ok(!signed_by($request, $secret[1]), 'and with no other');
is($request->{headers}{'webhook-id'}, $events[0]{id}, 'the number of the message is that of the event');
is($request->{headers}{'content-type'}, 'application/cloudevents+json', 'of that type');

# ---- the key is changed without a pause: both are good for a while ----
write_secret('hook', "$secret[1]\n$secret[0]\n");
$hook->forget;
happens('rotated');
delivered('hook', 'after a change of the secret');
($request) = $hook->requests;
ok(signed_by($request, $secret[0]) && signed_by($request, $secret[1]), 'with the old and the new secret');
write_secret('hook', "$secret[1]\n", 0644);
happens('readable');
wait_for($node, q{SELECT failures > 0 AND last_error LIKE '%let others read it%' FROM jit.destinations WHERE name = 'hook'}, 'a secret that others can read is not used');
write_secret('hook', "$secret[1]\n");
sql($node, q{SELECT jit.redeliver('hook')});
delivered('hook', 'its permissions mended, it goes on');
unlike(sql($node, q{SELECT d::text FROM jit.destinations d}) . sql($node, q{SELECT string_agg(e.detail::text, '') FROM jit.events e}),
    qr/whsec_/, 'no table shows a secret');

# ---- bad weather: everything arrives afterwards, in order ----
sub weathered {
    my ($weather, $like, $test, %how) = @_;
    $hook->forget;
    $hook->weather($weather);
    happens("$test 1");
    wait_for($node, "SELECT failures > 0 FROM jit.destinations WHERE name = 'hook'", "$test: fails") unless $how{passes};
    like(status('hook', 'last_error'), $like, "$test: says why") unless $how{passes};
    happens("$test 2"); # nobody else waits
    $hook->weather('ok');
    sql($node, q{SELECT jit.redeliver('hook')}); # not to wait for the next try
    delivered('hook', "$test: then all is delivered");
    my @came = grep { $_->{type} eq 'jit_guard.policy_created' } $hook->events;
    is_deeply([map { $_->{data}{record}{policy} } @came], ["$test 1", "$test 2"], "$test: once, in order");
    my %id;
    $id{$_->{headers}{'webhook-id'}}{$_->{body}} = 1 for $hook->requests;
    is(scalar(grep { keys %$_ != 1 } values %id), 0, "$test: what is sent again has the same number");
    return;
}
$hook->{elsewhere} = $hook->url . '/elsewhere';
weathered('500', qr/HTTP status 500/, 'error');
weathered('429 1', qr/HTTP status 429/, 'too many');
weathered('reset', qr/reset|closed|empty|failure|connect/i, 'reset');
weathered('garbage', qr/HTTP\/0\.9|unsupported|weird|received|status line/i, 'garbage');
weathered('cut', qr/cut short/, 'cut short');
weathered('endless', qr/too long/, 'an answer without end');
weathered('redirect', qr/HTTP status 302/, 'redirection');
is(scalar(grep { $_->{first} =~ /elsewhere/ } $hook->requests), 0, 'and is not followed');
weathered('slow', undef, 'slow', passes => 1);
$hook->weather('trailers');
$hook->forget;
happens('trailers');
delivered('hook', 'an answer with trailers is a whole one');
is(scalar(grep { $_->{type} eq 'jit_guard.policy_created' } $hook->events), 1, 'it is not sent again');
$hook->weather('ok');

$hook->stop;
happens('while it is away');
wait_for($node, q{SELECT failures > 1 FROM jit.destinations WHERE name = 'hook'}, 'refused');
$hook->come_back;
delivered('hook', 'it comes back by itself');
is(($hook->events)[-1]{data}{record}{policy}, 'while it is away', 'with what it missed');

# ---- a storm of 429: Retry-After is obeyed ----
$hook->forget;
$hook->weather('429 3');
happens('storm');
wait_for($node, q{SELECT failures > 1 FROM jit.destinations WHERE name = 'hook'}, 'told twice to come later');
my @asked = map { $_->{at} } $hook->requests;
cmp_ok($asked[1] - $asked[0], '>=', 2.9, 'and waits as long as it was asked to');
$hook->weather('ok');
delivered('hook', 'after the storm');

# ---- poison: the one record goes, the others pass ----
$hook->forget;
$hook->weather('400 poison');
happens("before"); happens("poison"); happens("behind");
wait_for($node, q{SELECT dead_letters = 1 AND lag = 0 FROM jit.destinations WHERE name = 'hook'}, 'a record that is rejected is put aside');
is_deeply([map { $_->{data}{record}{policy} } $hook->events], ['before', 'behind'], 'and the others pass');
is(sql($node, q{SELECT value FROM jit.status WHERE fact = 'dead letters'}), '1', 'jit.status shows it');
like(sql($node, q{SELECT error FROM jit.dead_letters}), qr/HTTP status 400/, 'with the answer');
is(sql($node, q{SELECT jit.redeliver('hook')}), '1', 'it is sent again');
wait_for($node, q{SELECT NOT retry FROM jit.dead_letters}, 'and rejected again');
$hook->weather('ok');
sql($node, q{SELECT jit.redeliver('hook')});
wait_for($node, q{SELECT dead_letters = 0 FROM jit.destinations WHERE name = 'hook'}, 'until it is taken');
is(($hook->events)[-1]{data}{record}{policy}, 'poison', 'with the same record');

# ---- a destination that rejects everything is wrong itself: nothing is thrown away ----
$hook->weather('400');
happens("all $_") for 1 .. 14;
wait_for($node, q{SELECT dead_letters = 10 AND failures > 0 FROM jit.destinations WHERE name = 'hook'}, 'after ten in a row it stops');
$hook->weather('ok');
sql($node, q{SELECT jit.redeliver('hook')});
delivered('hook', 'and all the others are delivered');
wait_for($node, q{SELECT dead_letters = 0 FROM jit.destinations WHERE name = 'hook'}, 'the ten as well');

# ---- Slack rejects requests; there is a pause between messages to people, so what becomes of them is seen later ----
my $slack = JitReceiver->new("$work/slack");
write_secret('slack', $slack->url . "\n");
sql($node, q{SELECT jit.create_policy('asked', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')});
sql($node, q{SELECT jit.create_destination('slack', 'slack', url_file => 'slack', policies => '{asked}')});
$slack->weather('400 poison');
for my $person (qw(alice bob dave)) {
    my @asks = map { "SELECT jit.request('asked', '1 min', starts_at => now() + '$_ hours', reason => '" . ($_ == 8 ? 'fine' : 'poison') . "')" } 1 .. 8;
    my ($code, $ids, $err) = as_person($node, $person, join '; ', @asks);
    is($code, 0, "$person asks") or diag($err);
}

# ---- batches: the poison is found by halving ----
my $batch = JitReceiver->new("$work/batch");
$batch->weather('500');
sql($node, qq{SELECT jit.create_destination('batch', 'webhook', '} . $batch->url . q{', format => 'cloudevents-batch')});
happens("b$_") for 1 .. 20;
happens('venom');
happens("c$_") for 1 .. 20;
sql($node, q{CALL jit.catch_up('20 s')});
$batch->weather('400 venom');
$batch->forget;
sql($node, q{SELECT jit.redeliver('batch')});
wait_for($node, q{SELECT dead_letters = 1 AND lag = 0 FROM jit.destinations WHERE name = 'batch'}, 'one of a batch is put aside');
my @came = grep { $_->{type} eq 'jit_guard.policy_created' } $batch->events;
is_deeply([map { $_->{data}{record}{policy} } @came], [(map { "b$_" } 1 .. 20), (map { "c$_" } 1 .. 20)], 'all others come once, in order');
cmp_ok(scalar($batch->requests), '<', 20, 'in few messages');
is(($batch->requests)[0]{headers}{'content-type'}, 'application/cloudevents-batch+json', 'of that type');

# ---- one that hangs for an hour holds up nobody ----
my $hung = JitReceiver->new("$work/hung");
$hung->weather('silence');
sql($node, qq{SELECT jit.create_destination('hung', 'webhook', '} . $hung->url . q{')});
$hook->forget;
my $before = time;
happens('beside the hung one');
delivered('hook', 'another destination goes on');
cmp_ok(time - $before, '<', 10, 'at once');
wait_for($node, q{SELECT count(*) > 0 FROM jit.destinations WHERE name = 'hung' AND last_error ~* 'timed? ?out'}, 'it is given up after half a minute');
is(status('hung', 'failures > 0'), 't', 'and tried again later');

# ---- 410: it wants nothing more ----
$hung->weather('410');
sql($node, q{SELECT jit.redeliver('hung')});
wait_for($node, q{SELECT state = 'stopped' FROM jit.destinations WHERE name = 'hung'}, 'nothing more is sent there');
$hung->weather('ok');
$hung->forget;
sql($node, q{SELECT jit.alter_destination('hung', enabled => true)});
delivered('hung', 'until somebody says so');
is(sql($node, q{SELECT jit.drop_destination('hung')}), '', 'dropped');
sql($node, q{SELECT jit.drop_destination('batch')});

# ---- an open transaction of somebody who changes a destination holds up that one alone (vector 242) ----
my ($held, $free) = map { JitReceiver->new("$work/$_") } qw(held free);
sql($node, "SELECT jit.create_destination('$$_[0]', 'webhook', '@{[$$_[1]->url]}')") for ['held', $held], ['free', $free];
delivered($_, "$_: delivered") for qw(held free);
my $holder = session($node, 'postgres');
for my $call (q{SELECT jit.redeliver('held')}, q{SELECT jit.alter_destination('held', enabled => true)}) {
    my ($name) = $call =~ /jit\.(\w+)/;
    $_->forget for $held, $free;
    $holder->run("BEGIN; $call");
    happens("during $name");
    delivered('free', "$name: the other destination goes on");
    is(status('held', 'lag > 0'), 't', "$name: how far that one got is not written down");
    happens("still during $name");
    delivered('free', "$name: and on");
    $holder->run('COMMIT');
    delivered('held', "$name: that one goes on afterwards");
    my %names = map { ($_->{data}{record}{policy} // '') => 1 } $held->events;
    ok($names{"during $name"} && $names{"still during $name"}, "$name: with all of it");
}
$holder->close;
sql($node, "SELECT jit.drop_destination('$_')") for qw(held free);

# ---- rejected, and decided meanwhile: nobody is asked about it any more, and it is in nobody's way ----
wait_for($node, q{SELECT dead_letters = 21 AND lag = 0 AND failures = 0 FROM jit.destinations WHERE name = 'slack'}, 'Slack rejected all but three');
my $newest = sql($node, q{SELECT max(request_id) FROM jit.requests WHERE policy = 'asked' AND reason = 'poison'});
as_person($node, $_, "SELECT jit.cancel(request_id) FROM jit.my_requests WHERE policy = 'asked' AND state = 'pending' AND request_id <> $newest") for qw(alice bob dave);
$slack->weather('ok');
$slack->forget;
is(sql($node, q{SELECT jit.redeliver('slack')}), 21, 'all of them are to be sent again');
wait_for($node, q{SELECT dead_letters = 0 FROM jit.destinations WHERE name = 'slack'}, 'none is left');
is_deeply([map { $_->{body} =~ /jit\.approve\((\d+)\)/ ? $1 : $_->{body} } $slack->requests], [$newest], 'the one that waits is sent');
sql($node, q{SELECT jit.drop_destination('slack')});

# ---- the addresses that a name has do not matter ----
sub made { my ($name, $url) = @_; sql($node, "SELECT jit.create_destination('$name', 'webhook', '$url')"); return }
made('inside', 'https://localhost:' . $hook->{port} . '/');
made('metadata', 'https://169.254.169.254/');
made('private', 'https://10.1.2.3/');
happens('guarded');
for my $name (qw(metadata private)) {
    wait_for($node, "SELECT last_error LIKE '%is not public%' FROM jit.destinations WHERE name = '$name'", "$name: not connected to");
}
wait_for($node, q{SELECT last_error IS NOT NULL AND last_error NOT LIKE '%not public%' FROM jit.destinations WHERE name = 'inside'}, 'the allowed one is');
$node->append_conf('postgresql.conf', q{jit_guard.courier_allow = '127.0.0.2'});
$node->reload;
sql($node, q{SELECT jit.redeliver('inside')});
wait_for($node, q{SELECT last_error ~ 'address (127.0.0.1|::1) is not public' FROM jit.destinations WHERE name = 'inside'}, 'and no longer when it is not allowed any more');
happens('closed');
wait_for($node, q{SELECT last_error LIKE '%127.0.0.1 is not public%' FROM jit.destinations WHERE name = 'hook'}, 'also over a connection that was open');
# Nor is that connection used again, however often it is tried (vector 244).
$hook->forget;
for (1 .. 3) {
    my $failures = status('hook', 'failures');
    sql($node, q{SELECT jit.redeliver('hook')});
    wait_for($node, "SELECT failures > $failures FROM jit.destinations WHERE name = 'hook'", "tried again: fails");
}
is(scalar($hook->requests), 0, 'nothing was sent');
$node->append_conf('postgresql.conf', q{jit_guard.courier_allow = '127.0.0.1'});
$node->reload;
sql($node, "SELECT jit.drop_destination('$_')") for qw(inside metadata private);
sql($node, q{SELECT jit.redeliver('hook')});
delivered('hook', 'allowed again');

# ---- events and policies ----
my $few = JitReceiver->new("$work/few");
sql($node, qq{SELECT jit.create_destination('few', 'webhook', '} . $few->url . q{', events => '{requested,approved}', policies => '{first}')});
as_person($node, 'alice', "SELECT jit.request('$_', '1 min', reason => 'x')") for qw(dba-window first);
sql($node, q{SELECT jit.alter_policy('first', new_name => 'foremost')});
as_person($node, 'bob', q{SELECT jit.request('foremost', '1 min', reason => 'y')});
delivered('few', 'a part of the events');
is_deeply([map { "$_->{type} $_->{data}{record}{person} $_->{data}{record}{policy}" } $few->events],
    ['jit_guard.requested alice first', 'jit_guard.requested bob foremost'], 'of one policy, also under its new name');
sql($node, q{SELECT jit.drop_destination('few')});

# ---- what is recorded under the former name of a policy (vector 245) ----
my $named = JitReceiver->new("$work/named");
sql($node, q{SELECT jit.create_policy('p', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}', break_glass => '{alice}')});
sql($node, qq{SELECT jit.create_destination('named', 'webhook', '} . $named->url . q{', policies => '{p}')});
sub told { my ($event) = @_; return join ' ', map { $_->{data}{record}{policy} } grep { $_->{type} eq "jit_guard.$event" } $named->events }
my (undef, $asked) = as_person($node, 'bob', q{SELECT jit.request('p', '10 min', reason => 'x')});
sql($node, q{SELECT jit.alter_policy('p', new_name => 'q')});
sql($node, q{SELECT jit.alter_policy('q', new_name => 'r')});
as_person($node, 'carol', "SELECT jit.approve($asked)");
delivered('named', 'renamed twice while a request waits');
is(told('approved'), 'p', 'its approval is told');
is(sql($node, q{SELECT policies FROM jit.destinations WHERE name = 'named'}), '{r}', 'the destination shows the name of today');
$named->forget;
sql($node, 'ALTER ROLE alice SUPERUSER');
my ($broke, $glass, $glass_error) = as_person($node, 'alice', q{BEGIN; SELECT jit.break_glass('r', 'nobody shall hear of it'); SELECT jit.alter_policy('r', new_name => 's'); COMMIT});
is($broke, 0, 'broken glass, and a new name in the same transaction') or diag($glass_error);
sql($node, 'ALTER ROLE alice NOSUPERUSER');
delivered('named', 'and');
is(told('break_glass'), 'r', 'the alarm is sent');
my (undef, $later) = as_person($node, 'dave', q{SELECT jit.request('s', '10 min', reason => 'x')});
sql($node, q{SELECT jit.create_policy('t', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')});
sql($node, q{SELECT jit.alter_policy('s', new_name => 'u')});
sql($node, q{SELECT jit.alter_destination('named', policies => '{t}')});
$named->forget;
as_person($node, 'carol', "SELECT jit.approve($later)");
delivered('named', 'a destination for another policy');
is(told('approved'), '', 'gets nothing of the former one');
sql($node, q{SELECT jit.drop_destination('named')});
sql($node, "SELECT jit.revoke($_, 'over')") for split /\n/, sql($node, 'SELECT request_id FROM jit.approvals');
wait_for($node, q{SELECT count(*) = 0 FROM pg_auth_members WHERE roleid = 'dba'::regrole AND member <> 'jit_lender'::regrole}, 'nothing is lent any more');

# ---- killed at any moment: nothing is lost, nothing is out of order ----
srand($ENV{JIT_COURIER_SEED} // 1);
$hook->forget;
$hook->weather('slow 0.1'); # so that there is always something on its way
my $first = sql($node, 'SELECT tree_size + 1 FROM jit.ledger_state');
for my $round (1 .. ($ENV{JIT_COURIER_ROUNDS} // 8)) {
    happens("killed $round $_") for 1 .. 10;
    sleep rand 0.3;
    if ($round % 4) {
        my $pid = worker_pid($node, 'courier', 'app');
        kill 'KILL', $pid if $pid;
    } else {
        kill 'KILL', $node->{_pid};
        for (1 .. 100) { last if !kill 0, $node->{_pid}; sleep 0.1 }
        for (1 .. 50) { $node->{_pid} = undef; last if $node->start(fail_ok => 1); sleep 0.2 }
    }
    wait_server($node);
}
$hook->weather('ok');
sql($node, q{SELECT jit.redeliver('hook')});
delivered('hook', 'after all that');
my (%seen, @firsts);
for my $event ($hook->events) {
    push @firsts, $event unless $seen{$event->{data}{seq}};
    $seen{$event->{data}{seq}}{$event->{id}} = 1;
}
my $last = sql($node, 'SELECT acknowledged FROM jit.destinations WHERE name = $$hook$$');
is(scalar(grep { !$seen{$_} } $first .. $last), 0, 'nothing is lost');
ok(in_order(@firsts), 'what came first came in order');
is(scalar(grep { keys %$_ != 1 } values %seen), 0, 'and what came twice has the same number');

# ---- it stops with the extension and with the database ----
$hook->weather('silence');
happens('last');
sleep 0.5;
$before = time;
$node->safe_psql('app', 'DROP EXTENSION jit_guard');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'jit_guard courier'}, 'DROP EXTENSION ends it', 'postgres');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION jit_guard');
$node->safe_psql('other', qq{SELECT jit.create_destination('hung', 'webhook', '} . $hook->url . q{')});
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard courier' AND datname = 'other'}, 'one elsewhere', 'postgres');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE other');
$node->safe_psql('copy', 'SELECT * FROM jit.rebind()');
is($node->safe_psql('copy', 'SELECT enabled FROM jit.destination_terms'), 'f', 'a copy does not speak for the database that it comes from');
$node->safe_psql('postgres', 'DROP DATABASE other');
cmp_ok(time - $before, '<', 25, 'all that at once, while a message is on its way');
$node->stop;
done_testing();
