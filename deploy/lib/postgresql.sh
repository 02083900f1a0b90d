#!/usr/bin/env bash
# Prints the directory that holds PostgreSQL's server programs (initdb, postgres, pg_ctl), installing
# the distribution's package where that may be done. Prints nothing, says why and fails where there is none.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

complete() { [ -x "$1/initdb" ] && [ -x "$1/postgres" ] && [ -x "$1/pg_ctl" ]; }

find_programs() {
    local found directory
    # A link in PATH is followed to where its companions are.
    if found="$(command -v postgres)"; then
        directory="$(dirname "$(readlink -f "$found")")"
        if complete "$directory"; then
            printf '%s\n' "$directory"
            return 0
        fi
    fi
    # Debian keeps them out of PATH, one directory per major version: take the newest.
    while IFS= read -r directory; do
        if complete "$directory"; then
            printf '%s\n' "$directory"
            return 0
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    return 1
}

find_programs && exit 0
if ! can_install_packages; then
    say "PostgreSQL's server programs are not installed, and packages may not be installed here"
    exit 1
fi
# Installed as it is, the package would start a server of its own on 5432, which nobody asked for.
# So its helper package comes first, is told not to, and is told back afterwards.
cluster_settings=/etc/postgresql-common/createcluster.conf
if install_packages postgresql-common && [ -f "$cluster_settings" ]; then
    kept="$(mktemp)"
    cat "$cluster_settings" >"$kept"
    printf '\ncreate_main_cluster = false\n' | as_root tee -a "$cluster_settings" >/dev/null
    trap 'as_root tee "$cluster_settings" <"$kept" >/dev/null; rm -f "$kept"' EXIT
fi
install_packages postgresql || {
    say "the package postgresql could not be installed"
    exit 1
}
find_programs
