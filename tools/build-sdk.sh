#!/bin/sh
# Builds the SDKs into the folder that is named: lemnos_sdk-*.whl and lemnos-sdk-*.tgz.
# Nothing is fetched: `make sdk` has installed what they are built with.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

.venv/bin/uv build --quiet --offline --no-build-isolation --python .venv/bin/python --wheel \
    --out-dir "$out" sdk/python
cd sdk/typescript
npm pack --silent --offline --pack-destination "$out" >/dev/null
