"""CGAHead equals the cascade written out word by word, and its attention loss the pixels counted one by one."""

import math

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.models import CGAHead
from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, TextFeatures


def make_features(lengths=(4, 2, 1), channels=5, length=4):
    mask = torch.arange(length) < torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), length, channels)
    return MultiModalFeatures((), TextFeatures(words, mask, words[:, 0]))


def make_head(**kwargs):
    torch.manual_seed(0)
    options = dict(in_channels=6, text_channels=5, num_steps=2, num_groups=3)
    options.update(kwargs)
    head = CGAHead(**options)
    for step in head.steps:  # a batch norm that is more than the identity
        torch.nn.init.normal_(step.norm.weight)
        torch.nn.init.normal_(step.norm.bias)
        torch.nn.init.normal_(step.norm.running_mean)
        torch.nn.init.uniform_(step.norm.running_var, 0.5, 2)
    return head


def literal_attention(step, pixels, words):
    """One sample: Y (C, HW), the real words (L, C_t) -> what the words give to Y (C, HW), and A (HW)."""
    width = len(pixels) // step.num_groups
    given, attention = torch.zeros_like(pixels), torch.zeros(pixels.shape[1])
    for group in range(step.num_groups):
        rows = slice(group * width, (group + 1) * width)

        def project(conv, rows=rows):
            return conv.weight[rows, :, 0, 0] @ pixels[rows] + conv.bias[rows, None]

        key, value, gate_key = (project(conv) for conv in (step.collect_key, step.collect_value, step.diffuse_key))
        for word in words:
            query = step.query.weight[rows] @ word + step.query.bias[rows]
            logits = torch.stack([query @ key[:, p] / math.sqrt(width) for p in range(pixels.shape[1])])
            weights = logits.exp() / logits.exp().sum()
            collected = sum(weights[p] * value[:, p] for p in range(pixels.shape[1]))
            gates = torch.stack([query @ gate_key[:, p] / math.sqrt(width) for p in range(pixels.shape[1])]).sigmoid()
            given[rows] += collected[:, None] * gates / len(words)
            attention += logits / (len(words) * step.num_groups)
    return given, attention


def literal_cascade(head, decoded, text):
    """Y (N, C, h, w) -> logits and the attention maps of all steps."""
    attentions = []
    for step in head.steps:
        samples = [literal_attention(step, y.flatten(1), words[mask])
                   for y, words, mask in zip(decoded, text.words, text.mask)]
        summed = decoded + torch.stack([given for given, _ in samples]).view_as(decoded)
        attentions.append(torch.stack([attention for _, attention in samples]).view(-1, *decoded.shape[2:]))
        norm = step.norm
        if head.training:
            mean, var = summed.mean((0, 2, 3)), summed.var((0, 2, 3), unbiased=False)
        else:
            mean, var = norm.running_mean, norm.running_var
        normed = (summed - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
        normed = normed * norm.weight[:, None, None] + norm.bias[:, None, None]
        decoded = torch.where(normed > 0, normed, 0.1 * normed)
    logits = torch.einsum('kc,nchw->nkhw', head.classifier.weight[..., 0, 0], decoded)
    return logits + head.classifier.bias[:, None, None], attentions


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('num_steps,num_groups', [(1, 1), (2, 3), (3, 2)])
def test_equals_the_formula(num_steps, num_groups, training):
    head = make_head(num_steps=num_steps, num_groups=num_groups).train(training)
    decoded, features = torch.randn(3, 6, 2, 5), make_features()
    expected, expected_attentions = literal_cascade(head, decoded, features.text)
    _, attentions = head.refine(decoded, features)
    assert len(attentions) == num_steps
    for attention, literal in zip(attentions, expected_attentions):
        torch.testing.assert_close(attention, literal, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(head(decoded, features), expected, atol=1e-5, rtol=1e-4)


def test_padding_and_neighbours_change_nothing():
    head = make_head().eval()
    decoded, features = torch.randn(3, 6, 2, 5), make_features()
    text = features.text
    together = head(decoded, features)
    _, attentions = head.refine(decoded, features)
    for row, length in enumerate(text.mask.sum(1)):
        alone = MultiModalFeatures((), TextFeatures(
            text.words[row:row + 1, :length], text.mask[row:row + 1, :length], text.sentence[row:row + 1]))
        torch.testing.assert_close(head(decoded[row:row + 1], alone)[0], together[row])
        torch.testing.assert_close(head.refine(decoded[row:row + 1], alone)[1][1][0], attentions[1][row])
    text.words[~text.mask] = 1e3
    torch.testing.assert_close(head(decoded, features), together)


def literal_ila(attentions, target):
    """Maps of half the target's size: each of their pixels covers two by two of the target's."""
    total = counted = 0.
    for attention in attentions:
        for n, y, x in torch.cartesian_prod(*map(torch.arange, attention.shape)):
            probability = attention[n, y, x].sigmoid()
            for value in target[n, 2 * y:2 * y + 2, 2 * x:2 * x + 2].flatten():
                if value != 255:
                    total = total - (probability if value == 1 else 1 - probability).log()
                    counted += 1
    return total / counted


@pytest.mark.parametrize('loss', ['RefCrossEntropyLoss', 'RefDiceLoss'])
@pytest.mark.parametrize('num_classes', [1, 2])
def test_losses(num_classes, loss):
    head = make_head(num_classes=num_classes, ila_weight=0.5, loss_decode=dict(type=loss, loss_name='loss_mask')).eval()
    decoded, features = torch.randn(3, 6, 2, 5), make_features()
    target = torch.randint(0, 2, (3, 4, 10))
    target[0, :3, :5] = 255
    losses = head.loss(decoded, features, target)
    assert sorted(losses) == ['loss_ila', 'loss_mask']
    mask_losses = head.mask_losses(head(decoded, features), target)
    torch.testing.assert_close(losses['loss_mask'], mask_losses['loss_mask'])
    _, attentions = head.refine(decoded, features)
    torch.testing.assert_close(losses['loss_ila'], 0.5 * literal_ila(attentions, target))


def test_attention_on_the_object_costs_less():
    head = make_head()
    target = torch.zeros(1, 4, 10, dtype=torch.long)
    target[:, :2, :4] = 1
    on_it = torch.full((1, 2, 5), -4.)
    on_it[:, 0, :2] = 4.
    assert head.ila_loss([on_it], target) < 0.05 < 1 < head.ila_loss([-on_it], target)
    assert head.ila_loss([on_it], torch.full_like(target, 255)) == 0


@pytest.mark.parametrize('ila_weight', [0., 1.])
def test_gradient_to_every_parameter(ila_weight):
    head = make_head(ila_weight=ila_weight)
    losses = head.loss(torch.randn(3, 6, 2, 5), make_features(), torch.randint(0, 2, (3, 8, 20)))
    assert ('loss_ila' in losses) == (ila_weight > 0)
    sum(losses.values()).backward()
    for name, value in head.named_parameters():
        assert value.grad is not None, name
        # The softmax over pixels does not see what all pixels share: without the attention loss this bias is idle.
        if ila_weight or 'collect_key.bias' not in name:
            assert value.grad.abs().sum() > 0, name


def test_switches():
    count = {options: sum(value.numel() for value in make_head(**dict(options)).parameters())
             for options in [(), (('num_steps', 3), ), (('num_groups', 1), )]}
    assert count[('num_steps', 3), ] - count[()] == 6 * (5 + 1) + 3 * 6 * (2 + 1) + 2 * 6
    assert count[('num_groups', 1), ] - count[()] == 2 * 3 * 6 * (6 - 2)
    assert isinstance(make_head(norm_cfg=dict(type='SyncBN')).steps[1].norm, torch.nn.SyncBatchNorm)


@pytest.mark.parametrize('options,message', [
    (dict(num_steps=0), 'decode_head.num_steps is 0, expected 1 or more'),
    (dict(num_groups=4), 'decode_head.num_groups is 4, expected a divisor of in_channels 6'),
    (dict(num_groups=0), 'decode_head.num_groups is 0'),
    (dict(ila_weight=-1.), 'decode_head.ila_weight is -1.0, expected 0'),
])
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        CGAHead(**{**dict(in_channels=6, text_channels=5), **options})


def test_words_that_do_not_fit():
    with pytest.raises(ValueError, match='decode_head.text_channels is 5, but the text encoder gives words of 7'):
        make_head()(torch.randn(3, 6, 2, 5), make_features(channels=7))


def test_cost_on_sadlrs_hosts():
    """SADLR's Table 3: CGA adds 10.0 to 10.1 G to its hosts, whose own classifier is in both."""
    from torch.utils.flop_counter import FlopCounterMode
    head_cfg = dict(Config.fromfile(ROOT / 'configs/cgan/lavt_swinb_refcoco.py').model.decode_head)
    with torch.device('meta'):
        head = MODELS.build(head_cfg).eval()
        words = torch.zeros(1, 20, 768)
        text = TextFeatures(words, torch.ones(1, 20, dtype=torch.bool), words[:, 0])
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            head(torch.zeros(1, 512, 120, 120), MultiModalFeatures((), text))
    macs = counter.get_total_flops() / 2e9 - 512 * 2 * 120 * 120 / 1e9
    assert macs == pytest.approx(10.3, abs=0.05)
