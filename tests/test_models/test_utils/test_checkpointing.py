"""Gradient checkpointing: less is kept; losses, gradients and running statistics are those of a training without."""

import copy

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn
from torch_versions import needs_compile

from mmrefseg.models.utils import checkpoint_blocks, checkpointed
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

MODELS_OF_EACH_METHOD = [
    'lavt/lavt_nano', 'sadlr/lavt_nano', 'cgan/lts_nano', 'lts/lts_nano', 'vlt/vlt_nano', 's2rm/s2rm-casg_nano',
    's2rm/acm-fpn_nano', 'm3att/m3att_nano'
]


# Batch norms in the backbone's blocks, a neck and heads of mmseg, BERT.
OF_MMSEG = dict(
    type='RefSegmentor',
    text_encoder=dict(
        type='BERTEncoder',
        pretrained=None,
        tokenizer=['the', 'red', 'left', 'one', 'big', 'square'],
        config=dict(
            model_type='bert', hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)),
    backbone=dict(type='ResNet', depth=50, base_channels=4, stem_channels=4, num_stages=4),
    fusion=dict(type='PWAMFusion', in_channels=[16, 32, 64, 128], text_channels=16, dropout=0.2),
    neck=dict(type='FPN', in_channels=[16, 32, 64, 128], out_channels=8, num_outs=4, norm_cfg=dict(type='BN')),
    decode_head=dict(
        type='FPNHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3], feature_strides=[4, 8, 16, 32], channels=8,
        num_classes=2, dropout_ratio=0.2, norm_cfg=dict(type='BN')),
    auxiliary_head=dict(type='FCNHead', in_channels=8, in_index=2, channels=8, num_classes=2, norm_cfg=dict(type='BN')))


def load(name, **changes):
    cfg = Config.fromfile(ROOT / f'configs/{name}_refshapes.py')
    cfg.merge_from_dict({f'model.{key}': value for key, value in changes.items()})
    init_default_scope(cfg.default_scope)
    return cfg.model


def build(config):
    torch.manual_seed(0)
    return MODELS.build(without_pretrained(ConfigDict(config))).train()


def train_step(model, size=96):
    """Losses of a step, and how many bytes the graph keeps outside of what it computes again."""
    torch.manual_seed(1)
    samples = []
    for said in (['the red square', 'left one'], ['big circle']):
        sample = RefDataSample(metainfo=dict(expressions=said, img_shape=(size, size)))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(said), size, size) > 0.7).to(torch.uint8))
        samples.append(sample)
    images = torch.randn(2, 3, size, size)
    parameters = {value.untyped_storage().data_ptr() for value in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        losses = model(images, samples, mode='loss')
    sum(value for key, value in losses.items() if 'loss' in key).backward()
    return losses, sum(kept.values())


def assert_same_step(plain, saving):
    """Two models of the same weights take the same step; returns what the second keeps, in parts of the first's."""
    (losses, kept), (saving_losses, saving_kept) = train_step(plain), train_step(saving)
    for key, value in losses.items():
        torch.testing.assert_close(saving_losses[key], value, msg=key)
    gradients = {key: value.grad for key, value in saving.named_parameters()}
    for key, value in plain.named_parameters():
        torch.testing.assert_close(gradients[key], value.grad, atol=1e-6, rtol=1e-4, msg=key)
    buffers = dict(saving.named_buffers())
    for key, value in plain.named_buffers():
        torch.testing.assert_close(buffers[key], value, msg=key)
    return saving_kept / kept


@pytest.mark.parametrize('name', MODELS_OF_EACH_METHOD)
def test_the_same_step_in_less_memory(name):
    # Dropped paths are drawn anew in each call, so a recomputation that drew others would show.
    chance = {'backbone.drop_path_rate': 0.3, 'text_encoder.dropout': 0.2}
    plain, saving = build(load(name, **chance)), build(load(name, **chance, with_cp=True))
    assert saving.state_dict().keys() == plain.state_dict().keys()
    assert assert_same_step(plain, saving) < 0.2
    counts = [norm.num_batches_tracked.item() for norm in saving.modules() if isinstance(norm, nn.BatchNorm2d)]
    assert counts and set(counts) == {1}


def test_the_same_step_with_parts_of_mmseg():
    init_default_scope('mmrefseg')
    plain, saving = build(OF_MMSEG), build(dict(OF_MMSEG, with_cp=True))
    assert assert_same_step(plain, saving) < 0.2
    counts = [norm.num_batches_tracked.item() for norm in saving.modules() if isinstance(norm, nn.BatchNorm2d)]
    assert len(counts) > 60 and set(counts) == {1}


def test_a_copy_runs_its_own_blocks():
    """As the averaged copy of a model does, which mmengine's EMAHook makes."""
    model = build(load('lavt/lavt_nano', with_cp=True))
    other = copy.deepcopy(model)
    called = []
    for owner, name in ((model, 'model'), (other, 'copy')):
        for module in owner.modules():
            if hasattr(module, 'with_cp'):
                module.register_forward_hook(lambda *args, name=name: called.append(name))
                assert module.forward.__self__ is module
    with torch.no_grad():
        other.encode_image(torch.randn(1, 3, 96, 96))
    assert set(called) == {'copy'}


def test_without_gradients_nothing_is_computed_twice():
    calls = []
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda *args: calls.append(1))
    with torch.no_grad():
        checkpointed(layer, torch.ones(1, 2))
    assert len(calls) == 1
    checkpointed(layer, torch.ones(1, 2), with_cp=False).sum().backward()
    assert len(calls) == 2


def test_statistics_come_back_after_an_error():
    class Failing(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(2)
            self.fails = False

        def forward(self, rows):
            rows = self.norm(rows).exp()
            if self.fails:
                raise RuntimeError('no')
            return rows.exp()

    part = Failing()
    mean = part.norm.running_mean
    total = checkpointed(part, torch.randn(4, 2, requires_grad=True)).sum()
    part.fails, after_forward = True, mean.clone()
    with pytest.raises(RuntimeError, match='no'):
        total.backward()
    assert part.norm.running_mean is mean and torch.equal(mean, after_forward)


class Block(nn.Module):
    """What ``checkpoint_blocks`` takes for a block."""

    with_cp = False

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.dropout = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Dropout(0.3)

    def forward(self, maps):
        return self.dropout(self.norm(self.conv(maps)).relu())


@needs_compile
def test_compiled_it_is_one_graph_with_the_same_step():
    plain = nn.Sequential(Block(), Block())
    saving = copy.deepcopy(plain)
    checkpoint_blocks(saving)
    torch._dynamo.reset()
    compiled = torch.compile(saving, backend='aot_eager', fullgraph=True)
    maps, values = torch.randn(2, 3, 8, 8), []
    for model in (plain, compiled):
        torch.manual_seed(1)
        values.append(model(maps).square().mean())
        values[-1].backward()
    torch.testing.assert_close(values[1], values[0])
    for first, second in zip(plain.parameters(), saving.parameters()):
        torch.testing.assert_close(second.grad, first.grad)
    assert all(torch.equal(first, second) for first, second in zip(plain.buffers(), saving.buffers()))
