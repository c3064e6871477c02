# JitStorage.pm: what stands in for Azure Blob Storage, and for the service that gives a machine its tokens. Blobs are files below dir/blobs,
# by their names; a blob that is there is not overwritten when the request says so.
package JitStorage;

use strict;
use warnings;
use parent 'JitReceiver';
use File::Basename qw(dirname);
use File::Path qw(make_path);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url);

# new(dir, role => 'metadata' | 'blobs', tls => ...). Weathers of its own: a status (429 and 503 with Retry-After: "503 1"), for every request
# or only for one method: "GET 403"; "refuses 1": 401 for the first token; "lies": 200 to a PUT, as something in between would say.
sub address { my ($self) = @_; return "127.0.0.1:$self->{port}" }
sub container { my ($self) = @_; return ($self->{tls} ? 'https://localhost' : 'http://127.0.0.1') . ":$self->{port}/account/anchors" }
sub path { my ($self, $name) = @_; return "$self->{dir}/blobs/account/anchors/$name" }
sub blob { my ($self, $name) = @_; open my $in, '<:raw', $self->path($name) or return; local $/; return scalar(<$in>) // '' }
sub plant { my ($self, $name, $text) = @_; make_path(dirname($self->path($name))); open my $out, '>:raw', $self->path($name) or die "$name: $!\n"; print {$out} $text; close $out; return }

# As Entra ID writes them, but signed by nobody: for storage, of its tenant, good for an hour.
sub token {
    my ($number) = @_;
    my %claims = (aud => 'https://storage.azure.com', iss => 'https://sts.windows.net/00000000-0000-0000-0000-00000000000a/', jti => "tok-$number",
        nbf => int(time) - 60, iat => int(time) - 60, exp => int(time) + 3_600, ver => '1.0', oid => '00000000-0000-0000-0000-00000000000b');
    return join '.', map { encode_base64url($_) } JSON::PP::encode_json({alg => 'RS256', typ => 'JWT'}), JSON::PP::encode_json(\%claims), 'unsigned';
}

sub answer {
    my ($self, $connection, $first, $headers, $body) = @_;
    my $weather = $self->current;
    return $self->SUPER::answer($connection, $first, $headers, $body) if $weather =~ /^(?:silence|reset|garbage|cut|endless|redirect)/;
    my ($method, $path) = split / /, $first;
    my ($status, $more, $text) = $self->{role} eq 'metadata' ? $self->give($path) : $self->store($weather, $method, $path, $headers, $body);
    $self->note(first => $first, headers => $headers, body => $body, status => $status);
    syswrite $connection, "HTTP/1.1 $status Said\r\n${more}Content-Length: " . length($text) . "\r\n\r\n$text";
    return 1;
}

sub give {
    my ($self, $path) = @_;
    my ($resource) = $path =~ /[?&]resource=([^&]+)/ or return (400, '', '{"error":"invalid_request"}');
    my $number = 1 + grep { $_->{status} == 200 } $self->requests;
    my %said = (token_type => 'Bearer', access_token => token($number), expires_in => '3600', expires_on => int(time) + 3_600, resource => $resource);
    return (200, "Content-Type: application/json\r\n", JSON::PP::encode_json(\%said));
}

sub error { my ($status, $code) = @_; return ($status, "x-ms-error-code: $code\r\nContent-Type: application/xml\r\n", "<?xml version=\"1.0\"?><Error><Code>$code</Code></Error>") }
sub store {
    my ($self, $weather, $method, $path, $headers, $body) = @_;
    my ($token) = ($headers->{authorization} // '') =~ /^Bearer [\w-]+\.([\w-]+)\.[\w-]+$/;
    my $claims = defined $token ? JSON::PP::decode_json(MIME::Base64::decode_base64url($token)) : {};
    return error(401, 'InvalidAuthenticationInfo') if ($claims->{aud} // '') ne 'https://storage.azure.com' || $weather eq "refuses $claims->{jti}";
    return error(400, 'MissingRequiredHeader') unless $headers->{'x-ms-version'} && ($headers->{'x-ms-date'} // '') =~ /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/;
    return (200, '', '<html>Welcome</html>') if $weather eq 'lies' && $method eq 'PUT';
    if ($weather =~ /^(?:([A-Z]+) )?(\d{3})(?: (\d+))?$/ && ($1 // $method) eq $method) {
        my ($status, $more, $text) = error($2, 'Weather');
        return ($status, $more . (defined $3 ? "Retry-After: $3\r\n" : ''), $text);
    }
    my $name = "$self->{dir}/blobs$path";
    if ($method eq 'PUT') {
        return error(400, 'MissingRequiredHeader') if ($headers->{'x-ms-blob-type'} // '') ne 'BlockBlob';
        return error(409, 'BlobAlreadyExists') if -e $name && ($headers->{'if-none-match'} // '') eq '*';
        make_path(dirname($name));
        open my $out, '>:raw', $name or return error(500, 'InternalError');
        print {$out} $body;
        close $out;
        return (201, '', '');
    }
    return error(404, 'BlobNotFound') unless -e $name;
    open my $in, '<:raw', $name or return error(500, 'InternalError');
    my $text = do { local $/; <$in> } // '';
    return (200, '', $text) unless ($headers->{range} // '') =~ /^bytes=0-(\d+)$/;
    return length $text ? (206, '', substr $text, 0, $1 + 1) : error(416, 'InvalidRange');
}

1;
