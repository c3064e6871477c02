# A keeper that is stopped does not fill the disk: its records are carried out of the write-ahead log, and none is lost or doubled.
use strict;
use warnings;
use JitClient;
use JitGate;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = gate_cluster('carried', init => {allows_streaming => 1}, conf => <<'CONF');
jit_guard.log_uses = off
jit_guard.evidence_log = '32MB'
max_wal_size = '64MB'
min_wal_size = '32MB'
restart_after_crash = on
CONF
my $admin = JitClient->new($node, 'postgres');
$admin->query(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 day')});
$admin->query('GRANT ALL ON pay.accounts TO alice');
my $alice = JitClient->new($node, 'alice');
$alice->query(q{SELECT jit.request('acc')});

my $number = 0;
sub uses { my ($count) = @_; $alice->query('SELECT ' . ++$number . ' AS marked FROM pay.accounts LIMIT 1') for 1 .. $count; return; }
sub keeper { return $admin->value(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app'}); }
my $file = $node->data_dir . '/jit_guard_carried.' . $admin->value(q{SELECT oid FROM pg_database WHERE datname = 'app'});

# Others write: unguarded work that has nothing to do with the ledger.
sub write_log {
    for (1 .. 12) {
        $admin->query(q{SELECT pg_logical_emit_message(false, 'somebody', repeat('x', 8 * 1024 * 1024))});
    }
    $admin->query('CHECKPOINT');
    return;
}
my $let_go = q{(SELECT pg_current_wal_lsn() - restart_lsn < 34 * 1024 * 1024 FROM pg_replication_slots WHERE slot_name = 'jit_guard')};

uses(3);
ok(!$admin->query(q{CALL jit.catch_up('60 s')})->{error}, 'the keeper runs');
my $begins = $admin->value('SELECT pg_walfile_name(pg_current_wal_lsn())');
my $keeper = keeper();
kill STOP => $keeper;
uses(20);
ok(!-e $file, 'nothing is carried as long as there is room in the log');
write_log();
wait_until($node, $let_go, 'the log is let go beyond jit_guard.evidence_log');
ok(-s $file, 'and its records are in a file');
$admin->query('CHECKPOINT');
ok(!-e $node->data_dir . "/pg_wal/$begins", 'the segment that had them is gone');
like($admin->value(q{SELECT value FROM jit.status WHERE fact = 'write-ahead log kept for the ledger'}), qr/^[0-9]+ MB of at most 32 MB$/, 'jit.status says how much is kept');
like(slurp_file($node->logfile), qr/WARNING:  the keeper of database [0-9]+ has not read jit_guard\.evidence_log/, 'the log warns');

# More of it, while the keeper still does not run.
my $size = -s $file;
uses(20);
write_log();
wait_until($node, $let_go, 'again');
ok(-s $file > $size, 'the file has grown');

# A crash cuts off what is not finished; and what the launcher had in mind is forgotten.
open my $end, '>>:raw', $file or die $!;
print {$end} pack('LLQ', 100, 1, 2) . 'half of a record';
close $end;
uses(20);
kill KILL => $keeper;
for (1 .. 600) { # until the server has noticed, and ends everybody
    local $SIG{PIPE} = 'IGNORE';
    my $answer = eval { $alice->query('SELECT 1') };
    last if !defined $answer || $answer->{gone};
    sleep 0.1;
}
for (1 .. 600) {
    last if eval { $admin = JitClient->new($node, 'postgres'); $admin->value('SELECT 1') };
    sleep 0.1;
}
$alice = JitClient->new($node, 'alice');
uses(2);
my $answer;
for (1 .. 20) {
    $answer = $admin->query(q{CALL jit.catch_up('5 s')});
    last if !$answer->{error};
}
ok(!$answer->{error}, 'after the crash the keeper catches up');
is($admin->value(q{SELECT string_agg(n || ' ' || c, ', ' ORDER BY n) FROM (SELECT substring(statement FROM 'SELECT (\d+) AS marked')::int AS n, count(*) AS c FROM jit.uses WHERE statement LIKE '%marked%' GROUP BY 1) AS u WHERE c <> 1}), undef, 'no use is there twice');
is($admin->value(q{SELECT count(*) FROM jit.uses WHERE statement LIKE '%marked%'}), $number, 'every use is there');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:gap}'}), '0', 'and no gap');
is($admin->value('SELECT bool_and(ok) FROM jit.verify()'), 't', 'and jit.verify() finds nothing');
for (1 .. 100) { last if !-e $file; sleep 0.1; }
ok(!-e $file, 'the file is gone');
is($admin->value(q{SELECT string_agg(n::text, ',' ORDER BY seq) = (SELECT string_agg(i::text, ',' ORDER BY i) FROM generate_series(1, } . $number . q{) i) FROM (SELECT seq, substring(statement FROM 'SELECT (\d+) AS marked') AS n FROM jit.uses WHERE statement LIKE '%marked%') AS u}), 't', 'in the order in which they were');
$node->stop;
done_testing();
