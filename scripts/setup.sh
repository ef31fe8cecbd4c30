#!/usr/bin/env bash
# Installs what tubelet needs to be built and run, where it is missing.
#
#   scripts/setup.sh              GStreamer and its plugins
#   scripts/setup.sh --libtorch   and what bringing LibTorch needs besides
#   scripts/setup.sh --python     and what building and testing the Python package needs besides
#
# On Debian and Ubuntu with apt-get (with sudo where needed); elsewhere it says what to install.
set -euo pipefail

packages=(gcc g++ pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libdav1d-dev
  gstreamer1.0-tools gstreamer1.0-plugins-base
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav)
for wish in "$@"; do
  case "$wish" in
    --libtorch) packages+=(python3 python3-pip unzip) ;;
    --python) packages+=(python3 python3-venv) ;;
    *) echo "setup: there is no $wish" >&2; exit 1 ;;
  esac
done

if ! command -v cargo >/dev/null; then
  echo "setup: cargo is missing; install Rust 1.95 or newer first: https://rustup.rs" >&2
  exit 1
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  if pkg-config --exists gstreamer-1.0 2>/dev/null && gst-inspect-1.0 avdec_h264 >/dev/null 2>&1; then
    exit 0
  fi
  echo "setup: this is no Debian or Ubuntu. Install GStreamer 1.20 or newer with its development files," >&2
  echo "setup: the plugin sets base, good, bad, ugly and libav, the command line tools, pkg-config and a" >&2
  echo "setup: C++ compiler (Debian's names: ${packages[*]}), then run make again." >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: install these as root: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
