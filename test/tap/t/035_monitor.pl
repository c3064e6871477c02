# Mode monitor reports what mode enforce refuses: the same policy, action, object and reason, and what led there: the functions
# and triggers on the stack, the views in between.
use strict;
use warnings;
use JSON::PP ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $node = new_cluster('monitor');
$node->safe_psql('app', <<'SQL');
CREATE ROLE owner; CREATE ROLE eve LOGIN; CREATE ROLE payroll; CREATE ROLE root LOGIN SUPERUSER;
CREATE SCHEMA pay AUTHORIZATION owner; CREATE SCHEMA rest AUTHORIZATION owner; GRANT USAGE ON SCHEMA pay TO PUBLIC;
SET ROLE owner;
CREATE TABLE pay.accounts (id int PRIMARY KEY, iban text); INSERT INTO pay.accounts VALUES (1, 'DE01'), (2, 'DE02');
CREATE TABLE pay.entries (id int, account int REFERENCES pay.accounts ON DELETE CASCADE); INSERT INTO pay.entries VALUES (1, 1);
CREATE TABLE pay.whole (id int) PARTITION BY LIST (id); CREATE TABLE pay.part PARTITION OF pay.whole FOR VALUES IN (1);
CREATE TABLE pay.inbox (id int); CREATE TABLE pay.ups (id int PRIMARY KEY); INSERT INTO pay.ups VALUES (1);
CREATE TABLE pay.downs (id int REFERENCES pay.ups ON DELETE CASCADE); INSERT INTO pay.downs VALUES (1);
CREATE VIEW pay.ibans AS SELECT iban FROM pay.accounts; CREATE VIEW pay.outer_view AS SELECT iban || '!' AS iban FROM pay.ibans;
CREATE VIEW pay.mine WITH (security_invoker) AS SELECT iban FROM pay.accounts;
CREATE FUNCTION pay.reads() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(iban) FROM pay.accounts); END $$;
CREATE FUNCTION pay.calls() RETURNS text LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN x := pay.reads(); RETURN x; END $$;
CREATE FUNCTION pay.fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pay.calls(); RETURN new; END $$;
CREATE TRIGGER fires BEFORE INSERT ON pay.inbox FOR EACH ROW EXECUTE FUNCTION pay.fires();
CREATE FUNCTION pay.guarded() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SEQUENCE rest.numbers; CREATE VIEW pay.shown AS SELECT id FROM pay.ups;
GRANT ALL ON ALL TABLES IN SCHEMA pay TO eve;
RESET ROLE;
SQL
sql($node, q{SELECT jit.create_policy('acc', '{ALL}', '{pay.accounts, pay.part, pay.downs, pay.shown, rest.numbers, function pay.guarded()}', eligible => '{staff}', approvers => '{leads}')});
sql($node, q{SELECT jit.create_policy('roles', '{ALL}', '{role payroll}', eligible => '{staff}', approvers => '{leads}')});

# [what, person, statement, functions and views that the line has to name]
my @cases = (
    ['a statement', 'eve', 'SELECT iban FROM pay.accounts'],
    ['one that writes', 'eve', 'UPDATE pay.accounts SET iban = iban WHERE id = 1'],
    ['a copy', 'eve', 'CREATE TEMPORARY TABLE t AS SELECT iban FROM pay.accounts'],
    ['COPY', 'eve', 'COPY pay.accounts TO STDOUT'],
    ['LOCK', 'eve', 'BEGIN; LOCK pay.accounts; COMMIT'],
    ['TRUNCATE', 'eve', 'BEGIN; TRUNCATE pay.accounts CASCADE; ROLLBACK'],
    ['a partition', 'eve', 'INSERT INTO pay.whole VALUES (1)'],
    ['a view', 'eve', 'SELECT * FROM pay.ibans', views => ['pay.ibans']],
    ['a view of a view', 'eve', 'SELECT * FROM pay.outer_view', views => ['pay.outer_view', 'pay.ibans']],
    ['a view that speaks as its caller', 'eve', 'SELECT * FROM pay.mine', views => ['pay.mine']],
    ['a function', 'eve', 'SELECT pay.reads()', stack => qr/function pay\.reads\(\) line 1/],
    ['a function in a function', 'eve', 'SELECT pay.calls()', stack => qr/function pay\.reads\(\) line 1.*\n.*function pay\.calls\(\) line 1/s],
    ['a trigger', 'eve', 'INSERT INTO pay.inbox VALUES (1)', stack => qr/pay\.reads\(\).*pay\.calls\(\).*pay\.fires\(\)/s, depth => 1],
    ['a foreign key', 'eve', 'BEGIN; DELETE FROM pay.ups; ROLLBACK', stack => qr/DELETE FROM ONLY "pay"\."downs"/, depth => 1],
    ['DO', 'eve', 'DO $$ BEGIN PERFORM iban FROM pay.accounts; END $$', stack => qr/inline_code_block/],
    ['a view in a function', 'eve', 'DO $$ BEGIN PERFORM iban FROM pay.outer_view; END $$', stack => qr/inline_code_block/, views => ['pay.outer_view', 'pay.ibans']],
    ['EXECUTE', 'eve', 'SELECT pay.guarded()'],
    ['a command', 'root', 'BEGIN; ALTER TABLE pay.accounts ADD x int; ROLLBACK'],
    ['DROP', 'root', 'BEGIN; DROP TABLE pay.accounts CASCADE; ROLLBACK'],
    ['DROP of the whole of a part', 'root', 'BEGIN; DROP TABLE pay.whole; ROLLBACK'],
    ['a view that goes with its table', 'root', 'BEGIN; DROP TABLE pay.ups CASCADE; ROLLBACK'],
    ['a sequence that goes with its schema', 'root', 'BEGIN; DROP SCHEMA rest CASCADE; ROLLBACK'],
    ['a role', 'root', 'BEGIN; GRANT payroll TO eve; ROLLBACK'],
    ['a role in a function', 'root', 'DO $$ BEGIN GRANT payroll TO eve; REVOKE payroll FROM eve; END $$', stack => qr/inline_code_block/],
);

sub lines {
    my ($case, $kind) = @_;
    my $offset = -s $node->logfile;
    my ($code, $out, $err) = as_person($node, $case->[1], $case->[2]);
    my @found = map { JSON::PP::decode_json($_) } slurp_file($node->logfile, $offset) =~ /(\{"jit_guard": "$kind".*\})$/mg;
    return ($code, $err, grep { ($_->{policy} // '') ne 'jit_guard' } @found);
}

my (%refusal, %said);
for my $case (@cases) {
    my ($code, $err, @found) = lines($case, 'refusal');
    isnt($code, 0, "$case->[0]: refused");
    is(scalar @found, 1, "$case->[0]: one line says so") or diag($err);
    $refusal{$case->[0]} = $found[0];
    my %how = @$case[3 .. $#$case];
    like($found[0]{call_stack} // '', $how{stack}, "$case->[0]: and what was running") if $how{stack};
    is($found[0]{call_stack}, undef, "$case->[0]: nothing was running around it") if !$how{stack};
    is_deeply($found[0]{views}, $how{views}, "$case->[0]: and the views in between");
    is($found[0]{trigger_depth} // 0, $how{depth} // 0, "$case->[0]: and how deep in triggers");
}
sql($node, "SELECT jit.alter_policy('$_', mode => 'monitor')") for qw(acc roles);
for my $case (@cases) {
    my ($code, $err, @found) = lines($case, 'would_refuse');
    is($code, 0, "$case->[0]: passes") or diag($err);
    my @same = map { my $line = $_; join "\0", map { ref $line->{$_} eq q(ARRAY) ? join ',', @{$line->{$_}} : $line->{$_} // '' } qw(person policy action object why nested call_stack views trigger_depth) } $refusal{$case->[0]}, @found;
    my $refused = shift @same;
    ok((grep { $_ eq $refused } @same), "$case->[0]: the report is the refusal") or diag(explain($refusal{$case->[0]}, \@found));
}
$node->stop;
done_testing();
