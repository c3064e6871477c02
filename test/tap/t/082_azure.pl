# The courier and Azure: tokens of a managed identity and of an application, rows for the Logs Ingestion API, and what it does when either
# says no. The clients of others talk to the same stand-ins (JIT_NPM, a folder with node_modules), and a token endpoint of others to us.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256);
use FindBin ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use JitAzure;
use JitCluster;

my $work = PostgreSQL::Test::Utils::tempdir();
my $metadata = JitAzure->new("$work/metadata", role => 'metadata');
my $tenant = JitAzure->new("$work/tenant", role => 'tenant');
my $ingestion = JitAzure->new("$work/ingestion", role => 'ingestion');
my $node = new_cluster('azure', "jit_guard.courier_allow = '127.0.0.1'\njit_guard.azure_identity = 'managed'\njit_guard.azure_metadata_host = '"
    . $metadata->address . "'\njit_guard.azure_authority_host = 'http://" . $tenant->address . "'\nlog_statement = all\nlog_min_messages = debug2");
my $secrets = $node->data_dir . '/jit_guard_secrets';
mkdir $secrets, 0700;

sub write_secret { my ($name, $text) = @_; open my $out, '>', "$secrets/$name" or die "$name: $!\n"; print $out $text; close $out; chmod 0600, "$secrets/$name"; return }
sub happens { sql($node, join "\n", map { "SELECT jit.create_policy('$_', elevates_to => 'dba', eligible => '{staff}', approvers => '{leads}');" } @_); return }
sub redeliver { sql($node, q{SELECT jit.redeliver('azure')}); return }
sub settings { my ($lines) = @_; $node->append_conf('postgresql.conf', $lines); $node->reload; return }
sub delivered {
    my ($test) = @_;
    sql($node, q{CALL jit.catch_up('20 s')});
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, q{SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = 'azure'}, $test);
}
sub fails {
    my ($like, $test) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for($node, "SELECT failures > 0 AND last_error LIKE '%$like%' FROM jit.destinations WHERE name = 'azure'", $test);
}
sub policies { return map { $_->{Policy} } grep { $_->{EventType} eq 'policy_created' } @_ }
# The server leaves out the zeros at the end of a second.
sub canonical { return JSON::PP->new->canonical->encode($_[0]) =~ s/\.(\d*?)0+(?=\+00:00")/length $1 ? ".$1" : ''/ger }
sub bearer { my ($request) = @_; return ($request->{headers}{authorization} // '') =~ s/^Bearer //r }

# ---- rows, with the token of the machine ----
sql($node, qq{SELECT jit.create_destination('azure', 'azure_monitor', '} . $ingestion->stream_url . q{', from_seq => 1)});
happens(map { "first $_" } 1 .. 5);
delivered('rows are delivered');
my @rows = $ingestion->rows;
is_deeply([map { $_->{Seq} } @rows], [1 .. sql($node, q{SELECT acknowledged FROM jit.destinations WHERE name = 'azure'})], 'each record once, in order');
my ($row) = grep { ($_->{Policy} // '') eq 'first 3' } @rows;
is($row->{LeafHash}, sql($node, "SELECT encode(sha256('\\x00'::bytea || record), 'hex') FROM jit.ledger WHERE seq = $row->{Seq}"), 'with its hash');
is(canonical($row->{Details}), canonical(JSON::PP::decode_json(sql($node, "SELECT jit.decode(record)::text FROM jit.ledger WHERE seq = $row->{Seq}"))), 'with the record as the ledger has it');
is($row->{EventTime}, $row->{TimeGenerated}, 'with its time twice: Azure replaces the one of what is late');
is("$row->{Kind} $row->{EventType} $row->{Outcome} $row->{Database}", 'event policy_created success app', 'and what it means');
like($row->{EventId}, qr/^msg_[0-9a-f]{32}$/, 'and a number of its own');
my ($request) = $ingestion->requests;
is("$request->{headers}{'content-type'} $request->{headers}{'content-encoding'}", 'application/json gzip', 'packed');
like($request->{headers}{'x-ms-client-request-id'}, qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'with a number of the request');
my @asked = $metadata->requests;
is(scalar(@asked), 1, 'one token is asked for, and used for all');
is($asked[0]{first}, 'GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmonitor.azure.com HTTP/1.1', 'of the metadata service');
is($asked[0]{headers}{metadata}, 'true', 'with its header');
is(scalar(grep { bearer($_) ne 'metadata.tok-1' } $ingestion->requests), 0, 'it is that one');

# ---- what is sent again is the same ----
$ingestion->forget;
$ingestion->weather('500');
happens(map { "again $_" } 1 .. 3);
fails('HTTP status 500', 'an error of Azure');
redeliver();
wait_for($node, q{SELECT failures > 1 FROM jit.destinations WHERE name = 'azure'}, 'twice');
$ingestion->weather('ok');
redeliver();
delivered('then it is delivered');
is_deeply([policies($ingestion->rows)], [map { "again $_" } 1 .. 3], 'once');
my %same;
$same{$_->{headers}{'x-ms-client-request-id'}}{$_->{body}} = 1 for $ingestion->requests;
is(scalar(grep { keys %$_ != 1 } values %same), 0, 'what is sent again has the same number');

# ---- a token that is refused is asked for anew, once ----
$ingestion->forget;
$metadata->forget;
$ingestion->weather('refuses metadata.tok-1');
$metadata->note(status => 200); # tokens are counted
happens('refused');
delivered('a refused token is replaced');
is_deeply([map { "$_->{status} " . bearer($_) } $ingestion->requests], ['401 metadata.tok-1', '204 metadata.tok-2'], 'by another one, at once');
is(sql($node, q{SELECT last_error FROM jit.destinations WHERE name = 'azure' AND last_error LIKE '%401%'}), '', 'and nobody is told of it');
$ingestion->weather('401');
happens('refused for ever');
fails('HTTP status 401', 'when the next one is refused as well, it fails');
is(scalar(grep { $_->{first} } $metadata->requests), 2, 'and one token was asked for, not many');
$ingestion->weather('ok');
redeliver();
delivered('taken again');

# ---- too many requests ----
$ingestion->forget;
$ingestion->weather('429 3');
happens('storm');
wait_for($node, q{SELECT failures > 1 FROM jit.destinations WHERE name = 'azure'}, 'told twice to come later');
my @at = map { $_->{at} } $ingestion->requests;
cmp_ok($at[1] - $at[0], '>=', 2.9, 'and waits as long as it was asked to');
$ingestion->weather('ok');
redeliver();
delivered('after the storm');

# ---- no right: it may come within half an hour ----
$ingestion->weather('403');
happens('no role');
fails('HTTP status 403', 'without its role it fails');
is(sql($node, q{SELECT next_try > last_error_at + interval '10 s' FROM jit.destinations WHERE name = 'azure'}), 't', 'and tries again slowly');
$ingestion->weather('ok');
redeliver();
delivered('with the role it goes on');

# ---- too large: halved until it fits, and nothing is put aside ----
$ingestion->weather('500');
happens(map { "large $_" } 1 .. 30);
fails('HTTP status 500', 'many wait');
$ingestion->forget;
$ingestion->weather('most 5');
redeliver();
delivered('what is too large is halved');
is_deeply([policies($ingestion->rows)], [map { "large $_" } 1 .. 30], 'all come once, in order');
cmp_ok(scalar(grep { $_->{status} == 413 } $ingestion->requests), '>', 0, 'it was too large');
is(sql($node, q{SELECT dead_letters FROM jit.destinations WHERE name = 'azure'}), '0', 'and nothing was put aside');

# ---- poison: found by halving ----
$ingestion->weather('500');
happens((map { "b$_" } 1 .. 15), 'venom', (map { "c$_" } 1 .. 15));
fails('HTTP status 500', 'many wait again');
$ingestion->forget;
$ingestion->weather('400 venom');
redeliver();
wait_for($node, q{SELECT dead_letters = 1 AND lag = 0 FROM jit.destinations WHERE name = 'azure'}, 'one that is rejected is put aside');
is_deeply([policies($ingestion->rows)], [(map { "b$_" } 1 .. 15), (map { "c$_" } 1 .. 15)], 'all others come once, in order');
$ingestion->weather('ok');
redeliver();
wait_for($node, q{SELECT dead_letters = 0 FROM jit.destinations WHERE name = 'azure'}, 'and later as well');

# ---- large statements: cut with a mark, and never more than a message may have ----
$ingestion->forget;
sql($node, q{GRANT SELECT ON secret TO staff; SELECT jit.create_policy('guarded', actions => '{SELECT}', objects => '{table public.secret}', eligible => '{staff}', approvers => '{leads}', mode => 'monitor')});
is((as_person($node, 'alice', join "\n", map { "SELECT /* $_ " . 'x' x 90_000 . ' */ v FROM secret;' } 1 .. 12))[0], 0, 'statements of 90,000 characters');
delivered('large statements');
my @large = grep { ($_->{Statement} // '') =~ /x{1000}/ } $ingestion->rows;
cmp_ok(scalar(@large), '>', 0, 'come as rows');
is(scalar(grep { length $_->{Statement} > 65_536 || length JSON::PP::encode_json($_->{Details}) > 65_536 } @large), 0, 'no field is longer than Azure takes');
is(scalar(grep { length JitAzure::unpacked($_->{body}) > 900_000 } $ingestion->requests), 0, 'no message either');

# ---- the metadata service says no ----
sub without_token { my ($weather) = @_; $metadata->weather($weather); $node->reload; $metadata->forget; happens("without token $weather"); return }
without_token('410');
fails('the metadata service of the machine answers with HTTP status 410', 'an update of the metadata service');
is(sql($node, q{SELECT next_try > last_error_at + interval '5 s' FROM jit.destinations WHERE name = 'azure'}), 't', 'is waited for');
$metadata->weather('ok');
redeliver();
delivered('and it goes on');
without_token('400');
fails('HTTP status 400, error invalid_request, codes 7000215, trace 0a1b-2c', 'a refusal is told in its words');
$metadata->weather('404');
redeliver();
fails('HTTP status 404', 'no identity yet');
$metadata->weather('garbage');
redeliver();
fails('does not answer', 'nonsense');
$metadata->weather('ok');
redeliver();
delivered('then there is a token');
my $sent = () = $ingestion->requests;
without_token('silence');
wait_for($node, q{SELECT lag > 0 FROM jit.destinations WHERE name = 'azure'}, 'a metadata service that is silent');
my $hook = JitReceiver->new("$work/hook");
sql($node, qq{SELECT jit.create_destination('hook', 'webhook', '} . $hook->url . q{')});
happens('beside');
wait_for($node, q{SELECT lag = 0 AND failures = 0 AND delivered > 0 FROM jit.destinations WHERE name = 'hook'}, 'holds up nobody else');
sql($node, q{SELECT jit.drop_destination('hook')});
$metadata->weather('ok');
$node->reload;
redeliver();
delivered('until it speaks');

# ---- a token ends: the next one is used before ----
$metadata->weather('life 9');
$node->reload;
$ingestion->forget;
my ($number, $rounds) = (0, 0);
while ($number < 3 && $rounds++ < 40) {
    happens("life $rounds");
    delivered("round $rounds") or last;
    my %token = map { bearer($_) => 1 } $ingestion->requests;
    $number = keys %token;
    sleep 0.5;
}
cmp_ok($number, '>=', 3, 'a token that ends is replaced');
is(scalar(grep { $_->{status} != 204 } $ingestion->requests), 0, 'and none that ended was sent');
$metadata->weather('life 2');
$node->reload;
happens('too short');
fails('without a token that can be used', 'one that has as good as ended is not used, nor asked for without end');
cmp_ok(scalar($metadata->requests), '<', 60, 'really');
$metadata->weather('ok');

# ---- an application: its secret ----
settings("jit_guard.azure_identity = 'secret'\njit_guard.azure_tenant = 'tenant-1'\njit_guard.azure_client_id = 'client-1'");
redeliver();
fails('an application needs', 'an application without a file');
write_secret('app', "wrong\n");
settings("jit_guard.azure_credential_file = 'app'");
redeliver();
fails('the token endpoint answers with HTTP status 401, error invalid_client, codes 7000215, trace 0a1b-2c', 'a wrong secret');
write_secret('app', "top secret&+\n");
$ingestion->forget;
redeliver();
delivered('an application with its secret');
like(bearer(($ingestion->requests)[0]), qr/^tenant\.tok-/, 'has the token of the tenant');
is({JitAzure::form(($tenant->given)[0]{body})}->{scope}, 'https://monitor.azure.com/.default', 'for Azure Monitor');
chmod 0644, "$secrets/app";
$node->reload;
happens('open to all');
fails('let others read it', 'a secret that others can read is not used');

# ---- a federated token: read each time ----
settings("jit_guard.azure_identity = 'federated'");
write_secret('app', 'aaa.bbb.ccc');
redeliver();
delivered('a federated token');
write_secret('app', "ddd.eee.fff\n");
$node->reload;
happens('rotated');
delivered('which another one takes the place of');
is_deeply([map { $_->{client_assertion} // () } map { {JitAzure::form($_->{body})} } $tenant->given], ['aaa.bbb.ccc', 'ddd.eee.fff'], 'is sent as it is in the file');

# ---- a certificate: the assertion is verified by openssl, or not by us at least ----
SKIP: {
    system("openssl version >'$work/version' 2>&1") == 0 or skip 'openssl is not installed', 8;
    sub openssl { my ($command) = @_; system("cd '$work' && openssl $command >>openssl.log 2>&1") == 0 or return 0; return 1 }
    openssl('req -x509 -newkey rsa:3072 -nodes -keyout app.key -out app.pem -days 2 -subj /CN=app') or die "openssl req\n";
    openssl('x509 -in app.pem -pubkey -noout -out app.pub') && openssl('x509 -in app.pem -outform DER -out app.der') or die "openssl x509\n";
    settings("jit_guard.azure_identity = 'certificate'");
    write_secret('app', slurp_file("$work/app.pem"));
    redeliver();
    happens('certificate');
    fails('it holds no private key', 'a certificate without its key');
    write_secret('app', slurp_file("$work/app.pem") . slurp_file("$work/app.key"));
    redeliver();
    delivered('a certificate with its key');
    my %form = JitAzure::form(($tenant->given)[-1]{body});
    my ($header, $payload, $signature) = split /\./, $form{client_assertion};
    $_ = decode_base64(tr{-_}{+/}r) for my @part = ($header, $payload, $signature);
    my $head = JSON::PP::decode_json($part[0]);
    my $claims = JSON::PP::decode_json($part[1]);
    is_deeply($head, {alg => 'PS256', typ => 'JWT', 'x5t#S256' => encode_base64(sha256(slurp_file("$work/app.der")), '') =~ tr{+/=}{-_}dr}, 'its header names the certificate');
    is($claims->{aud}, 'http://' . $tenant->address . '/tenant-1/oauth2/v2.0/token', 'for that token endpoint');
    is("$claims->{iss} $claims->{sub}", 'client-1 client-1', 'from the application');
    cmp_ok(abs($claims->{iat} - time), '<', 300, 'of now');
    is($claims->{exp} - $claims->{nbf}, 600, 'for ten minutes');
    for (['data', "$header.$payload"], ['signature', $part[2]]) { open my $out, '>:raw', "$work/$_->[0]" or die $!; print $out $_->[1]; close $out }
    ok(openssl('dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -verify app.pub -signature signature data'), 'openssl verifies it');
    my @ids = map { /\.(.*)\./ ? JSON::PP::decode_json(decode_base64($1 =~ tr{-_}{+/}r))->{jti} : () } grep { !/^(?:aaa|ddd)/ } map { {JitAzure::form($_->{body})}->{client_assertion} // () } $tenant->given;
    $node->reload;
    happens('certificate again');
    delivered('again');
    unlike({JitAzure::form(($tenant->given)[-1]{body})}->{client_assertion}, qr/\Q$payload\E/, 'and no assertion is used twice');
}

# ---- vector 221: a token goes to Azure, and to nobody else ----
settings("jit_guard.azure_identity = 'managed'");
my $thief = JitAzure->new("$work/thief", role => 'ingestion');
$node->psql('app', q{SELECT jit.create_destination('other', 'azure_monitor', 'https://localhost/dataCollectionRules/} . $JitAzure::rule . q{/streams/Custom-X?api-version=2023-01-01')}, stderr => \my $error);
like($error, qr/no host of Azure Monitor/, 'another host is refused');
write_secret('thief', "https://localhost:$thief->{port}/dataCollectionRules/$JitAzure::rule/streams/Custom-X?api-version=2023-01-01\n");
sql($node, q{SELECT jit.create_destination('thief', 'azure_monitor', url_file => 'thief')});
happens('theft');
wait_for($node, q{SELECT failures > 0 FROM jit.destinations WHERE name = 'thief'}, 'also by way of a file');
like(sql($node, q{SELECT last_error FROM jit.destinations WHERE name = 'thief'}), qr/no host of Azure Monitor: it gets no token/, 'and it says why');
is(scalar($thief->requests), 0, 'and nothing went there');
sql($node, q{SELECT jit.drop_destination('thief')});

# ---- a secret in a vault ----
my $vault = JitAzure->new("$work/vault", role => 'vault');
my @secret = map { 'whsec_' . encode_base64($_ x 32, '') } 'a', 'b';
my $signed = JitReceiver->new("$work/signed");
$vault->weather('403');
sql($node, q{SELECT jit.create_destination('signed', 'webhook', '} . $signed->url . q{', secret_file => 'keyvault:http://} . $vault->address . q{/secrets/hook')});
sub signed { my ($test) = @_; sql($node, q{CALL jit.catch_up('20 s')}); return wait_for($node, q{SELECT lag = 0 AND failures = 0 FROM jit.destinations WHERE name = 'signed'}, $test) }
sub signed_by {
    my ($request, $secret) = @_;
    my $headers = $request->{headers};
    my $wanted = 'v1,' . encode_base64(hmac_sha256("$headers->{'webhook-id'}.$headers->{'webhook-timestamp'}.$request->{body}", decode_base64($secret =~ s/^whsec_//r)), '');
    return $headers->{'webhook-signature'} eq $wanted;
}
happens('in the vault');
wait_for($node, q{SELECT failures > 0 AND last_error LIKE '%the vault does not give it: HTTP status 403%' FROM jit.destinations WHERE name = 'signed'}, 'a vault that gives nothing');
is(scalar($signed->requests), 0, 'nothing is sent without its secret');
$vault->weather("holds $secret[0]\n");
sql($node, q{SELECT jit.redeliver('signed')});
signed('a secret in a vault');
ok(signed_by(($signed->requests)[-1], $secret[0]), 'signs');
my $fetched = () = $vault->requests;
happens('still there');
signed('again');
is(scalar(@{[$vault->requests]}), $fetched, 'and is kept for a while');
my ($vault_token) = map { bearer($_) } $vault->requests;
like($vault_token, qr/^metadata\.tok-/, 'fetched with the identity of the machine');
is(scalar(grep { ($_->{first} // '') =~ /resource=https%3A%2F%2Fvault\.azure\.net[& ]/ } $metadata->requests) > 0, 1, 'for vaults');
$vault->weather("holds $secret[1]");
$node->reload; # not to wait for minutes
happens('rotated in the vault');
signed('changed there');
ok(signed_by(($signed->requests)[-1], $secret[1]), 'it is the new one here');
$node->psql('app', q{SELECT jit.create_destination('thief', 'webhook', 'https://example.com/', secret_file => 'keyvault:https://evil.example/secrets/hook')}, stderr => \$error);
like($error, qr/Only vaults are shown the courier's token/, 'and another host gets no token');
sql($node, q{SELECT jit.drop_destination('signed')});

# ---- nobody sees a token ----
redeliver();
delivered('before the look into the log');
my $log = slurp_file($node->logfile);
unlike($log, qr/tok-\d|Bearer|top secret|whsec_\w{20}|SECRET-DESCRIPTION|aaa\.bbb|PRIVATE KEY/, 'no token, no secret and no description in the log of the server');
unlike(sql($node, q{SELECT string_agg(d::text, '') FROM jit.destinations d}) . sql($node, q{SELECT string_agg(d::text, '') FROM jit.deliveries d}) . sql($node, q{SELECT string_agg(e.detail::text, '') FROM jit.events e}),
    qr/tok-\d|Bearer|top secret|whsec_\w{20}|SECRET-DESCRIPTION/, 'nor in a table');

# ---- the clients and the token endpoint of others ----
SKIP: {
    my $npm = $ENV{JIT_NPM} // '';
    skip 'JIT_NPM names no folder with the npm packages @azure/identity, @azure/monitor-ingestion, @azure/msal-node and oidc-provider', 1
        if grep { !-d "$npm/node_modules/$_" } '@azure/identity', '@azure/monitor-ingestion', '@azure/msal-node', 'oidc-provider';
    my $js = "cd '$npm' && NODE_PATH='$npm/node_modules' node '$FindBin::RealBin/../azure_clients.js'";
    $metadata->forget;
    $ingestion->forget;
    my $said = `$js ingest 'http://@{[$metadata->address]}' 'http://@{[$ingestion->address]}' '$JitAzure::rule' 2>&1`;
    like($said, qr/^ingested 3 rows$/m, 'the clients of others are content with the stand-ins') or diag($said);
    is(join(' ', map { $_->{EventType} } $ingestion->rows), 'a b c', 'which understand them');
    $said = `$js assertion '$work/app.pem' '$work/app.key' client-1 tenant-1 2>&1`;
    my ($theirs) = $said =~ /^assertion (\S+)$/m;
    ok($theirs, 'msal-node makes an assertion') or diag($said);
    my ($ours) = {JitAzure::form(($tenant->given)[-1]{body})}->{client_assertion};
    my @decoded = map { [map { JSON::PP::decode_json(decode_base64(tr{-_}{+/}r)) } (split /\./)[0, 1]] } $theirs // '', $ours;
    is_deeply($decoded[0][0], $decoded[1][0], 'with the same header as ours');
    is_deeply([sort keys %{$decoded[0][1]}], [sort keys %{$decoded[1][1]}], 'and the same claims');

    my $port = PostgreSQL::Test::Cluster::get_free_port();
    my $pid = fork // die "fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>', "$work/oidc.log";
        open STDERR, '>&', \*STDOUT;
        chdir $npm;
        $ENV{NODE_PATH} = "$npm/node_modules";
        exec 'node', "$FindBin::RealBin/../azure_clients.js", 'oidc', $port, "$work/app.pub", 'client-1', 'tenant-1' or exit 1;
    }
    for (1 .. 300) { last if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port); sleep 0.1 }
    my $strange = JitAzure->new("$work/strange", role => 'ingestion', any_token => 1);
    settings("jit_guard.azure_identity = 'certificate'\njit_guard.azure_authority_host = 'http://127.0.0.1:$port'");
    sql($node, q{SELECT jit.alter_destination('azure', url => '} . $strange->stream_url . q{')});
    happens('certified');
    delivered('the token endpoint of others accepts our assertion') or diag(slurp_file("$work/oidc.log"));
    like(bearer(($strange->requests)[-1]), qr/^[\w-]{20,}$/, 'and gives a token, which is used');
    kill 'TERM', $pid;
    waitpid $pid, 0;
}
$node->stop;
done_testing();
