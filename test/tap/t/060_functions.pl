# Which functions of the server reach beyond its tables is a list; the server's own catalogs say whether it is complete.
# Every function of this server in LANGUAGE internal that is volatile or not for everybody, and every library of an
# extension that comes with it, has to stand in core/powers.cpp or, with a reason, in core/powers_harmless.hpp. A function
# that a new release brings fails here until somebody has looked at it. And the module must say what the lists say.
use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;
use JitCluster;

# ---- the lists, from the sources that are compiled ----
my $core = "$ENV{JIT_WORK}/src/extension/core";
my (%power, %library, %harmless, %harmless_library);
my $into;
for my $line (split /\n/, slurp_file("$core/powers.cpp")) {
    $into = \%power if $line =~ /^constexpr std::array symbols\{/;
    $into = \%library if $line =~ /^constexpr std::array libraries\{/;
    my ($name, $action) = $line =~ /^\s+Power\{"([^"]+)", Action::(\w+)\},/ or next;
    $into->{$name} = uc($action =~ s/_/ /gr);
}
for my $line (split /\n/, slurp_file("$core/powers_harmless.hpp")) {
    $into = \%harmless if $line =~ /harmless_symbols\[\]/;
    $into = \%harmless_library if $line =~ /harmless_libraries\[\]/;
    next if $line =~ m{^\s*(//|#|inline)};
    $into->{$1} = 1 while $line =~ /"([^"]+)"/g;
}
cmp_ok(scalar keys %power, '>', 70, 'the powers are read');
cmp_ok(scalar keys %harmless, '>', 200, 'and what has none');
is_deeply([grep { $harmless{$_} } sort keys %power], [], 'no function is in both lists');
is_deeply([grep { $harmless_library{$_} } sort keys %library], [], 'nor is a library');

my $node = new_cluster('functions', undef);
sql($node, 'CREATE ROLE root LOGIN SUPERUSER');

# ---- every extension that is there ----
for my $extension (split /\n/, sql($node, 'SELECT name FROM pg_available_extensions WHERE name NOT IN ($$jit_guard$$, $$plpgsql$$) ORDER BY name')) {
    my ($code, $out, $err) = as_person($node, 'root', qq{CREATE EXTENSION IF NOT EXISTS "$extension" CASCADE});
    next if $code == 0;
    if ($err =~ /must be loaded via/) { note("$extension is not looked at: $err") }
    else { fail("extension $extension is there and can be made"); diag($err) }
}

# What of the catalogs has to stand in a list: internal functions by symbol, C functions by library.
my $internal = q{SELECT DISTINCT prosrc FROM pg_proc WHERE prolang = (SELECT oid FROM pg_language WHERE lanname = 'internal')
    AND (provolatile = 'v' OR NOT has_function_privilege('public', oid, 'EXECUTE')) AND oid < 16384};
my $libraries = q{SELECT DISTINCT regexp_replace(regexp_replace(probin, '^.*/', ''), '\.so$', '') FROM pg_proc WHERE probin IS NOT NULL};
sub unlisted_symbols { my ($known) = @_; return [grep { !$known->{$_} } sort split /\n/, sql($node, $internal)] }
sub unlisted_libraries { my ($known) = @_; return [grep { !$known->{$_} } sort split /\n/, sql($node, $libraries)] }
is_deeply(unlisted_symbols({%power, %harmless}), [], 'every function that may matter stands in a list: look at those that do not, then list them');
is_deeply(unlisted_libraries({%library, %harmless_library}), [], 'and every library');
{ # The test can fail: a function and a library that nobody looked at.
    my %less = (%power, %harmless);
    delete $less{pg_read_binary_file_off_len_missing}; # by its symbol from 16 on
    delete $less{pg_read_binary_file_off_len};
    delete $less{pg_ls_waldir};
    ok(scalar @{unlisted_symbols(\%less)} >= 1, 'one that nobody looked at is reported');
    my %fewer = (%library, %harmless_library);
    delete $fewer{pageinspect};
    is_deeply(unlisted_libraries(\%fewer), ['pageinspect'], 'and a library');
}

# ---- the module says the same ----
sql($node, q{SELECT jit.create_policy('power', '{ADMIN}', '{server}', eligible => '{staff}', approvers => '{leads}')});
sql($node, 'CREATE TABLE asked (name text, symbol text, library text, call text)');
sql($node, <<'SQL');
INSERT INTO asked SELECT p.oid::regprocedure::text, CASE WHEN probin IS NULL THEN prosrc END, regexp_replace(regexp_replace(probin, '^.*/', ''), '\.so$', ''),
    format('SELECT %I.%I(%s)', nspname, proname, (SELECT string_agg(format('NULL::%s', format_type(t, NULL)), ', ' ORDER BY i) FROM unnest(proargtypes) WITH ORDINALITY a(t, i)))
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace JOIN pg_language l ON l.oid = prolang
WHERE lanname IN ('internal', 'c') AND prokind = 'f' AND provariadic = 0 AND nspname <> 'jit'
    AND (lanname = 'c' OR provolatile = 'v' OR NOT has_function_privilege('public', p.oid, 'EXECUTE'))
    AND NOT EXISTS (SELECT FROM unnest(proargtypes) t JOIN pg_type y ON y.oid = t WHERE typtype = 'p' AND t <> 'record'::regtype)
    AND prorettype NOT IN ('trigger'::regtype, 'internal'::regtype, 'event_trigger'::regtype);
SQL
my ($code, $answers, $err) = as_person($node, 'root', q{SELECT name || '|' || coalesce(symbol, '') || '|' || coalesce(library, '') || '|' ||
    coalesce((SELECT string_agg(action, ',') FROM jit.check(call) WHERE object = 'the server'), '') FROM asked});
is($code, 0, 'each of them can be asked about') or diag($err);
my ($asked, $with_power) = (0, 0);
my @differ;
for my $answer (split /\n/, $answers) {
    my ($name, $symbol, $library, $says) = split /\|/, $answer, -1;
    my $expected = ($library ne '' ? $library{$library} : $power{$symbol}) // '';
    $asked++;
    $with_power++ if $expected ne '';
    push @differ, "$name: the list says '$expected', the module '$says'" if $expected ne $says;
}
is_deeply(\@differ, [], 'the module and the lists agree about each');
cmp_ok($asked, '>', 500, "about $asked functions");
cmp_ok($with_power, '>', 80, "$with_power of which need an action on the server");

# And they are refused when they are called (vector 150): the attack itself, and its twin.
refused($node, 'root', q{SELECT pg_visibility('secret', 0)}, qr/FILE FUNCTION on the server needs a just-in-time approval/, 'pages below a table');
refused($node, 'root', q{SELECT pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')}, qr/UNTRUSTED CODE on the server needs/, 'the counter of OIDs');
sql($node, q{SELECT jit.drop_policy('power')});
is((as_person($node, 'root', q{SELECT count(*) FROM pg_visibility('secret')}))[1], '1', 'without the policy they work');

$node->stop;
done_testing();
