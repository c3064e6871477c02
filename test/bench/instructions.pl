#!/usr/bin/env perl
# Instructions a statement costs: callgrind on real backends of a real server, user space only. Every figure is the
# difference between a session with N and one with 3N statements, divided by 2N, after a session that brought pages,
# relation caches and hint bits into shape; the median of several.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;

my $n = $ENV{JIT_BENCH_STATEMENTS} // 300;
my $rounds = $ENV{JIT_BENCH_ROUNDS} // 5;
my $only = $ENV{JIT_BENCH_ONLY} // '.'; # pattern of LIBRARY/DATABASE/VARIANT, for work on one figure

# ---- what is executed: each returns a function of the number of statements ----

sub selects_prepared {
    my ($table) = @_;
    return sub {
        my ($s) = @_;
        $s->prepare('q', "SELECT abalance FROM $table WHERE aid = \$1");
        return sub { my ($i) = @_; $s->execute('q', 1 + ($i * 7919) % 100_000) };
    };
}

sub selects_simple {
    my ($table) = @_;
    return sub {
        my ($s) = @_;
        return sub { my ($i) = @_; $s->query('SELECT abalance FROM ' . $table . ' WHERE aid = ' . (1 + ($i * 7919) % 100_000)) };
    };
}

# Every partition is opened, scanned and closed.
sub sums_of_partitions {
    my ($table) = @_;
    return sub {
        my ($s) = @_;
        $s->prepare('p', "SELECT sum(v) FROM $table");
        return sub { $s->execute('p') };
    };
}

my $loop = 200; # statements inside one DO block or function call
sub selects_in_do {
    my ($table) = @_;
    return sub {
        my ($s) = @_;
        return sub { $s->query("DO 'BEGIN FOR i IN 1..$loop LOOP PERFORM abalance FROM $table WHERE aid = i; END LOOP; END'") };
    };
}
sub selects_in_function {
    my ($table) = @_;
    return sub {
        my ($s) = @_;
        $s->query("SET search_path = public");
        $s->prepare('f', "SELECT sum_$table($loop)");
        return sub { $s->execute('f') };
    };
}

my %variants = (
    prepared => selects_prepared('pgbench_accounts'),
    simple => selects_simple('pgbench_accounts'),
    guarded => selects_prepared('guarded_accounts'),
    lent => selects_prepared('lent_accounts'),
    'guarded, simple' => selects_simple('guarded_accounts'),
    'guarded, DO' => selects_in_do('guarded_accounts'),
    'guarded, function' => selects_in_function('guarded_accounts'),
    '20 partitions' => sums_of_partitions('parts'),
    'guarded, 20 partitions' => sums_of_partitions('guarded_parts'),
);
my %each = ('guarded, DO' => 5, 'guarded, function' => 5);
my %divide = ('guarded, DO' => $loop, 'guarded, function' => $loop);

# Who touches nothing guarded holds no approval either.
sub user_of { return $_[0] =~ /guarded|lent/ ? 'bench' : 'other' }

# ---- measuring ----

# What malloc() does depends on where earlier blocks of the session happen to lie, for hundreds of instructions a
# statement either way. So each round shifts the heap in its own way, alike with and without the library.
sub count {
    my ($server, $database, $prepare, $times, $round, $user) = @_;
    my $s = $server->session($database, $user);
    $s->prepare("other$_", 'SELECT ' . join ', ', 1 .. 20 * $_) for 1 .. 2 * $round;
    $s->{pause_us} = 300;
    my $step = $prepare->($s);
    $step->($_) for 1 .. $times;
    my $pid = $s->pid;
    $s->close;
    return $server->instructions($pid);
}

# One figure: instructions of one step. The set-up, the first plans and look-ups are in both counts alike.
sub measure {
    my ($server, $database, $name, $round) = @_;
    my $least = $each{$name} // $n;
    my @more = map { count($server, $database, $variants{$name}, $_ * $least, $round, user_of($name)) } 3, 1;
    return ($more[0] - $more[1]) / (2 * $least * ($divide{$name} // 1));
}

my $server = Bench->make('instructions', <<'CONF');
jit_guard.control_database = 'house'
jit_guard.log_uses = off
CONF
print "# instructions: ", machine(), "\n\n";
# Names of one length: the process title holds them, and the cost of copying it depends on where it ends.
my %sizes = (house => [1_000, 10_000], k0010 => [10, 10], k1000 => [1_000, 1_000], k100k => [100_000, 100_000]);
my %size_text = (k0010 => '10', k1000 => '1,000', k100k => '100,000');
$server->start;
$server->sql('postgres', 'CREATE DATABASE plain');
system("'$ENV{JIT_BIN}/pgbench' -h '$server->{dir}' -U postgres -i -q -s 1 plain >'$server->{dir}/pgbench.log' 2>&1") == 0 or die "pgbench -i failed\n";
make_tables($server, 'plain', 1_000);
for my $sql ('CREATE ROLE bench LOGIN', 'CREATE ROLE other LOGIN', 'CREATE ROLE approver LOGIN', 'CREATE ROLE reader',
    'GRANT SELECT ON pgbench_accounts TO other',
    (map { ("CREATE TABLE ${_}_accounts AS SELECT * FROM pgbench_accounts", "ALTER TABLE ${_}_accounts ADD PRIMARY KEY (aid)",
        "GRANT SELECT ON ${_}_accounts TO reader",
        "CREATE FUNCTION sum_${_}_accounts(n int) RETURNS bigint LANGUAGE plpgsql AS 'DECLARE s bigint := 0; v int; BEGIN FOR i IN 1..n LOOP SELECT abalance INTO v FROM ${_}_accounts WHERE aid = i; s := s + v; END LOOP; RETURN s; END'") } qw(guarded lent)),
    'GRANT SELECT ON guarded_accounts TO bench',
    (map { my $parts = $_; ("CREATE TABLE $parts (id int, v int) PARTITION BY RANGE (id)", "GRANT SELECT ON $parts TO other, bench",
        (map { "CREATE TABLE ${parts}_$_ PARTITION OF $parts FOR VALUES FROM ($_) TO (" . ($_ + 1) . ')' } 1 .. 20),
        "INSERT INTO $parts SELECT i, i FROM generate_series(1, 20) AS i") } qw(parts guarded_parts)),
    'VACUUM (FREEZE, ANALYZE)') {
    $server->sql('plain', $sql);
}
for my $database (sort keys %sizes) {
    $server->sql('postgres', "CREATE DATABASE $database TEMPLATE plain");
    $server->sql($database, 'CREATE EXTENSION jit_guard');
}
$server->stop;
$server->start(libraries => '');
fill_house($server, $_, @{$sizes{$_}}, 1_000) for sort keys %sizes;
$server->stop;
$server->start;
for my $database (sort keys %sizes) {
    policy_for_bench($server, $database, 'bench', '{public.guarded_accounts}');
    policy_for_bench($server, $database, 'bench-parts', '{public.guarded_parts}');
    policy_for_bench($server, $database, 'bench-lent', '{public.lent_accounts}', lends => "'reader'");
    $server->sql($database, 'VACUUM (FREEZE, ANALYZE)');
}
# Without jit_guard the person must hold the privilege that the policy lends.
$server->sql('plain', 'GRANT SELECT ON lent_accounts TO bench');
$server->stop;

my @plan = ( # libraries, databases and what is measured in each
    ['', [plain => keys %variants]],
    ['pgaudit', [plain => qw(prepared simple), '20 partitions']],
    ['pg_stat_statements', [plain => qw(prepared simple), '20 partitions']],
    ['jit_guard', [plain => qw(prepared simple)], [house => keys %variants], map { [$_ => qw(prepared simple guarded)] } sort keys %size_text],
);
my %figure; # library/database/variant => [figures]
my $log_uses;
for my $part (@plan) {
    my ($libraries, @databases) = @$part;
    next if $libraries =~ /pgaudit/ && !-f "$ENV{JIT_LIB}/pgaudit.so";
    $server->start(libraries => $libraries, callgrind => 1, settings => ['jit_guard.log_uses=off', 'jit_guard.evidence=async']);
    for my $round (1 .. $rounds) {
        for my $set (@databases) {
            my ($database, @names) = @$set;
            for my $name (grep { "$libraries/$database/$_" =~ /$only/ } sort @names) {
                measure($server, $database, $name, 0) if $round == 1;
                my $one = measure($server, $database, $name, $round);
                push @{$figure{"$libraries/$database/$name"}}, $one;
                printf STDERR "%s/%s/%s %.0f\n", $libraries, $database, $name, $one;
            }
        }
    }
    $server->stop;
    if ($libraries eq 'jit_guard' && 'log_uses' =~ /$only/) {
        $server->start(libraries => $libraries, callgrind => 1, settings => ['jit_guard.log_uses=on', 'jit_guard.evidence=async']);
        $log_uses = measure($server, 'house', 'guarded', 1);
        $server->stop;
    }
}

# ---- tables ----

sub spread { my @sorted = sort { $a <=> $b } @_; return ($sorted[-1] - $sorted[0]) / 2 }
sub row {
    my ($what, $key, $base, $most) = @_;
    my @all = @{$figure{$key} // return ()};
    my @zero = @{$figure{$base} // return ()};
    my $more = median(@all) - median(@zero);
    return [$what, sprintf('%.0f', median(@all)), sprintf('%+.0f', $more), sprintf('±%.0f', spread(@all)), sprintf('±%.0f', spread(@zero)),
        sprintf('%.2f %%', 100 * $more / median(@zero)), budget($more, $most, median(@all))];
}
# A record for each statement of the client; those nested in one have a record once, and mostly cost the decision. Over 20
# partitions the decision alone may take 6,000.
sub most_of { local ($_) = @_; return /simple|lent|guarded, 20/ ? undef : 6_000 }
my @head = ('instructions a statement', 'all', 'more', 'spread', 'of none', 'ratio', 'budget');
for my $protocol (['prepared', 300], ['simple', 1_000]) {
    my ($p, $most) = @$protocol;
    my $none = "/plain/$p";
    print "pgbench's SELECT, $p, nothing guarded is touched:\n\n";
    say_table(\@head, row('no library', $none, $none), row('jit_guard, no extension in the database', "jit_guard/plain/$p", $none, $most),
        row('jit_guard, 1,000 policies, 10,000 approvals of others', "jit_guard/house/$p", $none, $most),
        row('pgaudit, idle', "pgaudit/plain/$p", $none), row('pg_stat_statements', "pg_stat_statements/plain/$p", $none),
        map { row("jit_guard, $size_text{$_} policies and approvals", "jit_guard/$_/$p", $none, $most) } sort keys %size_text);
}
print "Guarded, approved and recorded (jit_guard.evidence = async, log_uses = off), against the same statement without library:\n\n";
say_table(\@head, (map { row($_, "jit_guard/house/$_", "/plain/$_", most_of($_)) } grep { /guarded|lent|partitions/ } sort keys %variants),
    (map { row("guarded, $size_text{$_} policies and approvals", "jit_guard/$_/guarded", '/plain/guarded', most_of('guarded')) } sort keys %size_text),
    map { row("20 partitions, $_ instead", "$_/plain/20 partitions", '/plain/20 partitions') } qw(pgaudit pg_stat_statements));
defined $log_uses and printf "jit_guard.log_uses = on adds %.0f instructions a statement (one JSON line in the server log).\n\n", $log_uses - median(@{$figure{'jit_guard/house/guarded'}});
exit failed();
