"""Tile & concat, and the coordinates that go with it."""

import pytest
import torch
from fusion_inputs import assert_grouped_equals_single, idle_parameters, make_text, stir_norms
from literal_tile_concat import literal_tile_concat

from mmrefseg.models import TileConcat, TileConcatFusion
from mmrefseg.models.utils import coordinate_map


def test_coordinates():
    place = coordinate_map(2, 4)
    assert place.shape == (8, 2, 4)
    # second row, third column of four: x from 0 to 0.5, y from 0 to 1
    assert place[:, 1, 2].tolist() == [0, 0, 0.5, 1, 0.25, 0.5, 0.25, 0.5]
    assert place[:2, 0, 0].tolist() == [-1, -1] and place[2:4, -1, -1].tolist() == [1, 1]


def test_equals_the_formula():
    torch.manual_seed(0)
    module = stir_norms(TileConcat(image_channels=6, text_channels=5, out_channels=7))
    image_map, sentence = torch.randn(2, 6, 3, 4), torch.randn(3, 5)
    image_index = torch.tensor([1, 0, 1])
    out = module(image_map, sentence, image_index)
    for row, image in enumerate(image_index):
        expected = literal_tile_concat(module, image_map[image], sentence[row])
        torch.testing.assert_close(out[row], expected, atol=1e-5, rtol=1e-4)


def test_fusion_of_the_last_level():
    torch.manual_seed(0)
    fusion = stir_norms(TileConcatFusion(in_channels=[4, 6], text_channels=5))
    maps, text = (torch.randn(2, 4, 6, 8), torch.randn(2, 6, 3, 4)), make_text([4, 2, 1], 5)
    image_index = torch.tensor([0, 0, 1])
    features = fusion(maps, text, image_index)
    assert features.text is text and torch.equal(features.maps[0], maps[0][image_index])
    torch.testing.assert_close(features.maps[1], fusion.tile_concat(maps[1], text.sentence, image_index))
    assert_grouped_equals_single(fusion, maps, text, image_index)
    fusion.train()
    assert idle_parameters(fusion, fusion(maps, text, image_index).maps[1].square().sum()) == []


def test_number_of_levels():
    fusion = TileConcatFusion(in_channels=[4, 6], text_channels=5)
    with pytest.raises(ValueError, match='hands over 1 levels, but fusion.in_channels names 2'):
        fusion([torch.zeros(1, 6, 3, 4)], make_text([2], 5))
