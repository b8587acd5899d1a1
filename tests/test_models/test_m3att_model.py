"""M3Att as a whole: grouped equals one by one, every row of Tables I to III trains, LFR is absent at inference."""

import copy

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmrefseg.models import LFRHead
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

WORDS = ['a', 'the', 'man', 'red', 'tie', 'left', 'dog']
EXPRESSIONS = (('the red tie', 'dog', 'the man left'), ('a man', ))
FEATURE_SIZE = (6, 4)
MODEL = dict(
    type='RefSegmentor',
    text_encoder=dict(type='RNNEncoder', vocab=WORDS, cell='lstm', embed_dims=8, hidden_dims=8, max_length=5),
    backbone=dict(
        type='SwinTransformer', embed_dims=8, depths=(1, 1, 1, 1), num_heads=(1, 1, 2, 2), window_size=3,
        out_indices=(1, 2, 3)),
    fusion=dict(
        type='M3Dec', in_channels=[16, 32, 64], text_channels=16, feature_size=FEATURE_SIZE, channels=16,
        num_heads=2, feedforward_channels=16),
    decoder=dict(type='M3MaskDecoder', in_channels=16, max_words=5, channels=8, num_heads=2),
    decode_head=dict(type='MaskHead', in_channels=8, num_classes=1),
    auxiliary_head=dict(type='LFRHead', query_channels=16, text_channels=16, channels=16),
    test_cfg=dict(max_expressions=3, keep_logits=True))
VLT_DECODER = dict(
    _delete_=True, type='VLTWordDecoder', in_channels=16, num_queries=5, feature_size=FEATURE_SIZE,
    channels=[[8], [8], [8]])
ROWS = dict(
    shared=dict(), independent=dict(fusion=dict(attention='independent', num_layers=2)),
    generic=dict(fusion=dict(attention='generic', num_layers=4)), one_layer=dict(fusion=dict(num_layers=1)),
    baseline_generic=dict(fusion=dict(attention='generic', interaction=None), auxiliary_head=None),
    baseline=dict(fusion=dict(interaction=None), auxiliary_head=None), imi=dict(auxiliary_head=None),
    same=dict(fusion=dict(interaction='same'), auxiliary_head=None),
    vlt_decoder=dict(decoder=VLT_DECODER), concat=dict(decoder=dict(guidance='concat', max_words=None)))


def build(row='shared'):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    config = copy.deepcopy(MODEL)
    for part, options in copy.deepcopy(ROWS[row]).items():
        if options is None or options.pop('_delete_', False):
            config[part] = options
        else:
            config[part].update(options)
    return MODELS.build(config)


def make_batch(expressions=EXPRESSIONS, size=(96, 64)):
    torch.manual_seed(1)
    images = torch.randn(len(expressions), 3, *size)
    samples = []
    for of_image in expressions:
        sample = RefDataSample(metainfo=dict(expressions=list(of_image), img_shape=size, ori_shape=size))
        sample.gt_sem_seg = PixelData(data=(torch.rand(len(of_image), *size) > 0.5).to(torch.uint8))
        samples.append(sample)
    return images, samples


@pytest.mark.parametrize('row', ROWS)
def test_every_row_takes_a_step(row):
    model = build(row).train()
    losses = model(*make_batch(), mode='loss')
    assert set(losses) == {'decode.loss_ce'} | ({'aux_0.loss_rec'} if len(model.auxiliary_head) else set())
    loss, _ = model.parse_losses(losses)
    loss.backward()
    assert loss.isfinite()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize('row', ROWS)
def test_grouped_equals_one_by_one(row):
    model = build(row).eval()
    images, samples = make_batch()
    with torch.no_grad():
        grouped = model(images, samples, mode='predict')
        for image, sample in zip(images, grouped):
            for index, expression in enumerate(sample.expressions):
                _, alone = make_batch([(expression, )])
                alone, = model(image[None], alone, mode='predict')
                torch.testing.assert_close(
                    alone.seg_logits.data[0], sample.seg_logits.data[index], atol=1e-5, rtol=1e-5)
                assert torch.equal(alone.pred_sem_seg.data[0], sample.pred_sem_seg.data[index])


def test_lfr_is_absent_at_inference(monkeypatch):
    """The same logits, and the head does not run."""
    with_head, without = build().eval(), build('imi').eval()
    missing, unexpected = without.load_state_dict(with_head.state_dict(), strict=False)
    assert missing == [] and {name.split('.')[0] for name in unexpected} == {'auxiliary_head'}
    monkeypatch.setattr(LFRHead, 'forward', lambda *args: pytest.fail('LFRHead ran at inference'))
    with torch.no_grad():
        logits = [model(*make_batch(), mode='tensor') for model in (with_head, without)]
    assert torch.equal(*logits) and logits[0].shape == (4, 1, 24, 16)


def test_another_size_names_the_config_key():
    with pytest.raises(ValueError, match=r'fusion.feature_size is \(6, 4\), but the pictures give a map of \(8, 8\)'):
        build()(*make_batch(size=(128, 128)), mode='loss')


def test_half_precision():
    model = build().train()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss, _ = model.parse_losses(model(*make_batch(), mode='loss'))
    loss.backward()
    assert loss.isfinite() and all(value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize('path', sorted((ROOT / 'configs/m3att').rglob('*.py')), ids=lambda path: path.stem)
def test_configs_pad_to_the_words_of_the_text_encoder(path):
    model = Config.fromfile(path).model
    if model.decoder.get('guidance') != 'concat':
        padded_to = model.decoder.get('max_words', model.decoder.get('num_queries'))
        assert padded_to == model.text_encoder.get('max_length', 20)
    assert model.fusion.channels == model.decoder.in_channels


def test_the_published_recipe():
    cfg = Config.fromfile(ROOT / 'configs/m3att/m3att_swinb_refcoco.py')
    model = build()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    assert type(optimizer).__name__ == 'Adam'
    rates = {id(value): group['lr'] for group in optimizer.param_groups for value in group['params']}
    for name, value in model.named_parameters():
        assert rates[id(value)] == pytest.approx(5e-5 if name.startswith('backbone') else 5e-3)
    assert cfg.train_cfg.max_epochs == 50 and 4 * cfg.train_dataloader.batch_size == 48
    assert cfg.model.decode_head.loss_decode.type == 'RefCrossEntropyLoss'
    assert cfg.model.auxiliary_head.loss_weight == 0.1
    assert (cfg.model.fusion.num_layers, cfg.model.fusion.channels, cfg.model.decoder.channels) == (3, 256, 512)
