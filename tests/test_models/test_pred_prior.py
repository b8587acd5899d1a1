"""The segmentor hands the prior to the samples, grouped, in chunks and padded; the metric reads it."""

import copy

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.evaluation import RefIoUMetric
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

SIZE, ORI_SIZE = (64, 96), (50, 70)
LTS = dict(
    type='RefSegmentor',
    text_encoder=dict(type='RNNEncoder', vocab=['a', 'red', 'dog', 'left'], embed_dims=8, hidden_dims=8),
    backbone=dict(
        type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=3,
        out_indices=(1, 2, 3)),
    fusion=dict(
        type='LTSFusion', in_channels=[16, 32, 64], text_channels=16, channels=8,
        locator=dict(type='RelevanceFilter')),
    decoder=dict(type='LTSDecoder', in_channels=8, channels=4, out_channels=8, dilations=(1, 2)),
    decode_head=dict(
        type='LTSMaskHead', in_channels=8, num_classes=1, loss_decode=dict(type='RefCrossEntropyLoss')),
    auxiliary_head=dict(type='LocateHead'),
    test_cfg=dict(eval_size='original', threshold=0.25))


def build(**changes):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(dict(copy.deepcopy(LTS), **changes))


def make_batch(said, img_shape=SIZE):
    torch.manual_seed(1)
    samples = []
    for expressions in said:
        sample = RefDataSample(metainfo=dict(
            expressions=list(expressions), img_path='x.jpg', img_shape=img_shape, ori_shape=ORI_SIZE))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(expressions), *ORI_SIZE) > 0.5).to(torch.uint8))
        samples.append(sample)
    return torch.randn(len(samples), 3, *SIZE), samples


@torch.no_grad()
def predict(model, inputs, samples):
    return model.eval()(inputs, samples, mode='predict')


@pytest.mark.parametrize('max_expressions', [1, 2, 16])
@pytest.mark.parametrize('said', [(('red dog', 'dog', 'a dog left'), ('a', )), (('dog', ), ('a red dog', ), ('a', ))])
def test_grouped_and_chunked_equal_one_by_one(said, max_expressions):
    model = build(test_cfg=dict(LTS['test_cfg'], max_expressions=max_expressions))
    inputs, samples = make_batch(said)
    predict(model, inputs, samples)
    with torch.no_grad():
        whole = model.extract_feat(inputs, samples).prior
    torch.testing.assert_close(torch.cat([sample.pred_prior.data for sample in samples]), whole[:, 0])
    for image, sample, expressions in zip(inputs, samples, said):
        assert sample.pred_prior.data.shape == (len(expressions), 8, 12)
        assert sample.pred_prior.data.dtype == torch.float32 and sample.batch_input_shape == SIZE
        for i, expression in enumerate(expressions):
            _, (single, ) = make_batch(((expression, ), ))
            predict(model, image[None], [single])
            torch.testing.assert_close(sample.pred_prior.data[i], single.pred_prior.data[0], atol=1e-5, rtol=1e-4)


def test_half_precision_is_handed_over_in_full():
    model, (inputs, samples) = build(), make_batch((('dog', ), ))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        predict(model, inputs, samples)
    assert samples[0].pred_prior.data.dtype == torch.float32


def test_no_prior_no_field():
    model = build(
        fusion=dict(LTS['fusion'], locator=None), decoder=dict(LTS['decoder'], with_prior=False), auxiliary_head=None)
    inputs, samples = make_batch((('dog', 'red dog'), ))
    predict(model, inputs, samples)
    assert 'pred_prior' not in samples[0] and 'batch_input_shape' not in samples[0]


def test_every_parameter_trains():
    model, (inputs, samples) = build(), make_batch((('dog', 'a red dog'), ('left dog', )))
    for sample in samples:
        sample.gt_sem_seg = PixelData(data=torch.ones(len(sample.expressions), *SIZE, dtype=torch.uint8))
    losses = model(inputs, samples, mode='loss')
    assert set(losses) == {'decode.loss_ce', 'aux_0.loss_locate'}
    sum(losses.values()).backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize('img_shape', [SIZE, (48, 60)])
def test_the_metric_reads_it(img_shape):
    """Each truth is one pixel: the one at which the heatmap peaks, or another."""
    model = build()
    inputs, samples = make_batch((('red dog', 'dog', 'a dog left'), ('a', )), img_shape)
    predict(model, inputs, samples)
    hits = iter([True, False, True, True])
    for sample in samples:
        sample.gt_sem_seg.data.zero_()
        for heatmap, mask in zip(sample.pred_prior.data, sample.gt_sem_seg.data):
            # cells of 8 x 8 pixels; those whose centre lies in the picture
            inside = heatmap[:(img_shape[0] + 3) // 8, :(img_shape[1] + 3) // 8]
            row, column = divmod(int(inside.argmax()), inside.shape[1])
            y = int((8 * row + 4) / img_shape[0] * ORI_SIZE[0])
            x = int((8 * column + 4) / img_shape[1] * ORI_SIZE[1])
            mask[y if next(hits) else y - 1, x] = 1
    evaluator = Evaluator(RefIoUMetric(protocol='lts'))
    evaluator.process(samples)
    assert evaluator.evaluate(2)['loc_acc'] == 75
