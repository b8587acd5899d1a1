"""Checkpoints of other models, in parts, of no numbers: for use, for fine-tuning, at every face."""

import copy
import json

import pytest
import torch
from mmengine.config import Config, ConfigDict
from torch import nn

from mmrefseg.apis import RefSegInferencer, find_zoo_model
from mmrefseg.apis.embedded_config import config_of_checkpoint, read_values
from mmrefseg.checkpoints import check_options, fit_weights, load_weights, read_checkpoint, save_checkpoint
from mmrefseg.errors import CheckpointError
from mmrefseg.utils import find_config

LAVT, LTS = 'sadlr_lavt_nano_refshapes', 'lts_nano_refshapes'


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer('mask', torch.full((2, ), -torch.inf))


def test_what_fits_and_what_does_not():
    weights = copy.deepcopy(Parts().state_dict())
    fit = fit_weights(Parts(), weights)
    assert fit.is_whole and not fit.broken and len(fit.taken) == len(weights)
    weights['old'] = weights.pop('backbone.bias')
    weights['head.weight'] = torch.ones(3, 4)
    weights['head.bias'] = torch.tensor([1., torch.nan])
    del weights['norm.num_batches_tracked']
    weights['text_encoder.embeddings.position_ids'] = torch.arange(3)
    fit = fit_weights(Parts(), weights)
    assert (fit.missing, fit.unused, fit.broken) == (['backbone.bias'], ['old'], ['head.bias'])
    assert fit.reshaped == [('head.weight', (3, 4), (2, 4))] and not fit.is_whole
    assert fit.summary() == ('7 of 9 weights taken, 1 not in it (backbone.bias), 1 of another shape (head.weight), 1 '
                             'of its own left out (old)')
    assert '\n' not in fit.summary()


@pytest.mark.parametrize('change, message', [
    (lambda weights: weights.clear(), 'its state_dict is OrderedDict'),
    (lambda weights: [weights.pop(name) for name in list(weights)[::2]], 'missing in the checkpoint: '),
    (lambda weights: weights.update({'head.weight': torch.ones(3, 4)}), 'head.weight: 3x4 in the checkpoint, 2x4 in'),
    (lambda weights: weights.update({'neck.weight': torch.ones(1)}), '1 unknown to the model: neck.weight'),
    (lambda weights: [value.fill_(torch.nan) for value in weights.values() if value.is_floating_point()],
     'are not finite'),
    (lambda weights: weights['head.bias'].fill_(torch.inf), 'are not finite .*, head.bias first'),
    (lambda weights: weights['norm.running_var'].fill_(torch.nan), 'are not finite'),
    (lambda weights: [weights.update({f'x.{name}': weights.pop(name)}) for name in list(weights)],
     'nothing in .* fits'),
])
def test_for_use(change, message):
    weights = copy.deepcopy(Parts().state_dict())
    change(weights)
    model = Parts()
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(CheckpointError, match=message) as caught:
        load_weights(model, dict(state_dict=weights), 'some.pth')
    assert 'some.pth' in str(caught.value)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])  # nothing is half loaded
    if 'missing' in message or '3x4' in message or 'unknown' in message:
        fit = load_weights(model, dict(state_dict=weights), 'some.pth', allow_partial=True)
        assert fit.taken and not fit.is_whole


def test_heads_of_training_alone_may_lack_or_be_left():
    weights = {**Parts().state_dict(), 'auxiliary_head.0.weight': torch.ones(1)}
    assert load_weights(Parts(), dict(state_dict=weights), 'some.pth').unused == ['auxiliary_head.0.weight']


def test_options_of_an_official_checkpoint():
    checkpoint = dict(meta=dict(official=dict(family='LAVT', config='lavt/x', options={'model.backbone.heads': 4})))
    check_options(checkpoint, ConfigDict(model=dict(backbone=dict(heads=4))), 'some.pth')
    check_options(dict(meta=None), ConfigDict(), 'some.pth')
    for cfg in (ConfigDict(model=dict(backbone=dict(heads=1))), ConfigDict(model=None)):
        with pytest.raises(CheckpointError, match='needs  --cfg-options model.backbone.heads=4'):
            check_options(checkpoint, cfg, 'some.pth')


def test_the_inferencer():
    other = find_zoo_model(LTS).weights
    with pytest.raises(CheckpointError, match='(?s)lts_nano.*missing in the checkpoint.*--allow-partial'):
        RefSegInferencer(find_config(LAVT), other, 'cpu', show_progress=False)
    RefSegInferencer(find_config(LAVT), find_zoo_model(LAVT).weights, 'cpu', show_progress=False)


# --- the config inside a checkpoint ------------------------------------------------------


def test_the_config_inside_is_values(tmp_path):
    cfg = Config.fromfile(find_config(LAVT))
    weights = read_checkpoint(find_zoo_model(LAVT).weights)['state_dict']
    runtime = dict(cfg=cfg.pretty_text)
    save_checkpoint(dict(state_dict=weights, message_hub=dict(runtime_info=runtime)), tmp_path / 'a.pth')
    own = RefSegInferencer(weights=str(tmp_path / 'a.pth'), device='cpu', show_progress=False)
    given = RefSegInferencer(LAVT, device='cpu', show_progress=False)
    for name, value in given.model.state_dict().items():
        assert torch.equal(own.model.state_dict()[name], value)
    given.cfg.model.backbone.pop('init_cfg')  # which the reader leaves out: it would name a file to open
    kinds = [json.dumps(each.cfg.model, default=str).count('"type"') for each in (own, given)]
    assert kinds[0] == kinds[1] > 3


@pytest.mark.parametrize('line, message', [
    ('import os', 'line 1 is no  name = value'),
    ("model = __import__('os').system('true')", 'which is no plain value'),
    ('model = dict(**dict(a=1))', 'no plain value'),
    ('model = [x for x in (1, 2)]', 'no plain value'),
    ('a = ' + '[' * 80 + ']' * 80, 'nested deeper'),
    ('a.b = 1', 'no  name = value'),
    ('a = -"x"', 'bad operand'),
])
def test_what_is_no_value_is_refused(line, message):
    with pytest.raises((ValueError, TypeError), match=message):
        read_values(line)


@pytest.fixture(scope='module')
def text():
    """The config of a model as a checkpoint holds it."""
    cfg = Config.fromfile(find_config(LAVT))
    cfg.model.backbone.init_cfg = dict(type='Pretrained', checkpoint='http://127.0.0.1:9/x.pth')
    cfg.custom_imports = dict(imports=['antigravity'])
    return cfg.pretty_text


@pytest.mark.parametrize('found, put, message', [
    ("type='RefSegmentor'", "type='os.system'", "model.type is 'os.system', which is not registered"),
    ("type='RefSegmentor'", "type='antigravity'", 'antigravity.*not registered'),
    ("type='RefSegmentor'", "type='RefSegmentor', _scope_='os'", "_scope_ 'os'"),
    ("type='LAVTSwin'", "type='subprocess.getoutput'", 'backbone.type is'),
    ("type='LAVTSwin'", "type='mmengine.builtins.exec'", 'backbone.type is'),
    ("type='LAVTSwin'", 'type=7', 'backbone.type is'),
    ("type='LoadRefImage'", "type='LoadImageFromNDArray'", 'may not be built'),
    ("type='RefLocalVisualizer'", "type='shutil.rmtree'", 'may not be built'),
])
def test_what_a_config_inside_may_not_build(text, found, put, message):
    assert found in text
    with pytest.raises(CheckpointError, match=message):
        config_of_checkpoint(dict(meta=dict(cfg=text.replace(found, put))), 'some.pth')


def test_no_weights_from_elsewhere_by_a_config_inside(text):
    found = config_of_checkpoint(dict(meta=dict(cfg=text)), 'some.pth')
    assert 'init_cfg' not in found.model.backbone and set(found) == {'model', 'test_dataloader', 'visualizer'}
    for nothing in (dict(), dict(meta=None), dict(meta=dict(cfg=7)), dict(message_hub=[])):
        with pytest.raises(CheckpointError, match='some.pth holds no config'):
            config_of_checkpoint(nothing, 'some.pth')
