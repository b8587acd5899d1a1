"""``--compile`` of the tools and ``compile=True`` of the inferencer: the model they run is the compiled one."""

import logging
import runpy
from types import SimpleNamespace

import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch_versions import needs_compile

from mmrefseg.apis import RefSegInferencer
from mmrefseg.registry import MODELS

pytestmark = needs_compile


def is_compiled(model):
    return 'fuse' in vars(model) and 'predict' in vars(model.decode_head)


@pytest.fixture
def run_main(monkeypatch, tmp_path):
    """Runs a tool in this process with a runner that only looks at its model; returns what it saw."""
    init_default_scope('mmrefseg')
    model = MODELS.build(Config.fromfile(TINY_CONFIG).model)

    def run(tool, *args):
        seen = []

        def look():
            seen.append(is_compiled(model))
            return dict(oIoU=1.)

        runner = SimpleNamespace(
            model=model, train=look, test=look, log_dir=str(tmp_path), world_size=1, logger=logging.getLogger(),
            train_loop=SimpleNamespace(dataloader=[None]))
        monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: runner)
        monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')
        monkeypatch.setattr('sys.argv', [tool, str(TINY_CONFIG), *args, '--work-dir', str(tmp_path)])
        runpy.run_path(str(ROOT / tool))['main']()
        return seen

    return run


@pytest.mark.parametrize('tool,args', [('tools/train.py', []), ('tools/test.py', ['a.pth'])])
def test_tools(run_main, tool, args):
    assert run_main(tool, *args) == [False]
    assert run_main(tool, *args, '--compile') == [True]


def test_inferencer(monkeypatch):
    asked = []

    def compiled(method, **options):
        asked.append(method.__name__)
        return method

    monkeypatch.setattr(torch, 'compile', compiled)
    assert not is_compiled(RefSegInferencer(str(TINY_CONFIG), device='cpu').model)
    inferencer = RefSegInferencer(str(TINY_CONFIG), device='cpu', show_progress=False, compile=True)
    assert is_compiled(inferencer.model)
    # The text encoder is recurrent.
    assert asked == ['encode_image', 'fuse', 'decode', 'predict', 'loss_and_logits']
