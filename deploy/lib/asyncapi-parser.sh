#!/usr/bin/env bash
# Prints the node_modules directory that holds the AsyncAPI parser, pinned by tests/asyncapi/package-lock.json.
# Prints nothing, says why and fails where node or npm are missing or the packages cannot be fetched.
set -euo pipefail
# shellcheck source=deploy/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

source_directory="$project_root/tests/asyncapi"
for program in node npm; do
    command -v "$program" >/dev/null 2>&1 || {
        say "$program is not installed"
        exit 1
    }
done

# The directory is named by what is pinned: a changed lock file gets a new one.
fingerprint="$(sha256sum "$source_directory/package-lock.json" | cut -c 1-16)"
home="$cache_directory/asyncapi-parser-$fingerprint"
if [ ! -d "$home/node_modules/@asyncapi/parser" ]; then
    mkdir -p "$cache_directory"
    work="$(mktemp -d "$cache_directory/fetch.XXXXXX")"
    trap 'rm -rf "$work"' EXIT
    say "fetching the AsyncAPI parser into $cache_directory"
    cp "$source_directory/package.json" "$source_directory/package-lock.json" "$work/"
    # No install scripts: nothing of the packages runs before a test asks for it.
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2) || {
        say "the AsyncAPI parser could not be fetched"
        exit 1
    }
    chmod 755 "$work"
    # mv -T does not move into a directory that another run has put there meanwhile: theirs is as good.
    mv -T "$work" "$home" 2>/dev/null || [ -d "$home/node_modules/@asyncapi/parser" ]
fi
printf '%s\n' "$home/node_modules"
