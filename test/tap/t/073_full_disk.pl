# A disk that is full: records stay in the write-ahead log, then guarded statements are refused and all others go on; with room again
# the ledger has every record. The tables of the server lie on a file system of some megabytes that only the server sees. (When the log
# itself has no room, the server stops by itself: nothing happens without its record.)
use strict;
use warnings;
use JitClient;
use JitGate;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $apart = 'unshare -U --map-current-user --keep-caps -m';
my $mine = PostgreSQL::Test::Utils::tempdir();
system("$apart mount -t tmpfs -o size=1m tmpfs '$mine' >/dev/null 2>&1") == 0
    or plan(skip_all => 'this system lets nobody mount a file system of his own (unshare)');

my $node = gate_cluster('full', init => {allows_streaming => 1}, conf => <<'CONF');
jit_guard.log_uses = off
jit_guard.evidence_backlog = '256kB'
autovacuum = off
log_statement = none
log_min_error_statement = panic
CONF
my $admin = JitClient->new($node, 'postgres');
$admin->query(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 day')});
$node->stop;

my $data = $node->data_dir;
rename "$data/base", "$mine/base" or die "base: $!";
mkdir "$data/base", 0700 or die "base: $!";
my $log = $node->logfile;
my $start = "mount -t tmpfs -o size=56m,mode=700 tmpfs '$data/base' && cp -a '$mine/base/.' '$data/base/' && exec pg_ctl -w -D '$data' -l '$log' start >/dev/null";
system(split(/ /, $apart), 'sh', '-c', $start) == 0 or die "the server does not start\n";
$node->_update_pid(1);

$admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');
ok(!$alice->query(q{SELECT jit.request('acc')})->{error}, 'an approval');
my $number = 0;
sub use_it { my $text = 'x' x 8_000; return $alice->query('SELECT ' . ++$number . " AS marked /* $text */ FROM pay.accounts LIMIT 1"); }
ok(!use_it()->{error}, 'with room: read');
ok(!$admin->query(q{CALL jit.catch_up('60 s')})->{error}, 'and recorded');

# ---- no room ----
$admin->query('CREATE TABLE filler (t text); ALTER TABLE filler ALTER t SET STORAGE PLAIN');
my $full;
for my $size (1_000, 100, 1) {
    my $tries = 0;
    while (!($full = $admin->query("INSERT INTO filler SELECT repeat('x', 7000) FROM generate_series(1, $size)"))->{error} && $tries++ < 500) { }
}
is($full->{error}{C}, '53100', 'the disk is full') or diag($full->{error}{M});
my $failing = qr/WARNING:  jit_guard cannot put records into the ledger: could not extend file/;
for (1 .. 600) { # until the keeper has found that out, too
    last if slurp_file($log) =~ $failing;
    use_it() if $_ % 10 == 1;
    sleep 0.1;
}
my $before = $number;
my $refused;
for (1 .. 100) {
    $refused = use_it();
    last if $refused->{error};
}
$number--; # the last one did not happen
cmp_ok($number, '>', $before, 'guarded statements go on while records have room in the log: ' . ($number - $before) . ' of them');
gate_error($refused, '55000', qr/cannot be recorded.*jit_guard\.evidence_backlog/, 'then they are refused');
gate_rows($alice->query('SELECT id FROM pay.open'), '1', 'what is not guarded goes on');
is($admin->value(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:gap}'}), '0', 'nothing is given up');
my $warnings = () = slurp_file($log) =~ /$failing/g;
is($warnings, 1, 'the log says why, once');

# ---- room again ----
ok(!$admin->query('DROP TABLE filler')->{error}, 'somebody makes room');
my $caught;
for (1 .. 30) {
    $caught = $admin->query(q{CALL jit.catch_up('10 s')});
    last if !$caught->{error};
}
ok(!$caught->{error}, 'the keeper goes on by itself') or diag($caught->{error}{M});
gate_rows($alice->query('SELECT ' . ++$number . ' AS marked FROM pay.accounts LIMIT 1'), $number, 'guarded statements too');
$admin->query(q{CALL jit.catch_up('60 s')});
is($admin->value(q{SELECT string_agg(n, ',' ORDER BY seq) FROM (SELECT seq, substring(statement FROM 'SELECT (\d+) AS marked') AS n FROM jit.uses WHERE statement LIKE '%marked%') AS u}),
    join(',', 1 .. $number), 'every use is in the ledger, once and in order');
is($admin->value('SELECT bool_and(ok) FROM jit.verify()'), 't', 'and jit.verify() finds nothing');
$node->stop;
done_testing();
