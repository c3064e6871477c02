# JitAttacks.pm: runs attacks that are given as data, see t/030_attacks.pl.
package JitAttacks;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitScript;

our @EXPORT = qw(run_attacks);

my $marker = qr/MARKER/;

sub _node {
    my ($name, %how) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name, %how);
    $node->init(extra => ['--no-locale', '--encoding=UTF8']);
    $node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'jit_guard'
max_prepared_transactions = 4
wal_level = replica
timezone = 'UTC'
fsync = off
jit = off
autovacuum = off
CONF
    $node->start;
    $node->safe_psql('postgres', 'CREATE DATABASE app');
    $node->safe_psql('app', <<'SQL');
CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE carol LOGIN; CREATE ROLE mallory LOGIN; CREATE ROLE owner LOGIN;
CREATE ROLE dba LOGIN SUPERUSER; CREATE ROLE exempt_dba LOGIN SUPERUSER; CREATE ROLE nobody;
CREATE ROLE carols_friend LOGIN; GRANT alice TO carols_friend;
CREATE EXTENSION jit_guard;
SQL
    return $node;
}

# A second server tree that differs in one file: the module with switches.
sub _switch_tree {
    my $module = "$ENV{JIT_WORK}/switches/jit_guard.so";
    return undef if !-e $module;
    my ($bindir, $libdir);
    chomp($bindir = `$ENV{PG_CONFIG} --bindir`);
    chomp($libdir = `$ENV{PG_CONFIG} --pkglibdir`);
    s{^\Q$ENV{JIT_WORK}/tree\E}{} for $bindir, $libdir; # it names itself by where it lies
    my $copy = "$ENV{JIT_WORK}/tap/switches";
    system('rm', '-rf', $copy) == 0 && system('cp', '-RP', "$ENV{JIT_WORK}/tree", $copy) == 0 or die "copy of the server tree: $?";
    unlink "$copy$libdir/jit_guard.so";
    system('cp', $module, "$copy$libdir/jit_guard.so") == 0 or die "copy of the module: $?";
    $bindir =~ s{/bin$}{} or die "unexpected bindir $bindir";
    return "$copy$bindir";
}

# Everything that comes back to the client; an error ends neither the script nor the test.
sub _said {
    my ($node, $person, $sql, %how) = @_;
    my ($out, $err) = ('', '');
    local $ENV{PGOPTIONS} = $how{options} // '';
    $node->psql('app', $sql, stdout => \$out, stderr => \$err, on_error_stop => 0, timeout => 300, timed_out => \my $timed_out,
        extra_params => ['-U', $person, '-v', 'SHOW_CONTEXT=never', '-v', 'VERBOSITY=terse']);
    $err =~ s/^psql:.*?: (?=NOTICE|ERROR|WARNING)//gm;
    return $timed_out ? "timed out\n" : "$out\n$err";
}

sub _must {
    my ($node, $sql) = @_;
    return if !defined $sql || $sql eq '';
    return $node->safe_psql('app', $sql);
}

# Makes the scene of one attack in a schema of its own; returns a function that fills in names and numbers.
sub _scene {
    my ($node, $a, $schema) = @_;
    my $request = 0;
    my $number = $schema =~ /^a(\d+)$/ ? 10_000 + $1 : $schema =~ /^t(\d+)$/ ? 20_000 + $1 : $schema =~ /^c(\d+)$/ ? 30_000 + $1 : 0; # of a large object
    my $plain = sub { my ($text) = @_; return undef if !defined $text; $text =~ s/\bSCHEMA\b/$schema/g; $text =~ s/\bREQUEST\b/$request/g; $text =~ s/\bNUMBER\b/$number/g; return $text };
    _must($node, "CREATE SCHEMA $schema; GRANT ALL ON SCHEMA $schema TO PUBLIC;"
        . "CREATE TABLE $schema.secret (id int PRIMARY KEY, iban text); CREATE TABLE $schema.other (id int);"
        . "INSERT INTO $schema.secret VALUES (1, 'A plain one'), (7, 'MARKER7'); ANALYZE $schema.secret;"
        . "ALTER TABLE $schema.secret OWNER TO owner; GRANT ALL ON $schema.secret TO alice, bob, carol, mallory, carols_friend;");
    _must($node, 'SET ROLE mallory; ' . $plain->($a->{set_up})) if $a->{set_up};
    _must($node, $plain->($a->{before_guard}));
    if ($a->{votes}) {
        _must($node, "SELECT jit.create_policy('$schema', '{ALL}', '{$schema.secret}', eligible => '{alice}', approvers => '{bob}', require_reason => false)");
        $request = _said($node, 'alice', "SELECT jit.request('$schema')") =~ /^(\d+)$/m ? $1 : die 'no request';
    }
    _must($node, $plain->($a->{before}));
    if (!$a->{votes}) {
        my @guarded = ("$schema.secret", "$schema.other");
        push @guarded, $plain->($a->{guards}) if $a->{guards};
        push @guarded, $plain->($a->{objects}) =~ s/\(.*//r if $a->{objects} && !$a->{guards} && $a->{objects} !~ /secret|other/;
        my $guarded = join ', ', @guarded;
        my $actions = $a->{actions} // '{ALL}';
        _must($node, "SELECT jit.create_policy('$schema', '$actions', '{$guarded}', eligible => '{alice, dba}', approvals => 0, require_reason => false, exempt => '{carol, exempt_dba}')");
    }
    if ($a->{approved} || $a->{after_as_alice}) {
        my $objects = $a->{objects} ? ', objects => ARRAY[\'' . $plain->($a->{objects}) . '\']' : '';
        my $actions = $a->{approved} // $a->{after_as_alice};
        my $person = $a->{after_as_alice} ? 'alice' : $a->{as};
        my $said = _said($node, $person, "SELECT jit.request('$schema', actions => '$actions'$objects)");
        $request = $said =~ /^(\d+)$/m ? $1 : die "no request: $said";
    }
    _said($node, 'exempt_dba', $plain->($a->{after})) if $a->{after}; # what is guarded may be changed by the exempt
    return $plain;
}

# Did it come out, or happen?
sub _breach {
    my ($node, $a, $plain, $person, $sql, %how) = @_;
    my $said = _said($node, $person, $plain->($sql), %how);
    $said .= "\nafterwards: " . _said($node, 'exempt_dba', $plain->($a->{happened})) if $a->{happened};
    return ($said =~ s/^.*\bjit_guard\b.*$//gmr =~ $marker ? 1 : 0, $said);
}

# The same attack with jit.check asked before each of its statements: the statements to which it said yes, wrongly.
sub _lies {
    my ($node, $plain, $person, $sql, %how) = @_;
    my $script = $plain->($sql);
    $script .= ';' if $script !~ /(?:;|\\g\w*)\s*\z/;
    my ($asked, @statements) = ask_before('attack', $script, PostgreSQL::Test::Utils::tempdir());
    my %found = lies_in(_said($node, $person, $asked, %how), attack => \@statements);
    return @{$found{lies}};
}

sub run_attacks {
    my (@attacks) = @_;
    my $shipped = _node('shipped');
    my $tree = _switch_tree();
    my $open = defined $tree ? _node('switches', install_path => $tree) : undef;
    note('the module with switches was not built, so no attack is seen succeeding') if !defined $open;
    my $n = 0;
    my $version = int($shipped->safe_psql('postgres', 'SHOW server_version_num') / 10000);
    for my $a (@attacks) {
        next if ($a->{since} // 0) > $version;
        $n++;
        my $person = $a->{as} // 'mallory';
        my $plain = _scene($shipped, $a, "a$n");
        my ($breach, $said) = _breach($shipped, $a, $plain, $person, $a->{do}, options => $a->{options});
        ok(!$breach, "$a->{name}: fails") or diag($said);
        # Some only come back empty: `refused => 0`.
        like($said, qr/needs a just-in-time approval|is closed|cannot |can only be called|refused/, "$a->{name}: is refused by the gate") or diag($said)
            if $a->{refused} // 1;

        my $twin = $a->{twin} // $a->{do};
        my $twin_as = $a->{twin_as};
        if (!defined $twin_as) {
            # The same person with an approval of everything, or somebody who is exempt.
            $twin_as = $a->{as} && $a->{as} =~ /^(alice|dba)$/ ? $a->{as} : $a->{as} && $a->{as} eq 'exempt_dba' ? 'exempt_dba' : $a->{as} && $a->{as} eq 'owner' ? 'exempt_dba' : 'carol';
            $twin_as = 'exempt_dba' if $twin_as eq 'carol' && $twin =~ /^(ALTER|DROP|CREATE INDEX|GRANT|COPY \S+ FROM)/;
        }
        # A scene of its own: a failed attempt may have left the first one in another state.
        $plain = _scene($shipped, $a, "t$n");
        if ($twin_as =~ /^(alice|dba)$/ && $twin_as eq $person && !$a->{twin_plain}) {
            _said($shipped, $twin_as, "SELECT jit.request('t$n')");
        }
        my ($works, $answer) = _breach($shipped, $a, $plain, $twin_as, $twin);
        ok($works, "$a->{name}: $twin_as may") or diag($answer);

        $plain = _scene($shipped, $a, "c$n");
        my @lies = _lies($shipped, $plain, $person, $a->{do}, options => $a->{options});
        ok(!@lies, "$a->{name}: jit.check does not say yes to it") or diag(join "\n", @lies);

        next if !defined $open;
        $plain = _scene($open, $a, "a$n");
        my $off = $a->{seen_off} // $a->{off};
        my $options = "-c jit_guard.test_off=$off" . ($a->{options} ? " $a->{options}" : '');
        ($breach, $said) = _breach($open, $a, $plain, $person, $a->{do}, options => $options);
        ok($breach, "$a->{name}: succeeds without $off") or diag($said);
    }
    for my $node (grep { defined } $shipped, $open) {
        is($node->safe_psql('app', 'SELECT 1'), '1', $node->name . ' is still there');
        unlike(PostgreSQL::Test::Utils::slurp_file($node->logfile), qr/PANIC|was terminated by signal/, $node->name . ' did not crash');
        $node->stop;
    }
    return;
}

1;
