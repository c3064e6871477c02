# Proof of person with the tools that people use: oathtool, ssh-keygen, and another program that reads the QR code. What is
# used up stays so through a rollback and a crash, of two sessions with one code one wins, and no more than five guesses are
# looked at, however many are made at once.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha512);
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use JitClient;
use JitGate;

my $node = gate_cluster('primary', init => {allows_streaming => 1});
my $folder = PostgreSQL::Test::Utils::tempdir;
sub client { return JitClient->new($node, @_); }
sub admin { return client('postgres')->value($_[0]); }
sub run_it { my ($command, $input) = @_; my ($out, $err) = ('', ''); IPC::Run::run($command, '<', \($input // ''), '>', \$out, '2>', \$err) or die "@$command: $err"; return $out; }
sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'$text'"; }
sub slurp { return PostgreSQL::Test::Utils::slurp_file($_[0]); }
sub spew { my ($file, $text) = @_; open my $out, '>:raw', $file or die; print {$out} $text; close $out or die; return; }

admin($_) for q{SELECT jit.create_policy('both', '{SELECT}', '{pay.open}', eligible => '{staff}', approvers => '{leads}', require_mfa => 'both', require_reason => false)},
    q{SELECT jit.create_policy('own', '{INSERT}', '{pay.open}', eligible => '{staff}', approvals => 0, require_mfa => 'requester', require_reason => false)};

# ---- enrolling with oathtool, and the QR code ----
my (%secret, %recovery);
sub code { my ($person, $when) = @_; my $code = run_it(['oathtool', '--totp', '--base32', '--now', $when // 'now', $secret{$person}]); chomp $code; return $code; }
sub enroll {
    my ($person) = @_;
    my $client = client($person);
    my $row = $client->query('SELECT * FROM jit.enroll_totp()')->{rows}[0];
    ($secret{$person}) = $row->[0] =~ /secret=([A-Z2-7]{32})&/ or die "no secret in $row->[0]";
    my $answer = $client->query('SELECT * FROM jit.confirm_totp(' . quoted(code($person)) . ')');
    die $answer->{error}{M} if $answer->{error};
    $recovery{$person} = [map { $_->[0] } @{$answer->{rows}}];
    return @$row;
}
my ($uri, $qr) = enroll('alice');
enroll('carol');
is(scalar @{$recovery{alice}}, 10, 'a code of oathtool confirms, and there are ten recovery codes');

utf8::decode($qr);
my @rows;
for my $line (split /\n/, $qr) {
    push @rows, join(' ', map { /[\x{2580}\x{2588}]/ ? 0 : 1 } split //, $line), join(' ', map { /[\x{2584}\x{2588}]/ ? 0 : 1 } split //, $line);
}
my @big = map { my $row = join ' ', map { ($_) x 4 } split / /; ($row) x 4 } @rows;
spew("$folder/qr.pbm", "P1\n" . scalar(split / /, $big[0]) . ' ' . scalar(@big) . "\n" . join("\n", @big) . "\n");
my $seen = run_it(['zbarimg', '--quiet', '--raw', "$folder/qr.pbm"]);
chomp $seen;
is($seen, $uri, 'a scanner reads the URI from the picture');

# ---- the key, and what the database holds ----
my $key = $node->data_dir . '/jit_guard_mfa.key';
is((stat $key)[2] & 07777, 0600, 'the key was made for its owner alone');
like(slurp($key), qr/^[0-9a-f]{64}\n\z/, 'of 256 bits');
sub ask { my ($policy, $more) = @_; return client('alice')->value("SELECT jit.request('$policy', '10 min'" . ($more // '') . ')'); }
sub prove { my ($client, $id, $proof) = @_; return $client->query("SELECT jit.prove($id, " . quoted($proof) . ')'); }
my $id = ask('own');
chmod 0640, $key or die;
gate_error(prove(client('alice'), $id, code('alice', '+30 seconds')), 'F0000', qr/permissions let others read it/, 'a key that others can read is not used');
chmod 0600, $key or die;
my $kept = slurp($key);
spew($key, ('0' x 64) . "\n");
gate_error(prove(client('alice'), $id, code('alice', '+30 seconds')), 'F0000', qr/sealed under another key/, 'another key opens nothing');
unlink $key or die;
gate_error(prove(client('alice'), $id, code('alice', '+30 seconds')), 'F0000', qr/no such file/i, 'without the key nothing is proved');
ok(!-e $key, 'and none is made in its place');
is(admin("SELECT failures FROM jit.factors WHERE person = 'alice'::regrole LIMIT 1"), 0, 'none of this is a failure of hers');
spew($key, $kept);
chmod 0600, $key or die;
my $dump = run_it(['pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'postgres', '-N', 'pay', 'app']);
unlike($dump, qr/^COPY jit\.(authenticator|attempts|challenges|proofs)/m, 'a dump has no factors');
like($dump, qr/^COPY jit\.policies/m, 'and has policies');

# ---- vector 202: one code, two sessions ----
my ($one, $two) = (client('alice'), client('alice'));
my $code = code('alice', '+30 seconds');
my $other = ask('own', ", actions => '{INSERT}', uses => 1");
$one->query('BEGIN');
is(prove($one, $id, $code)->{error}, undef, 'the first session proves with a code');
gate_error(prove($two, $other, $code), '28000', qr/used before/, 'the second is refused at once, though the first is not committed');
$one->query('ROLLBACK');
gate_error(prove($two, $other, $code), '28000', qr/used before/, 'and after its rollback');
gate_error(prove($one, $id, $code), '28000', qr/used before/, 'so is the first');
gate_rows(prove($one, $id, $recovery{alice}[0]), 'approved', 'another code proves');
is(admin("SELECT failures FROM jit.factors WHERE person = 'alice'::regrole LIMIT 1"), 0, 'a success clears the failures');
my @raced = map { client('alice') } 1 .. 4;
my @asked = map { ask('own', ", actions => '{INSERT}', uses => 1$_") } 1 .. 4;
$raced[$_]->send_query("SELECT jit.prove($asked[$_], " . quoted($recovery{alice}[1]) . ')') for 0 .. 3;
my @answers = map { $_->finish } @raced;
is(scalar(grep { !$_->{error} } @answers), 1, 'of four sessions at the same moment one wins');

# ---- a crash between ----
$id = ask('both');
$one = client('alice');
$one->query('BEGIN');
is(prove($one, $id, $recovery{alice}[2])->{error}, undef, 'proved, and not committed');
$two = client('alice');
$other = ask('both', ", actions => '{SELECT}', uses => 2");
gate_error(prove($two, $other, '000000'), '28000', qr/no code of your authenticator/, 'a failure is counted') for 1 .. 2;
$node->stop('immediate');
$node->start;
$two = client('alice');
is(admin("SELECT to_prove IS NULL FROM jit.my_requests WHERE request_id = $id") // 'none', 'none', 'the transaction is gone');
gate_error(prove($two, $id, $recovery{alice}[2]), '28000', qr/used before/, 'the code is used up nevertheless');
is(admin("SELECT failures FROM jit.factors WHERE person = 'alice'::regrole LIMIT 1"), 3, 'and the failures before the crash count');
gate_rows(prove($two, $id, $recovery{alice}[3]), 'pending', 'another one proves');

# ---- vector 206, vector 207: ssh-keygen ----
sub keypair { my ($name, @type) = @_; run_it(['ssh-keygen', '-q', '-N', '', '-C', $name, '-f', "$folder/$name", @type]); return slurp("$folder/$name.pub"); }
sub signed { my ($name, $text, $purpose) = @_; return run_it(['ssh-keygen', '-q', '-Y', 'sign', '-n', $purpose // 'jit_guard', '-f', "$folder/$name"], $text); }
my $bob = client('bob');
my %type = (ed25519 => [], ecdsa => [], rsa => ['-b', '2048']);
my $public = keypair('ed25519', '-t', 'ed25519');
like($bob->value('SELECT jit.enroll_key(' . quoted($public) . ')'), qr/^\d+$/, 'a first key is enrolled');
is($bob->value('SELECT fingerprint FROM jit.factors'), (split / /, run_it(['ssh-keygen', '-l', '-f', "$folder/ed25519.pub"]))[1], 'with the fingerprint of ssh-keygen');
for my $name ('ecdsa', 'rsa') {
    my $line = quoted(keypair($name, '-t', $name, @{$type{$name}}));
    gate_error($bob->query("SELECT jit.enroll_key($line)"), '42501', qr/needs a proof/, "$name: not without a proof");
    my $proof = signed('ed25519', $bob->value('SELECT jit.challenge()') . "\n");
    like($bob->value("SELECT jit.enroll_key($line, " . quoted($proof) . ')'), qr/^\d+$/, "$name: with one");
}
sub bobs { my ($more) = @_; return $bob->value("SELECT jit.request('own', '10 min'" . ($more // '') . ')'); }
my $uses = 1;
for my $name ('ed25519', 'ecdsa', 'rsa') {
    for my $line_end ('', "\n") {
        my $id = bobs(', uses => ' . $uses++);
        my $proof = signed($name, $bob->value("SELECT jit.challenge($id)") . $line_end);
        gate_rows(prove($bob, $id, $proof), 'approved', "$name: a signature" . ($line_end ? ' with a line end' : '') . ' proves');
    }
}
my ($first, $second) = (bobs(', uses => 50'), bobs(', uses => 51'));
gate_error(prove($bob, $first, signed('ed25519', 'x')), '55000', qr/no challenge/, 'without a challenge there is nothing to sign');
my $challenge = $bob->value("SELECT jit.challenge($first)");
$bob->value("SELECT jit.challenge($second)");
gate_error(prove($bob, $second, signed('ed25519', $challenge)), '28000', qr/not of your latest challenge/, 'a signature is for one request');
gate_error(prove($bob, $first, signed('ed25519', $challenge, 'file')), '28000', qr/another purpose/, 'and for one purpose');
keypair('stranger', '-t', 'ed25519');
gate_error(prove($bob, $first, signed('stranger', $challenge)), '28000', qr/not enrolled/, 'by a key of the person');
my $later = $bob->value("SELECT jit.challenge($first)");
gate_error(prove($bob, $first, signed('ed25519', $challenge)), '28000', qr/not of your latest challenge/, 'over the latest challenge');
$bob->query('BEGIN');
gate_rows(prove($bob, $first, signed('ed25519', $later)), 'approved', 'that one proves');
$bob->query('ROLLBACK');
gate_error(prove($bob, $first, signed('ed25519', $later)), '28000', qr/used before/, 'once, whatever was rolled back');
$challenge = $bob->value("SELECT jit.challenge($first)");
admin(q{SELECT jit.alter_policy('own', mfa_max_age => '1 second')});
sleep 1.1;
gate_error(prove($bob, $first, signed('ed25519', $challenge)), '55000', qr/too old/, 'an old challenge is refused');
admin(q{SELECT jit.alter_policy('own', mfa_max_age => '5 min')});
gate_rows(prove($bob, $first, signed('ed25519', $challenge)), 'approved', 'and is good while the policy lets it');
$challenge = $bob->value("SELECT jit.challenge($second)");
like($challenge, qr/^jit_guard: request $second of "bob" under policy "own", facts [0-9a-f]{64}, nonce [0-9a-f]{32}$/, 'the challenge says what it is for');
$bob->query("SET TimeZone = 'Asia/Tokyo'");
$bob->query('SET IntervalStyle = iso_8601');
gate_rows(prove($bob, $second, signed('ed25519', $challenge)), 'approved', 'its facts do not hang on settings');

# ---- vector 237: another challenge, committed while a used signature is looked at ----
# Counting the attempt flushes the log; for this session that takes a tenth of a second, in which the challenge is committed.
$node->adjust_conf('postgresql.conf', 'fsync', 'on');
$node->reload;
my $third = bobs(', uses => 52');
my $quick = client('bob', options => '-c synchronous_commit=off');
admin($_) for q{ALTER ROLE bob SET commit_delay = 100000}, q{ALTER ROLE bob SET commit_siblings = 0};
my $slow = client('bob');
for my $try (1 .. 4) {
    my $used = signed('ed25519', $bob->value("SELECT jit.challenge($third)"));
    $bob->query('BEGIN');
    gate_rows(prove($bob, $third, $used), 'approved', 'a signature is used');
    $bob->query('ROLLBACK');
    $quick->query('BEGIN');
    $quick->value("SELECT jit.challenge($third)");
    $slow->send_query("SELECT jit.prove($third, " . quoted($used) . ')');
    wait_until($node, q{(SELECT failures = 1 FROM jit.attempts WHERE person = 'bob'::regrole)});
    $quick->query('COMMIT');
    gate_error($slow->finish, '28000', qr/used before|not of your latest challenge/, 'and again, it is refused, whichever challenge is there when it is used up');
}
gate_rows(prove($bob, $third, signed('ed25519', $bob->value("SELECT jit.challenge($third)"))), 'approved', 'one over the latest challenge proves');
admin('ALTER ROLE bob RESET ALL');
$node->adjust_conf('postgresql.conf', 'fsync', 'off');
$node->reload;

# ---- hardware keys: made here as the hardware makes them, and ssh-keygen agrees ----
sub text { return pack 'N/a', $_[0]; }
run_it(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$folder/sk.pem"]);
my $point = substr run_it(['openssl', 'pkey', '-in', "$folder/sk.pem", '-pubout', '-outform', 'DER']), -32;
my $blob = text('sk-ssh-ed25519@openssh.com') . text($point) . text('ssh:');
sub touched {
    my ($message, $flags, $counter) = @_;
    my $inner = 'SSHSIG' . text('jit_guard') . text('') . text('sha512') . text(sha512($message));
    spew("$folder/tbs", sha256('ssh:') . pack('CN', $flags, $counter) . sha256($inner));
    my $raw = run_it(['openssl', 'pkeyutl', '-sign', '-inkey', "$folder/sk.pem", '-rawin', '-in', "$folder/tbs"]);
    my $signature = 'SSHSIG' . pack('N', 1) . text($blob) . text('jit_guard') . text('') . text('sha512')
        . text(text('sk-ssh-ed25519@openssh.com') . text($raw) . pack('CN', $flags, $counter));
    return "-----BEGIN SSH SIGNATURE-----\n" . encode_base64($signature) . "-----END SSH SIGNATURE-----\n";
}
spew("$folder/sk.sig", touched('message', 1, 7));
like(run_it(['ssh-keygen', '-Y', 'check-novalidate', '-n', 'jit_guard', '-s', "$folder/sk.sig"], 'message'), qr/Good "jit_guard" signature/, 'OpenSSH takes such a signature');
my $line = 'sk-ssh-ed25519@openssh.com ' . encode_base64($blob, '') . ' token';
$bob->value('SELECT jit.enroll_key(' . quoted($line) . ', ' . quoted(signed('rsa', $bob->value('SELECT jit.challenge()'))) . ')');
sub by_token { my ($flags, $counter) = @_; my $id = bobs(', uses => ' . (100 + $uses++)); my $proof = touched($bob->value("SELECT jit.challenge($id)"), $flags, $counter); return prove($bob, $id, $proof); }
gate_rows(by_token(1, 7), 'approved', 'a touched token proves');
gate_error(by_token(0, 8), '28000', qr/Nobody touched/, 'an untouched one does not');
gate_error(by_token(1, 7), '28000', qr/counter .* has not gone on/, 'nor one whose counter stands still');
gate_error(by_token(1, 6), '28000', qr/counter .* has not gone on/, 'or goes back');
gate_rows(by_token(5, 8), 'approved', 'one that goes on does');
gate_error(by_token(1, 0), '28000', qr/counter .* has not gone on/, 'one that counted before does not begin again');

# ---- vector 203: guessing in many sessions at once ----
$id = client('alice')->value("SELECT jit.request('own', '10 min', uses => 3)");
my @guessers = map { client('alice') } 1 .. 12;
$guessers[$_]->send_query(sprintf "SELECT jit.prove($id, '%06d')", $_) for 0 .. $#guessers;
@answers = map { $_->finish } @guessers;
is(scalar(grep { $_->{error}{D} =~ /no code of your authenticator/ } @answers), 5, 'five guesses are looked at');
is(scalar(grep { $_->{error}{D} =~ /locked out/ } @answers), 7, 'and the others meet a lock-out');
gate_error(prove(client('alice'), $id, $recovery{alice}[5]), '28000', qr/locked out/, 'in which nothing is right');
wait_until($node, "EXISTS (SELECT FROM jit.events WHERE event = 'locked_out' AND person = 'alice')", 'the keeper tells of it');
wait_until($node, "(SELECT announced = lockouts FROM jit.attempts WHERE person = 'alice'::regrole)", 'once');
$node->stop('immediate');
$node->start;
gate_error(prove(client('alice'), $id, $recovery{alice}[5]), '28000', qr/locked out/, 'a crash opens nothing');
is(admin(q{SELECT count(*) FROM jit.events WHERE event = 'locked_out'}), 1, 'nor is it told again');
is(admin(q{SELECT jit.reset_factors('alice', 'lost her phone')}), 2, 'an administrator resets');
enroll('alice');
gate_rows(prove(client('alice'), $id, $recovery{alice}[0]), 'approved', 'and she begins anew');

# ---- vector 239: a reset, and what is proved in a transaction that is still open ----
sub stolen { my ($person) = @_; return client('postgres')->send_query("SELECT jit.reset_factors('$person', 'phone stolen')"); }
sub is_over { my ($answer, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; is($answer->{error}{M}, undef, $test); return $answer->{notices}; }
sub unproved { my ($id, $test) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; is(admin("SELECT count(*) FROM jit.proofs WHERE request_id = $id AND person = 'alice'::regrole AND used_at IS NULL"), 0, $test); return; }
$id = ask('both', ', uses => 30');
$one = client('alice');
$one->query('BEGIN');
gate_rows(prove($one, $id, $recovery{alice}[1]), 'pending', 'proved, and not committed');
my $reset = stolen('alice');
is_waiting($node, $reset, 'a reset waits a moment for it');
$one->query('COMMIT');
is(scalar @{is_over($reset->finish, 'and goes on when it is committed')}, 0, 'for which nobody was ended');
unproved($id, 'the proof does not outlive the reset');
gate_error(prove($one, $id, $recovery{alice}[2]), '55000', qr/you have no second factor/, 'nor does the factor');
enroll('alice');
$one->query('BEGIN');
gate_rows(prove($one, $id, $recovery{alice}[1]), 'pending', 'proved again');
$other = ask('own', ", actions => '{INSERT}', uses => 20");
gate_rows(prove($one, $other, $recovery{alice}[2]), 'approved', 'with what follows from it');
like(is_over(stolen('alice')->finish, 'a reset does not wait for ever')->[0]{M} // '', qr/a session of "alice" was ended/, 'the session is ended');
$one->query('COMMIT');
unproved($id, 'and its proof is not there');
is(admin("SELECT state FROM jit.requests WHERE request_id = $other"), 'pending', 'nor what followed from it');
client('alice')->query("SELECT jit.cancel($other)");
enroll('alice');
$one = client('alice');
$one->query('BEGIN');
is($one->query('SELECT uri FROM jit.enroll_totp(' . quoted($recovery{alice}[0]) . ')')->{error}, undef, 'enrolling in an open transaction');
is_over(stolen('alice')->finish, 'holds up no reset either');
$one = client('bob');
$one->query('BEGIN');
$one->value('SELECT jit.challenge()');
is_over(stolen('bob')->finish, 'nor does a challenge');
# An approver's decision uses up the proof of the requester, and his own.
enroll('alice');
gate_rows(prove(client('alice'), $id, $recovery{alice}[0]), 'pending', 'the requester proves');
gate_rows(prove(client('carol'), $id, $recovery{carol}[0]), 'pending', 'so does the approver');
$two = client('carol');
$two->query('BEGIN');
gate_rows($two->query("SELECT jit.approve($id)"), 'approved', 'who approves, and does not commit');
is_over(stolen('alice')->finish, 'nor does that');
$two->query('COMMIT');
unproved($id, 'no proof of hers is left');
is(admin("SELECT state FROM jit.requests WHERE request_id = $id"), 'pending', 'and nothing was approved by it');
client('alice')->query("SELECT jit.cancel($id)");
enroll('alice');

# ---- a standby, and a role that is gone ----
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay');
for my $call (q{jit.prove(1, '123456')}, 'jit.challenge()') {
    gate_error(JitClient->new($standby, 'alice')->query("SELECT $call"), '25006', qr/on a standby/, "nothing is proved on a standby: $call");
}
$standby->stop;
admin('CREATE ROLE passing LOGIN IN ROLE staff');
enroll('passing');
admin('DROP ROLE passing');
$node->restart;
wait_until($node, '(SELECT count(*) FROM jit.authenticators a WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.person)) = 0', 'factors of dropped roles go');
is(admin(q{SELECT count(*) FROM jit.factors WHERE person IN ('alice'::regrole, 'carol'::regrole)}), 4, 'those of others stay');

admin('ALTER ROLE carol RENAME TO caroline');
my $renamed = client('caroline')->query('SELECT * FROM jit.new_recovery_codes(' . quoted(code('carol', '+30 seconds')) . ')');
is(scalar @{$renamed->{rows}}, 10, 'a renamed role keeps its factors') or diag($renamed->{error}{M});

# vector 240: both would be good in the copy and here
my $of_carol = quoted($renamed->{rows}[3][0]);
$public = quoted(keypair('kept', '-t', 'ed25519'));
$bob = client('bob');
$bob->value("SELECT jit.enroll_key($public)");
$_->close for values %{$node->{jit_people}}, $bob;
$node->{jit_people} = {};
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE app');
$node->safe_psql('postgres', "ALTER DATABASE copy SET jit_guard.test_off = '$ENV{JIT_TEST_OFF}'") if $ENV{JIT_TEST_OFF};
client('postgres', db => 'copy')->query('SELECT * FROM jit.rebind()');
is(client('postgres', db => 'copy')->value(q{SELECT detail ->> 'factors_removed' FROM jit.events WHERE event = 'rebound'}), 5, 'a copy of the database takes no second factors along');
gate_error(client('caroline', db => 'copy')->query("SELECT * FROM jit.new_recovery_codes($of_carol)"), '55000', qr/you have no second factor/, 'no recovery codes');
gate_error(client('bob', db => 'copy')->query('SELECT jit.challenge()'), '55000', qr/you have no key/, 'and no keys');
like(client('bob', db => 'copy')->value("SELECT jit.enroll_key($public)"), qr/^\d+$/, 'people enrol anew there');
is(scalar @{client('caroline')->query("SELECT * FROM jit.new_recovery_codes($of_carol)")->{rows}}, 10, 'in the original a recovery code is good');
like(client('bob')->value('SELECT jit.challenge()'), qr/^jit_guard: /, 'and a key');
is(scalar @{client('alice')->query('SELECT * FROM jit.new_recovery_codes(' . quoted(code('alice', '+30 seconds')) . ')')->{rows}}, 10, 'and a code of an app');

# ---- the log ----
my $log = slurp($node->logfile);
ok($log !~ /$_/, 'no secret is in the server log') for values %secret;
ok($log !~ /\Q$_\E/, 'nor a recovery code that was not sent') for $recovery{alice}[9], $recovery{carol}[9];
ok($log !~ /STATEMENT: .*jit\.prove/, 'the log does not repeat statements with proofs');
ok($log =~ /"refusal".*"PROVE".*jit\.prove\(\d+, \.\.\.\)/, 'and says which call was refused');

# ---- vector 296: what nobody has committed over an old challenge holds up nothing ----
# Without the library its tables are tables like any other: two challenges that will soon be a day old. The keeper looks for such as it starts.
client('bob')->value('SELECT jit.challenge()');
my $library = $node->safe_psql('postgres', 'SHOW shared_preload_libraries');
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
$node->safe_psql('app', q{UPDATE jit.challenges SET issued_at = now() - '1 day'::interval + '30 s'::interval WHERE person = 'bob'::regrole AND request_id = 0});
$node->safe_psql('app', q{INSERT INTO jit.challenges SELECT 4711, c.person, 0, c.nonce, c.issued_at FROM jit.challenges c WHERE c.person = 'bob'::regrole AND c.request_id = 0});
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$library'");
$node->restart;
my $holder = client('bob');
$holder->query('BEGIN');
like($holder->value('SELECT jit.challenge()'), qr/^jit_guard: /, 'a challenge is made anew');
wait_until($node, q{NOT EXISTS (SELECT FROM jit.challenges WHERE request_id = 4711 AND issued_at > clock_timestamp() - '1 day'::interval)}, 'which is a day old, as another is');
my $waits = () = slurp($node->logfile) =~ /keeper waits for a lock/g;
admin(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper'});
wait_until($node, 'NOT EXISTS (SELECT FROM jit.challenges WHERE request_id = 4711)', 'the other one goes');
is(scalar(() = slurp($node->logfile) =~ /keeper waits for a lock/g), $waits, 'and the keeper waits for nobody');
$holder->query('COMMIT');
is(admin(q{SELECT count(*) FROM jit.challenges WHERE person = 'bob'::regrole AND issued_at > now() - '1 hour'::interval}), 1, 'the new one is there');

done_testing();
