# pg_dump and pg_restore: a database goes into a fresh server with its policies and its history; it is closed there until
# jit.rebind(), and decides as before afterwards. Who may dump what is guarded, and who may not.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $node = new_cluster('source');
my $postgres = $node->safe_psql('app', 'SELECT current_user');

# ---- a database with policies of many terms, and a history ----
$node->safe_psql('app', <<'SQL');
CREATE ROLE backup LOGIN SUPERUSER; CREATE ROLE lender; CREATE ROLE emergency; GRANT emergency TO dave;
CREATE SCHEMA pay; GRANT USAGE ON SCHEMA pay TO PUBLIC;
CREATE TABLE pay.a (id int PRIMARY KEY, secret text); INSERT INTO pay.a SELECT i, 'x' || i FROM generate_series(1, 50) i;
CREATE TABLE pay.b (id int); INSERT INTO pay.b VALUES (1);
CREATE TABLE pay.lent (id int); INSERT INTO pay.lent VALUES (1); ALTER TABLE pay.lent OWNER TO lender;
CREATE TABLE pay.free (id int); INSERT INTO pay.free VALUES (1);
CREATE VIEW pay.v AS SELECT id FROM pay.b;
GRANT ALL ON pay.a, pay.b, pay.free, pay.v TO staff;
CREATE TABLE "Odd "" name" (id int); GRANT ALL ON "Odd "" name" TO staff;
SQL
$node->safe_psql('app', "SELECT jit.create_policy($_)") for
    q{'columns', '{READ}', '{pay.a(secret)}', eligible => '{staff}', approvers => '{leads}', exempt => '{backup}', ticket_pattern => 'T-[0-9]+'},
    q{'rest', '{ALL}', '{pay.a, "public.\"Odd \"\" name\""}', eligible => '{alice}', approvers => '{leads, dba}', approvals => 1, exempt => '{backup}', max_duration => '2 hours', weaker => true},
    q{'views', '{READ, WRITE}', '{pay.b, pay.v}', eligible => '{staff}', approvals => 0, exempt => '{backup}', require_reason => false},
    q{'lent', '{SELECT}', '{pay.lent}', lends => 'lender', eligible => '{staff}', approvers => '{leads}', exempt => '{backup}', on_expiry => 'terminate'},
    q{'watched', '{ALL}', '{pay.free}', eligible => '{staff}', approvers => '{leads}', exempt => '{backup}', mode => 'monitor'};
my $approved = request_approved($node, 'alice', '30 min', policy => 'rest');
my ($code, $pending, $err) = as_person($node, 'bob', q{SELECT jit.request('lent', '5 min', reason => 'later')});
my (undef, $denied) = as_person($node, 'bob', q{SELECT jit.request('columns', '5 min', reason => 'no', ticket => 'T-1')});
as_person($node, 'carol', "SELECT jit.deny($denied, 'why')");

# People who owe the review of broken glass: two who will be found, two whose roles are gone, and two who had one name after each other.
$node->safe_psql('app', q{CREATE TABLE pay.glass (id int)});
$node->safe_psql('app', "CREATE ROLE $_ LOGIN IN ROLE emergency") for qw(lea gone1 gone2 kim);
$node->safe_psql('app', q{SELECT jit.create_policy('glass', '{READ}', '{pay.glass}', eligible => '{staff}', approvers => '{leads}', exempt => '{backup}', break_glass => '{emergency}')});
sub breaks { my ($server, $person) = @_; return as_person($server, $person, q{SELECT jit.break_glass('glass', 'fire')}) }
my %glass = map { $_ => (breaks($node, $_))[1] } qw(dave lea gone1 gone2 kim);
for my $gone (qw(gone1 gone2)) {
    as_person($node, $gone, "SELECT jit.release($glass{$gone})");
    $node->safe_psql('app', "DROP ROLE $gone");
}
$node->safe_psql('app', 'ALTER ROLE kim RENAME TO kimberly');
$node->safe_psql('app', 'CREATE ROLE kim LOGIN IN ROLE emergency');
$glass{second} = (breaks($node, 'kim'))[1];
as_person($node, 'carol', q{SELECT jit.delegate('lea', '1 day')});

# Who may do what without an approval: the answer of the server to each person and statement.
my @statements = ('SELECT secret FROM pay.a', 'SELECT id FROM pay.a', 'INSERT INTO pay.a VALUES (99)', 'SELECT id FROM pay.b', 'SELECT id FROM pay.v',
    'SELECT id FROM pay.lent', 'SELECT id FROM pay.free', 'SELECT * FROM "Odd "" name"', 'TRUNCATE pay.b', 'DROP TABLE pay.a', 'CREATE TABLE z AS TABLE pay.b');
sub matrix {
    my ($server) = @_;
    my @answers;
    for my $person (qw(bob dave backup), $postgres) {
        for my $statement (@statements) {
            my ($code, undef, $err) = as_person($server, $person, "BEGIN; $statement; ROLLBACK");
            my ($why) = $err =~ /ERROR:\s+(.*)/;
            my ($policy) = $err =~ /Policy "([^"]*)"/;
            push @answers, "$person: $statement: " . ($code ? $why . (defined $policy ? " ($policy)" : '') : 'allowed');
        }
    }
    return join "\n", @answers;
}
my $before = matrix($node);
like($before, qr/bob: SELECT secret FROM pay\.a: .*\(columns\)/, 'the source refuses');
like($before, qr/backup: SELECT secret FROM pay\.a: allowed/, 'and lets the exempt');

# ---- who may dump ----
my $tmp = PostgreSQL::Test::Utils::tempdir();
sub dump_as {
    my ($person, @how) = @_;
    my ($out, $err) = ('', '');
    my $ok = IPC::Run::run(['pg_dump', '-U', $person, '-d', $node->connstr('app'), @how], '>', \$out, '2>', \$err);
    return ($ok, $out, $err);
}
my ($ok, $out);
($ok, $out, $err) = dump_as($postgres, '-f', "$tmp/refused.sql");
ok(!$ok, 'a superuser who is not exempt cannot dump the database');
like($err, qr/needs a just-in-time approval/, 'and is told why');
like($err, qr/Policy "(rest|columns)" guards it.*HINT/s, 'with the policy and a hint');
($ok, $out, $err) = dump_as($postgres, '--schema-only', '-f', "$tmp/schema.sql");
ok(!$ok, 'nor its schema: pg_dump locks each table first, and that is reading');
($ok, $out, $err) = dump_as('backup', '--schema-only');
ok($ok && $out =~ /CREATE EXTENSION/ && $out !~ /^COPY /m, 'who is exempt can') or diag($err);
($ok, $out, $err) = dump_as($postgres, '-t', 'jit.policies', '-t', 'pay.free');
ok($ok, 'and everybody what is not guarded, and the policies') or diag($err);
like($out, qr{^COPY jit\.policies .*?\tcolumns\t}ms, "with their rows");
($ok, $out, $err) = dump_as('backup', '-f', "$tmp/plain.sql");
ok($ok, 'who is exempt in all policies dumps everything: plain') or diag($err);
unlike(slurp_file("$tmp/plain.sql"), qr/COPY jit\.(guards|approvals|scopes|instance) /, 'what belongs to one server is left out');
($ok, $out, $err) = dump_as('backup', '-Fd', '-j2', '-f', "$tmp/directory");
ok($ok, 'directory, parallel') or diag($err);
($ok, $out, $err) = dump_as('backup', '-Fc', '-f', "$tmp/custom");
ok($ok, 'custom') or diag($err);
$node->command_ok(['pg_dumpall', '-g', '-d', $node->connstr('postgres'), '-f', "$tmp/roles.sql"], 'the roles');

# ---- into a fresh server, by a role that is exempt; the other way is jit_guard.enabled = off ----
sub fresh {
    my ($name) = @_;
    my $to = PostgreSQL::Test::Cluster->new($name);
    $to->init(extra => ['--no-locale', '--encoding=UTF8']);
    $to->append_conf('postgresql.conf', "shared_preload_libraries = 'jit_guard'\nwal_level = replica\njit_guard.control_database = 'app'\nfsync = off\ntimezone = 'UTC'");
    $to->append_conf('postgresql.conf', "jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
    $to->start;
    # The role that initdb made exists already.
    IPC::Run::run(['psql', '-XAtq', '-d', $to->connstr('postgres'), '-f', "$tmp/roles.sql"], '>', \my $said, '2>', \my $complaints);
    unlike($complaints =~ s/^.*role "\Q$postgres\E" already exists\n//mr, qr/ERROR/, "$name: the roles come first") or diag($complaints);
    $to->safe_psql('postgres', 'CREATE DATABASE app');
    return $to;
}
my $history = q{SELECT request_id, policy, person_name, reason, ticket FROM jit.requests ORDER BY 1};
my $terms = q{SELECT to_jsonb(p) - 'changed_at' FROM jit.policies p ORDER BY name};

my %restore = (
    plain => sub { my ($to) = @_; return ['psql', '-U', 'backup', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $to->connstr('app'), '-f', "$tmp/plain.sql"] },
    custom => sub { my ($to) = @_; return ['pg_restore', '-U', 'backup', '-e', '-j2', '-d', $to->connstr('app'), "$tmp/custom"] },
    directory => sub { my ($to) = @_; return ['pg_restore', '-U', 'backup', '-e', '-j2', '-d', $to->connstr('app'), "$tmp/directory"] },
);
for my $format (sort keys %restore) {
    my $to = fresh($format);
    my ($said, $complaints);
    ok(IPC::Run::run($restore{$format}->($to), '>', \$said, '2>', \$complaints), "$format: restored without an error") or diag($complaints);
    like($complaints . slurp_file($to->logfile), qr/no longer bound|not bound/, "$format: and said that it has to be bound");
    for my $person ('bob', $postgres) {
        refused($to, $person, 'SELECT id FROM pay.b', qr/rebind|bound/, "$format: closed to $person");
    }
    refused($to, 'alice', q{SELECT jit.request('rest', '1 min', reason => 'x')}, qr/rebind/, "$format: takes no requests");
    refused($to, 'bob', 'SELECT * FROM jit.rebind()', qr/permission denied|jit_admin/, "$format: not everybody binds it");
    my ($code, $report, $err) = as_person($to, $postgres, 'SELECT policy, object, result FROM jit.rebind()');
    ($code, $report, $err) = as_person($to, $postgres, 'SELECT * FROM jit.rebind()') if $code;
    is($code, 0, "$format: bound") or diag($err);
    my @objects = grep { !/^\|/ } split /\n/, $report;
    is(scalar(grep { /\|bound$/ } @objects), scalar(@objects), "$format: everything was found") or diag($report);
    # vector 293
    is(join("\n", sort grep { /^\|/ } split /\n/, $report), join("\n", sort map { "|person $_->[0]|not bound: $_->[1]; owes the review of request $glass{$_->[2]}" }
        ['gone1', 'there is no such role', 'gone1'], ['gone2', 'there is no such role', 'gone2'], ['kim', 'more than one role had this name', 'kim'], ['kim', 'more than one role had this name', 'second']),
        "$format: and says who is nobody here");
    is($to->safe_psql('app', q{SELECT string_agg(DISTINCT person_name, ' ' ORDER BY person_name) FROM jit.requests WHERE person = to_regrole(person_name)}), 'alice bob dave lea', "$format: the others are who they were");
    is($to->safe_psql('app', q{SELECT bool_and(voter = to_regrole(voter_name)) FROM jit.votes}), 't', "$format: also as voters");
    is($to->safe_psql('app', q{SELECT bool_and(person = to_regrole(person_name) AND delegate = to_regrole(delegate_name) AND ended_at IS NOT NULL) FROM jit.delegations}), 't', "$format: and in delegations, which are over");
    refused($to, $_, q{SELECT jit.break_glass('glass', 'again')}, qr/you owe a review/, "$format: $_ owes a review") for qw(dave lea);
    refused($to, 'carol', "SELECT jit.review($glass{second}, 'justified')", qr/not yours to review.*members of jit_admin review it now/s, "$format: any approver might be who owes it");
    is((as_person($to, 'carol', "SELECT jit.review($glass{lea}, 'justified')"))[0], 0, "$format: who is known is reviewed by an approver");
    is((as_person($to, $postgres, "SELECT jit.review($glass{second}, 'justified')"))[0], 0, "$format: the other by an admin");
    is(matrix($to), $before, "$format: the same decisions");
    is($to->safe_psql('app', $terms), $node->safe_psql('app', $terms), "$format: the same terms");
    is($to->safe_psql('app', $history), $node->safe_psql('app', $history), "$format: the same history");
    is((breaks($to, $_))[0], 0, "$format: $_ owes none") for qw(kim kimberly);
    is($to->safe_psql('app', "SELECT string_agg(state || coalesce(' ' || end_reason, ''), ', ' ORDER BY request_id) FROM jit.requests WHERE request_id IN ($approved, $pending, $denied)"),
        'ended revoked, cancelled, denied', "$format: what was open is over");
    refused($to, 'alice', 'SELECT id FROM pay.a', qr/needs a just-in-time approval/, "$format: no approval came along");
    my $id = request_approved($to, 'alice', '5 min', policy => 'rest');
    cmp_ok($id, '>', $denied, "$format: numbers go on where they were");
    ($code, undef, $err) = as_person($to, 'alice', 'SELECT id FROM pay.a');
    is($code, 0, "$format: and a new one opens") or diag($err);
    $to->safe_psql('app', 'CALL jit.catch_up()');
    is($to->safe_psql('app', q{SELECT max(seq) - count(*) || ' ' || count(*) FILTER (WHERE jit.record_keys(record) @> '{kind:incarnation}') FROM jit.ledger}),
        '0 2', "$format: the ledger came along and goes on, in another incarnation");
    is($to->safe_psql('app', 'SELECT count(*) FROM jit.events e LEFT JOIN jit.ledger l ON l.seq = e.seq WHERE jit.decode(l.record) ->> $$event_id$$ IS DISTINCT FROM e.event_id::text'), 0,
        "$format: with every event");
    $to->stop;
}

# ---- a restore by a superuser who is not exempt stops at the first guarded table, and opens nothing ----
my $closed = fresh('closed');
ok(!IPC::Run::run(['pg_restore', '-e', '-j2', '-d', $closed->connstr('app'), "$tmp/custom"], '>', \$out, '2>', \$err), 'a superuser who is not exempt cannot restore');
like($err, qr/is closed.*jit\.rebind/s, 'and is told why');
$closed->append_conf('postgresql.conf', 'jit_guard.enabled = off');
$closed->restart;
is(($closed->psql('postgres', 'DROP DATABASE app'))[0], 0, 'switched off, its workers make way for DROP DATABASE');
$closed->safe_psql('postgres', 'CREATE DATABASE app');
ok(IPC::Run::run(['pg_restore', '-e', '-j2', '-d', $closed->connstr('app'), "$tmp/custom"], '>', \$out, '2>', \$err), 'with jit_guard.enabled = off he can') or diag($err);
$closed->append_conf('postgresql.conf', 'jit_guard.enabled = on');
$closed->restart;
refused($closed, 'bob', 'SELECT id FROM pay.b', qr/rebind|bound/, 'switched on again: closed');
$closed->safe_psql('app', 'SELECT * FROM jit.rebind()');
is(matrix($closed), $before, 'and bound: the same decisions');
$closed->stop;

# ---- a restore that is not the superuser's ----
my $other = fresh('other');
$other->safe_psql('postgres', 'ALTER DATABASE app OWNER TO bob');
IPC::Run::run(['pg_restore', '-U', 'bob', '-d', $other->connstr('app'), "$tmp/custom"], '>', \$out, '2>', \$err);
like($err, qr/permission denied to create extension "jit_guard"/, 'who is no superuser cannot restore the extension');
is($other->safe_psql('app', q{SELECT count(*) FROM pg_extension WHERE extname = 'jit_guard'}), '0', 'and guards nothing with it: his restore is not protected');
$other->stop;

# ---- rows cannot be slipped in beside the functions ----
refused($node, $postgres, 'COPY jit.policies FROM stdin', qr/closed|cannot/, 'rows cannot be copied into tables that hold some');
$node->stop;
done_testing();
