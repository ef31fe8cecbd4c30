#!/usr/bin/env bash
# Runs a cargo command with the feature `tch` where LibTorch can be had, and without it elsewhere.
#
#   scripts/with_libtorch.sh cargo test --workspace
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${LIBTORCH:-}" ] && [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ]; then
  LIBTORCH=$("$here/setup_libtorch.sh")
fi
if [ -z "${LIBTORCH:-}" ]; then
  echo "with_libtorch: no LibTorch here; going on without the feature tch" >&2
  exec "$@"
fi
export LIBTORCH
exec "$@" --features tch
