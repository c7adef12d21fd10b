#!/bin/sh
# Install the npm packages that tests drive, with the hashes of their lock, into .venv/node. Exits 0
# outside CI where npm is missing, since the tests that need them skip with the same message there.
set -eu
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "No node and npm. Tests that need them are skipped; install both, then run deploy/node_packages.sh." >&2
    [ -z "${CI:-}" ]
    exit
fi
here=$(dirname "$0")
target=$here/../.venv/node
mkdir -p "$target"
cmp -s "$here/node/package-lock.json" "$target/installed.json" && exit 0
cp "$here/node/package.json" "$here/node/package-lock.json" "$target"
echo "Installing npm packages ..."
# No package may run a script of its own.
npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --loglevel error >/dev/null
# Of the descriptions of GitHub's API one is read; the others take 400 MB.
find "$target/node_modules/@octokit/openapi/generated" -name '*.json' ! -name api.github.com.json -delete
cp "$here/node/package-lock.json" "$target/installed.json"
