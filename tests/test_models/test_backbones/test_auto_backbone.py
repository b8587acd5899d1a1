"""Backbones of transformers: levels, what trains, where the weights come from, and every error."""

import pytest
import torch
from mixing_parts import TEXTS, WIDTHS, build, step
from mmengine.config import ConfigDict
from transformers import (
    ConvNextBackbone,
    ConvNextConfig,
    ConvNextForImageClassification,
    Dinov2Backbone,
    Dinov2Config,
    Dinov2Model,
)

from mmrefseg.models.backbones import AutoBackbone, auto_backbone
from mmrefseg.registry import MODELS
from mmrefseg.utils import without_pretrained

DEPTHS = [1, 1, 1, 1]
CONVNEXT = dict(model_type='convnext', hidden_sizes=(8, 16, 32, 64), depths=DEPTHS)
DINOV2 = dict(model_type='dinov2', hidden_size=16, num_hidden_layers=4, num_attention_heads=2, image_size=42)
CONFIGS = dict(
    convnext=CONVNEXT,
    convnextv2=dict(CONVNEXT, model_type='convnextv2'),
    swin=dict(model_type='swin', embed_dim=8, depths=DEPTHS, num_heads=[1, 1, 2, 2], window_size=3),
    resnet=dict(model_type='resnet', embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=DEPTHS,
                layer_type='basic'),
    pvt_v2=dict(model_type='pvt_v2', hidden_sizes=[8, 16, 32, 64], depths=DEPTHS, num_attention_heads=[1, 1, 2, 2]))
STAGES = ['stage1', 'stage2', 'stage3', 'stage4']


def make(config, **options):
    torch.manual_seed(0)
    return AutoBackbone(**{**dict(out_features=STAGES, config=config), **options})


def idle(backbone, size):
    """Which parameters that should train get no gradient."""
    sum(level.sum() for level in backbone(torch.randn(2, 3, *size))).backward()
    return [name for name, value in backbone.named_parameters() if value.requires_grad and value.grad is None]


@pytest.mark.parametrize('name', CONFIGS)
def test_levels_of_hierarchical_models(name):
    backbone = make(CONFIGS[name])
    assert backbone.channels == backbone.gives.maps == (8, 16, 32, 64) and backbone.strides == (4, 8, 16, 32)
    maps = backbone(torch.randn(2, 3, 64, 96))
    assert isinstance(maps, tuple)
    assert [tuple(level.shape) for level in maps] == [
        (2, 8 << level, 16 >> level, 24 >> level) for level in range(4)]
    assert idle(backbone, (64, 96)) == []


def test_some_levels():
    """What lies behind the last of them stays, but does not train."""
    backbone = make(CONFIGS['swin'], out_features=['stage2', 'stage3'])
    assert backbone.channels == (16, 32) and backbone.strides == (8, 16)
    assert idle(backbone, (64, 64)) == []
    fixed = [name for name, value in backbone.named_parameters() if not value.requires_grad]
    assert fixed and all('layers.3' in name or 'layernorm' in name or 'layers.2.downsample' in name for name in fixed)


def test_a_plain_transformer():
    """Four maps of one stride, or a pyramid of them; any size that patches fit."""
    plain, pyramid = make(DINOV2), make(DINOV2, pyramid=WIDTHS)
    assert plain.strides == pyramid.strides == (14, ) * 4
    assert plain.channels == plain.gives.maps == (16, ) * 4 and pyramid.channels == pyramid.gives.maps == tuple(WIDTHS)
    images = torch.randn(2, 3, 56, 84)
    assert [tuple(level.shape[2:]) for level in plain(images)] == [(4, 6)] * 4
    assert [tuple(level.shape[1:]) for level in pyramid(images)] == [(8, 16, 24), (16, 8, 12), (32, 4, 6), (64, 2, 3)]
    assert idle(plain, (56, 84)) == [] and idle(pyramid, (56, 84)) == []
    assert [name for name, value in plain.named_parameters() if not value.requires_grad] == [
        'model.embeddings.mask_token']
    with pytest.raises(ValueError, match=r'patches of 14 pixels, found a picture of \(56, 80\).*size_divisor=14'):
        plain(images[..., :80])


def test_the_maps_are_those_of_transformers():
    backbone = make(CONVNEXT).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = backbone.model(images).feature_maps
        found = backbone(images)
    assert all(torch.equal(a, b) for a, b in zip(found, expected))


@pytest.mark.parametrize('name', ['resnet', 'swin'])
def test_checkpointing_gives_the_same_gradients(name):
    images = torch.randn(2, 3, 64, 64)
    plain, saving = make(CONFIGS[name]), make(CONFIGS[name], with_cp=True)
    for backbone in (plain, saving):
        torch.manual_seed(1)  # dropped paths
        sum(level.square().mean() for level in backbone.train()(images)).backward()
    for first, second in zip(plain.parameters(), saving.parameters()):
        if first.requires_grad:
            torch.testing.assert_close(first.grad, second.grad)
    for first, second in zip(plain.buffers(), saving.buffers()):
        assert torch.equal(first, second)


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Pre-trained models as the hub has them: a classifier and a model without, in half precision."""
    root = tmp_path_factory.mktemp('vision')
    torch.manual_seed(7)
    values = dict(CONVNEXT, hidden_sizes=[8, 16, 32, 64])
    values.pop('model_type')
    ConvNextForImageClassification(ConvNextConfig(**values)).half().save_pretrained(root / 'convnext')
    values = dict(DINOV2)
    values.pop('model_type')
    Dinov2Model(Dinov2Config(**values)).half().save_pretrained(root / 'dinov2')
    return root


@pytest.mark.parametrize('kind,name,config', [
    (ConvNextBackbone, 'convnext', CONVNEXT), (Dinov2Backbone, 'dinov2', DINOV2)])
@pytest.mark.parametrize('whole', [True, False])
def test_weights_load_in_init_weights(folders, kind, name, config, whole, monkeypatch):
    lines = []
    monkeypatch.setattr(auto_backbone, 'print_log', lambda line, **kwargs: lines.append(line))
    source = kind.from_pretrained(folders / name, out_features=STAGES).float()
    backbone = make(config if whole else None, pretrained=str(folders / name))
    expected = source.state_dict()
    weights = backbone.model.state_dict()
    assert weights.keys() == expected.keys()
    assert not all(torch.equal(weights[key], value) for key, value in expected.items())
    optimized = list(map(id, backbone.parameters()))
    backbone.init_weights()
    assert all(torch.equal(backbone.model.state_dict()[key], value) for key, value in expected.items())
    assert all(value.dtype == torch.float for value in backbone.parameters())
    assert list(map(id, backbone.parameters())) == optimized
    assert lines == [f'AutoBackbone: {len(expected)} weights from {folders / name}.']
    with torch.no_grad():
        next(backbone.parameters()).fill_(0.25)
    backbone.init_weights()  # a second time changes nothing
    assert (next(backbone.parameters()) == 0.25).all() and len(lines) == 1


def test_init_weights_leaves_random_weights_alone():
    backbone = make(CONVNEXT)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_a_checkpoint_wins(folders, tmp_path):
    backbone = make(CONVNEXT)
    torch.save({key: torch.full_like(value, 0.5) for key, value in backbone.state_dict().items()}, tmp_path / 'b.pth')
    backbone = make(CONVNEXT, pretrained=str(tmp_path / 'nothing'),
                    init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'b.pth')))
    backbone.init_weights()
    assert all((value == 0.5).all() for value in backbone.state_dict().values())


@pytest.mark.parametrize('options,error,message', [
    (dict(config=None), ValueError, 'backbone.pretrained is None: then backbone.config with a model_type'),
    (dict(config=dict(depths=[1])), ValueError, 'backbone.config with a model_type must be given'),
    (dict(config=dict(model_type='nonsense')), ValueError, "knows no model_type 'nonsense'"),
    (dict(config=dict(model_type='bert')), ValueError, 'bert of transformers gives no feature maps'),
    (dict(out_features=['stage5']), ValueError, r"out_features is \['stage5'\], expected some of \['stem', 'stage1'"),
    (dict(out_features=['stage2', 'stage1']), ValueError, 'in this order'),
    (dict(out_features=[]), ValueError, r'out_features is \[\]'),
    (dict(pyramid=WIDTHS), ValueError, r'convnext gives maps of the strides \(4, 8, 16, 32\): name four stages of a'),
    (dict(config=DINOV2, out_features=STAGES[:3], pyramid=WIDTHS), ValueError, r'the strides \(14, 14, 14\)'),
    (dict(config=DINOV2, pyramid=[8, 16]), ValueError, r'backbone.pyramid is \[8, 16\], four widths for four maps'),
    (dict(config=dict(model_type='dinat')), ValueError, 'dinat of transformers cannot be run'),
    (dict(config=None, pretrained='./no_such_folder', local_files_only=True), OSError,
     "backbone.pretrained='./no_such_folder' cannot be read"),
])
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        make(**{**dict(config=CONVNEXT), **options})


def test_weights_of_another_model(folders):
    backbone = make(dict(DINOV2, num_hidden_layers=5), pretrained=str(folders / 'dinov2'))
    with pytest.raises(ValueError, match='backbone.pretrained=.* lacks 18 of the .* weights of the Dinov2Backbone that '
                                         'backbone.config describes, .*layer.4'):
        backbone.init_weights()
    backbone = make(CONVNEXT, pretrained='no/such-model', local_files_only=True)
    with pytest.raises(OSError, match="backbone.pretrained='no/such-model' cannot be read"):
        backbone.init_weights()


@pytest.mark.parametrize('backbone,widths,feature_size,size', [
    (dict(type='AutoBackbone', out_features=STAGES, config=CONVNEXT), WIDTHS, (2, 2), 64),
    (dict(type='AutoBackbone', out_features=STAGES, config=DINOV2, pyramid=WIDTHS), WIDTHS, (2, 2), 56),
    (dict(type='AutoBackbone', out_features=STAGES, config=CONFIGS['swin']), WIDTHS, (2, 2), 64),
], ids=['convnext', 'dinov2', 'swin'])
def test_s2rm_and_casg_take_a_step(backbone, widths, feature_size, size):
    model = build(dict(
        text_encoder=dict(TEXTS['BERT'], sentence='mean'),
        backbone=backbone,
        fusion=dict(type='S2RM', in_channels=widths, text_channels=16, feature_size=feature_size),
        decoder=dict(type='CASGDecoder', in_channels=widths, text_channels=16),
        decode_head=dict(type='MaskHead', in_channels=widths[0])))
    step(model, size)
    without = [name for name, value in model.named_parameters() if value.requires_grad and value.grad is None]
    assert without == []


def test_without_pretrained():
    """Tests, counts and benchmarks build without a network what a config takes from the hub."""
    model = ConfigDict(
        backbone=dict(
            type='AutoBackbone', out_features=STAGES, pretrained='facebook/convnext-tiny-224', config=CONVNEXT),
        text_encoder=dict(type='CLIPTextEncoder', pretrained='openai/clip-vit-base-patch32'))
    changed = without_pretrained(model)
    with torch.device('meta'):
        backbone, text_encoder = MODELS.build(changed.backbone), MODELS.build(changed.text_encoder)
    assert backbone.pretrained is None and text_encoder.pretrained is None
    assert text_encoder.tokenize(['the man'])[0].shape == (1, 8)
    assert text_encoder.out_channels == 512
    assert sum(value.numel() for value in text_encoder.parameters()) == 63_165_952  # of CLIP's ViT-B/32
