"""SADLRHead against the paper's formulas, written out an expression and a pixel at a time."""

import pytest
import torch

from mmrefseg.engine import use_half_precision
from mmrefseg.models.decode_heads import MaskHead, SADLRHead, dynamic_convolution, sadlr_head
from mmrefseg.models.decode_heads.dynamic_convolution import KernelGenerator
from mmrefseg.models.decode_heads.sadlr_head import binary_mask, pool_object
from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, TextFeatures

N, C, TEXT, H, W = 3, 8, 6, 5, 7


@pytest.fixture
def features():
    torch.manual_seed(0)
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]).bool()
    # Padding that is not zero must not matter.
    text = TextFeatures(torch.randn(N, 4, TEXT), mask, torch.randn(N, TEXT))
    return MultiModalFeatures((), text)


@pytest.fixture
def decoded():
    torch.manual_seed(1)
    return torch.randn(N, C, H, W, requires_grad=True)


@pytest.fixture
def target():
    torch.manual_seed(2)
    target = (torch.rand(N, 2 * H, 2 * W) > 0.6).long()
    target[0, -3:] = 255
    return target


def make_head(**options):
    torch.manual_seed(3)
    options = dict(dict(dynamic_channels=[4, C], loss_decode=dict(type='RefDiceLoss')), **options)
    head = SADLRHead(in_channels=C, text_channels=TEXT, **options)
    for norm in head.dynamic_convolution.norms if head.num_iterations else ():
        torch.nn.init.normal_(norm.weight, mean=1, std=0.3)
        torch.nn.init.normal_(norm.bias)
    return head


def layer_norm(values, norm):
    """One pixel's (C,) values, normalized by hand."""
    mean = sum(values) / len(values)
    variance = sum((value - mean)**2 for value in values) / len(values)
    return torch.stack([
        (value - mean) / (variance + norm.eps)**0.5 * weight + bias
        for value, weight, bias in zip(values, norm.weight, norm.bias)
    ])


def literal(head, decoded, features):
    """Section 3, one expression and one pixel at a time -> scores[n][i] (K, H, W)."""
    all_scores = []
    for n in range(len(decoded)):
        words = [features.text.words[n, i] for i in range(features.text.mask.shape[1]) if features.text.mask[n, i]]
        query = head.sentence_query.weight @ (sum(words) / len(words)) + head.sentence_query.bias  # Q_1 = S
        of_expression = []
        for iteration in range(head.num_iterations):
            if iteration > 0:
                with torch.no_grad():
                    mask = of_expression[-1].argmax(0)  # M_{i-1}
                inside = [decoded[n, :, y, x] for y in range(H) for x in range(W) if mask[y, x] == 1]
                pooled = sum(inside) / len(inside) if inside else torch.zeros(C)  # Eq. 1
                query = query + pooled if head.query_update == 'sum' else pooled  # Eq. 2
            scores = torch.zeros(head.num_classes, H, W)
            kernels, width = [], C
            for linear in head.dynamic_convolution.kernels:
                kernels.append((linear.weight.T @ query + linear.bias).reshape(width, -1))  # K_i, then K'_i
                width = kernels[-1].shape[1]
            for y in range(H):
                for x in range(W):
                    z = decoded[n, :, y, x]
                    for kernel, norm in zip(kernels, head.dynamic_convolution.norms):
                        z = layer_norm(kernel.T @ z, norm).clamp(min=0)
                    scores[:, y, x] = head.classifier.weight[:, :, 0, 0] @ z + head.classifier.bias  # R_i
            of_expression.append(scores)
        all_scores.append(of_expression)
    return all_scores


@pytest.mark.parametrize('query_update', ['sum', 'replace'])
@pytest.mark.parametrize('channels', [[4], [C], [4, 6], [4, C], [4, C, 4, C]])
def test_equals_the_formulas(channels, query_update, decoded, features):
    head = make_head(dynamic_channels=channels, query_update=query_update)
    with torch.no_grad():  # half of the pixels are object
        background, obj = head.iterate(decoded, features)[0].unbind(1)
        head.classifier.bias[0] += (obj - background).mean()
    expected = literal(head, decoded, features)
    scores = head.iterate(decoded, features)
    for n in range(N):
        for iteration in range(3):
            torch.testing.assert_close(scores[iteration][n], expected[n][iteration], atol=1e-5, rtol=1e-5)
    assert torch.equal(head(decoded, features), scores[-1])
    assert 0.1 < binary_mask(scores[0]).float().mean() < 0.9, 'this test should pool some pixels, not all'


@pytest.mark.parametrize('at_once', [1, 4, 10_000])
@pytest.mark.parametrize('rows', [1, N])
def test_some_pixels_at_a_time_are_all_pixels(rows, at_once, decoded, features, monkeypatch):
    """Inference on a CPU, against what training computes in one piece."""
    head = make_head()
    monkeypatch.setattr(sadlr_head, 'PIXELS_AT_ONCE', at_once)
    text = features.text
    features = MultiModalFeatures((), TextFeatures(text.words[:rows], text.mask[:rows], text.sentence[:rows]))
    with torch.no_grad():
        found = head.iterate(decoded[:rows], features)
    for scores, expected in zip(found, head.iterate(decoded[:rows], features)):
        torch.testing.assert_close(scores, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('reorders', [True, False])
@pytest.mark.parametrize('rows', [1, N])
def test_kernels_in_bfloat16(rows, reorders, monkeypatch):
    """Another layout in memory and another product for one query: the numbers and the shapes are the same."""
    monkeypatch.setattr(dynamic_convolution, 'REORDERS_FOR_A_ROW', reorders)
    torch.manual_seed(4)
    generate = KernelGenerator(C, 4, 6).eval()
    query, expected = torch.randn(rows, C), generate.weight.detach().bfloat16()
    use_half_precision(generate, torch.bfloat16)
    assert torch.equal(generate.weight, expected)
    assert generate.weight.stride() == (1, C)
    kernels = (query.bfloat16().double() @ expected.double() + generate.bias.double()).unflatten(1, (4, 6))
    with torch.no_grad():
        torch.testing.assert_close(generate(query).double(), kernels, atol=2e-2, rtol=2e-2)


def dice(probability, truth, eps=1e-3):
    overlap = sum(p * t for p, t in zip(probability, truth))
    total = sum(p**2 for p in probability) + sum(t**2 for t in truth)
    return 1 - (2 * overlap + eps) / (total + eps)


def test_loss_and_gradients_equal_the_formulas(decoded, features, target):
    """Eq. 3 with the Dice of both classes averaged, and the gradient of Y and of every parameter."""
    head = make_head()
    total = 0
    for n, of_expression in enumerate(literal(head, decoded, features)):
        valid = target[n].flatten() != 255
        for scores, weight in zip(of_expression, (0.15, 0.15, 0.7)):
            upsampled = torch.nn.functional.interpolate(
                scores[None], size=target.shape[1:], mode='bilinear', align_corners=False)[0]
            probability = upsampled.softmax(0).flatten(1)[:, valid]
            truth = target[n].flatten()[valid]
            both = dice(probability[1], truth.float()) + dice(probability[0], 1. - truth)
            total = total + weight * both / 2 / N
    losses = head.loss(decoded, features, target)
    assert sorted(losses) == ['loss_dice_1', 'loss_dice_2', 'loss_dice_3']
    torch.testing.assert_close(sum(losses.values()), total)
    wanted = [decoded, *head.parameters()]
    for expected, found in zip(torch.autograd.grad(total, wanted), torch.autograd.grad(sum(losses.values()), wanted)):
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-3)
        assert found.abs().sum() > 0


@pytest.mark.parametrize('num_classes', [1, 2])
def test_empty_masks_pool_to_zero(num_classes, decoded, features, target):
    head = make_head(num_classes=num_classes)
    with torch.no_grad():  # background wherever one looks
        head.classifier.weight.zero_()
        head.classifier.bias.copy_(torch.tensor([-1.] if num_classes == 1 else [1., -1.]))
    scores = head.iterate(decoded, features)
    assert all(torch.equal(each, scores[0]) for each in scores)
    losses = head.loss(decoded, features, target)
    sum(losses.values()).backward()
    assert all(value.grad.isfinite().all() for value in head.parameters())
    assert torch.equal(pool_object(torch.zeros(N, H, W).bool(), torch.randn(N, H * W, C)), torch.zeros(N, C))


def test_no_iterations_are_the_host(decoded, features, target):
    head = make_head(num_iterations=0)
    host = MaskHead(in_channels=C, loss_decode=dict(type='RefDiceLoss'))
    host.load_state_dict(head.state_dict())
    assert torch.equal(head(decoded, features), host(decoded, features))
    assert head.loss(decoded, features, target) == host.loss(decoded, features, target)


def test_one_more_iteration_shares_the_parameters(decoded, features):
    three, four = make_head(), make_head(num_iterations=4, loss_weights=[0.1, 0.1, 0.1, 0.7])
    four.load_state_dict(three.state_dict())
    for a, b in zip(three.iterate(decoded, features), four.iterate(decoded, features)):
        assert torch.equal(a, b)


def test_padding_changes_nothing(decoded, features):
    head = make_head()
    before = head(decoded, features)
    features.text.words[~features.text.mask] = 1e3
    torch.testing.assert_close(head(decoded, features), before)


@pytest.mark.parametrize('options, message', [
    (dict(query_update='mean'), "query_update is 'mean'"),
    (dict(num_iterations=2), 'loss_weights has 3 weights .* for 2 iterations'),
    (dict(dynamic_channels=[]), 'channels is empty'),
])
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_is_registered():
    assert MODELS.get('SADLRHead') is SADLRHead
