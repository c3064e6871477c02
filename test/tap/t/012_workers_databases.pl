# Databases come, go, are renamed and copied while a keeper is connected to them.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;

my $node = new_cluster('databases', "log_min_messages = info");
my $postgres = $node->safe_psql('app', 'SELECT current_user');
my $keepers = "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = '%s'";

sub keeper_in { my ($db) = @_; return sprintf($keepers, $db); }

# Must work at the first attempt: nobody but our workers is connected.
sub works {
    my ($sql, $test) = @_;
    my ($code, $out, $err) = as_person($node, $postgres, $sql, db => 'postgres');
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is($code, 0, $test) || diag($err);
}

sub guarded_database {
    my ($db) = @_;
    works("CREATE DATABASE $db", "CREATE DATABASE $db");
    $node->safe_psql($db, 'CREATE TABLE t (v int); INSERT INTO t VALUES (1); CREATE EXTENSION jit_guard');
    $node->safe_psql($db, q{SELECT jit.create_policy('t', actions => '{SELECT}', objects => '{public.t}', eligible => '{staff}', approvers => '{leads}')});
    $node->poll_query_until('postgres', keeper_in($db)) or die "no keeper in $db";
    return;
}

guarded_database('one');
refused($node, $postgres, 'SELECT * FROM t', qr/needs a just-in-time approval/, 'the second database is guarded', db => 'one');
refused($node, $postgres, q{SELECT jit.create_policy('x', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')}, qr/control/, 'but cannot lend roles', db => 'one');

# ---- the keeper of any database times requests out ----
my ($code, $id) = as_person($node, $postgres,
    q{SELECT jit.create_policy('short', actions => '{UPDATE}', objects => '{public.t}', eligible => '{staff}', approvers => '{leads}', pending_timeout => '1 s')},
    db => 'one');
is($code, 0, 'a policy with a short pending_timeout');
($code, $id) = as_person($node, 'alice', q{SELECT jit.request('short', '1 min', reason => 'x')}, db => 'one');
wait_for($node, "SELECT state = 'timed_out' FROM jit.requests WHERE request_id = $id", 'its keeper times a request out', 'one');
is($node->safe_psql('one', "SELECT count(*) FROM jit.events WHERE request_id = $id AND event = 'timed_out' AND actor = 'keeper'"), '1', 'with an event');

# ---- RENAME ----
works('ALTER DATABASE one RENAME TO uno', 'RENAME with a keeper connected');
wait_for($node, keeper_in('uno'), 'the keeper comes back under the new name');

# ---- TEMPLATE ----
works('CREATE DATABASE copy TEMPLATE uno', 'TEMPLATE use with a keeper connected');
wait_for($node, keeper_in('uno'), 'the keeper comes back');
refused($node, $postgres, 'SELECT * FROM t', qr/rebind|bound/, 'the copy is closed until jit.rebind()', db => 'copy');
refused($node, 'alice', q{SELECT jit.request('t', '1 min', reason => 'x')}, qr/rebind|bound/, 'and takes no requests', db => 'copy');
$node->safe_psql('copy', 'SELECT * FROM jit.rebind()');
refused($node, $postgres, 'SELECT * FROM t', qr/needs a just-in-time approval/, 'after jit.rebind() it is guarded again', db => 'copy');
($code, $id) = as_person($node, 'alice', q{SELECT jit.request('short', '1 min', reason => 'x')}, db => 'copy');
wait_for($node, "SELECT state = 'timed_out' FROM jit.requests WHERE request_id = $id", 'and its keeper works', 'copy');

# ---- SET TABLESPACE, ALLOW_CONNECTIONS ----
my $space = PostgreSQL::Test::Utils::tempdir();
works("CREATE TABLESPACE space LOCATION '$space'", 'a tablespace');
works('ALTER DATABASE copy SET TABLESPACE space', 'SET TABLESPACE with a keeper connected');
wait_for($node, keeper_in('copy'), 'the keeper comes back');
works('ALTER DATABASE copy ALLOW_CONNECTIONS false', 'no connections');
kill 'TERM', worker_pid($node, 'keeper', 'copy');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'copy'", 'its keeper is gone', 'postgres');
wait_for($node, keeper_in('copy'), 'and comes back although nobody may connect', 'postgres');

# ---- a failed DROP brings the keeper back ----
works('ALTER DATABASE copy ALLOW_CONNECTIONS true', 'connections again');
my $guest = session($node, $postgres, db => 'copy');
$guest->run('SELECT 1');
refused($node, $postgres, 'DROP DATABASE copy', qr/is being accessed by other users/, 'DROP with somebody connected', db => 'postgres');
wait_for($node, keeper_in('copy'), 'the keeper comes back after a failed DROP');
$guest->close;
wait_for($node, "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'copy'", 'the guest has left', 'postgres');

# ---- DROP ----
works('DROP DATABASE copy', 'DROP with a keeper connected');
$node->safe_psql('postgres', 'DROP TABLESPACE space');

# ---- DROP EXTENSION stops the keeper; CREATE EXTENSION brings it back ----
$node->safe_psql('uno', 'DROP EXTENSION jit_guard CASCADE');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'uno'", 'DROP EXTENSION stops the keeper', 'postgres');
$node->safe_psql('uno', 'BEGIN; CREATE EXTENSION jit_guard; ROLLBACK');
sleep 0.5;
is(worker_pid($node, 'keeper', 'uno'), '', 'a CREATE EXTENSION that is rolled back starts nothing');
$node->safe_psql('uno', 'CREATE EXTENSION jit_guard');
wait_for($node, keeper_in('uno'), 'CREATE EXTENSION starts the keeper');
works('DROP DATABASE uno', 'and the database can be dropped');

# ---- databases without the extension are left alone ----
works('CREATE DATABASE plain', 'a plain database');
works('CREATE DATABASE plain2 TEMPLATE plain', 'copied');
works('DROP DATABASE plain2', 'dropped');
my $log = slurp_file($node->logfile);
unlike($log, qr/FATAL:  database .* does not exist/, 'no keeper was sent to a database that is gone');

# ---- the control database, while a loan lives ----
$id = lend($node, 'alice', '1 min');
refused($node, $postgres, 'DROP EXTENSION jit_guard CASCADE', qr/cannot drop extension jit_guard while role memberships are lent/, 'DROP EXTENSION with a loan alive');
refused($node, $postgres, 'DROP DATABASE app', qr/cannot drop the control database while role memberships are lent/, 'DROP DATABASE with a loan alive', db => 'postgres');
sql($node, "SELECT jit.revoke($id)");
wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole)", 'the loan is over');
works('ALTER DATABASE app RENAME TO app2', 'the control database can be renamed');
works('ALTER DATABASE app2 RENAME TO app', 'and back');
wait_for($node, "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'app' AND backend_type LIKE 'jit_guard %'", 'keeper and lender are back');
lend($node, 'alice', '1 s');
wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole)", 'and work');

# The order that matters after a rename: the keeper is back and takes itself for the control database's until it has looked,
# and meanwhile something is to be published. Then it is the launcher's turn, and it has to be told.
kill 'STOP', my $launcher = worker_pid($node, 'launcher');
works('ALTER DATABASE app RENAME TO app2', 'renamed while the launcher does nothing');
my $holder = session($node, $postgres, db => 'app2');
$holder->run('BEGIN; LOCK TABLE pg_catalog.pg_extension IN ACCESS EXCLUSIVE MODE');
kill 'CONT', $launcher;
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app2' AND wait_event_type = 'Lock'}, 'its keeper cannot look yet', 'postgres');
works('DROP DATABASE IF EXISTS app', 'something is to be published');
$holder->run('ROLLBACK');
$holder->close;
is((as_person($node, $postgres, "SET statement_timeout = '8s'; CREATE ROLE eve; DROP ROLE eve", db => 'plain'))[0], 0, 'the other databases learn that there is no control database');
works('ALTER DATABASE app2 RENAME TO app', 'and back');
wait_for($node, "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = 'app' AND backend_type LIKE 'jit_guard %'", 'keeper and lender are back');
sql($node, 'DROP EXTENSION jit_guard CASCADE');
wait_for($node, "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'app' AND backend_type LIKE 'jit_guard %'", 'DROP EXTENSION stops keeper and lender', 'postgres');
works('DROP DATABASE app', 'DROP DATABASE without the extension');

# ---- worker slots are short: said in the log ----
$node->append_conf('postgresql.conf', "max_worker_processes = 2\nmax_logical_replication_workers = 0");
works('CREATE DATABASE app', 'the control database again');
works('CREATE DATABASE two', 'and another one');
$node->restart;
my $said = $node->safe_psql('app', 'CREATE EXTENSION jit_guard');
my ($c, $o, $e) = as_person($node, $postgres, 'CREATE EXTENSION jit_guard', db => 'two');
is($c, 0, 'CREATE EXTENSION works when worker slots are short') or diag($e);
like($e, qr/WARNING/, 'with a WARNING');
my $offset = 0;
ok($node->wait_for_log(qr/jit_guard has no worker slot for its workers/, $offset), 'and one in the log') if $node->can('wait_for_log');

$node->stop;
done_testing();
