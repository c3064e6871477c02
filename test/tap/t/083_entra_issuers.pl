# Tokens that other programs make prove a person, too: jose signs, and oauth2-mock-server and oidc-provider are issuers with documents
# and keys of their own. For those of the npm packages that JIT_NPM (a folder with node_modules) holds.
use strict;
use warnings;
use FindBin;
use IPC::Run ();
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;
use JitIssuer;

my $npm = $ENV{JIT_NPM} // '';
my @packages = qw(jose oauth2-mock-server oidc-provider);
plan skip_all => "JIT_NPM names no folder with the npm packages @packages" if grep { !-d "$npm/node_modules/$_" } @packages;

my $work = PostgreSQL::Test::Utils::tempdir();
mkdir "$work/issuer";
my $tenant = '11111111-2222-3333-4444-555555555555';
my $oid = 'aaaaaaaa-0000-4000-8000-000000000001';
my $issuer = JitIssuer->new("$work/issuer", $tenant);
$issuer->publish('k1');
my $node = gate_cluster('primary', conf => <<"CONF");
jit_guard.courier_allow = '127.0.0.1'
jit_guard.entra_authority = '$issuer->{authority}'
jit_guard.entra_tenant = '$tenant'
jit_guard.entra_audience = 'jit-app, api://jit'
jit_guard.entra_scope = 'db.elevate'
jit_guard.entra_auth_context = 'c1'
CONF
my $admin = JitClient->new($node, 'postgres');
$admin->query("SECURITY LABEL FOR jit_guard ON ROLE alice IS 'entra,oid=$oid,tid=$tenant,type=user'");
$admin->value(q{SELECT jit.create_policy('own', '{INSERT}', '{pay.open}', eligible => '{staff}', approvals => 0, require_mfa => 'requester', require_reason => false)});

my $uses = 0;
sub proves {
    my ($token, $test) = @_;
    my $alice = JitClient->new($node, 'alice');
    my $id = $alice->value("SELECT jit.request('own', '10 min', uses => " . ++$uses . ')');
    my ($last) = substr($token, -20, 1);
    my $changed = $token;
    substr($changed, -20, 1, $last eq 'A' ? 'B' : 'A');
    gate_error($alice->extended('SELECT jit.present_token($1, $2)', $changed, $id), '28000', qr/signature is not one/, "$test: not with another signature");
    gate_rows($alice->extended('SELECT jit.present_token($1, $2)', $token, $id), 'approved', $test);
    return;
}
# A program of another, until finish(): (handle, input, what it said).
sub start {
    my ($kind, $claims, @more) = @_;
    my ($in, $out, $err) = ('', '', '');
    my $program = IPC::Run::start(['node', "$FindBin::RealBin/../token_issuers.js", $npm, $kind, $tenant, JSON::PP::encode_json($claims), @more],
        '<', \$in, '>', \$out, '2>', \$err, IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default // 180));
    $program->pump until $out =~ /\n/ || !$program->pumpable;
    $out =~ /\n/ or die "$kind: $err";
    return ($program, JSON::PP::decode_json($out));
}

wait_until($node, q{(SELECT count(*) FROM jit.token_issuers WHERE fetched_at IS NOT NULL) = 2}, 'keys are there');
my ($program, $made) = start('jose', $issuer->claims($oid), $issuer->pem('k1'));
proves($made->{token}, 'a token that jose signed');
$program->finish;

for my $kind ('mock', 'oidc') {
    # Later than any before.
    ($program, $made) = start($kind, $issuer->claims($oid, iss => undef, iat => time + ($kind eq 'mock' ? 0 : 1), aud => 'api://jit', azp => undef));
    $node->adjust_conf('postgresql.conf', 'jit_guard.entra_authority', "'$made->{authority}'");
    $node->reload;
    wait_until($node, qq{EXISTS (SELECT FROM jit.token_issuers WHERE version = 2 AND failures = 0 AND source LIKE '$made->{authority}/%')}, "$kind: its keys are fetched");
    proves($made->{token}, "$kind: its token proves");
    $program->finish;
}
done_testing();
