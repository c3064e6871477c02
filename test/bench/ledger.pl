#!/usr/bin/env perl
# What an auditor asks a ledger with a year behind it: 10,000,000 records (JIT_BENCH_RECORDS), half of them uses and half what became of
# them, of 300 people and 500 objects. Records are put there by SQL, in the bytes of extension/verify/FORMAT.md, so nothing here is signed.
# It needs 10 GB of disk and some minutes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Bench;
use Time::HiRes qw(time);

my $records = $ENV{JIT_BENCH_RECORDS} // 10_000_000;
my ($runs, $at_once) = (7, 250_000);
my $server = Bench->make('ledger', "jit_guard.enabled = off\nshared_buffers = '512MB'\nmaintenance_work_mem = '256MB'\nwork_mem = '64MB'\nwal_compression = on\n");
print '# ledger: ', machine(), "\n\n";
$server->start;
$server->sql('postgres', 'CREATE DATABASE app');
my $s = $server->session('app');
$s->query($_) for 'CREATE EXTENSION jit_guard', 'CREATE SCHEMA made',
    q{CREATE FUNCTION made.f(tag int, value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT set_byte(''\x00'', 0, tag) || int4send(length(value)) || value'},
    q{CREATE FUNCTION made.t(tag int, value text) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT made.f(tag, convert_to(value, ''UTF8''))'},
    q{CREATE FUNCTION made.n(tag int, value bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT made.f(tag, int8send(value))'},
    # What comes before and after the number of the transaction, of 4,096 kinds of statements: few people do most of it.
    q{CREATE TABLE made.kinds AS SELECT k, made.t(2, 'app') || made.t(3, person) AS who,
        made.t(5, person) || made.t(6, '10.1.2.' || k % 250) || made.t(7, 'psql') AS rest, made.n(8, 1700000000000000 + k) || made.n(9, 1000 + k) AS session,
        made.n(11, 1) || made.f(12, '\x00') || made.f(13, sha256(convert_to(statement, 'UTF8'))) || made.n(14, length(statement)) || made.t(15, statement)
        || made.f(18, made.t(19, 'policy-' || object % 50) || made.n(20, k) || made.t(22, 'SELECT') || made.t(23, 'app.table_' || object)
            || made.t(24, 'id, amount, holder') || made.n(25, 1800000000000000)) AS use
        FROM (SELECT k, 'person_' || (300 * ((k * 7919 % 4096) / 4096.0) ^ 2)::int AS person, (500 * ((k * 104729 % 4096) / 4096.0) ^ 2)::int AS object,
            'SELECT id, amount, holder FROM app.table_' || k % 500 || ' WHERE holder = $1 AND booked_at > now() - interval ''1 day'' ORDER BY id LIMIT ' || k AS statement
            FROM generate_series(0, 4095) k) AS x},
    'CREATE UNIQUE INDEX ON made.kinds (k)', 'ANALYZE made.kinds';
my $triggers = without_triggers($s);
my $begin = time;
for (my $from = 0; $from < $records / 2; $from += $at_once) {
    my $upto = $from + $at_once < $records / 2 ? $from + $at_once : int($records / 2);
    $s->query(qq{INSERT INTO jit.ledger SELECT 1 + 24 * (q.seq - 1) / $records, q.seq, 'epoch'::timestamptz + q.at * '1 us'::interval, q.record
        FROM (SELECT i, (extract(epoch FROM now()) * 1000000)::bigint - (31536000000000 * (1 - 2.0 * i / $records))::bigint AS at, i * 2654435761 % 4096 AS k
            FROM generate_series($from, $upto - 1) i) AS s JOIN made.kinds ON kinds.k = s.k
        CROSS JOIN LATERAL (VALUES (2 * i + 1, s.at, '\\x0102' || made.n(1, s.at) || who || rest || session || made.n(10, i) || use),
            (2 * i + 2, s.at + 1000, '\\x0105' || made.n(1, s.at + 1000) || who || session || made.n(10, i) || made.t(35, 'committed')
                || made.f(37, made.n(11, 1) || made.n(38, 7)))) AS q (seq, at, record)});
    print STDERR "$upto\n" if $ENV{JIT_BENCH_TALK};
}
$s->query("INSERT INTO jit.ledger_segments (segment, first_seq, begun_at, frontier) SELECT l.segment, min(l.seq), min(l.at), '' FROM jit.ledger l GROUP BY 1");
with_triggers($s, $triggers);
$s->query('VACUUM ANALYZE jit.ledger');
note_line(sprintf '%d records, made in %.0f s; %s with their indexes', $records, time - $begin,
    $s->value(q{SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class WHERE relname ~ '^ledger_[0-9]+$' AND relkind = 'r'}));
print "\n";

sub cpu { open my $in, '<', '/proc/' . $s->pid . '/schedstat' or return 0; return (split ' ', <$in>)[0] }
my @rows;
for my $sql (
    q{SELECT * FROM jit.used('person_7')}, q{SELECT * FROM jit.used('person_0')}, q{SELECT * FROM jit.used('person_299', '1 year')},
    q{SELECT * FROM jit.touched('app.table_250')}, q{SELECT * FROM jit.touched('app.table_0')}, q{SELECT * FROM jit.touched('app.table_499', '1 year')},
    q{SELECT * FROM jit.uses WHERE at > now() - '1 hour'::interval}, q{SELECT * FROM jit.uses WHERE seq = 4711},
    q{SELECT * FROM jit.refusals WHERE at > now() - '1 month'::interval}, q{SELECT * FROM jit.findings('1 day')}) {
    my (@ms, @cpu);
    my $found = scalar @{$s->query($sql)};
    for my $i (0 .. $runs) {
        my ($busy, $from) = (cpu(), time);
        $s->drain($sql);
        next if !$i;
        push @ms, 1000 * (time - $from);
        push @cpu, (cpu() - $busy) / 1e6;
    }
    @ms = sort { $a <=> $b } @ms;
    push @rows, ["`$sql`", $found, sprintf('%.1f', median(@cpu)), sprintf('%.1f', $ms[0]), sprintf('%.1f', median(@ms))];
    print STDERR "@{$rows[-1]}\n" if $ENV{JIT_BENCH_TALK};
}
say_table(['asked', 'rows', 'processor ms', 'best ms', 'median ms'], @rows);
$server->stop;
