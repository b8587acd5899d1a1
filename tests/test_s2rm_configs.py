"""S2RM's configs are the paper's: recipe, sizes, and what each ablation takes away."""

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

CONFIGS = sorted(path.relative_to(ROOT / 'configs/s2rm').as_posix() for path in (ROOT / 'configs/s2rm').rglob('*.py'))


def load(path):
    cfg = Config.fromfile(ROOT / 'configs/s2rm' / path)
    init_default_scope(cfg.default_scope)
    return cfg


def test_there_are_all():
    for backbone in ('swint', 'swinb'):
        for dataset in ('refcoco', 'refcoco+', 'refcocog-umd', 'refcocog-google', 'referit'):
            assert f's2rm-casg_{backbone}_{dataset}.py' in CONFIGS
    for fusion in ('s2rm', 'acm', 'pwam'):
        for decoder in ('fpn', 'casg'):
            assert f'{fusion}-{decoder}_nano_refshapes.py' in CONFIGS
            assert fusion + decoder == 's2rmcasg' or f'ablations/{fusion}-{decoder}_swint_refcoco.py' in CONFIGS
    assert len([path for path in CONFIGS if path.startswith('ablations/')]) == 19


def of_all(dataset):
    """What the data sets of a mix have in common; of any other, itself."""
    return dataset.get('common', dataset)


@pytest.mark.parametrize('path', CONFIGS)
def test_sizes_go_together(path):
    """The input of training and test, the strides of the backbone and S2RM's feature_size."""
    cfg = load(path)
    scales = {tuple(transform.scale) for name in ('train', 'val', 'test')
              for transform in of_all(cfg[f'{name}_dataloader'].dataset).pipeline if transform.type == 'RefResize'}
    (height, width), = scales
    assert (height, width) == ((96, 96) if 'nano' in path else (512, 512))
    stride = 1
    for step in cfg.model.backbone.get('strides', (4, 2, 2, 2)):
        stride *= step
    if cfg.model.fusion.type == 'S2RM':
        assert tuple(cfg.model.fusion.feature_size) == (height // stride, width // stride)


def test_the_recipe():
    """Section IV.B of the paper."""
    cfg = load('s2rm-casg_swinb_refcoco.py')
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=5e-5, weight_decay=0.01)
    assert cfg.param_scheduler.type == 'ReleasePolyLR' and cfg.train_cfg.max_epochs == 40
    assert 8 * cfg.train_dataloader.batch_size == 32 and cfg.train_dataloader.dataset.sample_by == 'ref'
    assert cfg.model.decode_head.num_classes == 1
    assert cfg.model.decode_head.loss_decode == dict(type='RefDiceLoss', background=False)
    assert cfg.model.text_encoder.max_length == 20 and cfg.model.text_encoder.sentence == 'mean'
    assert 'trainable_layers' not in cfg.model.text_encoder


@pytest.mark.parametrize('path,fusion,decoder', [
    ('ablations/tile-concat-fpn_swint_refcoco.py', 'TileConcatFusion', 'FPNDecoder'),
    ('ablations/acm-fpn_swint_refcoco.py', 'ACMFusion', 'FPNDecoder'),
    ('ablations/pwam-fpn_swint_refcoco.py', 'PWAMFusion', 'FPNDecoder'),
    ('ablations/s2rm-fpn_swint_refcoco.py', 'S2RM', 'FPNDecoder'),
    ('ablations/acm-casg_swint_refcoco.py', 'ACMFusion', 'CASGDecoder'),
    ('ablations/pwam-casg_swint_refcoco.py', 'PWAMFusion', 'CASGDecoder'),
    ('s2rm-casg_swint_refcoco.py', 'S2RM', 'CASGDecoder'),
    ('acm-fpn_nano_refshapes.py', 'ACMFusion', 'FPNDecoder'),
    ('pwam-fpn_nano_refshapes.py', 'PWAMFusion', 'FPNDecoder'),
    ('s2rm-fpn_nano_refshapes.py', 'S2RM', 'FPNDecoder'),
    ('acm-casg_nano_refshapes.py', 'ACMFusion', 'CASGDecoder'),
    ('pwam-casg_nano_refshapes.py', 'PWAMFusion', 'CASGDecoder'),
    ('s2rm-casg_nano_refshapes.py', 'S2RM', 'CASGDecoder'),
])
def test_pairs(path, fusion, decoder):
    """Table VII."""
    model = load(path).model
    assert (model.fusion.type, model.decoder.type) == (fusion, decoder)


@pytest.mark.parametrize('path,part,option', [
    ('s2rm-no-shift-l2v-fpn', 'fusion', dict(shift=False, directions=['v2l'])),
    ('s2rm-no-shift-v2l-fpn', 'fusion', dict(shift=False, directions=['l2v'])),
    ('s2rm-no-shift-fpn', 'fusion', dict(shift=False)),
    ('s2rm-no-l2v-fpn', 'fusion', dict(directions=['v2l'])),
    ('s2rm-no-v2l-fpn', 'fusion', dict(directions=['l2v'])),
    ('s2rm-no-balance-fpn', 'fusion', dict(balance=False)),
    ('s2rm-casg-no-language', 'decoder', dict(language=False)),
    ('s2rm-casg-no-channel', 'decoder', dict(channel=False)),
    ('s2rm-casg-no-spatial', 'decoder', dict(spatial=False)),
    ('s2rm-casg-sigmoid', 'decoder', dict(activation='sigmoid')),
])
def test_ablations_differ_by_their_option_alone(path, part, option):
    """Tables IV and V."""
    full = load('ablations/s2rm-fpn_swint_refcoco.py' if part == 'fusion' else 's2rm-casg_swint_refcoco.py')
    full.model[part].update(option)
    assert load(f'ablations/{path}_swint_refcoco.py').to_dict() == full.to_dict()


@pytest.mark.parametrize('path,num_stages,stride', [
    ('s2rm-casg-no-d3', 2, 8), ('s2rm-casg-no-d2-d3', 1, 16), ('s2rm-casg-no-d1-d2-d3', 0, 32)])
def test_removed_stages(path, num_stages, stride):
    """Table VI: the mask is as coarse as the finest level that is left."""
    cfg = load(f'ablations/{path}_swint_refcoco.py')
    assert [4, 8, 16, 32][cfg.model.backbone.out_indices[0]] == stride
    assert len(MODELS.build(without_pretrained(cfg.model).decoder).stages) == num_stages


@pytest.mark.parametrize('path', [path for path in CONFIGS if 'nano' in path])
def test_grouped_equals_one_by_one(path):
    """Fusion is late: all expressions of a picture share one run of the backbone, and the masks are the same.

    In double precision, where no rounding moves a pixel over the threshold.
    """
    torch.manual_seed(0)
    model = MODELS.build(load(path).model).double().eval()
    model.test_cfg.keep_logits = True
    images = torch.randn(1, 3, 96, 96).double()
    expressions = ['the red circle', 'star', 'the leftmost square behind the moon']
    runs = []
    model.backbone.register_forward_hook(lambda module, args, out: runs.append(len(args[0])))

    def predict(texts):
        sample, = model(images, [RefDataSample(metainfo=dict(expressions=texts, img_shape=(96, 96)))], mode='predict')
        return sample.pred_sem_seg.data, sample.seg_logits.data

    with torch.no_grad():
        masks, logits = predict(expressions)
        assert runs == [1] and not torch.equal(logits[0], logits[1])
        for row, expression in enumerate(expressions):
            mask, alone = predict([expression])
            torch.testing.assert_close(logits[row], alone[0], atol=1e-4, rtol=1e-3)
            assert torch.equal(masks[row], mask[0])
