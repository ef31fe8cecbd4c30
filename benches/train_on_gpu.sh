#!/usr/bin/env bash
# The training step on an NVIDIA card, beside PyTorch on the same card: ViT-B, bf16, batches of 32 and 64, and f32,
# fused attention, with and without torch.compile; steps from disk; and PyTorch's profile of what binds.
#
#   benches/train_on_gpu.sh PYTHON TRAIN_PEER [CARD] [BATCHES] [SHARDS]
#
# PYTHON has a torch with CUDA; TRAIN_PEER as in train_against_pytorch.sh, with --device, --compile and --profile.
# tubelet is taken from the build of `cargo build --release`, with the features of the ways that are to be compared:
# `cuda` (Burn's own kernels), `tch` with a LibTorch that has CUDA, or `wgpu` (Vulkan). Ways that the build lacks are
# left out. BATCHES are numbers of clips ("32 64"); f32 is measured with the first alone. SHARDS are frame shards (`tubelet
# preprocess`): with them trainings of 50 steps from disk follow on each way, with the milliseconds of a step, to be read
# beside those of the bench, and how much of them they waited for data. TUBELET names another binary than the release build's.
#
# LibTorch for `tch:cuda:0` is PyTorch's own, of the version that tch wants: `pip install torch==2.9.0`, then
# LIBTORCH=.../site-packages/torch while building, and its `lib` and those of `nvidia/*/lib` in LD_LIBRARY_PATH.
set -euo pipefail

python=${1:?usage: train_on_gpu.sh PYTHON TRAIN_PEER [CARD] [BATCH] [SHARDS]}
peer=${2:?TRAIN_PEER is missing}
card=${3:-0}
read -r -a batches <<<"${4:-32 64}"
shards=${5:-}
rounds=3
steps=20
tubelet="${TUBELET:-${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/release/tubelet}"

nvidia-smi --query-gpu=index,name,memory.total,driver_version,power.limit --format=csv
"$python" -c 'import torch; print("torch", torch.__version__, torch.cuda.get_device_name(int('"$card"')))'

devices=()
for device in "cuda:$card" "tch:cuda:$card" wgpu; do
  if "$tubelet" bench train --device "$device" --model tiny --batch 1 --steps 1 --set clip.size=32 >/dev/null 2>&1; then
    devices+=("$device")
  else
    echo "$device: not in this build, or no card"
  fi
done
[ ${#devices[@]} -gt 0 ] || { echo "no way to the card in $tubelet" >&2; exit 1; }

table='
import json, statistics, sys
runs = {}
for line in sys.stdin:
    run = json.loads(line) if line.startswith("{") else {}
    if "round" in run:
        runs.setdefault("PyTorch" if "tool" in run else run["command"].split("bench train ", 1)[1], []).append(run)
peer = statistics.median(run["step_seconds"] for run in runs["PyTorch"])
print("{:90} {:>9} {:>8} {:>6}".format("", "s", "clips/s", "ratio"))
for name, of in runs.items():
    s = statistics.median(run["step_seconds"] for run in of)
    clips = statistics.median(run["clips_per_second"] for run in of)
    print(f"{name:90} {s:9.4f} {clips:8.1f} {peer / s:6.2f}")
'

side_by_side() { # PRECISION BATCH
  local precision=$1 batch=$2 also=()
  for device in "${devices[@]}"; do
    also+=(--also "$tubelet bench train --device $device --model base --batch $batch --steps $steps --precision $precision")
  done
  for compile in "" --compile; do
    printf '\n== ViT-B, batch %s, %s, PyTorch %s\n' "$batch" "$precision" "${compile:-eager}"
    # shellcheck disable=SC2086 # nothing, or one word
    "$python" "$peer" --device "cuda:$card" --model base --batch "$batch" --attention sdpa --embed visible \
      --dtype "$precision" $compile --warmup 5 --steps "$steps" --rounds "$rounds" "${also[@]}" |
      "$python" -c "$table"
  done
}
for batch in "${batches[@]}"; do
  side_by_side bf16 "$batch"
done
batch=${batches[0]}
side_by_side f32 "$batch"

printf '\n== memory of the card while a step runs\n'
for device in "${devices[@]}"; do
  "$tubelet" bench train --device "$device" --model base --batch "$batch" --steps 50 --precision bf16 >/dev/null &
  job=$!
  peak=0
  while kill -0 "$job" 2>/dev/null; do
    used=$(nvidia-smi --id="$card" --query-gpu=memory.used --format=csv,noheader,nounits)
    ((used > peak)) && peak=$used
    sleep 0.2
  done
  wait "$job"
  echo "$device: $peak MiB of the whole card"
done

printf '\n== what binds in PyTorch\n'
"$python" "$peer" --device "cuda:$card" --model base --batch "$batch" --attention sdpa --embed visible --dtype bf16 --profile

[ -n "$shards" ] || exit 0
for batch in "${batches[@]}"; do
  for device in "${devices[@]}"; do
    printf '\n== 50 steps of batch %s from %s on %s\n' "$batch" "$shards" "$device"
    run=$(mktemp -d)
    "$tubelet" pretrain --data "$shards" --out "$run/run" --recipe vit-b-k400-800 --set "optimiser.batch=$batch" \
      --set optimiser.micro_batch=0 --precision bf16 --set run.log_every=10 --steps 50 --device "$device"
    "$python" -c '
import json, sys
for line in open(sys.argv[1]):
    line = json.loads(line)
    print("step {step}: {ms:.1f} ms a step, waited {share:.1%} for data".format(
        step=line["step"], ms=1e3 * int(sys.argv[2]) / line["clips_per_second"], share=line["waiting_share"]))
' "$run/run/metrics.jsonl" "$batch"
    rm -r "$run"
  done
done
