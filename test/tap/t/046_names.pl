# Roles and databases are renamed, dropped and copied under policies and approvals.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

my $node = new_cluster('names');
my $postgres = $node->safe_psql('app', 'SELECT current_user');
sub works {
    my ($person, $sql, $test, %how) = @_;
    my ($code, $out, $err) = as_person($node, $person, $sql, %how);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($code, 0, $test) or diag($err);
    return $out;
}
$node->safe_psql('app', <<'SQL');
CREATE ROLE only_exempt LOGIN; CREATE ROLE holder; CREATE ROLE leaver LOGIN IN ROLE staff;
GRANT SELECT ON secret TO staff, only_exempt;
CREATE TABLE lent (v int); INSERT INTO lent VALUES (7); ALTER TABLE lent OWNER TO holder;
SELECT jit.create_policy('read', '{READ}', '{public.secret}', eligible => '{staff}', approvers => '{leads}', exempt => '{only_exempt}');
SELECT jit.create_policy('lent', '{ALL}', '{public.lent}', lends => 'holder', eligible => '{leaver}', approvers => '{carol}');
SQL

# ---- renamed: what is stored is the role, not its name ----
my $alice = request_approved($node, 'alice', '10 min', policy => 'read');
$node->safe_psql('app', 'ALTER ROLE alice RENAME TO alicia; ALTER ROLE only_exempt RENAME TO quite_exempt; ALTER ROLE leads RENAME TO heads');
is(works('alicia', 'SELECT v FROM secret', 'renamed: the approval is still hers'), '42', 'and opens');
is(works('quite_exempt', 'SELECT v FROM secret', 'renamed: exempt still'), '42', 'and reads');
is($node->safe_psql('app', q{SELECT approvers::text || exempt::text FROM jit.policies WHERE name = 'read'}), '{heads}{quite_exempt}', 'the policy says the new names');
$node->safe_psql('app', 'CREATE ROLE alice LOGIN IN ROLE staff');
refused($node, 'alice', 'SELECT v FROM secret', qr/needs a just-in-time approval/, 'somebody else under the old name');
works('carol', "SELECT jit.revoke($alice)", 'who is in the renamed group still decides');
refused($node, 'alicia', 'SELECT v FROM secret', qr/needs a just-in-time approval/, 'revoked');

# ---- dropped: not while a policy names the role ----
for my $role (qw(quite_exempt heads holder leaver carol)) {
    refused($node, $postgres, "DROP ROLE $role", qr/polic|depend/i, "DROP ROLE $role", db => 'app');
}
$node->safe_psql('app', q{SELECT jit.alter_policy('read', exempt => '{}')});
$node->safe_psql('app', 'REVOKE SELECT ON secret FROM quite_exempt');
works($postgres, 'DROP ROLE quite_exempt', 'a role that no policy names any more can be dropped');

# ---- DROP OWNED: what is guarded is not dropped by it, the rest is, and the policies stay ----
my $policies = $node->safe_psql('app', 'SELECT count(*) FROM jit.policies');
refused($node, $postgres, 'DROP OWNED BY holder', qr/needs a just-in-time approval|cannot/, 'DROP OWNED BY the owner of a guarded table');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_class WHERE relname = 'lent'}), '1', 'the table is there');
$node->safe_psql('app', 'CREATE TABLE plain (v int); ALTER TABLE plain OWNER TO leaver');
works($postgres, 'DROP OWNED BY leaver', 'DROP OWNED BY somebody whom a policy names');
is($node->safe_psql('app', q{SELECT to_regclass('plain') IS NULL}), 't', 'drops what is not guarded');
is($node->safe_psql('app', 'SELECT count(*) FROM jit.policies'), $policies, 'and no policy');
my ($code, $id) = as_person($node, 'leaver', q{SELECT jit.request('lent', '5 min', reason => 'x')});
is($code, 0, 'who may still ask');

# ---- two databases: an approval of one means nothing in the other ----
works($postgres, 'CREATE DATABASE two TEMPLATE app', 'TEMPLATE with approvals and pending requests in it', db => 'postgres');
refused($node, 'alicia', 'SELECT v FROM secret', qr/rebind|bound/, 'the copy is closed', db => 'two');
works($postgres, 'SELECT * FROM jit.rebind()', 'until it is bound', db => 'two');
is($node->safe_psql('two', "SELECT state || coalesce(end_reason, '') FROM jit.requests WHERE request_id = $id"), 'cancelled', 'what was asked in the original is over in the copy');
is($node->safe_psql('app', "SELECT state FROM jit.requests WHERE request_id = $id"), 'pending', 'and goes on in the original');
my $again = request_approved($node, 'alicia', '10 min', policy => 'read');
works('alicia', 'SELECT v FROM secret', 'approved in one');
refused($node, 'alicia', 'SELECT v FROM secret', qr/needs a just-in-time approval/, 'refused in the other', db => 'two');
wait_for($node, q{SELECT count(DISTINCT datname) = 2 FROM pg_stat_activity WHERE backend_type = 'jit_guard keeper'}, 'each has its keeper', 'postgres');

# ---- the control database under another name: its loans end as they should, and new ones wait for the setting ----
my $loan = lend($node, 'bob', '10 min');
wait_for($node, q{SELECT pg_has_role('bob', 'dba', 'MEMBER')}, 'a loan lives');
my ($renamed, undef, $err) = as_person($node, $postgres, 'ALTER DATABASE app RENAME TO apple', db => 'postgres');
my $control = $renamed == 0 ? 'apple' : 'app';
note("ALTER DATABASE RENAME with a loan alive: " . ($renamed == 0 ? 'done' : $err));
works('carol', "SELECT jit.revoke($loan)", 'revoked under the new name', db => $control);
wait_for($node, q{SELECT NOT EXISTS (SELECT FROM pg_auth_members WHERE grantor = 'jit_lender'::regrole)}, 'the loan ends all the same', $control);
$node->append_conf('postgresql.conf', "jit_guard.control_database = '$control'");
$node->restart;
($code, $id, $err) = as_person($node, 'bob', q{SELECT jit.request('dba-window', '10 min', reason => 'x')}, db => $control);
is($code, 0, 'with the setting and a restart, it is asked again') or diag($err);
works('carol', "SELECT jit.approve($id)", 'approved', db => $control);
works('bob', "CALL jit.await($id, '20 s')", 'and lent', db => $control);

$node->stop;
done_testing();
