#!/usr/bin/env bash
# The suite at an end of the ranges in setup.py, in an environment of its own; nightly work, minutes to an hour:
#   tools/test_versions.sh minimum      # the lower ends, requirements/minimum.txt
#   tools/test_versions.sh newest       # whatever pip finds today
#   tools/test_versions.sh onedl        # the maintained forks, requirements/onedl.txt
# Further arguments go to pytest. TORCH=2.13.0 takes that torch at the lower ends, where an index has no older one.
set -euo pipefail
cd "$(dirname "$0")/.."
end=${1:?minimum, newest or onedl}
shift
environment=.venv-$end
extras=demo,parquet,export,tensorboard
${PYTHON:-python3} -m venv "$environment"
case $end in
    minimum)
        sed "s/^torch==.*/torch==${TORCH:-2.6.0}/" requirements/minimum.txt >"$environment/minimum.txt"
        packages=(-r "$environment/minimum.txt") ;;
    newest) packages=(-e ".[mm,$extras]") ;;
    onedl) packages=(-r requirements/runtime.txt -r requirements/onedl.txt) ;;
    *) echo "expected minimum, newest or onedl, found $end" >&2; exit 2 ;;
esac
install() { "$environment/bin/python" -m pip install --quiet "$@"; }
install "${packages[@]}"
# What the tests need beside it, with what is there kept as it is.
"$environment/bin/python" -m pip freeze --exclude-editable >"$environment/installed.txt"
install -c "$environment/installed.txt" -e ".[$extras]" \
    -r requirements/docs.txt pytest pytest-xdist 'setuptools>=70.1'
"$environment/bin/python" -m mmrefseg doctor
OMP_NUM_THREADS=1 exec "$environment/bin/python" -m pytest -n 2 --dist worksteal "$@"
