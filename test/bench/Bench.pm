# Bench.pm: throw-away servers, natively or under callgrind, and what the benchmarks share: the contents of their
# databases and the form of their tables.
#
# Environment, from test/bench/run: JIT_BIN (programs of the staged server), JIT_BENCH (work folder, a short path).
package Bench;

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path remove_tree);
use List::Util qw(max min sum);
use POSIX ();
use Time::HiRes qw(sleep time);
use Wire;

our @EXPORT = qw(machine median percentile say_table note_line budget failed make_tables without_triggers with_triggers fill_house policy_for_bench);

my $bin = $ENV{JIT_BIN} // die "run test/bench/run\n";
my $work = $ENV{JIT_BENCH} // die "run test/bench/run\n";
my %running; # pid => server: for the end of an interrupted run
my $over = 0;

$SIG{INT} = $SIG{TERM} = sub { exit 1 };
END { my $code = $?; $_->stop('immediate') for values %running; $? = $code }

# ---- servers ----

# make(name, settings text): a data folder, not started.
sub make {
    my ($class, $name, $settings) = @_;
    my $dir = "$work/$name";
    if (-f "$dir/data/postmaster.pid") { # left by a run that was killed
        system "'$bin/pg_ctl' -D '$dir/data' -m immediate -w stop >'$work/stop.log' 2>&1";
    }
    remove_tree($dir);
    make_path($dir, {mode => 0700});
    system("'$bin/initdb' -D '$dir/data' -U postgres -A trust -E UTF8 --no-locale --no-sync >'$dir/initdb.log'") == 0
        or die "initdb failed, see $dir/initdb.log\n";
    my $self = bless {dir => $dir, data => "$dir/data"}, $class;
    $self->configure(<<"CONF");
listen_addresses = ''
unix_socket_directories = '$dir'
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%u@%d/%a '
jit = off
autovacuum = off
max_wal_size = '4GB'
checkpoint_timeout = '1h'
CONF
    $self->configure($settings);
    return $self;
}

sub configure {
    my ($self, $text) = @_;
    open my $out, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!\n";
    print $out $text;
    close $out or die "postgresql.conf: $!\n";
    return;
}

# start(libraries => 'a,b', callgrind => 1): returns when the server takes connections.
sub start {
    my ($self, %how) = @_;
    my @command = ("$bin/postgres", '-D', $self->{data}, '-c', 'shared_preload_libraries=' . ($how{libraries} // 'jit_guard'));
    push @command, map { ('-c', $_) } @{$how{settings} // []};
    if ($how{callgrind}) {
        $self->{profile} = "$self->{dir}/cg";
        remove_tree($self->{profile});
        make_path($self->{profile});
        # Counting begins when a backend enters its main loop, so nothing of the postmaster's is in it. Addresses are
        # the same in every run: hash tables keyed by pointers are then walked alike.
        # malloc() neither gives memory back nor maps any, which it would do for some layouts of the heap and not for others.
        $ENV{$_} = 1 << 30 for qw(MALLOC_TRIM_THRESHOLD_ MALLOC_MMAP_THRESHOLD_);
        unshift @command, 'setarch', '-R', 'valgrind', '--quiet', '--tool=callgrind',
            '--toggle-collect=PostgresMain', "--callgrind-out-file=$self->{profile}/%p";
    }
    my $pid = fork // die "fork: $!\n";
    delete $ENV{$_} for $pid ? qw(MALLOC_TRIM_THRESHOLD_ MALLOC_MMAP_THRESHOLD_) : ();
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        setpgrp;
        exec @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    my $end = time + 300;
    while (time < $end) {
        if (waitpid($pid, POSIX::WNOHANG()) != 0) {
            delete $running{$pid};
            die "the server did not start:\n" . $self->log_tail;
        }
        my $session = eval { Wire->connect(socket => $self->socket, user => 'postgres', database => 'postgres') };
        if ($session && defined $session->pid) {
            $session->close;
            return;
        }
        sleep 0.2;
    }
    die "the server does not take connections:\n" . $self->log_tail;
}

sub stop {
    my ($self, $how) = @_;
    my $pid = delete $self->{pid} or return;
    delete $running{$pid};
    kill {fast => 'INT', immediate => 'QUIT'}->{$how // 'fast'}, $pid;
    waitpid $pid, 0;
    return;
}

sub socket { return "$_[0]{dir}/.s.PGSQL.5432" }
sub log_tail { my ($self) = @_; return scalar `tail -n 20 '$self->{dir}/log'` }

sub session {
    my ($self, $database, $user, %settings) = @_;
    return Wire->connect(socket => $self->socket, database => $database, user => $user // 'postgres', settings => \%settings);
}

sub sql { my ($self, $database, $sql) = @_; my $s = $self->session($database); my $v = $s->value($sql); $s->close; return $v }

# User-space instructions of the backend of a session that has ended.
sub instructions {
    my ($self, $pid) = @_;
    my $file = "$self->{profile}/$pid";
    for (1 .. 600) {
        if (open my $in, '<', $file) {
            while (<$in>) {
                return $1 if /^totals: (\d+)/;
            }
        }
        sleep 0.1;
    }
    die "callgrind wrote no $file\n";
}

# ---- what is in the databases ----

# The tables that the policies of fill_house() guard; nobody uses them.
sub make_tables {
    my ($server, $database, $count) = @_;
    $server->sql($database, "DO 'BEGIN FOR i IN 1..$count LOOP EXECUTE ''CREATE TABLE g'' || i || ''(id int PRIMARY KEY, v text)''; IF i % 200 = 0 THEN COMMIT; END IF; END LOOP; END'");
    return;
}

# On a server without the library its tables can be written, but not while their triggers, functions of the library, fire.
sub without_triggers {
    my ($s) = @_;
    my $triggers = $s->query(q{SELECT tgrelid::regclass, quote_ident(tgname), tgenabled FROM pg_trigger
        WHERE tgrelid::regclass::text LIKE 'jit.%' AND NOT tgisinternal});
    $s->query("ALTER TABLE $$_[0] DISABLE TRIGGER $$_[1]") for @$triggers;
    return $triggers;
}
sub with_triggers {
    my ($s, $triggers) = @_;
    $s->query("ALTER TABLE $$_[0] ENABLE " . ($$_[2] eq 'A' ? 'ALWAYS' : '') . " TRIGGER $$_[1]") for @$triggers;
    return;
}

# Fills the tables of jit_guard: $policies policies over the $tables tables of make_tables(), and $approvals live approvals
# of other people. For a server that was started without the library, where they are tables like any other.
sub fill_house {
    my ($server, $database, $policies, $approvals, $tables) = @_;
    my $s = $server->session($database);
    my %oid = map { @$_ } @{$s->query(q{SELECT relname, oid FROM pg_class WHERE relname ~ '^g[0-9]+$'})};
    my $table_of = sub { 'g' . (1 + $_[0] % $tables) };
    my $triggers = without_triggers($s);
    $s->copy_in('COPY jit.policies (policy_id, name, actions, objects, lends, elevates_to, eligible, approvers, approvals, exempt, max_duration,'
        . ' default_duration, pending_timeout, require_reason, networks, break_glass, break_glass_duration, escalate_to, on_expiry, mode, statement,'
        . ' require_mfa, mfa_max_age, record_parameters, created_by, created_at, changed_at) FROM STDIN', join '', map {
        join("\t", $_, "p$_", '{SELECT}', '{public.' . $table_of->($_) . '}', '{}', '{}', '{}', '{}', 1, '{}', '1 day', '1 hour', '1 hour',
            'f', '{}', '{}', '15 min', '{}', 'cancel', 'enforce', 'optional', 'none', '5 min', 'f', 'postgres', 'now', 'now') . "\n"
    } 1 .. $policies);
    $s->copy_in('COPY jit.guards (policy_id, object_class, object_id, attnums, actions, commands, object) FROM STDIN', join '', map {
        join("\t", $_, 'r', $oid{$table_of->($_)}, '{}', 1, 0, 'public.' . $table_of->($_)) . "\n"
    } 1 .. $policies);
    $s->copy_in('COPY jit.requests (request_id, policy_id, policy, person, person_name, state, actions, objects, narrowed, duration,'
        . ' starts_at, requested_at, pending_until, decided_at, ends_at) FROM STDIN', join '', map {
        my $policy = 1 + $_ % $policies;
        join("\t", $_, $policy, "p$policy", 20_000_000 + $_, "person$_", 'approved', '{SELECT}', '{public.' . $table_of->($policy) . '}', 'f',
            '1 day', 'yesterday', 'yesterday', 'now', 'yesterday', 'infinity') . "\n"
    } 1 .. $approvals);
    $s->copy_in('COPY jit.approvals (request_id, policy_id, person, starts_at, ends_at, actions, commands, narrowed) FROM STDIN', join '', map {
        join("\t", $_, 1 + $_ % $policies, 20_000_000 + $_, 'yesterday', 'infinity', 1, 0, 'f') . "\n"
    } 1 .. $approvals);
    with_triggers($s, $triggers);
    $s->query("SELECT setval(pg_get_serial_sequence('jit.policies', 'policy_id'), 1000000)");
    $s->query("SELECT setval(pg_get_serial_sequence('jit.requests', 'request_id'), 1000000)");
    $s->query("ANALYZE jit.$_") for qw(policies guards requests approvals);
    $s->close;
    return;
}

# A policy on $objects, and a live approval under it for the role bench. %more: further arguments of create_policy.
sub policy_for_bench {
    my ($server, $database, $policy, $objects, %more) = @_;
    my $admin = $server->session($database);
    my $arguments = join '', map { ", $_ => $more{$_}" } sort keys %more;
    $admin->query("SELECT jit.create_policy('$policy', actions => '{READ,WRITE}', objects => '$objects', eligible => '{bench}',"
        . " approvers => '{approver}', max_duration => '12 h', require_reason => false$arguments)");
    $admin->close;
    my $bench = $server->session($database, 'bench');
    my $request = $bench->value("SELECT jit.request('$policy', '12 h')");
    $bench->close;
    my $approver = $server->session($database, 'approver');
    $approver->query("SELECT jit.approve($request)");
    $approver->close;
    return $request;
}

# ---- numbers ----

sub percentile { my ($p, @sorted) = @_; return $sorted[min($#sorted, POSIX::ceil($p / 100 * @sorted) - 1)] }
sub median { return percentile(50, sort { $a <=> $b } @_) }

# Says whether the figure keeps the issue's budget. Only instruction budgets make a run fail, and only beyond the noise of
# the method: 0.2 % of what is measured.
sub budget {
    my ($figure, $most, $measured) = @_;
    return '-' unless defined $most;
    return "$most" if $figure <= $most;
    return "$most, within noise" if defined $measured && $figure <= $most + 0.002 * $measured;
    $over++ if defined $measured;
    return "$most EXCEEDED";
}
sub failed { return $over ? 1 : 0 }

sub note_line { print "# @_\n"; return }

# A table in Markdown; the first row is the head.
sub say_table {
    my ($head, @rows) = @_;
    my @width = map { my $c = $_; max map { length($_->[$c] // '') } $head, @rows } 0 .. $#$head;
    my $line = sub { '| ' . join(' | ', map { my $t = $_[$_] // ''; $t =~ /^[-+~\d.,]+( |$)/ && $_ ? sprintf("%*s", $width[$_], $t) : sprintf("%-*s", $width[$_], $t) } 0 .. $#width) . " |\n" };
    print $line->(@$head), '|', join('|', map { '-' x ($_ + 2) } @width), "|\n", map({ $line->(@$_) } @rows), "\n";
    return;
}

sub machine {
    my ($cpu) = `cat /proc/cpuinfo` =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = `cat /proc/cpuinfo` =~ /^processor/mg;
    my ($memory) = `cat /proc/meminfo` =~ /^MemTotal:\s*(\d+)/m;
    chomp(my $server = `'$bin/postgres' --version`);
    chomp(my $valgrind = `valgrind --version 2>&1`);
    chomp(my $load = `cut -d' ' -f1-3 /proc/loadavg`);
    return sprintf "%s; %s, %d cores, %.0f GB; Linux %s; %s; load when started %s", POSIX::strftime('%Y-%m-%d', gmtime), $cpu // 'unknown processor',
        $cores, ($memory // 0) / 1e6, (POSIX::uname())[2], "$server; $valgrind", $load;
}

1;
