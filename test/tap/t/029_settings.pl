# Values of settings that could not mean anything: refused when the file is read, with the reason in the log, and the last one stays;
# the good twin is taken. Nobody sets them by SQL: only who may write the server's files.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $guid = '11111111-2222-3333-4444-555555555555';
my @cases = ( # name, bad value, what the log says, ..., undef, good value
    ['courier_allow', '10.1.0.0/16, nowhere', qr/"nowhere" is no address or network/, '10.1.0.0/33', qr/"10\.1\.0\.0\/33" is no address/,
        join(',', ('10.0.0.1') x 500), qr/At most \d+ addresses/, undef, '10.1.0.0/16, fd00::/8, 127.0.0.1'],
    ['azure_authority_host', 'login.microsoftonline.com', qr/begin with a scheme/, 'https://login.microsoftonline.com/common', qr/follows the host/, '', qr/\S/,
        'https://user@login.microsoftonline.com', qr/\S/, undef, 'https://login.microsoftonline.us'],
    ['azure_client_id', 'a&resource=https://other/', qr/letters, digits, dashes and dots/, undef, $guid],
    ['azure_tenant', '../common', qr/letters, digits, dashes and dots/, undef, 'contoso.onmicrosoft.com'],
    ['azure_credential_file', '../postgresql.conf', qr/\S/, '/etc/passwd', qr/\S/, undef, 'azure.pem'],
    ['azure_metadata_host', '169.254.169.254/metadata', qr/follows the host and the port/, 'user@169.254.169.254', qr/\S/, 'x' x 400, qr/too long/,
        undef, '127.0.0.1:40342'],
    ['azure_identity', 'password', qr/Available values: none, managed, certificate, federated, secret/, undef, 'managed'],
    ['graph_url', 'graph.microsoft.com', qr/begin with a scheme/, 'https://graph.microsoft.com/v1.0', qr/follows the host/, undef, 'https://graph.microsoft.us'],
    ['entra_authority', 'file:///etc/passwd', qr/names no host/, 'ftp://login.microsoftonline.com', qr/scheme is not https/, 'https://login.microsoftonline.com/', qr/ends with a slash/, 'https://login.microsoftonline.com/?a', qr/question mark/,
        undef, 'https://login.microsoftonline.us'],
    ['entra_tenant', 'contoso.onmicrosoft.com', qr/GUID, in lower case/, uc 'aaaaaaaa-2222-3333-4444-555555555555', qr/GUID, in lower case/, undef, $guid],
    ['entra_scope', 'db.elevate; DROP', qr/as in api:/, undef, 'api://APPLICATION/db.elevate'],
    ['entra_auth_context', 'c1 c2', qr/letters and digits/, undef, 'c1'],
    ['evidence', 'never', qr/Available values: durable, async/, undef, 'async'],
);

my $node = new_cluster('settings');
sub show { my ($name) = @_; return sql($node, "SELECT current_setting('jit_guard.$name')") }
sub reload_with { # where the log is then
    my ($name, $value) = @_;
    my $offset = -s $node->logfile;
    append_to_file($node->data_dir . '/postgresql.conf', "jit_guard.$name = '$value'\n");
    $node->reload;
    return $offset;
}

my %boot = map { ($_->[0] => show($_->[0])) } @cases;
for my $case (@cases) {
    my ($name, @values) = @$case;
    while (defined(my $bad = shift @values)) {
        my $like = shift @values;
        my $offset = reload_with($name, $bad);
        ok($node->wait_for_log(qr/invalid value for parameter "jit_guard\.$name"[^\n]*\n[^\n]*(?:DETAIL|HINT): [^\n]*$like/, $offset),
            "$name = '" . substr($bad, 0, 40) . "': refused, and the log says why");
        is(show($name), $boot{$name}, 'the last one stays');
    }
    my ($good) = @values;
    reload_with($name, $good);
    wait_for($node, "SELECT current_setting('jit_guard.$name') = '$good'", "$name = '$good': taken");
}

# ---- by SQL ----
for (["SET jit_guard.evidence = 'durable'", qr/cannot be changed now/], ["ALTER SYSTEM SET jit_guard.evidence = 'durable'", qr/cannot be changed/],
    ["ALTER ROLE postgres SET jit_guard.evidence = 'durable'", qr/cannot be changed now/], ["SET jit_guard.evidenec = 'durable'", qr/reserved prefix/],
    ["SELECT set_config('jit_guard.enabled', 'off', false)", qr/cannot be changed without restarting/]) {
    my ($statement, $like) = @$_;
    my ($code, undef, $error) = as_person($node, 'postgres', $statement);
    isnt($code, 0, "$statement: refused");
    like($error, $like, 'by the server');
}
is(show('evidence'), 'async', 'and nothing changed');

# ---- a server does not start with one ----
$node->stop;
for (['entra_tenant', 'nobody', qr/GUID, in lower case/, $guid], ['replication', 'exempt_onyl', qr/Available values: allow, exempt_only/, 'exempt_only'],
    ['max_standby_lag', '5 parsecs', qr/Valid units/, '5s'], ['courier_allow', 'somewhere', qr/is no address or network/, '10.0.0.0/8']) {
    my ($name, $bad, $like, $good) = @$_;
    my $offset = -s $node->logfile;
    append_to_file($node->data_dir . '/postgresql.conf', "jit_guard.$name = '$bad'\n");
    is($node->start(fail_ok => 1), 0, "a server does not start with $name = '$bad'");
    like(slurp_file($node->logfile, $offset), qr/FATAL:  invalid value for parameter "jit_guard\.$name".*\n.*(?:DETAIL|HINT): .*$like/, 'and says why');
    $node->adjust_conf('postgresql.conf', "jit_guard.$name", "'$good'");
}
ok($node->start(fail_ok => 1), 'with values that mean something it starts');
is(show('max_standby_lag') . show('replication'), '5sexempt_only', 'and has them');
done_testing();
