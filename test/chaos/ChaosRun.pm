# ChaosRun.pm: sixteen clients, a killer, and the checker after each round and at the end.
package ChaosRun;

use strict;
use warnings;
use ChaosCheck;
use ChaosClient;
use ChaosScene;
use ChaosServer;
use JitClient;
use POSIX ();
use Time::HiRes qw(sleep time);

# new(bin, dir, seed, off): server and people, at rest.
sub new {
    my ($class, %how) = @_;
    my $self = bless {seed => 1, slack => 1, generation => 0, clients => {}, kills => {}, logs => [], say => sub { }, %how}, $class;
    $self->{server} = ChaosServer->new(bin => $how{bin}, dir => $how{dir});
    $self->{server}->start;
    make_scene($self->{server});
    # Seen failing: with the module of JIT_TEST_SWITCHES, without these checks.
    $self->{server}->sql("ALTER DATABASE app SET jit_guard.test_off = '$how{off}'", 'postgres', 'postgres') if $how{off};
    return $self;
}

sub DESTROY { my ($self) = @_; return if $self->{owner} && $$ != $self->{owner}; kill 'KILL', keys %{$self->{clients}}; return }

# ---- the clients ----

sub begin {
    my ($self) = @_;
    $self->{owner} = $$;
    my $number = 0;
    $self->client($_->[0], $_->[1], ++$number) for jobs();
    return;
}

sub client {
    my ($self, $person, $job, $number) = @_;
    my $seed = $self->{seed} * 100_000 + $self->{generation}++ * 100 + $number;
    my $log = "$self->{server}{dir}/said.$person.$seed";
    open my $file, '>', $log or die "$log: $!\n";
    push @{$self->{logs}}, $log;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        $SIG{INT} = 'DEFAULT';
        eval { ChaosClient->new(server => $self->{server}, person => $person, job => $job, seed => $seed, log => $log)->live; 1 } or print STDERR "client $person: $@";
        POSIX::_exit($@ ? 1 : 0);
    }
    $self->{clients}{$pid} = [$person, $job, $number];
    return;
}

# A client that died by itself is a mistake of the harness.
sub count_heads {
    my ($self) = @_;
    for my $pid (keys %{$self->{clients}}) {
        die "client $self->{clients}{$pid}[0] died, see above\n" if waitpid($pid, POSIX::WNOHANG()) == $pid && delete $self->{clients}{$pid};
    }
    return;
}

sub end {
    my ($self) = @_;
    my $until = time + 300;
    my %left = %{$self->{clients}};
    kill 'TERM', keys %left;
    while (%left && time < $until) {
        waitpid($_, POSIX::WNOHANG()) == $_ and delete $left{$_} for keys %left;
        sleep 0.02;
    }
    kill 'KILL', keys %left;
    waitpid $_, 0 for keys %left;
    $self->{clients} = {};
    return;
}

# ---- the killer ----

my $backend = qr/^postgres: [plm]\d app /;
my %ways = (
    'kill -9 of a backend' => [8, sub { $_[0]{server}->strike('KILL', $backend, $_[1]) }],
    'kill -9 of the keeper' => [5, sub { $_[0]{server}->strike('KILL', qr/^postgres: jit_guard keeper/, $_[1]) }],
    'kill -9 of the lender' => [5, sub { $_[0]{server}->strike('KILL', qr/^postgres: jit_guard lender/, $_[1]) }],
    'kill -9 of the launcher' => [3, sub { $_[0]{server}->strike('KILL', qr/^postgres: jit_guard launcher/, $_[1]) }],
    'kill -9 of the postmaster' => [8, sub { $_[0]{server}->stop('KILL'); $_[0]{server}->start }],
    'immediate shutdown' => [6, sub { $_[0]{server}->stop('QUIT'); $_[0]{server}->start }],
    'fast shutdown' => [3, sub { $_[0]{server}->stop('INT'); $_[0]{server}->start }],
    'kill -TERM of a worker' => [6, sub { $_[0]{server}->strike('TERM', qr/^postgres: jit_guard/, $_[1]) }],
    'a worker hangs' => [5, sub {
        my ($self, $pick) = @_;
        my $who = $pick < 0.5 ? qr/^postgres: jit_guard keeper/ : qr/^postgres: jit_guard lender/;
        $self->{server}->strike('STOP', $who, 0);
        sleep 1.5;
        $self->{server}->strike('CONT', $who, 0);
    }],
    'kill -TERM of a backend' => [8, sub { $_[0]{server}->strike('TERM', $backend, $_[1]) }],
    'cancel of a backend' => [4, sub { $_[0]{server}->strike('INT', $backend, $_[1]) }],
    'kill -9 of a client' => [6, sub {
        my ($self, $pick) = @_;
        my @pids = sort { $self->{clients}{$a}[2] <=> $self->{clients}{$b}[2] } keys %{$self->{clients}};
        my $pid = $pids[int($pick * @pids)];
        my $who = delete $self->{clients}{$pid};
        kill 'KILL', $pid;
        waitpid $pid, 0;
        $self->client(@$who);
    }],
);

# One round: some load, one kill, and what has to hold as soon as the workers have had their turn.
sub round {
    my ($self, $dice) = @_;
    # Every fifth time long enough for windows to end by themselves.
    my $calm = $dice->();
    sleep($calm < 0.8 ? 0.1 + 0.8 * $calm : 1.5 + 7 * ($calm - 0.8));
    my $sum = 0;
    $sum += $_->[0] for values %ways;
    my $at = $sum * $dice->();
    my $pick = $dice->();
    for my $way (sort keys %ways) {
        next if ($at -= $ways{$way}[0]) > 0;
        $self->{kills}{$way}++;
        $self->{last_kill} = $way;
        $ways{$way}[1]->($self, $pick);
        last;
    }
    $self->count_heads;
    return $self->settled(25);
}

# Polls until what may be late is not any more: [] or the findings that stayed.
sub settled {
    my ($self, $patience, %how) = @_;
    my ($until, @found) = (time + $patience);
    do {
        # Whoever was killed takes the checker's connection with him, and comes back.
        my $seen = eval { $self->seen(events => 1, votes => 1, rows => 1) };
        @found = $seen ? judge($seen, late => 0.5) : (['server-comes-back', $@]);
        # These two are true in every snapshot.
        return @found if grep { $_->[0] eq 'approved-is-approved' } @found;
        push @found, ['over-is-over', 'there are open requests'] if $how{all} && $seen && grep { $_->{state} =~ /pending|approved/ } @{$seen->{requests}};
        sleep 0.1 if @found;
    } while (@found && time < $until);
    return @found;
}

sub seen {
    my ($self, %without) = @_;
    my $client = JitClient->new($self->{server}, 'checker');
    my $seen = look($client, %without);
    $client->close;
    return $seen;
}

# Everything at rest: the last windows end, and the whole history is judged.
sub judge_all {
    my ($self) = @_;
    my @found = $self->settled(30, all => 1);
    my $seen = $self->seen;
    my @told = read_logs(@{$self->{logs}});
    push @found, judge($seen, late => 0.5), judge_told($seen, \@told, slack => $self->{slack}, log => $self->{server}->log_name);
    my %count;
    $count{"$_->{kind} $_->{outcome}"}++ for @told;
    $self->{summary} = {told => \%count, requests => scalar @{$seen->{requests}}, votes => scalar @{$seen->{votes}}, events => scalar @{$seen->{events}},
        rows => scalar @{$seen->{rows}}, loans => scalar(grep { $_->{event} eq 'loan_granted' } @{$seen->{events}}), late => lateness($seen)};
    $self->{seen} = $seen;
    return @found;
}

# How much after the end the latest write was committed: what the slack is for.
sub lateness {
    my ($seen) = @_;
    my $windows = ChaosCheck::windows($seen);
    my $worst = 0;
    for my $row (@{$seen->{rows}}) {
        my ($best) = sort { $a <=> $b } map { $row->{committed} - $_->[1] } grep { $_->[0] <= $row->{committed} + 0.001 } @{$windows->{"$row->{who} $row->{policy}"} // []};
        $worst = $best if defined $best && $best > $worst;
    }
    return $worst;
}

# All of it: so many seconds of peace, then the rounds, then for as long as it takes until the caller has seen enough (a slow
# machine throws fewer dice in each round). Returns the findings.
sub run {
    my ($self, $rounds, $peace, $enough) = @_;
    $self->begin;
    sleep $peace if $peace;
    $self->count_heads;
    srand $self->{seed};
    my @dice = map { rand } 1 .. 3 * $rounds;
    my @found;
    for my $round (1 .. $rounds) {
        push @found, map { [$_->[0], "round $round ($self->{last_kill}): $_->[1]"] } $self->round(sub { shift @dice });
        $self->{say}->($round, scalar @found);
    }
    my $until = time + 180;
    sleep 0.2 while $enough && !@found && !$enough->($self) && time < $until;
    $self->count_heads;
    $self->end;
    return (@found, $self->judge_all);
}

1;
