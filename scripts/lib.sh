# shellcheck shell=sh
# lib.sh: a throw-away server with the module of JIT_BUILD, for scripts/demo and benchmarks. To be sourced.
#
#   JIT_SOURCE=... JIT_BUILD=... ; . scripts/lib.sh
#   "$JIT_SOURCE/test/run" stage
#   start_server demo        # makes $JIT_WORK/demo, exports PGHOST (a socket folder), PGPORT, PGUSER, PGDATABASE
#   stop_server              # by process id; safe to call twice, so it can be a trap
#
# Additional settings: put lines into $server_settings before start_server.

: "${JIT_SOURCE:?}" "${JIT_BUILD:?}"
export JIT_SOURCE JIT_BUILD
eval "$("$JIT_SOURCE/test/run" where)"
server_dir=
server_pid=
server_settings=${server_settings:-}

# The server refuses root, so root becomes the user to whom test/run gave the work folder.
as_server_user() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd "$JIT_WORK" && owner=$(stat -c %U .) &&
            exec setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups env HOME="$JIT_WORK" "$@")
    else
        (cd "$JIT_WORK" && exec "$@")
    fi
}

# start_server NAME: initialise and start; the data folder is always new.
start_server() {
    server_dir=$JIT_WORK/$1
    stop_server_in "$server_dir/data"
    as_server_user rm -rf "$server_dir"
    as_server_user mkdir -m 0700 "$server_dir"
    as_server_user env LC_ALL=C.UTF-8 "$JIT_BIN/initdb" -D "$server_dir/data" -U postgres -A trust -E UTF8 \
        --no-locale --no-sync >/dev/null
    # No TCP at all: the folder of the socket is closed to others, which is why "trust" is harmless.
    as_server_user tee -a "$server_dir/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$server_dir'
shared_preload_libraries = 'jit_guard'
jit_guard.control_database = 'postgres'
wal_level = logical
timezone = 'UTC'
log_line_prefix = '%m [%p] %b %q%u@%d/%a '
$server_settings
END
    as_server_user "$JIT_BIN/pg_ctl" -D "$server_dir/data" -l "$server_dir/log" -w -t 300 -s start ||
        { tail -n 40 "$server_dir/log" >&2; return 1; }
    server_pid=$(head -n 1 "$server_dir/data/postmaster.pid")
    export PGHOST="$server_dir" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    export PATH="$JIT_BIN:$PATH"
}

# stop_server_in DATA: stop what runs in that folder, if anything does.
stop_server_in() {
    [ ! -f "$1/postmaster.pid" ] || as_server_user "$JIT_BIN/pg_ctl" -D "$1" -m fast -w -s stop || true
}

stop_server() {
    [ -n "$server_pid" ] || return 0
    if kill -INT "$server_pid" 2>/dev/null; then
        while kill -0 "$server_pid" 2>/dev/null; do sleep 0.1; done
    fi
    server_pid=
}
