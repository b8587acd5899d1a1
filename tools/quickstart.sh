#!/usr/bin/env bash
# From nothing to answers, and to a model of your own: the environment, then `mmrefseg quickstart` in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tools/setup_env.sh
exec .venv/bin/mmrefseg quickstart "$@"
