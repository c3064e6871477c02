# What the views of daily use read, in blocks, with a year behind them: no view reads the whole of a table. The rows are
# those of the benchmark (test/bench/daily.pl), fewer of them; nothing here is timed.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $requests = 20_000;
my $node = PostgreSQL::Test::Cluster->new('daily');
$node->init(extra => ['--no-locale', '--encoding=UTF8']);
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = 'jit_guard'
jit_guard.control_database = 'app'
timezone = 'UTC'
fsync = off
wal_level = replica
autovacuum = off
jit = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE EXTENSION jit_guard');
my $bench = "$FindBin::Bin/../../bench";
$node->safe_psql('app', slurp_file("$bench/crowd_people.sql"));

# Without the library the tables of jit_guard are tables like any other, once their triggers are off.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $triggers = $node->safe_psql('app', q{SELECT format('ALTER TABLE %s %%s TRIGGER %I;', tgrelid::regclass, tgname)
    FROM pg_trigger WHERE tgrelid::regclass::text LIKE 'jit.%' AND NOT tgisinternal});
my @off = map { s/%s/DISABLE/r } split /\n/, $triggers;
my @on = map { s/%s/ENABLE ALWAYS/r } split /\n/, $triggers;
$node->safe_psql('app', "SET crowd.requests = $requests; @off " . slurp_file("$bench/crowd_rows.sql") . ' ' . join(' ', @on));
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'jit_guard'");
$node->restart;
# What the keeper puts into the ledger is in its index as autovacuum would have left it.
$node->safe_psql('app', q{CALL jit.catch_up('3 minutes')});
# A transaction of a worker hinders VACUUM, and then index-only scans read the tables, too.
for (1 .. 100) {
    $node->safe_psql('app', 'VACUUM (ANALYZE)');
    last if $node->safe_psql('app', q{SELECT bool_and(relallvisible = relpages) FROM pg_class WHERE oid IN ('jit.requests'::regclass, 'jit.votes'::regclass)}) eq 't';
}
my $whole = $node->safe_psql('app', q{SELECT sum(relpages) FROM pg_class WHERE oid IN ('jit.requests'::regclass, 'jit.events'::regclass)});
cmp_ok($whole, '>', 1000, "reading the tables would take $whole blocks");

# Blocks of the plan, all of them: a statement hits each at least once.
sub blocks {
    my ($who, $sql) = @_;
    my $plan = $node->safe_psql('app', "EXPLAIN (ANALYZE, BUFFERS, TIMING off, COSTS off, SUMMARY off) $sql", extra_params => ['-U', $who]);
    my ($line) = $plan =~ /^\s*Buffers: (shared.*)$/m;
    my $sum = 0;
    $sum += $1 while ($line // '') =~ /(?:hit|read)=(\d+)/g;
    return ($sum, $plan);
}

sub few {
    my ($most, $who, $sql) = @_;
    my ($blocks, $plan) = blocks($who, $sql);
    ok($blocks <= $most && $plan !~ /Seq Scan on (?:requests|votes|events)/, "$who: $sql: $blocks blocks, at most $most, by index") or diag($plan);
    return;
}

# Up to six blocks go for each row that is shown, none for the others; 200 requests are pending here, 400 approvals live.
for my $who (qw(newcomer person_0 chief manager inspector)) {
    my $many = $who =~ /chief|manager|inspector/;
    few(150, $who, 'SELECT * FROM jit.available');
    few($many ? 900 : 400, $who, 'SELECT * FROM jit.pending');
    few($many ? 2800 : 400, $who, 'SELECT * FROM jit.active');
    few(800, $who, 'SELECT * FROM jit.my_requests');
    few($who eq 'person_0' ? 9000 : 1500, $who, 'SELECT * FROM jit.history ORDER BY event_id DESC LIMIT 50');
    few(600, $who, 'SELECT * FROM jit.history WHERE request_id = 7'); # most of them catalogs, in a new session
    few(22000, $who, 'SELECT * FROM jit.audit ORDER BY request_id DESC LIMIT 50'); # each with its uses and refusals
    few(1000, $who, 'SELECT * FROM jit.audit WHERE request_id = 7');
    few(150, $who, 'SELECT * FROM jit.my_requests WHERE request_id = 7');
    few(1500, $who, 'SELECT * FROM jit.status');
}

# The three parts of jit.history show what concerns the reader, no more and no less.
for my $who (qw(newcomer person_0 person_21 chief newlead)) {
    my $seen = $node->safe_psql('app', 'SELECT count(*), count(DISTINCT event_id), COALESCE(sum(event_id), 0) FROM jit.history', extra_params => ['-U', $who]);
    my $concerned = $node->safe_psql('app', <<"SQL");
SELECT count(*), count(*), COALESCE(sum(e.event_id), 0) FROM jit.events e JOIN jit.requests r USING (request_id) JOIN jit.policies p USING (policy_id)
 WHERE r.person = '$who'::regrole OR EXISTS (SELECT FROM jit.votes v WHERE v.request_id = e.request_id AND v.voter = '$who'::regrole)
    OR EXISTS (SELECT FROM unnest(p.approvers) a WHERE pg_has_role('$who', a, 'MEMBER'))
SQL
    is($seen, $concerned, "$who sees in jit.history what concerns them");
}
few(1500, 'inspector', q{SELECT story FROM jit.audit WHERE person = 'person_0' AND asked_at > now() - '1 month'::interval});
my $order = $node->safe_psql('app', q{SELECT bool_and(was IS NULL OR was > event_id) FROM (SELECT event_id, lag(event_id) OVER () AS was FROM jit.history) s});
is($order, 't', 'the newest event comes first');
done_testing();
