"""CEFNet's fusion equals its formulas, written out cell by cell."""

import torch
from fusion_inputs import (
    assert_grouped_equals_single,
    batch_norm,
    conv_norm_relu,
    idle_parameters,
    make_text,
    pad_more,
    stir_norms,
)
from literal_tile_concat import literal_tile_concat
from torch.nn.functional import normalize

from mmrefseg.models import ACM, ACMFusion


def literal_pyramid(x, grids):
    """Averages of the cells of grids over one map (C, H, W) -> a list of (C,); the cells of a grid may overlap."""
    height, width = x.shape[1:]
    cells = []
    for side in grids:
        for i in range(side):
            for j in range(side):
                rows = slice(i * height // side, -(-(i + 1) * height // side))
                columns = slice(j * width // side, -(-(j + 1) * width // side))
                cells.append(x[:, rows, columns].mean(dim=(1, 2)))
    return cells


def literal_acm(module, image_map, language_map):
    """Both maps (C, H, W) of one expression -> both, attended."""
    maps = (image_map, language_map)
    queries = [conv_norm_relu(layer, x[None])[0] for layer, x in zip(module.queries, maps)]
    keys = [literal_pyramid(conv_norm_relu(layer, x[None])[0], module.grids) for layer, x in zip(module.keys, maps)]
    values = [literal_pyramid(layer(x[None])[0], module.grids) for layer, x in zip(module.values, maps)]
    outs = []
    for value, out in zip(values, module.outs):
        gathered = torch.zeros(len(value[0]), *image_map.shape[1:])
        for i in range(image_map.shape[1]):
            for j in range(image_map.shape[2]):
                scores = torch.stack([sum(q[:, i, j] @ k[n] for q, k in zip(queries, keys)) for n in range(len(value))])
                weights = (scores / len(queries[0])**0.5).softmax(0)
                gathered[:, i, j] = sum(weight * v for weight, v in zip(weights, value))
        outs.append(out(gathered[None])[0])
    return outs


def test_co_attention_equals_the_formula():
    torch.manual_seed(0)
    module = stir_norms(ACM(channels=6, key_channels=4, grids=(1, 2, 3)))
    maps = torch.randn(2, 2, 6, 3, 5)
    out = module(*maps)
    for row in range(2):
        for each, expected in zip(out, literal_acm(module, maps[0, row], maps[1, row])):
            torch.testing.assert_close(each[row], expected, atol=1e-5, rtol=1e-4)


def make_fusion():
    torch.manual_seed(1)
    return stir_norms(ACMFusion(in_channels=[4, 6], text_channels=5, channels=8))


def make_inputs():
    torch.manual_seed(0)
    maps = (torch.randn(2, 4, 6, 8), torch.randn(2, 6, 3, 4))
    return maps, make_text([4, 2, 1], 5), torch.tensor([0, 0, 1])


def literal_fusion(fusion, image_map, words, sentence):
    """One image (C, H, W), the real words (L, C_t) and the sentence of one expression."""
    def project(layer, rows):  # (L, C_t) -> (L, C)
        return normalize(batch_norm(layer.norm, layer.linear(rows)).relu(), dim=1)

    def unit(x):  # (C, H, W) of unit length over channels
        return normalize(x, dim=0)

    reduced = unit(conv_norm_relu(fusion.reduce, image_map[None])[0])
    joint = unit(literal_tile_concat(fusion.tile_concat, reduced, project(fusion.sentence, sentence[None])[0]))
    words, query = project(fusion.words, words), fusion.query(joint[None])[0]
    language = torch.zeros_like(joint)
    for i in range(joint.shape[1]):
        for j in range(joint.shape[2]):
            weights = (words @ query[:, i, j]).softmax(0)
            language[:, i, j] = weights @ words
    attended = unit(torch.cat(literal_acm(fusion.co_attention, joint, language)))
    return unit(image_map) + unit(conv_norm_relu(fusion.expand, attended[None])[0])


def test_fusion_equals_the_formula():
    maps, text, image_index = make_inputs()
    fusion = make_fusion()
    features = fusion(maps, text, image_index)
    assert features.text is text and torch.equal(features.maps[0], maps[0][image_index])
    for row, image in enumerate(image_index):
        expected = literal_fusion(fusion, maps[1][image], text.words[row][text.mask[row]], text.sentence[row])
        torch.testing.assert_close(features.maps[1][row], expected, atol=1e-5, rtol=1e-4)


def test_grouped_equals_single_and_padding_is_nothing():
    maps, text, image_index = make_inputs()
    fusion = make_fusion()
    assert_grouped_equals_single(fusion, maps, text, image_index)
    for mode in (False, True):
        fusion.train(mode)
        for norm in fusion.modules():
            if hasattr(norm, 'momentum'):
                norm.momentum = 0.
        torch.testing.assert_close(
            fusion(maps, pad_more(text), image_index).maps[1], fusion(maps, text, image_index).maps[1])


def test_every_parameter_gets_a_gradient():
    maps, text, image_index = make_inputs()
    fusion = make_fusion().train()
    weights = torch.randn(3, 6, 3, 4)  # the squares of unit vectors add up to a constant
    assert idle_parameters(fusion, (weights * fusion(maps, text, image_index).maps[1]).sum()) == []
