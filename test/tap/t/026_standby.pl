# A hot standby that lags does not use approvals: they may have been revoked on the primary. The lag is measured by commits, and
# by the keeper's heartbeat where there are none, so an idle primary is no lag (vector 172).
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitClient;
use JitGate;

my $limit = 4; # seconds
my $primary = gate_cluster('primary', init => {allows_streaming => 1}, conf => <<"CONF");
jit_guard.max_standby_lag = '${limit}s'
jit_guard.control_database = 'app'
jit_guard.replication_roles = 'postgres'
autovacuum = off
checkpoint_timeout = '1h'
CONF
my ($read, $lent) = ('SELECT id FROM pay.accounts WHERE id = 1', 'SELECT id FROM pay.lent WHERE id = 1');
sub status { my ($client, $fact) = @_; return $client->value("SELECT value FROM jit.status WHERE fact = '$fact'"); }
my $dba = JitClient->new($primary, 'postgres');
is(status($dba, 'heartbeat for standbys'), 'none: no standby is connected', 'no heartbeat without a standby');
my $xid = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
my $before = $dba->value($xid);
sleep 2;
is($dba->value($xid), $before, 'and nothing is committed for one');

is($dba->query($_)->{error}{M}, undef, $_) for (
    'CREATE ROLE erin LOGIN', 'GRANT SELECT ON pay.accounts TO erin', q{SELECT jit.alter_policy('acc', exempt => '{erin}')},
    'CREATE TABLE pay.counted (id int)', 'GRANT SELECT ON pay.counted TO staff', 'CREATE ROLE elevated', 'CREATE ROLE victim',
    q{SELECT jit.create_policy('counted', '{READ}', '{pay.counted}', eligible => '{staff}', approvers => '{leads}', max_uses => 5)},
    q{SELECT jit.create_policy('elevated', elevates_to => 'elevated', eligible => '{staff}', approvers => '{leads}')},
    q{SELECT jit.create_policy('roles', '{ALTER ROLE}', '{role victim}', eligible => '{staff}', approvers => '{leads}')});
my %id = map { $_ => approved($primary, 'alice', '1 hour', policy => $_) } qw(acc lent counted);
my $others = approved($primary, 'bob', '1 hour');

# ---- two standbys, one behind the other ----
sub standby {
    my ($name, $of) = @_;
    $of->backup($name);
    my $node = PostgreSQL::Test::Cluster->new($name);
    $node->init_from_backup($of, $name, has_streaming => 1);
    $node->start;
    return $node;
}
my $standby = standby('standby', $primary);
my $second = standby('second', $standby);
# Answers while the standby has not heard a heartbeat yet, or hears again.
sub opens {
    my ($client, $sql, $test) = @_;
    my $until = time + 300;
    my $answer;
    while (($answer = $client->query($sql))->{error} && $answer->{error}{M} =~ /lags behind/ && time < $until) { sleep 0.1; }
    gate_rows($answer, '1', $test);
    return;
}
my %s = map { $_ => JitClient->new($standby, $_ =~ s/_.*//r) } qw(alice alice_cursor alice_plan bob erin postgres dan);
my $below = JitClient->new($second, 'alice');
opens($s{alice}, $read, 'a standby uses approvals when it has heard of its primary');
opens($below, $read, 'and so does one behind it');
like(status($dba, 'heartbeat for standbys'), qr/^20\d\d-/, 'jit.status on the primary: the last heartbeat');
like(status($s{postgres}, 'standby lag'), qr/^\d\.\d s; 4\.0 s allowed$/, 'jit.status on the standby: the lag');

# ---- an idle primary is not lag, and a heartbeat costs little ----
$dba->query(q{CALL jit.catch_up('60 s', true)}); # what came before is in the ledger and signed
my $lsn = $dba->value('SELECT pg_current_wal_insert_lsn()');
$before = $dba->value($xid);
my $since = time;
sleep $limit + 1.5;
gate_rows($s{alice}->query($read), '1', 'an idle primary is not lag');
gate_rows($below->query($lent), '1', 'nor is it behind another standby');
my $beats = $dba->value($xid) - $before;
my $most = 2 + (time - $since) / ($limit / 3);
ok($beats >= 3 && $beats <= $most, 'a heartbeat every third of the limit, and nothing else')
    or diag("$beats transactions; at most $most expected");
cmp_ok($dba->value("SELECT pg_current_wal_insert_lsn() - '$lsn'"), '<', 3_000, 'of some bytes');

# ---- lag ----
my $offset = log_since($standby);
$s{alice_cursor}->query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM pay.accounts ORDER BY id');
gate_rows($s{alice_cursor}->query('FETCH 1 FROM c'), '1', 'a cursor before the lag');
$s{alice_plan}->query("SET plan_cache_mode = force_generic_plan; PREPARE p AS $read");
gate_rows($s{alice_plan}->query('EXECUTE p'), '1', 'a prepared statement before the lag');
$s{postgres}->value('SELECT pg_wal_replay_pause()');
gate_rows($s{alice}->query($read), '1', 'less lag than the limit is allowed');
JitClient->new($primary, 'carol')->value("SELECT jit.revoke($others)");
gate_rows($s{bob}->query($read), '1', 'and a revocation is not known yet');
sleep $limit + 0.5;
my $late = qr/SELECT on pay\.\w+ is closed while this standby lags behind its primary \| Approval \d+ covers it, but this standby is \d\.\d s behind its primary, and at most 4\.0 s of lag are allowed.*Wait until the standby has caught up/;
gate_error($s{alice}->query($read), '42501', $late, 'lag: refused');
gate_error($s{bob}->query($read), '42501', $late, 'lag: also for whom it was revoked');
gate_error($s{alice}->query($lent), '42501', $late, 'lag: a lent privilege too');
gate_error($s{alice}->extended($read), '42501', $late, 'lag: extended protocol');
gate_error($s{alice_plan}->query('EXECUTE p'), '42501', $late, 'lag: a prepared plan');
gate_error($s{alice_cursor}->query('FETCH 1 FROM c'), '42501', $late, 'lag: a cursor that was opened before');
gate_error($s{alice}->query("DO 'BEGIN PERFORM FROM pay.accounts; END'"), '42501', $late, 'lag: nested');
gate_rows($s{alice}->query('SELECT id FROM pay.open'), '1', 'lag: what is not guarded is read');
gate_rows($s{erin}->query($read), '1', 'lag: who is exempt needs no approval');
gate_refused($s{dan}->query($read), 'lag: who has none is refused as ever');
gate_rows($s{alice}->query(q{SELECT DISTINCT allowed FROM jit.check('SELECT FROM pay.accounts')}), 'no', 'lag: jit.check says so');
gate_rows($below->query($read), '1', 'lag: a standby behind this one measures its own');
like(status($s{postgres}, 'standby lag'), qr/^\d\.\d s; 4\.0 s allowed; approvals are closed$/, 'jit.status says so');
ok((grep { /lag are allowed/ } json_lines(log_since($standby, $offset), 'refusal')) >= 7, 'and the log of the standby');
ok(scalar json_lines(log_since($standby, $offset), 'use'), 'in which uses are, too');
sub limit_of { my ($node, $value) = @_; $node->append_conf('postgresql.conf', "jit_guard.max_standby_lag = $value"); $node->reload; return; }
for my $none (-1, 0) {
    limit_of($standby, $none);
    opens($s{alice}, $read, "no limit: $none");
    limit_of($standby, "'${limit}s'");
    my $until = time + 300;
    my $answer;
    sleep 0.05 while !($answer = $s{alice}->query($read))->{error} && time < $until;
    gate_error($answer, '42501', $late, 'and with the limit again, closed');
}
$s{postgres}->value('SELECT pg_wal_replay_resume()');
opens($s{alice}, $read, 'caught up: open again');
gate_refused($s{bob}->query($read), 'caught up: the revocation has arrived');

# ---- no heartbeat: closed when nothing else is committed ----
my @keepers = map { $_->[0] } @{$dba->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper'")->{rows}};
ok(scalar @keepers, 'a keeper runs on the primary');
kill 'STOP', @keepers;
sleep $limit + 1.5;
gate_error($s{alice}->query($read), '42501', $late, 'without heartbeats an idle primary cannot be told from a lag');
$dba->query('INSERT INTO pay.open VALUES (2, 2)');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
gate_rows($s{alice}->query($read), '1', 'any commit does');
kill 'CONT', @keepers;
sleep $limit + 1.5;
gate_rows($s{alice}->query($read), '1', 'and the heartbeat goes on');

# ---- what is closed on a standby whatever its lag ----
gate_error($s{alice}->query('SELECT FROM pay.counted'), '42501', qr/cannot be counted on a hot standby.*Run it on the primary/, 'a limited number of uses');
gate_rows(JitClient->new($primary, 'alice')->query('SELECT count(*) FROM pay.counted'), '0', 'which the primary counts');
gate_error($s{postgres}->query('ALTER ROLE victim CREATEDB'), '42501', qr/ALTER ROLE on role victim/, 'cluster scope');
my $loan = approved($primary, 'bob', '1 hour', policy => 'elevated');
my $elevated = JitClient->new($primary, 'bob');
is($elevated->query("CALL jit.await($loan)")->{error}{M}, undef, 'a loan');
gate_rows($elevated->query('SET ROLE elevated; SELECT current_role'), 'elevated', 'serves on the primary');
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
my $borrower = JitClient->new($standby, 'bob');
gate_error($borrower->query('SELECT id FROM pay.open'), '42501', qr/This is a standby, which is not told which loans are live/, 'not on a standby');
gate_rows($s{alice}->query($read), '1', 'who holds none goes on');

# ---- nothing replayed yet: a standby that starts alone knows nothing ----
my $waiting = 'SELECT count(*) FROM pay.accounts, pg_sleep(0.1)';
gate_rows($s{alice}->query($waiting), '5', 'a statement before the primary goes');
$primary->stop;
sleep $limit + 0.5;
gate_error($s{alice}->query($read), '42501', $late, 'without its primary: closed after the limit');
$standby->restart;
%s = map { $_ => JitClient->new($standby, $_) } qw(alice erin postgres);
my $answer = $s{alice}->query($read);
gate_error($answer, '42501', qr/has replayed nothing yet since it started|s behind its primary/, 'and after a restart');
gate_rows($s{erin}->query($read), '1', 'not for who is exempt');

# ---- promotion ----
is($s{postgres}->value('SELECT pg_promote()'), 't', 'promoted');
gate_rows($s{alice}->query($read), '1', 'a promoted standby lags behind nobody');
gate_rows($s{alice}->query("UPDATE pay.lent SET v = 1 WHERE id = 1 RETURNING id"), '1', 'and writes');
opens(JitClient->new($second, 'alice'), $read, 'its own standby hears from it');
done_testing();
