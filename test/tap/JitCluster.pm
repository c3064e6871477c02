# JitCluster.pm: a throw-away server with jit_guard, and sessions that stay open.
#
# Windows are real and short (1 to 3 s): a test waits for a state, never for a time, except where time is what it tests.
package JitCluster;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(new_cluster sql as_person refused lend request_approved wait_for session worker_pid wait_server);

# A running server whose control database is "app", with the extension, the role "dba" that the policy "dba-window"
# lends, people (alice, bob, dave) and an approver (carol).
sub new_cluster {
    my ($name, $conf, %how) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name, %how);
    $node->init(extra => ['--no-locale', '--encoding=UTF8']);
    $node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'jit_guard'
jit_guard.control_database = 'app'
jit_guard.expiry_grace = '700ms'
restart_after_crash = on
timezone = 'UTC'
fsync = off
wal_level = replica
CONF
    $node->append_conf('postgresql.conf', $conf) if defined $conf;
    # With the module of JIT_TEST_SWITCHES: shows which tests fail without a check.
    $node->append_conf('postgresql.conf', "jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
    $node->start;
    $node->safe_psql('postgres', 'CREATE DATABASE app');
    $node->safe_psql('app', <<'SQL');
CREATE ROLE dba; CREATE ROLE leads; CREATE ROLE staff;
CREATE ROLE alice LOGIN IN ROLE staff; CREATE ROLE bob LOGIN IN ROLE staff; CREATE ROLE dave LOGIN IN ROLE staff;
CREATE ROLE carol LOGIN IN ROLE leads;
CREATE TABLE secret (v int); INSERT INTO secret VALUES (42); ALTER TABLE secret OWNER TO dba;
CREATE EXTENSION jit_guard;
SQL
    $node->safe_psql('app', q{SELECT jit.create_policy('dba-window', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')});
    return $node;
}

sub sql { my ($node, $sql, $db) = @_; return $node->safe_psql($db // 'app', $sql); }

# One statement in a session of its own: (exit code, output, errors).
sub as_person {
    my ($node, $person, $sql, %how) = @_;
    my ($out, $err) = ('', '');
    local $ENV{PGOPTIONS} = $how{options} if defined $how{options};
    my $code = $node->psql($how{db} // 'app', $sql, stdout => \$out, stderr => \$err,
        on_error_stop => 1, extra_params => ['-U', $person], timeout => 300, timed_out => \my $timed_out);
    return ($code, $out, $err);
}

# The statement must fail with an error like $like.
sub refused {
    my ($node, $person, $sql, $like, $test, %how) = @_;
    my ($code, $out, $err) = as_person($node, $person, $sql, %how);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    isnt($code, 0, "$test: fails") or diag("output: $out");
    like($err, $like, "$test: says why");
    return;
}

# Asks and approves; returns the number of the request.
sub request_approved {
    my ($node, $person, $duration, %how) = @_;
    my $policy = $how{policy} // 'dba-window';
    my $when = defined $how{starts_at} ? ", starts_at => $how{starts_at}" : '';
    my ($code, $id, $err) = as_person($node, $person, "SELECT jit.request('$policy', '$duration', reason => 'test'$when)");
    $code == 0 or die "request: $err";
    ($code, my $out, $err) = as_person($node, 'carol', "SELECT jit.approve($id)");
    $code == 0 or die "approve: $err";
    return $id;
}

# The same, and waits until the membership is there.
sub lend {
    my ($node, $person, $duration, %how) = @_;
    my $id = request_approved($node, $person, $duration, %how);
    my ($code, $out, $err) = as_person($node, $person, "CALL jit.await($id, '20 s')");
    $code == 0 or die "await: $err";
    return $id;
}

# Polls a query until it says 't'.
sub wait_for {
    my ($node, $query, $test, $db) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok($node->poll_query_until($db // 'app', $query), $test);
}

sub worker_pid {
    my ($node, $type, $db) = @_;
    my $where = defined $db ? "AND datname = '$db'" : '';
    return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard $type' $where");
}

# Until the server takes connections again, after a crash.
sub wait_server {
    my ($node) = @_;
    for (1 .. 600) {
        my ($code, $out) = $node->psql('postgres', 'SELECT 1', stdout => \my $o, stderr => \my $e);
        return 1 if defined $o && $o eq '1';
        sleep 0.1;
    }
    die 'the server does not come back';
}

# ---- a session that stays open: $s->run('...') returns (output, errors); $s->open tells whether it still is ----
sub session {
    my ($node, $person, %how) = @_;
    my $self = bless {in => '', out => '', err => '', marks => 0}, 'JitCluster::Session';
    local $ENV{PGOPTIONS} = $how{options} if defined $how{options};
    my $uri = $node->connstr($how{db} // 'app') . " user=$person";
    $self->{timer} = IPC::Run::timeout(300);
    $self->{psql} = IPC::Run::start(['psql', '-XAtq', '-v', 'VERBOSITY=default', '-d', $uri],
        '<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timer});
    return $self;
}

package JitCluster::Session;

use strict;
use warnings;
use Time::HiRes ();

sub run {
    my ($self, $sql) = @_;
    $self->send_only($sql);
    return $self->finish;
}

# Sends without waiting for the answer.
sub send_only {
    my ($self, $sql) = @_;
    my $mark = 'mark' . ++$self->{marks};
    @$self{qw(out err)} = ('', '');
    $self->{timer}->start(300);
    $self->{in} .= "$sql;\n\\echo $mark\n\\warn $mark\n";
    $self->{psql}->pump_nb;
    return;
}

# The answer to what was sent. The mark counts with the end of its line: a late one would begin the next answer.
sub finish {
    my ($self) = @_;
    my $mark = 'mark' . $self->{marks};
    eval { $self->{psql}->pump while $self->{psql}->pumpable && ($self->{out} !~ /^$mark\n/m || $self->{err} !~ /^$mark\n/m); 1 }
        or $self->{gone} = 1;
    my ($out, $err) = @$self{qw(out err)};
    s/^$mark\n//m for $out, $err;
    chomp $out;
    $self->{gone} = 1 if $err =~ /server closed the connection|connection to server was lost/;
    return ($out, $err);
}

# Is the backend still there? Asks the server's list of processes, not the session.
sub backend_pid {
    my ($self) = @_;
    my ($out) = $self->run('SELECT pg_backend_pid()');
    return $out;
}

sub close {
    my ($self) = @_;
    eval { $self->{in} .= "\\q\n"; $self->{psql}->finish; 1 };
    return;
}

1;
