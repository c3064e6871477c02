# JitEntra.pm: a server with jit_guard that takes tokens of Entra ID, and its issuer. Both are there after begin_entra().
package JitEntra;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use JitClient;
use JitGate;
use JitIssuer;

our @EXPORT = qw($work $tenant $elsewhere %oid $issuer $node @tokens @texts begin_entra client admin label set_label configure make_policies ask present token accepted
    nothing_is_left);

our @tokens; # that came as parameters
our @texts;  # that stood in the text of a statement

our ($work, $issuer, $node);
my $libraries = 'jit_guard';
our $tenant = '11111111-2222-3333-4444-555555555555';
our $elsewhere = '99999999-2222-3333-4444-555555555555';
our %oid = (alice => 'aaaaaaaa-0000-4000-8000-000000000001', bob => 'bbbbbbbb-0000-4000-8000-000000000002', carol => 'cccccccc-0000-4000-8000-000000000003',
    dan => 'eeeeeeee-0000-4000-8000-000000000005', erin => 'ffffffff-0000-4000-8000-000000000006', mallory => '12121212-0000-4000-8000-000000000007');

sub begin_entra {
    $work = PostgreSQL::Test::Utils::tempdir();
    mkdir "$work/issuer";
    $issuer = JitIssuer->new("$work/issuer", $tenant);
    $issuer->publish('k1', 'k2');
    $libraries = 'pg_stat_statements,jit_guard' if glob '/usr/{share,local/share,local/pgsql/share}/postgresql/*/extension/pg_stat_statements.control';
    $node = gate_cluster('primary', preload => $libraries, conf => <<"CONF");
jit_guard.courier_allow = '127.0.0.1'
jit_guard.entra_authority = '$issuer->{authority}'
jit_guard.entra_tenant = '$tenant'
jit_guard.entra_audience = 'jit-app, api://jit'
jit_guard.entra_scope = 'api://jit/db.elevate'
jit_guard.entra_auth_context = 'c1'
jit_guard.entra_clients = ''
log_statement = 'all'
log_min_duration_statement = 0
log_parameter_max_length_on_error = -1
CONF
    return;
}
sub client { return JitClient->new($node, @_); }
sub admin { return client('postgres')->value($_[0]); }
sub label { my ($oid, $tid) = @_; return "entra,oid=$oid,tid=" . ($tid // $tenant) . ',type=user'; }
sub set_label { my ($role, $label) = @_; return client('postgres')->query("SECURITY LABEL FOR jit_guard ON ROLE $role IS " . (defined $label ? "'$label'" : 'NULL')); }
sub configure { my (%set) = @_; for my $name (keys %set) { $node->adjust_conf('postgresql.conf', "jit_guard.entra_$name", "'$set{$name}'") } $node->reload; wait_until($node, join(' AND ', map { "current_setting('jit_guard.entra_$_') = '$set{$_}'" } keys %set), "configured: @{[%set]}"); return }

sub make_policies {
    admin($_) for q{SELECT jit.create_policy('own', '{INSERT}', '{pay.open}', eligible => '{staff}', approvals => 0, require_mfa => 'requester', require_reason => false)},
        q{SELECT jit.create_policy('both', '{SELECT}', '{pay.open}', eligible => '{staff}', approvers => '{leads}', require_mfa => 'both', require_reason => false)};
    return;
}
my $uses = 0;
sub ask { my ($person, $policy) = @_; $uses++; return client($person)->value("SELECT jit.request('" . ($policy // 'own') . "', '10 min', uses => $uses)"); }
sub present { my ($client, $token, $id) = @_; return $client->extended('SELECT jit.present_token($1, $2)', $token, $id); }
sub token { my ($oid, %more) = @_; push @tokens, $issuer->token($oid, %more); return $tokens[-1] }
sub accepted { my ($person, $id, $test, %more) = @_; local $Test::Builder::Level = $Test::Builder::Level + 1; gate_rows(present(client($person), token($oid{$person}, %more), $id), 'approved', $test); return }

sub nothing_is_left {
    my $shown = admin(q{SELECT string_agg(query, E'\n') FROM pg_stat_activity});
    my $kept = admin(q{SELECT string_agg(encode(record, 'escape'), E'\n') FROM jit.ledger}) . admin(q{SELECT string_agg(e::text, E'\n') FROM jit.events e});
    my $statistics = $libraries =~ /statements/ ? do { $node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements'); $node->safe_psql('postgres', 'SELECT string_agg(query, E\'\n\') FROM pg_stat_statements') } : '';
    my $log = slurp_file($node->logfile);
    my $tables = $node->safe_psql('app', q{SELECT string_agg(t::text, E'\n') FROM (SELECT x FROM jit.proofs x UNION ALL SELECT NULL) t}) . $node->safe_psql('app', q{SELECT string_agg(d::text, E'\n') FROM jit.authenticators d});
    for my $place (['the server log', $log], ['pg_stat_activity', $shown], ['jit.ledger and jit.events', $kept], ['pg_stat_statements', $statistics], ['the tables', $tables]) {
        is(scalar(grep { my ($signature) = /([^.]+)$/; index($place->[1], $_) >= 0 || (length($signature // '') > 20 && index($place->[1], $signature) >= 0) } @tokens), 0, "no token is in $place->[0]");
    }
    is(scalar(grep { my ($signature) = /([^.]+)$/; index($log, $signature) >= 0 } @texts), 0, 'not even one that was in the text of a statement is in the server log');
    unlike($kept . $statistics, qr/eyJ/, 'not even one that was in the text of a statement is in records and statistics');
    # vector 232: statements and parameters are logged here
    like($log, qr/parameters: \$1 = '\(a signed token of \d+ bytes\)'/, 'where parameters are logged, the token is named');
    like($log, qr/jit\.present_token\(\.\.\., \d+\)/, 'the log says which call was refused');
    unlike($log, qr/STATEMENT: .*present_token\('/, 'and repeats no statement with a token beside an error');
    return;
}

1;
