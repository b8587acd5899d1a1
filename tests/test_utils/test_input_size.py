"""One key sets the size of the images in all that a config builds."""

import pytest
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.engine import load_config
from mmrefseg.utils.input_size import pipeline_sizes, set_input_size


@pytest.mark.parametrize('path,size,maps', [
    ('lavt/lavt_swinb_refcoco.py', (512, 384), {}),
    ('lavt/lavt_swinb_refcoco-mixed.py', (512, 384), {}),
    ('s2rm/s2rm-casg_swinb_refcoco.py', (640, 480), dict(fusion=(15, 20))),
    ('vlt/vlt_swinb_refcoco.py', (640, 480), dict(fusion=(30, 40), decoder=(30, 40))),
    ('vlt/vlt_darknet53_refcoco.py', (320, 320), dict(fusion=(20, 20), decoder=(20, 20))),
    ('m3att/m3att_darknet53_refcoco.py', (480, 480), dict(fusion=(30, 30))),
    ('m3att/ablations/m3att_darknet53_refcoco_vlt-decoder.py', (480, 480), dict(fusion=(30, 30), decoder=(30, 30))),
    ('lavt/lavt_nano_refshapes.py', (128, 128), {}),
])
def test_everything_follows(path, size, maps):
    cfg = load_config(ROOT / 'configs' / path, dict(input_size=size))
    assert pipeline_sizes(cfg) == [size] and tuple(cfg.input_size) == size
    found = {part: tuple(cfg.model[part].feature_size) for part in ('fusion', 'decoder')
             if 'feature_size' in (cfg.model.get(part) or {})}
    assert found == maps
    if 'size' in cfg.model.data_preprocessor:
        assert tuple(cfg.model.data_preprocessor['size']) == tuple(cfg.model.data_preprocessor.test_cfg['size']) == size
    if 'nano' in path:
        assert cfg.model.backbone.pretrain_img_size == size[0]


def test_a_number_is_a_square():
    cfg = load_config(ROOT / 'configs/lts/lts_darknet53_refcoco.py', dict(input_size=320))
    other = Config.fromfile(ROOT / 'configs/lts/ablations/lts_darknet53_refcoco_320.py')
    for key in ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert cfg[key] == other[key]


def test_there_and_back():
    cfg, untouched = (Config.fromfile(ROOT / 'configs/vlt/vlt_darknet53_refcoco.py') for _ in range(2))
    set_input_size(cfg, 480)
    assert cfg.model != untouched.model
    set_input_size(cfg, 416)
    assert cfg.model == untouched.model and cfg.test_dataloader == untouched.test_dataloader


@pytest.mark.parametrize('size,message', [
    ('big', "input_size is 'big', expected a number of pixels or"), ((480, 0), 'expected a number of pixels'),
    (True, 'expected a number'),
    ((470, 480), r'fusion.feature_size has a weight a cell of 32 x 32 .* such as \(480, 480\)'),
])
def test_sizes_that_cannot_be(size, message):
    with pytest.raises(ValueError, match=message):
        set_input_size(Config.fromfile(ROOT / 'configs/s2rm/s2rm-casg_swint_refcoco.py'), size)


def test_pipelines_of_several_sizes():
    cfg = Config.fromfile(ROOT / 'configs/lavt/lavt_swinb_refcoco.py')
    cfg.val_dataloader.dataset.pipeline[1].scale = (320, 320)
    with pytest.raises(ValueError, match=r'resize to \[\(480, 480\), \(320, 320\)\]'):
        set_input_size(cfg, 512)
