"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """The folder with real RefCOCO samples beside the checkout; its tests skip where it is absent."""
    path = Path(os.environ.get('MMREFSEG_SHARED', ROOT.parent / 'shared'))
    if not path.is_dir():
        pytest.skip(f'no shared data at {path} (set MMREFSEG_SHARED)')
    return path
