#!/usr/bin/env bash
# Loads clips with tubelet and with the readers that people use from Python, side by side, codec by codec and size by
# size: the same files, the same cores, every way in turn in each round.
#
#   benches/load_by_codec.sh PYTHON LOAD_PEERS ROUNDS SECONDS VIDEOS...
#
# PYTHON and LOAD_PEERS as in load_against_peers.sh; PYTHON has pyarrow too. Files that are shorter than a clip's span
# are left out. PEERS names the readers (as LOAD_PEERS calls them). tubelet is taken from the build of `cargo build`, or
# is what TUBELET names.
set -euo pipefail

usage="usage: load_by_codec.sh PYTHON LOAD_PEERS ROUNDS SECONDS VIDEOS..."
python=${1:?$usage}
peers=${2:?LOAD_PEERS is missing}
rounds=${3:?ROUNDS is missing}
seconds=${4:?SECONDS is missing}
shift 4
[ $# -gt 0 ] || { echo "$usage" >&2; exit 2; }
workers=$(nproc --all)
tubelet="${TUBELET:-${CARGO_TARGET_DIR:-$(dirname "$0")/../target}/debug/tubelet}"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$tubelet" scan "$@" --out "$folder/manifest.parquet" 2>"$folder/log" || { cat "$folder/log" >&2; exit 1; }

# A line a group: its name, and its files behind tabs. A clip spans 61 frames.
"$python" -c '
import collections, pyarrow.parquet, sys
groups = collections.defaultdict(list)
for video in pyarrow.parquet.read_table(sys.argv[1]).to_pylist():
    if video["verdict"] == "good" and video["frames"] >= 61:
        lines = min(video["width"], video["height"])
        groups[video["codec"], "" if lines < 1000 else f" {lines}p"].append(video["path"])
for (codec, size), files in sorted(groups.items()):
    print(codec + size, *files, sep="\t")
' "$folder/manifest.parquet" | while IFS=$'\t' read -r -a group; do
  files=("${group[@]:1}")
  printf '\n== %s, %s files\n' "${group[0]}" "${#files[@]}"
  "$python" "$peers" --data "${files[@]}" --workers "$workers" --seconds "$seconds" --repeat "$rounds" \
    --peers "${PEERS:-torchcodec,torchcodec-approximate,decord,pyav-seek,opencv,limit-span}" \
    --also "tubelet=$tubelet bench load --workers $workers --seconds $seconds $(printf '%q ' "${files[@]}")" </dev/null \
    || echo "no figures: a reader failed" >&2
done
