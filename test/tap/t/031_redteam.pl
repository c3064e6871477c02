# Holes that took more than one session to use, each closed: uncommitted memberships, workers stopped by anybody.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitCluster;

my $node = new_cluster('redteam');
my $postgres = $node->safe_psql('app', 'SELECT current_user');

# ---- a loan is to one person, also when somebody became a member of that person while it was given ----
my $granter = session($node, $postgres);
$granter->run('BEGIN; GRANT alice TO dave');
my $id = lend($node, 'alice', '1 min');
my $dave = session($node, 'dave');
my ($out, $err) = $dave->run('SELECT v FROM secret');
like($err, qr/permission denied/, 'not a member yet');
$granter->run('COMMIT');
my $shared = qr/membership in "dba" was lent to "alice" and to nobody else/;
for my $statement ('SELECT v FROM secret', 'SET ROLE dba; SELECT v FROM secret', 'SET ROLE alice; SELECT v FROM secret') {
    ($out, $err) = $dave->run($statement);
    like($err, $shared, "dave: $statement");
    unlike($out, qr/42/, 'and reads nothing');
    $dave->run('RESET ROLE');
}
my ($code, $mine) = as_person($node, 'alice', 'SELECT v FROM secret');
is($mine, '42', 'alice keeps what she was lent');
sql($node, 'REVOKE alice FROM dave');
($out, $err) = $dave->run("SELECT 'free'");
is($out, 'free', 'dave goes on when he is no member any more');
$dave->close;
$granter->close;

# ---- an approval for one role lends no other ----
sql($node, 'CREATE ROLE owner_of_all');
sql($node, "SELECT jit.alter_policy('dba-window', elevates_to => 'owner_of_all')");
wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE member = 'alice'::regrole AND grantor = 'jit_lender'::regrole)",
    'the loan of the old role is taken back');
sleep 0.5;
is(sql($node, "SELECT count(*) FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole"), '0', 'and the new one is not lent instead');

# ---- the workers are stopped for those only who may take the database away ----
my $keeper = worker_pid($node, 'keeper', 'app');
my $lender = worker_pid($node, 'lender', 'app');
for my $db ('app', 'postgres') {
    for my $statement ('DROP DATABASE app', 'CREATE DATABASE copy TEMPLATE app', 'ALTER DATABASE app RENAME TO gone',
        'ALTER DATABASE app SET TABLESPACE pg_default') {
        refused($node, 'dave', $statement, qr/must be owner|permission denied|cannot/, "$statement in $db", db => $db);
    }
}
is(worker_pid($node, 'keeper', 'app'), $keeper, 'the keeper ran through it');
is(worker_pid($node, 'lender', 'app'), $lender, 'and the lender');

# A command that failed behind a savepoint does not keep them away until its transaction ends.
my $open = session($node, $postgres, db => 'postgres');
($out, $err) = $open->run('BEGIN; SAVEPOINT s; ALTER DATABASE app RENAME TO postgres');
like($err, qr/already exists/, 'a command of one who may, which fails');
$open->run('ROLLBACK TO s');
wait_for($node, "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'app' AND backend_type ~ 'jit_guard (keeper|lender)'",
    'the workers are back while its transaction is open');
$open->run('ROLLBACK');
$open->close;

# ---- a decision that is not committed neither grows with its policy nor keeps the admin from changing it ----
sql($node, 'CREATE TABLE plain (v int); INSERT INTO plain VALUES (1); CREATE TABLE hidden (v int); INSERT INTO hidden VALUES (99);'
    . ' GRANT SELECT ON plain, hidden TO alice');
sql($node, "SELECT jit.create_policy('auto', '{READ}', '{public.plain}', eligible => '{staff}', approvals => 0, require_reason => false)");
my $asker = session($node, 'alice');
$asker->run("BEGIN; SELECT jit.request('auto')");
($code, $out, $err) = as_person($node, $postgres,
    "SELECT jit.alter_policy('auto', objects => '{public.plain, public.hidden}', approvals => 1, approvers => '{leads}')");
is($code, 0, 'the terms change while somebody decided on the old ones and does not commit');
like($err, qr/a session of "alice" was ended/, 'whose session is ended');
($code, $out, $err) = as_person($node, 'alice', 'SELECT v FROM hidden');
like($err, qr/needs a just-in-time approval/, 'nothing was given');
is(sql($node, 'SELECT count(*) FROM jit.approvals a JOIN jit.policies p USING (policy_id) WHERE p.name = \'auto\''), '0', 'at all');
my $id2 = (as_person($node, 'alice', "SELECT jit.request('auto')"))[1];
my $approver = session($node, 'carol');
$approver->run("BEGIN; SELECT jit.approve($id2)");
($code, $out, $err) = as_person($node, $postgres, "SELECT jit.drop_policy('auto')");
is($code, 0, 'nor does an approver who does not commit keep a policy from being dropped');

# ---- somebody's open GRANT of one pair does not hold up the other loans ----
sql($node, 'CREATE ROLE second');
sql($node, "SELECT jit.create_policy('second-window', elevates_to => 'second', eligible => '{staff}', approvers => '{leads}')");
my $holder = session($node, $postgres);
$holder->run('BEGIN; GRANT owner_of_all TO alice');
request_approved($node, 'alice', '1 min');
request_approved($node, 'bob', '1 min', policy => 'second-window');
wait_for($node, "SELECT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'second'::regrole AND member = 'bob'::regrole)",
    'another pair is lent meanwhile');
$holder->run('ROLLBACK');
wait_for($node, "SELECT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'owner_of_all'::regrole AND member = 'alice'::regrole)",
    'and this one when the transaction is over');
$holder->close;

# ---- nothing waits for ever where everything is invalidated all the time ----
my $storm = session($node, $postgres);
$storm->send_only('DO $$ BEGIN FOR i IN 1 .. 2000 LOOP CREATE SCHEMA storm; DROP SCHEMA storm; COMMIT; END LOOP; END $$');
for (1 .. 20) {
    ($code, $out, $err) = as_person($node, 'dave', 'SELECT 1');
    $code == 0 or last;
}
is($out, '1', 'statements go on while schemas come and go');
$storm->finish;
$storm->close;

# ---- rows that a publisher sends are not what people decided ----
$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4");
$node->restart;
$node->safe_psql('postgres', 'CREATE DATABASE publisher');
$node->safe_psql('publisher', 'CREATE SCHEMA jit; CREATE TABLE jit.approvals (request_id bigint); CREATE TABLE jit.votes (request_id bigint);
    CREATE TABLE public.wares (id int); CREATE PUBLICATION forged FOR TABLE jit.approvals; CREATE PUBLICATION grows FOR TABLE public.wares');
sql($node, 'CREATE TABLE public.wares (id int)');
my $from = "CONNECTION '" . $node->connstr('publisher') =~ s/'/''/gr . "'";
my $unslotted = 'WITH (create_slot = false, slot_name = NONE, enabled = false)';
($code, $out, $err) = as_person($node, $postgres, "CREATE SUBSCRIPTION forged $from PUBLICATION forged $unslotted");
like($err, qr/a subscription cannot write jit\.approvals/, 'a subscription to a table of jit_guard is refused');
($code, $out, $err) = as_person($node, $postgres, "CREATE SUBSCRIPTION honest $from PUBLICATION grows $unslotted");
is($code, 0, 'one to another table is not') or diag($err);
sql($node, "ALTER SUBSCRIPTION honest SET (slot_name = 'none_such')");
sql($node, 'ALTER SUBSCRIPTION honest ENABLE');
$node->safe_psql('publisher', 'ALTER PUBLICATION grows ADD TABLE jit.votes');
($code, $out, $err) = as_person($node, $postgres, 'ALTER SUBSCRIPTION honest REFRESH PUBLICATION WITH (copy_data = false)');
like($err, qr/a subscription cannot write jit\.votes/, 'nor does one grow to it');
sql($node, $_) for 'ALTER SUBSCRIPTION honest DISABLE', 'ALTER SUBSCRIPTION honest SET (slot_name = NONE)', 'DROP SUBSCRIPTION honest';

done_testing();
