#!/usr/bin/env bash
# Runs a cargo command with the feature of the dav1d library that is installed, and without where there is none.
#
#   scripts/with_dav1d.sh cargo build
set -euo pipefail

if pkg-config --exists 'dav1d >= 1.3' 2>/dev/null; then
  exec "$@" --features dav1d
elif pkg-config --exists 'dav1d >= 1.0' 2>/dev/null; then
  exec "$@" --features dav1d-1-0
fi
echo "with_dav1d: no libdav1d here; AV1 is left to GStreamer, which is slower" >&2
exec "$@"
