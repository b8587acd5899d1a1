#!/usr/bin/env bash
# The environment if needed, then all tests. Arguments go to pytest:  tools/run_tests.sh -k pwam
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup_env.sh requirements/tests.txt
exec .venv/bin/python -m pytest "$@"
