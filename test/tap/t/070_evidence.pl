# What happened is in the ledger: everything that was allowed or refused, once, and in one order without a gap; whatever is killed,
# on a standby that is promoted, and when it cannot be recorded nothing guarded is done.
use strict;
use warnings;
use JitClient;
use JitGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $rounds = $ENV{JIT_EVIDENCE_ROUNDS} // 9;
my $clients = 4;
my $node = gate_cluster('evidence', init => {allows_streaming => 1}, conf => <<'CONF');
jit_guard.log_uses = off
jit_guard.evidence_backlog = '256kB'
CONF
my $admin;

sub back {
    for (1 .. 600) {
        return if eval { $admin = JitClient->new($node, 'postgres'); 1 };
        sleep 0.1;
    }
    BAIL_OUT('the server does not come back');
}

sub caught_up {
    for (1 .. 20) { # the keeper may have to be started again
        my $answer = $admin->query(q{CALL jit.catch_up('5 s')});
        return 1 unless $answer->{error};
        last if $answer->{error}{C} ne '57014';
    }
    return 0;
}

sub keeper { return $admin->value(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app'}); }
# All sessions end with it, and nobody who comes before that is served.
sub kill_keeper {
    kill 'KILL', keeper();
    for (1 .. 600) { last if $admin->query('SELECT 1')->{gone}; sleep 0.05 }
    return back();
}
sub statements { my ($view) = @_; return map { $_->[0] } @{$admin->query("SELECT statement FROM jit.$view WHERE statement LIKE '%marked%'")->{rows}}; }

back();
$admin->query(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 day')});
$admin->query('GRANT ALL ON pay.accounts TO alice, bob');
my $alice = JitClient->new($node, 'alice');
$alice->query(q{SELECT jit.request('acc', '1 day')});
is($alice->value('SELECT count(*) FROM pay.accounts'), 5, 'alice may read');

# ---- killed at random: whatever was answered is there afterwards ----
my ($number, %allowed, %refused, %asked) = (0);
srand($ENV{JIT_EVIDENCE_SEED} // 1);
for my $round (1 .. $rounds) {
    my @busy = map { [$_, eval { JitClient->new($node, $_ % 2 ? 'alice' : 'bob') }] } 1 .. $clients;
    my $end = time + 0.2 + rand 0.3;
    my $victim = qw(backend keeper postmaster)[$round % 3];
    my $killed;
    my $pid = $victim eq 'keeper' ? keeper() : $victim eq 'backend' ? $busy[rand @busy][1]{pid} : $node->{_pid};
    while (time < $end + 1) {
        for my $one (@busy) {
            my ($n, $client) = @$one;
            next unless defined $client && !$client->{gone};
            my $statement = 'SELECT ' . ++$number . ' AS marked FROM pay.accounts LIMIT 1';
            $asked{$statement} = 1;
            my $answer = eval { local $SIG{PIPE} = 'IGNORE'; $client->query($statement) };
            if (!defined $answer || $answer->{gone}) { $one->[1] = undef; next; }
            if (!$answer->{error}) { $allowed{$statement} = 1; }
            elsif ($answer->{error}{C} eq '42501') { $refused{$statement} = 1; }
            else { $one->[1] = undef; }
        }
        if (!$killed && time > $end) {
            kill 'KILL', $pid if $pid;
            $killed = 1;
        }
        last if $killed && !grep { defined $_->[1] } @busy;
        sleep 0.003; # a moment is what is to be hit, not a number of statements
    }
    if ($victim eq 'postmaster') {
        for (1 .. 100) { # until it is gone, and its processes have let go of the memory
            last if !kill 0, $pid;
            sleep 0.1;
        }
        for (1 .. 50) {
            $node->{_pid} = undef;
            last if $node->start(fail_ok => 1);
            sleep 0.2;
        }
    }
    back();
}
ok(caught_up(), 'the ledger has caught up');
my (%used, %denied);
$used{$_}++ for statements('uses');
$denied{$_}++ for statements('refusals');
cmp_ok(scalar keys %allowed, '>', 20 * $rounds, scalar(keys %allowed) . ' statements were allowed');
cmp_ok(scalar keys %refused, '>', 20 * $rounds, scalar(keys %refused) . ' were refused');
is(scalar(grep { ($used{$_} // 0) != 1 } keys %allowed), 0, 'each one that was allowed is recorded once');
is(scalar(grep { ($denied{$_} // 0) != 1 } keys %refused), 0, 'each one that was refused is recorded once');
is(scalar(grep { !$asked{$_} } keys %used, keys %denied), 0, 'and nothing else');
is(scalar(grep { $_ > 1 } values %used, values %denied), 0, 'nothing twice');
is($admin->value('SELECT max(seq) - count(*) FROM jit.ledger'), 0, 'no gap, no double');
is($admin->value('SELECT count(*) FROM jit.events WHERE seq IS NULL'), 0, 'every event has its number');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:gap}'}), 0, 'nothing is lost');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:incarnation}'}), 1, 'a crash is no new incarnation');

# ---- vector 231: everybody may write into the log, and nobody into the ledger ----
my $copied = (grep { $used{$_} } sort keys %allowed)[0];
my $forged = $admin->value(q{SELECT encode(set_byte(set_byte(set_byte(set_byte('\x00000000', 0, d.o & 255), 1, (d.o >> 8) & 255), 2, (d.o >> 16) & 255), 3, (d.o >> 24) & 255)
    || l.record, 'hex') FROM jit.ledger l, (SELECT oid::bigint::int AS o FROM pg_database WHERE datname = 'app') d WHERE jit.decode(l.record) ->> 'statement' = '} . $copied . q{'});
my $mallory = JitClient->new($node, 'mallory');
for my $transactional (qw(false true)) {
    like($mallory->value("SELECT pg_logical_emit_message($transactional, 'jit_guard', '\\x$forged'::bytea)") // '', qr{^[0-9A-F]+/[0-9A-F]+$}, "a message that looks like a record (transactional: $transactional)");
}
kill_keeper(); # the next one reads the log
$alice = JitClient->new($node, 'alice');
$alice->query('SELECT id FROM pay.accounts /* marked after forging */');
ok(caught_up(), 'the ledger has caught up again');
is($admin->value("SELECT count(*) FROM jit.uses WHERE statement = '$copied'"), 1, 'it is none');
is($admin->value(q{SELECT count(*) FROM jit.uses WHERE statement LIKE '%marked after forging%'}), 1, 'and a real one is');

# ---- what a session holds back is written when it is idle, when it goes, and after an error, which stops all timers ----
sub outcome { my ($mark) = @_; return qq{(SELECT outcome FROM jit.uses WHERE statement LIKE '%marked $mark%') = 'committed'}; }
$alice = JitClient->new($node, 'alice');
$alice->query('SELECT id FROM pay.accounts /* marked idle */');
wait_until($node, outcome('idle'), 'the outcome comes while the session is idle');
$alice->query('SELECT id FROM pay.accounts /* marked before an error */; SELECT 1');
$alice->query('SELECT 1 / 0');
wait_until($node, outcome('before an error'), 'after an error, too');
$alice->query('SELECT id FROM pay.accounts /* marked first */');
$alice->query('SELECT id FROM pay.accounts /* marked second */');
wait_until($node, outcome('first') . ' AND ' . outcome('second'), 'each has its own');
$alice->query('BEGIN; SELECT id FROM pay.accounts /* marked rolled back */; ROLLBACK');
$alice->query('SELECT id FROM pay.accounts /* marked last */');
$alice->close;
wait_until($node, outcome('last'), 'the last one comes when the session goes');
is($admin->value(q{SELECT outcome FROM jit.uses WHERE statement LIKE '%marked rolled back%'}), 'rolled back', 'and one that was rolled back is');

# ---- what a crash leaves open is decided by the transaction ----
$alice = JitClient->new($node, 'alice');
$alice->query('UPDATE pay.accounts SET v = v /* marked committed */');
$alice->query('BEGIN');
$alice->query('UPDATE pay.accounts SET v = v /* marked open */');
kill_keeper();
ok(caught_up(), 'after the crash');
is($admin->value(q{SELECT outcome FROM jit.uses WHERE statement LIKE '%marked committed%'}), 'committed', 'what was committed');
is($admin->value(q{SELECT outcome FROM jit.uses WHERE statement LIKE '%marked open%'}), 'unknown', 'what was open');

# ---- more than the list of the keeper holds ----
$alice = JitClient->new($node, 'alice');
my $keeper = keeper();
kill 'STOP', $keeper;
$admin->query(q{ALTER SYSTEM SET jit_guard.evidence_backlog = '64MB'});
$node->append_conf('postgresql.conf', q{jit_guard.evidence_backlog = '64MB'});
$node->reload;
my $before = $admin->value('SELECT max(seq) FROM jit.ledger');
wait_until($node, q{current_setting('jit_guard.evidence_backlog') = '64MB'});
for (1 .. 5_000) { $alice->query('SELECT 1 FROM pay.accounts LIMIT 1'); }
kill 'CONT', $keeper;
ok(caught_up(), 'the keeper goes on');
is($admin->value("SELECT count(*) FROM jit.ledger WHERE seq > $before AND jit.record_keys(record) \@> '{kind:use}'"), 5_000, 'all of them');
is($admin->value('SELECT max(seq) - count(*) FROM jit.ledger'), 0, 'and no gap');

# ---- vector 271: texts of those who are refused close the gate to nobody ----
$node->append_conf('postgresql.conf', q{jit_guard.evidence_backlog = '1MB'});
$node->reload;
wait_until($node, q{current_setting('jit_guard.evidence_backlog') = '1MB'});
kill 'STOP', $keeper;
my ($bob, $long) = (JitClient->new($node, 'bob'), 'x' x 3_000_000);
is($bob->query("SELECT v FROM pay.accounts /* $_ $long */")->{error}{C}, '42501', 'somebody is refused, with a long text') for 1 .. 3;
ok(!$alice->query('SELECT 1 FROM pay.accounts LIMIT 1')->{error}, 'and another, who is approved, reads');
kill 'CONT', $keeper;
ok(caught_up(), 'all of it gets into the ledger');
is($admin->value(q{SELECT string_agg(length(d ->> 'statement')::text, ' ') FROM (SELECT jit.decode(record) AS d FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:text}') t WHERE (d ->> 'statement_length')::int > 3000000}),
    '4096 4096 4096', 'with the beginnings of the texts');
is($admin->value(q{SELECT count(DISTINCT jit.decode(record) ->> 'statement_hash') FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:refusal,person:bob}' AND (jit.decode(record) ->> 'statement_length')::int > 3000000}),
    3, 'and what they were by their hashes');

# ---- backlog: guarded statements are closed, the rest goes on ----
$node->append_conf('postgresql.conf', q{jit_guard.evidence_backlog = '64kB'});
$node->reload;
wait_until($node, q{current_setting('jit_guard.evidence_backlog') = '64kB'});
my $early = JitClient->new($node, 'alice');
$early->query('BEGIN');
$early->query('SELECT 1 FROM pay.accounts LIMIT 1');
kill 'STOP', $keeper;
my $error;
for (1 .. 2_000) {
    my $answer = $alice->query('SELECT 1 FROM pay.accounts LIMIT 1');
    $error = $answer->{error} and last;
}
is($error->{C}, '55000', 'too much waits: closed');
like($error->{D}, qr/More records than jit_guard.evidence_backlog wait/, 'and why');
is($alice->value('SELECT v FROM pay.open'), 1, 'what is not guarded goes on');
# Whoever catches the error and tries again is refused again, also where a statement was recorded before.
my $caught = $early->query(<<'SQL');
DO $$
DECLARE ran int := 0; refused int := 0;
BEGIN
    FOR i IN 1 .. 3 LOOP
        BEGIN
            PERFORM FROM pay.accounts;
            ran := ran + 1;
        EXCEPTION WHEN OTHERS THEN refused := refused + 1;
        END;
    END LOOP;
    RAISE 'ran %, refused %', ran, refused;
END $$
SQL
is($caught->{error}{M}, 'ran 0, refused 3', 'and a statement that is tried again is refused again');
kill 'CONT', $keeper;
ok(caught_up(), 'the keeper goes on');
is($alice->value('SELECT count(*) FROM pay.accounts'), 5, 'open again');

# ---- the slot ----
is($admin->value(q{SELECT active FROM pg_replication_slots WHERE slot_name = 'jit_guard'}), 't', 'the log is kept');
is($admin->query(q{SELECT pg_drop_replication_slot('jit_guard')})->{error}{C}, '55006', 'and the slot is not dropped');
my $here = $admin->value('SELECT pg_current_wal_lsn()');
$admin->query(q{SELECT pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()}) for 1 .. 6;
wait_until($node, "pg_reload_conf() AND (SELECT restart_lsn > '$here' FROM pg_replication_slots)", 'it moves on, although nothing is recorded');

# ---- a standby: what is read there comes into the ledger when it is promoted ----
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('evidence_standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $reader = JitClient->new($standby, 'alice');
is($reader->value('SELECT count(*) /* marked standby */ FROM pay.accounts'), 5, 'a read on the standby');
my $stranger = JitClient->new($standby, 'bob');
gate_error($stranger->query('SELECT count(*) /* marked standby no */ FROM pay.accounts'), '42501', qr/needs a just-in-time approval/, 'a refusal there');
$node->stop;
$standby->promote;
for (1 .. 300) {
    last if eval { $admin = JitClient->new($standby, 'postgres'); $admin->value('SELECT pg_is_in_recovery()') eq 'f' };
    sleep 0.1;
}
ok(caught_up(), 'the promoted standby has a ledger');
is($admin->value(q{SELECT outcome FROM jit.uses WHERE statement LIKE '%marked standby *%'}), 'committed', 'with what was read before');
is($admin->value(q{SELECT count(*) FROM jit.refusals WHERE statement LIKE '%marked standby no%'}), 1, 'and refused');
is($admin->value(q{SELECT jit.decode(record) ->> 'number' FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:incarnation}' ORDER BY seq DESC LIMIT 1}),
    2, 'it is the second incarnation');
is($admin->value('SELECT max(seq) - count(*) FROM jit.ledger'), 0, 'that goes on without a gap');
ok(!-e $standby->data_dir . '/jit_guard_spool.' . $admin->value('SELECT oid FROM pg_database WHERE datname = current_database()'), 'the file is gone');

# ---- without a slot nothing guarded is done, unless the owner of the server says so ----
$standby->stop;
$standby->append_conf('postgresql.conf', "max_replication_slots = 0\nmax_wal_senders = 0\nwal_level = minimal\narchive_mode = off");
unlink glob($standby->data_dir . '/pg_replslot/jit_guard/*');
rmdir $standby->data_dir . '/pg_replslot/jit_guard';
$standby->start;
for (1 .. 300) { last if eval { $admin = JitClient->new($standby, 'postgres'); 1 }; sleep 0.1; }
$alice = JitClient->new($standby, 'alice');
my $closed;
for (1 .. 100) {
    $closed = $alice->query('SELECT count(*) FROM pay.accounts')->{error};
    last if $closed;
    sleep 0.1;
}
is($closed->{C}, '55000', 'closed');
like($closed->{D}, qr/replication slot "jit_guard"/, 'and why');
$standby->append_conf('postgresql.conf', q{jit_guard.evidence = 'async'});
$standby->reload;
my $open;
for (1 .. 100) {
    $open = $alice->query('SELECT count(*) FROM pay.accounts');
    last unless $open->{error};
    sleep 0.1;
}
gate_rows($open, '5', 'async: open');
$standby->stop;
done_testing();
