# ChaosClient.pm: one of the sixteen. It does what its job does, at random but from its own seeded dice, and writes down
# what it was told: one line an act, appended before the next one, so that the line outlives the client.
#
# A line: kind, person, time before sending, time of the answer, outcome, then name=value. Outcomes: ok (the server said
# so, and it is committed), no (the server said no, or it was rolled back), unknown (nobody answered).
package ChaosClient;

use strict;
use warnings;
use ChaosScene;
use JitClient;
use Time::HiRes qw(sleep time);

our $silent = 30; # seconds without an answer: a hang, which is a finding

sub new {
    my ($class, %how) = @_; # server, person, job, seed, log
    open my $log, '>>', $how{log} or die "$how{log}: $!\n";
    my $self = bless {%how, log => $log, tokens => 0, requests => [], prepared => {}}, $class;
    srand $how{seed};
    $self->{id} = "$how{person}-$how{seed}";
    return $self;
}

sub dice { my ($self, @of) = @_; return $of[int rand @of] }
sub chance { my ($self, $p) = @_; return rand() < $p }
sub token { my ($self) = @_; return $self->{id} . '-' . ++$self->{tokens} }

sub note {
    my ($self, $kind, $t0, $outcome, %more) = @_;
    my $line = join("\t", $kind, $self->{person}, sprintf('%.6f', $t0), sprintf('%.6f', time), $outcome, map({ "$_=" . ($more{$_} // '') } sort keys %more)) . "\n";
    syswrite $self->{log}, $line;
    return;
}

# ---- the connection ----

sub connection {
    my ($self) = @_;
    while (!$self->{wire} || $self->{wire}{gone}) {
        $self->{prepared} = {};
        local $JitClient::patience = $silent;
        $self->{wire} = eval { JitClient->new($self->{server}, $self->{person}, application_name => $self->{id}) };
        return undef if $self->{over};
        sleep 0.05 if !$self->{wire} || $self->{wire}{gone};
    }
    return $self->{wire};
}

# Sends one statement. Returns (outcome, answer): ok, no, unknown.
sub tell {
    my ($self, $sql, %how) = @_;
    my $wire = $self->{wire};
    return ('unknown', {rows => [], tags => []}) if !$wire || $wire->{gone};
    local $JitClient::patience = $silent;
    my $t0 = time;
    my $answer = eval {
        $how{name} ? $self->prepared($how{name}, $sql) : $how{extended} ? $wire->extended($sql, @{$how{values} // []}) : $wire->query($sql);
    };
    if (!$answer) {
        # Silence may be the server's fault, or that it was restarted without our noticing: the checker decides.
        $self->note('silence', $t0, 'unknown', sql => $sql);
        $wire->close;
        return ('unknown', {rows => [], tags => []});
    }
    # A FATAL error is the last thing a session says. It says why the session ends, not what became of the statement.
    my $lost = $answer->{gone} || ($answer->{error} && ($answer->{error}{S} // '') =~ /FATAL|PANIC/);
    $wire->{gone} = 1 if $lost;
    return ('unknown', $answer) if $lost;
    return ($answer->{error} ? 'no' : 'ok', $answer);
}

sub prepared {
    my ($self, $name, $sql) = @_;
    my $wire = $self->{wire};
    $wire->parse($name, $sql) if !$self->{prepared}{$name};
    my $answer = $wire->bind('', $name)->execute('')->sync->finish;
    $self->{prepared}{$name} = 1 if $answer->{seen} =~ /1/; # ParseComplete, whatever came after
    return $answer;
}

# Runs code in a transaction; the code returns false to give it up. Outcome: that of the COMMIT.
sub transaction {
    my ($self, $code, %how) = @_;
    my ($began) = $self->tell('BEGIN' . ($self->chance(0.2) ? ' ISOLATION LEVEL REPEATABLE READ' : ''));
    return $began if $began ne 'ok';
    my $goes_on = $code->();
    return 'no' if $self->{wire}{gone}; # nobody has sent a COMMIT
    my ($outcome, $answer) = $self->tell($goes_on && !$how{gives_up} ? 'COMMIT' : 'ROLLBACK');
    return $outcome eq 'ok' && ($answer->{tags}[0] // '') ne 'COMMIT' ? 'no' : $outcome eq 'unknown' && (!$goes_on || $how{gives_up}) ? 'no' : $outcome;
}

# One call that changes something, alone or in a transaction of one of several shapes; returns (outcome, answer of the call).
sub change {
    my ($self, $sql) = @_;
    my $shape = rand;
    return $self->tell($sql, extended => $shape < 0.2) if $shape < 0.7;
    my ($done, $answer);
    my $savepoint = $shape > 0.92;
    my $outcome = $self->transaction(sub {
        $self->tell('SAVEPOINT s') if $savepoint;
        ($done, $answer) = $self->tell($sql);
        sleep rand 0.1 if $self->chance(0.3);
        if ($savepoint) {
            $self->tell('ROLLBACK TO s');
            return 1;
        }
        return $done eq 'ok';
    }, gives_up => $shape > 0.85 && !$savepoint);
    return ($savepoint ? 'no' : $done && $done eq 'no' ? 'no' : $outcome, $answer);
}

# ---- what people do ----

sub ask {
    my ($self) = @_;
    my $policy = $self->dice(qw(one two auto flip elev elev staged staged ruled));
    my ($token, $t0) = ($self->token, time);
    my $duration = $self->dice(400, 700, 1000, 1500);
    my $more = $self->chance(0.1) ? ", starts_at => clock_timestamp() + '300 ms'" : '';
    my ($outcome, $answer) = $self->change("SELECT jit.request('$policy', '$duration ms', reason => '$token'$more)");
    my $id = $answer->{rows}[0] ? $answer->{rows}[0][0] : undef;
    $self->note('request', $t0, $outcome, request => $id, policy => $policy, token => $token);
    return if $outcome ne 'ok';
    push @{$self->{requests}}, {id => $id, policy => $policy};
    shift @{$self->{requests}} if @{$self->{requests}} > 4;
    return if !$self->chance(0.8);
    # Wait for it, and use it at once.
    my ($waited) = $self->tell("CALL jit.await($id, '1500 ms')");
    return if $waited ne 'ok';
    $self->extends($policy, $id) if $policy =~ /^(?:one|two|auto|staged)$/ && $self->chance(0.4);
    $self->use_policy($policy, $id) for 1 .. $self->dice(1, 1, 2, 3);
    return;
}

# More time for a right of mine; sometimes it is awaited, so that it is used after what was its end.
sub extends {
    my ($self, $policy, $id) = @_;
    my ($token, $t0) = ($self->token, time);
    my $duration = $self->dice(300, 600, 1200);
    my ($outcome, $answer) = $self->change("SELECT jit.extend($id, '$duration ms', '$token')");
    my $more = $answer->{rows}[0] ? $answer->{rows}[0][0] : undef;
    $self->note('request', $t0, $outcome, request => $more, policy => $policy, token => $token, extends => $id);
    return if $outcome ne 'ok';
    if ($self->chance(0.1)) {
        $t0 = time;
        ($outcome) = $self->change("SELECT jit.cancel($more)");
        return $self->note('cancel', $t0, $outcome, request => $more);
    }
    $self->tell("CALL jit.await($more, '700 ms')") if $self->chance(0.7);
    return;
}

# Power without consent, until somebody has to review it.
sub breaks_glass {
    my ($self) = @_;
    my ($token, $t0) = ($self->token, time);
    my ($outcome, $answer) = $self->change("SELECT jit.break_glass('glass', '$token')");
    my $id = $answer->{rows}[0] ? $answer->{rows}[0][0] : undef;
    $self->note('request', $t0, $outcome, request => $id, policy => 'glass', token => $token);
    return if $outcome ne 'ok';
    push @{$self->{requests}}, {id => $id, policy => 'glass'};
    $self->use_policy('glass', $id) for 1 .. $self->dice(1, 2);
    return;
}

sub reviews {
    my ($self) = @_;
    my ($looked, $owed) = $self->tell('SELECT request_id FROM jit.reviews ORDER BY random() LIMIT 1');
    return if $looked ne 'ok' || !$owed->{rows}[0];
    my ($id, $t0, $verdict) = ($owed->{rows}[0][0], time, $self->dice(qw(justified unjustified)));
    my ($outcome) = $self->change("SELECT jit.review($id, '$verdict', 'chaos')");
    return $self->note('review', $t0, $outcome, request => $id);
}

# Somebody decides in my place for a while; often one of those who ask, who then decides nothing of mine, nor I of theirs.
sub delegates {
    my ($self) = @_;
    my ($looked, $mine) = $self->tell(q{SELECT delegation_id FROM jit.my_delegations WHERE to_end IS NOT NULL LIMIT 1});
    return if $looked ne 'ok';
    if ($mine->{rows}[0] && $self->chance(0.5)) {
        my ($outcome) = $self->change("SELECT jit.undelegate($mine->{rows}[0][0])");
        return $self->note('undelegate', time, $outcome);
    }
    my $to = $self->dice(grep { $_ ne $self->{person} } map({ "p$_" } 0 .. 8), map({ "l$_" } 0 .. 4));
    my $only = $self->chance(0.3) ? ", policy => '" . $self->dice(qw(one two staged)) . "'" : '';
    my $duration = $self->dice(500, 1500, 3000);
    my ($outcome) = $self->change("SELECT jit.delegate('$to', '$duration ms'$only)");
    return $self->note('delegate', time, $outcome);
}

sub use_policy {
    my ($self, $policy, $id) = @_;
    return $self->use_loan if $policy eq 'elev';
    return $self->chance(0.4) ? $self->reads($policy, $id) : $self->writes($policy, $id);
}

# Seconds until a right of mine ends.
sub left_of {
    my ($self, $id) = @_;
    my ($outcome, $answer) = $self->tell("SELECT extract(epoch FROM ends_at - clock_timestamp()) FROM jit.my_requests WHERE request_id = $id");
    return $answer->{rows}[0] && defined $answer->{rows}[0][0] ? $answer->{rows}[0][0] : 0;
}

# Whether the server let a read pass, and until when it certainly ran (it slept that long).
sub reads {
    my ($self, $policy, $id) = @_;
    my $table = $table_of{$policy};
    my $shape = rand;
    if ($shape < 0.7) {
        my $left = $shape > 0.45 && $id ? $self->left_of($id) : 0;
        my $nap = $left > 0 && $left < 3 ? $left + 1.4 : $shape > 0.45 ? 0.3 : 0; # past the end, where it has to be cancelled
        my $t0 = time;
        my %how = $shape < 0.15 ? (name => "read_$policy") : $shape < 0.3 ? (extended => 1) : ();
        my ($outcome) = $self->tell($nap ? "SELECT count(*), pg_sleep($nap) FROM $table" : "SELECT token FROM $table LIMIT 3", %how);
        return $self->note('read', $t0, $outcome, policy => $policy, until => $t0 + $nap);
    }
    return $self->transaction(sub {
        my $t0 = time;
        my ($outcome) = $self->tell("DECLARE c CURSOR FOR SELECT token FROM $table");
        $self->note('read', $t0, $outcome, policy => $policy, until => $t0);
        for (1 .. $self->dice(1, 2, 3)) {
            last if $outcome ne 'ok';
            sleep $self->dice(0, 0, 0.3, 1.2, 2);
            my $from = time;
            ($outcome) = $self->tell('FETCH 1 FROM c');
            $self->note('read', $from, $outcome, policy => $policy, until => $from, cursor => 1);
        }
        return $outcome eq 'ok';
    });
}

sub writes {
    my ($self, $policy, $id) = @_;
    my $table = $table_of{$policy};
    my ($token, $t0) = ($self->token, time);
    my $insert = "INSERT INTO $table (token) VALUES ('%s')";
    if ($self->chance(0.4)) {
        my ($outcome) = $self->tell(sprintf($insert, $token), extended => $self->chance(0.3));
        return $self->note('write', $t0, $outcome, policy => $policy, token => $token);
    }
    my ($undone, $gives_up) = (undef, $self->chance(0.15));
    my $ends = $id ? time + $self->left_of($id) : 0;
    my $outcome = $self->transaction(sub {
        return 0 if ($self->tell(sprintf $insert, $token))[0] ne 'ok';
        if ($self->chance(0.4)) {
            $undone = $self->token;
            return 0 if ($self->tell('SAVEPOINT w'))[0] ne 'ok';
            $self->tell(sprintf $insert, $undone);
            return 0 if ($self->tell('ROLLBACK TO w'))[0] ne 'ok';
        }
        $self->tell("UPDATE $table SET v = v + 1 WHERE token = '$token'") if $self->chance(0.4);
        # Past the end, but not so long that the session is ended: it is the COMMIT that has to be refused.
        my $late = $id && $self->chance(0.6) ? $ends - time + 1.4 : 0;
        sleep $late if $late > 0 && $late < 4;
        return 1;
    }, gives_up => $gives_up);
    $self->note('write', $t0, $outcome, policy => $policy, token => $token);
    $self->note('write', $t0, 'no', policy => $policy, token => $undone) if defined $undone;
    return;
}

# The lent role: what it owns can be read while the loan lives, also by who stays in the role.
sub use_loan {
    my ($self) = @_;
    $self->tell('SET ROLE power') if $self->chance(0.8);
    for (1 .. $self->dice(1, 3, 5)) {
        my $t0 = time;
        my ($outcome) = $self->tell('SELECT count(*) FROM app.owned');
        $self->note('read', $t0, $outcome, policy => 'elev', until => $t0);
        last if $outcome eq 'unknown';
        sleep $self->dice(0, 0.3, 1, 2);
    }
    $self->tell('RESET ROLE');
    return;
}

sub gives_back {
    my ($self) = @_;
    my $request = $self->dice(@{$self->{requests}}) or return;
    my ($call, $t0) = ($self->dice(qw(cancel release)), time);
    my ($outcome) = $self->change("SELECT jit.$call($request->{id})");
    return $self->note($call, $t0, $outcome, request => $request->{id});
}

sub decides {
    my ($self) = @_;
    my $column = $self->chance(0.95) ? 'to_approve IS NOT NULL' : 'true';
    my ($looked, $pending) = $self->tell("SELECT request_id FROM jit.pending WHERE $column ORDER BY random() LIMIT 1");
    my $id = $looked eq 'ok' && $pending->{rows}[0] ? $pending->{rows}[0][0] : undef;
    $id = $self->{last} if defined $self->{last} && $self->chance(0.05); # a second vote, or a late one
    return sleep 0.03 if !defined $id;
    $self->{last} = $id;
    my ($vote, $t0) = ($self->chance(0.15) ? 'deny' : 'approve', time);
    my $token = $self->token;
    my $shorter = $vote eq 'approve' && $self->chance(0.2) ? ", duration => '300 ms'" : '';
    my ($outcome) = $self->change("SELECT jit.$vote($id, '$token'$shorter)");
    return $self->note('vote', $t0, $outcome, request => $id, vote => $vote, token => $token);
}

sub votes_for_oneself {
    my ($self) = @_;
    my $request = $self->dice(@{$self->{requests}}) or return;
    my $t0 = time;
    my ($outcome) = $self->change("SELECT jit.approve($request->{id}, 'my own')");
    return $self->note('own_vote', $t0, $outcome, request => $request->{id});
}

sub revokes {
    my ($self) = @_;
    my ($looked, $active) = $self->tell('SELECT request_id FROM jit.active ORDER BY random() LIMIT 1');
    return sleep 0.05 if $looked ne 'ok' || !$active->{rows}[0];
    my ($id, $t0) = ($active->{rows}[0][0], time);
    my ($outcome) = $self->change("SELECT jit.revoke($id, 'chaos')");
    return $self->note('revoke', $t0, $outcome, request => $id);
}

sub administers {
    my ($self) = @_;
    my $sql = $self->chance(0.5) ? 'approvals => ' . $self->dice(1, 2) : "max_duration => '" . $self->dice(9, 10, 11) . " s'";
    my $t0 = time;
    my ($outcome) = $self->change("SELECT jit.alter_policy('flip', $sql)");
    return $self->note('alter', $t0, $outcome);
}

# Without having asked, most of the time: it has to be refused. Uses of "few" are counted, and only by counts().
sub tries { my ($self) = @_; return $self->use_policy($self->dice(grep { $_ ne 'few' } policies())) }

# One right at a time under "few", and more statements than it has uses. What reads is used up when it starts, what only
# writes when it is committed.
sub counts {
    my ($self) = @_;
    my ($looked, $mine) = $self->tell(q{SELECT request_id FROM jit.my_requests WHERE policy = 'few' AND state IN ('active', 'scheduled')});
    return if $looked ne 'ok';
    if (@{$mine->{rows}}) { # left by somebody who was killed
        $self->tell("SELECT jit.release($_->[0])") for @{$mine->{rows}};
        return;
    }
    my ($token, $t0) = ($self->token, time);
    my ($outcome, $answer) = $self->tell("SELECT jit.request('few', '8 s', reason => '$token')");
    my $id = $answer->{rows}[0] ? $answer->{rows}[0][0] : undef;
    $self->note('request', $t0, $outcome, request => $id, policy => 'few', token => $token);
    return if $outcome ne 'ok';
    for (1 .. 6) {
        my $shape = rand;
        my @told;
        if ($shape < 0.2) { @told = $self->counts_pair }
        elsif ($shape < 0.5) { @told = $self->counts_one("SELECT token FROM app.few LIMIT 1") }
        elsif ($shape < 0.7) { @told = $self->counts_one(sprintf q{INSERT INTO app.few (token) VALUES ('%s')}, $self->token) }
        else {
            my $reads = $shape < 0.85;
            my $sql = $reads ? 'SELECT token FROM app.few LIMIT 1' : sprintf q{INSERT INTO app.few (token) VALUES ('%s')}, $self->token;
            my ($savepoint, $did) = ($self->chance(0.5));
            my $ended = $self->transaction(sub {
                $self->tell('SAVEPOINT u') if $savepoint;
                $did = used($self->tell($sql));
                $self->tell('ROLLBACK TO u') if $savepoint;
                return 1;
            }, gives_up => !$savepoint && $self->chance(0.5));
            $did //= 'no';
            @told = [$reads ? $did : $savepoint ? 'no' : $did eq 'ok' ? $ended : $did];
        }
        $self->note('use', $t0, $_->[0], request => $id) for @told;
        $self->connection or return; # after a crash the count is what it was
    }
    $t0 = time;
    ($outcome) = $self->tell("SELECT jit.release($id)");
    return $self->note('release', $t0, $outcome, request => $id);
}

# Only a refusal says that nothing was used: what is cancelled after its start is used up.
sub used { my ($outcome, $answer) = @_; return $outcome eq 'no' && ($answer->{error}{C} // '') ne '42501' ? 'unknown' : $outcome }
sub counts_one { my ($self, $sql) = @_; return [used($self->tell($sql))] }

# Two sessions of one person at the same time: for the last use, one of them.
sub counts_pair {
    my ($self) = @_;
    my $other = eval { JitClient->new($self->{server}, $self->{person}, application_name => "$self->{id}-2") };
    return $self->counts_one('SELECT token FROM app.few LIMIT 2') if !$other || $other->{gone};
    $other->send_query('SELECT token FROM app.few LIMIT 3');
    my $mine = used($self->tell('SELECT token FROM app.few LIMIT 2'));
    local $JitClient::patience = $silent;
    my $answer = eval { $other->finish } // {gone => 1};
    $other->close if !$answer->{gone};
    return ([$mine], [used($answer->{gone} ? 'unknown' : $answer->{error} ? 'no' : 'ok', $answer)]);
}

my %habit = (
    asks => [ask => 50, tries => 20, gives_back => 12, counts => 8, decides => 20, breaks_glass => 8],
    both => [ask => 30, tries => 10, gives_back => 8, decides => 30, votes_for_oneself => 8, counts => 5, breaks_glass => 4, reviews => 4, delegates => 3],
    decides => [decides => 95, revokes => 1, reviews => 6, delegates => 5],
    administers => [administers => 10, revokes => 2, tries => 4],
);

sub live {
    my ($self) = @_;
    local $SIG{TERM} = sub { $self->{over} = 1 };
    local $SIG{PIPE} = 'IGNORE';
    my @habit = @{$habit{$self->{job}}};
    my %weight = @habit;
    my $sum = 0;
    $sum += $_ for values %weight;
    while (!$self->{over}) {
        $self->connection or last;
        my $at = rand $sum;
        for my $what (sort keys %weight) {
            next if ($at -= $weight{$what}) > 0;
            $self->$what;
            last;
        }
        # Without warning, and with whatever was going on.
        if ($self->chance(0.01)) { close $self->{wire}{socket}; $self->{wire} = undef }
        sleep $self->{job} eq 'administers' ? rand 0.4 : rand 0.06;
    }
    return;
}

1;
