"""The batch that a command trains with is the one that the rate was chosen for, or the tool says what to type."""

import copy
import functools
import re
import shlex

import pytest
from conftest import ROOT
from mmengine.config import Config, DictAction

from mmrefseg.engine import check_batch, count_accumulation

READMES = sorted((ROOT / 'configs').glob('*/README.md'))
COMMAND = re.compile(r'tools/dist_train\.sh (configs/\S+) (\d+)( --cfg-options [^\n`]+)?')


@functools.cache
def read(path):
    return Config.fromfile(ROOT / path)


def load(path, *options):
    cfg = copy.deepcopy(read(path))
    pairs = (option.split('=') for option in options)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in pairs})
    return cfg


def readme_commands():
    return [(path.parent.name, *match) for path in READMES for match in COMMAND.findall(path.read_text())]


def test_every_method_says_how_to_train_on_one_four_and_eight():
    counts = {}
    for method, _, processes, _ in readme_commands():
        counts.setdefault(method, set()).add(int(processes))
    assert {method for method, found in counts.items() if found >= {1, 4, 8}} == {
        'cgan', 'lavt', 'lts', 'm3att', 's2rm', 'sadlr', 'vlt'}


@pytest.mark.parametrize('method,path,processes,options', readme_commands())
def test_readme_lines_train_with_the_stated_batch(method, path, processes, options):
    cfg = load(path, *shlex.split(options)[1:])
    assert check_batch(cfg, int(processes)) is None
    if cfg.auto_scale_lr.enable:  # as near as a whole number of images comes
        found = int(processes) * cfg.train_dataloader.batch_size
        assert abs(found - cfg.auto_scale_lr.base_batch_size) < int(processes)


def test_what_is_said():
    said = check_batch(load('configs/lts/lts_darknet53_refcoco.py'), 8)
    assert 'learns from 72 images (8 processes x 9)' in said and 'chosen for 18' in said
    assert '2 processes (torchrun --nproc-per-node 2 -m mmrefseg train CONFIG --launcher pytorch)' in said
    assert 'auto_scale_lr.enable=True' in said
    assert 'batch_size' not in said.split('To match')[1]  # 18 is no multiple of 8
    said = check_batch(load('configs/m3att/m3att_swinb_refcoco.py'), 1)
    assert 'train_dataloader.batch_size=48' in said and 'accumulative_counts=4' in said and '4 processes' in said


@pytest.mark.parametrize('path,processes,options', [
    ('configs/lts/lts_darknet53_refcoco.py', 2, []), ('configs/m3att/m3att_swinb_refcoco.py', 4, []),
    ('configs/sadlr/lavt_swinb_refcoco_1x24g.py', 1, []), ('configs/lavt/lavt_nano_refshapes.py', 1, []),
    ('configs/lavt/lavt_nano_grefshapes.py', 1, []), ('configs/s2rm/s2rm-casg_swinb_refcoco_4refs.py', 8, []),
    ('configs/lavt/lavt_swinb_refcoco.py', 2, ['optim_wrapper.accumulative_counts=4']),
    ('configs/lavt/lavt_swinb_refcoco.py', 3, ['auto_scale_lr.enable=True'])])
def test_nothing_to_say(path, processes, options):
    assert check_batch(load(path, *options), processes) is None


def test_scaling_counts_accumulated_steps():
    cfg = load('configs/lavt/lavt_swinb_refcoco.py', 'auto_scale_lr.enable=True', 'optim_wrapper.accumulative_counts=2')
    count_accumulation(cfg)
    assert cfg.auto_scale_lr.base_batch_size == 16  # mmengine's ratio is then 2 x 4 x processes / 32
    cfg = load('configs/lavt/lavt_swinb_refcoco.py', 'optim_wrapper.accumulative_counts=2')
    count_accumulation(cfg)
    assert cfg.auto_scale_lr.base_batch_size == 32
