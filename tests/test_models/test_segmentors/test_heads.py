"""Heads of mmseg are built without their warnings."""

import warnings

import pytest
from mmengine.registry import init_default_scope

from mmrefseg.models.segmentors.heads import build_head


@pytest.mark.parametrize('more,channels', [
    (dict(num_classes=2), 2), (dict(num_classes=2, out_channels=1, threshold=.4), 1), (dict(num_classes=3), 3)])
def test_a_head_of_mmseg(more, channels):
    init_default_scope('mmrefseg')
    config = dict(type='FCNHead', in_channels=4, channels=4, num_convs=0, concat_input=False,
                  loss_decode=[dict(type='RefCrossEntropyLoss'), dict(type='RefDiceLoss')], **more)
    given = dict(config)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        head = build_head(config)
    assert head.conv_seg.out_channels == channels and config == given
    assert [type(loss).__name__ for loss in head.loss_decode] == ['RefCrossEntropyLoss', 'RefDiceLoss']
