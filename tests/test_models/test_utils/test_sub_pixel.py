"""A finer Y: the rearrangement, written out, and each head with it."""

import pytest
import torch

from mmrefseg.models.decode_heads import CGAHead, DynamicClassifierHead, MaskHead, SADLRHead
from mmrefseg.models.decode_heads.lts_mask_head import LTSMaskHead
from mmrefseg.models.utils import SubPixel
from mmrefseg.structures import MultiModalFeatures, TextFeatures


def test_each_channel_is_a_part_of_a_cell():
    torch.manual_seed(0)
    finer = SubPixel(5, 3, 2)
    maps = torch.randn(2, 5, 4, 6)
    found = finer(maps)
    weight, bias = finer.conv.weight[:, :, 0, 0], finer.conv.bias
    expected = torch.zeros(2, 3, 8, 12)
    for channel in range(3):
        for row in range(2):
            for column in range(2):
                number = 4 * channel + 2 * row + column
                values = torch.einsum('c,nchw->nhw', weight[number], maps) + bias[number]
                expected[:, channel, row::2, column::2] = values.relu()
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('head', [
    lambda: MaskHead(8, sub_pixel=dict(channels=4, scale=2)),
    lambda: LTSMaskHead(8, sub_pixel=dict(channels=4, scale=2)),
    lambda: SADLRHead(8, 6, dynamic_channels=[4, 4], sub_pixel=dict(channels=4, scale=2)),
    lambda: SADLRHead(8, 6, num_iterations=0, loss_weights=(), sub_pixel=dict(channels=4, scale=2)),
    lambda: CGAHead(8, 6, num_groups=2, sub_pixel=dict(channels=4, scale=2)),
])
def test_heads_give_finer_logits_and_train_all(head):
    torch.manual_seed(0)
    head = head()
    text = TextFeatures(torch.randn(3, 4, 6), torch.ones(3, 4).bool(), torch.randn(3, 6))
    features = MultiModalFeatures((), text)
    decoded = torch.randn(3, 8, 5, 7, requires_grad=True)
    assert head(decoded, features).shape == (3, 2, 10, 14)
    sum(head.loss(decoded, features, torch.randint(0, 2, (3, 20, 28))).values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters()) and decoded.grad.abs().sum() > 0


def test_a_head_that_does_not_take_it_refuses_it():
    with pytest.raises(ValueError, match='DynamicClassifierHead takes no sub_pixel'):
        DynamicClassifierHead(8, sub_pixel=dict(channels=4, scale=2))
