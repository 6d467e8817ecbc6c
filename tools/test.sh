#!/usr/bin/env bash
# Runs every check. What is missing is installed; what cannot be had fails, nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin

as_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_debian() {
  echo "installing Debian's $* ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_chromium() {
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then
      command -v "$name"
      return
    fi
  done
}

# --- Node, for the tests of the widget's module
if ! command -v node >/dev/null && as_root; then install_debian nodejs; fi
node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 18 ? 1 : 0)' 2>/dev/null || {
  echo "the tests need Node.js 18 or newer on the PATH" >&2
  exit 1
}

# --- Chromium, for the tests in a browser
CHROMIUM=$(find_chromium)
if [ -z "$CHROMIUM" ] && as_root; then
  install_debian chromium fonts-dejavu-core
  CHROMIUM=$(find_chromium)
fi
if [ -z "$CHROMIUM" ]; then
  echo "installing Playwright's own Chromium ..."
  $bin/python -m playwright install chromium
  CHROMIUM=$($bin/python -c 'from playwright.sync_api import sync_playwright as p
with p() as s: print(s.chromium.executable_path)')
fi
export CHROMIUM

# --- the checks, the quick ones first
$bin/ruff format --check .
$bin/ruff check .
$bin/mypy enas_viz
node --test tests/js/*.test.mjs
$bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=15 tests
