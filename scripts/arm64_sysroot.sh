#!/usr/bin/env bash
# Brings what tubelet needs on 64-bit ARM (GStreamer, its plugins, dav1d, the C library) into a folder: some 220 MB of
# packages, 1.1 GB unpacked. Nothing is installed: the system's own list of packages and architectures stay as they are,
# and no root is needed.
#
#   scripts/arm64_sysroot.sh FOLDER
#
# It asks the sources that apt-get has here, so it needs Debian, or an Ubuntu whose sources name ports.ubuntu.com for
# arm64. Tried on Debian 12. Elsewhere the root of any ARM system that has these packages does as well.
set -euo pipefail

folder=${1:?the folder to unpack into is missing: scripts/arm64_sysroot.sh FOLDER}
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  echo "arm64_sysroot: apt-get is not here; name the root of an ARM system to scripts/test_aarch64.sh instead" >&2
  exit 1
fi
packages=(libc6-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev libdav1d-dev gstreamer1.0-plugins-base
  gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$folder"
: >"$work/state/status"
# A list of installed packages of its own, which is empty, and arm64 as the only architecture.
apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$work/state"
  -o Dir::State::status="$work/state/status" -o Dir::Cache="$work/cache" -o APT::Sandbox::User= -o Debug::NoLocking=1
  -o APT::Install-Recommends=false)
"${apt[@]}" update
"${apt[@]}" install --download-only -y "${packages[@]}"
for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$folder"; done
echo "arm64_sysroot: done; now SYSROOT=$folder scripts/test_aarch64.sh" >&2
