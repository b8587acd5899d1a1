"""Fixtures shared by all tests."""

import os
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope

import mmrefseg  # noqa: F401  with mmcv-lite it must come before any mmseg.models

ROOT = Path(__file__).resolve().parent.parent
TINY_CONFIG = ROOT / 'tests/tiny_lavt_refshapes.py'


@contextmanager
def runners_forgotten():
    """Take back what a runner leaves in mmengine: the default scope above all."""
    kept = {kind: kind._instance_dict.copy() for kind in (DefaultScope, MessageHub, MMLogger)}
    yield
    for kind, instances in kept.items():
        kind._instance_dict.clear()
        kind._instance_dict.update(instances)


@pytest.fixture(autouse=True)
def forget_runners():
    """Each test leaves mmengine as it was."""
    with runners_forgotten():
        yield


@pytest.fixture(scope='session', autouse=True)
def cache_dir(tmp_path_factory) -> Path:
    """Indexes of datasets are kept in a temporary folder: none is left beside shared data or in the home folder."""
    path = tmp_path_factory.mktemp('cache')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMREFSEG_CACHE_DIR', str(path))
        yield path


@pytest.fixture(scope='session')
def shared_dir() -> Path:
    """The folder with real RefCOCO samples beside the checkout; its tests skip where it is absent."""
    path = Path(os.environ.get('MMREFSEG_SHARED', ROOT.parent / 'shared'))
    if not path.is_dir():
        pytest.skip(f'no shared data at {path} (set MMREFSEG_SHARED)')
    return path


@pytest.fixture(scope='session')
def refshapes_root(tmp_path_factory) -> Path:
    """A data root with a small RefShapes, made once."""
    from mmrefseg.datasets.refshapes_generator import generate_refshapes
    root = tmp_path_factory.mktemp('data')
    generate_refshapes(root, scenes=dict(train=6, val=5, testA=3, testB=3), variants=['refshapes'])
    return root


@pytest.fixture
def run_tool():
    """Runs a script of the repository in a process of its own; returns the finished process."""

    def run(script, *args, check=True, **kwargs):
        command = [] if str(script).endswith('.sh') else [sys.executable]
        environment = dict(os.environ, PYTHONWARNINGS='ignore', PYTHONPATH=str(ROOT),
                           PATH=f'{Path(sys.executable).parent}:{os.environ["PATH"]}', **kwargs)
        done = subprocess.run([*command, str(ROOT / script), *map(str, args)], env=environment,
                              capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(f'{script} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}')
        return done

    return run


@pytest.fixture
def tiny_options(refshapes_root) -> list:
    """--cfg-options that point the tiny config at the small RefShapes."""
    return ['--cfg-options', *(f'{loader}_dataloader.dataset.data_root={refshapes_root}'
                               for loader in ('train', 'val', 'test'))]


@pytest.fixture(scope='session')
def foundation_folder(tmp_path_factory):
    """Kind of a tiny random model of transformers -> its folder, made when it is first asked for."""
    import tiny_foundation  # which takes long to import

    @cache
    def folder_of(kind: str) -> str:
        return getattr(tiny_foundation, f'save_{kind}')(tmp_path_factory.mktemp(kind))
    return folder_of
