"""VLT's configs: sizes that go together, letterbox, recipe of the release, the cost that SADLR's paper prints."""

import importlib.util

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn
from torch.optim.lr_scheduler import MultiStepLR

from mmrefseg.registry import MODELS, TRANSFORMS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

CONFIGS = sorted(path.name for path in (ROOT / 'configs/vlt').glob('*.py'))


def load(name):
    cfg = Config.fromfile(ROOT / 'configs/vlt' / name)
    init_default_scope(cfg.default_scope)
    return cfg


def test_there_are_all():
    for setup in ('darknet53', 'swinb'):
        for dataset in ('refcoco', 'refcoco+', 'refcocog-umd', 'refcocog-google'):
            assert f'vlt_{setup}_{dataset}.py' in CONFIGS


def of_all(dataset):
    """What the data sets of a mix have in common; of any other, itself."""
    return dataset.get('common', dataset)


@pytest.mark.parametrize('name', CONFIGS)
def test_sizes_go_together(name):
    cfg = load(name)
    setup = name.split('_')[1][0]
    loaders = [cfg[f'{part}_dataloader'] for part in ('train', 'val', 'test')]
    (width, height), = {tuple(transform.scale) for loader in loaders
                        for transform in of_all(loader.dataset).pipeline if transform.type == 'RefResize'}
    assert (width, height) == {'d': (416, 416), 's': (480, 480), 'n': (96, 96)}[setup]
    fusion, decoder = cfg.model.fusion, cfg.model.decoder
    stride = 8 if 'nano' in name else 16
    assert tuple(fusion.feature_size) == tuple(decoder.feature_size) == (height // stride, width // stride)
    stride //= 2**(len(decoder.channels) - 1)
    expected = {'d': (256, 2, 1), 's': (512, 4, 2), 'n': (32, 2, 2)}[setup]
    assert (decoder.channels[-1][-1], stride, cfg.model.decode_head.num_classes) == expected
    assert cfg.val_evaluator.protocol == ('vlt' if 'darknet53' in name else 'lavt')


def test_the_published_recipe():
    """The released code's configuration."""
    cfg = load('vlt_darknet53_refcoco.py')
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-3) and 8 * cfg.train_dataloader.batch_size == 128
    assert cfg.model.test_cfg == dict(eval_size='original', threshold=0.35)
    assert cfg.train_dataloader.dataset.text_field == cfg.test_dataloader.dataset.text_field == 'sent'
    lengths = {name: load(f'vlt_darknet53_{name}.py').model.text_encoder.max_length
               for name in ('refcoco', 'refcoco+', 'refcocog-umd', 'refcocog-google')}
    assert lengths == {'refcoco': 15, 'refcoco+': 15, 'refcocog-umd': 20, 'refcocog-google': 20}
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1e-3)
    scheduler = cfg.param_scheduler
    scheduler = MultiStepLR(optimizer, milestones=scheduler.milestones, gamma=scheduler.gamma)
    for epoch in range(1, 51):
        steps_passed = sum(epoch >= step for step in (40, 45, 50))
        assert scheduler.get_last_lr()[0] == pytest.approx(1e-3 / 10**steps_passed)
        optimizer.step()
        scheduler.step()


def test_letterbox():
    """A picture keeps its ratio and is filled up with grey, its mask with background."""
    cfg = load('vlt_darknet53_refcoco.py')
    resize = TRANSFORMS.build(cfg.train_dataloader.dataset.pipeline[1])
    image = torch.full((48, 64, 3), 200, dtype=torch.uint8).numpy()
    image = resize(dict(img=image, img_shape=(48, 64)))['img']
    assert image.shape == (312, 416, 3)
    sample = RefDataSample(metainfo=dict(expressions=['a man']))
    sample.gt_sem_seg = PixelData(data=torch.ones(1, 312, 416, dtype=torch.uint8))
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    data = dict(inputs=[torch.from_numpy(image).permute(2, 0, 1)], data_samples=[sample])
    tested, trained = (preprocessor(dict(data), training=training) for training in (False, True))
    for batch in (tested, trained):
        assert batch['inputs'].shape == (1, 3, 416, 416)
        torch.testing.assert_close(batch['inputs'][..., :312, :], torch.full((1, 3, 312, 416), 200 / 255))
        assert (batch['inputs'][..., 312:, :] == 0.5).all()
    mask = trained['data_samples'][0].gt_sem_seg.data
    assert mask.shape == (1, 416, 416) and mask[:, :312].all() and not mask[:, 312:].any()


def test_macs_at_480():
    """SADLR's 142.6 G (Table 3) within 10 %, of which Swin-B without language has 85.24 G and BERT is not counted.

    That is as the formulas stand; the decoder computes less, as it convolves before it upsamples.
    """
    spec = importlib.util.spec_from_file_location('get_flops', ROOT / 'tools/analysis_tools/get_flops.py')
    get_flops = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(get_flops)
    cfg = load('vlt_swinb_refcoco.py')
    # Maps of the same size and width as Swin-B's at a hundredth of the time.
    cfg.model.backbone = dict(
        type='SwinTransformer', embed_dims=128, depths=(0, 0, 0, 0), num_heads=(4, 8, 16, 32), window_size=12,
        out_indices=(1, 2, 3))
    model = MODELS.build(without_pretrained(cfg.model))
    macs = {part: count / 1e9 for part, count in get_flops.count_macs(model, 480, 480, words=20).items()}
    others, decoder = macs['fusion'] + macs['decode_head'], model.decoder
    formulas = decoder.spatial[0].weight.numel() * decoder.num_queries / 1e9 + sum(
        layer.conv.weight.numel() * (30 * 2**level)**2 / 1e9
        for level, stage in enumerate(decoder.stages) for layer in stage)
    assert others + formulas == pytest.approx(54.19, abs=0.02)
    assert 85.24 + others + formulas == pytest.approx(142.6, rel=0.1)
    assert macs['decoder'] == pytest.approx(18.68, abs=0.02)
