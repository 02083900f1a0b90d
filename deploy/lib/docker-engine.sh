#!/usr/bin/env bash
# A container engine for tests that speaks Docker's API, with the image "muster-test:latest" in it: busybox, and the Python of this machine.
#   deploy/lib/docker-engine.sh start DIRECTORY    prints its address, for DOCKER_HOST; what it needs is kept in DIRECTORY
#   deploy/lib/docker-engine.sh stop DIRECTORY     ends it, with all of its containers, and removes DIRECTORY
# Docker where it answers; else podman, which is installed if it is missing and may be (apt-get, as root).
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

image=muster-test
tag=latest
# An engine that nobody talks to ends by itself, should nobody stop it.
idle_seconds=7200

action="${1:-}"
[ -n "${2:-}" ] || die "usage: docker-engine.sh start|stop DIRECTORY"
mkdir -p "$2"
directory="$(cd "$2" && pwd)"
socket="$directory/docker.sock"

# Answers there something that speaks Docker's API?
answers() { curl --silent --fail --max-time 5 --unix-socket "$1" http://docker/_ping >/dev/null 2>&1; }

# The settings of an engine that leaves everything else on this machine alone.
write_settings() {
    mkdir -p "$directory/networks" "$directory/tmp"
    cat >"$directory/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "$directory/tmp"
[network]
network_config_dir = "$directory/networks"
default_subnet = "10.123.0.0/24"
CONF
}

podman_here() {
    CONTAINERS_CONF="$directory/containers.conf" podman --root "$directory/root" --runroot "$directory/run" "$@"
}

# The root of the image's file system, as a tar file.
build_image() {
    local root="$directory/image"
    mkdir -p "$root/bin" "$root/tmp" "$root/etc" "$root/home/work"
    cp "$(command -v busybox)" "$root/bin/busybox"
    "$root/bin/busybox" --list | while read -r name; do
        [ "$name" = busybox ] || ln -sf busybox "$root/bin/$name"
    done
    # Only the modules that the agent's interpreter needs: some megabytes.
    if command -v python3 >/dev/null 2>&1; then
        python3 - "$root" <<'PYTHON' || say "the test's image has no Python"
import encodings.idna, encodings.latin_1, encodings.utf_8, fcntl, io, json, linecache, os, select, shutil, signal, socket  # noqa: E401, F401
import subprocess, sys, sysconfig, threading, traceback  # noqa: E401
root = sys.argv[1]
def put(path):
    place = root + path
    os.makedirs(os.path.dirname(place), exist_ok=True)
    shutil.copy(path, place)
program = os.path.realpath(sys.executable)
files = {program} | {module.__file__ for module in list(sys.modules.values()) if os.path.isabs(getattr(module, "__file__", None) or "")}
files.add(os.path.join(sysconfig.get_path("stdlib"), "os.py"))
for path in list(files):
    if path == program or path.endswith(".so"):
        words = subprocess.run(["ldd", path], capture_output=True, text=True).stdout.split()
        files |= {word for word in words if word.startswith("/")}
for path in files:
    put(path)
os.symlink(program, root + "/bin/python3")
PYTHON
    fi
    tar -C "$root" -cf "$directory/image.tar" .
    rm -rf "$root"
}

load_image() { # SOCKET
    build_image
    curl --silent --show-error --fail --unix-socket "$1" -X POST -H "Content-Type: application/x-tar" \
        "http://docker/images/create?fromSrc=-&repo=$image&tag=$tag" --data-binary "@$directory/image.tar" >&2 ||
        die "the test's image cannot be loaded"
    rm -f "$directory/image.tar"
}

case "$action" in
start)
    for program in busybox curl; do
        command -v "$program" >/dev/null 2>&1 || needs_install=yes
    done
    if [ "${needs_install:-no}" = yes ]; then
        { can_install_packages && install_packages busybox-static curl; } || die "busybox (static) and curl are missing"
    fi
    if answers /var/run/docker.sock; then
        load_image /var/run/docker.sock
        printf 'unix:///var/run/docker.sock\n'
        exit 0
    fi
    if ! command -v podman >/dev/null 2>&1; then
        { can_install_packages &&
            install_packages podman runc catatonit netavark aardvark-dns iptables busybox-static; } ||
            die "neither Docker nor podman is here (apt-get install podman runc catatonit netavark aardvark-dns iptables)"
    fi
    [ "$(id -u)" -eq 0 ] || die "podman is run as root for this"
    write_settings
    podman_here system service --time "$idle_seconds" "unix://$socket" >"$directory/log" 2>&1 </dev/null &
    printf '%s\n' "$!" >"$directory/pid"
    for _ in $(seq 100); do
        if answers "$socket"; then
            load_image "$socket"
            printf 'unix://%s\n' "$socket"
            exit 0
        fi
        sleep 0.1
    done
    tail -n 5 "$directory/log" >&2
    die "podman does not answer"
    ;;
stop)
    if [ -f "$directory/pid" ]; then
        podman_here rm --all --force --time 0 >/dev/null 2>&1 || true
        kill "$(cat "$directory/pid")" 2>/dev/null || true
        umount "$directory/root/overlay" 2>/dev/null || true
    fi
    rm -rf "$directory"
    ;;
*) die "usage: docker-engine.sh start|stop DIRECTORY" ;;
esac
