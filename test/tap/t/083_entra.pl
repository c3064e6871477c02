# Tokens of Entra ID as proof of person: an issuer made with openssl, every way of forging that is known, and beside each a token
# that is accepted. Keys come and go while the server runs. (In the text of statements: 083_entra_text.pl.)
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256);
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitClient;
use JitEntra;
use JitGate;
use JitIssuer;
use JitReceiver;

begin_entra();

# ---- labels ----
is(set_label($_, label($oid{$_}))->{error}, undef, "$_ is tied to a person") for 'alice', 'carol';
for my $wrong ('entra', label('AAAAAAAA-0000-4000-8000-000000000001'), label($oid{bob}) . ' ', label($oid{bob}) =~ s/user/group/r, label($oid{bob}) =~ s/oid/upn/r) {
    gate_error(set_label('bob', $wrong), '22023', qr/no label of jit_guard/, "no label: $wrong");
}
gate_error(set_label('bob', label($oid{alice})), '42710', qr/another role has this label.*"alice"/s, 'one person is one role');
is(set_label('bob', label($oid{bob}))->{error}, undef, 'another person is another');
gate_error(client('postgres')->query(q{SECURITY LABEL FOR jit_guard ON TABLE pay.open IS 'x'}), '0A000', qr/are for roles/, 'labels are for roles');
# vector 216: whoever may alter roles ties one to himself
admin($_) for 'CREATE ROLE maker LOGIN CREATEROLE', 'CREATE ROLE made LOGIN', 'GRANT made TO maker WITH ADMIN OPTION';
gate_error(client('maker')->query(q{SECURITY LABEL FOR jit_guard ON ROLE made IS '} . label($oid{bob}) . q{'}), '42501', qr/set by members of jit_admin/, 'CREATEROLE is not enough');
admin('GRANT jit_admin TO maker');
is(client('maker')->query(q{SECURITY LABEL FOR jit_guard ON ROLE made IS '} . label('dddddddd-0000-4000-8000-000000000004') . q{'})->{error}, undef, 'a jit_admin may');
is(admin(q{SELECT detail ->> 'label' FROM jit.events WHERE event = 'label_set' AND person = 'made'}), label('dddddddd-0000-4000-8000-000000000004'), 'which is an event');

# ---- keys ----
wait_until($node, q{(SELECT count(*) FROM jit.token_issuers WHERE fetched_at IS NOT NULL) = 2}, 'the courier fetches keys for tokens of both versions');
is(admin(q{SELECT string_agg(version || ' ' || kid, ', ' ORDER BY version, kid) FROM jit.token_keys}), '1 k1, 1 k2, 2 k1, 2 k2', 'all of them');
is(admin(q{SELECT issuer FROM jit.token_issuers WHERE version = 2}), $issuer->{issuer}{2}, 'with the issuer');

# ---- good tokens ----
make_policies();
my $id = ask('alice');
my $answer = present(client('alice'), token($oid{alice}, uti => 'The-uti_1'), $id);
gate_rows($answer, 'approved', 'a token proves');
is(admin("SELECT detail ->> 'oid' || ' ' || (detail ->> 'uti') || ' ' || (detail ->> 'acrs') || ' ' || (detail ? 'auth_time') FROM jit.events WHERE event = 'proved' AND request_id = $id"),
    "$oid{alice} The-uti_1 c1 true", 'the ledger says whose it was, which, and when she signed in');
accepted('alice', ask('alice'), 'of v1, with the context', v1 => 1, acrs => ['c1']);
$id = ask('alice');
gate_rows(client('alice')->extended('SELECT jit.prove($1, $2)', $id, token($oid{alice})), 'approved', 'jit.prove takes one, too');
$id = ask('alice');
gate_rows(client('alice')->extended('SELECT jit.present_token($1)', token($oid{alice})), 'approved', 'without a number: for the request that waits');
gate_error(client('alice')->extended('SELECT jit.present_token($1)', token($oid{alice})), '55000', qr/no request waits/, 'when one does');
my ($first, $second) = (ask('alice'), ask('alice'));
gate_error(client('alice')->extended('SELECT jit.present_token($1)', token($oid{alice})), '55000', qr/several requests wait/, 'and only one');
accepted('alice', $_, 'with its number') for $first, $second;

# ---- vector 211: forged ----
my $public = $issuer->modulus('k1');
my $pem = JitIssuer::run_it(['openssl', 'rsa', '-pubout', '-in', $issuer->pem('k1')]);
my $claims = sub { return $issuer->claims($oid{alice}, @_) };
my %forged = (
    'without signature (alg none)' => [sub { $issuer->sign($claims->(), header => {alg => 'none'}, signature => sub { '' }) }, '22023', qr/three parts|RS256/],
    'alg none with one' => [sub { $issuer->sign($claims->(), header => {alg => 'none'}) }, '22023', qr/not signed with RS256/],
    'alg nOnE' => [sub { $issuer->sign($claims->(), header => {alg => 'nOnE'}) }, '22023', qr/not signed with RS256/],
    'HS256 with the public key' => [sub { $issuer->sign($claims->(), header => {alg => 'HS256'}, signature => sub { hmac_sha256($_[0], $pem) }) }, '22023', qr/not signed with RS256/],
    'HS256 with the modulus, said to be RS256' => [sub { $issuer->sign($claims->(), signature => sub { hmac_sha256($_[0], $public) x 8 }) }, '28000', qr/signature is not one/],
    'RS512' => [sub { $issuer->sign($claims->(), header => {alg => 'RS512'}, digest => 'sha512') }, '22023', qr/not signed with RS256/],
    'SHA-512, said to be SHA-256' => [sub { $issuer->sign($claims->(), digest => 'sha512') }, '28000', qr/signature is not one/],
    'another key under the name' => [sub { $issuer->sign($claims->(), by => 'stranger') }, '28000', qr/signature is not one/],
    'its own key in the header' => [sub { $issuer->sign($claims->(), by => 'stranger', header => {jwk => $issuer->entry('stranger'), jku => 'https://evil.example/', x5u => 'https://evil.example/'}) }, '28000', qr/signature is not one/],
    'changed claims' => [sub { my @parts = split /\./, $issuer->sign($claims->(oid => $oid{bob})); $parts[1] = JitIssuer::url(JSON::PP::encode_json($claims->())); join '.', @parts }, '28000', qr/signature is not one/],
    'without kid' => [sub { $issuer->sign($claims->(), header => {kid => undef}) }, '22023', qr/does not name the key/],
    'crit' => [sub { $issuer->sign($claims->(), header => {crit => ['b64'], b64 => JSON::PP::false}) }, '22023', qr/critical/],
    'a name twice in the header' => [sub { $issuer->sign($claims->(), header_text => '{"alg":"none","alg":"RS256","kid":"k1"}') }, '22023', qr/no name comes twice/],
    'a claim twice' => [sub { my $text = JSON::PP::encode_json($claims->(oid => $oid{bob})); $issuer->sign(substr($text, 0, -1) . qq(,"oid":"$oid{alice}"})) }, '22023', qr/no name comes twice/],
    'huge' => [sub { $issuer->sign($claims->(groups => ['x' x 20_000])) }, '22023', qr/longer than 16 kB/],
    'unknown version' => [sub { $issuer->sign($claims->(ver => '3.0')) }, '22023', qr/neither 1.0 nor 2.0/],
    'v1 issuer in a v2 token' => [sub { $issuer->sign($claims->(iss => $issuer->{issuer}{1})) }, '28000', qr/another issuer/],
    'another tenant\'s issuer' => [sub { $issuer->sign($claims->(iss => $issuer->{issuer}{2} =~ s/\Q$tenant\E/$elsewhere/r)) }, '28000', qr/another issuer/],
    'another tenant' => [sub { $issuer->sign($claims->(tid => $elsewhere)) }, '28000', qr/another tenant/],
    'another audience' => [sub { $issuer->sign($claims->(aud => '00000003-0000-0000-c000-000000000000')) }, '28000', qr/for something else/],
    'audiences' => [sub { $issuer->sign($claims->(aud => ['jit-app', 'other'])) }, '28000', qr/for something else/],
    'expired' => [sub { $issuer->sign($claims->(exp => time - 100)) }, '28000', qr/has expired/],
    'not yet' => [sub { $issuer->sign($claims->(nbf => time + 1_000)) }, '28000', qr/in the future/],
    'times as text' => [sub { $issuer->sign($claims->(exp => '' . (time + 100) . ' ')) }, '28000', qr/no whole numbers/],
    'of an application' => [sub { $issuer->sign($claims->(idtyp => 'app')) }, '28000', qr/of an application/],
    'with roles and no scope' => [sub { $issuer->sign($claims->(scp => undef, roles => ['db.elevate'])) }, '28000', qr/not issued for the scope/],
    'another scope' => [sub { $issuer->sign($claims->(scp => 'db.elevated db')) }, '28000', qr/not issued for the scope/],
    'nobody\'s' => [sub { $issuer->sign($claims->(oid => undef)) }, '28000', qr/names no person/],
    'somebody else\'s' => [sub { $issuer->sign($claims->(oid => $oid{bob})) }, '28000', qr/somebody else's/],
    'her name, his person' => [sub { $issuer->sign($claims->(oid => $oid{bob}, upn => 'alice@example.com', preferred_username => 'alice', email => 'alice')) }, '28000', qr/somebody else's/],
    'without the context' => [sub { $issuer->sign($claims->(acrs => ['c2', 'c11'])) }, '28000', qr/does not say that the authentication context/],
    'without acrs' => [sub { $issuer->sign($claims->(acrs => undef, amr => ['mfa'])) }, '28000', qr/does not say that the authentication context/],
    'an old sign-in' => [sub { $issuer->sign($claims->(auth_time => time - 301)) }, '28000', qr/signed in too long ago/],
    'an old token that does not say when' => [sub { $issuer->sign($claims->(auth_time => undef, iat => time - 301, nbf => time - 301)) }, '28000', qr/issued too long ago/],
);
$issuer->pem('stranger');
for my $name (sort keys %forged) {
    my ($make, $sqlstate, $like) = @{$forged{$name}};
    my $token = $make->();
    push @tokens, $token;
    $id = ask('alice');
    $answer = present(client('alice'), $token, $id);
    gate_error($answer, $sqlstate, $like, "refused: $name");
    unlike(join(' ', values %{$answer->{error} // {}}), qr/\Q$token\E|eyJ[^"]{40}\./, 'and the answer does not repeat it');
    accepted('alice', $id, 'a good one is accepted');
}
is(admin(q{SELECT count(*) FROM jit.refusals WHERE action = 'PROVE' AND why LIKE 'entra: It is somebody else''s.%'}), 2, 'refusals are in the ledger');
my %hint = %{present(client('alice'), do { push @tokens, $issuer->sign($claims->(acrs => [])); $tokens[-1] }, $id = ask('alice'))->{error} // {}};
my ($challenge) = ($hint{H} // '') =~ /--claims-challenge "([A-Za-z0-9+\/=]+)"/;
is(MIME::Base64::decode_base64($challenge // ''), '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}', 'the HINT has the challenge');
like($hint{H}, qr{^az login --tenant $tenant --scope "api://jit/db\.elevate" --claims-challenge .*\naz account get-access-token --tenant $tenant --scope "api://jit/db\.elevate" --query accessToken -o tsv\n.*jit\.present_token\(\$1, $id\) }s, 'in ready commands');
accepted('alice', $id, 'which get a good one');

# ---- vector 212: once ----
($first, $second) = (ask('alice'), ask('alice'));
my $token = token($oid{alice});
gate_rows(present(client('alice'), $token, $first), 'approved', 'a token proves once');
gate_error(present(client('alice'), $token, $second), '28000', qr/used before/, 'not for another request');
my $older = do { $issuer->{issued} -= 2; token($oid{alice}) };
$issuer->{issued} += 2;
gate_error(present(client('alice'), $older, $second), '28000', qr/used before/, 'nor an older one');
my ($one, $two) = (client('alice'), client('alice'));
$token = token($oid{alice});
$one->query('BEGIN');
gate_rows(present($one, $token, $second), 'approved', 'in a transaction');
my $third = ask('alice');
gate_error(present($two, $token, $third), '28000', qr/used before/, 'no second session uses it meanwhile');
$one->query('ROLLBACK');
gate_error(present($one, $token, $second), '28000', qr/used before/, 'nor anybody after the rollback');
is(admin("SELECT state FROM jit.requests WHERE request_id = $second"), 'pending', 'which took the proof back');
accepted('alice', $_, 'another one is good') for $second, $third;
$token = token($oid{alice});
my @raced = map { client('alice') } 1 .. 4;
my @asked = map { ask('alice') } 1 .. 4;
$raced[$_]->parse('', 'SELECT jit.present_token($1, $2)')->bind('', '', $token, $asked[$_])->execute('')->sync for 0 .. 3;
is(scalar(grep { !$_->{error} } map { $_->finish } @raced), 1, 'of four sessions at the same moment one wins');
client('alice')->query("SELECT jit.cancel($_)") for @asked;
accepted('alice', ask('alice'), 'a success clears the failures');

# In another database of the server, where she has the same label.
admin('CREATE DATABASE second');
$node->safe_psql('postgres', "ALTER DATABASE second SET jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
$node->safe_psql('second', q{CREATE EXTENSION jit_guard; CREATE TABLE t (v int)});
$node->safe_psql('second', q{SELECT jit.create_policy('own', '{INSERT}', '{public.t}', eligible => '{staff}', approvals => 0, require_mfa => 'requester', require_reason => false)});
$node->poll_query_until('second', q{SELECT count(*) = 2 FROM jit.token_issuers WHERE fetched_at IS NOT NULL}) or die 'no keys in the second database';
$id = client('alice', db => 'second')->value(q{SELECT jit.request('own', '10 min')});
accepted('alice', ask('alice'), 'a token in one database');
gate_error(present(client('alice', db => 'second'), $tokens[-1], $id), '28000', qr/used before/, 'is good in no other');
gate_rows(present(client('alice', db => 'second'), token($oid{alice}), $id), 'approved', 'where another one is');
accepted('alice', ask('alice'), 'and so on');

# ---- vector 214: a proof is for one request, of one person ----
$id = ask('alice', 'both');
my $other = ask('alice', 'both');
gate_rows(present(client('alice'), token($oid{alice}), $id), 'pending', 'her proof');
gate_error(client('carol')->query("SELECT jit.approve($id)"), '55000', qr/prove that it is you/, 'is not the approver\'s');
gate_error(present(client('carol'), token($oid{alice}), $id), '28000', qr/somebody else's/, 'nor is her token');
gate_error(present(client('dan'), token($oid{alice}), $id), '55000', qr/not tied to a person/, 'who has no label proves nothing with a token');
gate_rows(present(client('carol'), token($oid{carol}), $id), 'pending', 'his own is');
gate_error(client('carol')->query("SELECT jit.approve($other)"), '55000', qr/waits for its requester's proof/, 'not for another request');
gate_rows(client('carol')->query("SELECT jit.approve($id)"), 'approved', 'for this one');
client('alice')->query("SELECT jit.cancel($other)");

# ---- a first factor beside it ----
sub code_of { my ($uri) = $_[0]{rows}[0][0] =~ /secret=([A-Z2-7]{32})&/ or die 'no secret'; my $code = JitIssuer::run_it(['oathtool', '--totp', '--base32', $uri]); chomp $code; return "'$code'"; }
my $bob = client('bob');
gate_error($bob->query('SELECT * FROM jit.enroll_totp()'), '42501', qr/needs a proof/, 'who is tied does not enrol with a password alone');
my $enrolled = $bob->extended('SELECT uri FROM jit.enroll_totp($1)', token($oid{bob}));
is($enrolled->{error}, undef, 'with a token he does');
is($bob->query('SELECT * FROM jit.confirm_totp(' . code_of($enrolled) . ')')->{error}, undef, 'which he then confirms');
# vector 238: begun with a password alone, before the role was tied
my $dan = client('dan');
$enrolled = $dan->query('SELECT uri FROM jit.enroll_totp()');
is($enrolled->{error}, undef, 'who is not tied enrols without one');
set_label('dan', label($oid{dan}));
gate_error($dan->query('SELECT * FROM jit.confirm_totp(' . code_of($enrolled) . ')'), '42501', qr/before you had another second factor.*Enrol anew/s, 'and does not confirm it when he has come to be tied');
is($dan->value('SELECT count(*) FROM jit.factors WHERE confirmed_at IS NOT NULL AND kind <> \'entra\''), 0, 'so that he has no factor');
$enrolled = $dan->extended('SELECT uri FROM jit.enroll_totp($1)', token($oid{dan}));
is($dan->query('SELECT * FROM jit.confirm_totp(' . code_of($enrolled) . ')')->{error}, undef, 'enrolled with a token he does');
set_label('dan', undef);
admin(q{SELECT jit.reset_factors('dan', 'anew')});
$enrolled = $dan->query('SELECT uri FROM jit.enroll_totp()');
is(scalar @{$dan->query('SELECT * FROM jit.confirm_totp(' . code_of($enrolled) . ')')->{rows}}, 10, 'and so does who is not tied');
is($bob->value(q{SELECT kind || ' ' || name FROM jit.factors WHERE kind = 'entra'}), 'entra Entra ID', 'it is among his factors');
gate_error($bob->extended(q{SELECT jit.remove_factor((SELECT 1), $1)}, token($oid{bob})), '42501', qr/by the client itself/, 'and not his to remove:');
my $factor = $bob->value(q{SELECT factor_id FROM jit.factors WHERE kind = 'entra'});
gate_error($bob->extended("SELECT jit.remove_factor($factor, \$1)", token($oid{bob})), '55000', qr/no factor that a person removes/, 'it comes with the label');
set_label('bob', undef);
is($bob->value(q{SELECT count(*) FROM jit.factors WHERE kind = 'entra'}), 0, 'and goes with it');
$token = token($oid{bob});
$id = ask('bob');
gate_error(present($bob, $token, $id), '55000', qr/not tied to a person.*SECURITY LABEL FOR jit_guard ON ROLE bob IS 'entra,oid=OBJECT-ID,tid=$tenant,type=user'/s, 'then his token proves nothing');
$one = client('postgres');
set_label('bob', label($oid{bob}));
gate_rows(present($bob, $token, $id), 'approved', 'with it it does');
is(set_label('bob', label($oid{bob}, $elsewhere))->{error}, undef, 'a label of another tenant');
gate_error(present($bob, token($oid{bob}), ask('bob')), '28000', qr/another tenant/, 'proves nothing');
set_label('bob', label($oid{bob}));

# ---- vector 215: two roles ----
admin(q{UPDATE pg_shseclabel SET label = '} . label($oid{bob}) . q{' WHERE provider = 'jit_guard' AND objoid = 'made'::regrole});
$id = ask('bob');
gate_error(present($bob, $token = token($oid{bob}), $id), '55000', qr/that of two roles.*"made"/s, 'a person who is two roles proves nothing');
set_label('made', undef);
gate_rows(present($bob, $token, $id), 'approved', 'until one of them is untied');

# ---- vector 217: keys ----
sub fetches { return scalar grep { ($_->{first} // '') =~ m{discovery/v2\.0/keys} } $issuer->requests }
$issuer->pem('k3');
$issuer->publish('k2', 'k3', $issuer->entry('k4', issuer => "https://other.example/$tenant/v2.0"), $issuer->entry('k5', use => 'enc'));
my $fetched = fetches();
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k3');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'a new key is fetched when a token has it');
is(fetches(), $fetched + 1, 'at once');
$id = ask('alice');
for my $gone ('k1', 'k4', 'k5', 'k6') {
    push @tokens, $issuer->sign($claims->(), key => $gone);
    gate_error(present(client('alice'), $tokens[-1], $id), '55000', qr/key that the token is signed with is not known/, "$gone: gone, of another issuer, for something else, or never seen");
}
is(fetches(), $fetched + 1, 'for which nobody is asked again within five minutes');
is(admin(q{SELECT failures FROM jit.factors WHERE person = 'alice'::regrole AND kind = 'entra'}), 0, 'and which is nobody\'s failure');
push @tokens, $issuer->sign($claims->(), key => 'k2');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'the other key goes on');

# ---- the issuer is down ----
$issuer->stop;
$node->restart;
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k3');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'after a restart without the issuer, what was fetched last is there');
configure(authority => "$issuer->{authority}/elsewhere");
wait_until($node, q{(SELECT count(*) FROM jit.token_issuers WHERE failures > 0 AND last_error IS NOT NULL) = 2}, 'that it does not answer is written down');
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k3');
gate_error(present(client('alice'), $tokens[-1], $id), '55000', qr/not known here.*not fetched yet: /s, 'keys of another authority verify nothing');
configure(authority => $issuer->{authority});
$issuer->come_back;
wait_until($node, q{(SELECT count(*) FROM jit.token_issuers WHERE failures = 0 AND fetched_at IS NOT NULL) = 2}, 'when it answers again, they are fetched');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'and verify');

# vector 218: documents that lead elsewhere
my $document = "/$tenant/v2.0/.well-known/openid-configuration";
for my $wrong ({issuer => "$issuer->{authority}/common/v2.0", jwks_uri => "$issuer->{authority}/$tenant/discovery/v2.0/keys"},
    {issuer => $issuer->{issuer}{2}, jwks_uri => 'http://127.0.0.2/keys'}, {issuer => $issuer->{issuer}{2}}) {
    $issuer->put($document, $wrong);
    configure(authority => "$issuer->{authority}/elsewhere");
    wait_until($node, q{(SELECT bool_and(source LIKE '%elsewhere/%') FROM jit.token_issuers)}, 'anew');
    configure(authority => $issuer->{authority});
    wait_until($node, q{(SELECT failures > 0 AND last_error ~ 'one tenant|elsewhere|lacks' AND source NOT LIKE '%elsewhere%' FROM jit.token_issuers WHERE version = 2)}, 'a document is refused: ' . JSON::PP::encode_json($wrong));
}
$issuer->put($document, {issuer => $issuer->{issuer}{2}, jwks_uri => "$issuer->{authority}/$tenant/discovery/v2.0/keys"});
wait_until($node, q{(SELECT failures = 0 FROM jit.token_issuers WHERE version = 2)}, 'a good one is taken') or diag(admin('SELECT last_error FROM jit.token_issuers WHERE version = 2'));

# vector 219: keys that are too old
sub tampered { # as only the owner of the server can
    my ($sql) = @_;
    $node->append_conf('postgresql.conf', 'jit_guard.enabled = off');
    $node->restart;
    $node->safe_psql('app', $sql);
    $node->adjust_conf('postgresql.conf', 'jit_guard.enabled', undef);
    $node->restart;
    return;
}
$issuer->stop;
tampered(q{UPDATE jit.token_issuers SET fetched_at = fetched_at - interval '23 hours'});
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k3');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'keys of yesterday verify while nobody answers');
tampered(q{UPDATE jit.token_issuers SET fetched_at = fetched_at - interval '2 hours'});
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k3');
gate_error(present(client('alice'), $tokens[-1], $id), '55000', qr/not known here.*fetched last at/s, 'older ones do not');
$issuer->come_back;
wait_until($node, q{(SELECT count(*) FROM jit.token_issuers WHERE fetched_at > now() - interval '1 hour') = 2}, 'until they are fetched again');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'and then do');
$issuer->publish('k1', 'k2');

# ---- settings ----
$id = ask('alice');
configure(auth_context => '');
push @tokens, $issuer->sign($claims->(key => 'k2'), key => 'k2');
gate_error(present(client('alice'), $tokens[-1], $id), '28000', qr/amr of a v1 token/, 'without a context, a v2 token shows nothing');
push @tokens, $issuer->sign($claims->(v1 => 1, amr => ['pwd']), key => 'k2');
gate_error(present(client('alice'), $tokens[-1], $id), '28000', qr/amr of a v1 token/, 'and a v1 token with one factor, neither');
push @tokens, $issuer->sign($claims->(v1 => 1), key => 'k2');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'one with several does');
configure(auth_context => 'c1', clients => 'portal, cli');
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k2');
gate_error(present(client('alice'), $tokens[-1], $id), '28000', qr/entra_clients/, 'got with a program that is not named');
push @tokens, $issuer->sign($claims->(azp => 'cli'), key => 'k2');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'and with one that is');
configure(clients => '', audience => '');
$id = ask('alice');
push @tokens, $issuer->sign($claims->(), key => 'k2');
gate_error(present(client('alice'), $tokens[-1], $id), '55000', qr/prove nothing here.*entra_audience/s, 'with a setting missing, no token is looked at');
configure(audience => 'jit-app');
gate_rows(present(client('alice'), $tokens[-1], $id), 'approved', 'with all there, it is');

# ---- vector 241: an enrolment in an open transaction, and what the courier does for others ----
my $hook = JitReceiver->new("$work/hook");
admin(q{SELECT jit.create_destination('hook', 'webhook', '} . $hook->url . q{')});
sub told { my ($event) = @_; return scalar grep { $_->{type} eq "jit_guard.$event" } $hook->events }
sub tells { my ($event, $test) = @_; my $until = time + $JitClient::patience; sleep 0.05 while !told($event) && time < $until; return ok(told($event), $test); }
tells('destination_created', 'a webhook is told what happens');
my $mallory = client('mallory');
$mallory->query('BEGIN');
is($mallory->query('SELECT * FROM jit.enroll_totp()')->{error}, undef, 'somebody enrols, and does not commit');
set_label('mallory', label($oid{mallory}));
admin('CREATE ROLE erin LOGIN IN ROLE staff');
set_label('erin', label($oid{erin}));
$id = ask('erin');
push @tokens, $issuer->sign($issuer->claims($oid{erin}), key => 'k2');
gate_rows(present(client('erin'), $tokens[-1], $id), 'approved', 'the token of another, who was tied as he was, proves');
admin(q{SELECT jit.create_policy('later', '{SELECT}', '{pay.accounts}', eligible => '{staff}', approvers => '{leads}')});
tells('policy_created', 'and the webhook is told');
is(admin(q{SELECT count(*) FROM jit.authenticators WHERE kind = 'entra' AND person = 'mallory'::regrole}), 0, 'his own tokens wait for him');
$mallory->query('ROLLBACK');
wait_until($node, q{EXISTS (SELECT FROM jit.authenticators WHERE kind = 'entra' AND person = 'mallory'::regrole)}, 'and not for long, when he has ended');

# ---- vector 203 with tokens: failures count ----
$id = ask('alice');
$one = client('alice');
for my $try (1 .. 5) {
    push @tokens, $issuer->sign($claims->(acrs => ['c9']), key => 'k2');
    $one->query('BEGIN');
    gate_error(present($one, $tokens[-1], $id), '28000', qr/authentication context/, "failure $try");
    $one->query('ROLLBACK');
}
push @texts, $issuer->sign($claims->(), key => 'k2');
push @tokens, $issuer->sign($claims->(), key => 'k2');
gate_error(present($one, $tokens[-1], $id), '28000', qr/locked out/, 'after five, rolled back or not, nothing is looked at');
gate_error($one->query("SELECT jit.present_token('$texts[-1]', $id)"), '28000', qr/locked out/, 'nor one in the text,');
wait_until($node, q{EXISTS (SELECT FROM jit.events WHERE event = 'locked_out' AND person = 'alice')}, 'and it is told');
is(admin(q{SELECT jit.reset_factors('alice', 'met her')}), 0, 'a reset takes no token away');
gate_error(present($one, $texts[-1], $id), '28000', qr/used before/, 'which is used up all the same,');
gate_rows(present($one, $tokens[-1], $id), 'approved', 'and lets her in again');
admin(q{SELECT jit.reset_factors('alice', 'met her again')});
gate_error(present($one, $tokens[-1], ask('alice')), '28000', qr/used before/, 'a reset makes no used token good');

# ---- nothing of a token is left ----
nothing_is_left();

# ---- vector 220: sealed ----
admin($_) for 'CREATE ROLE ann LOGIN IN ROLE jit_admin CREATEROLE SUPERUSER', 'CREATE ROLE ben LOGIN IN ROLE jit_admin';
client('ann')->value('SELECT jit.seal()');
gate_error(set_label('carol', label($oid{carol}, $elsewhere)), '42501', qr/needs a just-in-time approval/, 'sealed: nobody changes the label of an approver alone');
gate_error(client('ann')->query('SECURITY LABEL FOR jit_guard ON ROLE carol IS NULL'), '42501', qr/needs a just-in-time approval/, 'nor takes it away');
my $window = client('ann')->value(q{SELECT jit.request('jit_guard', '10 min', reason => 'she has another account')});
gate_rows(client('ben')->query("SELECT jit.approve($window)"), 'approved', 'two do');
is(client('ann')->query('SECURITY LABEL FOR jit_guard ON ROLE carol IS NULL')->{error}, undef, 'and then it is done');

done_testing();
