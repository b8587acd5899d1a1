"""The pyramid as a decoder: laterals, nearest upsampling, sums, one 3x3 convolution."""

import torch
from fusion_inputs import conv_norm_relu, idle_parameters, make_text, stir_norms

from mmrefseg.models import FPNDecoder
from mmrefseg.structures import MultiModalFeatures


def test_equals_the_formula():
    torch.manual_seed(0)
    decoder = stir_norms(FPNDecoder(in_channels=[3, 4, 5], channels=6))
    features = MultiModalFeatures(
        (torch.randn(2, 3, 8, 12), torch.randn(2, 4, 4, 6), torch.randn(2, 5, 2, 3)), make_text([2, 1], 5))
    merged = decoder.laterals[2](features.maps[2])
    for level in (1, 0):
        merged = merged.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        merged = merged + decoder.laterals[level](features.maps[level])
    out = decoder(features)
    assert decoder.out_channels == out.shape[1] == 6
    torch.testing.assert_close(out, conv_norm_relu(decoder.smooth, merged), atol=1e-5, rtol=1e-4)
    decoder.train()
    assert idle_parameters(decoder, decoder(features).square().sum()) == []
