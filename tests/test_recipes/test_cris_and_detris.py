"""CRIS' and DETRIS' recipes, read off the runner that a config builds, and read off its letterbox."""

from collections import Counter

import pytest
from conftest import ROOT
from mmengine.config import Config
from recipe_facts import build_runner, frozen_of, parameters_of, write_refcoco


@pytest.fixture(scope='module')
def data_root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    write_refcoco(root)
    return root


def recipe(name, data_root, tmp_path):
    runner = build_runner(ROOT / f'configs/{name}.py', data_root, tmp_path)
    rates = Counter()
    for group in runner.optim_wrapper.optimizer.param_groups:
        rates[round(group['lr'], 12)] += sum(value.numel() for value in group['params'] if value.requires_grad)
    return runner, {rate: count for rate, count in rates.items() if count}


def milestones(runner):
    return [sorted(scheduler.milestones) for scheduler in runner.param_schedulers]


def test_cris(data_root, tmp_path):
    runner, rates = recipe('cris/cris_r50_refcoco', data_root, tmp_path)
    size = parameters_of(runner.model)
    # Both towers at a tenth but for their positions: 50 x 2048 of the attention pool, 77 x 512 of the text.
    positions = 50 * 2048 + 77 * 512
    towers = size['backbone'] + size['text_encoder']
    assert rates == {1e-5: towers - positions, 1e-4: sum(size.values()) - towers + positions}
    assert frozen_of(runner.model) == {} and runner.optim_wrapper.optimizer.defaults['weight_decay'] == 0
    assert type(runner.optim_wrapper.optimizer).__name__ == 'Adam'
    assert milestones(runner) == [[35]] and runner.max_epochs == 50
    assert 8 * runner.train_dataloader.batch_size == 64


@pytest.mark.parametrize('name,steps,epochs,trained', [
    ('detris/detris_dinov2b_refcoco', [35, 55], 65, 23.94), ('detris/detris_dinov2l_refcoco', [35], 50, 24.73)])
def test_detris(name, steps, epochs, trained, data_root, tmp_path):
    runner, rates = recipe(name, data_root, tmp_path)
    assert list(rates) == [1e-4] and round(rates[1e-4] / 1e6, 2) == trained
    frozen = {key.split('.')[1] for key, value in runner.model.named_parameters() if not value.requires_grad}
    assert frozen == {'model', 'text_projection'}
    towers = (runner.model.backbone.model, runner.model.text_encoder.model)
    assert not any(module.training for tower in towers for module in tower.modules())
    assert milestones(runner) == [steps] and runner.max_epochs == epochs
    assert 8 * runner.train_dataloader.batch_size == 32


@pytest.mark.parametrize('name,size,length', [
    ('cris/cris_r101_refcoco', 416, 17), ('cris/cris_r101_refcocog-umd', 416, 22),
    ('detris/detris_dinov2l_refcoco+', 448, 17), ('detris/detris_dinov2b_refcocog-google', 448, 22),
    ('detris/detris_dinov2l_refcoco-mixed', 448, 17)])
def test_inputs(name, size, length):
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    assert cfg.model.text_encoder.max_length == length
    for loader in ('train', 'val', 'test'):
        dataset = cfg[f'{loader}_dataloader'].dataset
        for part in dataset.get('datasets', [dataset]):
            part = dict(dataset.get('common') or {}, **part)
            letterbox, = [step for step in part['pipeline'] if step.type == 'Letterbox']
            assert tuple(letterbox.scale) == (size, size) and part['text_field'] == 'sent'
    assert cfg.test_evaluator.protocol == 'cris'
    assert cfg.model.test_cfg.to_dict() == dict(eval_size='original', threshold=0.35, interpolation='bicubic')
    assert cfg.model.decode_head.align_corners
