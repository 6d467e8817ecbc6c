#!/usr/bin/env bash
# Makes the virtual environment $1, unless it is there, with the newest Python that we support.
set -euo pipefail

if [ -x "$1/bin/python" ] && "$1/bin/python" -c 'import pip' 2>/dev/null; then
  exit 0
fi
for name in python3.13 python3.12 python3.11 python3 python; do
  if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "making $1 with $("$name" --version)"
    "$name" -m venv "$1"
    exit 0
  fi
done
echo "enas_viz needs Python 3.11 or newer; found: $(python3 --version 2>/dev/null || echo none)" >&2
exit 1
