# JitAzure.pm: what stands in for Azure in tests: the metadata service of a virtual machine, the token endpoint of a tenant, and the Logs
# Ingestion API. 082_azure.pl lets the clients of others use it too, which says that it is like the real one.
package JitAzure;

use strict;
use warnings;
use parent 'JitReceiver';
use IO::Compress::Gzip ();
use IO::Uncompress::Gunzip ();
use JSON::PP ();

our $rule = 'dcr-000a00a000a00000a000000aa000a0aa';

# new(dir, role => 'metadata' | 'tenant' | 'ingestion' | 'vault'). Beside the weathers of JitReceiver.pm:
#   metadata and tenant: "life 8" (seconds that tokens are good for), a status;
#   ingestion: "refuses tok-1" (401 for that token), "most 5" (413 for more records than that), "400 word", "429 2", a status;
#   vault: "holds TEXT" (what its secret "hook" is), "refuses tok-1", a status.
sub address {
    my ($self) = @_;
    return "127.0.0.1:$self->{port}";
}
sub stream_url { my ($self) = @_; return 'http://' . $self->address . "/dataCollectionRules/$rule/streams/Custom-JitGuardAudit?api-version=2023-01-01" }

# The tokens that were given, and the rows that were taken, in order.
sub given { my ($self) = @_; return grep { $_->{status} == 200 } $self->requests }
sub batches { my ($self) = @_; return map { JSON::PP::decode_json(unpacked($_->{body})) } grep { $_->{status} == 204 } $self->requests }
sub rows { my ($self) = @_; return map { @$_ } $self->batches }

sub unpacked {
    my ($packed) = @_;
    my $out = '';
    IO::Uncompress::Gunzip::gunzip(\$packed, \$out, Strict => 1, TrailingData => \my $rest) or return '';
    return defined $rest && length $rest ? '' : $out;
}
sub decoded { my ($text) = @_; $text =~ tr/+/ /; $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; return $text }
sub form { my ($text) = @_; return map { my ($n, $v) = split /=/, $_, 2; (decoded($n), decoded($v // '')) } split /&/, $text }

sub answer {
    my ($self, $connection, $first, $headers, $body) = @_;
    my $weather = $self->current;
    return $self->SUPER::answer($connection, $first, $headers, $body) if $weather =~ /^(?:silence|reset|garbage|cut|endless|redirect)/;
    my ($method, $target) = split / /, $first;
    my ($path, $query) = split /\?/, $target, 2;
    my %query = form($query // '');
    my ($status, $more, $said) = $self->${\"answer_$self->{role}"}($weather, $method, $path, \%query, $headers, $body);
    $self->note(first => $first, headers => $headers, body => $body, status => $status);
    syswrite $connection, "HTTP/1.1 $status Said\r\n${more}Content-Type: application/json\r\n" . ($status == 204 ? "\r\n" : 'Content-Length: ' . length($said) . "\r\n\r\n$said");
    return 1;
}

sub refusal { my ($status, $word, $more) = @_; return ($status, $more // '', JSON::PP::encode_json({error => $word, error_description => 'SECRET-DESCRIPTION', error_codes => [7000215], trace_id => '0a1b-2c'})) }
sub said { my ($weather) = @_; return $weather =~ /^(\d{3})(?: (\d+))?$/ ? ($1, defined $2 ? "Retry-After: $2\r\n" : '') : () }
sub token {
    my ($self, $weather, $resource, $as_text) = @_;
    my $life = $weather =~ /^life (\d+)/ ? $1 : 3_600;
    my $number = 1 + $self->given;
    my $ends = time + $life;
    return (200, '', JSON::PP::encode_json({token_type => 'Bearer', access_token => "$self->{role}.tok-$number", resource => $resource,
        $as_text ? (expires_in => '86400', expires_on => "$ends", refresh_token => '') : (expires_in => $life)}));
}

sub answer_metadata {
    my ($self, $weather, $method, $path, $query, $headers) = @_;
    # A client that asks without the header wants to know whether there is a service at all.
    return refusal(400, 'bad_request_102') if $method ne 'GET' || ($headers->{metadata} // '') ne 'true' || exists $headers->{'x-forwarded-for'};
    return refusal(404, 'not_found') if $path !~ m{^/metadata/identity/oauth2/token/?$};
    return refusal(400, 'invalid_request') if ($query->{'api-version'} // '') ne '2018-02-01' || !$query->{resource};
    if (my ($status, $more) = said($weather)) { return refusal($status, 'invalid_request', $more) }
    return $self->token($weather, $query->{resource}, 1);
}

sub answer_tenant {
    my ($self, $weather, $method, $path, $query, $headers, $body) = @_;
    my %form = form($body);
    return refusal(404, 'not_found') if $method ne 'POST' || $path ne '/tenant-1/oauth2/v2.0/token';
    return refusal(400, 'unsupported_grant_type') if ($form{grant_type} // '') ne 'client_credentials';
    return refusal(400, 'invalid_scope') if ($form{scope} // '') !~ m{^https://\S+/\.default$};
    if (my ($status, $more) = said($weather)) { return refusal($status, 'temporarily_unavailable', $more) }
    my $known = ($form{client_id} // '') eq 'client-1' && (defined $form{client_secret} ? $form{client_secret} eq 'top secret&+'
        : ($form{client_assertion_type} // '') eq 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' && ($form{client_assertion} // '') =~ /^[\w-]+\.[\w-]+\.[\w-]+$/);
    return refusal(401, 'invalid_client') unless $known;
    return $self->token($weather, $form{scope}, 0);
}

sub answer_vault {
    my ($self, $weather, $method, $path, $query, $headers) = @_;
    my ($token) = ($headers->{authorization} // '') =~ /^Bearer (\S+)$/;
    return refusal(401, 'Unauthorized') if !defined $token || $token !~ /tok-\d+$/ || ($weather =~ /^refuses (\S+)/ && $token =~ /\Q$1\E$/);
    if (my ($status, $more) = said($weather)) { return refusal($status, 'Forbidden', $more) }
    return refusal(404, 'SecretNotFound') if $method ne 'GET' || $path !~ m{^/secrets/hook(?:/[0-9a-f]{32})?$} || ($query->{'api-version'} // '') ne '7.4';
    my ($value) = $weather =~ /^holds (.*)$/s;
    return (200, '', JSON::PP::encode_json({value => $value // 'none', id => "https://v.vault.azure.net$path", attributes => {enabled => JSON::PP::true()}}));
}

sub answer_ingestion {
    my ($self, $weather, $method, $path, $query, $headers, $body) = @_;
    my ($token) = ($headers->{authorization} // '') =~ /^Bearer (\S+)$/;
    return refusal(401, 'InvalidToken') if !defined $token || ($token !~ /tok-\d+$/ && !$self->{any_token});
    return refusal(401, 'InvalidToken') if $weather =~ /^refuses (\S+)/ && $token =~ /\Q$1\E$/;
    return refusal(404, 'NotFound') if $method ne 'POST' || $path ne "/dataCollectionRules/$rule/streams/Custom-JitGuardAudit" || ($query->{'api-version'} // '') ne '2023-01-01';
    return refusal(415, 'UnsupportedMediaType') if ($headers->{'content-type'} // '') !~ m{^application/json};
    my $json = ($headers->{'content-encoding'} // '') eq 'gzip' ? unpacked($body) : $body;
    return refusal(413, 'ContentLengthLimitExceeded') if length $json > 1_048_576;
    my $rows = eval { JSON::PP::decode_json($json) };
    return refusal(400, 'InvalidPayload') if ref $rows ne 'ARRAY' || grep { ref ne 'HASH' } @$rows;
    return refusal(413, 'ContentLengthLimitExceeded') if $weather =~ /^most (\d+)/ && @$rows > $1;
    return refusal(400, 'InvalidPayload') if $weather =~ /^400 (.+)/ && index($json, $1) >= 0;
    if (my ($status, $more) = said($weather)) { return refusal($status, 'Error', $more) }
    return (204, '', '');
}

1;
