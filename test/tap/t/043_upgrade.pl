# ALTER EXTENSION jit_guard UPDATE: the library reads the schema of the version before, what was decided there is enforced
# before, during and after the update, and an updated schema is what a fresh installation makes.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;
use JitSchema;

# The install script of the version before is in no package. It is laid beside the new one for this test, with rows as
# the library of that version wrote them: only a script of the extension may write there.
my $old = '0.1.0';
chomp(my $sharedir = `pg_config --sharedir`);
my $script = "$sharedir/extension/jit_guard--$old.sql";
my $decided = <<'SQL';
INSERT INTO jit.policies (name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, max_duration,
    default_duration, pending_timeout, require_reason, ticket_pattern, on_expiry, mode, created_by, created_at, changed_at)
SELECT p.name, p.actions, p.objects, '{}', '{}', '{staff}', '{leads}', 1, '{}', '1 hour', '30 min', '4 hours', true, NULL, 'cancel',
    'enforce', 'dba', now(), now()
  FROM (VALUES (1, 'all', '{ALL}'::text[], '{pay.t}'::text[]), (2, 'write', '{INSERT, UPDATE, DELETE, TRUNCATE}', '{pay.w}'), (3, 'secrets', '{SELECT}', '{pay.cols(secret)}'))
       AS p (n, name, actions, objects) ORDER BY p.n;
INSERT INTO jit.guards (policy_id, object_class, object_id, attnums, actions, object) VALUES
    (1, 'r', 'pay.t'::regclass, '{}', (1::bigint << 40) - 1, 'pay.t'), (2, 'r', 'pay.w'::regclass, '{}', 2 + 4 + 8 + 16, 'pay.w'),
    (3, 'r', 'pay.cols'::regclass, '{2}', 1, 'pay.cols(secret)');
INSERT INTO jit.requests (policy_id, policy, person, person_name, authn_id, client_addr, application_name, state, actions, objects,
    narrowed, reason, duration, starts_at, requested_at, pending_until, decided_at, ends_at)
VALUES (1, 'all', 'alice'::regrole, 'alice', NULL, NULL, 'psql', 'approved', '{ALL}', '{pay.t}', false, 'x', '1 hour', now(), now(),
        now() + '4 hours', now(), now() + '1 hour'),
       (1, 'all', 'bob'::regrole, 'bob', NULL, NULL, 'psql', 'pending', '{ALL}', '{pay.t}', false, 'x', '1 hour', NULL, now(),
        now() + '4 hours', NULL, NULL);
INSERT INTO jit.votes (request_id, voter, voter_name, vote, voted_at) VALUES (1, 'carol'::regrole, 'carol', 'approve', now());
INSERT INTO jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, narrowed)
VALUES (1, 1, 'alice'::regrole, now(), now() + '1 hour', (1::bigint << 40) - 1, false);
INSERT INTO jit.events (happened_at, event, request_id, policy, person, actor, detail) VALUES (now(), 'approved', 1, 'all', 'alice', 'carol', '{}');
SQL
my $fixture = slurp_file("$ENV{JIT_WORK}/src/test/tap/fixtures/jit_guard--$old.sql");
$fixture =~ s/(?=^CREATE FUNCTION jit\._unbind)/$decided/m or die 'the fixture is not what it was';
open my $file, '>', $script or die "$script: $!";
print {$file} $fixture;
close $file or die "$script: $!";
END { unlink $script if defined $script; }

my $node = new_cluster('upgrade');
my $new = $node->safe_psql('app', q{SELECT default_version FROM pg_available_extensions WHERE name = 'jit_guard'});
isnt($new, $old, 'the version has moved on');
my $postgres = $node->safe_psql('app', 'SELECT current_user');
my %in = (db => 'old');

sub allowed {
    my ($person, $sql, $test) = @_;
    my ($code, $answer, $err) = as_person($node, $person, $sql, %in);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($code, 0, $test) or diag($err);
    return $answer;
}

$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', <<"SQL");
CREATE SCHEMA pay;
CREATE TABLE pay.t (v int); INSERT INTO pay.t VALUES (1);
CREATE TABLE pay.w (v int); CREATE TABLE pay.free (v int);
CREATE TABLE pay.cols (v int, secret int);
GRANT USAGE ON SCHEMA pay TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA pay TO PUBLIC;
CREATE EXTENSION jit_guard VERSION '$old';
CREATE ROLE monitoring; GRANT EXECUTE ON FUNCTION jit.rebind() TO monitoring;
SQL
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'jit_guard'}), $old, 'the old version is installed');

# What holds whatever the version is.
sub decided {
    my ($when) = @_;
    is(allowed('alice', 'SELECT v FROM pay.t', "$when: alice has her approval"), '1', "$when: and reads");
    refused($node, 'bob', 'SELECT v FROM pay.t', qr/needs a just-in-time approval/, "$when: bob has none", %in);
    refused($node, $postgres, 'DELETE FROM pay.t', qr/needs a just-in-time approval/, "$when: nor has a superuser", %in);
    refused($node, 'bob', 'INSERT INTO pay.w VALUES (1)', qr/needs a just-in-time approval/, "$when: writing is guarded", %in);
    allowed('bob', 'SELECT v FROM pay.w', "$when: reading there is not");
    refused($node, 'bob', 'SELECT secret FROM pay.cols', qr/needs a just-in-time approval/, "$when: a column is guarded", %in);
    allowed('bob', 'SELECT v FROM pay.cols', "$when: its neighbour is not");
    allowed('bob', 'SELECT v FROM pay.free', "$when: what is not guarded is free");
    is(allowed('bob', 'SELECT state FROM jit.my_requests', "$when: the views answer"), 'pending', "$when: bob's request waits");
    return;
}

# ---- before: the new library on the old tables ----
decided('before');
for my $call (q{SELECT jit.request('all', '1 min', reason => 'x')}, 'SELECT jit.approve(2)', 'SELECT jit.cancel(2)', 'SELECT jit.revoke(1)',
    q{SELECT jit.create_policy('p', '{READ}', '{pay.free}', eligible => '{staff}', approvers => '{leads}')}, q{SELECT jit.drop_policy('all')}) {
    refused($node, $postgres, $call, qr/before jit_guard is updated.*ALTER EXTENSION jit_guard UPDATE/s, "before: $call", %in);
}
my $reader = session($node, 'bob', %in);
unlike(($reader->run('SELECT v FROM pay.free'))[1], qr{ERROR}, 'before: bob in a session that stays');
my $lent = session($node, 'alice', %in);
is(($lent->run('SELECT v FROM pay.t'))[0], '1', 'before: alice in a session that stays');

# ---- during: closed or decided as before, never open; and a rollback leaves the old version as it was ----
my $dba = session($node, $postgres, %in);
for my $end ('ROLLBACK', 'COMMIT') {
    my (undef, $err) = $dba->run('BEGIN');
    (undef, $err) = $dba->run("SET LOCAL lock_timeout = '20s'; ALTER EXTENSION jit_guard UPDATE");
    unlike($err, qr/ERROR/, "during ($end): the update works") or diag($err);
    for my $who ($reader, session($node, 'bob', %in)) {
        (undef, $err) = $who->run('SELECT v FROM pay.t');
        like($err, qr/ERROR:.*(needs a just-in-time approval|jit_guard)/s, "during ($end): bob does not read");
        # Making an index of jit.guards tells everybody at once to look again, and they cannot before the end.
        (my $free, $err) = $who->run('SELECT v FROM pay.free');
        ok($err eq '' || $err =~ /cannot read table .* of jit_guard/, "during ($end): what is not guarded works, or says why not") or diag($err);
    }
    (my $out, $err) = $lent->run('SELECT v FROM pay.t');
    ok($out eq '1' || $err =~ /ERROR:.*jit_guard/, "during ($end): alice reads as decided, or it is closed") or diag($err);
    (undef, $err) = $dba->run('SELECT v FROM pay.t');
    like($err, qr/ERROR/, "during ($end): not even the one who updates reads");
    if ($end eq 'COMMIT') { # the failed statement ended that transaction
        $dba->run('ROLLBACK');
        (undef, $err) = $dba->run('ALTER EXTENSION jit_guard UPDATE');
        unlike($err, qr{ERROR}, 'the update, in earnest');
    } else {
        $dba->run('ROLLBACK');
        decided('after a rollback');
    }
}

# ---- after ----
is($node->safe_psql('old', q{SELECT extversion FROM pg_extension WHERE extname = 'jit_guard'}), $new, 'the new version is installed');
decided('after');
is(($lent->run('SELECT v FROM pay.t'))[0], '1', 'after: alice in her session');
like(($reader->run('SELECT v FROM pay.t'))[1], qr/needs a just-in-time approval/, 'after: bob in his');
allowed('carol', 'SELECT jit.approve(2)', 'after: what was asked before is approved');
is(($reader->run('SELECT v FROM pay.t'))[0], '1', 'after: and holds');
allowed('carol', 'SELECT jit.revoke(1)', 'after: what was approved before is revoked');
refused($node, 'alice', 'SELECT v FROM pay.t', qr/needs a just-in-time approval/, 'after: and over', %in);
is($node->safe_psql('old', q{SELECT has_function_privilege('monitoring', 'jit.rebind()', 'EXECUTE')}), 't',
    'after: a right that was given on a function is there');
is($node->safe_psql('old', q{SELECT event FROM jit.events WHERE event = 'upgraded'}), 'upgraded', 'after: the update is an event');
$node->poll_query_until('old', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'old' AND backend_type = 'jit_guard keeper'}) or fail('after: a keeper');

is($node->safe_psql('old', 'SELECT count(*) FROM jit.approvals a FULL JOIN jit.use_counts u USING (request_id) WHERE a.policy_id IS NULL OR u.used IS NULL'), '0',
    'after: each approval has its count of uses');

# ---- equal to a fresh installation: its objects, and the guards of the same policies ----
$node->safe_psql('postgres', 'CREATE DATABASE updated');
$node->safe_psql('updated', "CREATE SCHEMA pay; CREATE TABLE pay.t (); CREATE TABLE pay.w (); CREATE TABLE pay.cols (v int, secret int);
    CREATE EXTENSION jit_guard VERSION '$old'; ALTER EXTENSION jit_guard UPDATE");
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE SCHEMA pay; CREATE TABLE pay.t (); CREATE TABLE pay.w (); CREATE TABLE pay.cols (v int, secret int); CREATE EXTENSION jit_guard');
$node->safe_psql('fresh', "SELECT jit.create_policy('$_->[0]', '$_->[1]', '$_->[2]', eligible => '{staff}', approvers => '{leads}')")
    for ['all', '{ALL}', '{pay.t}'], ['write', '{WRITE}', '{pay.w}'], ['secrets', '{SELECT}', '{pay.cols(secret)}'];
my $guards = q{SELECT p.name, g.object_class, g.attnums, g.actions, g.commands, g.object FROM jit.guards g JOIN jit.policies p USING (policy_id) ORDER BY 1};
is($node->safe_psql('updated', $guards), $node->safe_psql('fresh', $guards), 'the guards are those of policies that are made anew');
my $terms = q{SELECT to_jsonb(p) - '{created_by, created_at, changed_at}'::text[] FROM jit.policies p ORDER BY name};
is($node->safe_psql('updated', $terms), $node->safe_psql('fresh', $terms), 'and so are their terms');
my %updated = map { $_ => 1 } describe_schema($node, 'updated');
my %fresh = map { $_ => 1 } describe_schema($node, 'fresh');
cmp_ok(scalar keys %fresh, '>', 300, 'the schema is described');
my @differences = ((map { "only fresh:   $_" } grep { !$updated{$_} } sort keys %fresh), (map { "only updated: $_" } grep { !$fresh{$_} } sort keys %updated));
is(scalar @differences, 0, 'an updated schema equals a fresh one') or diag(join "\n", @differences);

$_->close for $reader, $lent, $dba;
$node->stop;
done_testing();
