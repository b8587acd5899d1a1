#!/usr/bin/env bash
# Makes .venv with the tested versions and mmrefseg itself; does nothing when that is done already.
# Usage: tools/setup_env.sh [more requirement files]     PYTHON=python3.11 chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

files=(requirements/runtime.txt requirements/mm.txt "$@")
# What was installed last: a copy of setup.py and of every requirement file.
installed=.venv/installed

is_installed() {
    local file
    for file in setup.py "${files[@]}"; do
        cmp -s "$file" "$installed/$file" || return 1
    done
}

if ! is_installed; then
    echo "Installing into .venv: ${files[*]}"
    # Asked by running pip: an interrupted creation leaves an interpreter without it.
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=${PYTHON:-python3}
        if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "Python 3.11 or newer is needed, found $("$python" --version 2>/dev/null || echo "no $python"):" \
                "set PYTHON=python3.11, or where yours is" >&2
            exit 1
        fi
        "$python" -m venv .venv
    fi
    # From here until the end the environment is neither the old one nor the new one.
    for file in setup.py "${files[@]}"; do
        rm -f "$installed/$file"
    done
    # Pip would compile all, which takes two thirds of its time; here what mmrefseg imports, and once, also where
    # PYTHONDONTWRITEBYTECODE is set, as in many containers: every process would compile torch anew.
    .venv/bin/python -m pip install --quiet --no-compile "${files[@]/#/-r}"
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c 'import mmrefseg; mmrefseg.utils.register_all_modules()'
    for file in setup.py "${files[@]}"; do
        mkdir -p "$(dirname "$installed/$file")"
        cp "$file" "$installed/$file"
    done
fi
