# A superuser changes the ledger, and its data file: jit.verify() and jit-verify name the first record that is not what was signed.
use strict;
use warnings;
use JitClient;
use JitGate;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $program = 'jit-verify'; # beside the server's programs
my $pg18 = `postgres --version` =~ / (\d+)/ && $1 >= 18;
my $node = gate_cluster('verify', init => {extra => ['--no-locale', '--encoding=UTF8', $pg18 ? '--no-data-checksums' : ()]}, conf => <<'CONF');
autovacuum = off
CONF
my $folder = PostgreSQL::Test::Utils::tempdir();

sub sql { my ($sql) = @_; return $node->safe_psql('app', $sql); }
sub write_file { my ($name, $text) = @_; open my $out, '>', "$folder/$name" or die "$name: $!"; print {$out} $text; close $out; return "$folder/$name"; }

# A ledger with checkpoints: records, then wait until the keeper has signed them.
sub signed_all {
    for (1 .. 900) {
        return 1 if sql('SELECT max(tree_size) >= (SELECT tree_size FROM jit.ledger_state) FROM jit.checkpoints') eq 't';
        sleep 0.1;
    }
    return 0;
}
sql(q{SELECT jit.alter_policy('acc', approvals => 0, require_reason => false, max_duration => '1 day')});
my $alice = JitClient->new($node, 'alice');
$alice->query(q{SELECT jit.request('acc', '1 day')});
$alice->query("SELECT $_ AS marked FROM pay.accounts LIMIT 1") for 1 .. 40;
sql(q{CALL jit.catch_up('60 s')});
ok(signed_all(), 'the ledger is signed');
my $size = sql('SELECT max(tree_size) FROM jit.checkpoints');
my $note = sql("SELECT note FROM jit.checkpoints WHERE tree_size = $size") . "\n";
my $kept = write_file('kept', $note);

# Runs both over the ledger as it is in this moment; returns (their last words, exit code of the program).
my $key;
sub verified {
    my ($change) = @_;
    my $text = $node->safe_psql('app', "BEGIN; $change; SELECT CASE WHEN ok THEN 'good ' ELSE 'bad ' END || what || ' ' || COALESCE(seq::text, '-') || ': ' || detail FROM jit.verify();"
        . ' SELECT jit.export(); ROLLBACK');
    my @lines = split /\n/, $text;
    my @words = grep { !/^\{/ } @lines;
    my $export = write_file('export', join('', map { "$_\n" } grep { /^\{/ } @lines));
    my ($first) = grep { /^bad/ } @words;
    my $out = `'$program' --key '$key' --checkpoint '$kept' '$export' 2>&1`;
    my $code = $? >> 8;
    my ($last) = $out =~ /([^\n]*)\n\z/;
    return ($first // $words[-1], $last, $code);
}

sub tampered {
    my ($change, $ours, $theirs, $test) = @_;
    my ($verify, $program_says, $code) = verified($change);
    like($verify, $ours, "$test: jit.verify()");
    like($program_says, $theirs, "$test: jit-verify");
    is($code, 1, "$test: jit-verify fails") if $theirs =~ /FAILED/;
    return;
}

my ($header) = split /\n/, sql('SELECT jit.export(1, 0)');
($key) = $header =~ /"public_key":"([^"]+)"/;
ok($key, 'the export names a key');
my ($verify, $says, $code) = verified('SELECT 1 WHERE false');
like($verify, qr/^good sum -: everything agrees: \d+ records/, 'jit.verify() finds nothing');
is($says, 'verified', 'jit-verify finds nothing') or diag($says);
is($code, 0, 'jit-verify says so');

# With the gate in place nobody writes there.
my ($ret, $out, $err) = $node->psql('app', 'DELETE FROM jit.ledger WHERE seq = 10');
isnt($ret, 0, 'the gate refuses');

$node->stop;
$node->append_conf('postgresql.conf', 'jit_guard.enabled = off');
$node->start;

my $any = qr/one of the records \d+ to \d+ is not what was signed/;
my $range = qr/FAILED: records \d+ to \d+: one of them is not what was signed/;
my $patch = q{overlay(record PLACING 'eve'::bytea FROM position('alice'::bytea IN record) FOR 3)};
my $victim = sql(q{SELECT min(seq) + 3 FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:use}'});
my $event = sql(q{SELECT max(seq) FROM jit.events});
my $before = $victim - 1;
my $after = $victim + 1;
tampered("UPDATE jit.ledger SET record = $patch WHERE seq = $victim", qr/^bad record \d+: $any/, $range, 'a changed record');
tampered("UPDATE jit.ledger SET at = at - interval '1 hour' WHERE seq = $victim", qr/^bad record $victim: the column "at"/,
    qr/FAILED: record $victim was changed: its time/, 'another time');
tampered("DELETE FROM jit.ledger WHERE seq = $victim", qr/^bad record $victim: it is missing/, qr/FAILED: record $victim is missing/, 'a missing record');
tampered("DELETE FROM jit.ledger WHERE seq BETWEEN $victim AND $after", qr/^bad record $victim: it is missing, and so are those up to $after/,
    qr/FAILED: record $victim is missing/, 'two missing records');
tampered("DELETE FROM jit.ledger WHERE seq > $before", qr/^bad record $victim: it is missing, and so/, qr/FAILED/, 'the end cut off');
tampered("UPDATE jit.ledger SET seq = -1 WHERE seq = $victim; UPDATE jit.ledger SET seq = $victim WHERE seq = $after; UPDATE jit.ledger SET seq = $after WHERE seq = -1",
    qr/^bad record \d+: $any/, $range, 'two that changed places');
tampered("INSERT INTO jit.ledger SELECT segment, 1000000, at, record FROM jit.ledger WHERE seq = $victim", qr/^bad record \d+: there are records after the last one, up to 1000000/,
    qr/verified/, 'one inserted after the end, which nothing signed covers');
tampered("INSERT INTO jit.ledger SELECT 7, seq, at, record FROM jit.ledger WHERE seq = $victim", qr/^bad record $victim: it was inserted into partition 7/,
    qr/verified/, 'one inserted into another partition, which is not read');
tampered("UPDATE jit.ledger SET seq = seq + 1000 WHERE seq >= $victim; UPDATE jit.ledger SET seq = seq - 999 WHERE seq >= $victim;"
    . "INSERT INTO jit.ledger SELECT segment, $victim, at, record FROM jit.ledger WHERE seq = $before;"
    . 'UPDATE jit.ledger_state SET tree_size = tree_size + 1', qr/^bad record \d+: $any/, $range, 'one inserted, the others renumbered');
tampered('DELETE FROM jit.ledger WHERE seq > 5; DELETE FROM jit.checkpoints WHERE tree_size > 5; UPDATE jit.ledger_state SET tree_size = 5, signed_size = 0',
    qr/^bad (?:state|record|event)/, qr/FAILED: the ledger has 5 records, fewer than the kept checkpoint|FAILED/, 'a ledger that was cut and made to fit');
tampered("UPDATE jit.checkpoints SET note = replace(note, E'\\n$size\\n', E'\\n5\\n') WHERE tree_size = $size", qr/^bad checkpoint $size: its text is no signed note of this size/,
    qr/FAILED/, 'a changed checkpoint');
tampered("UPDATE jit.checkpoints SET note = overlay(note PLACING 'AAAA' FROM length(note) - 12) WHERE tree_size = $size", qr/^bad checkpoint $size: its signature is not/,
    qr/FAILED: the checkpoint of $size records is forged/, 'a forged signature');
tampered("DELETE FROM jit.checkpoints WHERE tree_size = $size", qr/^bad checkpoint $size: it was signed, and is missing/, qr/verified|not everything/, 'a missing checkpoint');
tampered("UPDATE jit.events SET actor = 'nobody' WHERE seq = $event", qr/^bad event $event: event \d+ was changed, or its record: they differ in actor/, qr/verified/, 'a changed event');
tampered("DELETE FROM jit.events WHERE seq = $event", qr/^bad event $event: its row in jit.events was removed/, qr/verified/, 'a removed event');
tampered("UPDATE jit.ledger_state SET frontier = overlay(frontier PLACING '\\x0000' FROM 1)", qr/^bad state \d+: .*is not what the keeper wrote/, qr/verified/, 'another frontier');

# ---- the file itself ----
my $file = $node->data_dir . '/' . sql(q{SELECT pg_relation_filepath('jit.ledger_01')});
sql('CHECKPOINT');
$node->stop;
open my $heap, '+<:raw', $file or die "$file: $!";
my $bytes = do { local $/; <$heap> };
my $at = index $bytes, '17 AS marked';
ok($at > 0, 'the record is found in the file');
seek $heap, $at, 0;
print {$heap} '18';
close $heap;
$node->start;
($verify, $says, $code) = verified('SELECT 1 WHERE false');
like($verify, qr/^bad record \d+: $any/, 'a changed byte in the data file: jit.verify()');
like($says, $range, 'and jit-verify');
$node->stop;
open $heap, '+<:raw', $file or die "$file: $!";
seek $heap, $at, 0;
print {$heap} '17';
close $heap;
$node->start;
($verify, $says, $code) = verified('SELECT 1 WHERE false');
like($verify, qr/^good sum/, 'put back, everything agrees: jit.verify()');
is($says, 'verified', 'and jit-verify');

# ---- retention: a full segment is exported and dropped, and the rest verifies ----
# The trigger would take it for a restore.
sql(q{BEGIN; ALTER TABLE jit.ledger_segments DISABLE TRIGGER restored; UPDATE jit.ledger_segments SET begun_at = begun_at - interval '40 days'; ALTER TABLE jit.ledger_segments ENABLE ALWAYS TRIGGER restored; COMMIT});
$node->stop;
$node->append_conf('postgresql.conf', 'jit_guard.enabled = on');
$node->start;
$alice = JitClient->new($node, 'alice');
$alice->query("SELECT $_ AS marked FROM pay.accounts LIMIT 1") for 1 .. 5;
sql(q{CALL jit.catch_up('60 s')});
is(sql('SELECT count(*) FROM jit.ledger_segments WHERE last_seq IS NOT NULL'), 1, 'a segment is full');
ok(signed_all(), 'and signed');
my $last = sql('SELECT max(last_seq) FROM jit.ledger_segments');
my $next = $last + 1;
($ret, $out, $err) = $node->psql('app', "SELECT jit.drop_evidence($next)");
like($err, qr/records 1 to $last would be gone for ever/, 'nobody shows that it was exported');
my $shown = sql('SELECT note FROM jit.checkpoints ORDER BY tree_size DESC LIMIT 1');
my $old = sql('SELECT note FROM jit.checkpoints ORDER BY tree_size LIMIT 1');
($ret, $out, $err) = $node->psql('app', "SELECT jit.drop_evidence($next, '$old\n')");
like($err, qr/It covers \d+ records, and $last would go/, 'a checkpoint that covers too little');
(my $forged = $shown) =~ s/^(jit_guard[^\n]*)\n\d+\n/$1\n1000000\n/;
($ret, $out, $err) = $node->psql('app', "SELECT jit.drop_evidence($next, '$forged\n')");
like($err, qr/not signed by this server's key/, 'a forged one');
($ret, $out, $err) = $node->psql('app', "SELECT jit.drop_evidence($last, '$shown\n')");
like($err, qr/no full segment of the ledger ends before record $last/, 'only whole segments');
# Once sealed it takes two people.
sql('CREATE ROLE ann LOGIN IN ROLE jit_admin; CREATE ROLE ben LOGIN IN ROLE jit_admin');
my ($ann, $ben) = map { JitClient->new($node, $_) } qw(ann ben);
$ann->value('SELECT jit.seal()');
my $drop = "SELECT jit.drop_evidence($next, '$shown\n')";
($ret, $out, $err) = $node->psql('app', $drop);
like($err, qr/is for members of jit_admin/, 'sealed: a superuser is none');
gate_error($ann->query($drop), '42501', qr/DELETE on records 1 to $last of jit\.ledger needs a just-in-time approval/, 'nor does one jit_admin alone drop what was exported');
is(sql('SELECT min(seq) FROM jit.ledger'), 1, 'nothing went');
my $id = $ann->value(q{SELECT jit.request('jit_guard', reason => 'retention')});
$ben->value("SELECT jit.approve($id)");
is($ann->value($drop), $last, 'with the last checkpoint, and after another said yes, it goes');
is(sql('SELECT min(seq) FROM jit.ledger'), $next, 'it is empty');
ok($node->poll_query_until('app', q{SELECT count(*) = 1 FROM jit.events WHERE event = 'evidence_dropped' AND seq IS NOT NULL}), 'that is in the ledger');
($kept) = write_file('kept2', "$shown\n");
($verify, $says, $code) = verified('SELECT 1 WHERE false');
like($verify, qr/^good sum/, 'the rest agrees: jit.verify()');
is($says, 'verified', 'and jit-verify');
($ret, $out, $err) = $node->psql('app', 'SELECT jit.export(1)');
like($err, qr/from_seq 1 is not in the ledger/, 'what was dropped cannot be exported');

# ---- another key: the ledger says so before anything is signed with it ----
sub incarnations { return sql(q{SELECT count(*) FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:incarnation}'}) }
$alice->query('SELECT 0 AS marked FROM pay.accounts LIMIT 1');
$ann->query(q{CALL jit.catch_up('60 s', true)}); # what named the key went with what was dropped: it is named again
my ($one_key, $key_file) = (incarnations(), $node->data_dir . '/jit_guard_key.pem');
$alice->query('SELECT 1 AS marked FROM pay.accounts LIMIT 1');
$ann->query(q{CALL jit.catch_up('60 s', true)});
is($one_key, 1, 'the key is named in what is left');
is(incarnations(), $one_key, 'the same key: no other incarnation');
rename $key_file, "$key_file.old" or die "$key_file: $!";
$alice->query('SELECT 2 AS marked FROM pay.accounts LIMIT 1');
$ann->query(q{CALL jit.catch_up('60 s', true)});
is(incarnations(), $one_key + 1, 'another key: another incarnation');
is(sql('SELECT bool_and(ok) FROM jit.verify()'), 't', 'jit.verify() takes what is signed with it');
my $first = $key;
$shown = sql('SELECT note FROM jit.checkpoints ORDER BY tree_size DESC LIMIT 1');
($kept) = write_file('kept3', "$shown\n");
($verify, $says, $code) = verified('SELECT 1 WHERE false');
like($says, qr/FAILED/, 'jit-verify does not, with the key that was got once') or diag($says);
is($code, 1, 'and fails');
my ($named) = sql(q{SELECT jit.decode(record) ->> 'public_key' FROM jit.ledger WHERE jit.record_keys(record) @> '{kind:incarnation}' ORDER BY seq DESC LIMIT 1});
$key = "$first' --key '$named";
($verify, $says, $code) = verified('SELECT 1 WHERE false');
is($says, 'verified', 'until it is given the other, too');
$node->stop;
done_testing();
