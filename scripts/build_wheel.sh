#!/usr/bin/env bash
# Builds the Python package into target/wheels; prints the wheel's path last.
#
#   scripts/build_wheel.sh               optimised, as it is given to others
#   PROFILE=dev scripts/build_wheel.sh   by the profile of the tests, with what they have compiled
#   FEATURES= scripts/build_wheel.sh     with these features, here none, instead of `cloud`, which reads object stores
set -euo pipefail
cd "$(dirname "$0")/.."

tools=target/python/tools
[ -x "$tools/bin/maturin" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install -q 'maturin>=1.9,<2'; }

rm -f target/wheels/tubelet-*.whl
# `video` is there anyway: with a feature on the command line those of pyproject.toml do not count.
features=${FEATURES-cloud}
scripts/with_dav1d.sh "$tools/bin/maturin" build --profile "${PROFILE:-release}" --out target/wheels \
  --features "video${features:+,$features}" >&2
ls target/wheels/tubelet-*.whl
