# JitIssuer.pm: an issuer of tokens as Entra ID is one: a tenant's documents and keys, tokens of both versions, and forged ones. Keys and
# signatures are openssl's.
package JitIssuer;

use strict;
use warnings;
use IPC::Run ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use JitReceiver;
our @ISA = ('JitReceiver');

sub new {
    my ($class, $dir, $tenant) = @_;
    my $self = $class->SUPER::new($dir);
    $self->{tenant} = $tenant;
    $self->{issued} = time - 240; # grows with each token, as its clock does
    $self->{authority} = "http://127.0.0.1:$self->{port}";
    $self->{issuer} = {1 => "http://127.0.0.1:$self->{port}/sts/$tenant/", 2 => "$self->{authority}/$tenant/v2.0"};
    $self->put('/' . $tenant . '/.well-known/openid-configuration', {issuer => $self->{issuer}{1}, jwks_uri => "$self->{authority}/$tenant/discovery/keys"});
    $self->put('/' . $tenant . '/v2.0/.well-known/openid-configuration', {issuer => $self->{issuer}{2}, jwks_uri => "$self->{authority}/$tenant/discovery/v2.0/keys"});
    return $self;
}

# In a process of its own.
sub answer {
    my ($self, $connection, $first, $headers, $body) = @_;
    my ($path) = $first =~ m{^GET (/[-A-Za-z0-9._/]*) };
    my $file = defined $path ? $self->file($path) : '';
    return $self->SUPER::answer($connection, $first, $headers, $body) if $self->current ne 'ok' || !-e $file;
    $self->note(first => $first, headers => $headers, body => $body, status => 200);
    open my $in, '<', $file or return 0;
    local $/;
    my $text = <$in>;
    syswrite $connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
    return 1;
}

sub file { my ($self, $path) = @_; $path =~ s{/}{_}g; return "$self->{dir}/www$path" }
sub put {
    my ($self, $path, $document) = @_;
    my $file = $self->file($path);
    open my $out, '>', "$file.new" or die "$file: $!\n";
    print $out ref $document ? JSON::PP::encode_json($document) : $document;
    close $out or die;
    rename "$file.new", $file or die "$file: $!\n";
    return;
}

sub run_it { my ($command, $input) = @_; my ($out, $err) = ('', ''); IPC::Run::run($command, '<', \($input // ''), '>', \$out, '2>', \$err) or die "@$command: $err"; return $out }
sub url { my $text = encode_base64($_[0], ''); $text =~ tr{+/=}{-_}d; return $text }

sub pem {
    my ($self, $name, $bits) = @_;
    my $file = "$self->{dir}/$name.pem";
    run_it(['openssl', 'genpkey', '-quiet', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:' . ($bits // 2_048), '-out', $file]) if !-e $file;
    return $file;
}
sub modulus { my ($self, $name) = @_; my ($hex) = run_it(['openssl', 'rsa', '-noout', '-modulus', '-in', $self->pem($name)]) =~ /Modulus=([0-9A-F]+)/; return pack 'H*', $hex }
sub entry { my ($self, $name, %more) = @_; return {kty => 'RSA', use => 'sig', kid => $name, n => url($self->modulus($name)), e => 'AQAB', x5c => ['MII'], %more} }

# publish('k1', 'k2'), for tokens of both versions.
sub publish {
    my ($self, @names) = @_;
    my $pattern = $self->{issuer}{2} =~ s/\Q$self->{tenant}\E/{tenantid}/r;
    $self->put("/$self->{tenant}/discovery/keys", {keys => [map { $self->entry($_) } @names]});
    $self->put("/$self->{tenant}/discovery/v2.0/keys", {keys => [map { ref $_ ? $_ : $self->entry($_, issuer => $pattern) } @names]});
    return;
}

# The claims of a good token of v2 (or v1 => 1); a claim that is undef is left out.
sub claims {
    my ($self, $oid, %more) = @_;
    my $v1 = delete $more{v1};
    my $issued = $self->{issued}++;
    my %claims = (
        ver => $v1 ? '1.0' : '2.0', iss => $self->{issuer}{$v1 ? 1 : 2}, aud => $v1 ? 'api://jit' : 'jit-app', tid => $self->{tenant}, oid => $oid,
        scp => 'db.elevate', iat => $issued, nbf => $issued, exp => time + 3_600, auth_time => time, uti => "uti-$issued",
        $v1 ? (appid => 'az', amr => ['pwd', 'mfa'], acr => '1', upn => 'alice@example.com') : (azp => 'az', acrs => ['c1']), %more);
    delete @claims{grep { !defined $claims{$_} } keys %claims};
    return \%claims;
}

# sign(claims or text, key => name, header => {...}, digest => 'sha256', text => header as text)
sub sign {
    my ($self, $claims, %how) = @_;
    my $header = $how{header_text} // JSON::PP::encode_json({typ => 'JWT', alg => 'RS256', kid => $how{key} // 'k1', %{$how{header} // {}}});
    my $parts = url($header) . '.' . url(ref $claims ? JSON::PP::encode_json($claims) : $claims);
    return "$parts." . url($how{signature}->($parts)) if $how{signature};
    return "$parts." . url(run_it(['openssl', 'dgst', '-' . ($how{digest} // 'sha256'), '-sign', $self->pem($how{by} // $how{key} // 'k1')], $parts));
}
sub token { my ($self, $oid, %more) = @_; return $self->sign($self->claims($oid, %more)) }

1;
