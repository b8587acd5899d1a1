"""Samples for the metrics, together and one by one."""

import torch
from mmengine.structures import PixelData

from mmrefseg.structures import RefDataSample


def one_by_one(sample, first_index):
    """The expressions of a sample, each a sample of its own."""
    parts = []
    for i, expression in enumerate(sample.expressions):
        part = RefDataSample(metainfo=dict(
            sample.metainfo, expressions=[expression], ref_ids=[sample.ref_ids[i]],
            sent_ids=[sample.sent_ids[i]], sample_idx=first_index + i))
        part.gt_sem_seg = PixelData(data=sample.gt_sem_seg.data[i:i + 1])
        part.pred_sem_seg = PixelData(data=sample.pred_sem_seg.data[i:i + 1])
        parts.append(part)
    return parts


def masks_sample(pred, truth, **changes):
    """A sample dict from rows of pixels, one a mask."""
    sample = dict(
        pred_sem_seg=dict(data=torch.tensor(pred, dtype=torch.uint8)[:, None]),
        gt_sem_seg=dict(data=torch.tensor(truth, dtype=torch.uint8)[:, None]),
        expressions=['dog'] * len(pred), img_path='folder/a.jpg')
    return dict(sample, **changes)

