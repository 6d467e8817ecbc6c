#!/usr/bin/env bash
# The quick checks, for use while editing: no browser, no training, nothing that takes long.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

# Left out: what takes more than a few seconds. `make test` runs all.
slow="animation assets benchmarks binder board chapters clear cli curves dashboard export \
  files finite gallery guess hostile layout limits loop no_pixels package policy poster reel \
  repaint shared_weights site space stage theatre traits words wrong_objects"
ignored=(--ignore tests/browser --ignore tests/search --ignore tests/notebooks)
for name in $slow; do ignored+=(--ignore "tests/test_$name.py"); done

$bin/ruff format --check .
$bin/ruff check .
$bin/mypy enas_viz
if command -v node >/dev/null; then node --test tests/js/*.test.mjs >/dev/null; fi
$bin/python -m pytest -n 2 --dist loadfile tests "${ignored[@]}"
