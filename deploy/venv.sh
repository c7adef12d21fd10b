#!/bin/sh
# Make .venv with uv in it. $1: the Python to use (3.11 or newer).
set -eu
python=$1
command -v "$python" >/dev/null || { echo "No $python: install Python 3.11 or newer, or say make PYTHON=/path/to/python" >&2; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || { echo "$("$python" --version) is too old: GoLive needs 3.11 or newer (make PYTHON=...)" >&2; exit 1; }

if [ ! -x .venv/bin/pip ] && ! "$python" -m venv .venv 2>/dev/null; then
    # Debian ships Python without ensurepip.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get -qq update && apt-get -qq install -y python3-venv >/dev/null
        "$python" -m venv .venv
    else
        echo "This Python has no venv: run 'sudo apt-get install python3-venv', then again" >&2
        exit 1
    fi
fi
echo "Installing the installer ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
touch .venv/bin/uv
