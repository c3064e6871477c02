# What people and SIEMs get: Slack, Teams, LISTEN, syslog over TLS with CEF and OCSF; certificates are verified. The programs of others
# read it, where they are installed: rsyslog, and the npm packages that JIT_NPM (a folder with node_modules) holds.
use strict;
use warnings;
use FindBin ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitCluster;
use JitReceiver;

my $work = PostgreSQL::Test::Utils::tempdir();
system("openssl version >'$work/version' 2>&1") == 0 or plan(skip_all => 'openssl is not installed');
eval { require IO::Socket::SSL; 1 } or plan(skip_all => 'the Perl module IO::Socket::SSL is not installed (Debian: libio-socket-ssl-perl)');

sub openssl { my ($command) = @_; system("cd '$work' && openssl $command >>openssl.log 2>&1") == 0 or die "openssl $command failed, see $work/openssl.log\n"; return }
# An authority, a certificate for localhost, one that has expired, and one of another authority.
openssl(qq{req -x509 -newkey rsa:2048 -nodes -keyout $_.key -out $_.pem -days 2 -subj /CN=$_}) for qw(ca other);
for (['good', 'ca', 2], ['expired', 'ca', -1], ['strange', 'other', 2]) {
    my ($name, $ca, $days) = @$_;
    openssl(qq{req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=localhost});
    open my $out, '>', "$work/$name.ext" or die $!;
    print $out "subjectAltName=DNS:localhost\n";
    close $out;
    openssl(qq{x509 -req -in $name.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -out $name.pem -days $days -extfile $name.ext});
}
chmod 0600, glob "$work/*.key";

my $node = new_cluster('formats', "jit_guard.courier_allow = '127.0.0.1, ::1'\njit_guard.courier_ca_file = '$work/ca.pem'");
my $secrets = $node->data_dir . '/jit_guard_secrets';
mkdir $secrets, 0700;
sub write_secret { my ($name, $text) = @_; open my $out, '>', "$secrets/$name" or die "$name: $!\n"; print $out $text; close $out; chmod 0600, "$secrets/$name"; return }
sub happens { my ($what) = @_; sql($node, qq{SELECT jit.create_policy('$what', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}')}); return }
sub delivered {
    my ($name, $test) = @_;
    sql($node, q{CALL jit.catch_up('20 s')});
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, "SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = '$name'", $test);
}
sub body { return JSON::PP::decode_json($_[0]{body}) }

# ---- certificates ----
for (['good', undef], ['expired', qr/expired/], ['strange', qr/self.signed|unable to get|verif/i]) {
    my ($name, $like) = @$_;
    my $receiver = JitReceiver->new("$work/tls_$name", tls => ["$work/$name.pem", "$work/$name.key"]);
    sql($node, qq{SELECT jit.create_destination('$name', 'webhook', '} . $receiver->url('localhost') . q{')});
    if (!defined $like) { delivered($name, 'a certificate of the authority is accepted'); cmp_ok(scalar($receiver->requests), '>', 0, 'and used'); }
    else {
        wait_for($node, "SELECT failures > 0 FROM jit.destinations WHERE name = '$name'", "$name: not connected to");
        like(sql($node, "SELECT last_error FROM jit.destinations WHERE name = '$name'"), $like, "$name: says why");
        is(scalar($receiver->requests), 0, "$name: nothing was sent");
    }
    sql($node, "SELECT jit.drop_destination('$name')");
    $receiver->stop;
}
# The authority is replaced in its file: who had a certificate of the old one is nobody now.
{
    my %receiver = map { ($_ => JitReceiver->new("$work/rotated_$_", tls => ["$work/$_.pem", "$work/$_.key"])) } qw(good strange);
    my $before = JitReceiver->new("$work/rotated_before", tls => ["$work/good.pem", "$work/good.key"]);
    sql($node, q{SELECT jit.create_destination('rotated_before', 'webhook', '} . $before->url('localhost') . q{')});
    delivered('rotated_before', 'before: a certificate of the old authority is accepted');
    my $old = slurp_file("$work/ca.pem");
    my $authority = sub { my ($pem) = @_; open my $out, '>', "$work/ca.pem" or die $!; print $out $pem; close $out; return };
    $authority->(slurp_file("$work/other.pem"));
    sql($node, qq{SELECT jit.create_destination('rotated_$_', 'webhook', '} . $receiver{$_}->url('localhost') . q{')}) for qw(good strange);
    delivered('rotated_strange', 'a certificate of the new authority is accepted');
    wait_for($node, q{SELECT failures > 0 FROM jit.destinations WHERE name = 'rotated_good'}, 'one of the old authority is not');
    is(scalar($receiver{good}->requests), 0, 'and nothing was sent there');
    $authority->($old);
    sql($node, qq{SELECT jit.drop_destination('rotated_$_')}) for qw(before good strange);
    $_->stop for $before, values %receiver;
}
# What the system trusts is not trusted beside the file. (The folder of the system is another one for this server.)
SKIP: {
    my $apart = 'unshare -U --map-current-user --keep-caps -m';
    my $mount = "mount --bind '$work/system' /etc/ssl/certs";
    mkdir "$work/system";
    my $pem = slurp_file("$work/other.pem");
    append_to_file("$work/system/$_", $pem) for qw(other.pem ca-certificates.crt);
    openssl('rehash system');
    system("$apart $mount >/dev/null 2>&1") == 0 or skip 'this system lets nobody mount a folder of his own (unshare)', 4;
    my $receiver = JitReceiver->new("$work/pinned", tls => ["$work/strange.pem", "$work/strange.key"]);
    $node->stop;
    my ($data, $log) = ($node->data_dir, $node->logfile);
    system(split(/ /, $apart), 'sh', '-c', "$mount && exec pg_ctl -w -D '$data' -l '$log' start >/dev/null") == 0 or die "the server does not start\n";
    $node->_update_pid(1);
    sql($node, q{SELECT jit.create_destination('pinned', 'webhook', '} . $receiver->url('localhost') . q{')});
    wait_for($node, q{SELECT failures > 0 FROM jit.destinations WHERE name = 'pinned'}, 'an authority that only the system trusts is not accepted');
    is(scalar($receiver->requests), 0, 'and nothing was sent');
    $node->adjust_conf('postgresql.conf', 'jit_guard.courier_ca_file', "''");
    $node->reload;
    sql($node, q{SELECT jit.redeliver('pinned')});
    delivered('pinned', 'without a file it is');
    $node->adjust_conf('postgresql.conf', 'jit_guard.courier_ca_file', "'$work/ca.pem'");
    $node->restart;
    sql($node, q{SELECT jit.drop_destination('pinned')});
    $receiver->stop;
}
my $named = JitReceiver->new("$work/named", tls => ["$work/good.pem", "$work/good.key"]);
sql($node, qq{SELECT jit.create_destination('named', 'webhook', '} . $named->url('127.0.0.1') . q{')});
wait_for($node, q{SELECT last_error ~* 'alternative|subject|match|IP' FROM jit.destinations WHERE name = 'named'}, 'a certificate for another name is not accepted');
sql($node, q{SELECT jit.drop_destination('named')});

# ---- people: only when somebody has to act, with all that the decision needs ----
my $slack = JitReceiver->new("$work/slack");
my $teams = JitReceiver->new("$work/teams");
write_secret('slack', $slack->url . "\n");
write_secret('teams', $teams->url . "\n");
sql($node, "SELECT jit.create_destination('$_', '$_', url_file => '$_')") for qw(slack teams);
my $listener = session($node, 'dave');
$listener->run('LISTEN jit_guard');
my $reason = 'fix <!channel> & [click](http://evil.example) *now* "quoted"';
my ($code, $id) = as_person($node, 'alice', qq{SELECT jit.request('dba-window', '10 min', reason => '$reason', ticket => 'T-1')});
is($code, 0, 'a request');
happens('nobody has to act');
delivered($_, "$_: delivered") for qw(slack teams);
my @slack = $slack->requests;
is(scalar(@slack), 1, 'Slack gets the request, and nothing else');
my $message = body($slack[0]);
my $shown = JSON::PP->new->canonical->encode($message);
for ('alice', 'T-1', '00:10:00', 'dba-window', 'carol', "SELECT jit.approve($id);", "SELECT jit.deny($id, ", 'asks under this policy for the first time') {
    ok(index($shown, $_) >= 0, "Slack: the message holds $_");
}
ok(index($shown, '&lt;!channel&gt; &amp; [click]') >= 0, 'Slack: nobody is mentioned by what people write');
is(scalar(grep { ($_->{text}{type} // 'plain_text') ne 'plain_text' } @{$message->{blocks}}), 0, 'Slack: no markup');
cmp_ok(scalar(@{$message->{blocks}}), '<=', 50, 'Slack: at most 50 blocks');
my @teams = $teams->requests;
is(scalar(@teams), 1, 'Teams gets the request, and nothing else');
cmp_ok(length $teams[0]{body}, '<', 20_000, 'Teams: short enough');
my $card = body($teams[0])->{attachments}[0];
is($card->{contentType}, 'application/vnd.microsoft.card.adaptive', 'Teams: an Adaptive Card');
my %fact = map { $_->{title} => $_->{value} } @{$card->{content}{body}[1]{facts}};
is($fact{Who}, 'alice', 'Teams: who');
is($fact{Why}, 'fix \<\!channel\> & \[click\](http://evil.example) \*now\* "quoted"', 'Teams: why, and no link of theirs');
is($card->{content}{body}[2]{text}, "SELECT jit.approve($id);", 'Teams: the call');

# ---- LISTEN: a number, when it is committed ----
my ($heard) = $listener->run('SELECT 1');
like($heard, qr/"jit_guard" with payload "\{"event": "requested", "request_id": $id\}"/, 'a listener hears that a request waits');
unlike($heard, qr/alice|channel|dba-window/, 'and nothing that is not his');
my $asker = session($node, 'bob');
$asker->run('BEGIN');
$asker->run(q{SELECT jit.request('dba-window', '10 min', reason => 'undone')});
($heard) = $listener->run('SELECT 1');
unlike($heard, qr/payload/, 'not before the commit');
$asker->run('ROLLBACK');
($heard) = $listener->run('SELECT 1');
unlike($heard, qr/payload/, 'nor after a rollback');

# ---- decided meanwhile: nobody is asked any more ----
$_->weather('503'), $_->forget for $slack, $teams;
my ($c2, $second) = as_person($node, 'bob', q{SELECT jit.request('dba-window', '10 min', reason => 'in a hurry')});
as_person($node, 'carol', "SELECT jit.approve($id)");
as_person($node, 'bob', "SELECT jit.cancel($second)");
sql($node, q{CALL jit.catch_up('20 s')});
sql($node, q{SELECT jit.alter_destination('slack', enabled => false)});
sql($node, q{SELECT jit.alter_destination('slack', enabled => true)});
$slack->weather('ok');
delivered('slack', 'Slack is back');
is(scalar(grep { $_->{status} == 200 } $slack->requests), 0, 'and is not asked about what is decided');
$slack->forget;
sql($node, q{SELECT jit.alter_policy('dba-window', break_glass => '{alice}')});
as_person($node, 'alice', q{SELECT jit.release(1)});
my ($c3, $glass, $glass_error) = as_person($node, 'alice', q{SELECT jit.break_glass('dba-window', 'all is on fire')});
is($c3, 0, 'broken glass') or diag($glass_error);
delivered('slack', 'broken glass is told');
like(join('', map { $_->{body} } $slack->requests), qr/all is on fire.*SELECT jit\.revoke\($glass, /, 'with the call that ends it');
sql($node, "SELECT jit.drop_destination('$_')") for qw(slack teams);

# ---- a large text is cut for Teams ----
my $large = JitReceiver->new("$work/large");
write_secret('large', $large->url);
sql($node, q{SELECT jit.create_destination('large', 'teams', url_file => 'large')});
as_person($node, 'dave', q{SELECT jit.request('dba-window', '10 min', reason => repeat(U&'\00e9\4e2d[', 1300))});
delivered('large', 'a long reason');
cmp_ok(length(($large->requests)[0]{body}), '<=', 20_000, 'is cut until the card is short enough');
sql($node, q{SELECT jit.drop_destination('large')});

# ---- syslog over TLS ----
my $stream = JitReceiver->new("$work/stream", stream => 1, tls => ["$work/good.pem", "$work/good.key"]);
my $here = sql($node, 'SELECT tree_size FROM jit.ledger_state');
for my $format (qw(json cef ocsf)) {
    $stream->forget;
    sql($node, qq{SELECT jit.create_destination('$format', 'syslog', '} . $stream->url('localhost') . qq{', format => '$format', from_seq => 1)});
    delivered($format, "syslog: $format");
    my $records = sql($node, "SELECT acknowledged FROM jit.destinations WHERE name = '$format'");
    my @frames;
    for (1 .. 100) { @frames = $stream->requests; last if @frames >= $records; sleep 0.1; }
    my @seq = map { $_->{body} =~ /^<1\d\d>1 \S+ \S+ jit_guard \d+ \S+ \[jit_guard\@32473 seq="(\d+)" id="msg_[0-9a-f]{32}"\] ./ ? $1 : "?" } @frames;
    is_deeply(\@seq, [1 .. $records], "$format: every record once, in order, in its frame");
    my ($msg) = map { $_->{body} =~ /\] (.*)\z/s } grep { $_->{body} =~ / policy_created / } @frames;
    like($msg, qr/^CEF:0\|jit_guard\|jit_guard\|[\d.]+\|policy_created\|Policy created\|6\|externalId=\d+ /, 'CEF begins the message') if $format eq 'cef';
    if ($format ne 'cef') {
        my $json = JSON::PP::decode_json($msg);
        is($json->{event}, 'policy_created', 'JSON: the record') if $format eq 'json';
        is("$json->{metadata}{version} $json->{class_uid} $json->{type_uid}", '1.8.0 3004 300401', 'OCSF: its class') if $format eq 'ocsf';
    }
    sql($node, "SELECT jit.drop_destination('$format')");
}

# ---- the real rsyslog ----
SKIP: {
    my ($rsyslogd) = grep { -x } '/usr/sbin/rsyslogd', '/usr/local/sbin/rsyslogd';
    skip 'rsyslog is not installed (Debian: rsyslog, rsyslog-openssl)', 3 unless $rsyslogd && glob('/usr/lib/*/rsyslog/lmnsd_ossl.so /usr/lib/rsyslog/lmnsd_ossl.so');
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    open my $conf, '>', "$work/rsyslog.conf" or die $!;
    print $conf <<"CONF";
global(workDirectory="$work" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="$work/ca.pem"
       defaultNetstreamDriverCertFile="$work/good.pem" defaultNetstreamDriverKeyFile="$work/good.key")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="$port" address="127.0.0.1")
template(name="plain" type="string" string="%pri%|%app-name%|%msgid%|%structured-data%|%msg%\\n")
*.* action(type="omfile" file="$work/rsyslog.out" template="plain")
CONF
    close $conf;
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) { open STDOUT, '>', "$work/rsyslog.log"; open STDERR, '>&', \*STDOUT; exec $rsyslogd, '-n', '-i', "$work/rsyslog.pid", '-f', "$work/rsyslog.conf" or exit 1; }
    sql($node, qq{SELECT jit.create_destination('rsyslog', 'syslog', 'tls://localhost:$port', format => 'cef', from_seq => 1)});
    delivered('rsyslog', 'rsyslog takes all');
    my $records = sql($node, q{SELECT acknowledged FROM jit.destinations WHERE name = 'rsyslog'});
    my @lines;
    for (1 .. 100) { @lines = -e "$work/rsyslog.out" ? grep { /\|jit_guard\|/ } split /\n/, slurp_file("$work/rsyslog.out") : (); last if @lines >= $records; sleep 0.1; }
    is(scalar(@lines), $records, 'each record is a message to rsyslog');
    is(scalar(grep { !/^1\d\d\|jit_guard\|\w+\|\[jit_guard\@32473 seq="\d+" id="\w+"\]\|\s?CEF:0\|/ } @lines), 0, 'with its parts');
    sql($node, q{SELECT jit.drop_destination('rsyslog')});
    sleep 0.5;
    kill 'TERM', $pid;
    waitpid $pid, 0;
    unlike(slurp_file("$work/rsyslog.out"), qr/without close_notify|unexpected|netstream session.*closed/i, 'and the connection ends as it should');
}

# ---- the packages of others ----
SKIP: {
    my $npm = $ENV{JIT_NPM} // '';
    skip 'JIT_NPM names no folder with the npm packages standardwebhooks, cloudevents and adaptivecards', 1 unless -d "$npm/node_modules/standardwebhooks" && -d "$npm/node_modules/cloudevents" && -d "$npm/node_modules/adaptivecards";
    my $signed = JitReceiver->new("$work/signed");
    my $secret = 'whsec_' . encode_base64('s' x 32, '');
    write_secret('signed', $secret);
    sql($node, qq{SELECT jit.create_destination('signed', 'webhook', '} . $signed->url . q{', secret_file => 'signed', from_seq => 1)});
    delivered('signed', 'signed events');
    open my $out, '>', "$work/npm.json" or die $!;
    print $out JSON::PP::encode_json({secret => $secret, requests => [$signed->requests], cards => [map { $_->{body} } @teams, $large->requests]});
    close $out;
    my $said = `cd '$npm' && NODE_PATH='$npm/node_modules' node '$FindBin::RealBin/../verify_messages.js' '$work/npm.json' 2>&1`;
    like($said, qr/^verified (\d+) events and (\d+) cards$/m, 'standardwebhooks, cloudevents and adaptivecards accept all of it') or diag($said);
}
$node->stop;
done_testing();
