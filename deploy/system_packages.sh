#!/bin/sh
# Install the named Debian packages where we may; otherwise say how. Exits 0 outside CI, since the
# tests that need them skip with the same message there.
set -eu
missing=""
for package in "$@"; do
    command -v "$package" >/dev/null || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing ..."
    # shellcheck disable=SC2086
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y $missing fonts-inter >/dev/null
    exit 0
fi
echo "Not installed:$missing. Tests that need them are skipped; run 'sudo apt-get install$missing'." >&2
[ -z "${CI:-}" ]
