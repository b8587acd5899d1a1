"""SADLR's Table 3: {LTS, VLT, LAVT} x {alone, + CGA, + SADLR}, each of its nine nano configs in action."""

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.models import CGAHead, MaskHead, SADLRHead
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

HOSTS = ('lts', 'vlt', 'lavt')
HEADS = dict(alone=MaskHead, cgan=CGAHead, sadlr=SADLRHead)
SIZE = 96


def build(host, head, **changes):
    path = ROOT / f'configs/{host if head == "alone" else head}/{host}_nano_refshapes.py'
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(changes)
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(cfg.model)


def batch(*expressions):
    """A picture for each list of expressions."""
    torch.manual_seed(1)
    samples = []
    for said in expressions:
        sample = RefDataSample(metainfo=dict(expressions=list(said), img_shape=(SIZE, SIZE), ori_shape=(SIZE, SIZE)))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(said), SIZE, SIZE) > 0.6).to(torch.uint8))
        samples.append(sample)
    return torch.randn(len(samples), 3, SIZE, SIZE), samples


@pytest.fixture(scope='module', params=[(host, head) for host in HOSTS for head in HEADS], ids='+'.join)
def cell(request):
    return request.param, build(*request.param)


def test_is_the_host_with_another_head(cell):
    """Within a row of the grid everything but the head is the same."""
    (host, head), model = cell
    assert type(model.decode_head) is HEADS[head]
    shapes = {name: value.shape for name, value in build(host, 'alone').named_parameters()}
    found = {name: value.shape for name, value in model.named_parameters()}
    assert {name: shape for name, shape in found.items() if not name.startswith('decode_head.')} == {
        name: shape for name, shape in shapes.items() if not name.startswith('decode_head.')}


def test_every_parameter_learns(cell):
    _, model = cell
    inputs, samples = batch(('red circle', 'the leftmost star'), ('blue square', ))
    total = sum(value for key, value in model.train()(inputs, samples, mode='loss').items() if 'loss' in key)
    total.backward()
    assert total.isfinite()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []
    model.zero_grad()


def test_grouped_equals_one_by_one(cell):
    """With words that the padding of a longer expression must not touch."""
    _, model = cell
    said = ('star', 'the small red circle to the left of the blue square', 'blue square')
    inputs, samples = batch(said)
    model.eval().test_cfg.keep_logits = True
    with torch.no_grad():
        grouped, = model(inputs, samples, mode='predict')
        for i, expression in enumerate(said):
            _, (single, ) = batch((expression, ))
            model(inputs, [single], mode='predict')
            torch.testing.assert_close(
                grouped.seg_logits.data[2 * i:2 * i + 2], single.seg_logits.data, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize('host', HOSTS)
def test_no_iteration_is_the_host(host):
    alone = build(host, 'alone').eval()
    sadlr = build(host, 'sadlr', **{'model.decode_head.num_iterations': 0}).eval()
    sadlr.load_state_dict(alone.state_dict())
    inputs, samples = batch(('red circle', 'star'))
    with torch.no_grad():
        assert torch.equal(alone(inputs, samples, mode='tensor'), sadlr(inputs, samples, mode='tensor'))
