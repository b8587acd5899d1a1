"""What does not fit in a model is said at once, sizes of maps among it."""

import pytest
from conftest import ROOT
from mixing_parts import build, parts
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.registry import MODELS
from mmrefseg.utils import without_pretrained


def test_all_mismatches_at_once():
    model = parts('PWAMFusion')
    model = dict(model, fusion=dict(model['fusion'], text_channels=12),
                 decoder=dict(model['decoder'], in_channels=[8, 16, 32, 24]),
                 decode_head=dict(model['decode_head'], in_channels=99))
    with pytest.raises(ValueError) as caught:
        build(model)
    first, *lines = str(caught.value).splitlines()
    assert first == '3 things do not fit:'
    assert [line.split()[0] for line in lines] == ['model.fusion', 'model.decoder', 'model.decode_head']
    assert 'takes words of 12 channels' in lines[0] and '8, 16, 32, 24 channels' in lines[1] and '99' in lines[2]


def test_one_mismatch_is_one_line():
    model = parts('PWAMFusion')
    with pytest.raises(ValueError, match='^model.decode_head MaskHead has in_channels 99') as caught:
        build(dict(model, decode_head=dict(model['decode_head'], in_channels=99)))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('path,fusion', [
    ('m3att/ablations/m3att_darknet53_refcoco_vlt-decoder.py', 'M3Dec'), ('vlt/vlt_darknet53_refcoco.py', 'VLTFusion')])
def test_sizes_of_maps(path, fusion):
    """A decoder with a weight a cell, behind a fusion for images of another size."""
    cfg = Config.fromfile(ROOT / 'configs' / path)
    init_default_scope(cfg.default_scope)
    cfg.model.text_encoder.vocab = ['man', 'left']
    cfg.model.fusion.feature_size = (30, 30)
    message = (rf'is made for maps of 26x26 cells \(feature_size\), but model.fusion {fusion} is made for 30x30: '
               '--cfg-options input_size=… sets the size of all')
    with pytest.raises(ValueError, match=message):
        MODELS.build(without_pretrained(cfg.model))


def test_a_fusion_without_a_weight_a_cell():
    """The generic decoder of M3Att's Table I takes images of any size."""
    cfg = Config.fromfile(ROOT / 'configs/m3att/ablations/m3att_darknet53_refcoco_generic1.py')
    init_default_scope(cfg.default_scope)
    cfg.model.text_encoder.vocab = ['man', 'left']
    cfg.model.fusion.feature_size = (7, 7)
    assert MODELS.build(without_pretrained(cfg.model)).fusion.gives.map_size is None
