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
lock -c workbench.lock -o lab-gpu/lab-gpu.lock lab-gpu/requirements.in

# The lessons' libraries, with all that an environment of lessons may hold (hub/cli/lessons.py chooses from it). It
# follows the workbench but for what Health-RI's sempyro holds back; torch is installed apart (images/README.md).
held_back='pydantic|pydantic-core|email-validator|python-dateutil'
apart='torch triton cuda-toolkit nvidia-cublas nvidia-cuda-cccl nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime
    nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 nvidia-nccl-cu13
    nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx nvidia-curand'
constraints=followed.txt # in this folder: its name stands in the lock
trap 'rm -f "$constraints"' EXIT
sed -n 's/^\([A-Za-z][^ ]*==[^\\]*\)\\*$/\1/p' workbench.lock ../tests/requirements.lock |
    grep -vE "^($held_back)==" >"$constraints"
echo torch==2.13.0 >>"$constraints"
set --
for package in $apart; do set -- "$@" --no-emit-package "$package"; done
lock "$@" -c "$constraints" -o lessons.lock \
    hub/requirements.in lab/requirements.in ../tests/requirements.in lessons/*/requirements.in
