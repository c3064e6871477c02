# JitReceiver.pm: a program that destinations send to: HTTP or TLS or a stream, well-behaved or not. One process, and one more for each
# connection; all of them end with the test.
#
# What it does to a request is in a file that it reads each time, so that a test changes the weather at once. What came is in another.
package JitReceiver;

use strict;
use warnings;
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use POSIX ();
use Time::HiRes qw(sleep time);

my %running; # pid => 1

END { my $code = $?; kill 'TERM', keys %running; waitpid $_, 0 for keys %running; $? = $code }

# new(dir, tls => [certificate, key], stream => 1, port => n, brief => 1): listens on a free port of the loopback.
sub new {
    my ($class, $dir, %how) = @_;
    mkdir $dir;
    my $self = bless {dir => $dir, %how}, $class;
    $self->weather('ok');
    open my $log, '>>', "$dir/log" or die "$dir/log: $!\n";
    close $log;
    $self->begin($how{port} // 0);
    return $self;
}

sub begin {
    my ($self, $port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $@\n";
    $self->{port} = $listener->sockport;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        %running = ();
        $SIG{CHLD} = 'IGNORE';
        setpgrp;
        $SIG{TERM} = sub { $SIG{TERM} = 'IGNORE'; kill 'TERM', -$$; POSIX::_exit(0) };
        while (1) {
            my $connection = $listener->accept or next;
            my $child = fork // next;
            if ($child == 0) { $SIG{TERM} = 'DEFAULT'; close $listener; eval { $self->serve($connection); 1 }; POSIX::_exit(0) }
            close $connection;
        }
    }
    close $listener;
    $self->{pid} = $pid;
    $running{$pid} = 1;
    return;
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    delete $running{$pid};
    return;
}
# Nobody listens, then somebody again on the same port.
sub come_back { my ($self) = @_; $self->begin($self->{port}); return }

# One of: ok, slow (a second, or "slow 0.1"), hang, silence, reset, garbage, cut, endless, redirect, trailers, or a status such as "429 2" (with Retry-After), "400 word": only when the
# body has the word.
sub weather {
    my ($self, $is) = @_;
    open my $out, '>', "$self->{dir}/weather.new" or die "weather: $!\n";
    print $out $is;
    close $out or die "weather: $!\n";
    rename "$self->{dir}/weather.new", "$self->{dir}/weather" or die "weather: $!\n";
    return;
}
sub current { my ($self) = @_; open my $in, '<', "$self->{dir}/weather" or return 'ok'; local $/; return scalar <$in> }

sub note {
    my ($self, %request) = @_;
    @request{qw(headers body)} = ({}, '') if $self->{brief}; # that it came is enough
    open my $out, '>>', "$self->{dir}/log" or return;
    my $line = JSON::PP::encode_json({%request, at => time, body => encode_base64($request{body} // '', '')}) . "\n";
    syswrite $out, $line; # in one piece
    close $out;
    return;
}

# Every request that came, in order: {status, headers, body, at}.
sub requests {
    my ($self) = @_;
    open my $in, '<', "$self->{dir}/log" or return;
    return map { my $r = JSON::PP::decode_json($_); $r->{body} = decode_base64($r->{body}); $r } grep { /\n\z/ } <$in>;
}
# The CloudEvents that were taken, in order.
sub events {
    my ($self) = @_;
    return map { my $e = JSON::PP::decode_json($_->{body}); ref $e eq 'ARRAY' ? @$e : $e } grep { $_->{status} == 200 } $self->requests;
}
sub forget { my ($self) = @_; open my $out, '>', "$self->{dir}/log" or die "log: $!\n"; close $out; return }
sub url { my ($self, $host) = @_; $host //= '127.0.0.1'; return ($self->{stream} ? 'tls' : $self->{tls} ? 'https' : 'http') . "://$host:$self->{port}" . ($self->{stream} ? '' : '/hook') }

# ---- in a process of its own ----

sub serve {
    my ($self, $connection) = @_;
    my $weather = $self->current;
    $self->note(status => 0, connected => 1) if $weather =~ /^(hang|reset)/;
    sleep 3_600 while $weather eq 'hang'; # accepts, and that is all
    return reset_connection($connection) if $weather eq 'reset';
    if ($self->{tls}) {
        require IO::Socket::SSL;
        IO::Socket::SSL->start_SSL($connection, SSL_server => 1, SSL_cert_file => $self->{tls}[0], SSL_key_file => $self->{tls}[1]) or return;
    }
    return $self->serve_stream($connection) if $self->{stream};
    my $buffer = '';
    while (1) {
        until ($buffer =~ /\r\n\r\n/) { my $n = sysread $connection, $buffer, 65_536, length $buffer; return unless $n }
        my ($head, $rest) = split /\r\n\r\n/, $buffer, 2;
        my ($first, @lines) = split /\r\n/, $head;
        my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1, $2) : () } @lines;
        my $length = $headers{'content-length'} // 0;
        while (length $rest < $length) { my $n = sysread $connection, $rest, 65_536, length $rest; return unless $n }
        my $body = substr $rest, 0, $length, '';
        $buffer = $rest;
        $self->answer($connection, $first, \%headers, $body) or return;
    }
}

sub reset_connection {
    my ($connection) = @_;
    setsockopt $connection, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack('ii', 1, 0);
    close $connection;
    return 0;
}

sub answer {
    my ($self, $connection, $first, $headers, $body) = @_;
    my $weather = $self->current;
    my %request = (first => $first, headers => $headers, body => $body);
    if ($weather eq 'silence') { $self->note(%request, status => 0); sleep 3_600; return 0 } # takes all, and never answers
    if ($weather eq 'reset') { $self->note(%request, status => 0); return reset_connection($connection) }
    if ($weather eq 'garbage') { $self->note(%request, status => 0); syswrite $connection, "\x00\x01\xff garbage\n" x 100; return 0 }
    if ($weather eq 'cut') { $self->note(%request, status => 0); syswrite $connection, "HTTP/1.1 200 OK\r\nContent-Le"; return 0 }
    if ($weather eq 'endless') {
        $self->note(%request, status => 0);
        local $SIG{PIPE} = 'IGNORE';
        syswrite $connection, "HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n";
        while (defined syswrite $connection, sprintf("%x\r\n%s\r\n", 65_536, 'x' x 65_536)) { }
        return 0;
    }
    my $pause = $weather =~ /^slow(?: (\S+))?$/ ? $1 // 1 : 0;
    sleep $pause;
    if ($weather eq 'trailers') {
        $self->note(%request, status => 200);
        syswrite $connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checked\r\n\r\n2\r\nok\r\n0\r\nX-Checked: yes\r\n\r\n";
        return 1;
    }
    my ($status, $more) = $weather =~ /^(\d+)(?: (.*))?$/ ? ($1, $2) : $weather eq 'redirect' ? (302, undef) : (200, undef);
    $status = 200 if $status == 400 && defined $more && index($body, $more) < 0;
    $self->note(%request, status => $status + 0);
    my $extra = $status == 429 && defined $more ? "Retry-After: $more\r\n" : $status == 302 ? "Location: $self->{elsewhere}\r\n" : '';
    syswrite $connection, "HTTP/1.1 $status Said\r\n${extra}Content-Length: 2\r\n\r\nok";
    return 1;
}

# Octet counting: a number, a space, and so many bytes.
sub serve_stream {
    my ($self, $connection) = @_;
    my $buffer = '';
    while (1) {
        my $n = sysread $connection, $buffer, 65_536, length $buffer;
        return unless $n;
        while ($buffer =~ /^(\d+) /) {
            my ($length, $start) = ($1, $+[0]);
            last if length $buffer < $start + $length;
            $self->note(status => 200, body => substr $buffer, $start, $length);
            substr $buffer, 0, $start + $length, '';
        }
    }
}

1;
