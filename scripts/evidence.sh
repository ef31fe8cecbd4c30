#!/usr/bin/env bash
# Whether pre-training teaches anything, shown on videos that are made here: called by `make evidence`.
#
#   scripts/evidence.sh                 all of it, and writes EVIDENCE.md; cut and run again it goes on
#   scripts/evidence.sh --quick         one seed and fewer steps, in minutes; writes evidence/quick only
#   scripts/evidence.sh --real FOLDER   windows over the films of a folder; writes docs/evidence-real.md
#   scripts/evidence.sh --before-and-after [--real FOLDER]
#                                       whether a model paints what comes after a frame better than copying it does; writes
#                                       docs/evidence-before-and-after.md
#   scripts/evidence.sh --longer        what clips of 16, 32 and 64 frames give and cost; writes docs/evidence-longer.md
#
# Videos, runs and results lie in evidence/ (some hundred megabytes); what is finished there is not done again.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cargo build --bins --example evidence

write=(--write .)
for word in "$@"; do
  [ "$word" = --quick ] && write=()
done
"${CARGO_TARGET_DIR:-target}/debug/examples/evidence" ${write[@]+"${write[@]}"} "$@"
