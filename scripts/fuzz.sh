#!/usr/bin/env bash
# Fuzzes everything that reads files, each target for so many seconds, and adds a line for each to fuzz/runs.tsv.
#
#   scripts/fuzz.sh SECONDS [TARGET…]     FILMS=FOLDER… names further films for the seeds
#
# It needs a nightly toolchain (AddressSanitizer is on) and takes some minutes to compile the first time. What was found
# lies in fuzz/artifacts/TARGET; `cargo +nightly fuzz run --features libfuzzer TARGET FILE` shows it again.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET…]}
shift
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
built=fuzz/target/x86_64-unknown-linux-gnu/release
# What the library does with freed memory of its own must not hide errors, and is no leak.
export ASAN_OPTIONS=detect_leaks=0 GST_REGISTRY_FORK=no
cargo +nightly fuzz build --features libfuzzer

if [ ! -d fuzz/corpus/box ]; then
    made=$(mktemp -d)
    trap 'rm -rf "$made"' EXIT
    # Films with one hostile field each, and a manifest and shards of the samples.
    TUBELET_ATTACKS_KEEP=$made/attacks scripts/with_dav1d.sh cargo test --workspace --test attacks || true
    tubelet=${CARGO_TARGET_DIR:-target}/debug/tubelet
    "$tubelet" scan samples --out "$made/manifest.parquet"
    "$tubelet" preprocess samples --out "$made/frames" --set clip.frames=2 --set clip.size=32
    "$tubelet" preprocess samples --out "$made/packets" --store packets
    # shellcheck disable=SC2086
    "$built/seeds" fuzz/corpus samples recipes "$made" ${FILMS:-}
fi

targets=${*:-$(cargo +nightly fuzz list | grep -vE '^(replay|seeds)$')}
processor=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
for target in $targets; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    log=$(mktemp)
    found=0
    "$built/$target" "fuzz/corpus/$target" -artifact_prefix="fuzz/artifacts/$target/" -max_total_time="$seconds" \
        -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1 || found=1
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        "$(date +%F)" "$target" "$processor" "$seconds" "${inputs:-0}" "${edges:-0}" "$found" | tee -a fuzz/runs.tsv
    [ "$found" = 0 ] || tail -30 "$log"
done
awk -F'\t' 'NR > 1 { inputs += $5; found += $7 } END { printf "so far: %d inputs, %d findings\n", inputs, found }' fuzz/runs.tsv
