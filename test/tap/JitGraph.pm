# JitGraph.pm: what stands in for Microsoft Graph: the part about PIM for Groups, read only. What it knows is in a file that a test changes.
package JitGraph;

use strict;
use warnings;
use parent 'JitReceiver';
use JSON::PP ();
use POSIX qw(strftime);
use Time::HiRes qw(sleep time);

our $group = 'aaaaaaaa-0000-0000-0000-00000000000a';
my $path = '/v1.0/identityGovernance/privilegedAccess/group';

# Weathers of its own, beside those of JitReceiver.pm: a status ("429 2" with Retry-After), "pages" (one instance a page), "elsewhere" (the list
# goes on at another host), "huge", "words" (no JSON), "late 3" (requests are answered after three seconds).
sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}" }
sub stamp { my ($at) = @_; return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $at) }
sub person { my ($n) = @_; return sprintf 'bbbbbbbb-0000-0000-0000-%012d', $n }

# activate(n, person => 1, hours => 2, ...): the n-th request of anybody, and its instance; what is given replaces what they would say.
sub activate {
    my ($self, $n, %how) = @_;
    my $request = sprintf 'cccccccc-0000-0000-0000-%012d', $n;
    my $starts = time - ($how{ago} // 10);
    my %both = (principalId => person($how{person}), groupId => $group, accessId => 'member');
    my $all = $self->all;
    $all->{instances}{$n} = {%both, id => $request, assignmentType => 'Activated', memberType => 'Direct', startDateTime => stamp($starts), endDateTime => stamp($starts + ($how{hours} // 2) * 3_600),
        assignmentScheduleId => "${group}_member_$request", %{$how{instance} // {}}};
    $all->{requests}{$request} = {%both, id => $request, status => 'Provisioned', targetScheduleId => "${group}_member_$request", justification => "reason $n",
        ticketInfo => {ticketNumber => "INC$n", ticketSystem => 'x'}, %{$how{request} // {}}};
    return $self->write($all);
}
sub deactivate { my ($self, $n) = @_; my $all = $self->all; delete $all->{instances}{$n}; return $self->write($all) }
sub all { my ($self) = @_; open my $in, '<', "$self->{dir}/state" or return {instances => {}, requests => {}}; local $/; return JSON::PP::decode_json(<$in>) }
sub write {
    my ($self, $all) = @_;
    open my $out, '>', "$self->{dir}/state.new" or die "state: $!\n";
    print {$out} JSON::PP::encode_json($all);
    close $out;
    rename "$self->{dir}/state.new", "$self->{dir}/state" or die "state: $!\n";
    return;
}

sub answer {
    my ($self, $connection, $first, $headers, $body) = @_;
    my $weather = $self->current;
    return $self->SUPER::answer($connection, $first, $headers, $body) if $weather =~ /^(?:silence|reset|garbage|cut|endless|redirect)/;
    my ($method, $target) = split / /, $first;
    my ($status, $more, $text) = $self->say($weather, $method, $target, $headers);
    $self->note(first => $first, headers => $headers, body => '', status => $status);
    syswrite $connection, "HTTP/1.1 $status Said\r\n${more}Content-Type: application/json\r\nrequest-id: 1\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    return 1;
}

sub say {
    my ($self, $weather, $method, $target, $headers) = @_;
    my $refused = sub { return ($_[0], $_[1] // '', '{"error":{"code":"Refused"}}') };
    return $refused->(401) if ($headers->{authorization} // '') !~ /^Bearer \S+$/;
    return $refused->(405) if $method ne 'GET';
    return $refused->($1, defined $2 ? "Retry-After: $2\r\n" : '') if $weather =~ /^(\d{3})(?: (\d+))?$/;
    return (200, '', 'all is well') if $weather eq 'words';
    my $all = $self->all;
    if ($target =~ m{^\Q$path\E/assignmentScheduleRequests/([0-9a-f-]+)$}) {
        sleep $1 if $weather =~ /^late (\S+)/;
        my ($id) = $target =~ m{([0-9a-f-]+)$};
        return $all->{requests}{$id} ? (200, '', JSON::PP::encode_json($all->{requests}{$id})) : $refused->(404);
    }
    my ($id, $rest) = $target =~ m{^\Q$path\E/assignmentScheduleInstances\?\$filter=groupId%20eq%20%27([0-9a-f-]{36})%27(.*)$} or return $refused->(400);
    my @list = map { $all->{instances}{$_} } sort { $a <=> $b } grep { $id eq $group } keys %{$all->{instances}};
    return (200, '', JSON::PP::encode_json({value => \@list, padding => 'x' x 2_000_000})) if $weather eq 'huge';
    return (200, '', JSON::PP::encode_json({value => [], '@odata.nextLink' => $self->{elsewhere}})) if $weather eq 'elsewhere';
    return (200, '', JSON::PP::encode_json({'@odata.context' => 'x', value => \@list})) if $weather ne 'pages';
    my $page = $rest =~ /^&\$skiptoken=(\d+)$/ ? $1 : 0;
    my %answer = (value => [$page < @list ? $list[$page] : ()]);
    $answer{'@odata.nextLink'} = $self->url . ($target =~ s/&\$skiptoken=.*//r) . '&$skiptoken=' . ($page + 1) if $page + 1 < @list;
    return (200, '', JSON::PP::encode_json(\%answer));
}

1;
