#!/usr/bin/env bash
# Trains with tubelet and with PyTorch side by side: whole steps on random clips, every way in turn in each round,
# each in a process of its own.
#
#   benches/train_against_pytorch.sh PYTHON TRAIN_PEER [ROUNDS] [STEPS] [CASE...]
#
# PYTHON has torch; TRAIN_PEER is a script with the options --model, --batch, --attention, --embed, --dtype,
# --decoder-mask, --checkpoint, --threads, --warmup, --steps, --json, --rounds and --also COMMAND, which runs PyTorch
# and each command in turn and prints a JSON line of each. tubelet is taken from the build of `cargo build`; its
# device `tch` is left out where the build lacks it. CASE is one of f32, bf16, cells, plain, small, small-bf16, checkpoint; all
# by default. THREADS is one for each core unless it is set.
#
# Ratios are PyTorch's over tubelet's, so more is better, of medians over the rounds of each run's median step.
# Memory is the largest over the rounds, and its ratio tubelet's over PyTorch's. On a shared machine read the
# processor time, and set THREADS=1: waiting threads spin.
set -euo pipefail

python=${1:?usage: train_against_pytorch.sh PYTHON TRAIN_PEER [ROUNDS] [STEPS] [CASE...]}
peer=${2:?TRAIN_PEER is missing}
rounds=${3:-3}
steps=${4:-5}
shift $(($# < 4 ? $# : 4))
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(f32 bf16 cells plain small small-bf16 checkpoint)
threads=${THREADS:-$(nproc)}
export RAYON_NUM_THREADS=$threads OMP_NUM_THREADS=$threads
tubelet="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/debug/tubelet"

devices=(flex)
if "$tubelet" bench train --device tch --model tiny --batch 1 --steps 1 --set clip.size=32 >/dev/null 2>&1; then
  devices+=(tch)
fi

grep -m1 'model name' /proc/cpuinfo || true
echo "$(nproc --all) cores, $threads threads, load $(cut -d' ' -f1 /proc/loadavg), tubelet on ${devices[*]}"

table='
import json, statistics, sys
runs = {}
for line in sys.stdin:
    run = json.loads(line) if line.startswith("{") else {}
    if "round" in run:
        runs.setdefault("PyTorch" if "tool" in run else run["command"].split("bench train ", 1)[1], []).append(run)
of = lambda name, key: statistics.median(run[key] for run in runs[name])
print("{:64} {:>8} {:>8} {:>7} {:>6} {:>6} {:>7}".format("", "s", "CPU s", "MB", "wall", "CPU", "memory"))
for name in runs:
    s, cpu = of(name, "step_seconds"), of(name, "step_cpu_seconds")
    mb = max(run["peak_rss_mb"] for run in runs[name])
    peer = of("PyTorch", "step_seconds") / s, of("PyTorch", "step_cpu_seconds") / cpu
    share = mb / max(run["peak_rss_mb"] for run in runs["PyTorch"])
    print(f"{name:64} {s:8.3f} {cpu:8.3f} {mb:7.0f} {peer[0]:6.2f} {peer[1]:6.2f} {share:7.2f}")
'

# side_by_side TITLE PYTORCH_OPTIONS TUBELET_OPTIONS...
side_by_side() {
  printf '\n== %s\n' "$1"
  local options=$2 also=()
  shift 2
  for command in "$@"; do
    also+=(--also "$tubelet bench train --steps $steps $command")
  done
  # shellcheck disable=SC2086 # options are words
  "$python" "$peer" $options --embed visible --threads "$threads" --warmup 2 --steps "$steps" --rounds "$rounds" \
    "${also[@]}" | "$python" -c "$table"
}

# on_each OPTIONS: the options once for each device.
on_each() {
  for device in "${devices[@]}"; do
    printf '%s\0' "--device $device $1"
  done
}

for case in "${cases[@]}"; do
  commands=()
  base="--model base --batch 2"
  case $case in
    f32)
      mapfile -d '' commands < <(on_each "$base")
      side_by_side "ViT-B, batch 2, f32, fused attention" "$base --attention sdpa --dtype f32" "${commands[@]}" ;;
    bf16)
      mapfile -d '' commands < <(on_each "$base --precision bf16")
      side_by_side "ViT-B, batch 2, bf16, fused attention" "$base --attention sdpa --dtype bf16" \
        "${commands[@]}" "--device flex $base" ;;
    cells)
      mapfile -d '' commands < <(on_each "$base --set mask.decoder=running-cell --set mask.decoder_ratio=0.5")
      side_by_side "ViT-B, batch 2, f32, half of the decoder's tokens" \
        "$base --attention sdpa --dtype f32 --decoder-mask 0.5" "${commands[@]}" ;;
    plain)
      mapfile -d '' commands < <(on_each "$base")
      side_by_side "ViT-B, batch 2, f32, attention as the official code has it" \
        "$base --attention plain --dtype f32" "${commands[@]}" ;;
    small)
      mapfile -d '' commands < <(on_each "--model small --batch 8")
      side_by_side "ViT-S, batch 8, f32, fused attention" "--model small --batch 8 --attention sdpa --dtype f32" \
        "${commands[@]}" ;;
    small-bf16)
      mapfile -d '' commands < <(on_each "--model small --batch 8 --precision bf16")
      side_by_side "ViT-S, batch 8, bf16, fused attention" "--model small --batch 8 --attention sdpa --dtype bf16" \
        "${commands[@]}" ;;
    checkpoint)
      wide="--model base --batch 16"
      side_by_side "ViT-B, batch 16, f32, blocks computed again" "$wide --attention sdpa --dtype f32 --checkpoint" \
        "--device flex $wide --set model.gradient_checkpointing=true" "--device flex $wide" ;;
    *)
      echo "$case: no such case; f32, bf16, cells, plain, small, small-bf16, checkpoint" >&2
      exit 2 ;;
  esac
done
