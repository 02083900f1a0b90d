# shellcheck shell=bash
# Shell functions the scripts under deploy/ share. To be sourced, after `set -euo pipefail`.
# Results go to stdout, everything said to a person goes to stderr.

# The project's folder, absolute: every script works from any directory and from a path with spaces.
project_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

# Where fetched programs are kept; never committed.
cache_directory="${MUSTER_CACHE:-$project_root/.cache}"
case "$cache_directory" in /*) ;; *) cache_directory="$PWD/$cache_directory" ;; esac

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# version_at_least HAVE WANT: compares dotted numbers, ignoring what follows a '-'.
version_at_least() {
    local have="${1%%-*}" want="$2"
    [ "$(printf '%s\n%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ]
}

# Runs a command as root: as it is when we are root, else through sudo when it asks no password.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# May this script install packages of the distribution?
can_install_packages() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" -eq 0 ] && return 0
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null
}

# install_packages NAME...: from the distribution, quietly; what apt-get says is shown only when it fails.
install_packages() {
    local log
    log="$(mktemp)"
    say "installing $* (apt-get)"
    if as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >"$log" 2>&1 </dev/null &&
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get -q install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
}

# Cargo, a new enough rustc and a C compiler (SQLite, ring and the allocator are C), or a clear message.
require_toolchain() {
    # rustup puts cargo there; a shell that was open before does not know it yet.
    if ! command -v cargo >/dev/null 2>&1 && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
        export PATH
    fi
    command -v cargo >/dev/null 2>&1 || die "cargo was not found in PATH; install Rust (rustup.rs), then run this again"
    local wanted have
    wanted="$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$project_root/Cargo.toml" | head -n 1)"
    have="$(rustc --version | awk '{ print $2 }')"
    version_at_least "$have" "$wanted" ||
        die "rustc $have is too old, Muster needs $wanted or newer (rustup update stable)"
    if ! command -v cc >/dev/null 2>&1; then
        if can_install_packages; then
            install_packages build-essential || die "no C compiler, and build-essential could not be installed"
        else
            die "no C compiler (cc) was found; install build-essential, then run this again"
        fi
    fi
}

# Where cargo puts its output, whichever way that was set (CARGO_TARGET_DIR, a config file, the default).
target_directory() {
    (cd "$project_root" && cargo metadata --format-version 1 --no-deps --locked) |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# memory_directory: makes a directory whose files are in memory and prints its name; fails where there is no place for one
# of some size, or programs may not be run from it.
memory_directory() {
    local directory available
    available="$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" || return 1
    [ "${available:-0}" -ge 4194304 ] || return 1
    directory="$(mktemp -d /dev/shm/muster.XXXXXX)" || return 1
    # PostgreSQL's user has to get through.
    if chmod 755 "$directory" && printf '#!/bin/sh\n' >"$directory/program" && chmod +x "$directory/program" &&
        "$directory/program" 2>/dev/null && rm "$directory/program"; then
        printf '%s\n' "$directory"
    else
        rm -rf "$directory"
        return 1
    fi
}
