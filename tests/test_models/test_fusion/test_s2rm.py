"""S2RM's three steps equal the paper's equations, with H other than W."""

import plain_s2rm
import pytest
import torch
from fusion_inputs import (
    assert_grouped_equals_single,
    conv_norm_relu,
    idle_parameters,
    make_text,
    pad_more,
    stir_norms,
)
from literal_tile_concat import literal_tile_concat
from torch.nn.functional import layer_norm

from mmrefseg.models import S2RM, S2RMBalancing, S2RMCoparsing, S2RMDistribution

HEIGHT, WIDTH, CHANNELS, TEXT_CHANNELS = 3, 4, 6, 5


def make_inputs(lengths=(4, 2, 1)):
    torch.manual_seed(0)
    maps = (torch.randn(2, 4, 2 * HEIGHT, 2 * WIDTH), torch.randn(2, CHANNELS, HEIGHT, WIDTH))
    return maps, make_text(list(lengths), TEXT_CHANNELS), torch.tensor([0, 0, 1])


def make_s2rm(**options):
    torch.manual_seed(1)
    return stir_norms(S2RM(
        in_channels=[4, CHANNELS], text_channels=TEXT_CHANNELS, feature_size=(HEIGHT, WIDTH), **options))


def linear_norm_relu(layers, x):
    linear, norm, _ = layers
    return layer_norm(x @ linear.weight.T + linear.bias, norm.normalized_shape, norm.weight, norm.bias).relu()


def literal_distribution(module, image_map, words, sentence):
    """Eqs. 1 to 4 for one image (C, H, W) and the real words (L, C_t) of one expression, cell by cell."""
    query = literal_tile_concat(module.query, image_map, sentence)
    key, value = linear_norm_relu(module.key, words), linear_norm_relu(module.value, words)
    out = torch.zeros_like(image_map)
    for i in range(image_map.shape[1]):
        for j in range(image_map.shape[2]):
            weights = (torch.stack([query[:, i, j] @ k for k in key]) / len(out)**0.5).softmax(0)
            out[:, i, j] = sum(weight * v for weight, v in zip(weights, value))
    return out


def literal_s2rm(fusion, image_map, words, sentence):
    """The whole of S2RM for one image and one expression, step by step."""
    language_map = literal_distribution(fusion.distribute, image_map, words, sentence)
    parsed = plain_s2rm.coparse(image_map[None], language_map[None], shift=True)
    weigh = fusion.balance.weigh
    planes = torch.nn.functional.conv2d(torch.cat(parsed, dim=1), weigh.weight[:, :, None, None], weigh.bias)  # Conv
    weights = planes.mean(dim=(2, 3)).sigmoid()[0]  # Sig(AvgP())
    balanced = torch.cat([weight * each for weight, each in zip(weights, parsed)], dim=1)
    return image_map + conv_norm_relu(fusion.compress, balanced)[0]


def test_distribution_equals_the_formula():
    maps, text, image_index = make_inputs()
    module = stir_norms(S2RMDistribution(CHANNELS, TEXT_CHANNELS))
    out = module(maps[1], text, image_index)
    for row, image in enumerate(image_index):
        expected = literal_distribution(
            module, maps[1][image], text.words[row][text.mask[row]], text.sentence[row])
        torch.testing.assert_close(out[row], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('shift', [True, False])
@pytest.mark.parametrize('size', [(3, 4), (5, 2), (1, 3)])
def test_coparsing_equals_the_rolled_copies(size, shift):
    torch.manual_seed(0)
    image_map, language_map = torch.randn(2, 2, CHANNELS, *size).unbind()
    module = S2RMCoparsing(size, shift=shift)
    parsed = module(image_map, language_map)
    expected = plain_s2rm.coparse(image_map, language_map, shift)
    assert len(parsed) == len(expected) == 4
    assert tuple(each.shape[1] for each in parsed) == module.out_channels
    for each, literal in zip(parsed, expected):
        torch.testing.assert_close(each, literal, atol=1e-5, rtol=1e-4)


def test_coparsing_cell_by_cell():
    """Which cells meet, by the text of the paper: slice i lies at (i + step) mod the number of slices."""
    torch.manual_seed(0)
    visual, language = torch.randn(2, CHANNELS, HEIGHT, WIDTH).unbind()
    by_columns, by_rows, by_columns_back, by_rows_back = (
        each[0] for each in S2RMCoparsing((HEIGHT, WIDTH))(visual[None], language[None]))
    for i in range(HEIGHT):
        for j in range(WIDTH):
            for h in range(HEIGHT):
                for w in range(WIDTH):
                    # what stands in row (h + step) mod H after `step` shifts was in row h
                    step = (i - h) % HEIGHT
                    met = (step * WIDTH + w, i, j)
                    torch.testing.assert_close(by_columns[met], visual[:, i, j] @ language[:, h, w])
                    torch.testing.assert_close(by_columns_back[met], language[:, i, j] @ visual[:, h, w])
                    step = (j - w) % WIDTH
                    met = (step * HEIGHT + h, i, j)
                    torch.testing.assert_close(by_rows[met], visual[:, i, j] @ language[:, h, w])
                    torch.testing.assert_close(by_rows_back[met], language[:, i, j] @ visual[:, h, w])


def test_coparsing_gradient_equals_the_rolled_copies():
    torch.manual_seed(0)
    inputs = torch.randn(2, 2, CHANNELS, HEIGHT, WIDTH, requires_grad=True)
    weights = torch.randn(4, 2, HEIGHT * WIDTH, HEIGHT, WIDTH)
    gradients = []
    for coparse in (S2RMCoparsing((HEIGHT, WIDTH)), plain_s2rm.coparse):
        total = sum((weight * each).sum() for weight, each in zip(weights, coparse(*inputs)))
        gradients.append(torch.autograd.grad(total, inputs)[0])
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


def test_balancing_weighs_each_map():
    torch.manual_seed(0)
    module = S2RMBalancing([3, 2])
    maps = torch.randn(2, 3, HEIGHT, WIDTH), torch.randn(2, 2, HEIGHT, WIDTH)
    weigh = module.weigh
    for row, balanced in enumerate(module(maps)):
        joined = torch.cat([each[row] for each in maps])
        for m, part in enumerate(balanced.split([3, 2])):
            plane = sum(w * channel for w, channel in zip(weigh.weight[m], joined)) + weigh.bias[m]
            torch.testing.assert_close(part, maps[m][row] * plane.mean().sigmoid())


def test_equals_the_formula():
    maps, text, image_index = make_inputs()
    fusion = make_s2rm()
    features = fusion(maps, text, image_index)
    assert features.text is text and torch.equal(features.maps[0], maps[0][image_index])
    for row, image in enumerate(image_index):
        expected = literal_s2rm(fusion, maps[1][image], text.words[row][text.mask[row]], text.sentence[row])
        torch.testing.assert_close(features.maps[1][row], expected, atol=1e-5, rtol=1e-4)


def test_grouped_equals_single_and_padding_is_nothing():
    maps, text, image_index = make_inputs()
    fusion = make_s2rm()
    assert_grouped_equals_single(fusion, maps, text, image_index)
    torch.testing.assert_close(
        fusion(maps, pad_more(text), image_index).maps[1], fusion(maps, text, image_index).maps[1])


SWITCHES = {  # Table IV, what each leaves of the compressing layer's input
    'full': (dict(), 4 * HEIGHT * WIDTH),
    '-shift-l2v': (dict(shift=False, directions=['v2l']), HEIGHT + WIDTH),
    '-shift-v2l': (dict(shift=False, directions=['l2v']), HEIGHT + WIDTH),
    '-shift': (dict(shift=False), 2 * (HEIGHT + WIDTH)),
    '-l2v': (dict(directions=['v2l']), 2 * HEIGHT * WIDTH),
    '-v2l': (dict(directions=['l2v']), 2 * HEIGHT * WIDTH),
    '-balance': (dict(balance=False), 4 * HEIGHT * WIDTH),
}


@pytest.mark.parametrize('name', SWITCHES)
def test_switches(name):
    options, width = SWITCHES[name]
    maps, text, image_index = make_inputs()
    fusion = make_s2rm(**options)
    assert fusion.compress.conv.in_channels == width
    parsed = []
    fusion.compress.register_forward_hook(lambda module, args, out: parsed.append(args[0]))
    fused = fusion(maps, text, image_index).maps[1]
    image_map = maps[1][image_index]
    shift, directions = options.get('shift', True), options.get('directions', ['l2v', 'v2l'])
    l2v_maps, v2l_maps = (plain_s2rm.coparse(
        image_map, fusion.distribute(maps[1], text, image_index), shift)[i:i + 2] for i in (0, 2))
    expected = (l2v_maps if 'l2v' in directions else []) + (v2l_maps if 'v2l' in directions else [])
    assert (fusion.balance is None) == ('balance' in options)
    expected = torch.cat(expected, dim=1) if fusion.balance is None else fusion.balance(expected)
    torch.testing.assert_close(parsed[0], expected, atol=1e-5, rtol=1e-4)
    fusion.train()
    assert idle_parameters(fusion, fusion(maps, text, image_index).maps[1].square().sum()) == []
    assert fused.shape == image_map.shape


@pytest.mark.parametrize('directions', [[], ['l2v', 'l2v'], ['v2l', 'x']])
def test_wrong_directions(directions):
    with pytest.raises(ValueError, match="fusion.directions is .*, expected 'l2v', 'v2l' or both"):
        make_s2rm(directions=directions)


def test_wrong_sizes():
    maps, text, image_index = make_inputs()
    fusion = make_s2rm()
    with pytest.raises(ValueError, match=r'fusion.feature_size is \(3, 4\), but the last level has the size \(4, 3\)'):
        fusion((maps[0], maps[1].transpose(2, 3)), text, image_index)
    with pytest.raises(ValueError, match='hands over 1 levels, but fusion.in_channels names 2'):
        fusion(maps[1:], text, image_index)


def test_the_image_is_projected_once():
    """What Eq. 1 makes of V_4 alone runs on one row an image."""
    maps, text, image_index = make_inputs()
    fusion = make_s2rm()
    rows = []
    conv2d = torch.nn.functional.conv2d

    def count_rows(x, *args, **kwargs):
        rows.append(len(x))
        return conv2d(x, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, 'conv2d', count_rows)
        fusion.distribute(maps[1], text, image_index)
    assert rows == [2, 1]  # the images, the coordinates
