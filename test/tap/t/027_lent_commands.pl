# COPY FROM, TRUNCATE and LOCK with a lent privilege end with the approval like everything else, in both protocols.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;

my $node = gate_cluster('lent');
my $admin = JitClient->new($node, 'postgres');
my $count = sub { return $admin->value("SELECT n_live FROM (SELECT count(*) AS n_live FROM pay.lent) c"); };
$admin->query(q{SELECT jit.alter_policy('lent', exempt => '{postgres}')});
is($count->(), 5, 'postgres is exempt and sees the rows');
sub copying { my ($client, $row) = @_; return $client->send_query('COPY pay.lent FROM STDIN')->send_message('d', "$row\n"); }

# ---- COPY FROM: the client stalls over the deadline ----
my ($id, $end) = short_window($node, 'bob', '1.5 s', policy => 'lent');
my $bob = JitClient->new($node, 'bob');
is(copying($bob, "10\t1")->send_message('c', '')->finish->{error}{M}, undef, 'COPY FROM within the window');
is($count->(), 6, 'its row is there');
copying($bob, "11\t1");
wait_until($node, 'EXISTS (SELECT FROM pg_stat_progress_copy)', 'another one begins');
past($end);
ok($bob->ends, 'a client that stalls in COPY is ended after the grace');
like($bob->{last_error}{M} // '', qr/approval $id is over/, 'and told why');
is($count->(), 6, 'none of its rows is there');

# ---- TRUNCATE waits for somebody's lock over the deadline ----
my $reader = JitClient->new($node, 'alice');
my $hers = approved($node, 'alice', '10 min', policy => 'lent');
$reader->query('BEGIN; SELECT FROM pay.lent');
($id, $end) = short_window($node, 'bob', '1.5 s', policy => 'lent');
$bob = JitClient->new($node, 'bob');
$bob->send_query('TRUNCATE pay.lent');
is_waiting($node, $bob, 'TRUNCATE waits');
gate_error($bob->finish, '57014', qr/approval $id is over/, 'and is cancelled at the end');
$reader->query('COMMIT');
is($count->(), 6, 'nothing was truncated');
gate_error($bob->query('TRUNCATE pay.lent'), '42501', qr/request $id expired at/, 'and cannot be any more');

# ---- written under an approval that is over at COMMIT ----
($id, $end) = short_window($node, 'bob', '1 s', policy => 'lent');
is($bob->query('BEGIN; TRUNCATE pay.lent')->{error}{M}, undef, 'TRUNCATE within the window');
past($end);
gate_error($bob->query('COMMIT'), '42501', qr/cannot commit: approval $id is over/, 'is not committed after it');
is($count->(), 6, 'so the rows are there');

# ---- LOCK does not outlive its approval ----
($id, $end) = short_window($node, 'bob', '1 s', policy => 'lent');
is($bob->query('BEGIN; LOCK pay.lent IN ACCESS EXCLUSIVE MODE')->{error}{M}, undef, 'LOCK within the window');
ok($bob->ends, 'who sits on the lock is ended after the grace');
is($count->(), 6, 'and the table is free');

# ---- extended protocol, and a statement that was prepared before the end ----
$bob = JitClient->new($node, 'bob');
my $own = approved($node, 'bob', '10 min', policy => 'lent');
$bob->parse('t', 'TRUNCATE pay.lent')->parse('l', 'LOCK pay.lent IN SHARE MODE')->sync->finish;
is($bob->query('BEGIN')->{error}{M}, undef, 'a transaction');
is($bob->bind('', $_)->execute('')->sync->finish->{error}{M}, undef, "prepared: $_") for qw(l t);
is($bob->query('ROLLBACK')->{error}{M}, undef, 'is rolled back');
JitClient->new($node, 'carol')->value("SELECT jit.revoke($own)");
$bob->query('BEGIN');
gate_error($bob->bind('', 't')->execute('')->sync->finish, '42501', qr/request $own was revoked/, 'prepared, after the revocation: t');
$bob->query('ROLLBACK; BEGIN');
gate_error($bob->bind('', 'l')->execute('')->sync->finish, '42501', qr/request $own was revoked/, 'prepared, after the revocation: l');
$bob->query('ROLLBACK');
is($count->(), 6, 'the rows are still there');

# ---- what was found once is not kept when it changes: a foreign partition, a sequence ----
$admin->query($_) for 'CREATE TABLE pay.split (id serial, k int) PARTITION BY LIST (k)', 'CREATE TABLE pay.split_1 PARTITION OF pay.split FOR VALUES IN (1)',
    'GRANT INSERT ON pay.split TO power', 'GRANT USAGE ON SEQUENCE pay.split_id_seq TO power', 'CREATE FOREIGN DATA WRAPPER f', 'CREATE SERVER s FOREIGN DATA WRAPPER f',
    q{SELECT jit.create_policy('split', '{WRITE}', '{pay.split}', lends => 'power', eligible => '{staff}', approvers => '{leads}')};
my $split = approved($node, 'bob', '10 min', policy => 'split');
$bob->query('SET plan_cache_mode = force_generic_plan; PREPARE put AS INSERT INTO pay.split (k) VALUES (1)');
my $insert = 'INSERT INTO pay.split (k) VALUES (1)';
is($bob->query($_)->{error}{M}, undef, "lent: $_") for $insert, 'EXECUTE put', 'EXECUTE put';
$admin->query('REVOKE USAGE ON SEQUENCE pay.split_id_seq FROM power');
gate_error($bob->query($_), '42501', qr/permission denied for sequence split_id_seq/, "the sequence is not lent any more: $_") for $insert, 'EXECUTE put';
$admin->query('GRANT USAGE ON SEQUENCE pay.split_id_seq TO power');
is($bob->query($_)->{error}{M}, undef, "and again: $_") for $insert, 'EXECUTE put';
$admin->query('CREATE FOREIGN TABLE pay.split_2 PARTITION OF pay.split FOR VALUES IN (2) SERVER s');
gate_error($bob->query($_), '42501', qr/permission denied for table split/, "there is a foreign partition now: $_") for $insert, 'EXECUTE put';
$admin->query('DROP FOREIGN TABLE pay.split_2');
is($bob->query($_)->{error}{M}, undef, "and not any more: $_") for $insert, 'EXECUTE put';

# ---- a file of the server, for whom may read those ----
my $file = $node->basedir . '/rows';
append_to_file($file, "20\t1\n21\t1\n");
gate_error($reader->query("COPY pay.lent FROM '$file'"), '42501', qr/pg_read_server_files/, 'a file is not lent');
$admin->query('GRANT pg_read_server_files TO alice');
is($reader->query("COPY pay.lent FROM '$file'")->{tags}[0], 'COPY 2', 'and read by who may read files');
is($reader->query('TRUNCATE pay.lent')->{tags}[0], 'TRUNCATE TABLE', 'the tag of TRUNCATE');
is($count->(), 0, 'which is committed');
is($reader->query('BEGIN; LOCK pay.lent; COMMIT')->{tags}[1], 'LOCK TABLE', 'and of LOCK');
my @uses = grep { /"statement": ?"(?:COPY pay|TRUNCATE|BEGIN; LOCK|LOCK)/ } json_lines(log_since($node, 0), 'use');
cmp_ok(scalar @uses, '>=', 9, 'each is in the record');
done_testing();
