# Ways that are no statement of a client, or not only: extension scripts, replication connections that run SQL, slots,
# subscriptions; and what holds when the library, the schema or the workers are not what they should be.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitAttacks ();
use JitClient;
use JitCluster;

my $needs = qr/needs a just-in-time approval/;
my $conf = "wal_level = logical\nmax_wal_senders = 6\nmax_replication_slots = 6\nmax_worker_processes = 16";
my $gate = 'planner,executor_start,check_perms';
my ($sharedir, $made) = ('', 0);
chomp($sharedir = `$ENV{PG_CONFIG} --sharedir`);
$sharedir =~ s{^\Q$ENV{JIT_WORK}/tree\E}{};

# root is a superuser whom no policy lets, officer one who is exempt from both, guest one who may replicate and not read.
sub scene {
    my ($node, $tree) = @_;
    $node->safe_psql('postgres', 'CREATE DATABASE publisher');
    $node->safe_psql('publisher', q{CREATE TABLE wares (id int, v text); CREATE TABLE plain (id int); CREATE PUBLICATION wares FOR TABLE wares; CREATE PUBLICATION plain FOR TABLE plain; CREATE TABLE parted (id int); CREATE PUBLICATION parted FOR TABLE parted});
    sql($node, <<'SQL');
CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE officer LOGIN SUPERUSER; CREATE ROLE guest LOGIN SUPERUSER; CREATE ROLE eve LOGIN; CREATE ROLE rw; CREATE ROLE readers;
CREATE TABLE wares (id int, v text); INSERT INTO wares VALUES (1, 'MARKER'); CREATE TABLE plain (id int);
CREATE TABLE parted (id int) PARTITION BY LIST (id); CREATE TABLE parted_guarded PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE lent (v text); INSERT INTO lent VALUES ('MARKER'); GRANT SELECT ON lent TO rw;
CREATE TABLE shared (v text); INSERT INTO shared VALUES ('MARKER'); GRANT SELECT ON shared TO readers;
CREATE TABLE own (v text); INSERT INTO own VALUES ('MARKER'); GRANT SELECT ON own TO alice;
SELECT jit.create_policy('data', '{ALL}', '{public.wares}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer}');
SELECT jit.create_policy('parts', '{DELETE}', '{public.parted_guarded}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer}');
SELECT jit.create_policy('copies', '{REPLICATION}', '{server}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer, guest}');
SELECT jit.create_policy('lent', '{ALL}', '{public.lent}', lends => 'rw', eligible => '{staff}', approvals => 0, require_reason => false);
SELECT jit.create_policy('own', '{ALL}', '{public.own}', eligible => '{staff}', approvals => 0, require_reason => false);
SQL
    for my $part (['thief.control', "default_version = '1'\nrelocatable = false\n"],
        ['thief--1.sql', "CREATE TABLE public.stolen AS SELECT * FROM public.wares;\n"]) {
        append_to_file("$tree$sharedir/extension/$part->[0]", $part->[1]);
    }
    return;
}
sub without_extension { my ($tree) = @_; unlink map { "$tree$sharedir/extension/$_" } 'thief.control', 'thief--1.sql'; return }

# A statement or command over a replication connection.
sub over_replication {
    my ($node, $person, $sql, $options) = @_;
    local $ENV{PGOPTIONS} = $options // '';
    my ($out, $err) = ('', '');
    IPC::Run::run(['psql', '-XAt', '-d', $node->connstr('app') . " user=$person replication=database", '-c', $sql], '>', \$out, '2>', \$err);
    return ($out, $err);
}

# vector 119: in an open transaction what is planned takes no lock, and the server itself would hear of no REVOKE. Returns
# what the second Execute answers, after one has been committed.
sub after_revoke {
    my ($node, %how) = @_;
    sql($node, 'GRANT readers TO eve');
    my $eve = JitClient->new($node, 'eve', %how);
    $eve->query('SET plan_cache_mode = force_generic_plan');
    $eve->parse('p', 'SELECT v FROM shared')->sync->finish;
    $eve->query('BEGIN');
    is($eve->bind('', 'p')->execute('')->sync->finish->{rows}[0][0], 'MARKER', 'before the REVOKE it is read');
    sql($node, 'REVOKE readers FROM eve');
    my $answer = $eve->bind('', 'p')->execute('')->sync->finish;
    $eve->close;
    return $answer;
}

sub subscribe { my ($node, $what) = @_; return "CREATE SUBSCRIPTION $what CONNECTION '" . (($node->connstr('publisher') . ' user=officer') =~ s/'/''/gr) . "' PUBLICATION $what WITH (create_slot = false, slot_name = NONE, enabled = false)" }

# ---- each gets through without its check ----
if (defined(my $tree = JitAttacks::_switch_tree())) {
    (my $root = $tree) =~ s{^(\Q$ENV{JIT_WORK}\E/tap/switches).*}{$1};
    my $open = new_cluster('below_open', $conf, install_path => $tree);
    scene($open, $root);
    my ($code, $out, $err) = as_person($open, 'root', 'CREATE EXTENSION thief; TABLE stolen', options => "-c jit_guard.test_off=$gate,export");
    like($out, qr/MARKER/, 'an extension\'s script copies what is guarded') or diag($err);
    ($code, $out, $err) = as_person($open, 'root', subscribe($open, 'wares'), options => '-c jit_guard.test_off=subscriptions');
    is($code, 0, 'a subscription to what is guarded is made') or diag($err);
    ($out, $err) = over_replication($open, 'guest', 'SELECT v FROM wares', "-c jit_guard.test_off=$gate");
    like($out, qr/MARKER/, 'a replication connection reads it') or diag($err);
    ($code, $out, $err) = as_person($open, 'root', q{SELECT slot_name FROM pg_create_logical_replication_slot('eve', 'test_decoding')}, options => '-c jit_guard.test_off=cluster_functions');
    is($out, 'eve', 'a slot is made by a function') or diag($err);
    is(after_revoke($open, options => '-c jit_guard.test_off=accept')->{rows}[0][0], 'MARKER', 'what was revoked is read in an open transaction');
    $open->append_conf('postgresql.conf', "jit_guard.test_off = 'replication'");
    $open->reload;
    sleep 0.3;
    ($out, $err) = over_replication($open, 'root', 'CREATE_REPLICATION_SLOT eve2 TEMPORARY LOGICAL test_decoding EXPORT_SNAPSHOT');
    like($out, qr/^eve2\|/, 'and by the replication protocol') or diag($err);
    $open->stop('immediate');
    without_extension($root);
}

my $node = new_cluster('below', $conf);
scene($node, "$ENV{JIT_WORK}/tree");

# ---- vector 89: what the script of an extension does ----
refused($node, 'root', 'CREATE EXTENSION thief', $needs, 'an extension\'s script is refused');
my ($code, $out, $err) = as_person($node, 'officer', 'CREATE EXTENSION thief; TABLE stolen');
like($out, qr/MARKER/, 'by somebody exempt it works') or diag($err);
without_extension("$ENV{JIT_WORK}/tree");

# ---- vector 94: SQL over a replication connection is SQL ----
($out, $err) = over_replication($node, 'guest', 'SELECT v FROM wares');
like($err, $needs, 'guarded, over a replication connection');
($out, $err) = over_replication($node, 'guest', 'SELECT count(*) FROM plain');
is($out, "0\n", 'what is not guarded can be read') or diag($err);
($out, $err) = over_replication($node, 'officer', 'SELECT v FROM wares');
is($out, "MARKER\n", 'and everything by somebody exempt') or diag($err);

# ---- vector 95, vector 96: slots ----
refused($node, 'root', "SELECT $_", qr/REPLICATION on the server $needs/, "by $_")
    for q{pg_create_logical_replication_slot('s', 'test_decoding')}, q{pg_logical_slot_get_changes('s', NULL, NULL)}, q{pg_logical_slot_peek_binary_changes('s', NULL, NULL)}, q{pg_copy_logical_replication_slot('s', 't')};
is((as_person($node, 'officer', q{SELECT slot_name FROM pg_create_logical_replication_slot('s', 'test_decoding'); SELECT count(*) FROM pg_logical_slot_get_changes('s', NULL, NULL); SELECT pg_drop_replication_slot('s')}))[0], 0, 'somebody exempt may');
for my $command ('CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL test_decoding EXPORT_SNAPSHOT', 'IDENTIFY_SYSTEM') {
    ($out, $err) = over_replication($node, 'root', $command);
    like($err, qr/REPLICATION on the server $needs/, "refused before $command");
    ($out, $err) = over_replication($node, 'officer', $command);
    like($out, qr/\|/, "somebody exempt: $command") or diag($err);
}

# ---- vector 97: rows that a publisher sends ----
refused($node, 'root', subscribe($node, 'wares'), qr/(INSERT|UPDATE|DELETE|TRUNCATE) on public\.wares $needs/, 'a subscription to what is guarded');
is((as_person($node, 'root', subscribe($node, 'plain')))[0], 0, 'one to another table is made');
sql($node, 'ALTER SUBSCRIPTION plain SET (slot_name = $$none_such$$)');
sql($node, 'ALTER SUBSCRIPTION plain ENABLE');
$node->safe_psql('publisher', 'ALTER PUBLICATION plain ADD TABLE wares');
refused($node, 'root', 'ALTER SUBSCRIPTION plain REFRESH PUBLICATION WITH (copy_data = false)', qr/on public\.wares $needs/, 'nor does one grow to it');
is((as_person($node, 'officer', subscribe($node, 'wares')))[0], 0, 'somebody exempt may');
refused($node, 'root', 'ALTER SUBSCRIPTION wares CONNECTION $$dbname=elsewhere$$', qr/on public\.wares $needs/, 'and nobody else points it elsewhere');
refused($node, 'root', subscribe($node, 'parted'), qr/DELETE on public\.parted_guarded $needs/, 'one to a table of which a partition is guarded');
is((as_person($node, 'officer', subscribe($node, 'parted')))[0], 0, 'somebody exempt may');
as_person($node, 'officer', 'DROP SUBSCRIPTION parted');
sql($node, $_) for 'ALTER SUBSCRIPTION plain DISABLE', 'ALTER SUBSCRIPTION plain SET (slot_name = NONE)', 'DROP SUBSCRIPTION plain';
as_person($node, 'officer', 'DROP SUBSCRIPTION wares');

like(after_revoke($node)->{error}{M} // 'read', qr/permission denied for table shared/, 'a REVOKE is heard in an open transaction');

# ---- vector 106: a schema that was there before ----
$node->safe_psql('postgres', 'CREATE DATABASE taken; GRANT CREATE ON DATABASE taken TO eve');
as_person($node, 'eve', 'CREATE SCHEMA jit; CREATE TABLE jit.policies (policy_id int)', db => 'taken');
refused($node, 'root', 'CREATE EXTENSION jit_guard', qr/schema "jit" already exists/, 'the extension does not move into somebody\'s schema', db => 'taken');
as_person($node, 'eve', 'DROP SCHEMA jit CASCADE', db => 'taken');
is((as_person($node, 'root', 'CREATE EXTENSION jit_guard', db => 'taken'))[0], 0, 'without one it is made');
refused($node, 'eve', 'ALTER SCHEMA jit RENAME TO gone', qr/must be owner|needs|cannot/, 'and its schema is not renamed', db => 'taken');
refused($node, 'root', 'ALTER SCHEMA jit RENAME TO gone', qr/schema jit of jit_guard cannot be renamed/, 'by a superuser neither', db => 'taken');

# ---- vector 107: signals to the workers ----
sql($node, 'GRANT pg_signal_backend TO eve');
for my $worker (worker_pid($node, 'launcher'), worker_pid($node, 'keeper', 'app'), worker_pid($node, 'lender')) {
    for my $signal ('pg_terminate_backend', 'pg_cancel_backend') {
        refused($node, 'eve', "SELECT $signal($worker)", qr/must be a superuser|permission denied|Only roles with the .*SUPERUSER/, "$signal of a worker");
    }
}
my $sleeper = session($node, 'alice');
is((as_person($node, 'eve', 'SELECT pg_cancel_backend(' . $sleeper->backend_pid . ')'))[1], 't', 'a session of a person without power is another matter');
$sleeper->close;

# ---- vector 104: without the library ----
like((as_person($node, 'alice', q{SELECT jit.request('lent'); SELECT v FROM lent}))[1], qr/MARKER/, 'with the library an approval lends');
refused($node, 'bob', 'SELECT v FROM own', qr/$needs|permission denied/, 'and what people hold themselves wants one');
refused($node, 'alice', 'SELECT v FROM own', $needs, 'also from her');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
refused($node, 'alice', 'SELECT v FROM lent', qr/permission denied for table lent/, 'without the library what is lent stays closed');
is((as_person($node, 'alice', 'SELECT v FROM own'))[1], 'MARKER', 'and what people hold themselves is open, as the README says');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'jit_guard'");
$node->restart;
is((as_person($node, 'alice', 'SELECT v FROM lent'))[1], 'MARKER', 'with it again the approval still holds');
refused($node, 'alice', 'SELECT v FROM own', $needs, 'and the gate is back');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal (?!9)/, 'nothing crashed');
$node->stop;
done_testing();
