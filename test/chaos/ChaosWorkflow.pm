# ChaosWorkflow.pm: the invariants of stages, delegations, extensions, broken glass and rules, for ChaosCheck.pm.
package ChaosWorkflow;

use strict;
use warnings;
use ChaosScene;
use Exporter 'import';

our @EXPORT = qw(judge_rows judge_workflow may_vote extensions);

# Seconds between the commit of a delegation and the votes that certainly have to heed it, and the other way round.
my $slack = 0.5;

# Whether somebody is an approver under a policy: of this stage, or of any.
sub may_vote {
    my ($policy, $person, $stage) = @_;
    my @stages = @{$approvers_of{$policy} // [qr/^(?:l\d|p7|p8)$/]};
    return scalar grep { $person =~ $_ } defined $stage ? $stages[$stage - 1] // () : @stages;
}

# The extensions of a right that were granted, in the order of their time.
sub extensions {
    my ($request_of, $id) = @_;
    return sort { $a->{starts_at} <=> $b->{starts_at} }
        grep { defined $_->{extends} && $_->{extends} == $id && $_->{state} =~ /^(?:approved|ended)$/ } values %$request_of;
}

# What holds in every snapshot.
sub judge_rows {
    my ($seen, $request_of) = @_;
    my @found;
    my $find = sub { push @found, [@_] };
    my (%owed, %extended);
    for my $request (@{$seen->{requests}}) {
        my $id = $request->{id};
        my $glass = $request->{break_glass} eq 't';
        # glass-is-reviewed
        $find->('glass-is-reviewed', "request $id broke glass and its review is $request->{review}") if $glass && $request->{review} !~ /^(?:awaiting|done)$/;
        $find->('glass-is-reviewed', "request $id broke no glass and its review is $request->{review}") if !$glass && $request->{review} ne 'none';
        $find->('one-review-owed', "$request->{person} owes more than one review") if $request->{review} eq 'awaiting' && $owed{$request->{person}}++ == 1;
        # extensions-follow: one state and one end with the right
        next if !defined $request->{extends} || $request->{state} !~ /^(?:approved|ended)$/;
        my $right = $request_of->{$request->{extends}};
        $find->('extensions-follow', "request $id extends nothing that is there"), next if !$right;
        $extended{$right->{id}} = 1;
        $find->('extensions-follow', "request $id is $request->{state}, the right $right->{id} that it extends is $right->{state}")
            if "$request->{state} " . ($request->{end_reason} // '') ne "$right->{state} " . ($right->{end_reason} // '');
        $find->('extensions-follow', "request $id is of $request->{person} under $request->{policy}, the right is not")
            if "$request->{person} $request->{policy}" ne "$right->{person} $right->{policy}";
    }
    for my $id (sort { $a <=> $b } keys %extended) {
        my @more = extensions($request_of, $id);
        $find->('extensions-follow', "the right $id ends at $request_of->{$id}{ends_at}, its last extension at $more[-1]{ends_at}") if $request_of->{$id}{ends_at} ne $more[-1]{ends_at};
        $find->('extensions-follow', "request $more[$_]{id} does not begin where the one before it ends") for grep { $more[$_]{starts_at} ne $more[$_ - 1]{ends_at} } 1 .. $#more;
    }
    return @found;
}

# Whether one of two people certainly stood in for the other at that moment, under whatever policy.
sub partners {
    my ($delegations, $one, $other, $at) = @_;
    return scalar grep {
        (($_->{person} eq $one && $_->{delegate} eq $other) || ($_->{person} eq $other && $_->{delegate} eq $one))
            && $_->{starts_at} <= $at && ($_->{committed} // $_->{starts_at}) + $slack < $at && $_->{ends_at} > $at && (!defined $_->{ended_at} || $_->{ended_at} > $at)
    } @$delegations;
}

# What holds of the whole history.
sub judge_workflow {
    my ($seen, $request_of) = @_;
    my @found;
    my $find = sub { push @found, [@_] };
    my (%votes, %event, %approval);
    push @{$votes{$_->{request}}}, $_ for @{$seen->{votes}};
    push @{$event{$_->{request}}{$_->{event}}}, $_ for @{$seen->{events}};
    $approval{$_->{request}} = 1 for @{$seen->{approvals}};
    for my $id (sort { $a <=> $b } keys %$request_of) {
        my $request = $request_of->{$id};
        my ($policy, @votes) = ($request->{policy}, sort { $a->{voted_at} <=> $b->{voted_at} } @{$votes{$id} // []});
        my ($given, %acted, %used, %stage) = ($event{$id}{approved}, ());
        for my $vote (@votes) {
            my $giver = $vote->{for_whom} // $vote->{voter};
            # stages-are-distinct: nobody votes twice, and no right to vote is used twice, by its owner or in his place. Whose
            # right somebody else has used may still vote in the place of a third: two people with two rights.
            $find->('stages-are-distinct', "request $id: $vote->{voter} voted, who had voted") if $acted{$vote->{voter}}++;
            $find->('stages-are-distinct', "request $id: $vote->{voter} used the vote of $giver, which was used up") if $used{$giver}++ || ($giver ne $vote->{voter} && $acted{$giver});
            # stands-in: whom a delegation named, while it lasted
            $find->('stands-in', "request $id: $vote->{voter} voted in the place of $giver, who had not said so") if $giver ne $vote->{voter} && !grep {
                $_->{person} eq $giver && $_->{delegate} eq $vote->{voter} && (!defined $_->{policy} || $_->{policy} eq $policy)
                    && $_->{starts_at} <= $vote->{voted_at} && $_->{ends_at} > $vote->{voted_at} && ($_->{ended_at} // $vote->{voted_at}) + $slack >= $vote->{voted_at}
            } @{$seen->{delegations}};
            # no-vote-of-a-partner
            for my $person (keys %{{map { ($_ => 1) } $vote->{voter}, $giver}}) {
                $find->('no-vote-of-a-partner', "request $id of $request->{person}: $person voted, one of whom stands in for the other")
                    if $person eq $request->{person} || partners($seen->{delegations}, $person, $request->{person}, $vote->{voted_at});
            }
            next if $vote->{vote} ne 'approve';
            $find->('stages-have-votes', "request $id: $giver, no approver of stage $vote->{stage}, voted in it") if !may_vote($policy, $giver, $vote->{stage});
            $stage{$vote->{stage}}++ if may_vote($policy, $giver, $vote->{stage});
        }
        my $rule = $given ? $given->[0]{rule} : undef;
        if ($given && $request->{break_glass} ne 't' && !defined $rule) {
            for my $stage (1 .. @{$approvers_of{$policy} // []}) {
                $find->('stages-have-votes', "request $id is approved without a vote in stage $stage") if !$stage{$stage};
            }
        }
        # rules-decide
        my $denied = grep { defined $_->{rule} } @{$event{$id}{denied} // []};
        $find->('rules-decide', "request $id was denied by a rule and is $request->{state}") if $denied && $request->{state} ne 'denied';
        $find->('rules-decide', "request $id was denied by a rule and has an approval") if $denied && ($given || $approval{$id});
        $find->('rules-decide', "request $id was decided by a rule and has votes") if ($denied || defined $rule) && @votes;
        if ($policy eq 'ruled') {
            my $by = $request->{duration} <= $approved_by_rule ? 'approved' : $request->{duration} > $denied_by_rule ? 'denied' : 'nobody';
            my $was = $denied ? 'denied' : defined $rule ? 'approved' : 'nobody';
            $find->('rules-decide', "request $id for $request->{duration} s: a rule decides $by, the events say $was") if $by ne $was;
        }
        # glass-is-reviewed: done by one word of somebody else
        my @words = @{$event{$id}{reviewed} // []};
        $find->('glass-is-reviewed', "request $id: its review is $request->{review}, and " . @words . ' said so') if @words != ($request->{review} eq 'done' ? 1 : 0);
        $find->('glass-is-reviewed', "request $id: $request->{person} reviewed it alone") if grep { $_->{actor} eq $request->{person} } @words;
    }
    return @found;
}

1;
