# ChaosScene.pm: who there is, what is guarded, and under which terms. Windows are short, so that many end.
package ChaosScene;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(make_scene jobs %needed %table_of %approvers_of $few $approved_by_rule $denied_by_rule policies);

# Sixteen people: asks, decides, administers. p7 and p8 ask and decide, never both for one request.
sub jobs {
    return (map({ ["p$_", 'asks'] } 0 .. 6), map({ ["p$_", 'both'] } 7 .. 8), map({ ["l$_", 'decides'] } 0 .. 4), map({ ["m$_", 'administers'] } 0 .. 1));
}

# Yes votes that an approval needs; "flip" is changed between 1 and 2 all the time.
our %needed = (one => 1, two => 2, auto => 0, flip => 1, elev => 1, few => 0, staged => 2, ruled => 1, glass => 1);
# The guarded table of a policy; owned: readable for the lent role only.
our %table_of = (one => 'app.one', two => 'app.two', auto => 'app.auto', flip => 'app.flip', elev => 'app.owned', few => 'app.few', map({ ($_ => "app.$_") } qw(staged ruled glass)));
# Who votes in which stage, where it is not the leads in the only one.
our %approvers_of = (staged => [qr/^(?:l0|l1|p7)$/, qr/^l[234]$/]);
# Seconds: under "ruled" a rule approves what lasts no longer, and another denies what lasts longer.
our ($approved_by_rule, $denied_by_rule) = (0.7, 1.2);
# Uses that one approval of "few" has.
our $few = 3;
sub policies { return sort keys %needed }

sub make_scene {
    my ($server) = @_;
    $server->sql('CREATE DATABASE app', 'postgres', 'postgres');
    $server->sql($_, 'postgres') for (
        'CREATE ROLE checker LOGIN SUPERUSER', 'CREATE ROLE staff', 'CREATE ROLE leads', 'CREATE ROLE lender', 'CREATE ROLE power', 'CREATE ROLE firsts', 'CREATE ROLE seconds',
        'CREATE EXTENSION jit_guard', 'CREATE SCHEMA app', 'GRANT USAGE ON SCHEMA app TO PUBLIC');
    for (jobs()) {
        my ($person, $job) = @$_;
        my @roles = $job eq 'asks' ? ('staff') : $job eq 'both' ? qw(staff leads) : $job eq 'decides' ? ('leads') : ('jit_admin');
        $server->sql("CREATE ROLE $person LOGIN IN ROLE " . join(', ', @roles), 'postgres');
    }
    $server->sql("GRANT $_", 'postgres') for 'firsts TO l0, l1, p7', 'seconds TO l2, l3, l4';
    for my $policy (policies()) {
        my $table = $table_of{$policy};
        $server->sql("CREATE TABLE $table (token text PRIMARY KEY, who text NOT NULL DEFAULT session_user, v int NOT NULL DEFAULT 0)", 'postgres');
        $server->sql("INSERT INTO $table (token, who) SELECT 'seed-' || i, 'nobody' FROM generate_series(1, 5) i", 'postgres');
    }
    $server->sql($_, 'postgres') for (
        'ALTER TABLE app.owned OWNER TO power', 'GRANT USAGE, CREATE ON SCHEMA app TO power',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON app.one, app.flip, app.staged, app.ruled, app.glass TO staff',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON app.two, app.auto, app.few TO lender');
    my $terms = q{eligible => '{staff}', approvers => '{leads}', exempt => '{checker}', max_duration => '10 s', pending_timeout => '2 s'};
    my $scope = sub { "'{READ,WRITE}', '{$table_of{$_[0]}}', approvals => $needed{$_[0]}, $terms" };
    $server->sql("SELECT jit.create_policy($_)", 'postgres') for (
        "'one', " . $scope->('one'), "'flip', " . $scope->('flip'),
        "'two', " . $scope->('two') . ", lends => 'lender'", "'auto', " . $scope->('auto') . ", lends => 'lender', require_reason => false",
        "'few', " . $scope->('few') . ", lends => 'lender', max_uses => $few",
        "'elev', elevates_to => 'power', " . ($terms =~ s/, exempt => '[^']*'//r));
    my $open = q{hours => 'Mon-Sun 00:00-24:00 UTC'};
    my $staged = $terms =~ s/leads/firsts/r;
    my $rules = qq([{"verdict": "approve", "at_most": "$approved_by_rule s"}, {"verdict": "deny", "longer_than": "$denied_by_rule s", "why": "too long"}]);
    $server->sql("SELECT jit.create_policy($_)", 'postgres') for (
        qq('staged', '{READ,WRITE}', '{app.staged}', approvals => 1, stages => '[{"approvers": ["seconds"], "approvals": 1}]', $open, $staged),
        "'ruled', " . $scope->('ruled') . ", rules => '$rules', $open",
        "'glass', " . $scope->('glass') . ", break_glass => '{staff}', break_glass_duration => '900 ms'");
    return;
}

1;
