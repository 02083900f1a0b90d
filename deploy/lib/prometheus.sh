#!/usr/bin/env bash
# Prints the directory that holds the programs prometheus and promtool: those of the machine, else those of the distribution's package,
# unpacked into the cache directory and not installed, so that no server of it is started and nobody has to be root.
# Prints nothing, says why and fails where there are none.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

complete() { [ -x "$1/prometheus" ] && [ -x "$1/promtool" ]; }

if found="$(command -v prometheus)"; then
    directory="$(dirname "$(readlink -f "$found")")"
    if complete "$directory"; then
        printf '%s\n' "$directory"
        exit 0
    fi
fi

home="$cache_directory/prometheus"
if ! complete "$home/usr/bin"; then
    for program in apt-get dpkg-deb; do
        command -v "$program" >/dev/null 2>&1 || {
            say "prometheus is not installed, and there is no $program to fetch the distribution's package with"
            exit 1
        }
    done
    mkdir -p "$cache_directory"
    work="$(mktemp -d "$cache_directory/fetch.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    say "fetching the distribution's package prometheus into $cache_directory"
    download() { (cd "$work" && apt-get -q download prometheus >"$work/log" 2>&1 </dev/null); }
    # Lists of packages that are missing or old are fetched where that may be done.
    download || { can_install_packages && as_root apt-get -q update >/dev/null 2>&1 </dev/null && download; } || {
        tail -n 5 "$work/log" >&2
        say "the package prometheus could not be fetched"
        exit 1
    }
    mkdir "$work/unpacked"
    dpkg-deb -x "$work"/prometheus_*.deb "$work/unpacked"
    complete "$work/unpacked/usr/bin" || {
        say "the package prometheus has no programs prometheus and promtool"
        exit 1
    }
    chmod 755 "$work/unpacked"
    # mv -T does not move into a directory that another run has put there meanwhile: theirs is as good.
    mv -T "$work/unpacked" "$home" 2>/dev/null || complete "$home/usr/bin"
fi
printf '%s\n' "$home/usr/bin"
