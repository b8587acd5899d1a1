"""Pre-trained weights of a part: one line says what was taken; another part's weights are refused."""

import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit
from mmengine.registry import init_default_scope
from torch import nn

from mmrefseg.errors import CheckpointError
from mmrefseg.models import utils


class Part(BaseModule):

    def __init__(self, **init_cfg):
        super().__init__(init_cfg=dict(type='Pretrained', **init_cfg))
        self.stem, self.words = nn.Linear(2, 3), nn.Linear(3, 3)


@pytest.fixture
def checkpoint(tmp_path):
    weights = {'backbone.stem.weight': torch.ones(3, 2), 'backbone.stem.bias': torch.ones(3),
               'backbone.fc.weight': torch.ones(7), 'head.weight': torch.ones(1)}
    torch.save(dict(state_dict=weights), tmp_path / 'part.pth')
    return str(tmp_path / 'part.pth')


@pytest.fixture
def said(monkeypatch):
    init_default_scope('mmrefseg')
    lines = []
    monkeypatch.setattr('mmrefseg.models.utils.pretrained_init.print_log', lambda text, *args: lines.append(text))
    return lines


def test_one_line(checkpoint, said, capsys):
    part = Part(checkpoint=checkpoint, prefix='backbone.')
    kept = part.words.weight.clone()
    part.init_weights()
    assert bool((part.stem.weight == 1).all() and (part.stem.bias == 1).all()) and torch.equal(part.words.weight, kept)
    assert said == [f'Part begins from {checkpoint}: 2 of 4 weights taken, 2 not in it (words.weight, '
                    'words.bias), 1 of its own left out (fc.weight)']
    assert 'do not match' not in capsys.readouterr().out


def test_as_mmengines(checkpoint, said):
    """The same weights, with a prefix without its dot as well."""
    torch.manual_seed(0)
    part, plain = Part(checkpoint=checkpoint, prefix='backbone'), Part(checkpoint=checkpoint)
    plain.load_state_dict(part.state_dict())
    part.init_weights()
    PretrainedInit(checkpoint, 'backbone')(plain)
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in part.state_dict().items())


def test_other_parts_weights_are_refused(checkpoint, said, tmp_path):
    with pytest.raises(CheckpointError, match=r"begins with the prefix 'neck.' of init_cfg; it has: backbone, head"):
        Part(checkpoint=checkpoint, prefix='neck').init_weights()
    with pytest.raises(CheckpointError, match='nothing in the checkpoint .* fits the model'):
        Part(checkpoint=checkpoint).init_weights()
    torch.save({'stem.bias': torch.full((3, ), torch.nan)}, tmp_path / 'nan.pth')
    with pytest.raises(CheckpointError, match='not finite'):
        Part(checkpoint=str(tmp_path / 'nan.pth')).init_weights()


def test_it_is_ours():
    assert utils.PretrainedInit is not PretrainedInit
