"""The losses of LTS equal Eqs. 11 to 13, pixel by pixel."""

import math

import pytest
import torch

from mmrefseg.models import LocateHead, LTSMaskHead, MaskHead
from mmrefseg.models.utils import downsample_target
from mmrefseg.structures import MultiModalFeatures, TextFeatures

BCE = dict(type='RefCrossEntropyLoss')
TEXT = TextFeatures(torch.zeros(2, 1, 1), torch.ones(2, 1, dtype=torch.bool), torch.zeros(2, 1))


def make_target(size=(16, 24)):
    torch.manual_seed(0)
    target = (torch.rand(2, *size) > 0.6).long()
    target[:, :, -4:] = 255  # padding
    return target


def make_features(prior):
    return MultiModalFeatures((torch.zeros(2, 3, 4, 6), ), TEXT, prior=prior)


def literal_bce(logits, target, stride):
    """Mean over the cells of (N, h, w) logits; the mask's value is that of the pixel at the cell's centre."""
    terms = []
    for n, row, column in torch.cartesian_prod(*(torch.arange(length) for length in logits.shape)).tolist():
        y = int(target[n, row * stride + stride // 2, column * stride + stride // 2])
        if y != 255:
            p = 1 / (1 + math.exp(-float(logits[n, row, column])))
            terms.append(-(y * math.log(p) + (1 - y) * math.log(1 - p)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize('reduction,weight', [('sum', 0.1 / 4), ('mean', 0.1)])
def test_locating_loss(reduction, weight):
    prior, target = torch.randn(2, 1, 4, 6), make_target((32, 48))
    losses = LocateHead(reduction=reduction).loss(torch.zeros(2, 5, 8, 12), make_features(prior), target)
    assert list(losses) == ['loss_locate']
    assert float(losses['loss_locate']) == pytest.approx(weight * literal_bce(prior[:, 0], target, 8), rel=1e-5)


def test_total_loss():
    """Eqs. 11 to 13 with their sums, at strides 4 and 8, over the number of pixels at stride 4."""
    torch.manual_seed(1)
    head, target = LTSMaskHead(5, num_classes=1, loss_decode=BCE), (torch.rand(2, 32, 48) > 0.6).long()
    decoded, prior = torch.randn(2, 5, 8, 12), torch.randn(2, 1, 4, 6)
    with torch.no_grad():
        logits = head(decoded, None)
        total = head.loss(decoded, None, target)['loss_ce'] + LocateHead().loss(
            None, make_features(prior), target)['loss_locate']
    segmentation = literal_bce(logits[:, 0], target, 4) * 2 * 8 * 12  # the sums
    locating = literal_bce(prior[:, 0], target, 8) * 2 * 4 * 6
    assert float(total) == pytest.approx((segmentation + 0.1 * locating) / (2 * 8 * 12), rel=1e-5)


def test_other_reductions_are_refused():
    with pytest.raises(ValueError, match="reduction of LocateHead is 'max', expected 'sum' or 'mean'"):
        LocateHead(reduction='max')


def test_segmentation_loss():
    torch.manual_seed(1)
    head, target = LTSMaskHead(5, num_classes=1, loss_decode=BCE), make_target()
    decoded = torch.randn(2, 5, 8, 12)
    logits = head(decoded, None).detach()
    with torch.no_grad():
        losses = head.loss(decoded, None, target)
    assert float(losses['loss_ce']) == pytest.approx(literal_bce(logits[:, 0], target, 2), rel=1e-5)
    at_full_size = MaskHead(5, num_classes=1, loss_decode=BCE)
    at_full_size.load_state_dict(head.state_dict())
    assert not torch.allclose(at_full_size.loss(decoded, None, target)['loss_ce'], losses['loss_ce'])
    torch.testing.assert_close(at_full_size(decoded, None), logits)


def test_the_gradient_reaches_the_prior_alone():
    prior = torch.randn(2, 1, 4, 6, requires_grad=True)
    head = LocateHead()
    assert list(head.parameters()) == []
    sum(head.loss(None, make_features(prior), make_target()).values()).backward()
    assert prior.grad[..., :5].all() and not prior.grad[..., 5:].any()  # nothing at the padding


def test_options():
    prior, target = torch.randn(2, 1, 4, 6), make_target()
    head = LocateHead(reduction='mean', loss_decode=dict(BCE, loss_weight=1.), ignore_index=0)
    target[target == 255] = 0
    assert float(head.loss(None, make_features(prior), target)['loss_ce']) == pytest.approx(
        literal_bce(prior[:, 0], target.masked_fill(target == 0, 255), 4), rel=1e-5)


def test_a_prior_is_needed():
    with pytest.raises(ValueError, match='LocateHead needs a prior, but model.fusion gives none: set fusion.locator'):
        LocateHead().loss(None, make_features(None), make_target())


@pytest.mark.parametrize('size', [(16, 24), (8, 6), (5, 7)])
def test_downsampled_target(size):
    target = torch.randint(0, 256, (2, 16, 24))
    small = downsample_target(target, size)
    assert small.dtype == torch.int64 and small.shape == (2, *size)
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = int((row + 0.5) * 16 / size[0]), int((column + 0.5) * 24 / size[1])
            assert torch.equal(small[:, row, column], target[:, y, x])
