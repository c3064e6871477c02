# What happens when the shared memory of jit_guard is full: more loans, databases or cluster policies than there is room
# for. Whatever does not fit is closed, what fits goes on, and the way back is a setting and a restart, or less of it.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

$PostgreSQL::Test::Utils::timeout_default = 30;

my $loans = 16; # the least that jit_guard.max_loans can be
my $node = new_cluster('full', <<"CONF");
jit_guard.max_loans = $loans
jit_guard.max_databases = 1
jit_guard.cluster_memory = '1MB'
max_connections = 40
CONF
my $postgres = $node->safe_psql('app', 'SELECT current_user');
sub set_to { my ($setting, $value) = @_; $node->adjust_conf('postgresql.conf', $setting, $value); $node->restart; return }

# ---- loans ----
$node->safe_psql('app', join ' ', map { "CREATE ROLE p$_ LOGIN IN ROLE staff;" } 1 .. $loans);
my %request = map { $_ => lend($node, "p$_", '10 min') } 1 .. $loans;
is(sql($node, q{SELECT count(*) FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole}), $loans, 'as many loans as there is room for');
is((as_person($node, 'p1', 'SET ROLE dba; SELECT v FROM secret'))[1], '42', 'and they work');
my $waits = request_approved($node, 'alice', '10 min');
my $refused = "SELECT detail ->> 'why' FROM jit.events WHERE request_id = $waits AND event = 'loan_refused'";
wait_for($node, "SELECT EXISTS ($refused)", 'one more is not lent, and the record says so');
like(sql($node, $refused), qr/jit_guard\.max_loans memberships are lent already/, 'and why');
refused($node, 'alice', 'SET ROLE dba', qr/permission denied to set role/, 'whoever is not lent the role does not have it');
is(sql($node, q{SELECT count(*) FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole AND member::regrole::text LIKE 'p%'}), $loans, 'nobody loses his loan by it');
my ($code, undef, $err) = as_person($node, 'p1', "SELECT jit.release($request{1})");
is($code, 0, 'one is given back') or diag($err);
wait_for($node, q{SELECT pg_has_role('alice', 'dba', 'MEMBER')}, 'and the one that waited is lent');
refused($node, 'p1', 'SET ROLE dba; SELECT v FROM secret', qr/permission denied to set role/, 'whoever gave it back has it no more');
# The way back: more room. What is lent comes over the restart.
$waits = request_approved($node, 'bob', '10 min');
wait_for($node, "SELECT EXISTS (SELECT FROM jit.events WHERE request_id = $waits AND event = 'loan_refused')", 'full again');
set_to('jit_guard.max_loans', $loans + 1);
wait_for($node, q{SELECT pg_has_role('bob', 'dba', 'MEMBER')}, 'with more room the next one is lent');
is((as_person($node, 'p2', 'SET ROLE dba; SELECT v FROM secret'))[1], '42', 'and the others still are');
# Less room than there are loans: those that do not fit are taken back, and no session takes a loan for honest meanwhile.
set_to('jit_guard.max_loans', $loans);
wait_for($node, qq{SELECT count(*) = $loans FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole}, 'with less room one of them is taken back');
as_person($node, 'carol', "SELECT jit.revoke($_)") for split /\n/, sql($node, 'SELECT request_id FROM jit.approvals');
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole)}, 'all of them end');

# ---- databases ----
$node->safe_psql('postgres', 'CREATE DATABASE two');
$node->safe_psql('two', 'CREATE TABLE t (v int); INSERT INTO t VALUES (7)');
($code, undef, $err) = as_person($node, $postgres, 'CREATE EXTENSION jit_guard', db => 'two');
is($code, 0, 'the extension in a database for which there is no place') or diag($err);
sql($node, q{SELECT jit.create_policy('t', '{SELECT}', '{public.t}', eligible => '{staff}', approvers => '{leads}', pending_timeout => '1 s')}, 'two');
$node->safe_psql('two', 'GRANT SELECT ON t TO staff');
refused($node, $postgres, 'SELECT v FROM t', qr/needs a just-in-time approval/, 'it is guarded without a keeper', db => 'two');
(undef, my $id) = as_person($node, 'alice', q{SELECT jit.request('t', '2 s', reason => 'x')}, db => 'two');
($code, undef, $err) = as_person($node, 'carol', "SELECT jit.approve($id)", db => 'two');
is($code, 0, 'requests are decided') or diag($err);
is((as_person($node, 'alice', 'SELECT v FROM t', db => 'two'))[1], '7', 'an approval opens');
my $slow = session($node, 'alice', db => 'two');
my (undef, $cut) = $slow->run('SELECT count(*) FROM t, pg_sleep(30)');
like($cut, qr/expired|is over/, 'and ends by the clock');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'two' AND backend_type LIKE 'jit_guard%'}), '0', 'all that without a worker');
(undef, $id) = as_person($node, 'alice', q{SELECT jit.request('t', '1 min', reason => 'late')}, db => 'two');
set_to('jit_guard.max_databases', 2);
wait_for($node, "SELECT state = 'timed_out' FROM jit.requests WHERE request_id = $id", 'with a place for it its keeper comes', 'two');

# ---- cluster policies, sealed: closed elsewhere; the way back is more memory, or fewer policies by two people ----
$node->safe_psql('app', 'CREATE ROLE ann LOGIN; CREATE ROLE ben LOGIN; CREATE ROLE root LOGIN SUPERUSER; GRANT jit_admin TO ann, ben');
$node->safe_psql('app', 'DO $$ BEGIN FOR n IN 1 .. 900 LOOP EXECUTE format($q$CREATE ROLE many%s$q$, n); END LOOP; END $$');
sql($node, q{SELECT jit.create_policy('many' || n, '{ALTER ROLE}', ARRAY['role many' || n], eligible => roles, approvers => '{leads}', exempt => roles)
    FROM (SELECT array_agg(oid::regrole) AS roles FROM pg_roles WHERE rolname LIKE 'many%') r, generate_series(1, 12) n});
is((as_person($node, 'ann', 'SELECT jit.seal()'))[0], 0, 'sealed');
is((as_person($node, 'root', 'CREATE ROLE eve; DROP ROLE eve', db => 'two'))[0], 0, 'with room for all policies other databases go on');
set_to('jit_guard.cluster_memory', "'64kB'");
wait_for($node, q{SELECT value LIKE 'no: %' FROM jit.status WHERE fact = 'cluster scope published'}, 'jit.status says that they do not fit');
refused($node, 'root', 'CREATE ROLE eve', qr/is closed.*takes \d+ bytes, and there is room for \d+.*Raise jit_guard\.cluster_memory/s, 'elsewhere closed', db => 'two');
is((as_person($node, 'alice', 'SELECT 1', db => 'two'))[1], '1', 'what is no matter of the cluster goes on');
is((as_person($node, 'root', 'CREATE ROLE eve; DROP ROLE eve'))[0], 0, 'and so does the control database');
like(slurp_file($node->logfile), qr/do not fit jit_guard\.cluster_memory/, 'with a warning in the log');
# Two people drop policies: in the control database they can.
for my $n (1 .. 12) {
    (undef, undef, $err) = as_person($node, 'ann', "SELECT jit.drop_policy('many$n')");
    (undef, my $change) = as_person($node, 'ann', q{SELECT max(request_id) FROM jit.my_requests WHERE state = 'pending'});
    ($code, undef, $err) = as_person($node, 'ben', "SELECT jit.approve($change)");
    last if $code != 0;
}
is($code, 0, 'sealed: two jit_admins drop what does not fit') or diag($err);
wait_for($node, q{SELECT value LIKE 'yes%' FROM jit.status WHERE fact = 'cluster scope published'}, 'then it fits');
is((as_person($node, 'root', 'CREATE ROLE eve; DROP ROLE eve', db => 'two'))[0], 0, 'and other databases go on');
set_to('jit_guard.cluster_memory', undef);
is(sql($node, q{SELECT value FROM jit.status WHERE fact = 'sealed'}), 'yes', 'sealed as before');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
