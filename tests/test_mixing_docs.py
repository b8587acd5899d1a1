"""What docs/en/mixing.md says can be typed can be typed."""

import re

import pytest
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.registry import MODELS
from mmrefseg.utils import without_pretrained

TEXT = (ROOT / 'docs/en/mixing.md').read_text()
WALK = TEXT[TEXT.index('## From an mmseg config'):TEXT.index('## Another part')]
STEPS = re.findall(r'```python\n(.*?)```', WALK, flags=re.DOTALL)
COMMANDS = [line for block in re.findall(r'```bash\n(.*?)```', TEXT, flags=re.DOTALL) for line in block.splitlines()]


def merge(steps):
    """The config after some steps, as if each stood in a file on top of the one before."""
    scope = {}
    exec(steps[0], scope)
    cfg = Config(dict(model=dict()))
    for base in scope['_base_']:
        path = base if base.startswith('mmseg::') else ROOT / 'configs/mixing' / base
        text = f'_base_ = {str(path)!r}'
        cfg.merge_from_dict(Config.fromstring(text, '.py').to_dict())
    for step in steps[1:]:
        cfg.merge_from_dict(Config.fromstring(step, '.py').to_dict())
    return cfg


def quoted(start):
    """An error that the page quotes, in one line."""
    quotes = re.findall(r'(?:^> .*\n)+', WALK, flags=re.MULTILINE)
    found, = (quote for quote in quotes if quote.startswith(f'> {start}'))
    return ' '.join(line[2:] for line in found.splitlines())


def build(cfg):
    init_default_scope('mmrefseg')
    model = without_pretrained(cfg.model)
    model.text_encoder.config.num_hidden_layers = model.text_encoder.trainable_layers = 1  # a layer of BERT will do
    return MODELS.build(model)


def test_the_steps_end_at_the_config():
    cfg, published = merge(STEPS), Config.fromfile(ROOT / 'configs/mixing/segformer_mitb0_refcoco.py')
    assert len(STEPS) == 5
    assert published.model.pop('pretrained').endswith('.pth')
    cfg.model.pop('pretrained')
    assert cfg.model == published.model
    for key in ('train_dataloader', 'test_evaluator', 'optim_wrapper', 'param_scheduler', 'custom_hooks'):
        assert cfg[key] == published[key]


def test_the_errors_on_the_way():
    with pytest.raises(ValueError, match=re.escape(quoted('nothing joins'))):
        build(merge(STEPS[:3]))
    cfg = merge(STEPS[:4])
    cfg.model.fusion.in_channels = [96, 192, 384, 768]
    with pytest.raises(ValueError, match=re.escape(quoted('model.fusion PWAMFusion takes'))):
        build(cfg)


def test_every_file_is_there():
    for command in COMMANDS:
        for word in command.split():
            assert '/' not in word or (ROOT / word).is_file(), command
    for target in re.findall(r'\]\(([^)]+)\)', TEXT):
        assert (ROOT / 'docs/en' / target).exists(), target
    for name in re.findall(r'`([\w-]+\.py)`', TEXT):
        assert (ROOT / 'configs/mixing' / name).is_file(), name
    readme = (ROOT / 'configs/mixing/README.md').read_text()
    for path in (ROOT / 'configs/mixing').glob('*.py'):
        assert f'`{path.name}`' in readme


def test_the_size_of_it(run_tool):
    command, = (command.split()[1:] for command in COMMANDS if 'get_flops' in command)
    assert 'decode_head' in run_tool(*command).stdout


def test_the_training(run_tool, refshapes_root, tmp_path):
    command, = (command.split()[1:] for command in COMMANDS if 'train.py' in command)
    data = [f'{loader}_dataloader.dataset.data_root={refshapes_root}' for loader in ('train', 'val', 'test')]
    run_tool(*command, '--work-dir', tmp_path, '--cfg-options', *data, 'train_cfg.max_epochs=1',
             'train_cfg.val_interval=1', 'train_dataloader.batch_size=3')
    assert (tmp_path / 'epoch_1.pth').is_file()
