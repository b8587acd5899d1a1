"""Dice equals its formula, class by class."""

import mmseg
import pytest
import torch
from mmseg.models.losses import CrossEntropyLoss
from packaging.version import Version

from mmrefseg.models import RefCrossEntropyLoss, RefDiceLoss


def literal_dice(probability, truth, eps=1e-3):
    return (2 * (probability * truth).sum() + eps) / ((probability**2).sum() + (truth**2).sum() + eps)


@pytest.mark.parametrize('classes', [1, 2])
@pytest.mark.parametrize('background', [True, False])
def test_equals_the_formula(classes, background):
    torch.manual_seed(0)
    logits = torch.randn(3, classes, 5, 4)
    target = torch.randint(0, 2, (3, 5, 4))
    target[0, 0] = 255
    expected = []
    for sample_logits, sample_target in zip(logits, target):
        valid = sample_target != 255
        if classes == 1:
            foreground = sample_logits[0].sigmoid()
        else:
            foreground = sample_logits.softmax(0)[1]
        dice = [literal_dice(foreground[valid], sample_target[valid].float())]
        if background:
            dice.append(literal_dice(1 - foreground[valid], 1 - sample_target[valid].float()))
        expected.append(1 - sum(dice) / len(dice))
    loss = RefDiceLoss(background=background, loss_weight=2.)
    torch.testing.assert_close(loss(logits, target), 2 * sum(expected) / 3)


def test_an_empty_target_is_no_nan():
    logits = torch.zeros(1, 2, 4, 4, requires_grad=True)
    loss = RefDiceLoss()(logits, torch.zeros(1, 4, 4, dtype=torch.long))
    loss.backward()
    assert loss.isfinite() and logits.grad.isfinite().all()


def test_half_precision_is_summed_in_full():
    target = torch.ones(1, 512, 512, dtype=torch.long)
    logits = torch.full((1, 1, 512, 512), 8.)
    full = RefDiceLoss()(logits, target)
    torch.testing.assert_close(RefDiceLoss()(logits.half(), target), full)


@pytest.mark.parametrize('class_weight', [None, [0.9, 1.1]])
def test_cross_entropy_equals_mmsegs_where_that_works(class_weight):
    if class_weight and Version(mmseg.__version__) != Version('1.2.2'):
        pytest.skip('mmseg 1.2.1 and 1.4 (the OneDL line) take no weights of classes with avg_non_ignore: an error')
    torch.manual_seed(0)
    logits, target = torch.randn(3, 2, 5, 4), torch.randint(0, 2, (3, 5, 4))
    theirs = CrossEntropyLoss(class_weight=class_weight, avg_non_ignore=True, loss_weight=2.)(logits, target)
    torch.testing.assert_close(RefCrossEntropyLoss(class_weight, loss_weight=2.)(logits, target), theirs)


@pytest.mark.parametrize('classes', [1, 2])
@pytest.mark.parametrize('class_weight', [None, [0.9, 1.1]])
def test_cross_entropy_leaves_padding_out(classes, class_weight):
    torch.manual_seed(0)
    logits, target = torch.randn(2, classes, 6, 4), torch.randint(0, 2, (2, 6, 4))
    target[:, 4:] = 255
    weights = torch.tensor(class_weight or [1., 1.])
    total = norm = 0
    for sample, pixels in zip(logits, target):
        for position in (pixels != 255).nonzero().tolist():
            scores, label = sample[:, position[0], position[1]], pixels[position[0], position[1]]
            probability = scores.softmax(0) if classes == 2 else torch.stack([1 - scores.sigmoid()[0],
                                                                             scores.sigmoid()[0]])
            total = total - weights[label] * probability[label].log()
            norm = norm + weights[label]
    torch.testing.assert_close(RefCrossEntropyLoss(class_weight)(logits, target), total / norm)


def test_cross_entropy_wants_two_weights():
    with pytest.raises(ValueError, match='class_weight is .1, 2, 3., expected two numbers'):
        RefCrossEntropyLoss([1, 2, 3])
