"""M3Att equals Eqs. 1 and 2 of its paper, written out word by word and pixel by pixel."""

import pytest
import torch
from m3_features import idle_parameters, literal_linear, make_text, used, with_longer_padding

from mmrefseg.models import M3Att

SIZE = (3, 5)
CHANNELS = 8


def literal_m3att(module, words, image_map):
    """The real words (L, C) of one expression and its image (C, H, W)."""
    pixels = image_map.flatten(1).T  # (HW, C)
    word_key, word_value = ([literal_linear(layer, word) for word in words]
                            for layer in (module.word_key, module.word_value))
    pixel_key, pixel_value = ([literal_linear(layer, pixel) for pixel in pixels]
                              for layer in (module.pixel_key, module.pixel_value))

    def scores(of_words, of_pixels):  # A_mut, Eq. 1
        return torch.stack([torch.stack([w @ p / CHANNELS**0.5 for p in of_pixels]) for w in of_words])

    mutual = scores(word_key, pixel_key)
    other = mutual
    if module.independent:
        other = scores([literal_linear(module.word_key_val, word) for word in words],
                       [literal_linear(module.pixel_key_val, pixel) for pixel in pixels])
    vision = [sum(weight * value for weight, value in zip(row.softmax(0), pixel_value)) for row in mutual]  # Eq. 2a
    language = [sum(weight * value for weight, value in zip(column.softmax(0), word_value)) for column in other.T]
    fused = torch.stack([torch.stack([v @ at_pixel for at_pixel in language]) for v in vision])  # F_mul (L, HW)
    return torch.stack([literal_linear(module.out, row) for row in fused])


@pytest.mark.parametrize('independent', [False, True])
def test_equals_the_formula(independent):
    torch.manual_seed(0)
    module = used(M3Att(CHANNELS, SIZE, independent=independent))
    text = make_text(CHANNELS)
    images = torch.randn(2, CHANNELS, *SIZE)
    image_index = torch.tensor([0, 0, 1])
    fused = module(text.words, images, text.mask, image_index)
    for row, image in enumerate(image_index):
        expected = literal_m3att(module, text.words[row][text.mask[row]], images[image])
        torch.testing.assert_close(fused[row][text.mask[row]], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('noise', [0., 3.])
def test_padding_changes_nothing(training, noise):
    torch.manual_seed(0)
    module = used(M3Att(CHANNELS, SIZE)).train(training)
    text, images = make_text(CHANNELS), torch.randn(3, CHANNELS, *SIZE)
    longer = with_longer_padding(text, noise=noise)
    fused, padded = (module(each.words, images, each.mask) for each in (text, longer))
    torch.testing.assert_close(padded[longer.mask], fused[text.mask])


@pytest.mark.parametrize('independent', [False, True])
def test_every_parameter_learns(independent):
    torch.manual_seed(0)
    module = M3Att(CHANNELS, SIZE, independent=independent)
    text = make_text(CHANNELS)
    output = module(text.words, torch.randn(3, CHANNELS, *SIZE), text.mask)
    (output * torch.randn_like(output)).sum().backward()
    assert idle_parameters(module) == []


def test_another_size_names_the_config_key():
    text, module = make_text(CHANNELS), M3Att(CHANNELS, SIZE)
    with pytest.raises(ValueError, match=r'fusion.feature_size is \(3, 5\), but the pictures give a map of \(5, 3\)'):
        module(text.words, torch.randn(3, CHANNELS, 5, 3), text.mask)
