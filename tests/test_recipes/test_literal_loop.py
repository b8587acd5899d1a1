"""Fifty steps of the published config beside a literal loop of LAVT's recipe, on the same batches, in float64."""

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from plain_twin import PlainTwin

from mmrefseg.registry import HOOKS, MODELS
from mmrefseg.structures import RefDataSample

EPOCHS, SAMPLES, BATCH, SIZE = 10, 11, 2, 64
STEPS = EPOCHS * (SAMPLES // BATCH)
WORDS = ['the', 'left', 'red', 'dog', 'man', 'tie']


def small_config(path):
    """The config with fewer and narrower layers, and with neither dropped paths nor data: the recipe stays."""
    cfg = Config.fromfile(ROOT / path)
    cfg.model.backbone.update(
        embed_dims=16, depths=[1, 1, 1, 1], num_heads=[2, 2, 4, 4], window_size=4, drop_path_rate=0., text_channels=16,
        init_cfg=None)
    architecture = dict(model_type='bert', hidden_size=16, num_hidden_layers=3, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=32)
    cfg.model.text_encoder.update(pretrained=None, config=architecture, tokenizer=WORDS, trainable_layers=2)
    cfg.model.decoder.update(in_channels=[16, 32, 64, 128], channels=32, norm_cfg=dict(type='BN'))
    cfg.model.decode_head.in_channels = 32
    return cfg


def samples():
    """A red or green block where the expression says it is."""
    generator = torch.Generator().manual_seed(0)
    for number in range(SAMPLES):
        image = torch.randint(0, 256, (3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
        mask = torch.zeros(1, SIZE, SIZE, dtype=torch.uint8)
        column = 8 * (number % 5)
        mask[:, 10:40, column:column + 25] = 1
        image[:, mask[0] == 1] //= 2
        sample = RefDataSample(metainfo=dict(
            expressions=[' '.join(WORDS[:2 + number % 4])], img_shape=(SIZE, SIZE), ori_shape=(SIZE, SIZE)))
        sample.gt_sem_seg = PixelData(data=mask)
        yield dict(inputs=image, data_samples=sample)


@HOOKS.register_module(force=True)
class WriteDown(Hook):
    """The batches of a training, its losses and its rates."""

    def __init__(self):
        self.batches, self.losses, self.rates = [], [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        """Before a step."""
        self.batches.append(data_batch)
        self.rates.append(runner.optim_wrapper.optimizer.param_groups[0]['lr'])

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        """After it."""
        self.losses.append(outputs['loss'].item())


def train(cfg, model, tmp_path):
    """Train with mmengine's runner as the config says, 10 epochs of 5 batches."""
    notes = WriteDown()
    Runner(
        model, work_dir=str(tmp_path),
        train_dataloader=dict(
            cfg.train_dataloader, batch_size=BATCH, num_workers=0, persistent_workers=False, dataset=list(samples())),
        train_cfg=dict(cfg.train_cfg, max_epochs=EPOCHS), optim_wrapper=cfg.optim_wrapper,
        param_scheduler=dict(cfg.param_scheduler, end=EPOCHS), custom_hooks=[notes],
        default_hooks=dict(checkpoint=None, logger=None), default_scope='mmrefseg', randomness=dict(seed=0),
        experiment_name=tmp_path.name).train()
    return notes


def literal_losses(model, twin, batches):
    """LAVT's release, line by line: the groups, AdamW, one rate for all, cross entropy, BERT in eval mode."""
    plain, text = twin.lavt, twin.text_encoder
    backbone = {'decay': [], 'no decay': []}
    for name, value in plain.backbone.named_parameters():
        still = 'norm' in name or 'absolute_pos_embed' in name or 'relative_position_bias_table' in name
        backbone['no decay' if still else 'decay'].append(value)
    layers = text.model.encoder.layer
    optimizer = torch.optim.AdamW([
        dict(params=backbone['no decay'], weight_decay=0.), dict(params=backbone['decay']),
        dict(params=list(plain.classifier.parameters())),
        dict(params=[value for number in range(2) for value in layers[number].parameters()])
    ], lr=5e-5, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 - step / STEPS)**0.9)
    plain.train()
    text.model.eval()
    losses = []
    for batch in batches:
        batch = model.data_preprocessor(batch, training=True)
        words = text([sample.expressions[0] for sample in batch['data_samples']])
        logits = plain(batch['inputs'], words.words, words.mask)
        target = torch.cat([sample.gt_sem_seg.data for sample in batch['data_samples']]).long()
        loss = F.cross_entropy(logits, target, weight=torch.tensor([0.9, 1.1], dtype=torch.double))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


def test_fifty_steps_of_lavt(tmp_path):
    torch.manual_seed(0)
    cfg = small_config('configs/lavt/lavt_swinb_refcoco.py')
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model).double()
    model.data_preprocessor.register_forward_hook(
        lambda module, args, out: dict(out, inputs=out['inputs'].double()))
    model.init_weights = lambda: None  # the twin has these weights
    twin = PlainTwin(model).double()
    notes = train(cfg, model, tmp_path)
    assert len(notes.losses) == STEPS == 50
    assert notes.rates == pytest.approx([5e-5 * (1 - step / 50)**0.9 for step in range(50)], rel=1e-9)
    losses = literal_losses(model, twin, notes.batches)
    assert notes.losses == pytest.approx(losses, rel=1e-7)
    assert losses[-1] < losses[0]
    for ours, theirs in zip(model.text_encoder.parameters(), twin.text_encoder.parameters()):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-7)
