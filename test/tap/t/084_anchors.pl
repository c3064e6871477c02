# Each checkpoint of the ledger becomes a blob that nobody can change: once, whatever the weather, and only when the synchronous standby has
# it too. With these anchors jit-verify finds a history that was signed again with the stolen key. Also with azurite, a server of blobs of
# others, where JIT_NPM names a folder with it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;
use JitForger;
use JitReceiver;
use JitStorage;

my $program = 'jit-verify'; # beside the server's programs
my $work = PostgreSQL::Test::Utils::tempdir();
my $metadata = JitStorage->new("$work/metadata", role => 'metadata');
my $blobs = JitStorage->new("$work/storage", role => 'blobs');
my $node = new_cluster('anchors', <<"CONF");
jit_guard.courier_allow = '127.0.0.1, ::1'
jit_guard.courier_ca_file = '$work/ca.pem'
jit_guard.azure_identity = managed
jit_guard.azure_metadata_host = '@{[$metadata->address]}'
jit_guard.replication_roles = 'postgres'
max_wal_senders = 4
autovacuum = off
CONF
if (system("cd '$work' && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost >ca.log 2>&1") != 0) { $node->stop; plan(skip_all => 'openssl is not installed') }

sub status { my ($what, $name) = @_; $name //= 'worm'; return sql($node, "SELECT $what FROM jit.destinations WHERE name = '$name'") }
sub happens { my ($what) = @_; sql($node, qq{SELECT jit.create_policy('$what', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')}); return }
sub signed { sql($node, q{CALL jit.catch_up('60 s', sign => true)}); return }
sub anchored {
    my ($test, $name) = @_;
    signed();
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, q{SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = '} . ($name // 'worm') . q{'}, $test);
}
sub name_of { my ($size) = @_; return sprintf 'jit_guard/%s/%s/%020d.note', sql($node, 'SELECT system_identifier FROM pg_control_system()'), sql($node, q{SELECT oid FROM pg_database WHERE datname = 'app'}), $size }
sub note_of { my ($size) = @_; return sql($node, "SELECT note FROM jit.checkpoints WHERE tree_size = $size") }
sub checkpoints { return split /\n/, sql($node, 'SELECT tree_size FROM jit.checkpoints ORDER BY 1') }
sub differing { return grep { ($blobs->blob(name_of($_)) // '') ne note_of($_) } checkpoints() }
sub try_again { sql($node, q{SELECT jit.redeliver('worm')}); return }

# ---- each checkpoint, once ----
sql($node, qq{SELECT jit.create_destination('worm', 'azure_blob', '} . $blobs->container . q{', from_seq => 1)});
for (1 .. 3) { happens("first $_"); signed(); }
anchored('checkpoints are anchored');
cmp_ok(scalar(checkpoints()), '>=', 3, 'several');
is_deeply([differing()], [], 'each as it was signed, under its size');
is(status('acknowledged'), (checkpoints())[-1], 'what is anchored is known');
is(status('state'), 'delivered', 'nothing is behind');
my ($put) = $blobs->requests;
is(join(' ', map { $put->{headers}{$_} // '-' } qw(if-none-match x-ms-blob-type x-ms-version)), '* BlockBlob 2023-11-03', 'put where nothing is');
unlike(slurp_file($node->logfile), qr/eyJ|tok-1/, 'the log has no token');
unlike(sql($node, q{SELECT d::text FROM jit.destinations d}) . sql($node, 'SELECT string_agg(e.detail::text, chr(10)) FROM jit.events e'), qr/eyJ|tok-1/, 'nor has a table');

# ---- again: what is there is read and is the same ----
sql($node, q{SELECT jit.drop_destination('worm')});
$blobs->forget;
sql($node, qq{SELECT jit.create_destination('worm', 'azure_blob', '} . $blobs->container . q{', from_seq => 1)});
anchored('the same checkpoints once more');
my @again = $blobs->requests;
cmp_ok(scalar(grep { $_->{status} == 409 } @again), '>=', 3, 'are not written again');
is(scalar(grep { $_->{first} =~ /^GET/ } @again), scalar(grep { $_->{status} == 409 } @again), 'but read back');
is(status('dead_letters'), 0, 'which is no alarm');

# ---- bad weather ----
for (['403', 'HTTP status 403'], ['404', 'HTTP status 404'], ['503 1', 'HTTP status 503'], ['429 1', 'HTTP status 429'], ['400', 'HTTP status 400'],
    ['410', 'HTTP status 410'], ['lies', 'HTTP status 200'], ['reset', ''], ['cut', 'cut short'], ['endless', '']) {
    my ($weather, $says) = @$_;
    $blobs->weather($weather);
    happens("weather $weather");
    signed();
    wait_for($node, "SELECT failures > 0 AND state = 'failing' AND last_error LIKE '%$says%' FROM jit.destinations WHERE name = 'worm'", "$weather: fails, and says why");
    is(status('dead_letters'), 0, "$weather: nothing is put aside");
    $blobs->weather('ok');
    try_again();
    anchored("$weather: then it is anchored");
}
is_deeply([differing()], [], 'all of it');
$blobs->weather('GET 403');
sql($node, q{SELECT jit.drop_destination('worm')});
sql($node, qq{SELECT jit.create_destination('worm', 'azure_blob', '} . $blobs->container . q{', from_seq => 1)});
wait_for($node, q{SELECT failures > 0 AND last_error LIKE '%403%' FROM jit.destinations WHERE name = 'worm'}, 'a blob that must not be read proves nothing');
is(status('acknowledged'), 0, 'nothing counts as anchored');
$blobs->weather('ok');
try_again();
anchored('with the right to read, it is');
my $tokens = $metadata->requests;
$blobs->weather("refuses tok-$tokens");
happens('another token');
anchored('a token that is refused is replaced');
cmp_ok(scalar($metadata->requests), '>', $tokens, 'by another one');
$blobs->weather('ok');

# ---- another note is there: alarm (vector 226) ----
my $alarms = 0;
for (['another note', sub { $_[0] =~ s/\n(.)/"\n" . ($1 eq 'A' ? 'B' : 'A')/er }], ['more after the note', sub { "$_[0]x" }], ['nothing', sub { '' }], ['a large blob', sub { 'x' x 100_000 }]) {
    my ($what, $change) = @$_;
    sql($node, q{SELECT jit.alter_destination('worm', enabled => false)});
    happens("planted $what");
    signed();
    my $size = (checkpoints())[-1];
    my $planted = $change->(note_of($size));
    $blobs->plant(name_of($size), $planted);
    my $log = -s $node->logfile;
    sql($node, q{SELECT jit.alter_destination('worm', enabled => true)});
    $alarms++;
    wait_for($node, "SELECT state = 'contradicted' AND dead_letters = $alarms FROM jit.destinations WHERE name = 'worm'", "$what: alarm");
    is($blobs->blob(name_of($size)), $planted, "$what: it is left as it is");
    like(slurp_file($node->logfile, $log), qr/WARNING:  the container of destination "worm" has another checkpoint of $size records/, "$what: in the log");
    wait_for($node, "SELECT count(*) = 1 FROM jit.events WHERE event = 'anchor_contradicted' AND (detail ->> 'tree_size')::bigint = $size AND seq IS NOT NULL", "$what: in the ledger");
    signed();
    wait_for($node, q{SELECT acknowledged = (SELECT max(tree_size) FROM jit.checkpoints) FROM jit.destinations WHERE name = 'worm'}, "$what: what comes later is anchored");
}
is(sql($node, q{SELECT value FROM jit.status WHERE fact = 'anchors contradicted'}), $alarms, 'jit.status counts them');
is(sql($node, q{SELECT severity || ' ' || (evidence ->> 'count') FROM jit.findings() WHERE kind = 'anchor_contradicted'}), "high $alarms", 'jit.findings() has them');
is(sql($node, q{SELECT count(*) FROM jit.findings() WHERE kind = 'anchor_late'}), 0, 'nothing is late');
# Sent again, it is another one still.
try_again();
wait_for($node, "SELECT count(*) = $alarms AND bool_and(NOT retry) FROM jit.dead_letters", 'asked again, the alarm stays');
is(status('state'), 'contradicted', 'and shows');
sql($node, q{SELECT jit.drop_destination('worm')});

# ---- only what the synchronous standby has (vector 227) ----
my $other = JitStorage->new("$work/other", role => 'blobs');
my $hook = JitReceiver->new("$work/hook", brief => 1);
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;
$node->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$node->reload;
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'}, 'a synchronous standby');
sql($node, qq{SELECT jit.create_destination('worm', 'azure_blob', '} . $other->container . q{')});
sql($node, qq{SELECT jit.create_destination('hook', 'webhook', '} . $hook->url . q{', format => 'cloudevents-batch')});
anchored('with the standby, checkpoints are anchored');
sql($node, q{SELECT jit.alter_destination('worm', enabled => false)});
wait_for($node, q{SELECT lag = 0 FROM jit.destinations WHERE name = 'hook'}, 'all is sent');
$standby->stop;
my $keeper = worker_pid($node, 'keeper', 'app');
kill 'STOP', $keeper; # until all is there that one pass shall do
my $asker = session($node, 'postgres');
$asker->send_only(q{SET synchronous_commit = local; SELECT jit.create_policy('alone', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}'); SELECT jit.alter_destination('worm', enabled => true); CALL jit.catch_up('200 s', sign => true);});
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%catch_up%' AND state = 'active' AND pid <> pg_backend_pid() AND wait_event = 'Extension'}, 'somebody waits for a checkpoint');
kill 'CONT', $keeper;
wait_for($node, q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper' AND datname = 'app' AND wait_event = 'SyncRep'}, 'the checkpoint is committed, and not on the standby');
my $before = (checkpoints())[-1];
$node->stop('immediate');
$hook->forget;
$node->start;
cmp_ok((checkpoints())[-1], '>', $before, 'after a crash everybody sees it');
for (1 .. 600) { last if $hook->requests; sleep 0.1; }
ok(scalar($hook->requests), 'the courier works');
for (1 .. 20) { last if defined $other->blob(name_of((checkpoints())[-1])); sleep 0.1; }
ok(!defined $other->blob(name_of((checkpoints())[-1])), 'and does not anchor what a failover would lose');
my $waits = (checkpoints())[-1];
$standby->start;
for (1 .. 600) { last if defined $other->blob(name_of($waits)); sleep 0.1; }
is($other->blob(name_of($waits)), note_of($waits), 'with the standby back, it does');
$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->reload;
$standby->stop;
sql($node, "SELECT jit.drop_destination('$_')") for qw(hook worm);

# ---- jit-verify finds what was signed again with the stolen key ----
sql($node, qq{SELECT jit.create_destination('worm', 'azure_blob', '} . JitStorage->new("$work/clean", role => 'blobs')->container . q{', from_seq => 1)});
happens("to be found $_"), signed() for 1 .. 3;
anchored('anchors');
my $folder = "$work/clean/blobs/account/anchors";
sql($node, q{SELECT jit.alter_destination('worm', enabled => false)});
happens('after the last anchor');
signed();
my ($vkey) = sql($node, 'SELECT jit.export(1, 0)') =~ /"public_key":"([^"]+)"/;
my $stolen = $node->data_dir . '/jit_guard_key.pem';
$node->stop;
$node->append_conf('postgresql.conf', "jit_guard.enabled = off\nlog_min_messages = fatal");
$node->start;
signed();

# The exit codes and last lines of jit-verify without and with the anchors, of what a change makes of the ledger.
sub judged {
    my ($change) = @_;
    my $attacker = session($node, 'postgres');
    my $run = sub { my ($out, $err) = $attacker->run($_[0]); die "$_[0]: $err\n" if ($err // '') =~ /ERROR/; chomp $out; return $out };
    $run->('BEGIN; LOCK jit.ledger_state');
    $run->($change) if $change;
    sign_again($run, $stolen, $vkey, $work) if $change;
    my $export = $run->('SELECT jit.export()');
    $run->('ROLLBACK');
    $attacker->close;
    open my $out, '>', "$work/export" or die $!;
    print {$out} join '', map { "$_\n" } grep { /^\{/ } split /\n/, $export;
    close $out;
    return map { my $said = `'$program' --key '$vkey' $_ '$work/export' 2>&1`; ($? >> 8, (split /\n/, $said)[-1]) } '', "--anchors '$folder'";
}
sub caught {
    my ($change, $like, $test) = @_;
    my ($code, $said, $code_anchored, $said_anchored) = judged($change);
    is("$code $said", '0 verified', "$test: signed again, it verifies");
    is($code_anchored, 1, "$test: not with the anchors");
    like($said_anchored, $like, "$test: which say where");
    return;
}
my @honest = judged('');
is_deeply(\@honest, [0, 'verified', 0, 'verified'], 'an honest ledger verifies, also with its anchors') or diag(explain(\@honest));
my $victim = sql($node, q{SELECT seq FROM jit.ledger WHERE position('to be found 2'::bytea IN record) > 0 ORDER BY seq LIMIT 1});
my $differs = qr/^FAILED: records? \d+( to \d+)?: (one of them|it) is not what was anchored: the anchor of \d+ records \(.*\.note\) is of another history/;
caught("UPDATE jit.ledger SET record = overlay(record PLACING 'or be lost 2'::bytea FROM position('to be found 2'::bytea IN record)) WHERE seq = $victim",
    $differs, 'a changed record');
caught("DELETE FROM jit.ledger WHERE seq = $victim; UPDATE jit.ledger SET seq = -seq WHERE seq > $victim; UPDATE jit.ledger SET seq = -seq - 1 WHERE seq < 0",
    $differs, 'a removed record');
caught("DELETE FROM jit.ledger WHERE seq >= $victim", qr/^FAILED: the anchor of \d+ records \(.*\) is newer than the ledger, which has \d+ records: it was truncated/,
    'a ledger that was cut off');
caught('DELETE FROM jit.checkpoints WHERE tree_size = (SELECT min(tree_size) FROM jit.checkpoints)', qr/^FAILED: the checkpoint of \d+ records is missing in the export/,
    'a removed checkpoint');

# The data file itself.
my $file = $node->data_dir . '/' . sql($node, q{SELECT pg_relation_filepath('jit.ledger_01')});
sub patch {
    my ($from, $to) = @_;
    sql($node, 'CHECKPOINT');
    $node->stop;
    open my $heap, '+<:raw', $file or die "$file: $!";
    my $bytes = do { local $/; <$heap> };
    while ($bytes =~ /\Q$from\E/g) { seek $heap, $-[0], 0; print {$heap} $to; }
    close $heap;
    $node->start;
    signed();
    return;
}
patch('to be found 3', 'to be faked 3');
caught('SELECT 1', $differs, 'a changed byte in the data file');
patch('to be faked 3', 'to be found 3');
is_deeply([judged('')], \@honest, 'put back, it verifies');

# An anchor that somebody changed, where the storage is no WORM.
my ($last) = reverse sort glob "$folder/jit_guard/*/*/*.note";
my $kept = slurp_file($last);
open my $forged, '>', $last or die $!;
print {$forged} $kept =~ s/\n(\d+)\n/"\n" . ($1 + 1) . "\n"/er;
close $forged;
like((judged(''))[3], qr/^FAILED: the anchor of \d+ records \(.*\) belongs under the name/, 'a changed anchor is none');
unlink $last;
is((judged(''))[2], 0, 'a removed last anchor cannot be seen');
$node->stop;
$node->append_conf('postgresql.conf', 'jit_guard.enabled = on');
$node->start;
sql($node, q{SELECT jit.drop_destination('worm')});

# ---- a copy of the database is another ledger from here on: the notes of the one before stay under its name ----
sub first_lines_differ {
    my ($folder) = @_;
    return grep { my ($name) = /(jit_guard\/.*)\/\d+\.note$/; slurp_file($_) !~ /^\Q$name\E\n/ } glob "$folder/jit_guard/*/*/*.note";
}
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE app');
$node->safe_psql('copy', 'SELECT * FROM jit.rebind()');
my $moved = JitStorage->new("$work/moved", role => 'blobs');
my $lost = (checkpoints())[1];
sql($node, qq{SELECT jit.create_destination('moved', 'azure_blob', '} . $moved->container . q{', from_seq => 1)}, 'copy');
sql($node, q{CALL jit.catch_up('60 s', sign => true)}, 'copy');
wait_for($node, q{SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = 'moved'}, 'the copy anchors all checkpoints', 'copy');
$folder = "$work/moved/blobs/account/anchors";
is_deeply([first_lines_differ($folder)], [], 'each under the origin that it names');
is(scalar(grep { ($moved->blob(name_of($_)) // '') ne note_of($_) } checkpoints()), 0, 'those from before as before');
cmp_ok(scalar(() = glob "$folder/jit_guard/*/*"), '==', 2, 'two ledgers');
my $all = sql($node, 'SELECT jit.export()', 'copy');
open my $copied, '>', "$work/export" or die $!;
print {$copied} join '', map { "$_\n" } grep { /^\{/ } split /\n/, $all;
close $copied;
my ($copys_key) = $all =~ /"public_key":"([^"]+)"/;
my $said = `'$program' --key '$copys_key' --anchors '$folder' '$work/export' 2>&1`;
is($? >> 8, 0, 'jit-verify takes them') or diag($said);
sql($node, q{SELECT jit.drop_destination('moved')}, 'copy');
$moved = JitStorage->new("$work/spoilt", role => 'blobs');
$moved->plant(name_of($lost), 'another');
sql($node, qq{SELECT jit.create_destination('moved', 'azure_blob', '} . $moved->container . q{', from_seq => 1)}, 'copy');
wait_for($node, q{SELECT state = 'contradicted' FROM jit.destinations WHERE name = 'moved'}, 'another note under the name of one of them is an alarm', 'copy');
like(sql($node, q{SELECT detail ->> 'blob' FROM jit.events WHERE event = 'anchor_contradicted' ORDER BY event_id DESC LIMIT 1}, 'copy'), qr{/anchors/\Q@{[name_of($lost)]}\E$}, 'which names it');
$node->safe_psql('postgres', 'DROP DATABASE copy');

# ---- a server of others ----
SKIP: {
    my $npm = $ENV{JIT_NPM} // '';
    my $azurite = "$npm/node_modules/azurite/dist/src/blob/main.js";
    skip 'JIT_NPM names no folder with the npm package azurite', 1 unless -f $azurite;
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>', "$work/azurite.log";
        open STDERR, '>&', \*STDOUT;
        exec 'node', $azurite, '--blobHost', '127.0.0.1', '--blobPort', $port, '--location', "$work/azurite", '--oauth', 'basic', '--cert', "$work/ca.pem", '--key', "$work/ca.key",
            '--skipApiVersionCheck', '--disableTelemetry' or exit 1;
    }
    my $base = "https://localhost:$port/devstoreaccount1/anchors";
    my $call = sub { my ($arguments) = @_; return `curl -sS --cacert '$work/ca.pem' -H 'x-ms-version: 2023-11-03' -H 'Authorization: Bearer @{[JitStorage::token(1)]}' $arguments 2>&1` };
    for (1 .. 300) { last if $call->("-o /dev/null -w '%{http_code}' -X PUT '$base?restype=container'") =~ /20[01]|409/; sleep 0.2; }
    sql($node, qq{SELECT jit.create_destination('azurite', 'azure_blob', '$base', from_seq => 1)});
    anchored('azurite takes the anchors', 'azurite');
    my $size = (checkpoints())[-1];
    is($call->("'$base/" . name_of($size) . q{'}), note_of($size), 'and has them as they are');
    sql($node, q{SELECT jit.drop_destination('azurite')});
    sql($node, qq{SELECT jit.create_destination('azurite', 'azure_blob', '$base', from_seq => 1)});
    anchored('once more', 'azurite');
    is(status('dead_letters', 'azurite'), 0, 'they are read back, and the same');
    sql($node, q{SELECT jit.alter_destination('azurite', enabled => false)});
    happens('planted in azurite');
    signed();
    $size = (checkpoints())[-1];
    $call->("-X PUT -H 'x-ms-blob-type: BlockBlob' --data-binary 'not the note' '$base/" . name_of($size) . q{'});
    sql($node, q{SELECT jit.alter_destination('azurite', enabled => true)});
    wait_for($node, q{SELECT state = 'contradicted' FROM jit.destinations WHERE name = 'azurite'}, 'another one is an alarm');
    kill 'TERM', $pid;
    waitpid $pid, 0;
}
$node->stop;
done_testing();
