#!/usr/bin/env bash
# From sample videos to a trained model and a picture. Called by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."

tubelet="${CARGO_TARGET_DIR:-target}/debug/tubelet"
out=${TUBELET_DEMO:-demo}
steps=${TUBELET_DEMO_STEPS:-160}

say() { printf '\n\033[1m%s\033[0m\n' "$1"; shift; for line in "$@"; do printf '%s\n' "$line"; done; }
[ -z "${NO_COLOR:-}" ] && [ -t 1 ] || say() { printf '\n== %s\n' "$1"; shift; for line in "$@"; do printf '%s\n' "$line"; done; }

rm -rf "$out"
mkdir -p "$out"

say '1. Videos' \
  'Eight clips are made here (coloured discs over moving textures, five codecs, six containers);' \
  'four real ones lie in samples/ (their licences: samples/LICENSES.md).'
scripts/make_clips.sh "$out/clips"
cp samples/*.mp4 samples/*.webm "$out/clips/"

say '2. Scan' \
  'Every file is opened and its packets are counted; nothing is decoded yet.'
"$tubelet" scan "$out/clips" --out "$out/manifest.parquet"

say "3. Pre-train a tiny model for $steps steps, straight from the video files" \
  'Each clip is 16 frames. Nine of ten 2x16x16 cubes are hidden; the model paints them back.' \
  'loss: mean squared error on cubes scaled to mean 0 and spread 1; guessing the mean gives 1.00,' \
  '      so the curve begins a little above 1 and has learnt something once it is below.' \
  'waiting: the share of time in which the trainer had no data to work on.'
"$tubelet" pretrain --data "$out/manifest.parquet" --out "$out/run" --recipe tiny --steps "$steps"

say '4. Preprocess: the same clips, decoded once and kept in Parquet shards'
"$tubelet" preprocess "$out/manifest.parquet" --out "$out/shards" --recipe tiny \
  --set clip.short_side=128 --clips-per-video 4

say '5. Go on from the shards' \
  'No video is decoded any more: what pre-training waits for now is the model alone.'
"$tubelet" pretrain --data "$out/shards" --out "$out/run" --steps $((steps + steps / 2)) --resume \
  --set clip.short_side=128

say '6. A picture'
"$tubelet" reconstruct --run "$out/run" samples/flower.mp4 --out "$out/reconstruction.png"
"$tubelet" reconstruct --run "$out/run" samples/flower.mp4 --out "$out/reconstruction.gif"

say "Done: look at $out/reconstruction.png" \
  "First row: the clip. Second: what the encoder saw. Third: what the model predicted." \
  "The curve is in $out/run/metrics.jsonl; every setting in $out/run/recipe.toml."
