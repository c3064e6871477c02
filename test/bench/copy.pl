#!/usr/bin/env perl
# COPY of many rows into and out of an unguarded table: nothing may be paid by the row. Instructions a row from callgrind
# (difference of two row counts), and wall-clock times side by side for ten million rows.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;
use Time::HiRes qw(time);

my $counted = $ENV{JIT_BENCH_COUNTED_ROWS} // 100_000;
my $timed = $ENV{JIT_BENCH_ROWS} // 10_000_000;
my $rounds = $ENV{JIT_BENCH_ROUNDS} // 3;

my $server = Bench->make('copy', "jit_guard.log_uses = off\n");
print '# copy: ', machine(), "\n\n";
$server->start;
$server->sql('postgres', $_) for 'CREATE ROLE bench LOGIN', 'CREATE ROLE approver LOGIN', 'CREATE TABLE secret (id int)', 'CREATE TABLE rows (id int, v text)',
    'CREATE DATABASE plain TEMPLATE postgres', 'CREATE EXTENSION jit_guard';
policy_for_bench($server, 'postgres', 'bench', '{public.secret}');
$server->stop;
for my $count ($counted, 3 * $counted, $timed) {
    open my $out, '>', "$server->{dir}/rows.$count" or die "rows: $!\n";
    print $out "$_\tabcdefgh\n" for 1 .. $count;
    close $out or die "rows: $!\n";
}

sub copied {
    my ($database, $count) = @_;
    my $s = $server->session($database);
    $s->query('TRUNCATE rows');
    $s->query("COPY rows FROM '$server->{dir}/rows.$count'");
    $s->query("COPY rows TO '/dev/null'");
    my $pid = $s->pid;
    $s->close;
    return $pid;
}

my %row;
for my $how (['', 'plain'], ['jit_guard', 'postgres']) {
    my ($libraries, $database) = @$how;
    $server->start(libraries => $libraries, callgrind => 1);
    copied($database, $counted);
    for (1, 2) {
        my $more = $server->instructions(copied($database, 3 * $counted));
        push @{$row{$libraries}}, ($more - $server->instructions(copied($database, $counted))) / (2 * $counted);
    }
    $server->stop;
}

my %seconds;
for my $round (1 .. $rounds) {
    for my $how (['', 'plain'], ['jit_guard', 'postgres']) {
        my ($libraries, $database) = @$how;
        $server->start(libraries => $libraries);
        my $s = $server->session($database);
        $s->query('TRUNCATE rows');
        $s->query('CHECKPOINT');
        my $begin = time;
        $s->query("COPY rows FROM '$server->{dir}/rows.$timed'");
        push @{$seconds{$libraries}}, time - $begin;
        $s->close;
        $server->stop;
    }
}
my $zero = median(@{$row{''}});
my $base = median(@{$seconds{''}});
say_table(['COPY in and out of an unguarded table', 'instructions a row', 'more', "seconds, $timed rows in", 'ratio'],
    map {
        my $i = median(@{$row{$_}});
        my $t = median(@{$seconds{$_}});
        [$_ || 'no library', sprintf('%.1f', $i), sprintf('%+.2f', $i - $zero), sprintf('%.2f (%s)', $t, join ', ', map { sprintf '%.2f', $_ } @{$seconds{$_}}), sprintf('%.3f', $t / $base)]
    } '', 'jit_guard');
unlink glob "$server->{dir}/rows.*";
