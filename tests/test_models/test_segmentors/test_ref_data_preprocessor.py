"""RefDataPreProcessor against mmseg's, bit for bit."""

import copy

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.models.segmentors import RefDataPreProcessor
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

OPTIONS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True, size_divisor=1)


def batch(sizes, dtype=torch.uint8, channels=3):
    torch.manual_seed(0)
    samples = []
    for size in sizes:
        sample = RefDataSample(metainfo=dict(expressions=['a', 'b'], img_shape=size, scale_factor=(0.5, 2.)))
        sample.gt_sem_seg = PixelData(data=torch.randint(2, (2, *size), dtype=torch.uint8))
        samples.append(sample)
    return dict(inputs=[torch.randint(256, (channels, *size)).to(dtype) for size in sizes], data_samples=samples)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
@pytest.mark.parametrize('sizes, options, plain', [
    ([(8, 12)] * 2, {}, True),
    ([(8, 12)], dict(bgr_to_rgb=False), True),
    ([(8, 12)] * 2, dict(size_divisor=None, size=(8, 12)), True),
    ([(8, 12)] * 2, dict(size_divisor=None, size=(16, 16), test_cfg=dict(size=(16, 16))), False),
    ([(8, 12)] * 2, dict(size_divisor=32, test_cfg=dict(size_divisor=32)), False),
    ([(8, 12)] * 2, dict(mean=None, std=None), False),
])
def test_equals_mmsegs(sizes, options, plain, dtype, training):
    init_default_scope('mmrefseg')
    options = dict(OPTIONS, **options)
    ours = MODELS.build(dict(options, type='RefDataPreProcessor'))
    theirs = MODELS.build(dict(options, type='SegDataPreProcessor'))
    assert type(ours) is RefDataPreProcessor and type(theirs) is not RefDataPreProcessor
    data = batch(sizes, dtype)
    assert ours._is_plain(data['inputs'], data['data_samples'], training) is plain
    expected, found = theirs(copy.deepcopy(data), training), ours(copy.deepcopy(data), training)
    assert found['inputs'].dtype == torch.float32 and torch.equal(found['inputs'], expected['inputs'])
    for a, b in zip(found['data_samples'], expected['data_samples']):
        assert a.metainfo == b.metainfo
        assert torch.equal(a.gt_sem_seg.data, b.gt_sem_seg.data)


def test_images_of_several_sizes_are_padded():
    data = batch([(8, 12), (12, 8)])
    found = RefDataPreProcessor(**OPTIONS)(data, training=True)
    assert found['inputs'].shape == (2, 3, 12, 12)


@pytest.mark.parametrize('training', [True, False])
def test_a_sample_that_is_here_is_copied_only_where_something_is_added(training):
    data = batch([(8, 12)])
    found = RefDataPreProcessor(**OPTIONS)(data, training)
    assert (found['data_samples'][0] is data['data_samples'][0]) is training


def test_samples_share_nothing_that_can_change():
    listed, nested = ['a'], [['a']]
    sample = RefDataSample(metainfo=dict(expressions=listed, nested=nested, size=(1, 2)))
    other = sample.new()
    for changed in (listed, nested[0], other.expressions, other.nested[0]):
        changed.append('b')
    assert sample.expressions == ['a'] and sample.nested == [['a']] and sample.size == (1, 2)
    with pytest.raises(TypeError, match='metainfo is a list, expected a dict'):
        sample.set_metainfo(['a'])


def test_images_follow_the_statistics():
    ours = RefDataPreProcessor(**OPTIONS)
    torch.nn.Sequential(ours).to('meta')  # of which mmengine's note knows nothing
    batched = ours(batch([(8, 12)]))
    assert ours.device.type == batched['inputs'].device.type == 'meta' and ours._device.type == 'cpu'
