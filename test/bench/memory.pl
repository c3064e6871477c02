#!/usr/bin/env perl
# Resident memory of a backend that has touched 200 relations, in a database with 1,000 policies, with and without
# jit_guard: private anonymous memory, median of several sessions. Which pages of the shared buffers and of the program a
# process has touched, and whether another one has touched them too, has nothing to do with what it holds.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;

my $sessions = $ENV{JIT_BENCH_RUNS} // 7;
my $server = Bench->make('memory', "jit_guard.log_uses = off\n");
print '# memory: ', machine(), "\n\n";

$server->start;
make_tables($server, 'postgres', 1_000);
$server->sql('postgres', $_) for 'CREATE ROLE bench LOGIN', 'CREATE SCHEMA open', 'GRANT USAGE ON SCHEMA open TO bench',
    'GRANT SELECT ON ALL TABLES IN SCHEMA public TO bench',
    "DO 'BEGIN FOR i IN 1..200 LOOP EXECUTE ''CREATE TABLE open.o'' || i || ''(id int PRIMARY KEY, v text)''; END LOOP; END'",
    'GRANT SELECT ON ALL TABLES IN SCHEMA open TO bench', 'CREATE DATABASE plain TEMPLATE postgres', 'CREATE EXTENSION jit_guard';
$server->stop;
$server->start(libraries => '');
fill_house($server, 'postgres', 1_000, 10_000, 1_000);
# The person holds an approval under each policy that guards one of the 200 (policy i guards table i + 1).
my $s = $server->session('postgres');
my $triggers = without_triggers($s);
$s->query("INSERT INTO jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, commands, narrowed) SELECT 500000 + i, i, 'bench'::regrole, now(), 'infinity', 1, 0, false FROM generate_series(1, 200) AS i");
with_triggers($s, $triggers);
$s->close;
$server->stop;

# kB of anonymous memory that only this process has: the pages of a program file that was just written are dirty too.
sub held {
    my ($pid) = @_;
    my ($held, $is_private, $anonymous, $dirty) = (0, 0, 0, 0);
    my $add = sub { $held += $anonymous < $dirty ? $anonymous : $dirty if $is_private; ($anonymous, $dirty) = (0, 0) };
    open my $in, '<', "/proc/$pid/smaps" or die "smaps: $!\n";
    while (<$in>) {
        if (/^[0-9a-f]+-[0-9a-f]+ ...(.)/) { $add->(); $is_private = $1 eq 'p' }
        elsif (/^Anonymous:\s+(\d+)/) { $anonymous = $1 }
        elsif (/^Private_Dirty:\s+(\d+)/) { $dirty = $1 }
    }
    $add->();
    return $held;
}

sub resident {
    my ($database, $schema) = @_;
    my @held;
    for (0 .. $sessions) { # the first one writes the relation cache's file
        my $s = $server->session($database, 'bench');
        for my $pass (1, 2) {
            $s->query("SELECT v FROM $schema$_ WHERE id = 1") for 2 .. 200;
        }
        push @held, held($s->pid);
        $s->close;
    }
    shift @held;
    return median(@held);
}

my %kb;
for my $how (['none', '', 'plain', 'open.o'], ['absent', 'jit_guard', 'plain', 'open.o'], ['open', 'jit_guard', 'postgres', 'open.o'],
    ['none, guarded', '', 'postgres', 'public.g'], ['guarded', 'jit_guard', 'postgres', 'public.g']) {
    my ($name, $libraries, $database, $schema) = @$how;
    $server->start(libraries => $libraries);
    $kb{$name} = resident($database, $schema);
    $server->stop;
}
sub row {
    my ($what, $name, $base) = @_;
    my $more = $kb{$name} - $kb{$base};
    return [$what, $kb{$name}, sprintf('%+d', $more), $name eq $base ? '-' : budget($more, 200)];
}
say_table(['a backend that touched 200 relations, kB', 'private', 'more', 'budget'],
    row('no library, nothing guarded', 'none', 'none'), row('jit_guard, no extension in the database', 'absent', 'none'),
    row('jit_guard, 1,000 policies, 200 unguarded relations', 'open', 'none'),
    row('no library, the other 200 relations', 'none, guarded', 'none, guarded'),
    row('jit_guard, 200 guarded relations, each read under an approval', 'guarded', 'none, guarded'));
