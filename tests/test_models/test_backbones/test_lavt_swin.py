"""LAVTSwin: its stem, its pre-trained weights, what runs once an image."""

import pytest
import torch
from mmseg.models.backbones import SwinTransformer

from mmrefseg.models import LAVTDecoder, LAVTSwin, StemSwin
from mmrefseg.models.backbones.lavt_swin import LanguageGate
from mmrefseg.structures import TextFeatures

SMALL = dict(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=3)


def make_text(num, length=4, channels=6):
    words = torch.randn(num, length, channels)
    return TextFeatures(words, torch.ones(num, length, dtype=torch.bool), words[:, 0])


@pytest.mark.parametrize('stem', [None, dict(type='ConvStem')])
def test_maps(stem):
    backbone = LAVTSwin(text_channels=6, stem=stem, **SMALL)
    images, text = torch.randn(2, 3, 64, 96), make_text(3)
    maps = backbone(images, text, torch.tensor([0, 1, 1]))
    assert [tuple(x.shape) for x in maps] == [(3, 8 * 2**i, 16 // 2**i, 24 // 2**i) for i in range(4)]
    sum(x.square().sum() for x in maps).backward()
    assert [name for name, value in backbone.named_parameters() if value.grad is None] == []


def test_the_stem_has_the_stride_of_patch_embedding():
    backbone = LAVTSwin(text_channels=6, stem=dict(type='ConvStem'), **SMALL)
    tokens, size = backbone.patch_embed(torch.randn(1, 3, 64, 96))
    assert tokens.shape == (1, 16 * 24, 8) and size == (16, 24)


def test_absolute_position_embedding_is_added():
    torch.manual_seed(0)
    backbone = LAVTSwin(text_channels=6, use_abs_pos_embed=True, pretrain_img_size=64, **SMALL).eval()
    images = torch.zeros(1, 3, 64, 64)
    flat, _ = backbone.forward_image(images)
    backbone.absolute_pos_embed.data.normal_()
    placed, _ = backbone.forward_image(images)
    assert not torch.allclose(flat, placed)


@pytest.mark.parametrize('backbone', [LAVTSwin, StemSwin])
def test_position_embedding_of_another_size(backbone):
    options = dict(SMALL, use_abs_pos_embed=True, pretrain_img_size=(48, 96))
    backbone = backbone(text_channels=6, **options) if backbone is LAVTSwin else backbone(**options)
    run = getattr(backbone, 'forward_image', backbone)
    run(torch.zeros(1, 3, 46, 96))  # padded to whole cells
    with pytest.raises(ValueError, match=r'the pictures are \(96, 48\), and model.backbone.pretrain_img_size .*48, 96'):
        run(torch.zeros(1, 3, 96, 48))  # as many cells


def test_weights_of_mmsegs_swin_load(tmp_path):
    torch.manual_seed(0)
    swin = SwinTransformer(**SMALL)
    torch.save(dict(state_dict=swin.state_dict()), tmp_path / 'swin.pth')
    backbone = LAVTSwin(
        text_channels=6, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'swin.pth')), **SMALL)
    backbone.init_weights()
    ours = backbone.state_dict()
    for name, value in swin.state_dict().items():
        assert torch.equal(ours[name], value), name


def test_the_language_reaches_the_next_stage():
    """E_1 = V_1 + gate(F_1) is what stage 2 gets: it changes with the words, and through the gate alone."""
    torch.manual_seed(0)
    backbone = LAVTSwin(text_channels=6, **SMALL).eval()
    seen = []
    backbone.stages[1].blocks[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    images, one, other = torch.randn(1, 3, 64, 64), make_text(1), make_text(1)
    backbone(images, one), backbone(images, other)
    assert not torch.equal(*seen)
    backbone.gates[0].layers[2].weight.data.zero_()
    seen.clear()
    backbone(images, one), backbone(images, other)
    assert torch.equal(*seen)


def test_no_stage_can_be_left_out():
    with pytest.raises(ValueError, match=r'out_indices of LAVTSwin is \(3,\), expected all 4 stages'):
        LAVTSwin(text_channels=6, out_indices=(3, ), **SMALL)


def test_gates_start_as_released():
    torch.manual_seed(0)
    gate = LanguageGate(128)
    for layer in (gate.layers[0], gate.layers[2]):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05) and layer.weight.abs().max() < 0.12


def test_heads_of_each_stage():
    kwargs = dict(embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 2, 2, 4), window_size=3, text_channels=12)
    assert [pwam.num_heads for pwam in LAVTSwin(**kwargs, fusion_heads=[1, 2, 4, 8]).fusions] == [1, 2, 4, 8]
    assert [pwam.num_heads for pwam in LAVTSwin(**kwargs).fusions] == [1, 1, 1, 1]
    with pytest.raises(ValueError, match=r'fusion_heads of LAVTSwin is \[1, 2\], expected a number, or one for each'):
        LAVTSwin(**kwargs, fusion_heads=[1, 2])


@pytest.mark.parametrize('he_init,ratio', [(False, 1.), (True, 2.5)])
def test_decoder_starts_as_released(he_init, ratio):
    """Uniform within 1 / sqrt(fan in), as torch's Conv2d; He's normal distribution is 2.4 times as wide and more."""
    torch.manual_seed(0)
    decoder = LAVTDecoder([16, 32], 64, he_init=he_init)
    for module in decoder.modules():
        if isinstance(module, torch.nn.Conv2d):
            found = module.weight.std().item() * (3 * module.in_channels * 9)**0.5
            assert found == pytest.approx(1, rel=0.05) if ratio == 1 else found > 2
