#!/usr/bin/env bash
# Tests the trainer with LibTorch compiled in, where LibTorch is (LIBTORCH names it, or scripts/setup_libtorch.sh has
# brought it); says so elsewhere. With `--bring` it is brought first, on Linux on x86-64.
#
#   scripts/test_libtorch.sh --bring
#   scripts/test_libtorch.sh --test golden   and other arguments of `cargo test`
#
# The other tests run without it: a process with LibTorch in it takes .4 s to begin, and they start thousands.
set -euo pipefail
cd "$(dirname "$0")/.."

want=--there
if [ "${1:-}" = --bring ]; then
  want=
  shift
fi
if [ -z "${LIBTORCH:-}" ] && [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
  LIBTORCH=$(scripts/setup_libtorch.sh $want)
fi
if [ -z "${LIBTORCH:-}" ]; then
  echo 'test_libtorch: no LibTorch here (`make test TCH=1` brings it): the device `tch` is not tested' >&2
  exit 0
fi
export LIBTORCH
cargo test -p tubelet-trainer --features tch "$@"
