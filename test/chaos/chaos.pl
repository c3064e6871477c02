#!/usr/bin/env perl
# Rounds of chaos by hand; test/chaos/run prepares the server. Prints the seed first: the same seed throws the same dice,
# though not the same clock.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin, "$FindBin::Bin/../tap";
use ChaosRun;
use Time::HiRes qw(time);

$| = 1;
$SIG{INT} = $SIG{TERM} = sub { exit 130 };
my $rounds = $ENV{JIT_CHAOS_ROUNDS} // 300;
my $seed = $ENV{JIT_CHAOS_SEED} // time % 100_000;
my $off = $ENV{JIT_CHAOS_OFF};
printf "# chaos: seed %d, %d rounds%s\n", $seed, $rounds, $off ? ", switched off: $off" : '';
my $begin = time;
my $run = ChaosRun->new(bin => $ENV{JIT_BIN}, dir => $ENV{JIT_CHAOS}, seed => $seed, slack => $ENV{JIT_CHAOS_SLACK} // 1,
    off => $off,
    say => sub { my ($round, $found) = @_; printf "# round %d, %.0f s, %d findings\n", $round, time - $begin, $found if $round % 25 == 0 });
my @found = $run->run($rounds, $ENV{JIT_CHAOS_PEACE});
my $summary = $run->{summary};
printf "# %d requests, %d votes, %d events, %d rows written, %d loans, in %.0f s; the latest commit came %.3f s after an end\n",
    @$summary{qw(requests votes events rows loans)}, time - $begin, $summary->{late};
printf "# %6d  %s\n", $run->{kills}{$_}, $_ for sort keys %{$run->{kills}};
printf "# %6d  %s\n", $summary->{told}{$_}, $_ for sort keys %{$summary->{told}};
my %shown;
printf "%s: %s\n", @$_ for grep { $shown{$_->[0]}++ < 10 } @found;
printf "%d findings%s\n", scalar @found, @found ? " (seed $seed); the server's files are in $ENV{JIT_CHAOS}" : '';
$run->{server}->stop('INT');
exit(@found ? 1 : 0);
