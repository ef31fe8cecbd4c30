#!/usr/bin/env bash
# Brings LibTorch 2.9.0 (CPU part) from PyPI into the user's cache folder and prints where it is.
#
#   export LIBTORCH=$(scripts/setup_libtorch.sh)
#   scripts/setup_libtorch.sh --there   only prints where it is, nothing where it is missing
#
# tch 0.22 wants exactly this version. PyPI's Linux x86-64 wheel is the CUDA build; libtorch_cpu.so of
# it needs only libcudart, libcupti and libgomp beside libc10, so those few files are kept (about
# 490 MB) and the wheels are thrown away. No Python is needed afterwards.
set -euo pipefail

version=2.9.0
home="${TUBELET_LIBTORCH:-${XDG_CACHE_HOME:-$HOME/.cache}/tubelet/libtorch-$version}"

if [ "$(cat "$home/build-version" 2>/dev/null)" = "$version" ]; then
  echo "$home"
  exit 0
fi
[ "${1:-}" != --there ] || exit 0
if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  echo "setup_libtorch: only Linux x86-64 is supported; set LIBTORCH to an unpacked LibTorch $version" >&2
  exit 1
fi
for tool in python3 unzip cc; do
  command -v "$tool" >/dev/null || { echo "setup_libtorch: $tool is missing (apt-get install python3-pip unzip gcc)" >&2; exit 1; }
done
python3 -m pip --version >/dev/null 2>&1 || { echo "setup_libtorch: pip is missing (apt-get install python3-pip)" >&2; exit 1; }

mkdir -p "$(dirname "$home")"
work=$(mktemp -d "$(dirname "$home")/.libtorch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "setup_libtorch: downloading LibTorch $version from PyPI (about 900 MB)" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.11 --platform manylinux_2_28_x86_64 -d "$work/wheels" "torch==$version" >&2
python3 -m pip download --quiet --disable-pip-version-check --no-deps -d "$work/wheels" \
  nvidia-cuda-runtime-cu12==12.8.90 nvidia-cuda-cupti-cu12==12.8.90 >&2
unzip -q "$work"/wheels/torch-*.whl 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' \
  'torch/lib/libgomp.so.1' 'torch/include/*' -d "$work"
unzip -q -j "$work"/wheels/nvidia_cuda_runtime*.whl '*/lib/libcudart.so.12' -d "$work/torch/lib"
unzip -q -j "$work"/wheels/nvidia_cuda_cupti*.whl '*/lib/libcupti.so.12' -d "$work/torch/lib"
# torch-sys names libtorch.so when it links; nothing in it is used.
cc -shared -o "$work/torch/lib/libtorch.so" -x c /dev/null
echo "$version" > "$work/torch/build-version"
rm -rf "$home"
mv "$work/torch" "$home"
echo "$home"
