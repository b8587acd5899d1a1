#!/usr/bin/env bash
# The environment if needed, then the web demo's tests, with those in a browser. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium chromium-headless-shell chromium-browser google-chrome >/dev/null; then
    echo 'No Chromium here. On Debian or Ubuntu: apt-get install chromium' >&2
    exit 1
fi
bash tools/setup_env.sh requirements/tests.txt requirements/demo.txt requirements/browser.txt
exec .venv/bin/python -m pytest tests/test_web_demo "$@"
