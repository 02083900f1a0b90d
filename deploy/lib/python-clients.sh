#!/usr/bin/env bash
# Prints the directory of the programs of a Python environment that holds real clients, or a real server, that tests use:
#   python-clients.sh NAME
# installs what requirements-NAME.txt beside this file pins, each package with its hashes.
# Prints nothing, says why and fails where Python 3.11 or its module venv is missing or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name="${1:?usage: python-clients.sh NAME}"
requirements="$project_root/deploy/lib/requirements-$name.txt"
[ -f "$requirements" ] || die "there is no $requirements"
python="$(command -v python3)" || {
    say "python3 is not installed"
    exit 1
}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    say "python3 is older than 3.11, or has no venv (Debian: apt-get install python3-venv)"
    exit 1
}

# The directory is named by what is pinned, and by the Python that it links to.
fingerprint="$({ sha256sum <"$requirements"; "$python" -c 'import sys; print(sys.base_prefix, sys.version)'; } | sha256sum | cut -c 1-16)"
home="$cache_directory/python-$name-$fingerprint"
# A virtual environment knows its own path, so it is made where it stays; this file is there once it is whole.
whole="$home/whole"
if [ ! -e "$whole" ]; then
    mkdir -p "$cache_directory"
    # Two runs at once must not make it both.
    exec 9>"$cache_directory/python-$name.lock"
    flock 9
    if [ ! -e "$whole" ]; then
        say "fetching the Python packages of requirements-$name.txt into $cache_directory"
        rm -rf "$home"
        "$python" -m venv "$home" >&2 || {
            say "the Python environment could not be made"
            exit 1
        }
        "$home/bin/pip" install --quiet --disable-pip-version-check --no-input --require-hashes -r "$requirements" >&2 || {
            say "the packages of requirements-$name.txt could not be fetched"
            exit 1
        }
        touch "$whole"
    fi
fi
printf '%s\n' "$home/bin"
