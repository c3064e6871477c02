# Ways around the guards of roles, databases and the server that no command or function says aloud: tables that are files,
# libraries named by a connection, catalogs by other commands than DML, what runs before a check or is kept ready from
# before a policy.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitAttacks ();
use JitCluster;

my $needs = qr/needs a just-in-time approval/;

# root is a superuser with no approval, alice one who may get it.
sub scene {
    my ($node) = @_;
    $node->safe_psql('postgres', 'CREATE DATABASE plain');
    $node->safe_psql('app', 'CREATE ROLE root LOGIN SUPERUSER; ALTER ROLE alice SUPERUSER; CREATE ROLE erin LOGIN');
    $node->safe_psql($_, <<'SQL') for 'app', 'plain';
CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE harmless (l text) SERVER files OPTIONS (filename '/dev/null');
CREATE FOREIGN DATA WRAPPER lax HANDLER file_fdw_handler; CREATE SERVER lax FOREIGN DATA WRAPPER lax;
CREATE FOREIGN DATA WRAPPER later; CREATE SERVER later FOREIGN DATA WRAPPER later;
CREATE FOREIGN TABLE later (l text) SERVER later OPTIONS (filename 'PG_VERSION', format 'csv');
CREATE SEQUENCE made;
CREATE FUNCTION from_elsewhere() RETURNS int LANGUAGE sql SET dynamic_library_path = '/tmp' AS 'SELECT 1';
CREATE FUNCTION make() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    CREATE FUNCTION eve(oid) RETURNS bytea LANGUAGE internal AS 'be_lo_get'; PERFORM nextval('made'); RETURN 1; END $$;
CREATE FUNCTION ready() RETURNS text LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN x := pg_read_file('PG_VERSION'); RETURN x; END $$;
CREATE TABLE fires (a int);
CREATE FUNCTION trig() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN x := pg_read_file('PG_VERSION'); RETURN new; END $$;
CREATE TRIGGER t BEFORE INSERT ON fires FOR EACH ROW EXECUTE FUNCTION trig();
SQL
    return;
}

sub guard { my ($node) = @_; return sql($node, q{SELECT jit.create_policy('power', '{ADMIN}', '{server}', eligible => '{staff}', approvers => '{leads}')}) }
sub open_again { my ($node) = @_; return sql($node, q{SELECT jit.drop_policy('power')}) }

# vector 279: another owner for a guarded database that the command does not name. Its one policy is about the database.
sub reassign {
    my ($node, $db, $options, $seen) = @_;
    $node->safe_psql('app', 'CREATE ROLE had; GRANT CREATE ON DATABASE plain TO had; ALTER DATABASE plain OWNER TO had');
    sql($node, q{SELECT jit.create_policy('plain', '{ALTER DATABASE}', '{database plain}', eligible => '{staff}', approvers => '{leads}')});
    my ($code, $out, $err) = as_person($node, 'root', 'REASSIGN OWNED BY had TO erin', db => $db, options => $options);
    $seen->($err);
    request_approved($node, 'alice', '10 min', policy => 'plain');
    ($code, $out, $err) = as_person($node, 'alice', 'ALTER DATABASE plain OWNER TO had; REASSIGN OWNED BY had TO erin', db => $db);
    is($err, '', "approved in $db");
    sql($node, q{SELECT jit.drop_policy('plain')});
    $node->safe_psql('app', 'ALTER DATABASE plain OWNER TO postgres; DROP OWNED BY had; DROP ROLE had');
    return;
}

# vector 305: privileges on a guarded database, and memberships in a guarded role, that DROP OWNED takes from one that nobody guards.
sub drop_owned {
    my ($node, $db, $options, $seen) = @_;
    $node->safe_psql('app', 'CREATE ROLE had CREATEROLE; CREATE ROLE team; GRANT CREATE ON DATABASE plain TO had; GRANT team TO had WITH ADMIN OPTION; SET ROLE had; GRANT team TO erin');
    sql($node, qq{SELECT jit.create_policy('taken', '{REVOKE}', '{$_}', eligible => '{staff}', approvers => '{leads}')}),
        $seen->($_, (as_person($node, 'root', 'BEGIN; DROP OWNED BY had; ROLLBACK', db => $db, options => $options))[2]),
        sql($node, q{SELECT jit.drop_policy('taken')}) for 'database plain', 'role team';
    sql($node, q{SELECT jit.create_policy('taken', '{REVOKE}', '{database plain, role team}', eligible => '{staff}', approvers => '{leads}')});
    request_approved($node, 'alice', '10 min', policy => 'taken');
    is((as_person($node, 'alice', 'DROP OWNED BY had', db => $db))[2], '', "approved in $db");
    sql($node, q{SELECT jit.drop_policy('taken')});
    $node->safe_psql('app', 'DROP OWNED BY had; DROP ROLE had; DROP ROLE team');
    return;
}

my @ways = (
    ['a file as a table', q{CREATE FOREIGN TABLE eve (l text) SERVER files OPTIONS (filename 'PG_VERSION')}, 'cluster_files'],
    ['a program as a table', q{CREATE FOREIGN TABLE eve (l text) SERVER files OPTIONS (program 'cat PG_VERSION')}, 'cluster_files'],
    ['another file for a table', q{ALTER FOREIGN TABLE harmless OPTIONS (SET filename 'PG_VERSION')}, 'cluster_files'],
    ['by ALTER TABLE', q{ALTER TABLE harmless OPTIONS (DROP filename, ADD program 'cat PG_VERSION')}, 'cluster_files'],
    ['TRUNCATE of a catalog', 'SET LOCAL allow_system_table_mods = on; TRUNCATE pg_db_role_setting', 'cluster_catalogs'],
    ['a rule on a catalog', 'SET LOCAL allow_system_table_mods = on; CREATE RULE r AS ON UPDATE TO pg_database DO ALSO NOTHING', 'cluster_catalogs'],
    ['DDL on a catalog', 'SET LOCAL allow_system_table_mods = on; ALTER TABLE pg_database ADD CONSTRAINT c CHECK (true)', 'cluster_catalogs'],
    # vector 151
    ['a template of C functions that never met', 'CREATE TEXT SEARCH TEMPLATE eve (INIT = dsimple_init, LEXIZE = dsynonym_lexize)', 'cluster_definitions'],
    ['an aggregate of such functions', 'CREATE AGGREGATE eve (anynonarray) (SFUNC = array_agg_transfn, STYPE = internal, FINALFUNC = numeric_avg)', 'cluster_definitions'],
    # vector 300: from 18 on the library of "$libdir/hstore" is looked for there
    ['another folder of libraries', q{SET LOCAL dynamic_library_path = '/tmp'}, 'code_paths'],
    ['the same by a function of the server', q{SELECT set_config('dynamic_library_path', '/tmp', true)}, 'code_paths'],
    ['the same by a view', q{UPDATE pg_settings SET setting = '/tmp' WHERE name = 'dynamic_library_path'}, 'code_paths'],
    ['the same by the clause of a function', 'SELECT from_elsewhere()', 'code_paths'],
    ['code before the check of a catalog', q{UPDATE pg_language SET lanpltrusted = true WHERE lanname = 'internal' RETURNING make()}, 'cluster_catalogs'],
);

# vector 282: somebody who may make wrappers, servers and tables, but reach no files. No validator looks at these wrappers' options.
my @wrappers = (
    ['a handler that comes afterwards', 'ALTER FOREIGN DATA WRAPPER later HANDLER file_fdw_handler; SELECT * FROM later'],
    ['a file as an option of the server', q{CREATE SERVER eve FOREIGN DATA WRAPPER lax OPTIONS (filename 'PG_VERSION'); CREATE FOREIGN TABLE eve (l text) SERVER eve; SELECT * FROM eve}],
    ['a file that the server is given', q{ALTER SERVER lax OPTIONS (filename 'PG_VERSION'); CREATE FOREIGN TABLE eve (l text) SERVER lax; SELECT * FROM eve}],
    ['a program as an option of the wrapper', q{CREATE FOREIGN DATA WRAPPER eve HANDLER file_fdw_handler OPTIONS (program 'cat PG_VERSION'); CREATE SERVER eve FOREIGN DATA WRAPPER eve; CREATE FOREIGN TABLE eve (l text) SERVER eve; SELECT * FROM eve}],
    ['a program that the wrapper is given', q{ALTER FOREIGN DATA WRAPPER lax OPTIONS (program 'cat PG_VERSION'); CREATE FOREIGN TABLE eve (l text) SERVER lax; SELECT * FROM eve}],
);
my $files = q{SELECT jit.create_policy('files', '{COPY FILE, COPY PROGRAM}', '{server}', eligible => '{staff}', approvers => '{leads}')};
# vector 301: the first from 18 on, the second where the server is Debian's
my $bindir = `$ENV{PG_CONFIG} --bindir` =~ s/\n//r;
my $settings = `"$bindir/postgres" --describe-config`;
push @ways, ["extensions from another folder by $_", "SET LOCAL $_ = '/tmp'", 'code_paths'] for grep { $settings =~ /^$_\t/m } 'extension_control_path', 'extension_destdir';

# The names and values of `options` as libpq sends them.
my @options = ('-c session_preload_libraries=auto_explain', '--session-preload-libraries=auto_explain',
    '-c Session_Preload_Libraries=auto_explain', '-cse\ssion_preload_libraries=auto_explain', '-c dynamic_library_path=/tmp', '-c extension_control_path=/tmp',
    '-c extension_destdir=/tmp');

if (defined(my $tree = JitAttacks::_switch_tree())) {
    my $open = new_cluster('ways_open', undef, install_path => $tree);
    scene($open);
    guard($open);
    for my $way (@ways) {
        my ($what, $statement, $switch) = @$way;
        my $session = session($open, 'root', db => 'plain', options => "-c jit_guard.test_off=$switch");
        my ($out, $err) = $session->run("BEGIN; $statement; ROLLBACK");
        unlike($err, qr/ERROR/, "$switch: $what gets through without it") or diag($err);
        $session->close;
    }
    open_again($open);
    reassign($open, 'app', '-c jit_guard.test_off=reassigned', sub { my ($err) = @_; is($err, '', 'reassigned: a database gets another owner without it') });
    drop_owned($open, 'app', '-c jit_guard.test_off=owned_privileges', sub { my ($what, $err) = @_; is($err, '', "owned_privileges: DROP OWNED takes what was given on $what without it") });
    sql($open, $files);
    for my $way (@wrappers) {
        my $session = session($open, 'root', db => 'plain', options => '-c jit_guard.test_off=cluster_wrappers');
        my ($out, $err) = $session->run("BEGIN; $way->[1]; ROLLBACK");
        like($out, qr/^\d\d$/, "cluster_wrappers: $way->[0] gets through without it") or diag($err);
        $session->close;
    }
    sql($open, q{SELECT jit.drop_policy('files')});
    my $session = session($open, 'root', db => 'plain', options => '-c jit_guard.test_off=ready_expressions');
    $session->run('BEGIN; SELECT ready(); INSERT INTO fires VALUES (1)');
    guard($open);
    my ($out, $err) = $session->run('SELECT length(ready()) > 0');
    is("$out$err", 't', 'ready_expressions: what was ready before the policy runs without it');
    $session->close;
    $open->append_conf('postgresql.conf', "jit_guard.test_off = 'startup_libraries'");
    $open->reload;
    sleep 0.2;
    is((as_person($open, 'root', 'SELECT 1', db => 'plain', options => $options[0]))[0], 0, 'startup_libraries: libraries are loaded without it');
    $open->stop;
}

my $node = new_cluster('ways');
scene($node);
guard($node);
for my $db ('app', 'plain') {
    my $session = session($node, 'root', db => $db);
    for my $way (@ways) {
        my ($out, $err) = $session->run('BEGIN');
        ($out, $err) = $session->run($way->[1]);
        like($err, $needs, "$way->[0] in $db");
        $session->run('ROLLBACK');
    }
    is(($session->run('SELECT is_called FROM made'))[0], 'f', 'nothing ran before the check');
    is(join('', $session->run(q{SELECT set_config('dynamic_library_path', current_setting('dynamic_library_path'), true)})), '$libdir', 'what is set already may be set');
    is(join('', $session->run('RESET dynamic_library_path; SET search_path = public; SELECT 1')), '1', 'or reset, and so may others');
    is(($session->run('SELECT count(*) FROM harmless'))[0], '0', 'a table that is there can be read');
    $session->close;
    refused($node, 'root', 'SELECT 1', qr/LOAD on the server $needs/, "libraries by the options '$_' in $db", db => $db, options => $_) for @options;
    refused($node, 'root', q{ALTER DATABASE plain SET session_preload_libraries = 'auto_explain'}, $needs, 'libraries for a database', db => $db);
    is((as_person($node, 'root', 'SELECT 1', db => $db, options => '-c work_mem=8MB'))[0], 0, 'other options are let in');
}
open_again($node);
sql($node, q{SELECT jit.create_policy('load', '{LOAD}', '{server}', eligible => '{staff}', approvers => '{leads}')});
refused($node, 'root', q{ALTER ROLE erin SET session_preload_libraries = 'auto_explain'}, qr/LOAD on the server $needs/, 'libraries for a role are LOAD', db => 'plain');
sql($node, q{SELECT jit.drop_policy('load')});

for my $db ('app', 'plain') {
    reassign($node, $db, undef, sub { my ($err) = @_; like($err, qr/ALTER DATABASE on database plain $needs/, "REASSIGN OWNED of a database in $db") });
    # Before 16 nobody's memberships hang on who gave them.
    drop_owned($node, $db, undef, sub { my ($what, $err) = @_; like($err, $what =~ /^role/ && $node->pg_version < 16 ? qr/^$/ : qr/REVOKE on $what $needs/, "DROP OWNED in $db takes what was given on $what") });
}
# ---- wrappers ----
sql($node, $files);
for my $db ('app', 'plain') {
    my $session = session($node, 'root', db => $db);
    for my $way (@wrappers) {
        my ($out, $err) = $session->run("BEGIN; $way->[1]");
        like($err, qr/COPY (?:FILE|PROGRAM) on the server $needs/, "$way->[0] in $db");
        unlike($out, qr/\d/, 'and shows nothing');
        $session->run('ROLLBACK');
    }
    my ($out, $err) = $session->run('BEGIN; CREATE FOREIGN DATA WRAPPER eve; ALTER FOREIGN DATA WRAPPER eve NO HANDLER; CREATE SERVER eve FOREIGN DATA WRAPPER eve OPTIONS (filename $$x$$); ROLLBACK');
    unlike($err, $needs, 'what is no file needs no approval');
    $session->close;
}
request_approved($node, 'alice', '10 min', policy => 'files');
{
    my $session = session($node, 'alice', db => 'plain');
    for my $way (@wrappers) {
        my ($out, $err) = $session->run("BEGIN; $way->[1]; ROLLBACK");
        like($out, qr/^\d+$/m, "approved: $way->[0]") or diag($err);
    }
    $session->close;
}
sql($node, q{SELECT jit.drop_policy('files')});

# ---- a transaction that began before the policy ----
for my $db ('app', 'plain') {
    for my $run ('SELECT ready()', 'INSERT INTO fires VALUES (1)') {
        my $session = session($node, 'root', db => $db);
        my ($out, $err) = $session->run("BEGIN; $run");
        unlike($err, qr/ERROR/, "before the policy in $db: $run");
        guard($node);
        ($out, $err) = $session->run($run);
        like($err, $needs, 'in the same transaction it is refused once there is a policy');
        open_again($node);
        $session->close;
    }
}

# ---- the twins: with an approval all of it is possible ----
guard($node);
my $id = request_approved($node, 'alice', '10 min', policy => 'power');
for my $db ('app', 'plain') {
    my $session = session($node, 'alice', db => $db);
    for my $way (@ways) {
        my ($out, $err) = $session->run("BEGIN; $way->[1]; ROLLBACK");
        unlike($err, qr/ERROR/, "approved: $way->[0] in $db") or diag($err);
    }
    $session->close;
    is((as_person($node, 'alice', 'SELECT 1', db => $db, options => $options[0]))[0], 0, "approved: libraries by options in $db");
}
like(slurp_file($node->logfile), qr/connection of "alice" names libraries to load under approval $id/, 'which is in the log');

unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal (?!9)/, 'nothing crashed');
$node->stop;
done_testing();
