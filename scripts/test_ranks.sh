#!/usr/bin/env bash
# Several processes train what one process trains, to the bit; and they stop, fail and end together. By OpenMPI, on this
# machine. The command is built with the feature `mpi` into the same target folder, so that little is compiled again.
#
#   scripts/test_ranks.sh              skips, and says so, where there is no mpirun
#   scripts/test_ranks.sh COMMAND      uses this command, which was built with `mpi`
#   STEPS=6 SMALL=1 scripts/…          fewer steps, a smaller model
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v mpirun >/dev/null || ! command -v mpicc >/dev/null; then
  echo "test_ranks: skipped, since mpirun or mpicc is not there; scripts/setup.sh --mpi brings them" >&2
  exit 0
fi
if [ $# -eq 0 ]; then
  scripts/with_dav1d.sh cargo build --workspace --bins --features "mpi${FEATURES:+,$FEATURES}"
fi
tubelet=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/tubelet}")
here=$PWD
samples=$PWD/samples
steps=${STEPS:-20}
small=()
[ -z "${SMALL:-}" ] || small=(--set model.encoder_depth=2 --set model.decoder_depth=1 --set clip.frames=4 --set clip.size=64)
# More processes than cores; mpirun refuses root, as which continuous integration often runs.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none

work=$(mktemp -d)
cd "$work"
trap 'rm -rf "$work"' EXIT
training=(--data "$samples" --recipe tiny "${small[@]}" --set clip.clips_per_video=8 --set optimiser.batch=8
  --set run.log_every=1)

fail() { echo "test_ranks: $*" >&2; exit 1; }
pretrain() { # PROCESSES OUT ARGUMENT…
  local processes=$1 out=$2
  shift 2
  if [ "$processes" -eq 1 ]; then
    "$tubelet" pretrain "${training[@]}" --set optimiser.micro_batch=1 --out "$out" "$@"
  else
    mpirun -n "$processes" "$tubelet" pretrain "${training[@]}" --set optimiser.micro_batch=1 --out "$out" "$@"
  fi
}
# What a line of metrics says of the training, without the seconds.
losses() { cut -d, -f1-5 "$1/metrics.jsonl"; }
same() { # ONE OTHER STEP
  diff <(losses "$1") <(losses "$2") || fail "the losses of $2 differ from those of $1"
  cmp "$1/checkpoint-$3.safetensors" "$2/checkpoint-$3.safetensors" || fail "the weights of $2 differ from those of $1"
}
# Processes of the command that write to the folder $1.
left() { pgrep -f -- "$tubelet pretrain .*--out $1( |\$)" || true; }
gone() { # OUT: waits at most 10 seconds
  for _ in $(seq 100); do [ -n "$(left "$1")" ] || return 0; sleep .1; done
  fail "processes of $1 are still there after 10 s: $(left "$1")"
}
begun() { # OUT LINES: waits for as many lines of metrics
  for _ in $(seq 600); do [ "$(cat "$1/metrics.jsonl" 2>/dev/null | wc -l)" -lt "$2" ] || return 0; sleep .1; done
  fail "$1 made no $2 steps in a minute"
}

echo "== 1, 2 and 4 processes"
for processes in 1 2 4; do pretrain "$processes" "of-$processes" --steps "$steps" 2>&1 | tail -1; done
same of-1 of-2 "$steps"
same of-1 of-4 "$steps"

echo "== from 2 to 4 in mid-run"
pretrain 2 changed --steps "$steps" --set run.checkpoint_every=$((steps / 2)) 2>"$work/said" &
begun changed $((steps / 2 + 1))
kill -USR2 "$(pgrep -P $!)"
wait $! || fail "a request to stop ended with $?: $(cat "$work/said")"
grep -q "stopped after step" "$work/said" || fail "it did not say that it was stopped: $(cat "$work/said")"
pretrain 4 changed --resume --data "$samples" 2>&1 | tail -1
diff <(losses of-1) <(losses changed) || fail "the losses differ from those of one process"

echo "== one of two is killed"
pretrain 2 killed --steps "$steps" --set run.checkpoint_every=2 2>/dev/null &
begun killed 5
kill -KILL "$(left killed | sort -n | tail -1)"
wait $! && fail "mpirun did not say that a process was killed"
gone killed
pretrain 2 killed --resume 2>&1 | tail -1
diff <(losses of-1) <(losses killed) || fail "the losses behind a kill differ from those of one process"

echo "== SIGTERM to the page of mpirun in examples/cluster"
page() { # LOG ARGUMENT…: its first arguments are the page's own, and the later ones count
  local said=$1
  shift
  PROCESSES=2 DATA=$samples OUT=page TUBELET=$tubelet "$here/examples/cluster/mpirun.sh" "${training[@]:2}" \
    --set optimiser.micro_batch=1 --steps "$steps" "$@" >"$said" 2>&1
}
page "$work/said" &
begun page 3
kill -TERM "$(pgrep -P $!)"
wait $! || fail "it ended with $?: $(cat "$work/said")"
[ "$(grep -c "stopped after step" "$work/said")" -eq 1 ] || fail "it did not stop once: $(cat "$work/said")"
page "$work/said" || fail "it did not go on: $(cat "$work/said")"
diff <(losses of-1) <(losses page) || fail "the losses behind a stop differ from those of one process"

echo "== a video that one of two cannot read ends both"
mkdir films
cp "$samples"/*.mp4 films
head -c 20000 "$samples/cars.mp4" >films/broken.mp4
code=0
mpirun -n 2 "$tubelet" pretrain --data films --recipe tiny "${small[@]}" --set optimiser.batch=4 \
  --set optimiser.micro_batch=2 --set run.max_failed_share=0 --out failed --steps 9 2>"$work/said" || code=$?
[ "$code" -eq 1 ] || fail "it ended with $code: $(cat "$work/said")"
grep -q "broken.mp4" "$work/said" || fail "nobody named the video: $(cat "$work/said")"

echo "== fine-tuning"
printf "$samples/%s %s\n" big_buck_bunny.mp4 0 cars.mp4 1 >train.txt
printf "$samples/%s %s\n" flower.mp4 0 bottles.webm 1 >test.txt
for processes in 1 2 4; do
  mpirun -n "$processes" "$tubelet" finetune --split train=train.txt,test=test.txt --init scratch --recipe tiny \
    "${small[@]}" --set clip.clips_per_video=4 --set optimiser.batch=8 --set optimiser.micro_batch=2 \
    --set schedule.warmup_steps=2 --set run.log_every=1 --steps 6 --out "classifier-$processes" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
done
same classifier-1 classifier-2 6
same classifier-1 classifier-4 6
for file in validation.jsonl best.safetensors; do
  cmp classifier-1/$file classifier-4/$file || fail "$file differs"
done

echo "== a probe, with a video that fails"
cp films/cars.mp4 films/more_cars.mp4
printf "films/%s %s\n" cars.mp4 1 big_buck_bunny.mp4 0 broken.mp4 0 more_cars.mp4 1 >probed.txt
for processes in 1 2 3; do
  mpirun -n "$processes" "$tubelet" probe linear --model of-1 --baseline --split train=probed.txt,test=test.txt \
    --cache "cache-$processes" --json >"probe-$processes.json" 2>"$work/said" || fail "$(cat "$work/said")"
done
for processes in 2 3; do
  cmp "probe-1.json" "probe-$processes.json" || fail "$processes processes find something else"
  [ "$(ls "cache-$processes")" = "$(ls cache-1)" ] || fail "$processes processes keep something else"
  for file in cache-1/*; do cmp "$file" "cache-$processes/${file#*/}"; done
done
grep -q broken.mp4 probe-1.json || fail "the video that fails is not listed"

echo "== started by another launcher, and half of an environment"
code=0; RANK=0 WORLD_SIZE=2 LOCAL_RANK=0 pretrain 1 launched 2>"$work/said" || code=$?
[ "$code" -eq 2 ] && grep -q mpirun "$work/said" || fail "it ended with $code: $(cat "$work/said")"
code=0; RANK=0 pretrain 1 launched 2>"$work/said" || code=$?
[ "$code" -eq 2 ] && grep -q WORLD_SIZE "$work/said" || fail "it ended with $code: $(cat "$work/said")"
code=0; mpirun -n 3 "$tubelet" pretrain "${training[@]}" --out launched 2>"$work/said" || code=$?
[ "$code" -eq 2 ] && grep -q "optimiser.micro_batch" "$work/said" || fail "it ended with $code: $(cat "$work/said")"
[ ! -e launched ] || fail "a usage error left a folder"
echo "test_ranks: passed"
