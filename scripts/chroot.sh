# shellcheck shell=sh
# chroot.sh: a small Debian system in a folder, from the mirror that this machine's apt uses, for test/package/run and
# test/matrix/run. To be sourced by a script that has say() and skip().

# apart SCRIPT [argument...]: goes on as the same script where mounts and processes are its own. The kernel ends the
# processes and undoes the mounts when the script ends, however it ends; outside, neither is ever seen.
apart() {
    [ -z "${JIT_APART:-}" ] || return 0
    [ "$(id -u)" -eq 0 ] || skip "a chroot needs root"
    command -v debootstrap >/dev/null || skip "debootstrap is not installed (Debian: debootstrap)"
    unshare --mount --pid --fork true 2>/dev/null || skip "the chroot needs mounts, which are not allowed here"
    export JIT_APART=1
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$@"
}

# The mirror of this machine, in either format of apt's sources.
debian_mirror() {
    sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] *\)\{0,1\}\(http[^ ]*\) .*/\2/p' /etc/apt/sources.list \
        /etc/apt/sources.list.d/*debian* 2>/dev/null | grep -v security | head -n 1
}

# make_system SUITE FOLDER LOG [TAR]: a bare system, unpacked from TAR when it is there, kept in TAR when it is not.
make_system() {
    if [ -n "${4:-}" ] && [ -f "$4" ]; then
        mkdir -p "$2"
        tar -xf "$4" -C "$2"
        return
    fi
    mirror=$(debian_mirror)
    [ -n "$mirror" ] || skip "apt's sources name no mirror"
    debootstrap --variant=minbase "$1" "$2" "$mirror" >"$3" 2>&1 ||
        { tail -n 20 "$3"; skip "debootstrap could not make $1 from the mirror"; }
    [ -z "${4:-}" ] || { mkdir -p "${4%/*}" && tar -cf "$4" -C "$2" .; }
}

# enter_system SUITE FOLDER: mounts what programs expect, and brings apt's settings. Nothing is started by a package there.
enter_system() {
    system=$2
    mount -t proc proc "$system/proc"
    mkdir -p "$system/dev/shm"
    mount -t tmpfs -o mode=1777 tmpfs "$system/dev/shm"
    apt-config dump | grep '^Acquire::[A-Za-z]' >"$system/etc/apt/apt.conf.d/80machine"
    # shellcheck source=/dev/null
    if [ "$1" = "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ]; then # security updates too
        rm -f "$system/etc/apt/sources.list"
        for source in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
            [ ! -f "$source" ] || cp "$source" "$system$source"
        done
    fi
    cp /etc/resolv.conf "$system/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d"
    chmod +x "$system/usr/sbin/policy-rc.d"
    # The server's package makes no cluster of its own.
    mkdir -p "$system/etc/postgresql-common/createcluster.d"
    echo "create_main_cluster = false" >"$system/etc/postgresql-common/createcluster.d/test.conf"
}

# inside PROGRAM [argument...]: in the system that was entered.
inside() {
    chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"
}

# discard_system FOLDER: removes it, but never through a mount.
discard_system() {
    umount "$1/dev/shm" "$1/proc" 2>/dev/null || true
    ! grep -q " $1/" /proc/self/mounts || { say "$1 still has mounts, and stays"; return 0; }
    rm -rf "$1"
}
