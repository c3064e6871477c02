# Wire.pm: a client that speaks PostgreSQL's protocol 3.0 itself. A benchmark then knows exactly which messages are
# sent and when, sees its own clock at the moment of an answer, and needs no driver.
package Wire;

use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes qw(time usleep);

# connect(socket => path, user =>, database =>, options => ...): a session that is ready for a query.
sub connect {
    my ($class, %how) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $how{socket}) or die "$how{socket}: $!\n";
    my $self = bless {socket => $socket, in => '', pause_us => 0}, $class;
    my $start = pack('N', 196608);
    my %said = (user => $how{user}, database => $how{database}, application_name => 'bench', %{$how{settings} // {}});
    $start .= "$_\0$said{$_}\0" for sort keys %said;
    $self->write(pack('N', 4 + length($start) + 1) . $start . "\0");
    $self->answer;
    return $self;
}

sub pid { return $_[0]{pid} }

sub write {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        my $sent = syswrite $self->{socket}, $bytes;
        if (!defined $sent) { next if $! == EINTR; die "write: $!\n" }
        substr($bytes, 0, $sent, '');
    }
    return;
}

sub message { my ($type, $body) = @_; return $type . pack('N', 4 + length $body) . $body }

# One message from the server: (type, body). undef type: the server closed the connection.
sub message_in {
    my ($self) = @_;
    while (1) {
        if (length $self->{in} >= 5) {
            my ($type, $length) = unpack 'a N', $self->{in};
            if (length $self->{in} > $length) {
                my $body = substr $self->{in}, 5, $length - 4;
                substr($self->{in}, 0, $length + 1, '');
                return ($type, $body);
            }
        }
        my $got = sysread $self->{socket}, my $more, 65536;
        if (!defined $got) { next if $! == EINTR; die "read: $!\n" }
        return (undef, undef) if $got == 0;
        $self->{in} .= $more;
    }
}

sub fields {
    my ($body) = @_;
    my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
    return \%field;
}

# Reads up to ReadyForQuery: {rows => [[...]], error => {...}, closed => 1, at => time of the first error or end}.
sub answer {
    my ($self) = @_;
    my %result = (rows => []);
    while (1) {
        my ($type, $body) = $self->message_in;
        if (!defined $type) { return {%result, closed => 1, at => $result{at} // time} }
        if ($type eq 'D') {
            my ($count, $at, @row) = (unpack('n', $body), 2);
            for (1 .. $count) {
                my $length = unpack 'l>', substr $body, $at, 4;
                push @row, $length < 0 ? undef : substr $body, $at + 4, $length;
                $at += 4 + ($length < 0 ? 0 : $length);
            }
            push @{$result{rows}}, \@row;
        } elsif ($type eq 'E') {
            $result{at} //= time;
            $result{error} //= fields($body);
        } elsif ($type eq 'K') {
            $self->{pid} = unpack 'N', $body;
        } elsif ($type eq 'R') {
            die "the server asks for a password\n" if unpack('N', $body) != 0;
        } elsif ($type eq 'G') { # COPY FROM STDIN
            $self->write($self->{copy} . message('c', ''));
        } elsif ($type eq 'Z') {
            $result{at} //= time;
            return \%result;
        }
    }
}

# The server is always asleep when a statement comes: whether it finds the message waiting is no matter of luck.
sub pause { my ($self) = @_; usleep($self->{pause_us}) if $self->{pause_us}; return }

sub send_query { my ($self, $sql) = @_; $self->pause; $self->write(message('Q', "$sql\0")); return }

# Simple protocol; dies of an error. Returns the rows.
sub query {
    my ($self, $sql) = @_;
    $self->send_query($sql);
    return $self->checked($sql);
}

sub checked {
    my ($self, $what) = @_;
    my $result = $self->answer;
    die "$what\n$result->{error}{M}\n" . ($result->{error}{D} // '') . "\n" if $result->{error};
    die "$what\nthe server closed the connection\n" if $result->{closed};
    return $result->{rows};
}

sub value { my ($self, $sql) = @_; my $rows = $self->query($sql); return $rows->[0] ? $rows->[0][0] : undef }

# The same without a look at the rows: taking thousands of them apart in Perl takes longer than the server needs for them.
# Returns the bytes of the answer.
sub drain {
    my ($self, $sql) = @_;
    $self->send_query($sql);
    my $in = '';
    while (length $in < 6 || substr($in, -6, 5) ne "Z\0\0\0\5") {
        my $got = sysread $self->{socket}, $in, 1 << 20, length $in;
        die "read: $!\n" if !defined $got && $! != EINTR;
        die "$sql\nthe server closed the connection\n" if defined $got && $got == 0;
    }
    die "$sql\n" . (fields(substr $in, 5)->{M} // '') . "\n" if $in =~ /\AE/;
    return length $in;
}

# COPY ... FROM STDIN with these lines.
sub copy_in {
    my ($self, $sql, $text) = @_;
    $self->{copy} = join '', map { message('d', $_) } unpack '(a1000000)*', $text;
    $self->query($sql);
    return;
}

# As libpq's PQprepare and PQexecPrepared, which pgbench -M prepared uses.
sub prepare {
    my ($self, $name, $sql) = @_;
    $self->write(message('P', "$name\0$sql\0" . pack('n', 0)) . message('S', ''));
    $self->checked($sql);
    return;
}

sub execute {
    my ($self, $name, @values) = @_;
    $self->pause;
    my $bind = "\0$name\0" . pack('nn', 0, scalar @values);
    $bind .= pack('N', length) . $_ for @values;
    $bind .= pack('nn', 1, 0);
    $self->write(message('B', $bind) . message('D', "P\0") . message('E', "\0" . pack('N', 0)) . message('S', ''));
    return $self->checked($name);
}

# Is anything to be read within that many seconds?
sub readable { my ($self, $seconds) = @_; return length $self->{in} || IO::Select->new($self->{socket})->can_read($seconds) }

sub close {
    my ($self) = @_;
    local $SIG{PIPE} = 'IGNORE';
    eval { $self->write(message('X', '')); 1 };
    1 while sysread $self->{socket}, my $rest, 65536;
    close $self->{socket};
    return;
}

1;
