#!/usr/bin/env bash
# Fuzzes everything that reads files, each target for so many seconds, and adds a line for each to fuzz/runs.tsv.
#
#   scripts/fuzz.sh SECONDS [TARGET…]     FILMS=FOLDER… names further films for the seeds
#   scripts/fuzz.sh 0                     prints what was done so far, as docs/hostile-input.md has it
#
# It needs a nightly toolchain (AddressSanitizer is on) and takes some minutes to compile the first time. What was found
# lies in fuzz/artifacts/TARGET; `TUBELET_FUZZ_TARGET=TARGET cargo +nightly fuzz run --features libfuzzer any FILE` shows
# it again.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:?usage: scripts/fuzz.sh SECONDS [TARGET…]}
shift

# The most edges of any run, since each goes on from the corpus of the one before.
so_far() {
    awk -F'\t' '
        NR > 1 { inputs[$2] += $5; found[$2] += $7; if ($6 > edges[$2]) edges[$2] = $6; all += $5; finds += $7 }
        END {
            print "| target | inputs | edges | findings |\n| --- | --- | --- | --- |"
            for (target in inputs) printf "| `%s` | %d | %d | %d |\n", target, inputs[target], edges[target], found[target] | "sort"
            close("sort")
            printf "| all | %d | | %d |\n", all, finds
        }' fuzz/runs.tsv
}
if [ "$seconds" = 0 ]; then
    so_far
    exit
fi

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
built=fuzz/target/x86_64-unknown-linux-gnu/release
# What the library does with freed memory of its own must not hide errors, and is no leak.
export ASAN_OPTIONS=detect_leaks=0 GST_REGISTRY_FORK=no
cargo +nightly fuzz build --features libfuzzer any
cargo +nightly fuzz build --features libfuzzer seeds

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
    "$built/seeds" fuzz/corpus samples recipes pipeline/tests/other_codecs "$made" ${FILMS:-}
fi

targets=${*:-$("$built/seeds")}
processor=$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)
for target in $targets; do
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    log=$(mktemp)
    found=0
    TUBELET_FUZZ_TARGET=$target "$built/any" "fuzz/corpus/$target" -artifact_prefix="fuzz/artifacts/$target/" \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1 || found=1
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 | cut -d' ' -f2)
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
        "$(date +%F)" "$target" "$processor" "$seconds" "${inputs:-0}" "${edges:-0}" "$found" | tee -a fuzz/runs.tsv
    [ "$found" = 0 ] || tail -30 "$log"
    rm -f "$log"
done
so_far
