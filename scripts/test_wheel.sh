#!/usr/bin/env bash
# Tests the Python package as people get it: the wheel, in a fresh virtual environment, checked by pytest and mypy.
#
# Tests with PyTorch and what builds on it run where PYTHON_TEST_PACKAGES brings them (such as "torch torchdata"), or
# PYTHON_TEST_PATH names a site-packages that has them; else they are skipped, and said to be. FEATURES are those that the
# tests were compiled with: what they share is not compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."

wheel=$(PROFILE=${PROFILE:-dev} FEATURES=${FEATURES:-} scripts/build_wheel.sh | tail -n 1)
venv=target/python/venv
python3 -m venv --clear "$venv"
# shellcheck disable=SC2086  # several packages are several words
"$venv/bin/pip" install -q "$wheel" numpy pyarrow pillow blake3 pytest mypy ${PYTHON_TEST_PACKAGES:-}
if [ -n "${PYTHON_TEST_PATH:-}" ]; then
  echo "$PYTHON_TEST_PATH" >"$("$venv/bin/python" -c 'import site; print(site.getsitepackages()[0])')/others.pth"
fi

"$venv/bin/mypy" --cache-dir target/python/mypy python/tubelet
"$venv/bin/python" -m pytest -q -rs -p no:cacheprovider python/tests "$@"
