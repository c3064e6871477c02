# Loans: lent, used and taken back; what is left over of them is refused, then ended.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;

my $node = new_cluster('loans');
my $dba = "(SELECT oid FROM pg_roles WHERE rolname = 'dba')";
my $is_lent = "SELECT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'dba'::regrole AND member = '%s'::regrole"
    . " AND grantor = 'jit_lender'::regrole)";
my $lost = qr/the role in force, "dba", was lent to you and has been taken back/;

sub lent { my ($person) = @_; return sprintf($is_lent, $person); }
sub not_lent { my ($person) = @_; return 'SELECT NOT (' . lent($person) . ')'; }

# ---- before, during, after ----
refused($node, 'alice', 'SET ROLE dba', qr/permission denied to set role/, 'without a loan');
my $id = lend($node, 'alice', '5 min');
is(sql($node, lent('alice')), 't', 'the loan is a membership granted by jit_lender');
my ($code, $out, $err) = as_person($node, 'alice', 'SELECT v FROM secret');
is($out, '42', 'the borrower has the role\'s rights');

# ---- while it lives, nobody else touches the pair ----
my $postgres = $node->safe_psql('app', 'SELECT current_user');
# vector 120
my $meddling = qr/membership of "alice" in "dba" is lent by request $id/;
refused($node, $postgres, 'REVOKE dba FROM alice', $meddling, 'REVOKE of a lent pair');
refused($node, $postgres, 'GRANT dba TO alice WITH ADMIN OPTION', $meddling, 'GRANT of a lent pair');
refused($node, $postgres, 'ALTER GROUP dba DROP USER alice', $meddling, 'ALTER GROUP of a lent pair');
refused($node, $postgres, 'GRANT alice TO bob', qr/cannot get members while it holds a loan/, 'GRANT of the borrower');
refused($node, $postgres, 'CREATE ROLE eve IN ROLE alice', qr/cannot get members while it holds a loan/, 'CREATE ROLE IN ROLE borrower');
refused($node, $postgres, 'GRANT dba TO bob GRANTED BY jit_lender', qr/only jit_guard itself grants as/, 'a forged mark');
refused($node, $postgres, 'DROP ROLE jit_lender', qr/cannot drop role jit_lender while/, 'DROP of the grantor');
refused($node, $postgres, 'ALTER ROLE jit_lender RENAME TO x', qr/cannot rename role jit_lender while/, 'RENAME of the grantor');
($code) = as_person($node, $postgres, 'GRANT dba TO dave; REVOKE dba FROM dave');
is($code, 0, 'another pair may be granted and revoked');
sql($node, "SELECT jit.revoke($id, 'test')");
wait_for($node, not_lent('alice'), 'taken back before its end');

# ---- the end ----
$id = lend($node, 'alice', '12 s');
my $set = session($node, 'alice');
($out) = $set->run('SET ROLE dba; SELECT v FROM secret');
is($out, '42', 'and can set the role');
wait_for($node, not_lent('alice'), 'the loan is taken back at its end');
my $late = sql($node, "SELECT extract(epoch FROM happened_at - (detail ->> 'until')::timestamptz) FROM jit.events WHERE event = 'loan_returned' AND request_id = $id");
cmp_ok($late, '>=', 0, 'not before its end');
cmp_ok($late, '<', 5, "and soon after it ($late s)");
($out, $err) = $set->run('SELECT v FROM secret');
like($err, $lost, 'a role left in force is refused');
($out, $err) = $set->run('SHOW role');
is($out, 'dba', 'SHOW is still allowed');
($out, $err) = $set->run("SET ROLE NONE; SELECT 'back'");
is($out, 'back', 'and after SET ROLE NONE the session goes on');
sleep 1.2;
($out, $err) = $set->run("SELECT 'still here'");
is($out, 'still here', 'and is not ended');
$set->close;
wait_for($node, "SELECT end_reason = 'expired' FROM jit.requests WHERE request_id = $id", 'the request has expired');
is(sql($node, "SELECT string_agg(event, ' ' ORDER BY event_id) FROM jit.events WHERE request_id = $id AND event LIKE 'loan%'"),
    'loan_granted loan_returned', 'both steps are events');

# vector 118
# ---- however the role was set: refused, then ended ----
sql($node, 'GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC');
$id = lend($node, 'alice', '25 s');
my %left = (
    'SET ROLE'   => session($node, 'alice'),
    'set_config' => session($node, 'alice'),
    'PGOPTIONS'  => session($node, 'alice', options => '-c role=dba'),
);
# vector 121
$left{'SET ROLE'}->run('SET ROLE dba');
$left{'set_config'}->run("SELECT set_config('role', 'dba', false)");
sql($node, 'ALTER ROLE alice SET role = dba');
$left{'ALTER ROLE SET'} = session($node, 'alice');
my $open = session($node, 'alice');
$open->run('SET ROLE NONE; SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT v FROM secret; BEGIN');
my %pid;
for my $how (sort keys %left) {
    ($out, $err) = $left{$how}->run('SELECT v FROM secret');
    is($out, '42', "$how: allowed in the window") or diag($err);
    $pid{$how} = $left{$how}->backend_pid;
}
($out) = $open->run('EXECUTE p');
is($out, '42', 'a transaction begun in time reads');
wait_for($node, not_lent('alice'), 'taken back again');
sql($node, 'ALTER ROLE alice RESET role');
for my $how (sort keys %left) {
    ($out, $err) = $left{$how}->run('SELECT v FROM secret');
    like($err, $lost, "$how: refused after the window");
}
# vector 119: what is planned takes no lock, and would hear of no REVOKE
($out, $err) = $open->run('EXECUTE p');
like($err, qr/permission denied|has been taken back|not been taken back|has ended|expired|terminating connection/, 'a transaction begun in time does not outlive the window');
for my $how (sort keys %left) {
    wait_for($node, "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid{$how})", "$how: the session is ended");
}
$_->close for values %left, $open;

# ---- honest memberships are left alone ----
sql($node, 'GRANT dba TO bob');
$id = request_approved($node, 'bob', '1 s');
wait_for($node, "SELECT state = 'ended' FROM jit.requests WHERE request_id = $id", 'a loan to an honest member ends');
($code, $out) = as_person($node, 'bob', 'SET ROLE dba; SELECT v FROM secret');
is($out, '42', 'and the honest membership is still there');
sql($node, 'REVOKE dba FROM bob');

# ---- nobody who has members is lent to ----
$id = request_approved($node, 'dave', '3 s', starts_at => "clock_timestamp() + interval '4 s'");
sql($node, 'GRANT dave TO bob');
wait_for($node, "SELECT count(*) = 1 FROM jit.events WHERE request_id = $id AND event = 'loan_refused'", 'a person with members is not lent to');
is(sql($node, lent('dave')), 'f', 'no membership is granted');
sql($node, 'REVOKE dave FROM bob');

# ---- the lender does not act: overdue is closed all the same ----
$id = lend($node, 'alice', '12 s');
my $lender = worker_pid($node, 'lender');
kill 'STOP', $lender;
my $end = sql($node, "SELECT extract(epoch FROM ends_at) FROM jit.requests WHERE request_id = $id");
my $running = session($node, 'alice');
($out) = $running->run('SELECT v FROM secret');
is($out, '42', 'inherited rights hold in the window, with the lender stopped');
sleep 0.05 while time < $end + 0.05;
($out, $err) = $running->run('SELECT v FROM secret');
like($err, qr/membership in "dba" was lent until .* and has not been taken back/, 'inherited rights are closed when overdue');
like($err, qr/REVOKE dba FROM alice GRANTED BY jit_lender;/, 'and the hint says what to do');
($out, $err) = $running->run('SELECT 1');
like($err, qr/has not been taken back/, 'as is everything else of that person');
($out) = $running->run('SHOW work_mem');
isnt($out, '', 'but not SHOW');
($code, $out) = as_person($node, 'bob', 'SELECT 1');
is($out, '1', 'others go on');
refused($node, $postgres, 'GRANT dba TO alice WITH ADMIN OPTION', qr/was lent and has not been taken back/, 'an overdue pair cannot be made honest');
($code) = as_person($node, $postgres, 'REVOKE dba FROM alice GRANTED BY jit_lender');
is($code, 0, 'an overdue membership can be revoked by hand');
($out) = $running->run('SELECT 1');
is($out, '1', 'which opens the session again');
kill 'CONT', $lender;
$running->close;

# ---- revoked early ----
$id = lend($node, 'alice', '1 min');
$running = session($node, 'alice');
$running->run('SET ROLE dba');
$running->send_only('SELECT count(*) FROM secret, pg_sleep(30)');
$node->poll_query_until('app', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'alice' AND wait_event = 'PgSleep')");
my $before = time;
sql($node, "SELECT jit.revoke($id, 'test')");
($out, $err) = $running->finish;
cmp_ok(time - $before, '<', 25, 'a running statement of the role is cancelled by jit.revoke');
like($err, qr/ERROR|FATAL/, 'with an error');
wait_for($node, not_lent('alice'), 'and the loan is taken back');
($out, $err) = $running->run('SELECT v FROM secret');
like($err, $lost, 'and the role left over is refused');
$running->close;

# ---- scheduled ----
$id = request_approved($node, 'alice', '2 s', starts_at => "clock_timestamp() + interval '4 s'");
is(sql($node, lent('alice')), 'f', 'a scheduled loan is not there before its start');
wait_for($node, lent('alice'), 'it is lent at its start');
wait_for($node, not_lent('alice'), 'and taken back at its end');

# ---- the borrower goes ----
sql($node, 'CREATE ROLE eve LOGIN IN ROLE staff');
$id = lend($node, 'eve', '5 s');
sql($node, 'DROP ROLE eve', 'postgres');    # where no hook can see the open request
my $next = lend($node, 'alice', '1 s');
wait_for($node, not_lent('alice'), 'a dropped borrower does not stop the lender');
wait_for($node, "SELECT state = 'ended' FROM jit.requests WHERE request_id = $id", 'nor the keeper');

# ---- the policy goes: so does the loan, and the role left over ----
$id = lend($node, 'alice', '1 min');
$running = session($node, 'alice');
$running->run('SET ROLE dba');
sql($node, "SELECT jit.drop_policy('dba-window')");
wait_for($node, not_lent('alice'), 'dropping the policy takes the loan back');
($out, $err) = $running->run('SELECT v FROM secret');
like($err, $lost, 'a role that no policy names any more is refused too');
$running->close;

wait_for($node, "SELECT count(*) = 0 FROM pg_auth_members WHERE 'jit_lender'::regrole IN (member, grantor)",
    'nothing of jit_lender is left in pg_auth_members');

$node->stop;
done_testing();
