"""What the command lines of training and testing share, and where testing writes its rows."""

import argparse
import os

import pytest
from mmengine.config import Config

from mmrefseg.command_line.test import set_dump_file
from mmrefseg.engine import add_run_arguments, parse_run_arguments


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    add_run_arguments(parser)
    parser.add_argument('checkpoint')
    return parser


def test_defaults_and_order(parser):
    args = parser.parse_args(['a.py', 'a.pth'])
    assert vars(args) == dict(config='a.py', checkpoint='a.pth', work_dir=None, amp=False, compile=False,
                              cfg_options={}, launcher='none', local_rank=0)


@pytest.mark.parametrize('flag', ['--local_rank', '--local-rank'])
def test_all_given(parser, flag):
    args = parser.parse_args(['a.py', 'a.pth', '--work-dir', 'w', '--amp', '--compile', '--launcher', 'pytorch',
                              f'{flag}=3', '--cfg-options', 'a.b=1', 'c=[x,y]'])
    assert (args.work_dir, args.amp, args.compile, args.launcher, args.local_rank) == ('w', True, True, 'pytorch', 3)
    assert args.cfg_options == {'a.b': 1, 'c': ['x', 'y']}


def test_unknown_launcher(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(['a.py', 'a.pth', '--launcher', 'ssh'])
    assert "invalid choice: 'ssh'" in capsys.readouterr().err


@pytest.mark.parametrize('before', [None, '1'])
def test_the_rank_reaches_mmengine(parser, monkeypatch, before):
    monkeypatch.setenv('LOCAL_RANK', '')  # so that it is put back
    monkeypatch.delenv('LOCAL_RANK')
    if before:  # torchrun's
        monkeypatch.setenv('LOCAL_RANK', before)
    assert parse_run_arguments(parser, ['a.py', 'a.pth', '--local-rank', '3']).config == 'a.py'
    assert os.environ['LOCAL_RANK'] == (before or '3')


@pytest.mark.parametrize('name', ['RefIoUMetric', 'mmrefseg.RefIoUMetric', 'GRefMetric'])
def test_dump_file_of_one_metric_and_of_several(name):
    cfg = Config(dict(one=dict(type=name), several=[
        dict(type='DumpResults'), dict(type=name), dict(type='GRefMetric')]))
    for evaluator in (cfg.one, cfg.several):
        set_dump_file(evaluator, 'rows.csv')
    assert cfg.one.dump_file == cfg.several[1].dump_file == 'rows.csv'
    assert 'dump_file' not in cfg.several[0] and 'dump_file' not in cfg.several[2]  # whose rows are others


def test_dump_without_the_metric():
    with pytest.raises(ValueError, match='--dump needs a RefIoUMetric or GRefMetric in test_evaluator, found DumpRes'):
        set_dump_file([dict(type='DumpResults')], 'rows.csv')
