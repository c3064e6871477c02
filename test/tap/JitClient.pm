# JitClient.pm: a client that speaks protocol 3 itself, message by message, so that a test decides what is sent
# when. Every wait has an end: a test that hangs fails and says what it waited for.
package JitClient;

use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use Time::HiRes ();

our $patience = $ENV{JIT_TEST_PATIENCE} // 30; # seconds until a wait fails

# JitClient->new($node, 'alice', db => 'app', options => '-c role=x', application_name => 'y', replication => 'database')
sub new {
    my ($class, $node, $person, %how) = @_;
    my $self = bless {node => $node, buffer => '', results => [], person => $person}, $class;
    $self->{socket} = _socket($node);
    my %startup = (user => $person, database => $how{db} // 'app');
    $startup{$_} = $how{$_} for grep { defined $how{$_} } qw(options application_name replication client_encoding);
    my $body = pack('N', 196608) . join('', map { pack('Z*Z*', $_, $startup{$_}) } sort keys %startup) . "\0";
    $self->_write(pack('N', length($body) + 4) . $body);
    my $answer = $self->finish;
    die "connection of $person: $answer->{error}{M}" if $answer->{error} && !$how{may_fail};
    die "connection of $person: closed" if $self->{gone} && !$how{may_fail};
    $self->{refused} = $answer->{error};
    return $self;
}

sub _socket {
    my ($node) = @_;
    return IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) // die "no server: $!";
}

sub _write {
    my ($self, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    while (length $bytes) {
        my $sent = syswrite $self->{socket}, $bytes;
        return if !defined $sent; # the reader will notice that nobody is there
        substr $bytes, 0, $sent, '';
    }
    return;
}

sub send_message {
    my ($self, $type, $body) = @_;
    $self->_write($type . pack('N', length($body) + 4) . $body);
    return $self;
}

# ---- what a client sends; each returns the client, so that they can be chained ----
sub send_query { my ($self, $sql) = @_; return $self->send_message('Q', "$sql\0"); }
sub parse { my ($self, $name, $sql) = @_; return $self->send_message('P', pack('Z*Z*n', $name, $sql, 0)); }
sub execute { my ($self, $portal, $rows) = @_; return $self->send_message('E', pack('Z*N', $portal, $rows // 0)); }
sub describe { my ($self, $what, $name) = @_; return $self->send_message('D', $what . pack('Z*', $name)); }
sub close_it { my ($self, $what, $name) = @_; return $self->send_message('C', $what . pack('Z*', $name)); }
sub flush { my ($self) = @_; return $self->send_message('H', ''); }
sub sync { my ($self) = @_; return $self->send_message('S', ''); }

sub bind {
    my ($self, $portal, $statement, @values) = @_;
    my $values = join '', map { defined $_ ? pack('N/a', $_) : pack('N', 0xFFFFFFFF) } @values;
    return $self->send_message('B', pack('Z*Z*nn', $portal, $statement, 0, scalar @values) . $values . pack('n', 0));
}

# Fast-path call of a function by OID, arguments and result as text.
sub call {
    my ($self, $function, @values) = @_;
    my $values = join '', map { pack('N/a', $_) } @values;
    return $self->send_message('F', pack('Nnn', $function, 0, scalar @values) . $values . pack('n', 0))->finish;
}

# Another connection asks to cancel what this one runs.
sub cancel {
    my ($self) = @_;
    my $socket = _socket($self->{node});
    syswrite $socket, pack('NNNN', 16, 80877102, $self->{pid}, $self->{key});
    close $socket;
    return;
}

# ---- what comes back ----
# The next message as (type, body); nothing when the connection is gone.
sub _message {
    my ($self, $until) = @_;
    while (length $self->{buffer} < 5 || length $self->{buffer} < 1 + unpack('x N', $self->{buffer})) {
        my $left = $until - Time::HiRes::time;
        die "no answer to $self->{person} within $patience s" if $left <= 0;
        next unless IO::Select->new($self->{socket})->can_read($left);
        my $got = sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
        if (!$got) {
            $self->{gone} = 1;
            return;
        }
    }
    my $length = unpack 'x N', $self->{buffer};
    my $message = substr $self->{buffer}, 0, 1 + $length, '';
    return (substr($message, 0, 1), substr($message, 5));
}

sub _fields { my ($body) = @_; return {map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body}; }

# Everything up to ReadyForQuery (or, after flush, up to a message of type `stop`) in one answer:
# rows, tags, notices, seen (types in order), error (fields), result (fast path), status (I, T, E), gone.
sub finish {
    my ($self, %how) = @_;
    my $answer = {rows => [], tags => [], notices => [], seen => '', copied => ''};
    my $until = Time::HiRes::time() + $patience;
    while (my ($type, $body) = $self->_message($until)) {
        $answer->{seen} .= $type;
        if ($type eq 'D') { push @{$answer->{rows}}, [_columns($body)]; }
        elsif ($type eq 'C') { push @{$answer->{tags}}, unpack 'Z*', $body; }
        elsif ($type eq 'E') { $answer->{error} = _fields($body); }
        elsif ($type eq 'N') { push @{$answer->{notices}}, _fields($body); }
        elsif ($type eq 'K') { @$self{qw(pid key)} = unpack 'NN', $body; }
        elsif ($type eq 'd') { $answer->{copied} .= $body; }
        elsif ($type eq 'G') { $self->send_message('f', "nothing to copy\0"); } # COPY FROM STDIN was let through
        elsif ($type eq 'V') { $answer->{result} = unpack('N', $body) == 0xFFFFFFFF ? undef : substr $body, 4; }
        elsif ($type eq 'Z') { $answer->{status} = $body; last; }
        last if defined $how{stop} && $type =~ /[$how{stop}E]/;
    }
    $answer->{gone} = $self->{gone} // 0;
    return $answer;
}

sub _columns {
    my ($body) = @_;
    my $count = unpack 'n', substr $body, 0, 2, '';
    my @values;
    for (1 .. $count) {
        my $length = unpack 'N', substr $body, 0, 4, '';
        push @values, $length == 0xFFFFFFFF ? undef : substr $body, 0, $length, '';
    }
    return @values;
}

# Has an answer begun to arrive?
sub answered {
    my ($self) = @_;
    return length $self->{buffer} > 0 || IO::Select->new($self->{socket})->can_read(0) ? 1 : 0;
}

# Reads until the server closes the connection; true if it does in time.
sub ends {
    my ($self) = @_;
    my $until = Time::HiRes::time() + $patience;
    $self->{last_error} = undef;
    while (my ($type, $body) = eval { $self->_message($until) }) {
        $self->{last_error} = _fields($body) if $type eq 'E';
    }
    return $self->{gone} // 0;
}

# ---- the common calls ----
sub query { my ($self, $sql) = @_; return $self->send_query($sql)->finish; }

# The whole extended round: statement, parameters, result.
sub extended {
    my ($self, $sql, @values) = @_;
    return $self->parse('', $sql)->bind('', '', @values)->describe('P', '')->execute('')->sync->finish;
}

# First column of the first row; dies on an error.
sub value {
    my ($self, $sql) = @_;
    my $answer = $self->query($sql);
    die "$sql: $answer->{error}{M}" if $answer->{error};
    die "$sql: the connection of $self->{person} is gone" if $answer->{gone};
    return $answer->{rows}[0] ? $answer->{rows}[0][0] : undef;
}

sub close { my ($self) = @_; $self->send_message('X', ''); close $self->{socket}; $self->{gone} = 1; return; }

1;
