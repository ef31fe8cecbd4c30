#!/usr/bin/env bash
# Where the processor time of a training step on flex goes, by operation: `perf` samples steps behind the warm-up, and
# the functions they were in are put together. One thread, so that nobody waits.
#
#   benches/profile_step.sh [STEPS] [OPTIONS OF bench train...]
#
# tubelet is taken from the build of `cargo build`. `cargo bench --bench product` tells what products can take here.
set -euo pipefail

steps=${1:-10}
shift $(($# < 1 ? $# : 1))
tubelet="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/debug/tubelet"
options=("$@")
[ ${#options[@]} -gt 0 ] || options=(--model base --batch 2)
export RAYON_NUM_THREADS=1

samples=$(mktemp)
trap 'rm -f "$samples"' EXIT
# The first steps fill memory and are no step like the others.
perf record --quiet --freq 499 --delay "${WARM_UP_MS:-9000}" --output "$samples" \
  "$tubelet" bench train "${options[@]}" --steps "$steps"
perf report --input "$samples" --no-children --stdio 2>/dev/null | awk '
  /^ +[0-9.]+%/ {
    share = $1 + 0
    name = "rest"
    if (/panels|::fill/) name = "products: packing"
    else if (/gemm|bf16|blocked|avx512::tile|product/) name = "products"
    else if (/adamw/) name = "AdamW"
    else if (/attention/) name = "attention, besides products"
    else if (/gelu/) name = "GELU"
    else if (/layer_norm/) name = "LayerNorm"
    else if (/painting/) name = "target and loss"
    else if (/linear/) name = "biases and sums"
    else if (/length/) name = "norm of gradients"
    else if (/\[k\]/) name = "kernel (pages, scheduling)"
    else if (/memmove|memset|memcpy/) name = "copies"
    part[name] += share
  }
  END { for (name in part) printf "%6.1f %%  %s\n", part[name], name }' | sort -rn
