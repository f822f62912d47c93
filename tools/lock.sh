#!/bin/sh
# Writes requirements/*.lock from pyproject.toml: exact versions with hashes for every platform,
# no registry address and no path of this machine, so that any index or mirror may serve them.
# Arguments go to uv, e.g. `tools/lock.sh --upgrade` or `tools/lock.sh --upgrade-package ruff`.
set -eu
cd "$(dirname "$0")/.."
uv=.venv/bin/uv

compile() {
    output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-emit-index-url --no-emit-find-links \
        --custom-compile-command "make lock" --output-file "$output" "$@"
}

compile requirements/uv.lock "$@" requirements/uv.in
compile requirements/node.lock "$@" --group node
compile requirements/runtime.lock "$@" pyproject.toml --group build
# Tests run on the very versions that users get, hence the constraint.
compile requirements/dev.lock "$@" pyproject.toml --extra otel --group dev \
    --constraint requirements/runtime.lock
