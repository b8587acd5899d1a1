"""LTSDecoder equals Eq. 10 with every convolution written as a sum over its taps."""

import pytest
import torch
from mmcv.cnn import ConvModule

from mmrefseg.models import LTSDecoder, PriorConcat
from mmrefseg.structures import MultiModalFeatures, TextFeatures

TEXT = TextFeatures(torch.zeros(2, 1, 1), torch.ones(2, 1, dtype=torch.bool), torch.zeros(2, 1))


def make_features(with_prior=True, size=(5, 4)):
    torch.manual_seed(1)
    prior = torch.randn(2, 1, *size) if with_prior else None
    return MultiModalFeatures((torch.randn(2, 3, *size), ), TEXT, prior=prior)


def make_decoder(**kwargs):
    torch.manual_seed(0)
    decoder = LTSDecoder(in_channels=3, channels=4, out_channels=6, **{**dict(dilations=(1, 2, 3)), **kwargs})
    for module in decoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                torch.nn.init.uniform_(value, 0.2, 1.)
    return decoder


def batch_norm(norm, x):  # (C, H, W)
    mean, var, weight, bias = (
        value[:, None, None] for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias))
    return (x - mean) / (var + norm.eps).sqrt() * weight + bias


def conv(module, x):
    """A ConvModule on (C, H, W), tap by tap; what lies outside is 0."""
    weight, dilation = module.conv.weight, module.conv.dilation[0]
    half, (_, height, width) = weight.shape[2] // 2, x.shape
    out = torch.zeros(len(weight), height, width)
    for y in range(height):
        for x_ in range(width):
            for dy in range(-half, half + 1):
                for dx in range(-half, half + 1):
                    row, column = y + dilation * dy, x_ + dilation * dx
                    if 0 <= row < height and 0 <= column < width:
                        out[:, y, x_] += weight[:, :, dy + half, dx + half] @ x[:, row, column]
    return batch_norm(module.bn, out).relu()


def deconv(weight, x):
    """4x4, stride 2: input pixel (y, x) adds to the output pixels 2y - 1 … 2y + 2, and so for x."""
    _, height, width = x.shape
    out = torch.zeros(weight.shape[1], 2 * height, 2 * width)
    for y in range(height):
        for x_ in range(width):
            for i in range(4):
                for j in range(4):
                    row, column = 2 * y - 1 + i, 2 * x_ - 1 + j
                    if 0 <= row < 2 * height and 0 <= column < 2 * width:
                        out[:, row, column] += weight[:, :, i, j].T @ x[:, y, x_]
    return out


@pytest.mark.parametrize('with_prior', [True, False])
def test_equals_the_formula(with_prior):
    decoder = make_decoder(with_prior=with_prior).eval()
    features = make_features(with_prior)
    decoded = decoder(features)
    assert decoded.shape == (2, decoder.out_channels, 10, 8)
    for row in range(2):
        joint = features.maps[0][row]
        if with_prior:
            joint = torch.cat([joint, features.prior[row]])
        pooled = conv(decoder.pooled[1], joint.mean((1, 2), keepdim=True))
        parts = [pooled.repeat(1, 5, 4), *(conv(branch, joint) for branch in decoder.branches)]
        joined = conv(decoder.bottleneck, torch.cat(parts))
        deconvolution, norm, _ = decoder.upsample
        expected = batch_norm(norm, deconv(deconvolution.weight, joined)).relu()
        torch.testing.assert_close(decoded[row], expected, atol=1e-5, rtol=1e-4)


def test_as_published():
    decoder = LTSDecoder(in_channels=1024)
    assert [branch.conv.dilation[0] for branch in decoder.branches] == [1, 6, 12, 18]
    assert [branch.conv.kernel_size[0] for branch in decoder.branches] == [1, 3, 3, 3]
    assert {module.in_channels for module in decoder.branches} == {1025}
    assert decoder.bottleneck.in_channels == 5 * 256 and decoder.out_channels == 512


def test_a_gradient_reaches_every_parameter_and_the_prior():
    decoder, features = make_decoder(), make_features()
    features.prior.requires_grad_(True)
    decoder(features).square().sum().backward()
    assert [name for name, value in decoder.named_parameters() if value.grad is None or not value.grad.any()] == []
    assert features.prior.grad.any()


def test_norm_cfg():
    decoder = make_decoder(norm_cfg=dict(type='SyncBN'))
    norms = [module for module in decoder.modules() if isinstance(module, torch.nn.SyncBatchNorm)]
    convolutions = [module for module in decoder.modules() if isinstance(module, ConvModule)]
    assert len(norms) == len(convolutions) + 1


@pytest.mark.parametrize('with_prior', [True, False])
def test_prior_concat(with_prior):
    decoder, features = PriorConcat(3, with_prior=with_prior), make_features(with_prior)
    decoded = decoder(features)
    assert decoded.shape[1] == decoder.out_channels == 3 + with_prior
    assert torch.equal(decoded[:, :3], features.maps[0])
    assert torch.equal(decoded[:, 3:], features.prior if with_prior else decoded[:, 3:])


@pytest.mark.parametrize('decoder_type', [LTSDecoder, PriorConcat])
@pytest.mark.parametrize('with_prior,made', [(True, 'no prior'), (False, 'a prior')])
def test_prior_must_be_there_or_not(decoder_type, with_prior, made):
    decoder = decoder_type(in_channels=3, with_prior=with_prior)
    with pytest.raises(ValueError, match=f'model.decoder.with_prior is {with_prior}, but model.fusion gives {made}'):
        decoder(make_features(not with_prior))
