#!/usr/bin/env bash
# The quick checks, for use while editing: no browser, no training, nothing that takes long.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

# Left out: what takes more than a few seconds. `make test` runs all.
slow="animation benchmarks binder clear cli dashboard files finite gallery hostile loop \
  policy poster reel repaint site space stage traits wrong_objects"
ignored=(--ignore tests/browser --ignore tests/search --ignore tests/notebooks --ignore tests/test_package.py)
for name in $slow; do ignored+=(--ignore "tests/test_$name.py"); done

$bin/ruff format --check .
$bin/ruff check .
$bin/mypy enas_viz
if command -v node >/dev/null; then node --test tests/js/*.test.mjs >/dev/null; fi
$bin/python -m pytest -n 2 --dist loadfile tests "${ignored[@]}"
