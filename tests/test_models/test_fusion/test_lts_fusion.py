"""LTSFusion equals Eqs. 3 and 5 to 7, written out pixel by pixel."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import leaky_relu

from mmrefseg.models import LTSFusion
from mmrefseg.structures import TextFeatures

IN_CHANNELS = [3, 4, 5]
SIZES = [(12, 8), (6, 4), (3, 2)]
FILTER, TRANSFORMER = dict(type='RelevanceFilter'), dict(type='TransformerLocator', hidden_channels=6)


def make_fusion(**kwargs):
    torch.manual_seed(0)
    return LTSFusion(**{**dict(in_channels=IN_CHANNELS, text_channels=7, channels=8, locator=FILTER), **kwargs})


def make_maps(images=2):
    torch.manual_seed(1)
    return tuple(torch.randn(images, channels, *size) for channels, size in zip(IN_CHANNELS, SIZES))


def make_text(lengths=(4, 2, 1), channels=7):
    torch.manual_seed(2)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    words = torch.randn(len(lengths), max(lengths), channels)
    return TextFeatures(words, mask, torch.randn(len(lengths), channels))  # a sentence that is not the mean


def g(x):
    return leaky_relu(x, 0.1)


def weight(projection):
    return projection.conv.weight[:, :, 0, 0]


def literal_fusion(fusion, maps, words):
    """F_m3 of one image, maps (C_i, H_i, W_i), and the real words (L, C_t) of one expression."""
    fine, middle, coarse = maps
    sentence = sum(words) / len(words)

    def each_pixel(image_map, function):
        return torch.stack([torch.stack([function(image_map[:, y, x]) for x in range(image_map.shape[2])])
                            for y in range(image_map.shape[1])]).permute(2, 0, 1)

    def up(image_map):  # a stride of 2 x 2
        return torch.stack([torch.stack([image_map[:, y // 2, x // 2] for x in range(2 * image_map.shape[2])])
                            for y in range(2 * image_map.shape[1])]).permute(2, 0, 1)

    def visual(projection):
        return lambda pixel: g(weight(projection) @ pixel)

    fused = each_pixel(coarse, visual(fusion.coarse_visual))
    if fusion.fuse_text:
        fused = fused * g(weight(fusion.sentence) @ sentence)[:, None, None]
    for fused_projection, visual_projection, image_map in (
            (fusion.middle_fused, fusion.middle_visual, middle), (fusion.fine_fused, fusion.fine_visual, fine)):
        fused = torch.cat([each_pixel(up(fused), visual(fused_projection)),
                           each_pixel(image_map, visual(visual_projection))])
    return fused


@pytest.mark.parametrize('fuse_text', [True, False])
def test_equals_the_formula(fuse_text):
    fusion, maps, text = make_fusion(fuse_text=fuse_text), make_maps(), make_text()
    image_index = torch.tensor([1, 0, 1])
    features = fusion(maps, text, image_index)
    assert features.text is text and features.queries is None and len(features.maps) == 1
    for row, image in enumerate(image_index):
        expected = literal_fusion(fusion, [level[image] for level in maps], text.words[row][text.mask[row]])
        torch.testing.assert_close(features.maps[0][row], expected, atol=1e-5, rtol=1e-4)
        # H_mask = conv(f_text W_k, F_m3), with the same mean of the words
        kernel = fusion.locator.kernels[0].weight @ text.words[row][text.mask[row]].mean(0)
        torch.testing.assert_close(
            features.prior[row, 0], torch.einsum('c,chw->hw', kernel, expected), atol=1e-5, rtol=1e-4)


def test_norm_stands_between_the_matrix_and_g():
    fusion = make_fusion(norm_cfg=dict(type='BN'), locator=None).eval()
    maps, text = make_maps(), make_text((3, 2))
    for norm in (module for module in fusion.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.running_mean)
        torch.nn.init.uniform_(norm.weight)
    plain = make_fusion(locator=None)

    def fold(normed, bare):
        scale = normed.bn.weight / (normed.bn.running_var + normed.bn.eps).sqrt()
        bare.conv.weight.data = normed.conv.weight.data * scale[:, None, None, None]
        bare.conv.bias = torch.nn.Parameter(normed.bn.bias - normed.bn.running_mean * scale)

    for name, module in fusion.named_children():
        fold(module, getattr(plain, name))
    torch.testing.assert_close(fusion(maps, text).maps[0], plain(maps, text).maps[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('locator', [FILTER, dict(FILTER, num_filterings=2, per_word=True), TRANSFORMER])
@pytest.mark.parametrize('fuse_text', [True, False])
def test_a_gradient_reaches_every_parameter(locator, fuse_text):
    fusion = make_fusion(locator=locator, fuse_text=fuse_text)
    features = fusion(make_maps(3), make_text())
    (features.maps[0].square().sum() + features.prior.square().sum()).backward()
    # keys have a bias that softmax cancels: their gradient is there, and 0 up to rounding
    idle = [name for name, value in fusion.named_parameters() if value.grad is None or not value.grad.any()]
    assert idle == []


@pytest.mark.parametrize('locator', [None, FILTER, dict(FILTER, per_word=True), TRANSFORMER])
def test_padding_changes_nothing(locator):
    fusion, maps, text = make_fusion(locator=locator).eval(), make_maps(3), make_text()
    noise = torch.full((3, 2, 7), 1e3)
    longer = TextFeatures(torch.cat([text.words.masked_fill(~text.mask[..., None], -1e3), noise], dim=1),
                          torch.cat([text.mask, torch.zeros(3, 2, dtype=torch.bool)], dim=1), text.sentence)
    before, after = fusion(maps, text), fusion(maps, longer)
    torch.testing.assert_close(before.maps[0], after.maps[0])
    if locator is not None:
        torch.testing.assert_close(before.prior, after.prior)


@pytest.mark.parametrize('locator', [FILTER, TRANSFORMER])
@pytest.mark.parametrize('fuse_text', [True, False])
def test_several_expressions_equal_one_by_one(locator, fuse_text):
    fusion, maps, text = make_fusion(locator=locator, fuse_text=fuse_text).eval(), make_maps(), make_text()
    image_index = torch.tensor([0, 1, 1])
    grouped = fusion(maps, text, image_index)
    for row, image in enumerate(image_index):
        single = fusion([level[image:image + 1] for level in maps], text[row:row + 1])
        torch.testing.assert_close(grouped.maps[0][row], single.maps[0][0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(grouped.prior[row], single.prior[0], atol=1e-5, rtol=1e-4)


def test_what_depends_on_the_image_alone_runs_once_an_image():
    rows = {}
    fusion = make_fusion()
    for name, module in fusion.named_children():
        module.register_forward_hook(lambda module, args, out, name=name: rows.update({name: len(args[0])}))
    fusion(make_maps(1), make_text(), torch.tensor([0, 0, 0]))
    assert rows == dict(coarse_visual=1, middle_visual=1, fine_visual=1, sentence=3, middle_fused=3, fine_fused=3,
                        locator=3)


def test_switches():
    maps, text = make_maps(3), make_text()
    other = replace(text, words=text.words + 1)
    plain = make_fusion(locator=None)
    assert plain(maps, text).prior is None
    assert not torch.allclose(plain(maps, text).maps[0], plain(maps, other).maps[0])
    blind = make_fusion(fuse_text=False)
    assert 'sentence' not in dict(blind.named_children())
    assert torch.equal(blind(maps, text).maps[0], blind(maps, other).maps[0])  # text enters by the filter alone
    assert not torch.allclose(blind(maps, text).prior, blind(maps, other).prior)


@pytest.mark.parametrize('changes,message', [
    (dict(in_channels=[3, 4]), 'fusion.in_channels names 2 levels, expected 3: of strides 8, 16 and 32'),
    (dict(channels=9), 'fusion.channels is 9, expected an even number'),
    (dict(fuse_text=False, locator=None), 'fuse_text is False and fusion.locator is None: then nothing reads'),
    (dict(channels=6, locator=TRANSFORMER), 'fusion.channels is 6, expected a multiple of 4'),
])
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        make_fusion(**changes)


def test_levels_must_be_three():
    maps = make_maps(3)
    with pytest.raises(ValueError, match='hands over 4 levels, but LTSFusion takes 3.*model.backbone.out_indices'):
        make_fusion()((torch.zeros(3, 2, 24, 16), *maps), make_text())
