# SmithClient.pm: a session that keeps every byte that came, and sends one statement in one of many ways.
package SmithClient;

use strict;
use warnings;
use parent 'JitClient';

# A node as JitClient expects one.
package SmithServer {
    sub new { my ($class, $socket) = @_; return bless {socket => $socket}, $class; }
    sub host { return $_[0]{socket} }
    sub port { return 5432 }
}

sub _message {
    my ($self, $until) = @_;
    my ($type, $body) = $self->SUPER::_message($until);
    return if !defined $type;
    $self->{raw} .= $body;
    return ($type, $body);
}

# All that came since this was asked the last time.
sub bytes { my ($self) = @_; my $bytes = $self->{raw} // ''; $self->{raw} = ''; return $bytes; }

sub _quoted { my ($text) = @_; my $tag = '$smith$'; return "$tag$text$tag"; }

# Each answers the last answer: the first with an error, or the one that would bring rows.
our %ways = (
    simple => sub { my ($c, $s) = @_; return $c->query($s); },
    extended => sub { my ($c, $s) = @_; return $c->extended($s); },
    in_pieces => sub { my ($c, $s) = @_;
        $c->parse('', $s)->bind('', '')->describe('P', '')->execute('', 1)->flush;
        my $first = $c->finish(stop => 'sCIE');
        if ($first->{error} || $first->{gone}) {
            $c->sync->finish;
            return $first;
        }
        return $c->execute('', 0)->sync->finish; },
    prepared => sub { my ($c, $s) = @_; return $c->_row("PREPARE smith AS $s", 'EXECUTE smith', 'EXECUTE smith'); },
    explain => sub { my ($c, $s) = @_; return $c->query("EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) $s"); },
    block => sub { my ($c, $s) = @_; return $c->query('DO ' . _quoted("BEGIN EXECUTE \$s\$$s\$s\$; RAISE NOTICE 'done'; END")); },
    check => sub { my ($c, $s) = @_; return $c->query('SELECT * FROM jit.check(' . _quoted($s) . ')'); },
    # These are for what returns rows.
    copy => sub { my ($c, $s) = @_; return $c->query("COPY ($s) TO STDOUT"); },
    cursor => sub { my ($c, $s) = @_; return $c->_row("DECLARE smith SCROLL CURSOR FOR $s", 'FETCH 1 FROM smith', 'FETCH ALL FROM smith'); },
    function => sub { my ($c, $s) = @_; return $c->query('SELECT * FROM free.rows(' . _quoted($s) . ')'); },
    xml => sub { my ($c, $s) = @_; return $c->query('SELECT query_to_xml(' . _quoted($s) . ", true, false, '')"); },
    table => sub { my ($c, $s) = @_; return $c->_row("CREATE TEMP TABLE smith AS $s", 'SELECT * FROM smith'); },
    view => sub { my ($c, $s) = @_; return $c->_row("CREATE TEMP VIEW smith AS $s", 'SELECT * FROM smith', 'TABLE smith LIMIT 1'); },
    nested => sub { my ($c, $s) = @_; return $c->query("SELECT to_jsonb(x), x::text, (SELECT count(*) FROM free.notes) FROM ($s) x"); },
);
our @for_all = qw(simple extended in_pieces prepared explain block check);
our @for_rows = (@for_all, qw(copy cursor function xml table view nested));

sub _row {
    my ($self, @statements) = @_;
    my $answer;
    for (@statements) {
        $answer = $self->query($_);
        last if $answer->{error} || $answer->{gone};
    }
    return $answer;
}

1;
