# JitSchema.pm: everything that CREATE EXTENSION makes, as lines of text without OIDs, to compare two databases.
package JitSchema;

use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(describe_schema);

# One query a kind of thing; each row becomes one line. Names only: OIDs differ.
my %queries = (
    members => q{SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
        WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
          AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'jit_guard')},
    extension => q{SELECT extname, extversion, extnamespace::regnamespace, extrelocatable,
        (SELECT array_agg(c::regclass::text ORDER BY c::regclass::text) FROM unnest(extconfig) c),
        extcondition = array_fill(''::text, ARRAY[cardinality(extcondition)]) FROM pg_extension WHERE extname = 'jit_guard'},
    relations => q{SELECT relname, relkind, relpersistence, reloptions, relacl, relrowsecurity, relreplident FROM pg_class
        WHERE relnamespace = 'jit'::regnamespace AND relkind NOT IN ('t')},
    columns => q{SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attstorage,
        a.attacl, pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'jit'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0},
    constraints => q{SELECT conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'jit'::regnamespace},
    indexes => q{SELECT indexdef FROM pg_indexes WHERE schemaname = 'jit'},
    sequences => q{SELECT s.seqrelid::regclass, s.seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.relnamespace = 'jit'::regnamespace},
    functions => q{SELECT oid::regprocedure, prokind, pg_get_function_arguments(oid), pg_get_function_result(oid), prosrc, probin, provolatile,
        proparallel, proisstrict, prosecdef, proleakproof, procost, prorows, proconfig, proacl, prolang FROM pg_proc
        WHERE pronamespace = 'jit'::regnamespace},
    views => q{SELECT c.relname, regexp_replace(pg_get_viewdef(c.oid), '\s+', ' ', 'g') FROM pg_class c
        WHERE relnamespace = 'jit'::regnamespace AND relkind = 'v'},
    triggers => q{SELECT tgenabled, pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'jit'::regnamespace AND NOT t.tgisinternal},
    types => q{SELECT typname, typtype, typacl FROM pg_type WHERE typnamespace = 'jit'::regnamespace},
    schema => q{SELECT nspname, nspacl FROM pg_namespace WHERE nspname = 'jit'},
    initial_rights => q{SELECT pg_describe_object(classoid, objoid, objsubid), privtype, initprivs FROM pg_init_privs i
        WHERE EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND d.classid = i.classoid AND d.objid = i.objoid
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'jit_guard'))},
    comments => q{SELECT pg_describe_object(classoid, objoid, objsubid), description FROM pg_description d
        WHERE classoid = 'pg_extension'::regclass AND objoid = (SELECT oid FROM pg_extension WHERE extname = 'jit_guard')
           OR EXISTS (SELECT FROM pg_depend e WHERE e.deptype = 'e' AND e.classid = d.classoid AND e.objid = d.objoid
              AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'jit_guard'))
           OR classoid = 'pg_trigger'::regclass AND objoid IN (SELECT t.oid FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
              WHERE c.relnamespace = 'jit'::regnamespace)},
);

# The lines of a database, sorted.
sub describe_schema {
    my ($node, $db) = @_;
    my @lines;
    for my $kind (sort keys %queries) {
        push @lines, map { "$kind: $_" } sort split /\n/, $node->safe_psql($db, "SELECT regexp_replace(x::text, '\\s+', ' ', 'g') FROM ($queries{$kind}) x");
    }
    return @lines;
}

1;
