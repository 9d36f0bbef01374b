#!/bin/sh
# Compile every lock from its intent. Run it after changing a requirements.in; commit what it writes.
# Hashes yes, index addresses no: the locks install from whatever index a machine is set up for.
set -eu
cd "$(dirname "$0")"
PATH=$PWD/../.venv/bin:$PATH
lock() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}
lock -o bootstrap.lock bootstrap/requirements.in
lock -o workbench.lock hub/requirements.in lab/requirements.in
lock -c workbench.lock -o ../tests/requirements.lock ../tests/requirements.in
