#!/usr/bin/env bash
# tubelet on 64-bit ARM without such a machine: a cross compiler builds, and qemu's user emulation runs.
#
#   scripts/test_aarch64.sh                      code that differs by processor, compiled alone: minutes
#   scripts/arm64_sysroot.sh FOLDER              brings GStreamer and dav1d for arm64 (once)
#   SYSROOT=FOLDER scripts/test_aarch64.sh       and the command: tests, then the same clips and losses as on this machine
#
# It installs nothing, and says what is missing: Rust's target aarch64-unknown-linux-gnu, and on Debian and Ubuntu the
# packages gcc-aarch64-linux-gnu (with the C library for arm64, which it recommends), qemu-user-static and pkg-config.
#
# What was tried: all of it, on Debian 12 with qemu 7.2.
#
# Films are decoded on threads here, not in the sandbox: qemu has no seccomp, and starts no second emulator for a child.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "test_aarch64: $*" >&2; exit 1; }
command -v cargo >/dev/null || fail "cargo is missing: https://rustup.rs"
command -v aarch64-linux-gnu-gcc >/dev/null || fail "the cross compiler is missing (Debian, Ubuntu: gcc-aarch64-linux-gnu)"
for qemu in qemu-aarch64-static qemu-aarch64 none; do ! command -v "$qemu" >/dev/null || break; done
[ "$qemu" != none ] || fail "qemu-aarch64 is missing (Debian, Ubuntu: qemu-user-static)"
target=aarch64-unknown-linux-gnu
[ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || fail "Rust's target is missing: rustup target add $target"
targets=${CARGO_TARGET_DIR:-target}
mkdir -p "$targets"
targets=$(realpath "$targets")
compiler=(env CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc)

echo "== transforms, draws, allocator and products, compiled alone, under $qemu"
# The cross compiler's own C library, unless an ARM system is named.
"${compiler[@]}" CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="$qemu -L /usr/aarch64-linux-gnu" \
  cargo test --manifest-path sanitizers/Cargo.toml --target-dir "$targets/sanitizers" --target "$target"

if [ -z "${SYSROOT:-}" ]; then
  echo "test_aarch64: passed, without the command: SYSROOT is not set (scripts/arm64_sysroot.sh FOLDER makes one)"
  exit 0
fi
command -v pkg-config >/dev/null || fail "pkg-config is missing"
sysroot=$(realpath "$SYSROOT")
[[ $sysroot != *[[:space:],]* ]] || fail "the path of SYSROOT has spaces or commas, which cargo and qemu would split"
libraries=$sysroot/usr/lib/aarch64-linux-gnu
[ -e "$libraries/pkgconfig/gstreamer-1.0.pc" ] || fail "$sysroot has no GStreamer for arm64"
# Debian's alternatives are links that only an installation makes: these folders are looked at by name. The helper that
# looks through plugins would be a second program, which qemu cannot start: GStreamer does it in the process itself.
emulator=("$qemu" -L "$sysroot" -E "LD_LIBRARY_PATH=$libraries:$libraries/blas:$libraries/lapack:$libraries/pulseaudio"
  -E "GST_PLUGIN_SYSTEM_PATH=$libraries/gstreamer-1.0" -E GST_REGISTRY_FORK=no
  -E "GST_REGISTRY=$targets/aarch64-gstreamer-registry.bin")
cross=("${compiler[@]}"
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C link-arg=--sysroot=$sysroot"
  CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="${emulator[*]}"
  PKG_CONFIG_ALLOW_CROSS=1 PKG_CONFIG_SYSROOT_DIR="$sysroot"
  PKG_CONFIG_LIBDIR="$libraries/pkgconfig:$sysroot/usr/share/pkgconfig")
# One choice of packages and features for everything, so that nothing is compiled twice. Python's module needs Python.
read -ra features <<<"$("${cross[@]}" scripts/with_dav1d.sh echo)"
choice=(--target "$target" --workspace --exclude tubelet-python "${features[@]}")

echo "== the command, for aarch64 and for this machine"
"${cross[@]}" cargo build "${choice[@]}" --bins
scripts/with_dav1d.sh cargo build --bin tubelet
emulated=("${emulator[@]}" "$targets/$target/debug/tubelet")
here=$targets/debug/tubelet
"${emulated[@]}" doctor | grep -E 'aarch64|H.264 ' || fail "the doctor does not find aarch64 and H.264"

echo "== tests under $qemu"
# Modules whose code differs by processor, or that count on sizes and orders of bytes.
tests=(transform:: augment:: mask:: plan:: sampling:: schedule draws:: codec:: demux::mp4 demux::matroska
  dataset::manifest shard:: parquet_ tubelets kernels:: allocator:: optimiser:: checkpoint:: random batch:: format)
"${cross[@]}" cargo test "${choice[@]}" --lib -- "${tests[@]}"
"${cross[@]}" cargo test "${choice[@]}" --test golden

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
films=(samples/*.mp4 samples/*.webm)
echo "== the same clips"
clips() { "$@" inspect batches "${films[@]}" --recipe tiny --count 16 --set run.sandbox=false; }
clips "$here" >"$work/clips-here"
clips "${emulated[@]}" >"$work/clips-arm"
diff "$work/clips-here" "$work/clips-arm" || fail "clips differ"
echo "16 clips of ${#films[@]} films are the same to the byte"

echo "== the same training"
train() { # RUN COMMAND…
  local run=$1
  shift
  "$@" pretrain --data "${films[@]}" --recipe tiny --steps 3 --set run.log_every=1 --set optimiser.batch=4 \
    --set run.sandbox=false --out "$run" 2>"$run.said" || fail "$(cat "$run.said")"
  sed -n 's/.*"loss":\([^,]*\),.*/\1/p' "$run/metrics.jsonl"
}
train "$work/run-here" "$here" >"$work/losses-here"
train "$work/run-arm" "${emulated[@]}" >"$work/losses-arm"
paste "$work/losses-here" "$work/losses-arm" | awk '
  { apart = ($1 - $2) / $1; if (apart < 0) apart = -apart; if (apart > worst) worst = apart; print "loss", $1, "and", $2 }
  END { printf "%d steps, losses within %.1e of each other\n", NR, worst; exit !(NR == 3 && worst < 1e-4) }' ||
  fail "losses differ"
echo "test_aarch64: passed"
