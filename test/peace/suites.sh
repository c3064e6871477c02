# shellcheck shell=sh disable=SC2154
# suites.sh: the servers of test/peace/run and its suites, one function run_SUITE MODE each. It leaves in $work/SUITE.MODE the
# results, and the names of the tests in the files "passed" and "failed". To be sourced; variables are those of test/peace/run.

# ---- servers ----
pid=
stop() {
    [ -n "$pid" ] || return 0
    "$bin/pg_ctl" -D "$data" -m fast -w -s stop || kill -QUIT "$pid" 2>/dev/null || true
    pid=
}
trap stop EXIT
trap 'exit 1' INT TERM

start() {
    # Sessions of dblink and postgres_fdw connect to where the server's own environment says.
    PGHOST="$work" "$bin/pg_ctl" -D "$data" -l "$out/server.log" -w -s -t 120 start || { tail -n 40 "$out/server.log" >&2; die "no server"; }
    pid=$(head -n 1 "$data/postmaster.pid")
}
sql() { "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h "$work" -U postgres "$@" >>"$out/prepare.log" 2>&1 ||
    { tail -n 20 "$out/prepare.log" >&2; die "preparing the server failed"; }; }

# prepare MODE DATABASE [PRELOADED] [SETTINGS]: a new server, with the database that the suite uses.
prepare() {
    out=$work/$suite.$1 data=$work/$suite.$1/data
    # What an interrupted run left behind.
    [ ! -f "$data/postmaster.pid" ] || "$bin/pg_ctl" -D "$data" -m immediate -w -s stop || true
    rm -rf "$out"
    mkdir -p "$out"
    "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$out/initdb.log" 2>&1
    cat >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$work'
max_prepared_transactions = 2
fsync = off
${4:-}
${JIT_PEACE_SETTINGS:-}
END
    [ -z "${3:-}" ] || echo "shared_preload_libraries = '$3'" >>"$data/postgresql.conf"
    cp "$data/postgresql.conf" "$out/bare.conf"
    case $1 in
        bare) ;;
        *) {
            echo "shared_preload_libraries = '${3:+$3, }jit_guard'"
            [ "$1" = preloaded ] || echo "jit_guard.control_database = '$2'"
        } >>"$data/postgresql.conf" ;;
    esac
    start
    sql -d postgres -c "CREATE DATABASE $2 TEMPLATE template0" -c "ALTER DATABASE $2 SET lc_messages TO 'C'" \
        -c "ALTER DATABASE $2 SET lc_monetary TO 'C'" -c "ALTER DATABASE $2 SET lc_numeric TO 'C'" \
        -c "ALTER DATABASE $2 SET lc_time TO 'C'" -c "ALTER DATABASE $2 SET bytea_output TO 'hex'" \
        -c "ALTER DATABASE $2 SET timezone_abbreviations TO 'Default'"
    case $1 in
        others* | monitor*) sql -d "$2" -f "$here/${1%-inert}.sql" ;;
    esac
    if [ "$1" != "${1%-inert}" ]; then
        stop
        cp "$out/bare.conf" "$data/postgresql.conf"
        start
    fi
}

# run_tests PROGRAM DATABASE INPUT FOLDER ARGUMENT...: one run of pg_regress on the server that runs. The results of a test are
# FOLDER/results/TEST.out below $out; which passed and which failed is in two files there.
run_tests() {
    program=$1 database=$2 input=$3 folder=$4
    shift 4
    mkdir -p "$out/$folder"
    # Some tests name their data by a path from here.
    cd "$input" || exit
    nice "$program" --use-existing --host="$work" --user=postgres --dbname="$database" --bindir="$bin" --dlpath="$work/lib" \
        --inputdir="$input" --outputdir="$out/$folder" "$@" >"$out/$folder/output" 2>&1 || true
    cd "$sources" || exit
    tests_that ok >>"$out/passed"
    tests_that FAILED >>"$out/failed"
}
# The words of pg_regress, before 16 and since.
tests_that() {
    sed -n "s/ \.\.\. $1 .*//p; s/^$([ "$1" = ok ] || echo 'not ')ok [0-9]* *[-+] \([^ ]*\) .*/\1/p" "$out/$folder/output" |
        sed "s/^test *//; s/ //g; s|^|$folder/results/|"
}

# begin_suite MODE DATABASE [PRELOADED] [SETTINGS], end_suite: around the tests.
begin_suite() {
    kind=$1
    prepare "$@"
    : >"$out/passed"
    : >"$out/failed"
    began=$(date +%s)
}
end_suite() {
    # A server that is gone, or whose sessions crashed, is a deviation whatever the tests say.
    if grep -E 'PANIC:|was terminated by signal|terminating any other active' "$out/server.log" >"$out/crashes"; then
        case $kind in
            bare | *-inert) ;;
            *) deviation "$kind" "the server crashed" "$out/crashes" ;;
        esac
    fi
    stop
    [ -s "$out/passed" ] || [ -s "$out/failed" ] || { cat "$out"/*/output >&2; die "$suite did not run in mode $kind"; }
    say "$suite, $kind: $(wc -l <"$out/passed") passed, $(wc -l <"$out/failed") failed, $(($(date +%s) - began)) s"
}

# deviation MODE WHAT FILE
deviation() {
    printf -- '--- %s, %s: %s\n' "$suite" "$1" "$2"
    head -n "${JIT_PEACE_LINES:-60}" "$3"
    deviations=$((deviations + 1))
}

# ---- suites ----
# The database of the suite is then dumped with jit_guard and without it.
run_regress() {
    input=$sources/$server/src/test/regress
    begin_suite "$1" regression
    run_tests "$pgxs/regress/pg_regress" regression "$input" core --max-concurrent-tests=20 --schedule="$input/parallel_schedule"
    case $1 in
        bare | *-inert) ;;
        *)
            "$bin/pg_dump" -h "$work" -U postgres -f "$out/dump.sql" regression 2>"$out/dump.log" ||
                deviation "$1" "pg_dump failed" "$out/dump.log"
            stop
            cp "$out/bare.conf" "$data/postgresql.conf"
            start
            "$bin/pg_dump" -h "$work" -U postgres -f "$out/dump.bare.sql" regression 2>>"$out/dump.log" || die "pg_dump failed"
            # A newer pg_dump writes a key of its own into each.
            sed -i '/^\\\(un\)\{0,1\}restrict /d' "$out/dump.sql" "$out/dump.bare.sql"
            if cmp -s "$out/dump.sql" "$out/dump.bare.sql"; then
                echo core/pg_dump >>"$out/passed"
            else
                diff -U2 "$out/dump.bare.sql" "$out/dump.sql" >"$out/dump.diff" || true
                deviation "$1" "pg_dump differs" "$out/dump.diff"
            fi
            ;;
    esac
    end_suite
}

run_isolation() {
    input=$sources/$server/src/test/isolation
    begin_suite "$1" isolation_regression
    run_tests "$pgxs/isolation/pg_isolation_regress" isolation_regression "$input" core --schedule="$input/isolation_schedule"
    # Not in the schedule, because a server without prepared transactions fails them.
    run_tests "$pgxs/isolation/pg_isolation_regress" isolation_regression "$input" prepared prepared-transactions prepared-transactions-cic
    end_suite
}

# variable NAME FILE: of a Makefile, lines joined.
variable() { sed -e ':a' -e '/\\$/{N; s/\\\n//; ba' -e '}' "$2" | sed -n "s/^$1 *+\{0,1\}= *//p" | tr '\n' ' '; }

new_contrib_database() {
    sql -d postgres -c "DROP DATABASE IF EXISTS contrib_regression" -c "CREATE DATABASE contrib_regression TEMPLATE template0" \
        -c "ALTER DATABASE contrib_regression SET lc_messages TO 'C'" -c "ALTER DATABASE contrib_regression SET bytea_output TO 'hex'"
}

# Those extensions of the server whose tests need no server of their own.
run_contrib() {
    begin_suite "$1" postgres_unused "pg_stat_statements" "wal_level = logical
max_replication_slots = 4
logical_decoding_work_mem = 64kB
compute_query_id = off"
    for makefile in "$sources/$server"/contrib/*/Makefile; do
        module=${makefile%/Makefile}
        module=${module##*/}
        case $module in
            auto_explain | basic_archive | passwordcheck | sepgsql) continue ;; # settings of their own
        esac
        tests=$(variable REGRESS "$makefile")
        [ -f "$bin/../lib/$module.so" ] || continue
        [ -n "$tests" ] || continue
        # The transforms between two extensions need the other one first.
        case $module in
            *_pl*) continue ;;
        esac
        new_contrib_database
        # EXPLAIN shows the identifiers otherwise.
        [ "$module" != pg_stat_statements ] || sql -d postgres -c "ALTER DATABASE contrib_regression SET compute_query_id = on"
        # shellcheck disable=SC2086 # a list of words
        run_tests "$pgxs/regress/pg_regress" contrib_regression "${makefile%/Makefile}" "$module" $tests
        tests=$(variable ISOLATION "$makefile")
        [ -z "$tests" ] || new_contrib_database
        case $(variable ISOLATION_OPTS "$makefile") in
            *--load-extension=*) sql -d contrib_regression -c "CREATE EXTENSION $module" ;;
        esac
        # shellcheck disable=SC2086 # a list of words
        [ -z "$tests" ] || run_tests "$pgxs/isolation/pg_isolation_regress" contrib_regression "${makefile%/Makefile}" \
            "$module.isolation" $tests
    done
    end_suite
}

run_pgaudit() {
    begin_suite "$1" contrib_regression pgaudit
    run_tests "$pgxs/regress/pg_regress" contrib_regression "$sources/$package" pgaudit pgaudit
    end_suite
}
run_set_user() {
    begin_suite "$1" contrib_regression set_user
    run_tests "$pgxs/regress/pg_regress" contrib_regression "$sources/$package" set_user set_user
    end_suite
}

# Every script and protocol; no transaction may fail, and the money must add up.
run_pgbench() {
    begin_suite "$1" pgbench
    mkdir -p "$out/core/results"
    export PGHOST="$work" PGUSER=postgres PGDATABASE=pgbench
    for protocol in simple extended prepared; do
        for script in tpcb-like simple-update select-only; do
            if nice "$bin/pgbench" -i -q -s 1 --foreign-keys >"$out/core/output" 2>&1 &&
                nice "$bin/pgbench" -n -M "$protocol" -b "$script" -c 4 -j 2 -t 200 >>"$out/core/output" 2>&1 &&
                [ "$("$bin/psql" -XAtc 'SELECT (SELECT sum(abalance) FROM pgbench_accounts) =
                    (SELECT coalesce(sum(delta), 0) FROM pgbench_history)')" = t ] &&
                ! grep -q 'failed transactions: [1-9]' "$out/core/output"; then
                echo "core/results/$protocol-$script" >>"$out/passed"
            else
                echo "core/results/$protocol-$script" >>"$out/failed"
                cp "$out/core/output" "$out/core/results/$protocol-$script.out"
            fi
        done
    done
    unset PGHOST PGUSER PGDATABASE
    end_suite
}

# Servers of their own: jit_guard comes by the file whose lines each test appends to its configuration.
run_tap() {
    out=$work/tap.$1
    kind=$1
    rm -rf "$out"
    mkdir -p "$out/core/results"
    : >"$out/passed"
    : >"$out/failed"
    began=$(date +%s)
    { [ "$1" = bare ] || echo "shared_preload_libraries = 'jit_guard'"; printf '%s\n' "${JIT_PEACE_SETTINGS:-}"; } >"$out/settings"
    for folder in src/test/subscription src/bin/pg_dump src/bin/pgbench; do
        for file in "$sources/$server/$folder"/t/*.pl; do
            name=${folder##*/}.$(basename "$file" .pl)
            [ "$1" != bare ] || grep -qx "core/results/$name" "$work/tap.preloaded/failed" || continue
            rm -rf "$out/run"
            mkdir "$out/run"
            if (cd "$out/run" && PATH="$bin:$PATH" TEMP_CONFIG="$out/settings" PG_REGRESS="$pgxs/regress/pg_regress" TESTDIR="$PWD" \
                TESTDATADIR="$PWD/tmp_check" TESTLOGDIR="$PWD/tmp_check/log" with_icu=yes with_lz4=yes GZIP_PROGRAM=gzip \
                nice prove -I "$pgxs/perl" -I "${file%/*}" "$file") >"$out/core/results/$name.out" 2>&1; then
                echo "core/results/$name" >>"$out/passed"
            else
                echo "core/results/$name" >>"$out/failed"
                cat "$out"/run/tmp_check/log/regress_log_* >>"$out/core/results/$name.out" 2>/dev/null || true
            fi
            ! grep -lE 'PANIC:|was terminated by signal [^9]' "$out"/run/tmp_check/log/*.log >"$out/crashes" 2>/dev/null || [ "$1" = bare ] ||
                deviation "$1" "the server crashed in $name" "$out/crashes"
        done
    done
    rm -rf "$out/run"
    say "tap, $1: $(wc -l <"$out/passed") files passed, $(wc -l <"$out/failed") failed, $(($(date +%s) - began)) s"
}
