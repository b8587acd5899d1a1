"""A convolution of an upsampled map equals itself computed at the map's size."""

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule

from mmrefseg.models import LAVTDecoder
from mmrefseg.models.utils import upsampled_conv
from mmrefseg.structures import MultiModalFeatures


@pytest.mark.parametrize('align_corners', [True, False])
@pytest.mark.parametrize('old,new', [((4, 5), (8, 10)), ((3, 6), (5, 12)), ((1, 2), (2, 3)), ((4, 3), (4, 3))])
def test_equals_both_steps(old, new, align_corners):
    torch.manual_seed(0)
    maps = torch.randn(2, 3, *old, dtype=torch.double, requires_grad=True)
    weight = torch.randn(5, 3, 3, 3, dtype=torch.double, requires_grad=True)
    ours = upsampled_conv(maps, weight, new, align_corners)
    upsampled = F.interpolate(maps, size=new, mode='bilinear', align_corners=align_corners)
    literal = F.conv2d(upsampled, weight, padding=1)
    torch.testing.assert_close(ours, literal)
    for one, other in zip(*(torch.autograd.grad(x.sin().sum(), (maps, weight)) for x in (ours, literal))):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_decoder_equals_the_paper(memory_format):
    """Y_i = rho_i([up(Y_{i+1}); F_i])."""
    torch.manual_seed(0)
    decoder = LAVTDecoder(in_channels=[2, 3, 4], channels=5).double().eval()
    for module in decoder.modules():
        if isinstance(module, ConvModule):
            module.norm.running_mean.normal_()
            module.norm.running_var.uniform_(0.5, 2)
    maps = [torch.randn(2, 2, 8, 12), torch.randn(2, 3, 4, 6), torch.randn(2, 4, 2, 3)]
    maps = tuple(x.double().contiguous(memory_format=memory_format) for x in maps)
    decoded = maps[2]
    for stage, skip in ((decoder.stages[1], maps[1]), (decoder.stages[0], maps[0])):
        decoded = F.interpolate(decoded, size=skip.shape[2:], mode='bilinear', align_corners=True)
        decoded = stage(torch.cat([decoded, skip], dim=1))
    torch.testing.assert_close(decoder(MultiModalFeatures(maps, None)), decoded)
