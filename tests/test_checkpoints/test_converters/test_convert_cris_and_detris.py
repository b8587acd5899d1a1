"""Official CRIS and DETRIS checkpoints become our models: every name, and what the authors' own code answers."""

import functools
import importlib.util
import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.checkpoints.converters import OfficialFormatError, convert_official
from mmrefseg.registry import MODELS
from mmrefseg.utils.without_pretrained import without_pretrained

MODELS_OF = dict(cris_r50='cris/cris_r50_refcoco', cris_r101='cris/cris_r101_refcoco',
                 detris_base='detris/detris_dinov2b_refcoco', detris_large='detris/detris_dinov2l_refcoco',
                 detris_large_mixed='detris/detris_dinov2l_refcoco-mixed')


@functools.cache
def layout(shared_dir, name):
    return json.loads((shared_dir / f'reference/layouts/{name}.json').read_text())


def build(config):
    cfg = Config.fromfile(ROOT / f'configs/{config}.py')
    init_default_scope(cfg.default_scope)
    return MODELS.build(without_pretrained(cfg.model))


@pytest.mark.parametrize('name', MODELS_OF)
def test_every_name_and_shape(shared_dir, name):
    with torch.device('meta'):
        official = {f'module.{key}': torch.empty(shape) for key, shape in layout(shared_dir, name).items()}
        model = build(MODELS_OF[name])
    norms = [key for key in official if key.endswith('running_mean')]
    counters = {key.replace('running_mean', 'num_batches_tracked'): torch.tensor(0) for key in norms}
    converted = convert_official(dict(epoch=50, state_dict={**official, **counters}, optimizer={}, best_iou=0.7))
    assert (converted.config, converted.options, converted.unknown) == (MODELS_OF[name], {}, [])
    ours = {key: value.shape for key, value in model.state_dict().items()}
    assert {key: value.shape for key, value in converted.state_dict.items()} == ours
    assert all(key in layout(shared_dir, name) for key in converted.left_out)
    assert len(converted.left_out) == (1 if name.startswith('cris') else 7)


@pytest.mark.parametrize('name,field', [('cris_r50', 'backbone'), ('detris_base', 'txt_backbone')])
def test_what_is_left_over_is_said(shared_dir, name, field):
    with torch.device('meta'):
        official = {key: torch.empty(shape) for key, shape in layout(shared_dir, name).items()}
    official[f'{field}.surprise.weight'] = torch.zeros(1)
    converted = convert_official(dict(state_dict=official))
    assert converted.unknown == [f'{field}.surprise.weight']
    assert convert_official(official).config == converted.config  # the weights alone


def test_sizes_that_nobody_published(shared_dir):
    with torch.device('meta'):
        cris, detris = ({key: torch.empty(shape) for key, shape in layout(shared_dir, name).items()}
                        for name in ('cris_r50', 'detris_base'))
    shallow = {key: value for key, value in cris.items() if 'layer3.5' not in key}
    with pytest.raises(OfficialFormatError, match='ResNet has 5 blocks in stage 3, expected 6'):
        convert_official(shallow)
    detris['dinov2.cls_token'] = torch.empty(1, 1, 384)
    with pytest.raises(OfficialFormatError, match='a DINOv2 of 384 channels and adapters of 128'):
        convert_official(detris)


def reference(shared_dir, name):
    """The authors' answers, our model with the same weights, and the inputs."""
    spec = importlib.util.spec_from_file_location('weights', shared_dir / 'reference/weights.py')
    weights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weights)
    state = {key: torch.from_numpy(np.asarray(weights.weight(key, shape)))
             for key, shape in layout(shared_dir, name).items()}
    converted = convert_official(dict(state_dict=state))
    model = build(converted.config)
    missing = model.load_state_dict(converted.state_dict, strict=False).missing_keys
    assert all(key.endswith('num_batches_tracked') for key in missing)
    size = 416 if name.startswith('cris') else 448
    return np.load(shared_dir / f'reference/{name}.npz'), model.eval(), torch.from_numpy(weights.image(2, size))


def assert_equal(found, answers, name):
    expected = torch.from_numpy(answers[f'sample_{name}'])
    assert list(found.shape) == answers[f'shape_{name}'].tolist()
    found = found.flatten()[::max(1, found.numel() // 20000)]
    assert (found - expected).abs().max() < 1e-4 * expected.std(), name


@pytest.mark.slow
@pytest.mark.parametrize('name', ['cris_r50', 'detris_base'])
def test_answers_of_the_authors_code(shared_dir, name):
    answers, model, images = reference(shared_dir, name)
    ids = torch.from_numpy(answers['word'])
    with torch.no_grad():
        text = model.text_encoder.encode(ids, ids != 0)
        features = model.encode_image(images)
        if name == 'cris_r50':
            for key, level in zip(('v3', 'v4', 'v5'), features):
                assert_equal(level, answers, key)
            # Theirs has features for padding, which nothing reads; ours are zero.
            expected = torch.from_numpy(answers['sample_words']).view(2, 17, 512)[ids != 0]
            torch.testing.assert_close(text.words[ids != 0], expected, atol=1e-4, rtol=0)
        else:
            assert_equal(text.words, answers, 'words')
        fused = model.fuse(features, text, None)
        assert_equal(fused.maps[-1], answers, 'neck')
        logits = model.decode_head.predict(model.decode(fused), fused)
    expected = torch.from_numpy(answers['logits'])
    assert (logits - expected).abs().max() < 1e-4 * expected.std()
