# The end of an approval, with real and short windows: whatever was begun in time does not outlive it.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $node = gate_cluster('deadline', conf => "jit_guard.expiry_grace = '20s'\n");
my $admin = JitClient->new($node, 'postgres');
my $carol = JitClient->new($node, 'carol');
$admin->value("SELECT jit.alter_policy('$_', exempt => '{postgres}')") for 'acc', 'lent';
my ($answer, $id, $end);

# What a test does with sessions of alice's: before the window opens, in it, and after its end.
sub sessions { my @names = @_; return map { $_ => JitClient->new($node, 'alice') } @names; }
sub count_of { my ($rest) = @_; return $admin->value("SELECT count(*) FROM $rest"); }
sub running { my ($client) = @_; return wait_until($node, "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $client->{pid} AND state = 'active' AND wait_event = 'PgSleep')"); }
sub set_grace {
    my ($grace) = @_;
    $node->append_conf('postgresql.conf', "jit_guard.expiry_grace = '$grace'");
    $node->reload;
    wait_until($node, "current_setting('jit_guard.expiry_grace') = '$grace'");
}
my %s = sessions(qw(owner));
$s{owner}->query($_) for (
    q{CREATE FUNCTION pay.folded() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT max(v) FROM pay.accounts); END'},
    q{CREATE PROCEDURE pay.writer() LANGUAGE plpgsql AS $$ BEGIN
        FOR i IN 1000..2000 LOOP INSERT INTO pay.accounts VALUES (i, i); COMMIT; PERFORM pg_sleep(0.02); END LOOP; END $$},
    q{CREATE PROCEDURE pay.reader() LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
        FOR r IN SELECT id FROM pay.accounts LOOP COMMIT; INSERT INTO pay.open VALUES (500, r.id); COMMIT; PERFORM pg_sleep(0.5); END LOOP; END $$},
);

# ---- running statements are cancelled at the end, by an error that names the approval ----
my @running = (
    simple    => 'SELECT count(*) FROM pay.accounts, pg_sleep(20)',
    extended  => 'SELECT count(*) FROM pay.accounts, pg_sleep(20)',
    prepared  => 'EXECUTE slow',
    # vector 19, vector 20: also busy; vector 23: writer, and stored below
    do_loop   => 'DO $$ BEGIN FOR i IN 1..1000 LOOP PERFORM v FROM pay.accounts; PERFORM pg_sleep(0.01); END LOOP; END $$',
    now_loop  => 'DO $$ DECLARE t timestamptz := now(); BEGIN WHILE now() = t LOOP PERFORM v FROM pay.accounts; END LOOP; END $$',
    copy_out  => 'COPY (SELECT id, pg_sleep(0.05) FROM pay.accounts, generate_series(1, 200)) TO STDOUT',
    update    => 'UPDATE pay.accounts SET v = 0 WHERE id = 5 AND pg_sleep(20) IS NOT NULL',
    explain   => 'EXPLAIN ANALYZE SELECT count(*) FROM pay.accounts, pg_sleep(20)',
    cursor    => "BEGIN; DECLARE c CURSOR FOR SELECT id, pg_sleep(20) FROM pay.accounts; FETCH 1 FROM c",
    writer    => 'CALL pay.writer()',
    after_err => 'SELECT count(*) FROM pay.accounts, pg_sleep(20)',
    busy      => 'SELECT count(*) FROM pay.accounts, generate_series(1, 1000000000)',
);
my %text = @running;
%s = sessions(keys %text, 'sooner');
$s{prepared}->query('PREPARE slow AS SELECT count(*) FROM pay.open'); # planned anew below, under the approval
$id = approved($node, 'alice', '10 min');
$s{prepared}->query('DEALLOCATE slow; PREPARE slow AS SELECT count(*) FROM pay.accounts, pg_sleep(20)');
$s{simple}->value("SELECT jit.release($id)");
($id, $end) = short_window($node, 'alice', '1.5 s');
gate_rows($s{sooner}->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'in the window');
# The server switches every timer off when an error reaches the client.
$s{after_err}->query($_) for 'BEGIN; SELECT id FROM pay.accounts; SAVEPOINT sp', 'SELECT 1 / 0', 'ROLLBACK TO sp';
for my $how (sort keys %text) {
    if ($how eq 'extended') { $s{$how}->parse('', $text{$how})->bind('', '')->execute('')->sync; }
    else { $s{$how}->send_query($text{$how}); }
}
for my $how (sort keys %text) {
    $answer = $s{$how}->finish;
    cmp_ok(time, '>=', $end, "$how: not before the end");
    my $named = qr/approval $id is over.*under policy "acc"; it expired at/;
    $named = qr/$named|request $id (?:expired at|was ended .expired.)/ if $how eq 'writer'; # cancelled, or refused at its COMMIT
    gate_error($answer, $answer->{error}{C} // '', qr/^(57014|42501) .*$named/, "$how: ended by an error that names the approval");
}
like($s{writer}->query('SELECT 1')->{status}, qr/I/, 'no session was lost');
is($admin->value('SELECT count(*) > 1 FROM pay.accounts WHERE id >= 1000'), 't', 'the procedure committed rows in time');
is(count_of('pay.accounts WHERE v = 0'), 0, 'the update changed nothing');
$s{$_}->query('ROLLBACK') for qw(cursor after_err);
for my $how (sort keys %text) {
    next if $how eq 'cursor' || $how eq 'writer';
    $answer = $s{$how}->query($how eq 'copy_out' ? 'COPY pay.accounts TO STDOUT' : $how eq 'prepared' ? 'EXECUTE slow' : 'SELECT v FROM pay.accounts');
    gate_error($answer, '42501', qr/needs a just-in-time approval.*request $id expired at|request $id was ended \(expired\)/, "$how: the next statement is refused");
}
gate_rows($s{sooner}->query('SELECT id FROM pay.open WHERE id = 1'), '1', 'what is not guarded goes on');
is($admin->value("SELECT bool_and(id < 1990) FROM pay.accounts"), 't', 'and the procedure did not go on');
$admin->value('DELETE FROM pay.accounts WHERE id >= 1000 RETURNING 1');

# ---- what was begun in time and stands idle at the end ----
my @idle = qw(fetch bound suspended begun repeatable frozen commit commit_ext savepoint lent reads rollback chain exported copied);
%s = sessions(@idle);
my $lent = approved($node, 'alice', '10 min', policy => 'lent');
($id, $end) = short_window($node, 'alice', '1.5 s');
$_->query('BEGIN') for @s{qw(fetch bound suspended begun commit commit_ext savepoint lent reads rollback chain exported)};
$s{repeatable}->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
$s{frozen}->query('BEGIN; SELECT now()');
gate_rows($s{fetch}->query('DECLARE c CURSOR FOR SELECT id FROM pay.accounts ORDER BY id; FETCH 1 FROM c'), '1', 'a cursor gives rows in time');
$s{bound}->parse('p', 'SELECT id FROM pay.accounts')->bind('late', 'p')->flush->finish(stop => '2');
gate_rows($s{suspended}->parse('p', 'SELECT id FROM pay.accounts ORDER BY id')->bind('late', 'p')->execute('late', 2)->flush->finish(stop => 's'), '1 2', 'a suspended portal gives rows in time');
gate_rows($s{$_}->query('SELECT id FROM pay.accounts WHERE id = 2'), '2', "$_: reads in time") for qw(begun repeatable reads);
gate_rows($s{frozen}->query('PREPARE f AS SELECT id FROM pay.accounts WHERE id = 2; EXECUTE f'), '2', 'frozen: executes in time');
$s{commit}->query('INSERT INTO pay.accounts VALUES (201, 1)');
$s{commit_ext}->query('INSERT INTO pay.accounts VALUES (202, 1)');
$s{savepoint}->query('INSERT INTO pay.accounts VALUES (203, 1); SAVEPOINT sp');
$s{rollback}->query('UPDATE pay.accounts SET v = -1 WHERE id = 1');
$s{chain}->query('INSERT INTO pay.accounts VALUES (204, 1)');
$s{lent}->query('INSERT INTO pay.lent VALUES (205, 1); SELECT id FROM pay.accounts');
gate_rows($s{exported}->query('INSERT INTO pay.open SELECT 300, v FROM pay.accounts WHERE id = 3'), '', 'a copy into an open table, in time');
past($end);
my $over = qr/approval $id is over.*under policy "acc"; it expired at/;
# vector 4
gate_error($s{fetch}->query('FETCH 1 FROM c'), '42501', $over, 'FETCH from a cursor opened in time');
gate_error($s{bound}->execute('late')->sync->finish, '42501', $over, 'Execute of a portal bound in time');
gate_error($s{suspended}->execute('late', 1)->sync->finish, '42501', $over, 'Execute of a portal suspended in time');
gate_error($s{begun}->query('SELECT id FROM pay.accounts'), '42501', qr/approval/, 'a statement in a transaction begun in time');
gate_error($s{repeatable}->query('SELECT id FROM pay.accounts'), '42501', qr/approval/, 'the same in REPEATABLE READ');
# vector 18: as does now_loop above
gate_error($s{frozen}->query('EXECUTE f'), '42501', qr/approval/, 'a prepared plan where now() stands still');
# vector 117
gate_error($s{commit}->query('COMMIT'), '42501', qr/cannot commit: $over/, 'COMMIT of a write');
gate_error($s{commit_ext}->extended('COMMIT'), '42501', qr/cannot commit: $over/, 'COMMIT in the extended protocol');
gate_error($s{chain}->query('COMMIT AND CHAIN'), '42501', qr/cannot commit: $over/, 'COMMIT AND CHAIN');
gate_error($s{savepoint}->query('SELECT 1'), '42501', $over, 'anything else in that transaction');
$s{savepoint}->query('ROLLBACK TO sp');
gate_error($s{savepoint}->query('COMMIT'), '42501', qr/cannot commit: $over/, 'COMMIT after ROLLBACK TO SAVEPOINT');
gate_error($s{exported}->query('COMMIT'), '42501', qr/cannot commit: $over/, 'COMMIT of a copy of guarded rows');
is(count_of('pay.accounts WHERE id BETWEEN 201 AND 204') + count_of('pay.open WHERE id = 300'), 0, 'none of the rows is there');
is($s{reads}->query('COMMIT')->{tags}[0], 'COMMIT', 'a transaction that only read may commit');
is($s{lent}->query('COMMIT')->{tags}[0], 'COMMIT', 'as may one whose writes were under another approval, still live');
is(count_of('pay.lent WHERE id = 205'), 1, 'and that row is there');
is($s{rollback}->query('ROLLBACK')->{tags}[0], 'ROLLBACK', 'ROLLBACK is always allowed');
gate_rows($s{$_}->query('ROLLBACK; SELECT 1'), '1', "$_: the session itself goes on") for qw(commit fetch chain savepoint);

# ---- two-phase commit would carry a write beyond the end ----
my $alice = JitClient->new($node, 'alice');
$id = approved($node, 'alice', '10 min');
# vector 116
gate_error($alice->query("BEGIN; INSERT INTO pay.accounts VALUES (210, 1); PREPARE TRANSACTION 'a'"), '0A000', qr/cannot prepare a transaction that wrote under an approval/, 'PREPARE TRANSACTION of a guarded write');
$alice->query('ROLLBACK');
is($alice->query("BEGIN; INSERT INTO pay.open VALUES (211, 1); PREPARE TRANSACTION 'b'")->{tags}[-1], 'PREPARE TRANSACTION', 'of another write it is allowed');
$alice->query("COMMIT PREPARED 'b'");

# ---- giving back in the same transaction does not refuse its own COMMIT; but nothing more is done under it ----
$answer = $alice->query("BEGIN; INSERT INTO pay.accounts VALUES (220, 1); SELECT jit.release($id); COMMIT");
is($answer->{error}{M} // $answer->{tags}[-1], 'COMMIT', 'write, release, COMMIT');
is(count_of('pay.accounts WHERE id = 220'), 1, 'is written');
gate_refused($alice->query('SELECT v FROM pay.accounts'), 'and the right is gone');

# ---- revoke: the running statement of another session is cancelled by name; its writes are not committed ----
%s = sessions(qw(reading writing idle other));
$id = approved($node, 'alice', '10 min');
$s{idle}->query('BEGIN; INSERT INTO pay.accounts VALUES (230, 1)');
$s{reading}->send_query('SELECT count(*) FROM pay.accounts, pg_sleep(20)');
$s{writing}->send_query('INSERT INTO pay.accounts SELECT 231, 1 FROM pg_sleep(20)');
$s{other}->send_query('SELECT count(*) FROM pay.lent, pg_sleep(1)');
running($s{$_}) for qw(reading writing other);
$carol->value("SELECT jit.revoke($id, 'test')");
gate_error($s{$_}->finish, '57014', qr/canceling statement: approval $id is over.*under policy "acc"; it was revoked or released/, "revoke: $_ is cancelled and told why") for qw(reading writing);
gate_rows($s{other}->finish, '6', 'a statement under another approval is not');
gate_error($s{idle}->query('COMMIT'), '42501', qr/cannot commit: approval $id is over.*it was revoked or released/, 'and COMMIT of a write under it is refused');
is(count_of('pay.accounts WHERE id IN (230, 231)'), 0, 'nothing is written');

# ---- without any worker the end is as exact ----
my @workers = split /\n/, $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'jit_guard %'");
END { kill 'CONT', @workers if @workers; }
cmp_ok(scalar @workers, '>=', 2, 'there are workers to stop');
kill 'STOP', @workers;
%s = sessions(qw(run next commit));
($id, $end) = short_window($node, 'alice', '1 s');
$s{run}->send_query('SELECT count(*) FROM pay.accounts, pg_sleep(20)');
$s{commit}->query('BEGIN; INSERT INTO pay.accounts VALUES (240, 1)');
gate_error($s{run}->finish, '57014', qr/canceling statement: approval $id is over/, 'workers stopped: the running statement is cancelled');
cmp_ok(time, '>=', $end, 'not before the end');
gate_error($s{next}->query('SELECT v FROM pay.accounts'), '42501', qr/request $id expired at/, 'the next one is refused'); # the row is still there
gate_error($s{commit}->query('COMMIT'), '42501', qr/cannot commit/, 'and so is COMMIT');
kill 'CONT', @workers;

# vector 121
# ---- after the grace: sessions that still hold something are ended ----
set_grace('300ms');
$admin->value(q{SELECT jit.create_policy('hard', '{READ,WRITE}', '{pay.hard}', eligible => '{staff}', approvers => '{leads}', on_expiry => 'terminate')})
    if $admin->query('CREATE TABLE pay.hard AS SELECT 1 AS id; GRANT ALL ON pay.hard TO staff');
%s = sessions(qw(lock lock_err temp_err swallow temp_as temp_into folded stored stalled hard hard_idle hard_done clean failed));
$s{folded}->query('PREPARE f AS SELECT pay.folded()');
my ($hard, $hard_end) = short_window($node, 'alice', '1.5 s', policy => 'hard');
($id, $end) = short_window($node, 'alice', '1.5 s');
$s{lock}->query('BEGIN; SELECT id FROM pay.accounts WHERE id = 1 FOR UPDATE');
$s{lock_err}->query($_) for 'BEGIN; SELECT id FROM pay.accounts WHERE id = 3 FOR UPDATE; SAVEPOINT sp', 'SELECT 1 / 0', 'ROLLBACK TO sp';
$s{temp_err}->query($_) for 'CREATE TEMP TABLE mine AS SELECT * FROM pay.accounts', 'SELECT 1 / 0';
$s{swallow}->send_query(q{DO $$ BEGIN LOOP BEGIN PERFORM v FROM pay.accounts; PERFORM pg_sleep(5);
    EXCEPTION WHEN query_canceled OR insufficient_privilege THEN NULL; END; END LOOP; END $$});
$s{temp_as}->query('CREATE TEMP TABLE mine AS SELECT * FROM pay.accounts');
$s{temp_into}->query('CREATE TEMP TABLE mine (id int, v int); INSERT INTO mine SELECT * FROM pay.accounts');
# vector 16
gate_rows($s{folded}->query('EXECUTE f'), '50', 'a folded function answers in time');
$s{stored}->send_query('CALL pay.reader()');
$s{stalled}->send_query(q{COPY (SELECT repeat('x', 8000) FROM pay.accounts, generate_series(1, 100000)) TO STDOUT});
$s{hard}->send_query('SELECT count(*) FROM pay.hard, pg_sleep(20)');
$s{hard_idle}->query('BEGIN; SELECT * FROM pay.hard');
$s{hard_done}->query('SELECT * FROM pay.hard');
$s{failed}->query('BEGIN; SELECT id FROM pay.accounts WHERE id = 2 FOR UPDATE; SELECT 1 / 0');
gate_rows($s{clean}->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'a clean session reads in time');
my $waiting = JitClient->new($node, 'postgres');
$waiting->send_query('UPDATE pay.accounts SET v = v WHERE id = 1 RETURNING id');
is_waiting($node, $waiting, 'somebody waits for the row that an idle transaction has locked');
gate_rows($waiting->finish, '1', 'and gets it after the end');
cmp_ok(time, '>=', $end, 'not before');
for my $how (qw(lock lock_err temp_err swallow temp_as temp_into folded stored stalled hard hard_idle)) {
    my $pid = $s{$how}{pid};
    wait_until($node, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)", "$how: the session is ended");
    next if $how eq 'stalled'; # what it had been sent before fills the connection
    ok($s{$how}->ends, "$how: the client sees it");
    my $which = $how =~ /^hard/ ? $hard : $id;
    like($s{$how}{last_error}{M} // '', qr/^terminating connection/, "$how: with an error");
    like($s{$how}{last_error}{M} // '', qr/approval $which is over/, "$how: that names the approval") if $how =~ /^(swallow|stored|hard)$/;
}
gate_rows($s{$_}->query('SELECT 1'), '1', "$_: a session that holds nothing goes on") for qw(clean hard_done);
is($s{failed}->query('ROLLBACK')->{tags}[0] // 'gone', 'ROLLBACK', 'and so does one whose transaction had failed');
is($admin->value('SELECT count(*) <= 4 FROM pay.open WHERE id = 500'), 't', 'the stored rows were not all read');
my @ended = grep { /"request":$id,/ } json_lines(log_since($node, 0), 'session_ended');
cmp_ok(scalar @ended, '>=', 8, 'each end of a session is in the log');
$admin->query(q{CALL jit.catch_up('60 s')});
is($admin->value(qq{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:session_ended,request:$id}'}), scalar @ended, 'and in the ledger');
is($admin->value(qq{SELECT DISTINCT jit.decode(record)->>'why' FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:session_ended,request:$id}'}),
    'the approval in use is over and its transaction or what was made of it still lived', 'with the reason');

# ---- revoked early: what was copied goes with the session too ----
%s = sessions(qw(temp clean folded));
$id = approved($node, 'alice', '10 min');
$s{temp}->query('CREATE TEMP TABLE mine AS SELECT * FROM pay.accounts');
gate_rows($s{temp}->query('SELECT id FROM mine WHERE id = 1'), '1', 'a temporary copy is read while the approval lives');
gate_rows($s{folded}->query('SELECT pay.folded()'), '50', 'as is a folded function');
$s{clean}->query('SELECT * FROM pay.accounts');
$carol->value("SELECT jit.revoke($id)");
$answer = $s{folded}->query('SELECT 1');
gate_error($answer, '57P01', qr/approval $id is over.*it was revoked or released/, 'revoked: the next statement of a session that kept something ends it');
ok($s{temp}->ends, 'and so does the grace when it is idle');
gate_rows($s{clean}->query('SELECT 1'), '1', 'a session that kept nothing goes on');

done_testing();
