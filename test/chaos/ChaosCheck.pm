# ChaosCheck.pm: the invariants of INVARIANTS.md, by the names that stand there. They are judged from rows, from the
# server's commit timestamps, and from what the clients were told; nothing here calls a function of jit_guard, so that
# the checker also works on a server without the library.
package ChaosCheck;

use strict;
use warnings;
use ChaosScene;
use ChaosWorkflow;
use Exporter 'import';

our @EXPORT = qw(look judge judge_told read_logs);

my @tables = qw(requests votes approvals loans events rows delegations);
my %sql = (
    requests => q{SELECT request_id, policy, person_name, state, end_reason, reason, extract(epoch FROM starts_at), extract(epoch FROM ends_at),
        extract(epoch FROM duration), decided_at IS NOT NULL, ended_at IS NOT NULL, extract(epoch FROM pending_until), narrowed,
        extends, break_glass, review, extract(epoch FROM decided_at) FROM jit.requests},
    votes => q{SELECT request_id, voter_name, vote, comment, extract(epoch FROM duration), stage, for_whom_name, extract(epoch FROM voted_at) FROM jit.votes},
    approvals => q{SELECT a.request_id, extract(epoch FROM a.starts_at), extract(epoch FROM a.ends_at), p.name, r.rolname
        FROM jit.approvals a LEFT JOIN jit.policies p USING (policy_id) LEFT JOIN pg_authid r ON r.oid = a.person},
    loans => q{SELECT r.rolname, m.rolname FROM pg_auth_members l JOIN pg_authid r ON r.oid = l.roleid JOIN pg_authid m ON m.oid = l.member
        WHERE l.grantor = 'jit_lender'::regrole},
    events => q{SELECT event_id, event, request_id, person, actor, extract(epoch FROM happened_at), detail ->> 'vote', detail ->> 'rule'
        FROM jit.events WHERE request_id IS NOT NULL ORDER BY event_id},
    delegations => q{SELECT d.person_name, d.delegate_name, d.policy, extract(epoch FROM d.starts_at), extract(epoch FROM d.ends_at), extract(epoch FROM d.ended_at),
        extract(epoch FROM e.happened_at)
        FROM jit.delegations d LEFT JOIN jit.events e ON e.event = 'delegated' AND e.detail ->> 'delegation' = d.delegation_id::text},
    rows => join(' UNION ALL ', map { "SELECT '$_', token, who, extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM $table_of{$_} WHERE who <> 'nobody'" } policies()),
);
my %names = (
    requests => [qw(id policy person state end_reason reason starts_at ends_at duration decided ended pending_until narrowed
        extends break_glass review decided_at)],
    votes => [qw(request voter vote comment duration stage for_whom voted_at)],
   , approvals => [qw(request starts_at ends_at policy person)], loans => [qw(role member)],
    events => [qw(id event request person actor committed vote rule)], delegations => [qw(person delegate policy starts_at ends_at ended_at committed)],
    rows => [qw(policy token who committed)],
);

# Everything as one snapshot of a connected client; without(...) leaves tables out.
sub look {
    my ($client, %without) = @_;
    $client->query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    my $seen = look_here($client, %without);
    $client->query('COMMIT');
    return $seen;
}

# The same within whatever transaction the client is in.
sub look_here {
    my ($client, %without) = @_;
    my %seen = (now => $client->value('SELECT extract(epoch FROM clock_timestamp())'));
    for my $table (grep { !$without{$_} } @tables) {
        my $answer = $client->query($sql{$table});
        die "$table: " . ($answer->{error} ? $answer->{error}{M} : 'the connection is gone') . "\n" if $answer->{error} || $answer->{gone};
        my $names = $names{$table};
        $seen{$table} = [map { my $row = $_; +{map { ($names->[$_] => $row->[$_]) } 0 .. $#$names} } @{$answer->{rows}}];
    }
    return \%seen;
}

# ---- rows against rows ----

# One step: state and event lead to a state, or nowhere (extension/core/lifecycle.hpp).
my %step = (
    new => {requested => 'pending', break_glass => 'pending'},
    pending => {vote => 'pending', stage_reached => 'pending', approved => 'approved', denied => 'denied', cancelled => 'cancelled', timed_out => 'timed_out'},
    approved => {extended => 'approved', reviewed => 'approved', map { ($_ => 'ended') } qw(expired released revoked used_up)},
    ended => {reviewed => 'ended'},
);
my %is_loan = map { ($_ => 1) } qw(loan_granted loan_returned loan_refused);

# Findings as [invariant, text].
sub judge {
    my ($seen, %how) = @_;
    my @found;
    my $find = sub { push @found, [@_] };
    my %request = map { ($_->{id} => $_) } @{$seen->{requests}};
    my %approval;
    $approval{$_->{request}}++ for @{$seen->{approvals}};
    # approved-is-approved
    for my $approval (@{$seen->{approvals}}) {
        my $request = $request{$approval->{request}};
        $find->('approved-is-approved', "approval $approval->{request} without an approved request") if !$request || $request->{state} ne 'approved';
        for my $what ($request ? qw(starts_at ends_at policy person) : ()) {
            $find->('approved-is-approved', "approval $approval->{request} and its request differ in $what") if ($approval->{$what} // '') ne ($request->{$what} // '');
        }
        $find->('over-is-over', "approval $approval->{request} is there " . ($seen->{now} - $approval->{ends_at}) . ' s after its end')
            if defined $how{late} && $approval->{ends_at} < $seen->{now} - $how{late};
    }
    for my $request (@{$seen->{requests}}) {
        # An extension has no approval of its own: it moved the end of the right that it extends.
        my $wanted = defined $request->{extends} ? 0 : 1;
        $find->('approved-is-approved', "request $request->{id} is approved and has $_ approvals")
            for grep { $request->{state} eq 'approved' && $_ != $wanted } $approval{$request->{id}} // 0;
        $find->('over-is-over', "request $request->{id} is still pending")
            if defined $how{late} && $request->{state} eq 'pending' && $request->{pending_until} < $seen->{now} - $how{late};
    }
    # loan-is-lent: a marked membership belongs to a live approval of that person
    for my $loan (@{$seen->{loans}}) {
        next if grep { $_->{policy} eq 'elev' && $_->{person} eq $loan->{member} && $_->{starts_at} <= $seen->{now} && $_->{ends_at} > $seen->{now} - ($how{late} // 0) } @{$seen->{approvals}};
        $find->('loan-is-lent', "$loan->{member} is a member of $loan->{role} without an approval") if defined $how{late};
    }
    push @found, judge_rows($seen, \%request);
    return @found if !$seen->{events};
    return (@found, judge_history($seen, \%request), judge_workflow($seen, \%request));
}

sub judge_history {
    my ($seen, $request_of) = @_;
    my @found;
    my $find = sub { push @found, [@_] };
    my (%votes, %history, %lent);
    push @{$votes{$_->{request}}}, $_ for @{$seen->{votes}};
    push @{$history{$_->{request}}}, $_ for @{$seen->{events}};
    for my $id (sort { $a <=> $b } keys %{{%$request_of, %history}}) {
        my ($request, $state, $last, %voted) = ($request_of->{$id}, 'new', '');
        $find->('history-is-state', "there are events of request $id, which does not exist"), next if !$request;
        for my $event (@{$history{$id} // []}) {
            if ($is_loan{$event->{event}}) {
                $find->('history-is-state', "request $id: $event->{event} in state $state") if $state eq 'new' || $state eq 'pending';
                next;
            }
            push @{$voted{$event->{actor}}}, $event->{vote} if $event->{event} eq 'vote';
            my $next = $step{$state}{$event->{event}};
            $find->('history-is-state', "request $id: $event->{event} ($event->{id}) in state $state"), next if !$next;
            ($state, $last) = ($next, $event->{event} eq 'reviewed' ? $last : $event->{event});
        }
        # What extends a right ends with it, without an event of its own.
        ($state, $last) = ('ended', $request->{end_reason} // '') if defined $request->{extends} && $state eq 'approved' && $request->{state} eq 'ended';
        $find->('history-is-state', "request $id is $request->{state}, its events lead to $state") if $state ne $request->{state};
        $find->('history-is-state', "request $id ended as " . ($request->{end_reason} // 'nothing') . ", its last event is $last") if $state eq 'ended' && $last ne ($request->{end_reason} // '');
        my $decided = $state =~ /^(?:approved|denied|ended)$/ ? 't' : 'f';
        my $over = $state =~ /^(?:pending|approved)$/ ? 'f' : 't';
        $find->('history-is-state', "request $id in state $state: decided $request->{decided}, ended $request->{ended}")
            if $request->{decided} ne $decided || ($request->{ended} ne $over && $state ne 'new');
        # votes-count-once
        my @votes = @{$votes{$id} // []};
        my %row = map { ($_->{voter} => $_->{vote}) } @votes;
        for my $voter (keys %{{%row, %voted}}) {
            my @said = @{$voted{$voter} // []};
            $find->('votes-count-once', "request $id: $voter has " . (exists $row{$voter} ? 1 : 0) . ' votes and ' . @said . ' vote events')
                if @said != 1 || ($row{$voter} // '') ne $said[0];
            $find->('votes-are-others', "request $id: $voter voted, who asked") if $voter eq $request->{person};
        }
        for my $vote (@votes) {
            my $giver = $vote->{for_whom} // $vote->{voter};
            $find->('votes-are-others', "request $id: $vote->{voter} voted, $giver is no approver") if !may_vote($request->{policy}, $giver);
        }
        my @yes = grep { $_->{vote} eq 'approve' } @votes;
        my $no = @votes - @yes;
        my %rule = map { ($_->{event} => $_->{rule}) } @{$history{$id} // []};
        my $needed = $request->{break_glass} eq 't' || defined $rule{approved} ? 0 : $needed{$request->{policy}};
        my $approved = defined $request->{ends_at} && $decided eq 't' && $state ne 'denied';
        $find->('votes-decide', "request $id is $state with " . @yes . " of $needed votes and $no against") if $approved && (@yes < $needed || $no > 0);
        $find->('votes-decide', "request $id has $no votes against and is $state") if $state eq 'denied' && !defined $rule{denied} ? $no != 1 : $no != 0;
        $find->('votes-decide', "request $id has " . @yes . " of $needed votes and is $state") if $state eq 'pending' && @yes >= $needed && $request->{policy} ne 'flip';
        # window-is-granted
        next if !$approved;
        my ($most) = sort { $a <=> $b } $request->{duration}, 11, map({ $_->{duration} // () } @yes);
        $most += $_ for map { $_->{ends_at} - $_->{starts_at} } extensions($request_of, $id);
        $most = 11 if $most > 11;
        my $length = $request->{ends_at} - $request->{starts_at};
        $find->('window-is-granted', "request $id holds for $length s, $most s were granted") if $length <= 0 || $length > $most + 0.000_01;
    }
    # loans-alternate: lent, taken back, lent ...
    for my $event (grep { $_->{event} =~ /^loan_(?:granted|returned)$/ } @{$seen->{events}}) {
        my $lent = \$lent{$event->{person}};
        my $granted = $event->{event} eq 'loan_granted';
        $find->('loans-alternate', "$event->{person}: $event->{event} (event $event->{id}), " . ($$lent ? 'lent already' : 'not lent')) if $granted == ($$lent // 0);
        $$lent = $granted ? 1 : 0;
    }
    my %member = map { ($_->{member} => 1) } @{$seen->{loans}};
    for my $person (sort keys %{{%lent, %member}}) {
        $find->('loans-alternate', "$person is " . ($member{$person} ? '' : 'not ') . 'a member, the events say otherwise') if ($lent{$person} // 0) != ($member{$person} // 0);
    }
    return @found;
}

# ---- what clients were told against rows ----

sub read_logs {
    my (@files) = @_;
    my @lines;
    for my $file (@files) {
        open my $in, '<', $file or die "$file: $!\n";
        while (my $line = <$in>) {
            chomp $line;
            my ($kind, $person, $t0, $t1, $outcome, @more) = split /\t/, $line, -1;
            next if !defined $outcome; # the client was killed while it wrote
            push @lines, {kind => $kind, person => $person, t0 => $t0, t1 => $t1, outcome => $outcome, map({ split /=/, $_, 2 } @more)};
        }
    }
    return @lines;
}

# When which right was held: person and policy => [[from, to, request], ...]. From: its decision was made, and it starts; to: its
# end, or when it was ended sooner. (Not by commit times: the keeper writes the number in the ledger into the row of an event.)
sub windows {
    my ($seen) = @_;
    my (%from, %to, %windows);
    for my $event (@{$seen->{events}}) {
        $from{$event->{request}} = $event->{committed} if $event->{event} eq 'approved';
        $to{$event->{request}} = $event->{committed} if $event->{event} =~ /^(?:released|revoked|used_up)$/;
    }
    my %request_of = map { ($_->{id} => $_) } @{$seen->{requests}};
    for my $request (grep { exists $from{$_->{id}} && !defined $_->{extends} } @{$seen->{requests}}) {
        my $from = $from{$request->{id}} > $request->{starts_at} ? $from{$request->{id}} : $request->{starts_at};
        my $over = $to{$request->{id}} // $request->{ends_at};
        my $until = sub { $_[0] < $over ? $_[0] : $over };
        # An extension that was committed after what was the end leaves a gap.
        my $windows = $windows{"$request->{person} $request->{policy}"} //= [];
        for my $more (grep { exists $from{$_->{id}} && $from{$_->{id}} > $_->{starts_at} } extensions(\%request_of, $request->{id})) {
            push @$windows, [$from, $until->($more->{starts_at}), $request->{id}];
            $from = $from{$more->{id}};
        }
        push @$windows, [$from, $until->($request->{ends_at}), $request->{id}];
    }
    return \%windows;
}

# Is there a right that had begun by `begun` and was not over at `alive`? Otherwise how much too late the closest one was.
sub held {
    my ($windows, $begun, $alive, $slack) = @_;
    my $closest;
    for my $window (@{$windows // []}) {
        next if $window->[0] > $begun + $slack;
        my $late = $alive - $window->[1];
        return (1) if $late <= $slack;
        $closest = [$late, $window->[2]] if !$closest || $late < $closest->[0];
    }
    return (0, $closest ? sprintf('%.3f s after the end of %d', @$closest) : 'without an approval');
}

sub judge_told {
    my ($seen, $told, %how) = @_; # slack: seconds; log: the server's
    my @found;
    my $find = sub { push @found, [@_] };
    my $windows = windows($seen);
    my $slack = $how{slack};
    my %request_of = map { ($_->{reason} => $_) } grep { defined $_->{reason} } @{$seen->{requests}};
    my %vote_of = map { ($_->{comment} => $_) } grep { defined $_->{comment} } @{$seen->{votes}};
    # Whoever has voted closes a request of "flip" with the same call when the policy asks for less meanwhile.
    my %closes = map { ("$_->{request} $_->{voter}" => 1) } grep { $_->{vote} eq 'approve' } @{$seen->{votes}};
    my %policy_of = map { ($_->{id} => $_->{policy}) } @{$seen->{requests}};
    my %row_of;
    push @{$row_of{$_->{token}}}, $_ for @{$seen->{rows}};
    my %happened;
    $happened{"$_->{request} $_->{event} $_->{actor}"}++ for @{$seen->{events}};
    my %uses;
    my %word = (cancel => 'cancelled', release => 'released', revoke => 'revoked', review => 'reviewed');
    for my $line (@$told) {
        my ($kind, $outcome, $person) = @$line{qw(kind outcome person)};
        if ($kind eq 'silence') {
            $find->('always-an-answer', "$person waited in vain: $line->{sql}");
        } elsif ($kind eq 'own_vote') {
            $find->('votes-are-others', "$person was allowed to vote on request $line->{request}, their own") if $outcome eq 'ok';
        } elsif ($kind eq 'request' || $kind eq 'vote') {
            my $row = $kind eq 'request' ? $request_of{$line->{token}} : $vote_of{$line->{token}};
            next if $kind eq 'vote' && $outcome eq 'ok' && $line->{vote} eq 'approve' && ($policy_of{$line->{request}} // '') eq 'flip'
                && $closes{"$line->{request} $person"};
            $find->("told-is-true", "$person was told that $kind $line->{token} is made, and it is not there") if $outcome eq 'ok' && !$row;
            $find->("told-is-true", "$person was told that $kind $line->{token} is not made, and it is there") if $outcome eq 'no' && $row;
        } elsif ($word{$kind}) {
            my $count = $happened{"$line->{request} $word{$kind} $person"} // 0;
            $find->('told-is-true', "$person was told of the $kind of request $line->{request}: $count events") if $outcome eq 'ok' && $count != 1;
        } elsif ($kind eq 'write') {
            my $count = @{$row_of{$line->{token}} // []};
            $find->('told-is-true', "$person was told that write $line->{token} is committed: $count rows") if $outcome eq 'ok' && $count != 1;
            $find->('told-is-true', "$person was told that write $line->{token} is not committed: $count rows") if $outcome eq 'no' && $count != 0;
        } elsif ($kind eq 'use') {
            $uses{$line->{request}}{$outcome}++;
        } elsif ($kind eq 'read' && $outcome eq 'ok') {
            my ($good, $why) = held($windows->{"$person $line->{policy}"}, $line->{t1}, $line->{until}, $slack);
            $find->('reads-are-held', sprintf '%s read under %s at %.3f until %.3f %s', $person, @$line{qw(policy t0 until)}, $why) if !$good;
        }
    }
    # uses-are-counted: never one more than there are; used up only when they were
    my %ended = map { ($_->{id} => $_->{end_reason} // '') } @{$seen->{requests}};
    for my $id (sort { $a <=> $b } keys %uses) {
        my ($ok, $unknown) = map { $uses{$id}{$_} // 0 } qw(ok unknown);
        $find->('uses-are-counted', "$ok uses of request $id, which had $few") if $ok > $few;
        $find->('uses-are-counted', "request $id is used up after $ok uses and $unknown without an answer") if $ended{$id} eq 'used_up' && $ok + $unknown < $few;
    }
    for my $row (@{$seen->{rows}}) {
        my ($good, $why) = held($windows->{"$row->{who} $row->{policy}"}, $row->{committed}, $row->{committed}, $slack);
        $find->('writes-are-held', sprintf '%s committed %s under %s at %.3f %s', @$row{qw(who token policy committed)}, $why) if !$good;
    }
    # uses-are-recorded: the line was written before the statement ran
    if (defined $how{log}) {
        my %recorded;
        open my $in, '<', $how{log} or die "$how{log}: $!\n";
        while (my $line = <$in>) {
            $recorded{$1} = 1 if $line =~ /\{"jit_guard": ?"use".*INSERT INTO \S+ \(token\) VALUES \('([^']+)'\)/;
        }
        $find->('uses-are-recorded', "nothing is recorded of $_->{token}, written by $_->{who} under $_->{policy}") for grep { !$recorded{$_->{token}} && $_->{policy} ne 'elev' } @{$seen->{rows}};
    }
    return @found;
}

1;
