"""A converted official checkpoint computes what the original computes."""

import argparse
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from plain_lavt import PlainLAVT

from mmrefseg.checkpoints.converters import lavt as convert_lavt
from mmrefseg.models import LAVTDecoder, LAVTSwin, MaskHead
from mmrefseg.structures import MultiModalFeatures, TextFeatures

TOOL = ROOT / 'tools/model_converters/lavt.py'

SMALL = dict(embed_dim=8, depths=(2, 2, 2, 2), num_heads=(1, 2, 2, 4), window_size=3, text_channels=12)


def official_checkpoint(fusion_heads, release, **args):
    torch.manual_seed(0)
    plain = PlainLAVT(**SMALL, fusion_heads=fusion_heads).eval().double()  # rounding hides no mistake
    with torch.no_grad():
        for name, value in plain.state_dict().items():  # nothing stays at a default that hides a mistake
            if 'running_var' in name:
                value.uniform_(0.5, 2)
            elif value.is_floating_point():
                value.normal_(1. if name.endswith('weight') and value.ndim == 1 else 0., 0.2)
    bert = {'embeddings.word_embeddings.weight': torch.randn(5, 4), 'embeddings.position_ids': torch.arange(9),
            'pooler.dense.weight': torch.randn(4, 4)}
    if release == 'first':
        return plain, dict(model=plain.state_dict(), bert_model=bert, epoch=39,
                           args=argparse.Namespace(lr=5e-5, **args))
    one = {f'module.{name}': value for name, value in plain.state_dict().items()}
    return plain, dict(model={**one, **{f'module.text_encoder.{name}': value for name, value in bert.items()}},
                       args=argparse.Namespace(**args))


@pytest.mark.parametrize('fusion_heads,mha,release,size', [
    (1, '', 'first', (96, 64)), (1, '', 'lavt_one', (80, 104)), ([1, 2, 4, 8], '1-2-4-8', 'lavt_one', (80, 104)),
    (4, '4-4-4-4', 'first', (96, 64))])
def test_converted_computes_the_same(tmp_path, fusion_heads, mha, release, size):
    """With the heads that the checkpoint's own ``args.mha`` names, and one where it names none."""
    plain, checkpoint = official_checkpoint(fusion_heads, release, mha=mha)
    torch.save(checkpoint, tmp_path / 'official.pth')
    run = subprocess.run([sys.executable, TOOL, tmp_path / 'official.pth', tmp_path / 'ours.pth'], check=True,
                         capture_output=True, text=True)
    found = torch.load(tmp_path / 'ours.pth', weights_only=True)
    weights = found['state_dict']
    assert found['meta']['options'] == ({} if mha == '' else {'model.backbone.fusion_heads': fusion_heads})
    said = f'"model.backbone.fusion_heads={fusion_heads}"'.replace(' ', '')
    assert (f'--cfg-options {said}' in run.stdout) == bool(mha)

    def of(part):
        return {name[len(part):]: value for name, value in weights.items() if name.startswith(part)}

    backbone = LAVTSwin(
        embed_dims=8, depths=(2, 2, 2, 2), num_heads=(1, 2, 2, 4), window_size=3, text_channels=12,
        fusion_heads=fusion_heads).eval().double()
    decoder = LAVTDecoder(in_channels=[8, 16, 32, 64], channels=32).eval().double()
    head = MaskHead(in_channels=32, align_corners=True).eval().double()
    backbone.load_state_dict(of('backbone.'))
    decoder.load_state_dict(of('decoder.'))
    head.load_state_dict(of('decode_head.'))
    assert set(of('text_encoder.')) == {'model.embeddings.word_embeddings.weight'}

    images, words = torch.randn(2, 3, *size).double(), torch.randn(2, 7, 12).double()
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    with torch.no_grad():
        expected, expected_maps = plain.forward_with_maps(images, words, mask)
        maps = backbone(images, TextFeatures(words, mask, words[:, 0]))
        features = MultiModalFeatures(maps, None)
        logits = head(decoder(features), features)
        logits = torch.nn.functional.interpolate(logits, size=size, mode='bilinear', align_corners=True)
    for ours, theirs in zip(maps, expected_maps):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(logits, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize('mha', ['1-2-4', 'four', '0-1-1-1'])
def test_heads_that_cannot_be(mha):
    _, checkpoint = official_checkpoint(1, 'first', mha=mha)
    with pytest.raises(ValueError, match=f"args.mha of the official LAVT checkpoint is '{mha}', expected a number"):
        convert_lavt.convert(checkpoint)


def test_every_key_is_accounted_for():
    _, checkpoint = official_checkpoint(1, 'first')
    weights = convert_lavt.official_weights(checkpoint)
    converted, dropped, unknown = convert_lavt.rename(weights)
    assert unknown == []
    assert len(converted) + len(dropped) == len(weights)
    assert sorted(dropped) == [
        'backbone.layers.3.res_gate.0.weight', 'backbone.layers.3.res_gate.2.weight',
        'text_encoder.embeddings.position_ids', 'text_encoder.pooler.dense.weight'
    ]


def test_unknown_keys_are_reported_and_nothing_is_written(tmp_path):
    _, checkpoint = official_checkpoint(1, 'first')
    checkpoint['model']['backbone.surprise.weight'] = torch.zeros(1)
    torch.save(checkpoint, tmp_path / 'official.pth')
    command = [sys.executable, TOOL, tmp_path / 'official.pth', tmp_path / 'ours.pth']
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 1 and 'unknown: backbone.surprise.weight' in run.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / 'official.pth']
    subprocess.run([*command, '--ignore-unknown'], check=True)
    assert (tmp_path / 'ours.pth').is_file()


def test_another_checkpoint_is_refused():
    with pytest.raises(ValueError, match="expected the key 'model'.*found \\['state_dict'\\]"):
        convert_lavt.official_weights(dict(state_dict={}))
