# JitScript.pm: takes psql scripts apart, so that something can be asked before each of their statements.
package JitScript;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(pieces_of ask_before lies_in);

# A script as a list of [kind, text]: 'meta' a line of psql's own, 'data' the lines after COPY FROM STDIN, 'sql' a statement
# with what ends it in a third element: ';' or a line such as '\gset'.
sub pieces_of {
    my ($text) = @_;
    my (@pieces, $statement);
    my $depth = 0;
    pos($text) = 0;
    my $begun = sub { return defined $statement && $statement =~ /\S/ && $statement !~ /\A(?:\s|--[^\n]*\n|--[^\n]*\z)*\z/ };
    my $end = sub {
        my ($how) = @_;
        push @pieces, ['sql', $statement, $how];
        my $is_copy = $statement =~ /\bCOPY\b.*\bFROM\s+STDIN\b/is;
        ($statement, $depth) = (undef, 0);
        push @pieces, ['data', $1] if $is_copy && $text =~ /\G(\n.*?^\\\.\n)/gcms;
    };
    while (pos($text) < length $text) {
        if ($text =~ /\G(--[^\n]*|\/\*.*?\*\/)/gcs) { $statement .= $1 }
        elsif ($text =~ /\G([eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*")/gcs) { $statement .= $1 }
        elsif ($text =~ /\G(\$(\w*)\$.*?\$\2\$)/gcs) { $statement .= $1 }
        elsif ($text =~ /\G(\\;)/gc) { $statement .= $1 }
        elsif ($text =~ /\G(\\[^\n]*)/gc) {
            my $line = $1;
            if ($begun->()) { $end->($line) }
            else { push @pieces, ['meta', ($statement // '') . $line]; $statement = undef }
        }
        elsif ($text =~ /\G;/gc) {
            if ($depth > 0 || ($statement =~ /\bBEGIN\s+ATOMIC\b/i && $statement !~ /\bEND\s*\z/i)) { $statement .= ';' }
            else { $end->(';') }
        }
        elsif ($text =~ /\G([()])/gc) { $depth += $1 eq '(' ? 1 : -1; $statement .= $1 }
        elsif ($text =~ /\G([eE](?!')|[^eE\\;()'"\$\/-]+|.)/gcs) { $statement .= $1 }
    }
    push @pieces, ['meta', $statement] if defined $statement;
    return @pieces;
}

# The statement as the value of \set: what is quoted in it stays, its :variables are filled in by psql.
sub _as_value {
    my ($statement) = @_;
    my $value = '';
    my $quote = sub { my ($t) = @_; $t =~ s/\\/\\\\/g; $t =~ s/'/''/g; $t =~ s/\n/\\n/g; return length $t ? "'$t'" : '' };
    my $plain = '';
    pos($statement) = 0;
    while (pos($statement) < length $statement) {
        if ($statement =~ /\G([eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\2\$|--[^\n]*|\/\*.*?\*\/|::)/gcs) { $plain .= $1 }
        elsif ($statement =~ /\G(:(?:\w+|'\w+'|"\w+"))/gc) { $value .= $quote->($plain) . " $1 "; $plain = '' }
        elsif ($statement =~ /\G(.)/gcs) { $plain .= $1 }
    }
    return $value . $quote->($plain);
}

# Transactions and settings are not what jit.check is asked about, and it would be in the way of them.
my $control = qr/\A(?:\s|--[^\n]*\n)*(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE\s+TRANSACTION|SET|RESET|SHOW|DISCARD|LISTEN|NOTIFY)\b/i;

# What the gate says. What only a privilege, a constraint or a syntax forbids is PostgreSQL's business.
my $gate = qr/needs a just-in-time approval|is closed|is not bound|can only be called by the client|a cursor WITH HOLD cannot read|plan of this statement is older|is lent|was lent|too many guarded relations|cannot be read|rows? (?:are|is) allowed/;

# From the output of such scripts: how often jit.check answered, said yes, and the gate refused; and the statements to which it
# said yes and which were refused.
sub lies_in {
    my ($out, %statements) = @_;
    my %lines = $out =~ /^JITSAID (\S+:\d+) (.*)$/mg;
    my %found = (ran => 0, asked => 0, yes => 0, refused => 0, lies => []);
    while ($out =~ /^JITRUN (\S+):(\d+) (-?\d+) (-?\d+) (\w{5}) (.*)$/mg) {
        my ($name, $n, $yes, $all, $state, $message) = ($1, $2, $3, $4, $5, $6);
        my $says_yes = $all > 0 && $yes == $all;
        my $refused = $state ne '00000' && $message =~ $gate;
        $found{ran}++;
        $found{asked}++ if $all > 0;
        $found{yes}++ if $says_yes;
        $found{refused}++ if $refused;
        push @{$found{lies}}, "$name:$n: $message\n    " . ($statements{$name}[$n] // $lines{"$name:$n"} // '?') if $says_yes && $refused;
    }
    return %found;
}

# A script as a list of lines, each of which is a statement: what a query before \gexec brought.
sub ask_about_lines {
    my ($name, $from, $to) = @_;
    open my $in, '<', $from or die "$from: $!";
    my $script = join '', map { chomp; /\S/ ? "$_;\n" : () } <$in>;
    open my $out, '>', $to or die "$to: $!";
    my ($asked, @statements) = ask_before($name, $script);
    print {$out} $asked;
    print {$out} "\\echo JITSAID $name:$_ " . _as_value($statements[$_] =~ s/\s+/ /gr) . "\n" for 1 .. $#statements;
    close $out or die "$to: $!";
    return;
}

# The script with jit.check asked before each statement, and a line of what it said and what happened after each:
# "JITRUN name:n yes all sqlstate message".
sub ask_before {
    my ($name, $text, $folder) = @_;
    my ($out, $n) = ('', 0);
    my @statements;
    for my $piece (pieces_of($text)) {
        my ($kind, $what, $how) = @$piece;
        if ($kind ne 'sql') { $out .= $what; next }
        if ($what =~ $control) { $out .= $what . $how; next }
        if ($how =~ /\A\\gexec/ && defined $folder) {
            # What the query brings is run one after another, each asked about before.
            my $lines = "$folder/lines";
            my $perl = "perl -I $INC{'JitScript.pm'}" =~ s{/JitScript\.pm\z}{}r;
            $out .= "$what \\g (format=unaligned tuples_only=on fieldsep='\\n') $lines\n\\! $perl -MJitScript -e \"JitScript::ask_about_lines('$name/gexec', '$lines', '$lines.sql')\"\n\\i $lines.sql\n";
            next;
        }
        $n++;
        $statements[$n] = $what;
        (my $plain = $what) =~ s/\A(?:\s|--[^\n]*\n)+//;
        $out .= "\n\\set jit_yes -1\n\\set jit_all -1\n\\set jit_rollback :ON_ERROR_ROLLBACK\n\\set ON_ERROR_ROLLBACK on\n\\set jit_stmt " . _as_value($plain) . "\n"
            . q{SELECT pg_catalog.count(*) FILTER (WHERE allowed OPERATOR(pg_catalog.=) 'yes') AS jit_yes, pg_catalog.count(*) AS jit_all FROM jit.check(:'jit_stmt') \gset} . "\n"
            . "\\set ON_ERROR_ROLLBACK :jit_rollback\n"
            . "$plain$how\n\\echo JITRUN $name:$n :jit_yes :jit_all :SQLSTATE :LAST_ERROR_MESSAGE\n";
    }
    return ($out, @statements);
}

1;
