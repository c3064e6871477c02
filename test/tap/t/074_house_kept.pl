# What keeps jit_guard's own tables and records from those who may do much: nobody erases a record by unbinding, copies rows into the
# tables of an installation that is in use, holds up a revocation, hides a use by how names are spelled, or shuts the gate with reports.
use strict;
use warnings;
use JitClient;
use JitGate;
use Test::More;
use Time::HiRes qw(sleep);

my $node = gate_cluster('house_kept', conf => "jit_guard.evidence_backlog = '1MB'");
my $admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');

# ---- vector 326: somebody who has revoked and does not commit holds up nobody ----
my $id = approved($node, 'alice', '10 min');
my ($carol, $dan) = map { JitClient->new($node, $_) } qw(carol dan);
$carol->query('BEGIN');
$carol->query("SELECT jit.revoke($id, 'x')");
$dan->query(q{SET statement_timeout = '20 s'});
is($dan->query("SELECT jit.revoke($id, 'y')")->{error}, undef, 'a revocation that is not committed holds up no other');
ok($carol->query('SELECT 1')->{gone} || $carol->{gone}, 'the session that held it was ended');
gate_refused($alice->query('SELECT v FROM pay.accounts'), 'and it is revoked');

# ---- vector 328: however names are quoted ----
$id = approved($node, 'alice', '10 min');
$alice->query('SET quote_all_identifiers = on');
gate_rows($alice->query('SELECT count(v) FROM pay.accounts'), '5', 'a use with the setting on');
$admin->query(q{CALL jit.catch_up('20 s')});
is($admin->value(q{SELECT count(*) FROM jit.touched('pay.accounts') WHERE request_id = } . $id), 1, 'is found by the name of the table');
$alice->query('RESET quote_all_identifiers');

# ---- vector 325: COPY into tables of an installation that is in use ----
gate_error($admin->query('COPY jit.ledger_24 FROM STDIN'), '42501', qr/closed|cannot/, 'COPY into an empty part of the ledger');
gate_error($admin->query('COPY jit.certificates FROM STDIN'), '42501', qr/closed|cannot/, 'COPY into certificates');

# ---- vector 323: unbinding erases nothing, and is not anybody's trigger ----
$admin->query('CREATE TABLE pay.trap (v int); CREATE TRIGGER t AFTER INSERT ON pay.trap FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind()');
gate_error($admin->query('INSERT INTO pay.trap VALUES (1)'), '39P01', qr/own tables/, 'jit._unbind() on a table of somebody\'s');
is($admin->value(q{SELECT value FROM jit.status WHERE fact = 'bound to this database'}), 'yes', 'unbinds nothing');

# ---- and what waits in the write-ahead log, while somebody with the server's files unbinds, is read after jit.rebind() ----
my $keeper_pid = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app'};
approved($node, 'alice', '10 min');
$node->append_conf('postgresql.conf', 'restart_after_crash = off');
$node->reload;
wait_until($node, q{current_setting('restart_after_crash') = 'off'});
my $stopped = $admin->value($keeper_pid);
kill 'STOP', $stopped;
gate_rows($alice->query('SELECT count(*) AS waits FROM pay.accounts'), '5', 'a use that the keeper has not met');
$admin->query('SELECT pg_switch_wal()');
kill 'KILL', $stopped;
sleep 0.1 while -e $node->data_dir . '/postmaster.pid'; # all of it ends with the keeper
$node->kill9;
$node->append_conf('postgresql.conf', "restart_after_crash = on\njit_guard.enabled = off\nmax_worker_processes = 0\n");
$node->start;
like(($node->psql('app', 'UPDATE jit.policies SET name = name'))[2], qr/no longer bound.*Rows were written into jit\.policies/s, 'switched off, a superuser writes into a table of jit_guard');
$node->append_conf('postgresql.conf', "jit_guard.enabled = on\nmax_worker_processes = 8\n");
$node->restart;
($admin, $alice, $dan) = map { JitClient->new($node, $_) } qw(postgres alice dan);
gate_error($alice->query('SELECT v FROM pay.accounts'), '42501', qr/closed/, 'everything is closed then');
$admin->query('SELECT jit.rebind()');
is($admin->query(q{CALL jit.catch_up('30 s')})->{error}, undef, 'bound again');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.decode(record) ->> 'statement' LIKE '%AS waits%'}), 1, 'the use is on record');
is($admin->value(q{SELECT detail ->> 'written' FROM jit.events WHERE event = 'unbound' AND seq IS NOT NULL}), 'jit.policies', 'and so is what unbound it');

# ---- vector 329: an estimate tells of rows, also an approver who asks himself ----
$admin->query('CREATE ROLE erin LOGIN IN ROLE staff, leads; GRANT SELECT ON pay.accounts TO erin');
my $erin = JitClient->new($node, 'erin');
$id = $erin->value(q{SELECT jit.request('acc', '10 min', reason => 'x', statement => 'SELECT v FROM pay.accounts WHERE v = 10')});
my $shown = "SELECT count(*) FROM jit.statement($id) WHERE part = ";
is($erin->value("${shown}'estimate'"), 0, 'who asks does not see the estimate, approver or not');
is($erin->value("${shown}'statement'"), 1, 'but the statement');
is($dan->value("${shown}'estimate'"), 1, 'another approver sees the estimate');

# ---- vector 327: what would be refused is no way to shut the gate, either ----
approved($node, 'alice', '10 min');
gate_rows($alice->query('SELECT count(*) FROM pay.accounts'), '5', 'alice may read');
my $keeper = $admin->value($keeper_pid);
kill 'STOP', $keeper;
my $mallory = JitClient->new($node, 'mallory');
my $flood = $mallory->query(q{DO $$ BEGIN FOR i IN 1 .. 80 LOOP BEGIN
    EXECUTE 'UPDATE pg_class SET relname = relname WHERE false /* ' || i || repeat('x', 16200) || ' */'; EXCEPTION WHEN others THEN NULL; END; END LOOP; END $$});
is($flood->{error}, undef, 'errors are caught in a loop');
gate_rows($alice->query('SELECT count(id) FROM pay.accounts'), '5', 'and alice may read still');
kill 'CONT', $keeper;
is($admin->query(q{CALL jit.catch_up('30 s')})->{error}, undef, 'all of it gets into the ledger');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:would_refuse,person:mallory}'}), 80, 'each time once');


# ---- vector 339: published in part, or without a key to find them by, its rows could not be changed ----
gate_error($admin->query("CREATE PUBLICATION p FOR TABLE jit.requests $_"), '42501', qr/jit\.requests cannot be published in part/, "a publication of it $_") for 'WHERE (reason IS NULL)', '(reason)';
is(($admin->query($_)->{error} // {})->{M}, undef, "allowed: $_") for 'CREATE PUBLICATION everything FOR ALL TABLES', 'CREATE PUBLICATION several FOR TABLE jit.requests, jit.approvals, jit.scopes';
$id = approved($node, 'alice', '10 min');
is(($dan->query("SELECT jit.revoke($id)")->{error} // {})->{M}, undef, 'revoked all the same');
$admin->query('DROP PUBLICATION everything, several');

# ---- vector 346: or locked by maintenance that does not end ----
for my $command ('BEGIN; REINDEX TABLE jit.requests', 'BEGIN; REINDEX INDEX jit.requests_pkey', 'BEGIN; CLUSTER jit.requests USING requests_pkey', q{DO $$BEGIN EXECUTE 'REINDEX TABLE jit.requests'; END$$}) {
    gate_error($admin->query($command), '25001', qr/(?:REINDEX|CLUSTER) of jit_guard's tables cannot/, $command);
    $admin->query('ROLLBACK');
}
is(($admin->query($_)->{error} // {})->{M}, undef, "allowed: $_") for 'REINDEX TABLE jit.requests', 'CLUSTER jit.requests USING requests_pkey', 'BEGIN; REINDEX TABLE pay.open; COMMIT';

# ---- vector 324, vector 338: in a sealed installation no superuser alone takes jit.revoke() from those who need it ----
$admin->query('CREATE ROLE ann LOGIN SUPERUSER IN ROLE jit_admin; CREATE ROLE ben LOGIN IN ROLE jit_admin; CREATE SEQUENCE pay.numbers; CREATE ROLE chief');
$admin->query(q{CREATE FUNCTION pay.sets(regclass, bigint) RETURNS bigint LANGUAGE internal AS 'setval_oid'; CREATE PROCEDURE pay.takes(bigint) LANGUAGE sql AS 'SELECT 1'});
my %stops = (
    setval       => [q{SELECT setval('jit.events_event_id_seq', last_value) FROM jit.events_event_id_seq}, 'UPDATE on jit\.events_event_id_seq'],
    'in a block' => [q{DO $$ DECLARE n bigint := (SELECT last_value FROM jit.requests_request_id_seq); BEGIN PERFORM setval('jit.requests_request_id_seq', n); END $$}, 'UPDATE on jit\.requests_request_id_seq'],
    REVOKE       => ['BEGIN; REVOKE EXECUTE ON FUNCTION jit.revoke(bigint, text) FROM PUBLIC; ROLLBACK', 'REVOKE on function jit\.revoke\(bigint,text\)'],
    'of all'     => ['BEGIN; REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA jit FROM PUBLIC; ROLLBACK', 'REVOKE on function jit\.'],
    'of schema'  => ['BEGIN; REVOKE USAGE ON SCHEMA jit FROM PUBLIC; ROLLBACK', 'REVOKE on schema jit'],
    'of a view'  => ['BEGIN; REVOKE SELECT ON jit.status FROM PUBLIC; ROLLBACK', 'REVOKE on jit\.status'],
    TRUNCATE     => ['BEGIN; SET LOCAL allow_system_table_mods = on; TRUNCATE pg_extension; ROLLBACK', 'UPDATE on pg_catalog\.pg_extension'],
    'an index'   => ['BEGIN; SET LOCAL allow_system_table_mods = on; CREATE INDEX ON pg_description (description); ROLLBACK', 'UPDATE on pg_catalog\.pg_description'],
    'an operator' => ['BEGIN; ALTER OPERATOR pg_catalog.=(bigint, bigint) SET SCHEMA pay; ROLLBACK', 'UPDATE on operator '],
    'a type'     => ['BEGIN; ALTER TYPE pg_catalog.jsonb RENAME TO jsonc; ROLLBACK', 'UPDATE on type '],
    pg_catalog   => ['BEGIN; ALTER SCHEMA pg_catalog RENAME TO catalogue; ROLLBACK', 'UPDATE on schema '],
    OWNER        => ['BEGIN; ALTER SCHEMA jit OWNER TO chief; ROLLBACK', 'ALTER SCHEMA on schema jit'],
);
is(($admin->query($stops{$_}[0])->{error} // {})->{M}, undef, "not sealed, it is reported only: $_") for sort keys %stops;
my $ann = JitClient->new($node, 'ann');
$ann->value('SELECT jit.seal()');
for my $how (sort keys %stops) {
    gate_error($admin->query($stops{$how}[0]), '42501', qr/$stops{$how}[1].* needs a just-in-time approval/, "sealed: $how");
    $admin->query('ROLLBACK');
}
gate_error($admin->query(q{CALL pay.takes(setval('pay.numbers', 7))}), '42501', qr/cannot be called here/, 'setval() where nobody sees of what');
gate_error($admin->query(q{SELECT pay.sets('pay.numbers', 7)}), '42501', qr/cannot be called here/, 'or under another name');
is($admin->value(q{SELECT setval('pay.numbers', 7)}), 7, 'other sequences are set as ever');
is($admin->query('GRANT USAGE ON SCHEMA pay TO chief; GRANT EXECUTE ON FUNCTION pay.sets(regclass, bigint) TO chief')->{error}, undef, 'and other things granted');
$id = $ann->value(q{SELECT jit.request('jit_guard', reason => 'a restore went wrong')});
JitClient->new($node, 'ben')->value("SELECT jit.approve($id)");
is(($ann->query($stops{$_}[0])->{error} // {})->{M}, undef, "with another's consent: $_") for sort keys %stops;

done_testing();
