#!/usr/bin/env bash
# Runs a cargo command with the feature `tch` where LibTorch is (LIBTORCH names it, or scripts/setup_libtorch.sh has
# brought it), and without it elsewhere. With `--bring` it is brought first, on Linux on x86-64.
#
#   scripts/with_libtorch.sh [--bring] cargo test --workspace
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
want=--there
if [ "$1" = --bring ]; then
  want=
  shift
fi
if [ -z "${LIBTORCH:-}" ] && [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
  LIBTORCH=$("$here/setup_libtorch.sh" $want)
fi
if [ -z "${LIBTORCH:-}" ]; then
  echo 'with_libtorch: no LibTorch here (`make test TCH=1` brings it); going on without the feature tch' >&2
  exec "$@"
fi
export LIBTORCH
exec "$@" --features tch
