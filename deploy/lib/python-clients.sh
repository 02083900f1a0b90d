#!/usr/bin/env bash
# Prints the directory of the programs of a Python environment that holds real clients, or a real server, that tests use:
#   python-clients.sh NAME
# installs what requirements-NAME.txt beside this file pins, each package with its hashes.
# A file with a line "# python: 3.13" is for that release of Python alone, the others for 3.11 and later.
# Prints nothing, says why and fails where such a Python or its module venv is missing or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

name="${1:?usage: python-clients.sh NAME}"
requirements="$project_root/deploy/lib/requirements-$name.txt"
[ -f "$requirements" ] || die "there is no $requirements"
release="$(sed -n 's/^# python: //p' "$requirements")"

# can_be_used PYTHON: whether it is there, new enough, and the release that is needed, with the modules that are.
can_be_used() {
    "$1" -c 'import sys, venv, ensurepip
release = tuple(map(int, sys.argv[1].split(".")))
sys.exit(sys.version_info < release or (len(sys.argv) > 2 and sys.version_info[:2] != release))' \
        "${release:-3.11}" ${release:+alone} 2>/dev/null
}

python=
# pyenv keeps releases that are on nobody's path.
for candidate in python3 ${release:+"python$release" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$release".*/bin/python3}; do
    if can_be_used "$candidate"; then
        python="$(command -v "$candidate")"
        break
    fi
done
[ -n "$python" ] || {
    say "there is no Python ${release:-3.11 or later} with the module venv (Debian: apt-get install python3-venv)"
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
        # Everything is in the file, also what stands there in place of what a package asks for.
        "$home/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r "$requirements" >&2 || {
            say "the packages of requirements-$name.txt could not be fetched"
            exit 1
        }
        touch "$whole"
    fi
fi
printf '%s\n' "$home/bin"
