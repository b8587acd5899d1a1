"""The picture of SADLR's iterations."""

import numpy as np
import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmrefseg.registry import MODELS


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    cfg = Config.fromfile(ROOT / 'configs/sadlr/lavt_nano_refshapes.py')
    init_default_scope('mmrefseg')
    path = tmp_path_factory.mktemp('weights') / 'random.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    return path


@pytest.mark.parametrize('order', ['spread', 'refined'])
def test_a_row_an_expression(run_tool, refshapes_root, checkpoint, tmp_path, order):
    out = tmp_path / 'grid.png'
    done = run_tool(
        'tools/analysis_tools/iteration_grid.py', ROOT / 'configs/sadlr/lavt_nano_refshapes.py', checkpoint,
        '--rows', 2, '--order', order, '--out', out,
        '--cfg-options', f'test_dataloader.dataset.data_root={refshapes_root}')
    assert 'mIoU of the iterations over' in done.stdout
    assert np.asarray(Image.open(out)).shape[1] == 3 * 320 + 4 * 16  # a column an iteration


def test_a_head_without_iterations(run_tool, refshapes_root, checkpoint, tmp_path):
    done = run_tool(
        'tools/analysis_tools/iteration_grid.py', ROOT / 'configs/lavt/lavt_nano_refshapes.py', checkpoint, '--out',
        tmp_path / 'grid.png', '--cfg-options', f'test_dataloader.dataset.data_root={refshapes_root}', check=False)
    assert done.returncode == 2
    assert 'has the head MaskHead, expected a SADLRHead with iterations' in done.stderr
