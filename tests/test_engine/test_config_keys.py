"""Keys that nothing reads are said, and short ones do what they say."""

import pytest
from conftest import ROOT
from mmengine.config import Config

from mmrefseg.engine import TESTING, TRAINING, apply_options, check_config
from mmrefseg.utils import find_config, list_configs

NANO = str(ROOT / 'configs/lavt/lavt_nano_refshapes.py')


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr('mmrefseg.engine.config_keys.print_log', lambda text, *args, **kwargs: lines.append(text))
    return lines


@pytest.mark.parametrize('option,words', [
    ('train_dataloder.batch_size', "Did you mean 'train_dataloader'"),
    ('train_pipeline.1.scale', 'train_dataloader.dataset.pipeline.1.scale'),
    ('optimizer.lr', 'it became optim_wrapper.optimizer'), ('data.samples_per_gpu', 'it became train_dataloader'),
    ('input_size_512', "Did you mean 'input_size'"), ('epochs', "Did you mean 'max_epochs'"),
    ('env_cfg.cudnn_benchmrk', "Did you mean 'cudnn_benchmark'"),
    ('auto_scale_lr.enabled', "Did you mean 'enable'"), ('dataset_type', 'a variable of the file'),
    ('optim_wrapper.paramwise_cfg.custom_key', "Did you mean 'custom_keys'")])
def test_overrides_that_nothing_reads(option, words):
    with pytest.raises(ValueError, match='--cfg-options .*: nothing reads it|it became') as error:
        apply_options(Config.fromfile(NANO), {option: 1})
    assert option in str(error.value) and words in str(error.value)


def test_max_epochs_takes_along_what_was_tied_to_it():
    cfg = apply_options(Config.fromfile(NANO), dict(max_epochs=7))
    assert (cfg.train_cfg.max_epochs, cfg.train_cfg.val_interval, cfg.param_scheduler[1].end) == (7, 7, 7)
    assert cfg.param_scheduler[0].end == 100  # the warm-up, in steps
    assert cfg.filename == NANO


def test_batch_size_and_input_size():
    cfg = apply_options(Config.fromfile(NANO), dict(batch_size=3, input_size=64))
    assert cfg.train_dataloader.batch_size == 3 and cfg.val_dataloader.batch_size == 16
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.pipeline[1].scale == (64, 64)
    assert apply_options(cfg, dict(input_size=[80, 60])).test_dataloader.dataset.pipeline[1].scale == (80, 60)


@pytest.mark.parametrize('options,words', [
    (dict(max_epochs=0), 'max_epochs=0: expected a whole number'), (dict(batch_size='a'), 'batch_size=a: expected'),
    (dict(input_size=[1, 2, 3]), 'expected a number of pixels'), (dict(input_size=True), 'expected a number')])
def test_wrong_values(options, words):
    with pytest.raises(ValueError, match=words):
        apply_options(Config.fromfile(NANO), options)


def test_an_old_config_is_told_what_became_of_its_keys(tmp_path):
    path = tmp_path / 'old.py'
    path.write_text("model = dict(type='EncoderDecoder')\ndata = dict()\nrunner = dict(type='IterBasedRunner')\n")
    with pytest.raises(ValueError, match='old.py.*lacks train_dataloader.*data became.*runner became train_cfg'):
        check_config(Config.fromfile(path), TRAINING)


def test_keys_of_a_file_that_nothing_reads_are_said(tmp_path, said):
    path = tmp_path / 'my.py'
    path.write_text(f"_base_ = '{NANO}'\noptimizer = dict(type='SGD')\ntrain_dataloaders = dict(batch_size=2)\n"
                    "env_cfg = dict(cudnn_bench=True)\n")
    check_config(Config.fromfile(path), TRAINING)
    assert len(said) == 3 and "'optimizer'" in said[0] and "'train_dataloader'" in said[1] and 'cudnn_bench' in said[2]


def test_our_own_configs_say_nothing(said):
    names = [name for name in list_configs() if not name.startswith('foundation/')]
    assert len(names) > 150
    for name in names[::10]:
        cfg = Config.fromfile(find_config(name))
        check_config(cfg, [key for key in (*TRAINING, *TESTING) if key in cfg])
    assert said == []
