# jit.check never says yes to what the gate then refuses: before each statement of every script in sql/ it is asked, in that
# session, by that person, about that very statement; then the statement is run.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitScript;

my $src = "$ENV{JIT_WORK}/src";
my $node = PostgreSQL::Test::Cluster->new('truth');
$node->init(extra => ['--no-locale', '--encoding=UTF8', '-U', 'postgres']);
$node->append_conf('postgresql.conf', slurp_file("$src/test/server.conf") . "\njit_guard.control_database = 'regression'\nfsync = off\n");
$node->append_conf('postgresql.conf', "jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE regression');

my $copy = PostgreSQL::Test::Utils::tempdir();
mkdir "$copy/$_" or die "$copy/$_: $!" for 'sql', 'sql/common';
my %statements;
for my $file (glob("$src/sql/*.sql"), glob("$src/sql/common/*.psql")) {
    my ($name) = $file =~ m{/sql/(.+)$};
    (my $script, @{$statements{$name}}) = ask_before($name, slurp_file($file), $copy);
    open my $out, '>', "$copy/sql/$name" or die "$copy/sql/$name: $!";
    print {$out} $script;
    close $out or die "$copy/sql/$name: $!";
}

my %count = (yes => 0, refused => 0, asked => 0);
for my $name (map { /^test:\s*(\S+)/ ? "$1.sql" : () } split /\n/, slurp_file("$src/sql/schedule")) {
    local $ENV{PG_ABS_SRCDIR} = $copy;
    my ($out, $err) = ('', '');
    IPC::Run::run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr('regression') . ' user=postgres', '-f', "$copy/sql/$name"],
        '<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(300));
    my %found = lies_in($out, %statements);
    $count{$_} += $found{$_} for qw(asked yes refused);
    my @wrong = @{$found{lies}};
    my $ran = $found{ran};
    ok(!@wrong, "$name: a yes of jit.check is no lie ($ran statements)") or diag(join "\n", @wrong);
    cmp_ok($ran, '>', 0, "$name ran") or diag($err);
}
note("asked about $count{asked} statements: $count{yes} times yes; $count{refused} were refused");
cmp_ok($count{refused}, '>', 500, 'the scripts are refused often');
cmp_ok($count{yes}, '>', 400, 'and jit.check says yes often');
$node->stop;
done_testing();
