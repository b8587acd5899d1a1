"""Deformable attention against a literal loop over heads, levels and points."""


import pytest
import torch
from literal_deformable import literal
from mmcv.ops import multi_scale_deform_attn as mmcv_operator
from torch import nn

from mmrefseg.models.utils import DeformableAttention, PixelLevels, deformable_attention, read_values

SIZES = [(2, 3), (4, 5)]
PIXELS = sum(height * width for height, width in SIZES)


def make(channels=8, heads=2, points=2):
    torch.manual_seed(0)
    layer = DeformableAttention(channels, len(SIZES), heads, points).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0, 0.4)
    pixels, positions = torch.randn(2, PIXELS, channels).double(), torch.randn(1, PIXELS, channels).double()
    return layer, pixels.requires_grad_(), positions.requires_grad_(), torch.rand(PIXELS, 2).double()


def test_equals_the_loop_with_gradients():
    layer, pixels, positions, places = make()
    ours = layer(pixels, positions, places, SIZES)
    theirs = literal(layer, pixels, positions, places, SIZES)
    torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=1e-9)
    inputs = [pixels, positions, *layer.parameters()]
    weight = torch.randn_like(ours)
    for own, other in zip(torch.autograd.grad((ours * weight).sum(), inputs),
                          torch.autograd.grad((theirs * weight).sum(), inputs)):
        torch.testing.assert_close(own, other, atol=1e-9, rtol=1e-8)


def test_starts_with_a_direction_a_head():
    layer = DeformableAttention(8, 2, num_heads=4, num_points=3)
    offsets = layer.sampling_offsets.bias.view(4, 2, 3, 2)
    for head, direction in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        for point in range(3):
            expected = torch.tensor(direction) * (point + 1.)
            torch.testing.assert_close(offsets[head, :, point], expected.expand(2, 2), atol=1e-5, rtol=0)
    assert not layer.sampling_offsets.weight.any() and not layer.attention_weights.weight.any()


def test_single_precision_inside_autocast(monkeypatch):
    layer, pixels, positions, places = make()
    layer, pixels, positions = layer.float(), pixels.detach().float(), positions.detach().float()
    seen = []
    monkeypatch.setattr(deformable_attention, 'read_values',
                        lambda values, sizes, where, weights: seen.extend((values, where, weights)) or read_values(
                            values, sizes, where, weights))
    expected = layer(pixels, positions, places, SIZES)
    with torch.autocast('cpu', torch.bfloat16):
        half = layer(pixels, positions, places, SIZES)
    assert {tensor.dtype for tensor in seen} == {torch.float32}
    torch.testing.assert_close(seen[1], seen[4], atol=1e-6, rtol=1e-5)  # places are not rounded
    torch.testing.assert_close(half.float(), expected, atol=0.05, rtol=0.05)
    # Weights kept in half precision, as for inference: rounded once, and still multiplied in single.
    for part in layer.modules():
        if isinstance(part, nn.Linear):
            part.to(torch.bfloat16)
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(
            layer(pixels, positions, places, SIZES).float(), expected, atol=0.1, rtol=0.1)


def test_the_compiled_operator_is_called_where_there_is_one(monkeypatch):
    calls = []

    class Compiled:
        """Stands in for mmcv's, which only a GPU with the full mmcv has."""

        @staticmethod
        def apply(values, shapes, starts, where, weights, step):
            calls.append((shapes.tolist(), starts.tolist(), step))
            return mmcv_operator.multi_scale_deformable_attn_pytorch(values, shapes.tolist(), where, weights)

    class OnGPU(torch.Tensor):
        is_cuda = True

    monkeypatch.setattr(mmcv_operator, 'MultiScaleDeformableAttnFunction', Compiled)
    values = torch.randn(3, PIXELS, 2, 4)
    where, weights = torch.rand(3, 5, 2, 2, 2, 2), torch.rand(3, 5, 2, 2, 2)
    plain = read_values(values, SIZES, where, weights)
    torch.testing.assert_close(
        plain, mmcv_operator.multi_scale_deformable_attn_pytorch(values, SIZES, where, weights))
    as_gpu = values.as_subclass(OnGPU)
    read_values(as_gpu, SIZES, where, weights)
    assert calls == []  # mmcv-lite has none
    monkeypatch.setattr(mmcv_operator, 'ext_module', object())
    torch.testing.assert_close(read_values(as_gpu, SIZES, where, weights).as_subclass(torch.Tensor), plain)
    assert calls == [([[2, 3], [4, 5]], [0, 6], 3)]


def test_pixels_of_other_maps_are_refused():
    layer, pixels, positions, places = make()
    with pytest.raises(ValueError, match=r'maps of \[\(2, 3\)\] and 26 pixels, expected 2 maps'):
        layer(pixels, positions, places, SIZES[:1])
    with pytest.raises(ValueError, match='channels 9 is no multiple of num_heads 2'):
        DeformableAttention(9, 2, 2)


def test_levels_go_to_a_sequence_and_back():
    torch.manual_seed(0)
    levels = PixelLevels([3, 4, 6], channels=8, norm_cfg=dict(type='GN', num_groups=2))
    maps = [torch.randn(2, 3, 8, 6), torch.randn(2, 4, 4, 3), torch.randn(2, 6, 2, 2)]
    finest, sequence = levels(maps)
    assert finest.shape == (2, 8, 8, 6) and sequence.sizes == [(2, 2), (4, 3)]
    coarse, middle = sequence.maps()
    torch.testing.assert_close(coarse, levels.coarser[0](maps[2]))
    torch.testing.assert_close(middle, levels.coarser[1](maps[1]))
    # x and y of the centres, the coarsest map's first
    expected = [((column + 0.5) / 2, (row + 0.5) / 2) for row in range(2) for column in range(2)]
    torch.testing.assert_close(sequence.places[:4], torch.tensor(expected))
    torch.testing.assert_close(sequence.places[4 + 5], torch.tensor([2.5 / 3, 1.5 / 4]))
    position = levels.position(None, maps[1])[0, :, 1, 2] + levels.level_embedding.weight[1]
    torch.testing.assert_close(sequence.positions[0, 4 + 5], position)
    with pytest.raises(ValueError, match='in_channels names 3 levels, but 2 maps'):
        levels(maps[:2])
    with pytest.raises(ValueError, match='expected two levels or more'):
        PixelLevels([3])
    with pytest.raises(ValueError, match='expected a multiple of 4'):
        PixelLevels([3, 4], channels=6)
