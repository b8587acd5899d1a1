"""Losses and accuracy of mmseg's heads are those that mmseg gives."""

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from segmentor_inputs import FCN

from mmrefseg.models.segmentors import mmseg_losses as module
from mmrefseg.models.segmentors.mmseg_losses import mmseg_losses
from mmrefseg.registry import MODELS

CE = dict(type='CrossEntropyLoss', avg_non_ignore=True)


def build(**changes):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(dict(FCN, in_channels=4, in_index=0, **changes)).train()


def inputs(ignored):
    torch.manual_seed(1)
    target = (torch.rand(3, 16, 24) > 0.6).long()
    target[torch.rand(3, 16, 24) < ignored] = 255
    return [torch.randn(3, 4, 8, 12)], target


def of_mmseg(head, maps, target):
    samples = [SegDataSample(gt_sem_seg=PixelData(data=mask[None])) for mask in target]
    return head.loss(maps, samples, None)


@pytest.mark.parametrize('ignored', [0., 0.3, 2.], ids=['none ignored', 'some ignored', 'all ignored'])
@pytest.mark.parametrize('losses', [
    dict(type='RefDiceLoss'), CE, [CE, dict(type='RefDiceLoss'), dict(CE, loss_weight=0.5)]],
    ids=['one of ours', "mmseg's", 'three, two of one name'])
def test_they_are_mmsegs(losses, ignored):
    head = build(loss_decode=losses)
    maps, target = inputs(ignored)
    expected, found = of_mmseg(head, maps, target), mmseg_losses(head, maps, target, None)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-6, atol=1e-6, equal_nan=True)


def test_a_plain_head_gathers_no_pixels():
    head = build(loss_decode=dict(type='RefDiceLoss'))
    maps, target = inputs(0.3)
    with torch.profiler.profile() as profile:
        mmseg_losses(head, maps, target, None)
    assert not {'aten::nonzero', 'aten::topk'} & {event.key for event in profile.key_averages()}


@pytest.mark.parametrize('changes', [
    dict(sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=10)),
    dict(num_classes=2, out_channels=1, threshold=0.3, loss_decode=dict(CE, use_sigmoid=True))],
    ids=['sampler', 'sigmoid'])
def test_other_heads_are_left_to_mmseg(changes, monkeypatch):
    head = build(**changes)
    maps, target = inputs(0.)
    expected = of_mmseg(head, maps, target)
    monkeypatch.setattr(module, '_accuracy', lambda *args: pytest.fail('counted by us'))
    torch.testing.assert_close(mmseg_losses(head, maps, target, None), expected)


def test_a_head_with_losses_of_its_own_is_asked():
    class Own(type(build())):
        def loss_by_feat(self, seg_logits, batch_data_samples):
            return dict(loss_own=seg_logits.sum())

    head = build()
    head.__class__ = Own
    assert isinstance(head, BaseDecodeHead)
    assert list(mmseg_losses(head, *inputs(0.), None)) == ['loss_own']
