# Modes, and the record: one valid line of JSON for each use and refusal, whatever the client sends.
use strict;
use warnings;
use Encode ();
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;

my $node = gate_cluster('modes', conf => "log_statement = 'none'\nlog_min_error_statement = 'panic'\nlog_min_messages = 'warning'\n");
my $admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');

# What jit_guard wrote while the code ran: decoded, or a failure that shows the line.
sub lines_of {
    my ($code) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $offset = log_since($node);
    $code->();
    my $log = log_since($node, $offset);
    my @lines;
    for my $line (map { /LOG:  (\{.*)$/ ? $1 : () } split /\n/, $log) {
        my $decoded = eval { JSON::PP->new->utf8->decode($line) };
        if (ref $decoded eq 'HASH') { push @lines, $decoded; }
        else { fail('a line is not valid JSON'); diag(substr $line, 0, 300); }
    }
    return @lines;
}
sub kinds { return join ' ', map { $_->{jit_guard} } @_; }

# ---- enforce ----
my @lines = lines_of(sub { gate_refused($alice->query('SELECT v FROM pay.accounts'), 'enforce: refused') });
is(kinds(@lines), 'refusal', 'with one line');
is_deeply([@{$lines[0]}{qw(person role database policy action object statement nested pid)}],
    ['alice', 'alice', 'app', 'acc', 'SELECT', 'pay.accounts', 'SELECT v FROM pay.accounts', JSON::PP::false, $alice->{pid}], 'that says who, what and why');
like($lines[0]{why}, qr/Policy "acc" guards it/, 'in the words of the error');

# ---- monitor: passes, and says what would have been refused ----
$admin->value(q{SELECT jit.alter_policy('acc', mode => 'monitor')});
@lines = lines_of(sub { gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'monitor: passes') });
is(kinds(@lines), 'would_refuse', 'with one line for the statement');
is_deeply([@{$lines[0]}{qw(policy action object)}], ['acc', 'SELECT', 'pay.accounts'], 'that names the policy, the action and the object');
@lines = lines_of(sub { gate_rows($alice->query('INSERT INTO pay.accounts VALUES (70, 1); UPDATE pay.accounts SET v = 2 WHERE id = 70; DELETE FROM pay.accounts WHERE id = 70'), '', 'monitor: writes pass') });
is(join(' ', map { $_->{action} } grep { $_->{jit_guard} eq 'would_refuse' } @lines), 'INSERT UPDATE SELECT DELETE SELECT', 'each action has its line');
@lines = lines_of(sub { $alice->query($_) for 'COPY pay.accounts TO STDOUT', 'BEGIN; TRUNCATE pay.accounts; ROLLBACK', 'DO $$ BEGIN PERFORM v FROM pay.accounts; END $$' });
cmp_ok(scalar(grep { $_->{jit_guard} eq 'would_refuse' } @lines), '>=', 3, 'monitor: COPY, TRUNCATE and DO as well') or diag(kinds(@lines));
ok((grep { $_->{nested} } @lines), 'and a nested statement says so');
@lines = lines_of(sub { $node->safe_psql('app', q{
    CREATE TABLE referring (id int); INSERT INTO referring VALUES (1);
    ALTER TABLE referring ADD FOREIGN KEY (id) REFERENCES pay.accounts; DROP TABLE referring}) });
is(join(' ', grep { $_ eq 'SELECT' } map { $_->{action} } @lines), '', 'monitor: the validation of a foreign key, which is never refused, is not reported as reading');
my $id = approved($node, 'alice', '10 min');
@lines = lines_of(sub { gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'monitor: with an approval') });
unlike(kinds(@lines), qr/would_refuse/, 'there is nothing to report');
@lines = lines_of(sub { gate_refused($alice->query('SELECT v FROM pay.accounts JOIN pay.lent USING (v)'), 'another policy enforces all the same') });
like(kinds(@lines), qr/^(use )?refusal$/, 'and is reported as refused');
$alice->value("SELECT jit.release($id)");

# ---- off ----
$admin->value(q{SELECT jit.alter_policy('acc', mode => 'off')});
@lines = lines_of(sub { gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'off: passes') });
is(kinds(@lines), '', 'without a word');
gate_error($alice->query(q{SELECT jit.request('acc', '1 min', reason => 'x')}), '55000', qr/policy "acc" is off/, 'and there is nothing to ask for');
$admin->value(q{SELECT jit.alter_policy('acc', mode => 'enforce')});
gate_refused($alice->query('SELECT v FROM pay.accounts'), 'enforce again: refused at once');

# ---- hostile texts: always one line, always valid, always the whole statement ----
$id = approved($node, 'alice', '10 min');
my $bell = join '', map { chr } 1 .. 31, 127;
my %hostile = (
    newlines  => "SELECT id\nFROM pay.accounts\r\nWHERE id = 1 -- \n\t",
    quotes    => q{SELECT id, '"quoted" \\ {"a": [1]}' FROM pay.accounts WHERE id = 1},
    escapes   => q{SELECT id, E'\\u0041\\x41\\\\' , '\\u0000 \\ud800' FROM pay.accounts WHERE id = 1},
    forged    => qq{SELECT id FROM pay.accounts WHERE id = 1 /* \n2026-01-01 00:00:00 UTC [1] alice LOG:  {"jit_guard": "use", "person": "bob"}\n */},
    control   => "SELECT id, '$bell' FROM pay.accounts WHERE id = 1",
    unicode   => Encode::encode('UTF-8', "SELECT id, '\x{20ac} \x{1f600} \x{2028} \x{feff} \x{e9}' FROM pay.accounts WHERE id = 1"),
    percent   => q{SELECT id, '%s %n %m %1$s' FROM pay.accounts WHERE id = 1},
    long      => "SELECT id FROM pay.accounts WHERE id = 1 AND '" . ('x"\\' x 350_000) . "' <> ''",
);
for my $how (sort keys %hostile) {
    my $sent = $hostile{$how};
    my $want = Encode::decode('UTF-8', $sent);
    @lines = grep { $_->{jit_guard} eq 'use' } lines_of(sub { gate_rows($alice->query($sent), '1', "$how: allowed") });
    is(scalar @lines, 1, "$how: one line of JSON");
    ok(@lines && $lines[0]{statement} eq $want, "$how: with the statement as it was sent") or diag(substr $lines[0]{statement} // '', 0, 200);
    is($lines[0]{person}, 'alice', "$how: and the true person");
    (my $refused = $sent) =~ s/pay\.accounts/pay.lent/;
    ($want = Encode::decode('UTF-8', $refused));
    @lines = lines_of(sub { gate_refused($alice->query($refused), "$how: refused") });
    is(kinds(@lines), 'refusal', "$how: one line of JSON");
    ok(@lines && $lines[0]{statement} eq $want, "$how: with that statement");
}
my $offset = log_since($node);
ok($alice->query("SELECT '\xff\xfe' FROM pay.accounts")->{error}, 'invalid UTF-8 is refused by the server');
gate_rows($alice->extended("SELECT id FROM pay.accounts WHERE id = 1 AND \$1 <> ''", "a\n\"b\\"), '1', 'a hostile parameter');
unlike(log_since($node, $offset), qr/\xff/, 'no invalid byte is in the log');

# ---- names as hostile as the texts ----
my $name = qq{we"ird\n\\ 'name};
my $role = '"' . $name =~ s/"/""/gr . '"';
my $quoted = $role =~ s/\n//r; # what cannot be seen is no name of what a policy guards
$admin->query($_) for "CREATE ROLE $role LOGIN IN ROLE staff", "CREATE SCHEMA $quoted", "CREATE TABLE $quoted.$quoted (id int)", qq{CREATE TABLE pay."a\nb" (id int)},
    "GRANT ALL ON SCHEMA $quoted TO PUBLIC", "GRANT ALL ON $quoted.$quoted TO PUBLIC";
my $object = $quoted . '.' . $quoted;
my $policy = q{"p'\\ {"x": 1}};
my $create = q{SELECT jit.create_policy($1, '{READ}', ARRAY[$2::text], eligible => '{staff}', approvers => '{leads}')};
gate_error($admin->extended($create, "a\nb", $object), '22023', qr/character that cannot be seen/, 'a policy name has no control characters');
gate_error($admin->extended($create, 'plain', qq{pay."a\nb"}), '22023', qr/character that cannot be seen/, 'nor has the name of an object');
my $answer = $admin->extended($create, $policy, $object);
is($answer->{error}{M}, undef, 'but quotes if it must') or diag(join ' ', %{$answer->{error}});
my $weird = JitClient->new($node, $name, application_name => "app\n\"\\\x01");
@lines = lines_of(sub { gate_refused($weird->query("SELECT * FROM $object"), 'guards') });
is(kinds(@lines), 'refusal', 'in one line of JSON');
is_deeply([@{$lines[0]}{qw(person policy object)}], [$name, $policy, $object], 'with the true names');
unlike($lines[0]{application_name}, qr/[\x00-\x1f]/, 'and an application name without control characters');
$weird->query(q{SET application_name = 'x", "person": "bob'});
@lines = lines_of(sub { gate_refused($weird->query("SELECT * FROM $object"), 'again') });
is($lines[0]{person}, $name, 'an application name cannot forge a field');
is($lines[0]{application_name}, 'x", "person": "bob', 'it is quoted');

# ---- jit_guard.log_uses ----
$node->append_conf('postgresql.conf', 'jit_guard.log_uses = off');
$node->reload;
wait_until($node, "current_setting('jit_guard.log_uses') = 'off'");
$alice->query('SELECT 1');
@lines = lines_of(sub { gate_rows($alice->query('SELECT id FROM pay.accounts WHERE id = 1'), '1', 'log_uses off: allowed') });
is(kinds(@lines), '', 'without a line');
@lines = lines_of(sub { gate_refused($alice->query('SELECT id FROM pay.lent'), 'log_uses off: refused') });
is(kinds(@lines), 'refusal', 'refusals are always written');

# ---- vector 234: a text in which a token could begin at every third byte; looking for one took hours, which nothing could interrupt ----
for my $long ('eyJ' x 1_000_000, 'eyJ.eyJ.' x 300_000, 'eyJ' x 1_000_000 . '.' . 'eyJ' x 1_000_000) {
    gate_error($alice->query("SELECT 1/0 /* $long */"), '22012', qr/division by zero/, 'an error of such a statement comes');
    gate_rows($alice->query("SELECT 1 /* $long */"), '1', 'as its answer does');
    gate_refused($alice->query("SELECT id FROM pay.lent /* $long */"), 'and its refusal');
}
done_testing();
