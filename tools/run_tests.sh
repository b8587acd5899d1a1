#!/usr/bin/env bash
# The environment if needed, then all tests, on two cores. Arguments go to pytest:  tools/run_tests.sh -k pwam
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup_env.sh requirements/tests.txt requirements/demo.txt requirements/docs.txt requirements/export.txt requirements/parquet.txt
# A process a core: threads of both would wait for each other.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
# The tests start many processes: what one has compiled serves the next.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest -n 2 --dist worksteal "$@"
