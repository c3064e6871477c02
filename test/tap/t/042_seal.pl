# Each way in which the owner of the server could lock himself out, and the documented way back (README, "Ways back in").
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $node = PostgreSQL::Test::Cluster->new('seal');
$node->init(extra => ['--no-locale', '--encoding=UTF8']);
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'jit_guard'
jit_guard.control_database = 'app'
timezone = 'UTC'
fsync = off
wal_level = replica
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'SQL');
CREATE ROLE ann LOGIN; CREATE ROLE ben LOGIN; CREATE ROLE zoe LOGIN; CREATE ROLE boss LOGIN; CREATE ROLE tool LOGIN;
CREATE EXTENSION jit_guard;
GRANT jit_admin TO ann, ben;
CREATE SCHEMA pay; CREATE TABLE pay.accounts (v int); INSERT INTO pay.accounts VALUES (42);
GRANT USAGE ON SCHEMA pay TO tool, zoe; GRANT SELECT ON pay.accounts TO tool, zoe;
SELECT jit.create_policy('acc', '{ALL}', '{pay.accounts}', eligible => '{zoe}', approvers => '{boss}', exempt => '{tool}');
SQL

sub asks { my ($who, $sql) = @_; my ($code, $out, $err) = as_person($node, $who, $sql); return $code == 0 ? $out : die $err; }
# With jit_guard switched off for as long as the code runs.
sub switched_off {
    my ($code) = @_;
    $node->append_conf('postgresql.conf', 'jit_guard.enabled = off');
    $node->restart;
    $code->();
    $node->adjust_conf('postgresql.conf', 'jit_guard.enabled', undef);
    $node->restart;
    return;
}
sub superuser_is_refused { my ($sql, $test) = @_; my ($code, $out, $err) = $node->psql('app', $sql); isnt($code, 0, $test) and like($err, qr/just-in-time approval|is closed|for members of jit_admin/, "$test: says why"); return; }

# ---- not sealed: only reports ----
my $offset = -s $node->logfile;
$node->safe_psql('app', "LOAD 'plpgsql'");
$node->safe_psql('app', 'CREATE ROLE temporary IN ROLE boss; DROP ROLE temporary');
my $log = slurp_file($node->logfile, $offset);
like($log, qr/"would_refuse".*"LOAD"/, 'unsealed: LOAD passes and is reported');
like($log, qr/"would_refuse".*"GRANT".*role boss/, 'unsealed: so is a membership in an approver');
$offset = -s $node->logfile;
$node->safe_psql('app', 'CREATE ROLE other; GRANT other TO zoe; DROP ROLE other');
unlike(slurp_file($node->logfile, $offset), qr/"would_refuse"/, 'what nothing rests on is not');

# ---- sealed ----
my ($code, $out, $err);
asks('ann', 'SELECT jit.seal()');
superuser_is_refused("LOAD 'plpgsql'", 'sealed: LOAD by a superuser');
superuser_is_refused('GRANT jit_admin TO postgres', 'sealed: a superuser does not make himself jit_admin');
ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app'}), 'the keeper publishes what the control database guards');
my $elsewhere = 0;
for (1 .. 100) {
    ($code, $out, $err) = $node->psql('postgres', 'BEGIN; GRANT jit_admin TO postgres; ROLLBACK');
    last if $elsewhere = $code != 0 && $err =~ /GRANT on role jit_admin/;
    select undef, undef, undef, 0.1;
}
ok($elsewhere, 'sealed: nor from another database of the cluster') or diag($err);
superuser_is_refused(q{SELECT jit.drop_policy('acc')}, 'sealed: nor drops a policy');
$node->restart;
superuser_is_refused('DROP EXTENSION jit_guard', 'sealed: also after a restart');

# ALTER SYSTEM never sets what switches it off, with an approval neither.
my $id = asks('ann', q{SELECT jit.request('jit_guard', '10 min', reason => 'maintenance')});
asks('ben', "SELECT jit.approve($id)");
($code, $out, $err) = as_person($node, 'ann', 'ALTER SYSTEM SET jit_guard.enabled = off');
isnt($code, 0, 'ALTER SYSTEM SET jit_guard.enabled');
($code, $out, $err) = $node->psql('postgres', 'ALTER SYSTEM SET jit_guard.enabled = off');
like($err, qr/cannot be changed/, 'not even in a database that is not sealed');

# ---- the last jit_admins are gone: nobody can ask or approve ----
switched_off(sub {
    ($code, $out, $err) = $node->psql('app', 'SELECT v FROM pay.accounts');
    is($out, '42', 'switched off: nothing is guarded');
    like($err, qr/WARNING:  jit_guard is switched off/, 'and everybody is told');
    # Its keeper writes that in its first pass; a server that is gone sooner has only its log.
    for (1 .. 600) {
        last if $node->safe_psql('app', q{SELECT EXISTS (SELECT FROM jit.events WHERE event = 'switched_off')}) eq 't';
        select undef, undef, undef, 0.1;
    }
    $node->safe_psql('app', 'REVOKE jit_admin FROM ann, ben');
});
is($node->safe_psql('app', q{SELECT event FROM jit.events WHERE event IN ('switched_off', 'was_disabled') ORDER BY event_id}), "switched_off\nwas_disabled", 'the record shows that it was off')
    if $node->poll_query_until('app', q{SELECT count(*) = 2 FROM jit.events WHERE event IN ('switched_off', 'was_disabled')});
is($node->safe_psql('app', q{SELECT (detail ->> 'until')::timestamptz > (detail ->> 'from')::timestamptz FROM jit.events WHERE event = 'was_disabled'}), 't', 'from when until when');
superuser_is_refused('GRANT jit_admin TO zoe', 'no jit_admin left: nobody can make one');
superuser_is_refused('SELECT jit.seal()', 'and a superuser is none');
superuser_is_refused('SELECT v FROM pay.accounts', 'what is guarded stays closed');
switched_off(sub { $node->safe_psql('app', 'GRANT jit_admin TO ann, ben') });
is(asks('ann', q{SELECT value FROM jit.status WHERE fact = 'sealed'}), 'yes', 'way back: membership given while it was off; still sealed');

# ---- all approvers are gone: two jit_admins name others ----
switched_off(sub { $node->safe_psql('app', 'ALTER ROLE boss NOLOGIN') });
asks('ann', q{SELECT jit.alter_policy('acc', approvers => '{ben}')});
$id = asks('ann', 'SELECT max(request_id) FROM jit.my_requests');
asks('ben', "SELECT jit.approve($id)");
is(asks('ann', q{SELECT approvers FROM jit.policies WHERE name = 'acc'}), '{ben}', 'no approver left: way back through two jit_admins');

# ---- a policy on everything, and nobody exempt: policy calls go on ----
asks('ann', q{SELECT jit.create_policy('all', '{ALL}', '{*.*}', eligible => '{zoe}', approvers => '{ben}')});
superuser_is_refused('CREATE TABLE pay.x AS SELECT v FROM pay.accounts', 'a policy on everything');
asks('ann', q{SELECT jit.drop_policy('all')});
asks('ben', 'SELECT jit.approve(' . asks('ann', 'SELECT max(request_id) FROM jit.my_requests') . ')');
is(asks('ann', q{SELECT count(*) FROM jit.policies WHERE name = 'all'}), '0', 'way back: two jit_admins drop it; jit functions are never guarded');

# ---- the exempt role is gone ----
is(asks('tool', 'SELECT v FROM pay.accounts'), '42', 'an exempt tool works');
superuser_is_refused('DROP ROLE tool', 'an exempt role is not dropped by one person');

# ---- shared preload missing: not guarded, functions say so; on its return sealed as before ----
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
($code, $out, $err) = $node->psql('app', 'SELECT jit.seal()');
isnt($code, 0, 'library not preloaded: functions refuse');
is($node->safe_psql('app', 'SELECT v FROM pay.accounts'), '42', 'library not preloaded: privileges alone decide');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'jit_guard'");
$node->restart;
superuser_is_refused('SELECT v FROM pay.accounts', 'preloaded again: guarded');

# ---- another version of the tables: closed, until a superuser updates or drops ----
switched_off(sub { $node->safe_psql('app', q{UPDATE pg_extension SET extversion = '99' WHERE extname = 'jit_guard'}) });
($code, $out, $err) = $node->psql('app', 'SELECT v FROM pay.accounts');
like($err, qr/is closed.*version/s, 'unknown version: what policies name is closed');
($code, $out, $err) = as_person($node, 'ann', q{SELECT jit.alter_policy('acc', approvals => 1)});
like($err, qr/another version/, 'and nothing is decided');
is($node->safe_psql('app', 'SELECT 1'), '1', 'the rest goes on');
switched_off(sub { $node->safe_psql('app', q{UPDATE pg_extension SET extversion = (SELECT default_version FROM pg_available_extensions WHERE name = 'jit_guard') WHERE extname = 'jit_guard'}) });
is(asks('tool', 'SELECT v FROM pay.accounts'), '42', 'the right version again: decided again');

# ---- a copy of a sealed database is sealed, closed, and bound by a jit_admin only ----
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE app');
($code, $out, $err) = $node->psql('copy', 'SELECT v FROM pay.accounts');
like($err, qr/not bound to this database/, 'a copy is unbound');
($code, $out, $err) = $node->psql('copy', 'SELECT * FROM jit.rebind()');
like($err, qr/for members of jit_admin/, 'a superuser does not bind a sealed copy');
($code, $out, $err) = as_person($node, 'ann', 'SELECT count(*) FROM jit.rebind()', db => 'copy');
isnt($code, 0, 'nor is it bound by less than a bare call');
($code, $out, $err) = as_person($node, 'ann', 'SELECT * FROM jit.rebind()', db => 'copy');
is($code, 0, 'a jit_admin binds it') or diag($err);
($code, $out, $err) = as_person($node, 'ann', q{SELECT value FROM jit.status WHERE fact = 'sealed'}, db => 'copy');
is($out, 'yes', 'and it is sealed');

# ---- the way out of a version that the library does not know, also when sealed: a superuser updates, or drops ----
$node->safe_psql('postgres', 'CREATE DATABASE lost TEMPLATE copy');
as_person($node, 'ann', 'SELECT * FROM jit.rebind()', db => 'lost');
is((as_person($node, 'ann', q{SELECT value FROM jit.status WHERE fact = 'sealed'}, db => 'lost'))[1], 'yes', 'another sealed copy');
($code, $out, $err) = $node->psql('lost', 'DROP EXTENSION jit_guard CASCADE');
like($err, qr/just-in-time approval/, 'of a version that it knows: a superuser does not drop it');
chomp(my $sharedir = `pg_config --sharedir`);
my $new = $node->safe_psql('app', q{SELECT default_version FROM pg_available_extensions WHERE name = 'jit_guard'});
my $path_back = "$sharedir/extension/jit_guard--99--$new.sql"; # what the package of that version would bring
END { unlink $path_back if defined $path_back }
open my $file, '>', $path_back or die "$path_back: $!";
print {$file} "-- nothing to change\n";
close $file or die "$path_back: $!";
my $unknown = sub { switched_off(sub { $node->safe_psql('lost', q{UPDATE pg_extension SET extversion = '99' WHERE extname = 'jit_guard'}) }) };
$unknown->();
($code, $out, $err) = $node->psql('lost', 'SELECT v FROM pay.accounts');
like($err, qr/is closed.*version/s, 'unknown: closed');
($code, $out, $err) = as_person($node, 'ann', 'ALTER EXTENSION jit_guard UPDATE', db => 'lost');
like($err, qr/needs a just-in-time approval/, 'a jit_admin who is no superuser does not update it');
($code, $out, $err) = $node->psql('lost', 'ALTER EXTENSION jit_guard UPDATE');
is($code, 0, 'a superuser does') or diag($err);
($code, $out, $err) = $node->psql('lost', 'SELECT v FROM pay.accounts');
like($err, qr/needs a just-in-time approval/, 'then it is guarded as before');
($code, $out, $err) = as_person($node, 'tool', 'SELECT v FROM pay.accounts', db => 'lost');
is($out, '42', 'and the exempt tool works');
$unknown->();
($code, $out, $err) = as_person($node, 'ann', 'DROP EXTENSION jit_guard', db => 'lost');
like($err, qr/needs a just-in-time approval/, 'nor does a jit_admin drop it');
($code, $out, $err) = $node->psql('lost', 'BEGIN; DROP EXTENSION jit_guard; SELECT v FROM pay.accounts; ROLLBACK');
like($err, qr/transaction block/, 'nobody drops it for a moment only, to look and roll back');
$offset = -s $node->logfile;
($code, $out, $err) = $node->psql('lost', 'DROP EXTENSION jit_guard');
is($code, 0, 'a superuser drops it') or diag($err);
like(slurp_file($node->logfile, $offset), qr/DROP EXTENSION/, 'which is in the log');
is($node->safe_psql('lost', 'SELECT v FROM pay.accounts'), '42', 'and then nothing is guarded there');
unlink $path_back;
$node->safe_psql('postgres', 'DROP DATABASE lost');

# ---- a dump does not carry the seal, and rebind says so ----
my $dump = $node->basedir . '/app.dump';
switched_off(sub {
    $node->command_ok(['pg_dump', '-Fc', '-f', $dump, $node->connstr('app')], 'dumped');
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->command_ok(['pg_restore', '-d', $node->connstr('restored'), $dump], 'restored');
});
($code, $out, $err) = $node->psql('restored', 'SELECT v FROM pay.accounts');
like($err, qr/not bound to this database/, 'a restored one is unbound');
($code, $out, $err) = $node->psql('restored', 'SELECT * FROM jit.rebind()');
like($err, qr/WARNING:  this installation is not sealed/, 'a superuser can bind it: it is not sealed, and says so');
is($node->safe_psql('restored', q{SELECT detail -> 'was_sealed_where_it_comes_from' FROM jit.events WHERE event = 'rebound'}), 'true', 'and so does the record');

# ---- the database with the extension is dropped, or the extension: the cluster goes on ----
switched_off(sub { $node->safe_psql('app', 'DROP EXTENSION jit_guard') });
is($node->safe_psql('app', 'SELECT v FROM pay.accounts'), '42', 'without the extension nothing is guarded there');
$node->safe_psql('postgres', 'DROP DATABASE app');
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the control database is gone: sessions elsewhere go on');

# vector 103
# ---- single-user mode: the gate is on ----
$node->stop;
sub single_user {
    my (@options) = @_;
    my ($in, $out) = ("SELECT v FROM pay.accounts;\n", '');
    IPC::Run::run(['postgres', '--single', '-D', $node->data_dir, @options, 'copy'], '<', \$in, '>&', \$out);
    return $out;
}
like(single_user(), qr/needs a just-in-time approval/, 'single-user mode: guarded');
like(single_user('-c', 'jit_guard.enabled=off'), qr/v = "42"/, 'single-user mode: the way back is the same');
done_testing;
