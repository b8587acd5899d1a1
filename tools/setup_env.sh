#!/usr/bin/env bash
# Makes .venv with the tested versions and mmrefseg itself; does nothing when that is done already.
# Usage: tools/setup_env.sh [more requirement files]     PYTHON=python3.11 chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

files=(requirements/runtime.txt requirements/mm.txt "$@")
stamp=.venv/installed-$(cat setup.py "${files[@]}" | sha256sum | cut -c1-16)
if [ ! -f "$stamp" ]; then
    echo "Installing into .venv: ${files[*]}"
    [ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet "${files[@]/#/-r}"
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
    touch "$stamp"
fi
