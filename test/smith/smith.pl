# smith.pl: sqlsmith's statements, each sent by somebody without an approval for it, and by somebody with. A finding is
#   * a mark in any byte that came to a person without approval: rows, errors, notices, whatever the message;
#   * a statement of such a person that ended without error and had scanned or changed a guarded table, by the server's counters,
#     or that names a guarded column;
#   * a fourth row that came to mia with an approval for three, whatever she did with it, and whether or not she rolled back;
#   * jit.check() that said yes to each part of a statement that was then refused;
#   * an internal error raised by the module, a server that crashed, or a statement that was never answered.
# And the run is worth nothing, so it fails, when nobody ever got a mark or nothing was ever refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin", "$FindBin::Bin/../tap";
use Time::HiRes 'time';
use SmithClient;

my $seconds = $ARGV[0] // 60;
my $server = SmithServer->new($ENV{JIT_SMITH_SOCKET});
my $seed = $ENV{JIT_SMITH_SEED} // time ^ $$;
my ($until, $started) = (time + $seconds, time);
my (@known, %marked, %session, %used, %count, %states, %way_count, %notes, $generator, $generated);
srand $seed;
print "seed $seed, $seconds s\n";
open my $findings, '>', $ENV{JIT_SMITH_FINDINGS} or die "$ENV{JIT_SMITH_FINDINGS}: $!";

# Letters and digits of the marks, and what reverse() and upper() make of them. Nine digits do not come by chance.
my $hers = qr/wvkqjzp|pzjqkvw|184617295|592716481/i; # vault.people, which nadia may read
my $others = qr/qzxjkvb|bvkjxzq|173911462|264119371/i;
my $mark = qr/$hers|$others/;
my %forbidden = (mallory => $mark, victor => $mark, sue => $mark, nadia => $others);
my $first = SmithClient->new($server, 'alice', db => 'postgres');
my $parallel = $first->value('SHOW server_version_num') < 160000 ? 'force_parallel_mode' : 'debug_parallel_query';
$first->close;
my $few = qr/jkwqvxz(\d\d\d)/i;        # vault.few, with the number of the row
my @settings = ('enable_seqscan=off', 'enable_indexscan=off', 'enable_hashjoin=off', 'enable_nestloop=off', 'enable_memoize=off',
    "$parallel=on", 'plan_cache_mode=force_generic_plan', 'row_security=off', 'client_min_messages=debug2', 'debug_print_plan=on',
    'constraint_exclusion=on', 'enable_partitionwise_join=on', 'enable_partitionwise_aggregate=on', 'from_collapse_limit=1',
    'min_parallel_table_scan_size=0', 'work_mem=64kB', 'geqo_threshold=2', 'default_transaction_read_only=on', 'search_path=free,vault');

sub session {
    my ($person) = @_;
    if (!$session{$person} || $session{$person}{gone} || ++$used{$person} > 200) {
        $session{$person}->close if $session{$person} && !$session{$person}{gone};
        my @chosen = grep { !@known && rand() < 0.15 } @settings;
        my $options = join ' ', map { "-c $_" } 'statement_timeout=1s', 'lock_timeout=1s', @chosen;
        $session{$person} = SmithClient->new($server, $person, db => 'postgres', options => $options);
        $session{$person}{options} = $options;
        $used{$person} = 0;
    }
    return $session{$person};
}

sub finding {
    my ($what, $person, $way, $statement, $more) = @_;
    $count{findings}++;
    my $options = $session{$person} ? $session{$person}{options} // '' : '';
    print $findings "---- $what: $person, $way, options $options\n$statement;\n" . ($more ? "  -- $more\n" : '');
    $findings->flush;
    print "FINDING $what ($person, $way)\n" if $count{findings} <= 20;
    return;
}

# The next statement of a generator; a new one when it ended or has made enough.
sub statement {
    my $text = '';
    while (1) {
        if (!$generator || $generated > 3000) {
            close $generator if $generator;
            my @how = ("--target=host=$ENV{JIT_SMITH_SOCKET} port=5432 user=alice dbname=postgres", '--dry-run', '--seed=' . int rand 2**31);
            push @how, '--exclude-catalog' if rand() < 0.7;
            open $generator, '-|', 'exec sqlsmith ' . join(' ', map { "'$_'" } @how) . ' 2>&1' or die "sqlsmith: $!";
            $generated = 0;
        }
        while (my $line = <$generator>) {
            next if $text eq '' && $line !~ /^\s*(select|insert|update|delete|with|merge|prepare)/i;
            $text .= $line;
            next if $line !~ /;\s*$/;
            $generated++;
            $text =~ s/;\s*\z//;
            # It takes pseudo-types for types, which no statement survives.
            $text =~ s/\bany(multirange|range)\b/int4$1/g;
            $text =~ s/\banyenum\b/vault.mood/g;
            $text =~ s/\b(any|anycompatible)array\b/int4[]/g;
            return $text;
        }
        die "sqlsmith made nothing\n" if $generated == 0 && $count{starts}++ > 5;
        undef $generator;
        $text = '';
    }
}

my $counters = q{SELECT pg_catalog.string_agg(relname, ', ') FROM pg_catalog.pg_stat_xact_all_tables WHERE schemaname = 'vault' AND
    coalesce(seq_scan, 0) + coalesce(idx_scan, 0) + n_tup_ins + n_tup_upd + n_tup_del > 0};
my %reads = (nadia => q{ AND (relname <> 'people' OR n_tup_ins + n_tup_upd + n_tup_del > 0)});

# One statement of one person in a transaction that is rolled back: (answer, bytes, what was scanned).
sub send_as {
    my ($person, $way, $statement) = @_;
    my $client = session($person);
    my ($answer, $scanned);
    my $done = eval {
        $client->query('BEGIN');
        $client->bytes;
        $answer = $SmithClient::ways{$way}->($client, $statement);
        $client->{said} = $client->bytes;
        $scanned = $client->query($counters . ($reads{$person} // ''))->{rows}[0][0] if $person ne 'alice' && !$answer->{error} && !$answer->{gone};
        $client->query('ROLLBACK; DEALLOCATE ALL');
        1;
    };
    if (!$done) {
        my $why = $@;
        $client->{gone} = 1;
        finding('no answer', $person, $way, $statement, $why) if $why =~ /no answer/;
    }
    return ($answer // {gone => 1}, $client->{said} // '', $scanned);
}

sub crashed {
    open my $log, '<', $ENV{JIT_SMITH_LOG} or return;
    return grep { /was terminated by signal|PANIC|TRAP: / } <$log>;
}

# What may be different for two persons without being wrong.
my $depends = qr/longest|has_\w*privilege|pg_has_role|current_|session_|user|clock|random|now\(|pg_backend|my_|active|inet_|pg_stat|row_security|jit\./i;

# First some that are known to bring marks, in each way: so that the shortest run is worth something.
@known = map { my $way = $_; map { [$_, $way] } 'select * from vault.people', 'select memo, code from vault.payments', 'select * from vault.lent',
    'select hidden_text from part.people' } @SmithClient::for_rows;

# mia's own: one of many ways to read a few rows; with a new approval now and then.
my ($her_approval, %her_rows);
sub few {
    my ($n, $m) = (1 + int rand 100, 1 + int rand 4);
    my @from = ('vault.few f', 'vault.few f, vault.few g', 'free.notes n join vault.few f on f.id = n.id', "(select * from vault.few where part = $m) f",
        "(select * from vault.few limit $m) f", "(select * from vault.few union all select * from vault.few) f");
    my @what = ('f.word', 'f.*', 'f::text', 'upper(f.word)', 'count(*), min(f.word)', 'string_agg(f.word, chr(44))', 'max(f.word)', 'array_agg(f)');
    my @where = ('', "where f.id = $n", "where f.id = $n", "where f.id between $n and $n + 1", "where f.id < $m", "where f.part = $m", "where f.word > 'j'", "where f.id in ($n, $m)", 'where random() < 0.05',
        "where exists (select from vault.few h where h.id = f.id and h.id < $m)", "where f.word like '%00$m'");
    return "select free.few_word($n)" if rand() < 0.1;
    return "with w as materialized (select * from vault.few) select word from w where id = $n" if rand() < 0.1;
    return "update vault.few set part = part where id <= $m returning word" if rand() < 0.1;
    my $what = $what[rand @what];
    return "select $what from $from[rand @from] $where[rand @where]" . ($what =~ /agg|min|max/ || rand() < 0.5 ? '' : " order by 1 limit $m");
}

sub as_mia {
    if (!defined $her_approval) { # the one before has no row left
        my $client = session('mia');
        # What was refused may have been another action: rows that the approval still has would be hers beside the new ones.
        $client->query(q{SELECT jit.release(request_id) FROM jit.active WHERE person = 'mia' AND rows_left > 0});
        $her_approval = $client->query(q{SELECT jit.request('few', '1 hour')})->{rows}[0][0];
        %her_rows = ();
        return if !defined $her_approval; # a session that can only read: the next one
    }
    my ($statement, $way) = (few(), $SmithClient::for_rows[rand @SmithClient::for_rows]);
    my ($answer, $bytes) = send_as('mia', $way, $statement);
    $count{mia}++;
    if (my $error = $answer->{error}) {
        $count{mia_refused}++;
        undef $her_approval if $error->{M} =~ /needs a just-in-time approval/;
    }
    $her_rows{$1} = 1 while $bytes =~ /$few/g;
    $count{mia_rows} += $bytes =~ $few;
    my @rows = sort keys %her_rows;
    finding('a fourth row', 'mia', $way, $statement, "rows @rows") if @rows > 3;
    finding('mark', 'mia', $way, $statement) if $bytes =~ $mark;
    return;
}

while (@known || time < $until) {
    my ($statement, $way) = @{shift @known // [statement()]};
    my @ways = $statement =~ /^\s*(select|with)/i ? @SmithClient::for_rows : @SmithClient::for_all;
    $way //= $ways[rand @ways];
    my $person = (qw(mallory mallory nadia nadia sue victor))[rand 6];
    my ($answer, $bytes, $scanned) = send_as($person, $way, $statement);
    $count{statements}++;
    $count{$person}++;
    $way_count{$way}++;
    if ($answer->{gone}) {
        $count{lost}++;
        if (my @why = crashed()) {
            $count{crashed}++;
            finding('crash', $person, $way, $statement, "@why");
            last;
        }
    }
    if (my $error = $answer->{error}) {
        $states{$error->{C}}++;
        my $ours = ($error->{F} // '') =~ /\.cpp$/;
        $count{refused}++ if $ours && $error->{C} eq '42501';
        finding('internal error', $person, $way, $statement, "$error->{M} at $error->{F}:$error->{L}") if $ours && $error->{C} =~ /^XX/;
        $notes{"$error->{M} ($error->{F})"}++ if !$ours && $error->{C} =~ /^XX/;
    } else {
        $count{succeeded}++;
    }
    finding('mark', $person, $way, $statement, substr($bytes, $-[0] < 40 ? 0 : $-[0] - 40, 160)) if $bytes =~ $forbidden{$person};
    finding('scan', $person, $way, $statement, "scanned or changed: $scanned") if defined $scanned;
    finding('column', $person, $way, $statement) if $statement =~ /\bhidden_/ && !$answer->{error} && !$answer->{gone} && $way ne 'check';
    if ($way eq 'check' && !$answer->{error} && @{$answer->{rows}} && !grep { $_->[4] ne 'yes' } @{$answer->{rows}}) {
        my ($then) = send_as($person, 'simple', $statement);
        $count{checked_yes}++;
        my $error = $then->{error};
        finding('check said yes', $person, $way, $statement, $error->{M}) if $error && $error->{C} eq '42501' && ($error->{F} // '') =~ /\.cpp$/;
    }
    as_mia() if rand() < 0.2;
    next if $statement !~ /vault|part\.|free\.|_xml/;
    my ($approved, $got) = send_as('alice', $way, $statement);
    $count{approved}++;
    $count{approved_refused}++ if $approved->{error} && ($approved->{error}{F} // '') =~ /\.cpp$/;
    next if $got !~ $mark;
    $count{approved_marks}++;
    $marked{$way}++;
    next if $answer->{error} || $answer->{gone} || $statement =~ $depends;
    $count{differs}++;
    print $findings "---- for reading, no finding: marks for alice, no error for $person ($way)\n$statement;\n";
}
close $generator if $generator;
$_->close for grep { $_ && !$_->{gone} } values %session;
my @crashes = $count{crashed} ? () : crashed();
finding('crash', 'nobody', '-', '', "@crashes") if @crashes;

my $took = time - $started;
printf "%d statements in %d s without an approval for them: %d by mallory, %d by nadia, %d by sue, %d by victor; %d succeeded, %d refused by the gate, %d lost the connection\n",
    map { $_ // 0 } @count{qw(statements)}, $took, @count{qw(mallory nadia sue victor succeeded refused lost)};
printf "  ways: %s\n", join ', ', map { "$_ $way_count{$_}" } sort keys %way_count;
printf "  marks, with an approval: %s\n", join ', ', map { "$_ $marked{$_}" } sort keys %marked;
printf "  errors: %s\n", join ', ', map { "$_ $states{$_}" } sort { $states{$b} <=> $states{$a} } keys %states;
printf "%d of them with an approval: %d brought marks, %d were refused by the gate; %d to read\n",
    map { $_ // 0 } @count{qw(approved approved_marks approved_refused differs)};
printf "%d by mia, %d brought rows, %d ended with an error\n", map { $_ // 0 } @count{qw(mia mia_rows mia_refused)};
printf "jit.check() said yes to everything %d times\n", $count{checked_yes} // 0;
print "  the server's own internal error, $notes{$_} times: $_\n" for sort keys %notes;
printf "%d findings%s\n", $count{findings} // 0, $count{findings} ? " in $ENV{JIT_SMITH_FINDINGS}" : '';
# The others show no rows.
my @dumb = grep { !/^(block|check|explain)$/ && !$marked{$_} } @SmithClient::for_rows;
my $worthless = @dumb || !$count{refused};
print "the run is worth nothing: no mark came with an approval (@dumb), or nothing was refused without\n" if $worthless;
exit($count{findings} || $worthless ? 1 : 0);
