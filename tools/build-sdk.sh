#!/bin/sh
# Builds the SDKs into the folder that is named: lemnos_sdk-*.whl and lemnos-sdk-*.tgz.
# Nothing is fetched: `make sdk` has installed what they are built with. Several may run at once.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

.venv/bin/uv build --quiet --offline --no-build-isolation --python .venv/bin/python --wheel \
    --out-dir "$out" sdk/python

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
ln -s "$PWD/sdk/typescript/node_modules" "$build/node_modules"
cd sdk/typescript
cp -R src README.md LICENSE package.json build.mjs tsconfig.json tsconfig.cjs.json "$build"
cd "$build"
npm pack --silent --offline --pack-destination "$out" >/dev/null
