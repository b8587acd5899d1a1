"""From arguments to a config."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmrefseg.engine import BFloat16OptimWrapper, enable_amp, load_config, prepare_cpu_run
from mmrefseg.utils import without_pretrained


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / 'some_config.py'
    path.write_text("optim_wrapper = dict(type='OptimWrapper')\nmodel = dict(norm=dict(type='SyncBN'))\n")
    return path


def test_work_dir_is_argument_then_config_then_name(config_file):
    assert load_config(str(config_file), work_dir='here').work_dir == 'here'
    assert load_config(str(config_file), dict(work_dir='there')).work_dir == 'there'
    assert load_config(str(config_file)).work_dir == f'work_dirs/{config_file.parent.name}/some_config'
    assert load_config(str(config_file), {'model.norm.type': 'LN'}).model.norm.type == 'LN'


@pytest.mark.parametrize('kind,expected', [
    ('OptimWrapper', 'BFloat16OptimWrapper'), ('AmpOptimWrapper', 'AmpOptimWrapper'),
    ('BFloat16OptimWrapper', 'BFloat16OptimWrapper')])
def test_amp_on_a_cpu_is_bfloat16(kind, expected, monkeypatch):
    monkeypatch.setattr('mmrefseg.engine.setup_run.get_device', lambda: 'cpu')
    cfg = Config(dict(optim_wrapper=dict(type=kind)))
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == expected


def test_amp_on_cuda_is_float16(monkeypatch):
    monkeypatch.setattr('mmrefseg.engine.setup_run.get_device', lambda: 'cuda')
    cfg = Config(dict(optim_wrapper=dict()))
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'


@pytest.mark.parametrize('given,expected', [
    (dict(type='ValLoop'), dict(type='ValLoop', fp16=True)), (dict(), dict(fp16=True)),
    (dict(type='ValLoop', fp16=False), dict(type='ValLoop', fp16=False)),
    (dict(type='MyLoop'), dict(type='MyLoop')), (None, None)])
def test_amp_validates_under_autocast(given, expected):
    cfg = Config(dict(optim_wrapper=dict(), val_cfg=given))
    enable_amp(cfg)
    assert cfg.val_cfg == expected


def test_amp_refuses_what_it_cannot_replace():
    with pytest.raises(ValueError, match="found 'ApexOptimWrapper'"):
        enable_amp(Config(dict(optim_wrapper=dict(type='ApexOptimWrapper'))))


def test_one_process_and_gpus_are_left_alone(config_file, monkeypatch):
    cfg = load_config(str(config_file))
    prepare_cpu_run(cfg)
    assert 'model_wrapper_cfg' not in cfg and cfg.model.norm.type == 'SyncBN'
    monkeypatch.setattr('mmrefseg.engine.setup_run.get_device', lambda: 'cuda')
    cfg.launcher = 'pytorch'
    prepare_cpu_run(cfg)
    assert 'model_wrapper_cfg' not in cfg and not torch.distributed.is_initialized()


def test_slurm_needs_gpus(config_file, monkeypatch):
    monkeypatch.setattr('mmrefseg.engine.setup_run.get_device', lambda: 'cpu')
    with pytest.raises(ValueError, match='--launcher slurm needs GPUs'):
        prepare_cpu_run(load_config(str(config_file), launcher='slurm'))


def test_bfloat16_wrapper_autocasts_the_forward_pass():
    model = nn.Linear(4, 4)
    wrapper = BFloat16OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    with wrapper.optim_context(model):
        out = model(torch.ones(1, 4))
    assert out.dtype == torch.bfloat16
    before = model.weight.clone()
    wrapper.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32 and not torch.equal(model.weight, before)


def test_without_pretrained_leaves_the_config_as_it_was():
    cfg = Config(dict(model=dict(
        backbone=dict(type='X', init_cfg=dict(type='Pretrained')), pretrained='b.pth',
        text_encoder=dict(type='BERTEncoder', pretrained='bert-base-uncased', max_length=7))))
    plain = without_pretrained(cfg.model)
    assert 'init_cfg' not in plain.backbone and 'pretrained' not in plain
    assert plain.text_encoder.pretrained is None and plain.text_encoder.config.model_type == 'bert'
    assert plain.text_encoder.max_length == 7
    assert cfg.model.text_encoder.pretrained == 'bert-base-uncased' and 'init_cfg' in cfg.model.backbone


def test_a_config_by_its_name(tmp_path, monkeypatch):
    """As an installed user names it, who has no folder of configs."""
    monkeypatch.chdir(tmp_path)
    assert load_config('lavt/lavt_nano_refshapes_1e').work_dir == 'work_dirs/lavt/lavt_nano_refshapes_1e'
    with pytest.raises(FileNotFoundError, match='Near it: lavt/lavt_nano_refshapes'):
        load_config('lavt/lavt_nanno_refshapes')
