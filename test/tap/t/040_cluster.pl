# Roles, databases and the server are guarded from every database of the cluster: with the extension and without it,
# through a restart and a crash, against superusers, and for replication connections.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitAttacks ();
use JitCluster;

my $bootstrap;
my $needs = qr/needs a just-in-time approval/;

# The control database is "app"; "plain" has no extension. alice and root are superusers, officer is exempt, bob may only
# create roles.
sub scene {
    my ($node) = @_;
    $bootstrap = $node->safe_psql('postgres', 'SELECT current_user');
    $node->safe_psql('postgres', 'CREATE DATABASE plain');
    $node->safe_psql('app', <<'SQL');
CREATE ROLE root LOGIN SUPERUSER; CREATE ROLE officer LOGIN SUPERUSER; ALTER ROLE alice SUPERUSER; ALTER ROLE bob CREATEROLE;
CREATE ROLE payroll; CREATE ROLE open_role; CREATE ROLE erin LOGIN; GRANT payroll TO bob WITH ADMIN OPTION;
SQL
    $node->safe_psql('app', $_) for (
        q{SELECT jit.create_policy('payroll', '{ALL}', '{role payroll}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer}')},
        q{SELECT jit.create_policy('power', '{ADMIN}', '{server}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer}')},
    );
    return;
}

# vector 90, vector 99, vector 100, vector 101, vector 102 and, below, vector 93
# [what, who, statement]: each is refused in both databases.
my @attacks = (
    # vector 69
    ['GRANT', 'root', 'GRANT payroll TO erin'],
    ['GRANT by its administrator', 'bob', 'GRANT payroll TO erin'],
    ['ALTER GROUP', 'root', 'ALTER GROUP payroll ADD USER erin'],
    ['REVOKE', 'root', 'REVOKE payroll FROM bob'],
    ['a role made as a member', 'root', 'CREATE ROLE eve IN ROLE payroll'],
    ['a password', 'root', q{ALTER ROLE payroll PASSWORD 'x'}],
    ['a setting of the role', 'root', 'ALTER ROLE payroll SET search_path = evil'],
    ['renaming', 'root', 'ALTER ROLE payroll RENAME TO other'],
    ['dropping', 'root', 'DROP ROLE payroll'],
    ['a comment', 'root', q{COMMENT ON ROLE payroll IS 'x'}],
    ['REASSIGN OWNED to it', 'root', 'REASSIGN OWNED BY erin TO payroll'],
    ['DROP OWNED', 'root', 'DROP OWNED BY payroll'],
    ['default privileges', 'root', 'ALTER DEFAULT PRIVILEGES FOR ROLE payroll GRANT SELECT ON TABLES TO erin'],
    # Its columns differ between versions.
    ['pg_auth_members by hand', 'root', q{INSERT INTO pg_auth_members SELECT * FROM jsonb_populate_record(NULL::pg_auth_members, jsonb_build_object(
        'oid', 987654, 'roleid', 'payroll'::regrole::oid, 'member', 'erin'::regrole::oid, 'grantor', 10, 'admin_option', false, 'inherit_option', true, 'set_option', true))}],
    ['pg_authid by hand', 'root', q{UPDATE pg_authid SET rolsuper = true WHERE rolname = 'erin'}],
    ['in a DO block', 'root', 'DO $$ BEGIN GRANT payroll TO erin; END $$'],
    ['by EXECUTE', 'root', q{DO $$ BEGIN EXECUTE 'GRANT payroll TO erin'; END $$}],
    ['CREATE ROLE', 'root', 'CREATE ROLE eve'],
    # vector 68
    ['CREATE DATABASE', 'root', 'CREATE DATABASE copy TEMPLATE app'],
    ['ALTER DATABASE', 'root', 'ALTER DATABASE plain SET work_mem = 64'],
    ['DROP DATABASE', 'root', 'DROP DATABASE template1'],
    ['ALTER SYSTEM', 'root', q{ALTER SYSTEM SET work_mem = '8MB'}],
    ['LOAD', 'root', q{LOAD 'plpgsql'}],
    ['COPY PROGRAM', 'root', q{COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'}],
    ['COPY to a file', 'root', q{COPY (SELECT 1) TO '/tmp/jit_guard_never_written'}],
    ['a file', 'root', q{SELECT pg_read_file('PG_VERSION')}],
    ['a directory', 'root', 'SELECT count(*) FROM pg_ls_waldir()'],
    ['lo_import', 'root', q{SELECT lo_import('/etc/passwd')}],
    ['a file in an expression', 'root', q{SELECT coalesce(NULLIF(pg_stat_file('PG_VERSION')::text, ''), '')}],
    ['a signal', 'root', 'SELECT pg_reload_conf()'],
    ['CHECKPOINT', 'root', 'CHECKPOINT'],
    ['a slot', 'root', q{SELECT pg_create_physical_replication_slot('eve')}],
    ['an origin', 'root', q{SELECT pg_replication_origin_create('eve')}],
    ['a C function', 'root', q{CREATE FUNCTION eve() RETURNS text LANGUAGE internal AS 'pg_read_file_all'}],
    ['pg_proc by hand', 'root', q{UPDATE pg_proc SET prosrc = prosrc WHERE proname = 'pg_read_file'}],
    ['an extension', 'root', 'CREATE EXTENSION hstore'],
    ['a wrapper', 'root', 'CREATE FOREIGN DATA WRAPPER eve'],
    ['a tablespace', 'root', q{CREATE TABLESPACE eve LOCATION '/nowhere'}],
    ['a parameter', 'root', 'GRANT SET ON PARAMETER log_statement TO erin'],
    ['a subscription', 'root', q{CREATE SUBSCRIPTION eve CONNECTION 'dbname=app' PUBLICATION p WITH (connect = false)}],
    ['an event trigger', 'root', 'ALTER EVENT TRIGGER eve DISABLE'],
);

my $conf = "wal_level = replica\nmax_wal_senders = 4\nmax_replication_slots = 4\n\nmax_prepared_transactions = 2";

# ---- with the checks switched off each attack gets through: by the server's own rights, or to an error of its own ----
if (defined(my $tree = JitAttacks::_switch_tree())) {
    my $open = new_cluster('switches', $conf, install_path => $tree);
    scene($open);
    my %session = map { ($_ => session($open, $_, db => 'plain', options => '-c jit_guard.test_off=cluster')) } 'root', 'bob';
    for my $attack (@attacks) {
        my ($what, $who, $statement) = @$attack;
        my $whole = $statement =~ /^(CREATE|ALTER|DROP) (DATABASE|SYSTEM|TABLESPACE)/ ? $statement : "BEGIN; $statement; ROLLBACK";
        my ($out, $err) = $session{$who}->run($whole);
        unlike($err, $needs, "$what is not refused without the check");
        ok($err !~ /ERROR/ || $err =~ /does not exist|template database|could not open extension control file/, 'and happens') or diag($err);
    }
    $_->close for values %session;
    # The finer switches, one hole each.
    for my $hole (
        ['cluster_functions', q{SELECT length(pg_read_file('PG_VERSION')) > 0}],
        ['cluster_catalogs', 'UPDATE pg_authid SET rolcreatedb = true WHERE rolname = \'erin\''],
    ) {
        my ($out, $err) = session($open, 'root', db => 'plain')->run($hole->[1]);
        like($err, $needs, "$hole->[0]: refused");
        ($out, $err) = session($open, 'root', db => 'plain', options => "-c jit_guard.test_off=$hole->[0]")->run($hole->[1]);
        unlike($err, qr/ERROR/, "$hole->[0]: not without it") or diag($err);
    }
    $open->safe_psql('plain', q{SET jit_guard.test_off = 'cluster'; CREATE FUNCTION ride() RETURNS void LANGUAGE plpgsql AS 'BEGIN GRANT payroll TO erin; END'; ALTER FUNCTION ride() OWNER TO erin});
    request_approved($open, 'alice', '10 min', policy => 'payroll');
    my ($code, $out, $err) = as_person($open, 'alice', 'BEGIN; SELECT ride(); ROLLBACK', db => 'plain', options => '-c jit_guard.test_off=cluster_code');
    is($code, 0, "cluster_code: somebody else's function rides on an approval without it") or diag($err);
    $open->append_conf('postgresql.conf', "jit_guard.test_off = 'replication'");
    $open->reload;
    sleep 0.2;
    my $copy = PostgreSQL::Test::Utils::tempdir();
    ok(IPC::Run::run(['pg_basebackup', '-h', $open->host, '-p', $open->port, '-U', 'root', '-c', 'fast', '-X', 'none', '--no-sync', '-D', "$copy/one"], '>', \my $o, '2>', \$err),
        'replication: a base backup is let through without it') or diag($err);
    $open->stop;
} else {
    note('the module with switches was not built, so no attack is seen succeeding');
}

my $node = new_cluster('cluster', $conf);
scene($node);

# One session a person and database: psql starts slowly.
my %sessions = map { my $db = $_; map { ("$_ $db" => session($node, $_, db => $db)) } 'root', 'bob' } 'app', 'plain';
for my $attack (@attacks) {
    my ($what, $who, $statement) = @$attack;
    for my $db ('app', 'plain') {
        # Where it can be asked, jit.check does not say yes to what is refused then.
        my ($said) = $db eq 'plain' ? ('f') : $sessions{"$who $db"}->run("SELECT bool_and(allowed = 'yes') FROM jit.check(\$ask\$$statement\$ask\$)");
        isnt($said, 't', "$what in $db: jit.check does not say yes");
        my ($out, $err) = $sessions{"$who $db"}->run($statement);
        like($err, $needs, "$what in $db");
    }
}
$_->close for values %sessions;
refused($node, 'root', 'GRANT payroll TO erin', qr/In database app: SELECT jit\.request|not among those who may ask/, 'the HINT is about the control database', db => 'plain');
refused($node, 'alice', 'GRANT payroll TO erin', qr/In database app: SELECT jit\.request\('payroll'/, 'the HINT names the control database', db => 'plain');

# ---- the twins: what is not guarded, and who is exempt ----
for my $db ('app', 'plain') {
    my ($code, $out, $err) = as_person($node, 'root', 'GRANT open_role TO erin; REVOKE open_role FROM erin', db => $db);
    is($code, 0, "another role may be granted in $db") or diag($err);
    ($code, $out, $err) = as_person($node, 'officer', "GRANT payroll TO erin; REVOKE payroll FROM erin; SELECT length(pg_read_file('PG_VERSION')) > 0", db => $db);
    is("$code $out", '0 t', "who is exempt may in $db") or diag($err);
}

# ---- an approval, its use in another database, its end ----
my $id = request_approved($node, 'alice', '10 min', policy => 'payroll');
my $held = session($node, 'alice', db => 'plain');
my ($out, $err) = $held->run('GRANT payroll TO erin; REVOKE payroll FROM erin');
unlike($err, qr/ERROR/, 'an approval holds in the other database at once');
($out, $err) = $held->run(q{ALTER SYSTEM SET work_mem = '8MB'});
like($err, $needs, 'and covers no other policy');
$held->run('BEGIN; GRANT payroll TO erin');
as_person($node, 'carol', "SELECT jit.revoke($id, 'test')");
($out, $err) = $held->run('COMMIT');
like($err, qr/approval $id is over/, 'what was written under it is not committed once it is revoked');
($out, $err) = $held->run('GRANT payroll TO erin');
like($err, $needs, 'revoking reaches the other database at once');
is(sql($node, q{SELECT pg_has_role('erin', 'payroll', 'MEMBER')}), 'f', 'nobody became a member');
$id = request_approved($node, 'alice', '1 s', policy => 'payroll');
my $until = time + 1.2;
sleep 0.05 while time < $until;
refused($node, 'alice', 'GRANT payroll TO erin', $needs, 'an approval that is over opens nothing', db => 'plain');
$held->close;

# ---- nobody rides on it ----
$node->safe_psql('plain', q{CREATE FUNCTION ride() RETURNS void LANGUAGE plpgsql AS 'BEGIN GRANT payroll TO erin; END'; ALTER FUNCTION ride() OWNER TO erin});
$id = request_approved($node, 'alice', '10 min', policy => 'payroll');
wait_for($node, q{SELECT value LIKE 'yes%' FROM jit.status WHERE fact = 'cluster scope published'}, 'published');
refused($node, 'alice', 'SELECT ride()', qr/runs inside function ride\(\)/, 'code of somebody else does not use it', db => 'plain');
my ($code, $none, $why) = as_person($node, 'alice', 'DO $$ BEGIN GRANT payroll TO erin; REVOKE payroll FROM erin; END $$', db => 'plain');
is($code, 0, 'code of her own does') or diag($why);
as_person($node, 'alice', "SELECT jit.release($id)");

# ---- a policy takes effect at once, and goes at once ----
sql($node, q{SELECT jit.create_policy('open', '{ALL}', '{role open_role}', eligible => '{staff}', approvers => '{leads}')});
refused($node, 'root', 'GRANT open_role TO erin', $needs, 'a new policy holds in the other database', db => 'plain');
sql($node, q{SELECT jit.drop_policy('open')});
is((as_person($node, 'root', 'GRANT open_role TO erin; REVOKE open_role FROM erin', db => 'plain'))[0], 0, 'and when it is dropped, no longer');
my $open = session($node, $bootstrap);
$open->run(q{BEGIN; SELECT jit.create_policy('open', '{ALL}', '{role open_role}', eligible => '{staff}', approvers => '{leads}')});
is((as_person($node, 'root', 'GRANT open_role TO erin; REVOKE open_role FROM erin', db => 'plain'))[0], 0, 'one that is not committed does not');
$open->run('ROLLBACK');
$open->close;

# ---- names follow, guards go, whatever database it happens in ----
# Nothing else is proposed in this database: what is published is what cannot be prepared.
my @prepared = as_person($node, 'officer', q{BEGIN; ALTER ROLE payroll RENAME TO wages; PREPARE TRANSACTION 'renamed'}, db => 'plain');
like($prepared[2], qr/cannot prepare a transaction that used functions of jit_guard/, 'renaming what a policy names cannot be prepared');
@prepared = as_person($node, 'officer', q{BEGIN; ALTER ROLE open_role RENAME TO opened; PREPARE TRANSACTION 'renamed'}, db => 'plain');
is($prepared[0], 0, 'renaming what none names can') or diag($prepared[2]);
is((as_person($node, 'officer', q{ROLLBACK PREPARED 'renamed'}, db => 'plain'))[0], 0, 'and be rolled back');
as_person($node, 'officer', 'ALTER ROLE payroll RENAME TO wages', db => 'plain');
refused($node, 'root', 'GRANT wages TO erin', qr/GRANT on role wages needs/, 'a role keeps its guard under another name', db => 'plain');
wait_for($node, q{SELECT objects = '{role wages}' FROM jit.policies WHERE name = 'payroll'}, 'and the policy shows that name');
as_person($node, 'officer', 'ALTER ROLE wages RENAME TO payroll', db => 'plain');
wait_for($node, q{SELECT objects = '{role payroll}' FROM jit.policies WHERE name = 'payroll'}, 'back again');
refused($node, 'officer', 'DROP ROLE leads', qr/policies of jit_guard name it/, 'a role that decides cannot be dropped elsewhere', db => 'plain');
as_person($node, 'officer', q{CREATE ROLE brief; SELECT jit.create_policy('brief', '{ALL}', '{role brief, role open_role}', eligible => '{staff}', approvers => '{leads}', exempt => '{officer}')});
is((as_person($node, 'officer', 'DROP ROLE brief', db => 'plain'))[0], 0, 'a guarded role may be dropped by who is exempt');
wait_for($node, q{SELECT objects = '{role open_role}' FROM jit.policies WHERE name = 'brief'}, 'and its guard goes');
sql($node, q{SELECT jit.drop_policy('brief')});

# ---- restart and crash: closed until published, then as before ----
$id = request_approved($node, 'alice', '10 min', policy => 'payroll');
$node->restart;
refused($node, 'root', 'GRANT payroll TO erin', $needs, 'after a restart', db => 'plain');
is((as_person($node, 'alice', 'GRANT payroll TO erin; REVOKE payroll FROM erin', db => 'plain'))[0], 0, 'and the approval still holds');
kill 'KILL', worker_pid($node, 'keeper', 'app');
sleep 0.2;
wait_server($node);
refused($node, 'root', 'GRANT payroll TO erin', $needs, 'after a crash', db => 'plain');
is((as_person($node, 'alice', 'GRANT payroll TO erin; REVOKE payroll FROM erin', db => 'plain'))[0], 0, 'and the approval still holds');

# ---- replication connections ----
my $copy = PostgreSQL::Test::Utils::tempdir();
my $socket = $node->host;
my @basebackup = ('pg_basebackup', '-h', $socket, '-p', $node->port, '-c', 'fast', '-X', 'none', '--no-sync');
sub backup { my ($who, $to) = @_; return IPC::Run::run([@basebackup, '-U', $who, '-D', "$copy/$to"], '>', \my $o, '2>', \$err) }
ok(!backup('root', 'one'), 'a base backup by a superuser is refused');
like($err, qr/REPLICATION on the server needs/, 'and says why');
ok(backup('officer', 'two'), 'one by somebody who is exempt is not') or diag($err);
$id = request_approved($node, 'alice', '10 min', policy => 'power');
ok(backup('alice', 'three'), 'nor one under an approval') or diag($err);
my $slow = IPC::Run::start(['pg_receivewal', '-h', $socket, '-p', $node->port, '-U', 'alice', '-D', $copy, '--no-loop'], '>', \my $received, '2>', \my $said, IPC::Run::timeout(300));
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE usename = 'alice'}, 'pg_receivewal runs under it');
as_person($node, 'carol', "SELECT jit.revoke($id, 'test')");
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_replication WHERE usename = 'alice'}, 'and ends with it');
$slow->finish;
$id = request_approved($node, 'alice', '2 s', policy => 'power');
$slow = IPC::Run::start(['pg_receivewal', '-h', $socket, '-p', $node->port, '-U', 'alice', '-D', $copy, '--no-loop'], '>', \$received, '2>', \$said, IPC::Run::timeout(300));
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE usename = 'alice'}, 'another one');
wait_for($node, q{SELECT count(*) = 0 FROM pg_stat_replication WHERE usename = 'alice'}, 'is ended at the deadline');
$slow->finish;
$node->append_conf('postgresql.conf', "jit_guard.replication_roles = 'root'");
$node->reload;
sleep 0.2;
ok(backup('root', 'four'), 'whom jit_guard.replication_roles names may replicate') or diag($err);
sql($node, q{SELECT jit.drop_policy('power')});
ok(backup('alice', 'five'), 'without a policy everybody may') or diag($err);
$node->append_conf('postgresql.conf', "jit_guard.replication = 'exempt_only'");
$node->reload;
sleep 0.2;
ok(!backup('alice', 'six'), 'unless jit_guard.replication is exempt_only');
like($err, qr/replication_roles/, 'which says so');
ok(backup('root', 'seven'), 'and those named still may') or diag($err);

# ---- the control database keeps its name while it guards something ----
refused($node, 'officer', 'ALTER DATABASE app RENAME TO gone', qr/cannot be dropped or renamed now/, 'renaming the control database', db => 'plain');
refused($node, 'officer', 'DROP DATABASE app', qr/cannot be dropped or renamed now/, 'dropping it', db => 'plain');

# ---- the way back in ----
$node->append_conf('postgresql.conf', 'jit_guard.enabled = off');
$node->restart;
is((as_person($node, 'root', 'GRANT payroll TO erin', db => 'plain'))[0], 0, 'jit_guard.enabled = off');
$node->append_conf('postgresql.conf', 'jit_guard.enabled = on');
$node->restart;
refused($node, 'root', 'REVOKE payroll FROM erin', $needs, 'and on again', db => 'plain');

# ---- nothing published, because the keeper cannot run: closed elsewhere, decided as ever in the control database ----
$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;
refused($node, 'root', "SET statement_timeout = '300ms'; CREATE ROLE eve", qr/statement timeout/, 'before anything is published', db => 'plain');
is($node->safe_psql('plain', q{SELECT count(*) FROM pg_roles WHERE rolname = 'eve'}), '0', 'and it did not happen');
refused($node, 'root', 'GRANT payroll TO alice', $needs, 'the control database reads its own tables');
is((as_person($node, 'root', 'CREATE ROLE eve; DROP ROLE eve'))[0], 0, 'and lets pass what nothing guards');
is(sql($node, q{SELECT value LIKE 'not yet%' FROM jit.status WHERE fact = 'cluster scope published'}), 't', 'jit.status says so');
$node->append_conf('postgresql.conf', 'max_worker_processes = 8');
$node->restart;
is((as_person($node, 'root', 'CREATE ROLE eve; DROP ROLE eve', db => 'plain'))[0], 0, 'with a keeper the other one goes on');

# ---- no room: closed elsewhere, with a warning; the control database goes on ----
$node->append_conf('postgresql.conf', "jit_guard.cluster_memory = '64kB'");
$node->restart;
as_person($node, 'officer', 'DO $$ BEGIN FOR n IN 1 .. 900 LOOP EXECUTE format($q$CREATE ROLE many%s$q$, n); END LOOP; END $$');
sql($node, q{SELECT jit.create_policy('many' || n, '{ALL}', ARRAY['role many' || n], eligible => roles, approvers => '{leads}', exempt => roles)
    FROM (SELECT array_agg(oid::regrole) AS roles FROM pg_roles WHERE rolname LIKE 'many%') r, generate_series(1, 12) n});
wait_for($node, q{SELECT value LIKE 'no: %' FROM jit.status WHERE fact = 'cluster scope published'}, 'too much for jit_guard.cluster_memory');
refused($node, 'root', 'CREATE ROLE eve', qr/CREATE ROLE on the server is closed.*jit_guard\.cluster_memory/s, 'closed in the other database', db => 'plain');
is((as_person($node, 'root', 'CREATE ROLE adam'))[0], 0, 'not in the control database');
like(slurp_file($node->logfile), qr/do not fit jit_guard\.cluster_memory/, 'with a warning in the log');
sql($node, q{SELECT jit.drop_policy('many' || n) FROM generate_series(1, 12) n});
is((as_person($node, 'root', 'DROP ROLE adam', db => 'plain'))[0], 0, 'when there is less, all is well again');

# ---- without the extension, and without the database ----
sql($node, 'DROP EXTENSION jit_guard CASCADE');
is((as_person($node, 'root', 'GRANT payroll TO alice', db => 'plain'))[0], 0, 'DROP EXTENSION opens everything');
$node->restart;
is((as_person($node, 'root', 'CREATE ROLE eve', db => 'plain'))[0], 0, 'a control database without the extension has no policies');
is((as_person($node, 'root', 'DROP DATABASE app', db => 'plain'))[0], 0, 'it can be dropped');
is((as_person($node, 'root', 'CREATE ROLE eve2', db => 'plain'))[0], 0, 'one that does not exist has no policies either');
$node->restart;
is((as_person($node, 'root', 'CREATE DATABASE app', db => 'plain'))[0], 0, 'also after a restart: it can be made');
is((as_person($node, 'root', 'CREATE EXTENSION jit_guard'))[0], 0, 'and given the extension');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal (?!9)/, 'nothing crashed');
$node->stop;
done_testing();
