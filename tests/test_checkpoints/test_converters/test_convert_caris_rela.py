"""CARIS' and ReLA's released layouts: every name is used, and what is converted answers as the authors' code does."""

import copy
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
from mmrefseg.utils import without_pretrained

FAMILIES = dict(caris_swinb='CARIS', rela_swint='ReLA', rela_swinb='ReLA')
# What weights.py makes for it is a number and no array: the answers are of its value at the start, 0.
SCALAR = 'sem_seg_head.predictor.lang_weight'


@pytest.fixture
def reference(shared_dir):
    return shared_dir / 'reference'


def layout_of(reference, name):
    return json.loads((reference / 'layouts' / f'{name}.json').read_text())


def build(converted, device):
    init_default_scope('mmrefseg')
    cfg = Config.fromfile(ROOT / 'configs' / f'{converted.config}.py')
    cfg.merge_from_dict(copy.deepcopy(converted.options))
    with torch.device(device):
        return MODELS.build(without_pretrained(cfg.model)).eval()


def resnet50_layout():
    """Names and shapes of detectron2's ResNet-50, whose batch norms are frozen: no counter."""
    layout = {}

    def conv(name, out, into, size):
        layout[f'{name}.weight'] = [out, into, size, size]
        for kind in ('weight', 'bias', 'running_mean', 'running_var'):
            layout[f'{name}.norm.{kind}'] = [out]

    conv('stem.conv1', 64, 3, 7)
    into = 64
    for stage, (blocks, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512)), 2):
        for block in range(blocks):
            name = f'res{stage}.{block}'
            if block == 0:
                conv(f'{name}.shortcut', 4 * width, into, 1)
            conv(f'{name}.conv1', width, into, 1)
            conv(f'{name}.conv2', width, width, 3)
            conv(f'{name}.conv3', 4 * width, width, 1)
            into = 4 * width
    return {f'backbone.{name}': shape for name, shape in layout.items()}


def r50_layout(reference):
    """ReLA with ResNet-50: Swin-T's layout with another backbone, so other widths at its pixel decoder's door."""
    layout = {name: shape for name, shape in layout_of(reference, 'rela_swint').items()
              if not name.startswith('backbone.')}
    for number, width in enumerate((2048, 1024, 512)):
        layout[f'sem_seg_head.pixel_decoder.input_proj.{number}.0.weight'][1] = width
    layout['sem_seg_head.pixel_decoder.adapter_1.weight'][1] = 256
    return {**resnet50_layout(), **layout}


@pytest.mark.parametrize('name', ['caris_swinb', 'rela_swint', 'rela_swinb', 'rela_r50'])
def test_every_weight_has_its_place(reference, name, monkeypatch):
    # Swin reads numbers off it: not on the meta device.
    monkeypatch.setattr(torch, 'linspace', functools.partial(torch.linspace, device='cpu'))
    layout = r50_layout(reference) if name == 'rela_r50' else layout_of(reference, name)
    weights = {name: torch.empty(shape, device='meta') for name, shape in layout.items()}
    converted = convert_official(dict(model=weights))
    assert converted.family == ('CARIS' if name == 'caris_swinb' else 'ReLA')
    assert converted.unknown == [] and converted.left_out == []
    assert len(converted.state_dict) >= len(weights)  # torch's attention gives three matrices for one
    model = build(converted, 'meta')
    made = {key for key in model.state_dict() if key.endswith(('relative_position_index', 'num_batches_tracked'))}
    own = {key: tuple(value.shape) for key, value in model.state_dict().items() if key not in made}
    assert {key: tuple(value.shape) for key, value in converted.state_dict.items()} == own


def test_containers_and_what_is_left_out(reference):
    weights = {name: torch.zeros(shape) for name, shape in layout_of(reference, 'rela_swint').items()
               if 'predictor' in name or 'patch_embed' in name}
    expected = convert_official(dict(model=weights)).state_dict
    arrays = {f'module.{name}': value.numpy() for name, value in weights.items()}
    arrays['module.backbone.layers.3.res_gate.0.weight'] = np.zeros((2, 2))
    arrays['module.criterion.empty_weight'] = np.zeros(2)
    arrays['module.text_encoder.embeddings.position_ids'] = np.zeros((1, 512))
    arrays['module.backbone.surprise'] = np.zeros(1)
    converted = convert_official(dict(model=arrays, __author__='them', iteration=3))
    assert converted.state_dict.keys() == expected.keys()
    assert converted.left_out == ['backbone.layers.3.res_gate.0.weight', 'criterion.empty_weight',
                                  'text_encoder.embeddings.position_ids']
    assert converted.unknown == ['backbone.surprise']
    # A file without the gate of the language: the official code goes on from zero.
    del weights[SCALAR]
    assert convert_official(weights).state_dict['decode_head.layers.0.language.gate'] == 0
    del weights['backbone.patch_embed.proj.weight']
    with pytest.raises(OfficialFormatError, match='no Swin of width 96 or 128 .*missing'):
        convert_official(weights)
    assert convert_official(dict(model=dict(weight=torch.zeros(1)))) is None


def distance(answer, name, reference):
    """The largest difference, in deviations of the answer; of a sample where only that is kept."""
    answer = answer.numpy()
    if name in reference:
        expected = reference[name]
    else:
        assert tuple(reference[f'shape_{name}']) == answer.shape
        expected = reference[f'sample_{name}']
        answer = answer.flatten()[::max(1, answer.size // 20000)]
    return np.abs(answer - expected) / expected.std()


@pytest.mark.slow
@pytest.mark.parametrize('name', ['caris_swinb', 'rela_swint'])
def test_answers_as_the_authors_code(reference, name):
    spec = importlib.util.spec_from_file_location('reference_weights', reference / 'weights.py')
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    weights = {key: torch.from_numpy(np.asarray(made.weight(key, shape)))
               for key, shape in layout_of(reference, name).items() if key != SCALAR}
    converted = convert_official(weights)
    model = build(converted, 'cpu')
    lacks = model.load_state_dict(converted.state_dict, strict=False)
    # Made of the window size, and in real files.
    assert lacks.unexpected_keys == [] and all('relative_position_index' in key for key in lacks.missing_keys)
    del weights, converted
    answers = np.load(reference / f'{name}.npz')
    images = torch.from_numpy(made.image(2, 448 if name == 'caris_swinb' else 480))
    ids = torch.from_numpy(answers['word'])
    with torch.no_grad():
        text, image_feats = model.text_encoder.encode(ids, ids != 0), model.encode_image(images)
        features = model.fuse(image_feats, text, None)
        decoded = model.decode(features)
        if name == 'caris_swinb':
            found = {f'map_{number}': level for number, level in enumerate(image_feats[0])}
            found['logits'] = model.decode_head(decoded, features)
            words = features.text.words
            real = torch.from_numpy(
                answers['sample_words_and_prompts'].reshape(2, 25, 768)[:, :20]).masked_fill((ids == 0)[..., None], 0)
            assert (words - real).abs().max() / real.std() <= 1e-4
        else:
            regions = model.decode_head.answers(decoded, features)
            found = dict(mask_features=decoded, pred_masks=regions.logits, nt_label=regions.no_target,
                         words=text.words.transpose(1, 2))
            found.update({f'multi_scale_{number}': features.maps[-1 - number] for number in range(3)})
            # A region looks where its mask is above zero, and a pixel within rounding of that may fall on the other
            # side: few regions of 200 move, by less than a thousandth.
            minimap = distance(regions.minimap, 'pred_logits', answers)
            assert minimap.max() <= 1e-3 and (minimap.max(axis=2) > 5e-5).sum() <= 6
    for key, answer in found.items():
        assert distance(answer, key, answers).max() <= (1e-3 if key == 'pred_masks' else 1e-4), key
