# Tokens of Entra ID in the text of statements, where others may read them: refused, used up, and not in the log, records or tables.
use strict;
use warnings;
use Test::More;
use JitClient;
use JitEntra;
use JitGate;

begin_entra();
set_label('alice', label($oid{alice}));
make_policies();
my $claims = sub { return $issuer->claims($oid{alice}, @_) };

# ---- vector 213: in the text of the statement ----
my $id = ask('alice');
my $literal = $issuer->token($oid{alice});
gate_error(client('alice')->query("SELECT jit.present_token('$literal', $id)"), '28000', qr/others may have read it: it is burnt/, 'not in the text of the statement');
gate_error(present(client('alice'), $literal, $id), '28000', qr/used before/, 'after which it is used up');
my @halves = (substr($literal = $issuer->token($oid{alice}), 0, 50), substr $literal, 50);
gate_error(client('alice')->query("SELECT jit.present_token('$halves[0]' || '$halves[1]', $id)"), '28000', qr/burnt/, 'nor in pieces');
gate_error(client('alice')->query("PREPARE p AS SELECT jit.present_token(\$1, $id); EXECUTE p('$literal')"), '42501', qr/only be called by the client/, 'nor by EXECUTE');
accepted('alice', $id, 'as a parameter a token is accepted');
$id = ask('alice');
$literal = $issuer->token($oid{alice});
gate_error(client('alice')->extended("SELECT jit.prove($id, '$literal')"), '28000', qr/burnt/, 'nor to jit.prove');
accepted('alice', $id, 'as a parameter it is accepted');

# ---- vector 235: whatever the statement is refused for, the token in its text is used up: who read it would present it for what waits next ----
sub shown {
    my ($test, $sqlstate, $like, $statement, $before) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    push @texts, $issuer->token($oid{alice});
    my $client = client('alice');
    $client->query($before) if $before;
    gate_error($client->query($statement =~ s/TOKEN/$texts[-1]/r), $sqlstate, $like, "refused: $test");
    my $next = ask('alice');
    gate_error(present(client('alice'), $texts[-1], $next), '28000', qr/used before/, 'and its token proves nothing afterwards');
    return accepted('alice', $next, 'as one that nobody has seen does');
}
my $over = ask('alice');
client('alice')->query("SELECT jit.cancel($over)");
my @two = map { ask('alice') } 1 .. 2;
shown('two wait', '55000', qr/several requests wait/, q{SELECT jit.present_token('TOKEN')});
client('alice')->query("SELECT jit.cancel($_)") for @two;
my $proved = ask('alice', 'both');
gate_rows(present(client('alice'), token($oid{alice}), $proved), 'pending', 'proved already');
shown('a request that is over', '55000', qr/cancelled/, "SELECT jit.present_token('TOKEN', $over)");
shown('one that is proved', '55000', qr/proved yourself already/, "SELECT jit.present_token('TOKEN', $proved)");
shown('one that is not there', '42704', qr/no request/, q{SELECT jit.present_token('TOKEN', 4711000)});
shown('no request waits', '55000', qr/no request waits/, q{SELECT jit.present_token('TOKEN')});
shown('no number', '22004', qr/null/, q{SELECT jit.prove(NULL, 'TOKEN')});
client('alice')->query("SELECT jit.cancel($proved)");
shown('EXECUTE', '42501', qr/only be called by the client/, "PREPARE p AS SELECT jit.present_token(\$1, 1); EXECUTE p('TOKEN')");
shown('a block', '42501', qr/only be called by the client/, q{DO $$ BEGIN PERFORM jit.present_token('TOKEN', 1); END $$});
shown('a read-only transaction', '25006', qr/read-only/, q{SELECT jit.present_token('TOKEN', 1)}, 'BEGIN READ ONLY');
shown('a snapshot', '25001', qr/READ COMMITTED/, q{SELECT jit.present_token('TOKEN', 1)}, 'BEGIN ISOLATION LEVEL SERIALIZABLE');
shown('no such glass', '42704', qr/glass/, q{SELECT jit.break_glass('nothing', 'x', proof => 'TOKEN')});
shown('no key', '22023', qr/no public key/, q{SELECT jit.enroll_key('x', 'TOKEN')});
shown('no factor', '42704', qr/no second factor/, q{SELECT jit.remove_factor(4711000, 'TOKEN')});
$id = ask('alice');
push @texts, $issuer->sign($claims->(auth_time => time - 301));
gate_error(client('alice')->query("SELECT jit.present_token('$texts[-1]', $id)"), '28000', qr/burnt\. .*signed in too long ago/, 'refused: a sign-in that is too old');
admin(q{SELECT jit.alter_policy('own', mfa_max_age => '10 min')});
gate_error(present(client('alice'), $texts[-1], $id), '28000', qr/used before/, 'its token proves nothing where it would not be');
accepted('alice', $id, 'as one that nobody has seen does', auth_time => time - 301);
admin(q{SELECT jit.alter_policy('own', mfa_max_age => '5 min')});
$id = ask('alice');
my $wrapped = client('alice');
$wrapped->query(q{CREATE FUNCTION pg_temp.f(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN jit.present_token($1); END'});
gate_error($wrapped->extended('SELECT pg_temp.f($1)', token($oid{alice})), '42501', qr/only be called by the client/, 'refused: a function');
gate_rows(present($wrapped, $tokens[-1], $id), 'approved', 'whose parameter nobody has seen: it proves afterwards');
push @texts, $issuer->sign($claims->(), by => 'stranger');
$wrapped->query("DO \$\$ BEGIN PERFORM jit.present_token('$texts[-1]'); END \$\$") for 1 .. 6;
is(admin(q{SELECT failures FROM jit.factors WHERE person = 'alice'::regrole AND kind = 'entra'}), 0, 'nor does code of others make failed attempts of hers');

# ---- vector 233 with a token that is good: the gate refuses what stands before it, and it is never presented ----
$id = ask('alice');
push @texts, $issuer->sign($claims->());
gate_refused(client('alice')->query("SELECT * FROM pay.accounts; SELECT jit.present_token('$texts[-1]', $id)"), 'a refusal with a token in the text');
like(admin(q{CALL jit.catch_up(); SELECT statement FROM jit.refusals ORDER BY seq DESC LIMIT 1}), qr/^SELECT \* FROM pay\.accounts; SELECT jit\.present_token\('\(a signed token of \d+ bytes\)', $id\)$/,
    'its record says so');
client('alice')->query("SELECT jit.cancel($id)");

# ---- vector 236: in what EXECUTE was given ----
push @texts, $issuer->sign($claims->());
for my $comment ('', " /* $texts[-1] */") {
    my $error = client('alice')->query("DO \$\$ BEGIN EXECUTE 'SELECT no_such_column$comment'; END \$\$")->{error};
    is($error->{C}, '42703', 'an error in a text that is executed');
    like($error->{q}, $comment ? qr{^SELECT no_such_column /\* \(a signed token of \d+ bytes\) \*/$} : qr/^SELECT no_such_column$/, 'with the text, in which a token is named');
    is($error->{p}, $comment ? undef : 8, 'and the place, where it can be said');
}

# ---- nothing of a token is left ----
nothing_is_left();
done_testing();
