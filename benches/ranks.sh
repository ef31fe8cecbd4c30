#!/usr/bin/env bash
# What several processes cost: clips per second of one process with all threads against two with half of them each, and
# the share of the sum in a step. In turn, so that a busy machine hits both.
#
#   benches/ranks.sh [ROUNDS]                     ViT-S at 112, 16 clips an update in micro-batches of 4
#   RECIPE=vit-b-k400-800 BATCH=8 MICRO=2 benches/ranks.sh
#
# The command is built with `cargo build --features mpi`; DATA names other videos than the samples. `sum` is the share
# of a step in which the first process waits for the other one and sums with it (`summing_share` in metrics.jsonl).
set -euo pipefail

rounds=${1:-3}
tubelet="${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/debug/tubelet"
tubelet=$(realpath "$tubelet")
data=$(realpath "${DATA:-$(dirname "$0")/../samples}")
cores=$(nproc)
half=$((cores > 1 ? cores / 2 : 1))
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_hwloc_base_binding_policy=none
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() { # NAME PROCESSES THREADS
  local name=$1 processes=$2 threads=$3 out="$work/run"
  rm -rf "$out"
  RAYON_NUM_THREADS=$threads mpirun -n "$processes" --oversubscribe "$tubelet" pretrain \
    --data "$data" --out "$out" --recipe "${RECIPE:-laptop}" --workers "$threads" --set clip.clips_per_video=16 \
    --set optimiser.batch="${BATCH:-16}" --set optimiser.micro_batch="${MICRO:-4}" --set run.log_every=1 \
    --steps "${STEPS:-6}" 2>"$work/said" || { cat "$work/said" >&2; exit 1; }
  # The first step pays for starting threads and decoders.
  python3 - "$name" "$out/metrics.jsonl" <<'PYTHON'
import json, statistics, sys
lines = [json.loads(line) for line in open(sys.argv[2])][1:]
middle = lambda key: statistics.median(line[key] for line in lines)
summing = [line["summing_share"] for line in lines if "summing_share" in line]
share = f"  sum {100 * statistics.median(summing):.1f} %" if summing else ""
print(f"{sys.argv[1]:28} {middle('clips_per_second'):8.2f} clips/s  waiting for data {100 * middle('waiting_share'):.0f} %{share}")
PYTHON
}

for round in $(seq "$rounds"); do
  run "1 process, $cores threads" 1 "$cores"
  run "2 processes, $half threads" 2 "$half"
done
