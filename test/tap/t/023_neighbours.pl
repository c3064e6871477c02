# Beside the extensions that others load too, in both orders: nobody's hook is lost, and nobody weakens the gate.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;

chomp(my $libraries = `pg_config --pkglibdir`);
my ($major) = `pg_config --version` =~ /(\d+)/;
my %package = (pg_stat_statements => 'postgresql-contrib', auto_explain => 'postgresql-contrib', pgaudit => "postgresql-$major-pgaudit", set_user => "postgresql-$major-set-user");
my %has = map { $_ => -e "$libraries/$_.so" } keys %package;

sub test_order {
    my ($order, @preload) = @_;
    my $conf = '';
    $conf .= "pg_stat_statements.track = 'all'\n" if $has{pg_stat_statements};
    $conf .= "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\nauto_explain.log_analyze = on\n" if $has{auto_explain};
    $conf .= "pgaudit.log = 'all'\npgaudit.log_relation = on\n" if $has{pgaudit};
    my $node = gate_cluster("neighbours_$order", preload => join(',', @preload), conf => $conf);
    my $admin = JitClient->new($node, 'postgres');
    for my $extension (grep { $has{$_} && $_ ne 'auto_explain' } sort keys %has) {
        is($admin->query("CREATE EXTENSION $extension")->{error}{M}, undef, "$order: CREATE EXTENSION $extension");
    }
    my %p = map { $_ => JitClient->new($node, $_) } qw(alice bob carol);
    $p{alice}->query(q{CREATE FUNCTION pay.nested() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) AS in_function FROM pay.accounts); END'});
    $p{alice}->query(q{CREATE FUNCTION pay.nested_open() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) AS in_open FROM pay.open); END'});

    # ---- refused, in every kind of statement ----
    my $offset = log_since($node);
    gate_refused($p{alice}->query($_), "$order: refused: $_") for (
        'SELECT v FROM pay.accounts WHERE id = 1', 'UPDATE pay.accounts SET v = 1', 'DELETE FROM pay.lent', 'COPY pay.accounts TO STDOUT',
        'TRUNCATE pay.accounts', 'CREATE TABLE pay.copy AS SELECT * FROM pay.accounts', 'SELECT pay.nested()',
        'EXPLAIN ANALYZE SELECT * FROM pay.accounts', 'DO $$ BEGIN DELETE FROM pay.accounts; END $$', 'LOCK pay.accounts');
    gate_refused($p{alice}->extended('SELECT v FROM pay.accounts WHERE id = $1', 1), "$order: refused: extended");

    # ---- allowed ----
    my $id = approved($node, 'alice', '10 min');
    my $lent = approved($node, 'alice', '10 min', policy => 'lent');
    gate_rows($p{alice}->query('SELECT v FROM pay.accounts WHERE id = 1'), '10', "$order: allowed with an approval") for 1 .. 3;
    gate_rows($p{alice}->query('SELECT v FROM pay.lent WHERE id = 1'), '100', "$order: a lent privilege works");
    gate_rows($p{alice}->query('UPDATE pay.lent SET v = 101 WHERE id = 1 RETURNING v'), '101', "$order: and writes");
    gate_rows($p{alice}->query('SELECT pay.nested()'), '5', "$order: nested");
    gate_rows($p{alice}->extended('SELECT v FROM pay.accounts WHERE id = $1', 2), '20', "$order: extended");
    like($p{alice}->query('COPY pay.accounts TO STDOUT')->{copied}, qr/^1\t10\n/, "$order: COPY");
    gate_refused($p{bob}->query('SELECT v FROM pay.accounts'), "$order: still not for somebody else");
    is($p{alice}->query($_)->{error}{M}, undef, "$order: lent: $_") for
        'BEGIN; LOCK pay.lent IN SHARE MODE; TRUNCATE pay.lent; ROLLBACK', 'BEGIN; TRUNCATE pay.lent CASCADE; ROLLBACK';
    # COPY has no form without a table that the others could be shown.
    my $copy = $p{alice}->send_query('COPY pay.lent FROM STDIN')->send_message('d', "7\t700\n")->send_message('c', '')->finish;
    if ($order eq 'last') {
        gate_error($copy, '0A000', qr/COPY FROM cannot be lent on this server.*Name jit_guard first/, "$order: COPY FROM is not lent past others");
    } else {
        is($copy->{error}{M}, undef, "$order: COPY FROM is lent");
        gate_rows($p{alice}->query('DELETE FROM pay.lent WHERE id = 7 RETURNING v'), '700', "$order: and its row is there");
    }

    # ---- pg_stat_statements: refused ones do not count, and levels are right after refusals ----
    SKIP: {
        skip "pg_stat_statements is not installed ($package{pg_stat_statements})", 5 if !$has{pg_stat_statements};
        my $calls = sub { my ($like, $top) = @_; return $admin->value("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '$like' AND toplevel = $top"); };
        is($calls->('SELECT v FROM pay.accounts WHERE id = $1', 'true'), 4, "$order: four calls counted at top level");
        is($calls->('SELECT v FROM pay.accounts WHERE id = $1', 'false'), 0, "$order: none of them as nested");
        is($calls->('%AS in_function%', 'false'), 1, "$order: the nested one as nested");
        is($calls->('%TRUNCATE pay.lent%', 'true'), 2, "$order: a TRUNCATE with a lent privilege counts");
        $p{alice}->query('SELECT pay.nested_open()');
        is($calls->('%AS in_open%', 'false'), 1, "$order: and after errors the levels are still right");
    }

    # ---- auto_explain ----
    SKIP: {
        skip "auto_explain is not installed ($package{auto_explain})", 2 if !$has{auto_explain};
        my $log = log_since($node, $offset);
        like($log, qr/duration: [0-9.]+ ms  plan:\s+Query Text: SELECT v FROM pay.lent WHERE id = 1/, "$order: auto_explain logs a lent statement");
        like($log, qr/Query Text: SELECT count|Query Text: \(SELECT count|in_function/, "$order: and a nested one");
    }

    # ---- pgaudit ----
    SKIP: {
        skip "pgaudit is not installed ($package{pgaudit})", 5 if !$has{pgaudit};
        my $log = log_since($node, $offset);
        like($log, qr/AUDIT: SESSION,\d+,\d+,READ,SELECT,TABLE,pay.accounts,SELECT v FROM pay.accounts WHERE id = 1/, "$order: pgaudit logs the allowed read");
        like($log, qr/AUDIT: SESSION,\d+,\d+,WRITE,UPDATE,TABLE,pay.lent,/, "$order: and the write with a lent privilege");
        like($log, qr/AUDIT: SESSION,\d+,\d+,READ,SELECT,TABLE,pay.accounts,.*in_function/, "$order: and the nested read");
        like($log, qr/AUDIT: SESSION,\d+,\d+,WRITE,TRUNCATE TABLE,/, "$order: and a TRUNCATE with one");
        like($log, qr/AUDIT: SESSION,\d+,\d+,MISC,|AUDIT: SESSION,\d+,\d+,FUNCTION,/, "$order: and other classes");
    }
    ok(scalar json_lines(log_since($node, $offset), 'use') >= 6, "$order: our own lines are there too");
    ok(scalar json_lines(log_since($node, $offset), 'refusal') >= 10, "$order: for refusals as well");

    # ---- set_user changes the role, not the person ----
    SKIP: {
        skip "set_user is not installed ($package{set_user})", 9 if !$has{set_user};
        $admin->query("GRANT EXECUTE ON FUNCTION set_user(text), set_user_u(text), reset_user() TO bob, carol");
        my $bob = $p{bob};
        is($bob->query("SELECT set_user('alice')")->{error}{M}, undef, "$order: bob becomes alice");
        gate_rows($bob->query('SELECT current_user'), 'alice', "$order: as far as the role goes");
        gate_rows($bob->query('SELECT jit.person()'), 'bob', "$order: the person is still bob");
        gate_refused($bob->query('SELECT v FROM pay.accounts'), "$order: alice's approval is not bob's");
        gate_error($bob->query("SELECT jit.release($id)"), '42704', qr/no request $id that concerns you/, "$order: nor is her request");
        $bob->query('SELECT reset_user()');
        is($bob->query("SELECT set_user_u('postgres')")->{error}{M}, undef, "$order: bob becomes a superuser");
        gate_refused($bob->query('SELECT v FROM pay.accounts'), "$order: who is refused all the same");
        my $asked = $p{carol}->query("SELECT set_user_u('postgres')");
        my $own = $p{alice}->value("SELECT jit.request('acc', '5 min', reason => 'again')");
        gate_rows($p{carol}->query("SELECT jit.approve($own)"), 'approved', "$order: an approver who became somebody else votes");
        is($admin->value("SELECT string_agg(voter_name, ' ') FROM jit.votes WHERE request_id = $own"), 'carol', "$order: as the person that she is");
    }

    # ---- the deadline, and no crash ----
    my $end;
    ($id, $end) = short_window($node, 'bob', '1 s', policy => 'lent');
    my $late = JitClient->new($node, 'bob');
    gate_error($late->query('SELECT count(*) FROM pay.lent, pg_sleep(20)'), '57014', qr/approval $id is over/, "$order: a running statement is cancelled at the end");
    gate_refused($late->query('SELECT v FROM pay.lent'), "$order: and the next one refused");
    unlike(log_since($node, 0), qr/terminated by signal|PANIC|server process .* exited|TRAP:/, "$order: nothing crashed");
    $node->stop;
    return;
}

my @others = grep { $has{$_} } qw(pg_stat_statements auto_explain pgaudit set_user);
diag("not installed: $_ (Debian: $package{$_})") for grep { !$has{$_} } sort keys %has;
test_order('last', @others, 'jit_guard');
test_order('first', 'jit_guard', @others);
done_testing();
