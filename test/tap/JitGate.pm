# JitGate.pm: a server with guarded tables and the people around them, for tests of the gate on data.
# People: alice and bob ask, carol and dan approve, mallory owns code that nobody should trust, postgres administers.
package JitGate;

use strict;
use warnings;
use Exporter 'import';
use JitClient;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(gate_cluster approved short_window gate_refused gate_error gate_rows wait_until is_waiting past log_since json_lines);

# pay.accounts is guarded by "acc" (people hold the privilege and the gate subtracts), pay.lent by "lent" (people hold
# nothing and the gate adds), pay.open by nothing.
sub gate_cluster {
    my ($name, %how) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init(extra => ['--no-locale', '--encoding=UTF8'], %{$how{init} // {}});
    my $preload = $how{preload} // 'jit_guard';
    $node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = '$preload'
jit_guard.expiry_grace = '500ms'
restart_after_crash = on
max_connections = 60
max_prepared_transactions = 4
log_line_prefix = '%m [%p] %u '
timezone = 'UTC'
fsync = off
wal_level = replica
jit = off
CONF
    $node->append_conf('postgresql.conf', $how{conf}) if defined $how{conf};
    $node->start;
    $node->safe_psql('postgres', 'CREATE DATABASE app');
    # With the module of JIT_TEST_SWITCHES: shows which tests fail without a check.
    $node->safe_psql('postgres', "ALTER DATABASE app SET jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
    $node->safe_psql('app', <<'SQL');
CREATE ROLE leads; CREATE ROLE staff; CREATE ROLE keeper_of_tables;
CREATE ROLE alice LOGIN IN ROLE staff; CREATE ROLE bob LOGIN IN ROLE staff;
CREATE ROLE carol LOGIN IN ROLE leads; CREATE ROLE dan LOGIN IN ROLE leads;
CREATE ROLE mallory LOGIN;
CREATE SCHEMA pay AUTHORIZATION keeper_of_tables;
GRANT ALL ON SCHEMA pay TO PUBLIC; GRANT CREATE ON DATABASE app TO staff;
CREATE TABLE pay.accounts (id int PRIMARY KEY, v int); INSERT INTO pay.accounts SELECT i, 10 * i FROM generate_series(1, 5) i;
CREATE TABLE pay.lent (id int PRIMARY KEY, v int); INSERT INTO pay.lent SELECT i, 100 * i FROM generate_series(1, 5) i;
CREATE TABLE pay.open (id int, v int); INSERT INTO pay.open VALUES (1, 1);
ALTER TABLE pay.accounts OWNER TO keeper_of_tables; ALTER TABLE pay.lent OWNER TO keeper_of_tables;
GRANT ALL ON pay.accounts, pay.open TO staff, mallory;
CREATE ROLE power; GRANT ALL ON pay.lent TO power; GRANT USAGE ON SCHEMA pay TO power;
CREATE EXTENSION jit_guard;
SQL
    $node->safe_psql('app', $_) for (
        q{SELECT jit.create_policy('acc', '{READ,WRITE,EXPORT}', '{pay.accounts}', eligible => '{staff}', approvers => '{leads}')},
        q{SELECT jit.create_policy('lent', '{READ,WRITE,EXPORT}', '{pay.lent}', lends => 'power', eligible => '{staff}', approvers => '{leads}')},
    );
    $node->{jit_people} = {};
    return $node;
}

sub _helper {
    my ($node, $person) = @_;
    my $client = $node->{jit_people}{$person};
    # Something to read without having asked: the server has gone meanwhile.
    $client = $node->{jit_people}{$person} = JitClient->new($node, $person) if !$client || $client->{gone} || $client->answered;
    return $client;
}

# A request of `person` under a policy, approved by carol; returns its number.
sub approved {
    my ($node, $person, $duration, %how) = @_;
    my $policy = $how{policy} // 'acc';
    my $more = defined $how{more} ? ", $how{more}" : '';
    my $id = _helper($node, $person)->value("SELECT jit.request('$policy', '$duration', reason => 'test'$more)");
    _helper($node, $_)->value("SELECT jit.approve($id)") for @{$how{by} // ['carol']};
    return $id;
}

# The same for a short time; returns (number, end as epoch).
sub short_window {
    my ($node, $person, $duration, %how) = @_;
    my $id = approved($node, $person, $duration, %how);
    return ($id, _helper($node, 'postgres')->value("SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE request_id = $id"));
}

# Waits until the clock is past the end; windows are short.
sub past {
    my ($end) = @_;
    my $left = $end - time;
    die "too far away: $left s" if $left > 3;
    sleep $left + 0.02 if $left > -0.02;
    return;
}

sub gate_error {
    my ($answer, $sqlstate, $like, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    if (!$answer->{error}) {
        fail($test);
        diag('no error; rows: ', join ' ', map { $_->[0] // 'null' } @{$answer->{rows}});
        return;
    }
    my $text = join ' | ', map { $answer->{error}{$_} // '' } qw(C M D H);
    ok($answer->{error}{C} eq $sqlstate && $text =~ $like, $test) or diag("got: $text\nnot: $sqlstate $like");
    return;
}

sub gate_refused {
    my ($answer, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    gate_error($answer, '42501', qr/needs a just-in-time approval/, $test);
    return;
}

# Rows as "1 2 3" of the first column, and no error.
sub gate_rows {
    my ($answer, $rows, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($answer->{error} ? "error: $answer->{error}{M}" : join(' ', map { $_->[0] // 'null' } @{$answer->{rows}}), $rows, $test);
    return;
}

# Polls a condition in SQL, as postgres, until it is true.
sub wait_until {
    my ($node, $condition, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $until = time + $JitClient::patience;
    while ((my $now = _helper($node, 'postgres')->value("SELECT ($condition)::text") // 'null') ne 'true') {
        if (time > $until) {
            fail($test // $condition);
            diag("never: $condition (last: $now)");
            return 0;
        }
        sleep 0.01;
    }
    pass($test) if defined $test;
    return 1;
}

# Waits until that client waits for somebody's lock.
sub is_waiting {
    my ($node, $client, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_until($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $client->{pid} AND wait_event_type = 'Lock')", $test);
}

# The server's log from an offset on; without one, its length now.
sub log_since {
    my ($node, $offset) = @_;
    return -s $node->logfile if !defined $offset;
    return PostgreSQL::Test::Utils::slurp_file($node->logfile, $offset);
}

# The JSON lines of jit_guard of one kind in a piece of log, as texts.
sub json_lines {
    my ($log, $kind) = @_;
    return grep { /^\{"jit_guard": ?"$kind"/ } map { /LOG:  (\{"jit_guard": ?".*)$/ ? $1 : () } split /\n/, $log;
}

1;
