#!/usr/bin/env bash
# Makes two archives of the command in target/dist, each with README and licences, and SHA256SUMS:
#
#   tubelet-VERSION-x86_64-linux-gnu.tar.gz                 reads videos by the system's GStreamer (1.20 or newer), and
#                                                           from object stores
#   tubelet-VERSION-x86_64-linux-gnu-without-video.tar.gz   needs the C library only; trains from shards of frames
#
# Either runs on systems whose C library is as new as that of the machine it is made on. AV1 is left to GStreamer's
# libaom, since the dav1d of each distribution has another soname. The same sources, compiler and system give the same
# bytes: SOURCE_DATE_EPOCH (by default the time of the last commit) is the time of all files.
#
#   scripts/dist.sh               a release build, which takes long
#   PROFILE=dev scripts/dist.sh   the same of the development build, to try it
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}
out=$target/dist
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
name=tubelet-$version-$(rustc -vV | sed -n 's/^host: \(.*\)/\1/p' | sed 's/-unknown//')

# Where the sources lie must not stand in the bytes.
if [ "$profile" = release ]; then
  RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$PWD=/tubelet"
  export RUSTFLAGS
fi

# archive NAME FEATURES…: builds the command with these of cargo's options, and packs it.
archive() {
  local folder=$1
  shift
  cargo build --locked --profile "$profile" --bin tubelet "$@"
  rm -rf "${out:?}/$folder"
  mkdir -p "$out/$folder"
  cp "$target/${profile/#dev/debug}/tubelet" README.md CHANGELOG.md LICENSE LICENSE-APACHE LICENSE-MIT "$out/$folder"
  scripts/third_party_licenses.py "$@" > "$out/$folder/THIRD-PARTY-LICENSES.txt"
  chmod -R u=rwX,go=rX "$out/$folder"
  tar --create --directory "$out" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --format=ustar "$folder" | gzip -9 --no-name > "$out/$folder.tar.gz"
  rm -r "${out:?}/$folder"
}

rm -rf "$out"
archive "$name-without-video" --no-default-features --features command
archive "$name" --features cloud
(cd "$out" && sha256sum -- *.tar.gz > SHA256SUMS && cat SHA256SUMS)
