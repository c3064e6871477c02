# Who activates membership in a group with PIM for Groups gets an approval under the policies that name it: for exactly as long, only who is
# eligible, and only while Microsoft Graph says so.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;
use JitGraph;
use JitReceiver;
use JitStorage;

my $tenant = 'dddddddd-0000-0000-0000-00000000000d';
my $work = PostgreSQL::Test::Utils::tempdir();
my $metadata = JitStorage->new("$work/metadata", role => 'metadata');
my $elsewhere = JitReceiver->new("$work/elsewhere");
my $graph = JitGraph->new("$work/graph", elsewhere => $elsewhere->url);
# Looks only when the test asks for one: after an hour, or when a policy changes.
my $node = new_cluster('pim', <<"CONF");
jit_guard.courier_allow = '127.0.0.1'
jit_guard.azure_identity = managed
jit_guard.azure_metadata_host = '@{[$metadata->address]}'
jit_guard.azure_tenant = '$tenant'
jit_guard.graph_url = '@{[$graph->url]}'
jit_guard.pim_interval = '1h'
CONF
my $looks = 0;
sub policy { my ($terms) = @_; sql($node, "SELECT jit.alter_policy('pim', $terms)"); return }
# One look, until it went as expected.
sub look {
    my ($test) = @_;
    my $before = sql($node, 'SELECT COALESCE(max(last_success), now()) FROM jit.pim_syncs');
    $looks++;
    policy("comment => 'look $looks'");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, "SELECT count(*) = 1 FROM jit.pim_syncs WHERE last_success > '$before' AND failures = 0", $test);
}
sub fails {
    my ($weather, $like, $test) = @_;
    $graph->weather($weather);
    $looks++;
    policy("comment => 'look $looks'");
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_for($node, "SELECT count(*) = 1 FROM jit.pim_syncs WHERE failures > 0 AND last_error LIKE '%$like%'", "$test: fails, and says why");
    return;
}
sub approved_people { return sql($node, q{SELECT COALESCE(string_agg(a.person::regrole::text, ' ' ORDER BY a.person::regrole::text), '') FROM jit.approvals a}) }
sub refusals { my ($n) = @_; return sql($node, "SELECT count(*) FROM jit.events WHERE event = 'pim_refused' AND detail ->> 'pim_schedule' LIKE '%" . sprintf('%012d', $n) . q{'}) }
sub label {
    my ($role, $n, $of) = @_;
    my $text = 'entra,oid=' . JitGraph::person($n) . ',tid=' . ($of // $tenant) . ',type=user';
    # Where the provider of the labels is not there yet, the row is.
    my ($code) = $node->psql('app', "SECURITY LABEL FOR jit_guard ON ROLE $role IS '$text'");
    sql($node, "SET allow_system_table_mods = on; INSERT INTO pg_shseclabel (objoid, classoid, provider, label) VALUES ('$role'::regrole, 'pg_authid'::regclass, 'jit_guard', '$text')") if $code != 0;
    return;
}

sql($node, 'CREATE ROLE eve LOGIN; CREATE ROLE stranger LOGIN IN ROLE staff');
label('alice', 1);
label('bob', 2);
label('eve', 3);
label('stranger', 4, 'eeeeeeee-0000-0000-0000-00000000000e');
label('dave', 5);

# ---- the term ----
my $create = q{SELECT jit.create_policy('pim', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}', max_duration => '1 hour', weaker => true, };
my ($ret, $out, $err) = $node->psql('app', "$create pim_group => 'admins')");
like($err, qr/pim_group is no object id of a group/, 'a group has an id');
($ret, $out, $err) = $node->psql('app', "$create pim_group => '$JitGraph::group', require_mfa => 'both')");
like($err, qr/an activation in Entra ID proves no factor here/, 'an activation is no second factor here');
is(worker_pid($node, 'courier'), '', 'without a group there is nothing to ask');
sql($node, "$create pim_group => '$JitGraph::group')");
is(sql($node, q{SELECT pim_group FROM jit.policies WHERE name = 'pim'}), $JitGraph::group, 'the policy names it');
like(sql($node, 'SELECT jit.export_policies()'), qr/"pim_group" *: *"$JitGraph::group"/, 'also in its document');
wait_for($node, 'SELECT count(*) = 1 FROM jit.pim_syncs WHERE activations = 0 AND last_success IS NOT NULL', 'nobody is active');
is(sql($node, 'SELECT count(*) FROM jit.requests'), 0, 'so there is no request');

# ---- an activation ----
$graph->activate(1, person => 1, hours => 2);
look('alice activates');
is(approved_people(), 'alice', 'she has an approval');
is(sql($node, q{SELECT r.state || '|' || r.reason || '|' || r.ticket || '|' || (r.starts_at >= r.requested_at)::text || '|' || r.pim_schedule FROM jit.requests r}),
    "approved|reason 1|INC1|true|${JitGraph::group}_member_cccccccc-0000-0000-0000-000000000001", 'an ordinary request, which says where it comes from');
my $window = sql($node, q{SELECT extract(epoch FROM ends_at) FROM jit.requests});
cmp_ok(abs($window - (time - 10 + 3_600)), '<', 60, 'from the start of the activation, no longer than the policy allows');
is(sql($node, q{SELECT string_agg(event || ' ' || actor || ' ' || person, ', ' ORDER BY event_id) FROM jit.events WHERE request_id = 1 AND actor = 'pim'}),
    'requested pim alice, approved pim alice', 'decided by PIM');
wait_for($node, q{SELECT count(*) = 1 FROM pg_auth_members WHERE roleid = 'dba'::regrole AND member = 'alice'::regrole}, 'the role is lent');
my ($code, $rows) = as_person($node, 'alice', 'SET ROLE dba; SELECT v FROM secret');
like($rows, qr/42/, 'and of use');
refused($node, 'bob', 'SET ROLE dba; SELECT v FROM secret', qr/permission denied/, 'bob has activated nothing');
look('looked at again');
is(sql($node, 'SELECT count(*) FROM jit.requests'), 1, 'it is one request');
$graph->activate(2, person => 2, hours => 0.5, request => {justification => undef, ticketInfo => undef});
look('bob activates without a reason');
is(approved_people(), 'alice', 'which the policy wants');
is(refusals(2), 1, 'and is told');
policy('require_reason => false');
look('without that term');
is(approved_people(), 'alice bob', 'he has an approval');
cmp_ok(abs(sql($node, q{SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE person_name = 'bob'}) - (time - 10 + 1_800)), '<', 60, 'until the activation ends');
$graph->deactivate(2);
policy('require_reason => true');

# ---- what gives nothing (vector 228) ----
$graph->activate(3, person => 3);
look('eve is not eligible');
is(approved_people() =~ /eve/ ? 1 : 0, 0, 'she gets nothing');
like(sql($node, q{SELECT detail ->> 'why' FROM jit.events WHERE event = 'pim_refused' ORDER BY event_id DESC LIMIT 1}), qr/"eve" is not eligible under policy "pim"/, 'and why is recorded');
look('again');
is(refusals(3), 1, 'once');
sql($node, 'GRANT staff TO eve');
look('eligible');
like(approved_people(), qr/eve/, 'she gets it');
$graph->activate(4, person => 4);
$graph->activate(9, person => 9);
look('somebody of another tenant, and somebody unknown');
unlike(approved_people(), qr/stranger/, 'get nothing');
is(refusals(4) . refusals(9), '11', 'which is recorded');
$graph->deactivate($_) for 3, 4, 9;
my %none = (10 => {instance => {assignmentType => 'Assigned', endDateTime => undef}}, 11 => {instance => {accessId => 'owner'}}, 12 => {request => {status => 'PendingApproval'}},
    13 => {instance => {startDateTime => JitGraph::stamp(time + 600)}}, 14 => {instance => {endDateTime => JitGraph::stamp(time - 5)}}, 15 => {request => {principalId => JitGraph::person(2)}});
$graph->activate($_, person => 5, %{$none{$_}}) for sort keys %none;
look('permanent, owner, not provisioned, in the future, over, of another person');
unlike(approved_people(), qr/dave/, 'nothing of that gives anything');
$graph->deactivate($_) for keys %none;
policy(q{ticket_pattern => 'CHG[0-9]+'});
$graph->activate(16, person => 5);
look('another form of ticket');
unlike(approved_people(), qr/dave/, 'is not taken');
policy(q{ticket_pattern => ''});
look('without that term');
like(approved_people(), qr/dave/, 'it is');

# ---- gone twice: over (vector 230) ----
my $alices = q{SELECT state || COALESCE(' ' || end_reason, '') FROM jit.requests WHERE request_id = 1};
$graph->deactivate(1);
look('the activation is gone once');
is(sql($node, $alices), 'approved', 'that may be a mistake');
fails('403', 'HTTP status 403', 'a right was taken');
is(sql($node, $alices), 'approved', 'what is not seen is not gone');
$graph->weather('ok');
look('gone twice');
is(sql($node, $alices), 'ended revoked', 'it is over');
is(sql($node, q{SELECT actor || ': ' || (detail ->> 'reason') FROM jit.events WHERE request_id = 1 AND event = 'revoked'}), 'pim: the activation in PIM is over', 'and why is recorded');
wait_for($node, q{SELECT count(*) = 0 FROM pg_auth_members WHERE roleid = 'dba'::regrole AND member = 'alice'::regrole}, 'the role is taken back');
$graph->activate(20, person => 1);
look('another activation');
like(approved_people(), qr/alice/, 'is another request');
$graph->deactivate(20);
look('gone once');
$graph->activate(20, person => 1);
look('there again');
$graph->deactivate(20);
look('gone once more');
like(approved_people(), qr/alice/, 'which is not twice in a row');
$graph->activate(20, person => 1);
look('there again');

# ---- what people here end stays ended ----
my $id = sql($node, q{SELECT max(request_id) FROM jit.requests WHERE person_name = 'alice'});
as_person($node, 'carol', "SELECT jit.revoke($id, 'not today')");
look('revoked here, active there');
unlike(approved_people(), qr/alice/, 'it stays revoked');

# ---- who asks here is decided on here ----
($code, my $asked) = as_person($node, 'alice', q{SELECT jit.request('pim', '10 min', reason => 'by hand')});
look('somebody asked here');
is(sql($node, "SELECT state FROM jit.requests WHERE request_id = $asked"), 'pending', 'which waits for votes');
as_person($node, 'carol', "SELECT jit.approve($asked)");
is(sql($node, "SELECT state FROM jit.requests WHERE request_id = $asked"), 'approved', 'and gets them');
($code, my $more, $err) = as_person($node, 'alice', "SELECT jit.extend($asked, '5 min', reason => 'more')");
is($code, 0, 'which can be extended') or diag($err);
as_person($node, 'alice', "SELECT jit.release($asked)");

# ---- bad weather gives nothing ----
$graph->deactivate($_) for 16, 20;
look('nobody'), look('nobody at all');
my $n = 30;
for (['500', 'HTTP status 500'], ['429 1', 'HTTP status 429'], ['403', 'HTTP status 403'], ['words', 'no JSON'], ['huge', 'too long'], ['reset', ''], ['cut', 'cut short'],
    ['redirect', 'HTTP status 302'], ['elsewhere', 'another host']) {
    my ($weather, $says) = @$_;
    $graph->activate($n, person => 1);
    fails($weather, $says, $weather);
    unlike(approved_people(), qr/alice/, "$weather: gives nothing");
    $graph->weather('ok');
    look("$weather: then it is seen");
    like(approved_people(), qr/alice/, "$weather: and gives an approval");
    $graph->deactivate($n++);
    look("$weather: gone"), look("$weather: gone twice");
}
is(scalar($elsewhere->requests), 0, 'nobody else is asked');
is(sql($node, q{SELECT value FROM jit.status WHERE fact = 'PIM groups failing'}), 0, 'jit.status counts what fails');
$graph->weather('pages');
$graph->activate($n, person => 1);
$graph->activate($n + 1, person => 2);
look('on several pages');
like(approved_people(), qr/alice bob/, 'all are seen');
$graph->deactivate($_) for $n, $n + 1;
look('gone'), look('gone twice');

# ---- rules that deny do so here, too (vector 243) ----
policy(q{rules => '[{"verdict": "deny", "people": ["alice"], "why": "not she"}]'});
$graph->activate(60, person => 1, hours => 0.5);
$graph->activate(61, person => 2, hours => 0.5);
look('under a rule that denies alice');
is(approved_people(), 'bob', 'she gets nothing, and bob does');
look('again');
is(refusals(60), 1, 'which is recorded once');
like(sql($node, q{SELECT detail ->> 'why' FROM jit.events WHERE event = 'pim_refused' ORDER BY event_id DESC LIMIT 1}), qr/rule 1 of policy "pim" denies it: not she/, 'with the words of the rule');
policy(q{rules => '[]'});
look('without that rule');
is(approved_people(), 'alice bob', 'she has an approval');

# ---- what PIM gave ends with PIM: it is not extended here (vector 247) ----
my $given = sql($node, q{SELECT request_id FROM jit.requests WHERE person_name = 'alice' AND state = 'approved'});
refused($node, 'alice', "SELECT jit.extend($given, '5 min', reason => 'more')", qr/a right that PIM gave cannot be extended.*HINT:.*activate again in PIM, or ask with jit\.request\(\)/si, 'extended');
$graph->deactivate($_) for 60, 61;
look('gone'), look('gone twice');
is(approved_people(), '', 'it is over with the activation');

# Before its end one is told where more time comes from.
sql($node, "CREATE TABLE shown (v int); GRANT SELECT ON shown TO staff");
sql($node, "SELECT jit.create_policy('shown', '{SELECT}', '{public.shown}', eligible => '{staff}', approvers => '{leads}', pim_group => '$JitGraph::group')");
$node->append_conf('postgresql.conf', "jit_guard.expiry_warning = '12s'");
$node->reload;
$graph->activate(62, person => 1, hours => 60 / 3600);
look('alice activates for a moment');
wait_for($node, q{SELECT count(*) > 0 FROM jit.events WHERE event = 'ends_soon' AND policy = 'shown'}, 'which ends soon');
(undef, undef, $err) = as_person($node, 'alice', 'SELECT count(*) FROM shown');
like($err, qr/If you need more time, activate again in PIM, or ask here: SELECT jit\.request\('shown', '30 min', 'why'\);/, 'she is told to activate again');
unlike($err, qr/jit\.extend/, 'and not to extend it');
$graph->deactivate(62);
$node->append_conf('postgresql.conf', "jit_guard.expiry_warning = '5min'");
$node->reload;
sql($node, q{SELECT jit.drop_policy('shown')});
look('gone'), look('gone twice');
is(approved_people(), '', 'it is over');

# ---- what was heard too long ago gives nothing (vector 229) ----
$node->append_conf('postgresql.conf', "jit_guard.pim_max_staleness = '1s'");
$node->reload;
$graph->weather('late 3');
$graph->activate(50, person => 1);
look('an answer that is late');
unlike(approved_people(), qr/alice/, 'gives nothing');
$node->append_conf('postgresql.conf', "jit_guard.pim_max_staleness = '5min'");
$node->reload;
look('where it is soon enough');
like(approved_people(), qr/alice/, 'it does');
$graph->weather('ok');
unlike(slurp_file($node->logfile), qr/eyJ/, 'the log has no token');
is(scalar(grep { ($_->{first} // 'GET ') !~ /^GET / } $graph->requests), 0, 'nothing was ever written there');
($metadata->requests)[0]{first} =~ /resource=http%3A%2F%2F127/ ? pass('the token is for Graph') : fail('the token is for Graph');

# ---- without the group there is nobody who watches the activation (vector 246) ----
($code, $asked) = as_person($node, 'bob', q{SELECT jit.request('pim', '10 min', reason => 'by hand')});
as_person($node, 'carol', "SELECT jit.approve($asked)");
is(approved_people(), 'alice bob', 'alice by PIM, bob by hand');
policy(q{comment => 'the group stays'});
is(approved_people(), 'alice bob', 'another change ends nothing');
policy(q{pim_group => ''});
is(approved_people(), 'bob', 'what PIM gave ends with the term, and nothing else');
is(sql($node, q{SELECT detail ->> 'reason' FROM jit.events WHERE event = 'revoked' ORDER BY event_id DESC LIMIT 1}), 'the group of the policy was changed', 'and why is recorded');
as_person($node, 'bob', "SELECT jit.release($asked)");

# ---- sealed, the term weakens ----
sql($node, 'CREATE ROLE ann LOGIN IN ROLE jit_admin; CREATE ROLE ben LOGIN IN ROLE jit_admin');
as_person($node, 'ann', 'SELECT jit.seal()');
my $set = q{SELECT COALESCE(pim_group, 'none') FROM jit.policies WHERE name = 'pim'};
as_person($node, 'ann', "SELECT jit.alter_policy('pim', pim_group => '$JitGraph::group')");
is(sql($node, $set), 'none', 'sealed, one jit_admin alone does not let PIM decide');
($code, $out, $err) = as_person($node, 'ben', 'SELECT jit.approve(' . sql($node, 'SELECT max(request_id) FROM jit.requests WHERE change IS NOT NULL') . ')');
is(sql($node, $set), $JitGraph::group, 'two do') or diag($err);
as_person($node, 'ann', q{SELECT jit.alter_policy('pim', pim_group => '')});
is(sql($node, $set), 'none', 'one takes it back');
($code, $out, $err) = as_person($node, 'ann', q{SELECT jit.alter_policy('pim', comment => 'harmless')});
is($code, 0, 'to what weakens nothing not') or diag($err);
$node->stop;
done_testing();
