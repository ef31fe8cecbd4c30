#!/usr/bin/env bash
# Loads clips with tubelet and with the readers that people use from Python, side by side: the same files, the
# same cores, every way in turn in each round.
#
#   benches/load_against_peers.sh PYTHON LOAD_PEERS VIDEOS [ROUNDS] [SECONDS]
#
# PYTHON has torch, torchcodec, decord, av, opencv and video-reader-rs; LOAD_PEERS is a script with the options --data,
# --workers, --seconds, --repeat, --stride, --clips-per-video, --peers and --also NAME=COMMAND, which runs each peer and
# each command in turn and prints a table; --one PEER measures one peer and prints a line of JSON. tubelet is taken from
# the build of `cargo build`, or is what TUBELET names. Stores are made from VIDEOS in a temporary folder first.
#
# DECORD2_PYTHON, where it is set, is a Python with decord2 (and torch and torchvision), which takes part as decord2: it
# goes by the module name of decord, so that one Python cannot have both.
set -euo pipefail

python=${1:?usage: load_against_peers.sh PYTHON LOAD_PEERS VIDEOS [ROUNDS] [SECONDS]}
peers=${2:?LOAD_PEERS is missing}
videos=${3:?VIDEOS is missing}
rounds=${4:-5}
seconds=${5:-6}
workers=$(nproc)
tubelet="${TUBELET:-${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/debug/tubelet}"

stores=$(mktemp -d)
trap 'rm -rf "$stores"' EXIT
for store in frames packets transcode; do
  "$tubelet" preprocess "$videos" --out "$stores/$store" --store "$store" 2>"$stores/log" \
    || { cat "$stores/log" >&2; exit 1; }
  echo "$store: $(du -sb "$stores/$store" | cut -f1) bytes, files: $(du -sb "$videos" | cut -f1) bytes"
done

# TITLE STRIDE CLIPS_PER_VIDEO ARGUMENTS...
side_by_side() {
  local title=$1 sampling=(--stride "$2" --clips-per-video "$3") decord2=()
  shift 3
  printf '\n== %s\n' "$title"
  if [ -n "${DECORD2_PYTHON:-}" ]; then
    decord2=(--also "decord2=OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $DECORD2_PYTHON $peers --one decord --data $videos --workers $workers --seconds $seconds ${sampling[*]}")
  fi
  "$python" "$peers" --data "$videos" --workers "$workers" --seconds "$seconds" --repeat "$rounds" "${sampling[@]}" \
    "$@" "${decord2[@]}"
}
load="bench load --workers $workers --seconds $seconds"

side_by_side "1 clip a video, stride 4" 4 1 \
  --peers torchcodec,torchcodec-approximate,decord,video-reader-rs,pyav-seek,opencv,limit-span \
  --also "tubelet=$tubelet $load $videos" \
  --also "tubelet-frames=$tubelet $load $stores/frames" \
  --also "tubelet-packets=$tubelet $load $stores/packets" \
  --also "tubelet-transcode=$tubelet $load $stores/transcode"
side_by_side "1 clip a video, stride 2" 2 1 --peers torchcodec,video-reader-rs,opencv,limit-span \
  --also "tubelet=$tubelet $load --set clip.stride=2 $videos"
side_by_side "4 clips a video, stride 4" 4 4 --peers torchcodec,video-reader-rs,opencv,limit-span \
  --also "tubelet=$tubelet $load --clips-per-video 4 $videos"

printf '\n== workers\n'
for count in 1 2 4; do
  printf '%s: ' "$count"
  "$tubelet" bench load "$videos" --workers "$count" --seconds "$seconds"
done
