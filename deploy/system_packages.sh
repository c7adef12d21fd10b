#!/bin/sh
# Install the named Debian packages where we may; otherwise say how. A package whose program has
# another name is written package=program. Exits 0 outside CI, since the tests that need them skip
# with the same message there.
set -eu
missing=""
for wanted in "$@"; do
    command -v "${wanted#*=}" >/dev/null || missing="$missing ${wanted%%=*}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..."
    # RUNLEVEL=1: no server starts by itself; tests start theirs on ports of their own.
    # shellcheck disable=SC2086
    apt-get -qq update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y $missing fonts-inter >/dev/null
    exit 0
fi
echo "Not installed:$missing. Tests that need them are skipped; run 'sudo apt-get install$missing'." >&2
[ -z "${CI:-}" ]
