# What keeps jit_guard's own tables and records from those who may do much: nobody erases a record by unbinding, copies rows into the
# tables of an installation that is in use, holds up a revocation, hides a use by how names are spelled, or shuts the gate with reports.
use strict;
use warnings;
use JitClient;
use JitGate;
use Test::More;

my $node = gate_cluster('house_kept', conf => "jit_guard.evidence_backlog = '1MB'");
my $admin = JitClient->new($node, 'postgres');
my $alice = JitClient->new($node, 'alice');

# ---- vector 325: COPY into tables of an installation that is in use ----
gate_error($admin->query('COPY jit.ledger_24 FROM STDIN'), '42501', qr/closed|cannot/, 'COPY into an empty part of the ledger');
gate_error($admin->query('COPY jit.certificates FROM STDIN'), '42501', qr/closed|cannot/, 'COPY into certificates');

# ---- vector 323: unbinding erases nothing, and is not anybody's trigger ----
$admin->query('CREATE TABLE pay.trap (v int); CREATE TRIGGER t AFTER INSERT ON pay.trap FOR EACH STATEMENT EXECUTE FUNCTION jit._unbind()');
gate_error($admin->query('INSERT INTO pay.trap VALUES (1)'), '39P01', qr/own tables/, 'jit._unbind() on a table of somebody\'s');
is($admin->value(q{SELECT value FROM jit.status WHERE fact = 'bound to this database'}), 'yes', 'unbinds nothing');

done_testing();
