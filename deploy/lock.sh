#!/bin/sh
# Compile the five lock files: universal, hashed, naming no host. $1: uv; further arguments go to it.
set -eu
uv=$1
shift
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links "$@"
}
compile "$@" pyproject.toml -o requirements.lock
compile "$@" --extra test -c requirements.lock pyproject.toml -o requirements-test.lock
compile "$@" --extra spark -c requirements-test.lock pyproject.toml -o requirements-spark.lock
compile "$@" --extra postgres -c requirements-test.lock pyproject.toml -o requirements-postgres.lock
echo uv | compile "$@" - -o requirements-uv.lock
