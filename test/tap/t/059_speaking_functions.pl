# Which functions of the server send messages about what they are given is a rule over its catalogs (hooks/filters.cpp): here each is
# called with texts that make it speak, and where it does, the row that a filter gives to it counts (vector 344).
use strict;
use warnings;
use Test::More;
use JitClient;
use JitGate;

my $node = gate_cluster('speaking');
my $admin = JitClient->new($node, 'postgres');
my @baits = ('timestamp(10)', 'date(timestamp(10))', '+(timestamp(10),none)', 'x' x 70, q{"a\\''b"}, '', 'the', '9999', 'x' x 3000, '=r', '{=r}', '<a xmlns="x"/>',
    '$.timestamp(10)', '"2020-01-01 12:00:00"', '{"relacl":"{=r}"}');
$admin->value($_) for 'CREATE TABLE pay.free (n int, bait text)', 'CREATE TABLE pay.baits (n int, bait text)', 'GRANT SELECT ON pay.free, pay.baits TO alice';
for my $n (0 .. $#baits) {
    $admin->value("INSERT INTO pay.$_ VALUES ($n, \$b\$$baits[$n]\$b\$)") for 'free', 'baits';
}
$admin->value($_) for 'ANALYZE pay.baits',
    q{SELECT jit.create_policy('baits', '{SELECT}', '{pay.baits}', eligible => '{alice}', approvals => 0, require_reason => false)};

# Each argument in turn is the text, the others are what such functions take.
my $calls = $admin->query(<<'SQL');
WITH given (type, value) AS (VALUES ('regconfig'::regtype, '''simple'''), ('name', '''postgres'''), ('oid', '10'), ('text[]', '''{}'''), ('int4', '1'),
    ('jsonb', '''"2020-01-01 12:00:00"'''), ('json', '''"2020-01-01 12:00:00"'''), ('tsquery', '''a'''), ('tsvector', '''a'''), ('bool', 'true'),
    ('jsonpath', '''$.timestamp(10)'''), ('anyelement', 'NULL::pg_class'))
SELECT p.oid::regprocedure::text, format('pg_catalog.%I(%s)', proname, string_agg(CASE
        WHEN i = place AND t = 'cstring'::regtype THEN 'textout(bait)'
        WHEN i = place AND t IN ('text[]'::regtype, 'cstring[]'::regtype) THEN format('ARRAY[bait]::%s', t::regtype)
        WHEN i = place THEN format('bait::%s', t::regtype)
        WHEN t = 'text'::regtype AND proname ~ 'function_privilege' THEN '''EXECUTE'''
        WHEN t = 'text'::regtype AND proname ~ 'privilege' THEN '''USAGE'''
        WHEN t = 'text'::regtype AND i = 1 AND proname = 'pg_get_object_address' THEN '''type'''
        WHEN t = 'text'::regtype THEN '''int4'''
        WHEN value ~ '::' THEN value
        ELSE format('%s::%s', coalesce(value, 'NULL'), t::regtype) END, ', ' ORDER BY i))
FROM pg_proc p JOIN pg_language l ON l.oid = prolang, generate_series(1, pronargs) place, unnest(proargtypes) WITH ORDINALITY a (t, i)
    LEFT JOIN given ON type = t
WHERE lanname = 'internal' AND provolatile <> 'v' AND prokind = 'f' AND NOT proretset AND p.oid < 16384 AND has_function_privilege('public', p.oid, 'EXECUTE')
    AND proargtypes[place - 1] IN ('text'::regtype, 'cstring'::regtype, 'name'::regtype, 'text[]'::regtype, 'cstring[]'::regtype, 'json'::regtype,
        'jsonb'::regtype, 'jsonpath'::regtype)
GROUP BY p.oid, proname, place ORDER BY 1, place
SQL
my @calls = @{$calls->{rows}};
cmp_ok(scalar @calls, '>', 400, 'as many ways to give a text to a function: ' . @calls);

my $alice = JitClient->new($node, 'alice');
$alice->value(q{SELECT jit.request('baits', '1 hour', rows => 100000)});
$_->query('SET client_min_messages = debug1') for $admin, $alice;
sub left { return $alice->value(q{SELECT rows_left FROM jit.my_requests ORDER BY request_id DESC LIMIT 1}); }
my (%speaks, @untold);
for my $call (@calls) {
    my ($function, $text) = @{$call};
    for my $n (0 .. $#baits) {
        my $filter = "n = $n AND (CASE WHEN n >= 0 THEN $text IS NULL END) IS NULL";
        my $freely = $admin->query("SELECT FROM pay.free WHERE $filter");
        next if !grep { $_->{S} ne 'LOG' && $_->{M} !~ /^rehashing catalog cache/ } @{$freely->{notices}};
        next if defined $freely->{error};
        $speaks{$function} = 1;
        my $before = left();
        my $answer = $alice->query("SELECT FROM pay.baits WHERE $filter");
        my @told = map { $_->{M} } grep { $_->{S} ne 'LOG' } @{$freely->{notices}};
        push @untold, "$text of " . substr($baits[$n], 0, 30) . ": @told" if defined $answer->{error} || left() == $before;
        last;
    }
}
is_deeply(\@untold, [], 'a row about which a function speaks counts');
cmp_ok(scalar keys %speaks, '>', 30, 'functions speak: ' . keys %speaks);
ok($speaks{$_}, "one is $_") for 'to_regtype(text)', 'to_regclass(text)', 'to_regoperator(text)', 'has_type_privilege(text,text)', 'has_function_privilege(text,text)',
    'pg_get_object_address(text,text[],text[])', 'to_tsquery(text)';
$node->stop('fast');
done_testing();
