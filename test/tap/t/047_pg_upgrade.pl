# pg_upgrade: no workers and no gate while it runs; afterwards what policies name is closed until jit.rebind().
# JIT_OLD_BINDIR names the programs of an older server that has jit_guard too; without it a cluster goes into a new one of
# the same version, which takes the same way.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

chomp(my $bindir = `pg_config --bindir`);
my $old_bindir = $ENV{JIT_OLD_BINDIR} // $bindir;
(my $install_path = $old_bindir) =~ s{/bin/?$}{};

my $conf = <<'CONF';
shared_preload_libraries = 'jit_guard'
jit_guard.control_database = 'app'
timezone = 'UTC'
fsync = off
wal_level = replica
CONF
my $old = PostgreSQL::Test::Cluster->new('old', $old_bindir eq $bindir ? () : (install_path => $install_path));
my @initdb = ('--no-locale', '--encoding=UTF8');
$old->init(extra => \@initdb);
$old->append_conf('postgresql.conf', $conf);
$old->start;
note($old->safe_psql('postgres', 'SELECT version()'));
$old->safe_psql('postgres', 'CREATE DATABASE app');
$old->safe_psql('app', <<'SQL');
CREATE ROLE staff; CREATE ROLE leads; CREATE ROLE alice LOGIN IN ROLE staff; CREATE ROLE carol LOGIN IN ROLE leads; CREATE ROLE trusted LOGIN;
CREATE ROLE dba;
CREATE TABLE secret (v int, w int); INSERT INTO secret VALUES (42, 1); CREATE TABLE free (v int);
GRANT ALL ON secret, free TO staff, trusted;
CREATE EXTENSION jit_guard;
SELECT jit.create_policy('column', '{READ}', '{public.secret(v)}', eligible => '{staff}', approvers => '{leads}');
SELECT jit.create_policy('writes', '{WRITE}', '{public.secret}', eligible => '{staff}', approvers => '{leads}', exempt => '{trusted}');
SELECT jit.create_policy('window', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}');
SQL
my $postgres = $old->safe_psql('app', 'SELECT current_user');
my $id = request_approved($old, 'alice', '1 hour', policy => 'column');
is($old->safe_psql('app', 'SELECT count(*) FROM jit.approvals'), '1', 'the old cluster holds an approval');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => \@initdb);
$new->append_conf('postgresql.conf', $conf);
my $work = PostgreSQL::Test::Utils::tempdir();
chdir $work or die $!;
my ($out, $err) = ('', '');
my $done = IPC::Run::run(["$bindir/pg_upgrade", '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old_bindir, '-B', $bindir,
    '-s', $new->host, '-p', $old->port, '-P', $new->port], '>', \$out, '2>', \$err);
ok($done, 'pg_upgrade works with the library preloaded in both') or diag("$out\n$err");

$new->start;
note($new->safe_psql('postgres', 'SELECT version()'));
refused($new, 'alice', 'SELECT v FROM secret', qr/rebind|bound/, 'closed to who had an approval');
refused($new, $postgres, 'SELECT v FROM secret', qr/rebind|bound/, 'closed to a superuser');
refused($new, 'alice', q{SELECT jit.request('column', '1 min', reason => 'x')}, qr/rebind/, 'nothing can be asked');
my ($code) = as_person($new, 'alice', 'SELECT v FROM free');
is($code, 0, 'what is not guarded is open');
($code, my $report, $err) = as_person($new, $postgres, 'SELECT * FROM jit.rebind()');
is($code, 0, 'bound again') or diag($err);
unlike($report, qr/missing/, 'everything was found');
refused($new, 'alice', 'SELECT v FROM secret', qr/needs a just-in-time approval/, 'the approval did not come along');
refused($new, 'alice', 'UPDATE secret SET w = 2', qr/needs a just-in-time approval/, 'writing is guarded');
($code) = as_person($new, 'alice', 'SELECT w FROM secret');
is($code, 0, 'the other column is not');
($code) = as_person($new, 'trusted', 'UPDATE secret SET w = 2');
is($code, 0, 'who was exempt is');
is($new->safe_psql('app', "SELECT state || ' ' || end_reason FROM jit.requests WHERE request_id = $id"), 'ended revoked', 'history says so');
request_approved($new, 'alice', '10 min', policy => 'column');
(undef, $out) = as_person($new, 'alice', 'SELECT v FROM secret');
is($out, '42', 'a new approval opens');
lend($new, 'alice', '1 min', policy => 'window');
$new->stop;
done_testing();
