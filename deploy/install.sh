#!/bin/sh
# Install the lock file $1 with its hashes, and the project editable.
set -eu
echo "Installing $1 ..."
# Python compiles what it imports and keeps that, unless it may not (as in many containers): then
# every start would compile anew, which takes half of its CPU. Compiling all takes 25 s, once.
compile=""
[ -z "${PYTHONDONTWRITEBYTECODE:-}" ] || compile="--compile-bytecode"
# uv is ten times faster; pip steps in where only pip knows the way to a package mirror.
.venv/bin/uv pip install --quiet --python .venv/bin/python $compile --require-hashes -r "$1" \
    || .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --offline -e .
