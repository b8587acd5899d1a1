"""The console of a run: lines in a file, a line of progress in a terminal; the documented one is the real one."""

import io
import logging
import os
import re
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from console_noise import assert_no_noise
from mmengine.dataset import RepeatDataset
from mmengine.logging import MMLogger
from rich.console import Console
from torch import nn

from mmrefseg.datasets import MixedRefDataset, RefShapesDataset
from mmrefseg.engine.console import ConsoleHandler, console_of, for_the_file_alone, progress_ended, use_console
from mmrefseg.engine.run_summary import describe_data, describe_model


def handler_on(is_terminal):
    stream = io.StringIO()
    return ConsoleHandler(Console(file=stream, force_terminal=is_terminal, width=40, highlight=False)), stream


def record(message, level=logging.INFO, path='somewhere.py', function='run'):
    return logging.LogRecord('mmengine', level, path, 1, message, None, None, func=function)


def test_a_file_gets_plain_lines():
    handler, stream = handler_on(False)
    handler.progress('step 1')
    handler.emit(record('[bold]a line longer than forty characters, whole'))
    handler.emit(record('of a loss', logging.WARNING))
    lines = stream.getvalue().splitlines()
    assert [re.sub(r'^\d\d:\d\d:\d\d  ', '', line) for line in lines] == [
        '[bold]a line longer than forty characters, whole', 'warning: of a loss']


def test_a_terminal_has_one_line_of_progress():
    handler, stream = handler_on(True)
    handler.progress('step 1 ' + 'x' * 80)
    handler.emit(record('a line'))
    handler.progress('step 2')
    handler.end_progress()
    shown = stream.getvalue()
    assert 'x' * 40 not in shown and '…' in shown  # cut to the width
    assert shown.index('step 1') < shown.index('a line') < shown.index('step 2')
    assert shown.rstrip().endswith('\x1b[2K') and '\x1b[?25h' in shown  # taken away, the cursor back


def test_progress_ends_with_an_error():
    logger = logging.Logger('run')
    handler, stream = handler_on(True)
    logger.addHandler(handler)
    with pytest.raises(ZeroDivisionError), progress_ended(logger):
        handler.progress('step 1')
        raise ZeroDivisionError
    assert '\x1b[?25h' in stream.getvalue() and handler._live is None


@pytest.mark.parametrize('path,function,message,alone', [
    ('/x/mmengine/runner/runner.py', '_log_env', 'System environment', True),
    ('/x/mmengine/runner/runner.py', 'resume', 'resumed epoch: 1', False),
    ('C:\\x\\mmengine\\hooks\\logger_hook.py', 'after_train_iter', 'Epoch(train)', True),
    ('/x/mmrefseg/engine/hooks/checkpoint_hook.py', 'before_train', 'Epoch 1 was not validated', False),
    ('/x/mmengine/logging/logger.py', 'print_log', 'paramwise_options -- a:lr=1', True),
    ('/x/mmengine/logging/logger.py', 'print_log', 'left out 3 refs', False)])
def test_what_goes_to_the_file_alone(path, function, message, alone):
    assert for_the_file_alone(record(message, path=path, function=function)) is alone
    assert not for_the_file_alone(record(message, logging.WARNING, path, function))  # a warning is always said


@pytest.mark.parametrize('level,shown', [('INFO', False), ('DEBUG', True)])
def test_the_file_has_all(tmp_path, capsys, level, shown):
    logger = MMLogger.get_instance('console', log_file=str(tmp_path / 'run.log'), log_level=level)
    use_console(logger)
    assert console_of(logger) is not None
    logger.handle(record('Config: many lines', path='/x/mmengine/runner/runner.py', function='_log_env'))
    logger.handle(record('of interest'))
    printed, written = capsys.readouterr().out, (tmp_path / 'run.log').read_text()
    assert ('many lines' in printed) is shown and 'of interest' in printed
    assert 'many lines' in written and 'of interest' in written


def test_data_in_words(refshapes_root):
    options = dict(data_root=str(refshapes_root), sample_by='image_refs')
    train = RefShapesDataset(split='train', **options)
    refs = {ref for i in range(len(train)) for ref in train.get_data_info(i)['ref_ids']}
    line, = describe_data(train)
    assert line.startswith(f'refshapes_unc_train: {len(train)} images, {len(refs)} refs, ')
    assert list(describe_data(RepeatDataset(train, 3))) == [f'RepeatDataset of {line}']
    mixed = MixedRefDataset([train, RefShapesDataset(split='train', **options)])
    assert list(describe_data(mixed)) == [line, line]
    assert list(describe_data(torch.utils.data.TensorDataset(torch.zeros(1200)))) == ['TensorDataset: 1,200 samples']


def test_a_model_in_words():
    model = nn.Module()
    model.data_preprocessor, model.backbone = nn.Identity(), nn.Linear(1000, 999)
    model.auxiliary_head = nn.ModuleList([nn.Linear(499, 999), nn.Linear(499, 999)])
    assert describe_model(model, training=False) == 'Module of Linear: 1.00 M parameters'
    in_training = 'Module of Linear, Linear in training: 2.00 M parameters'
    assert describe_model(model, training=True) == f'{in_training}, all trained'
    model.backbone.requires_grad_(False)
    assert describe_model(model, training=True) == f'{in_training}, 1.00 M trained'


def shape_of(text):
    """A console without what a machine, an hour and a version change: numbers, and the widths of tables."""
    text = re.sub(r'\(\w+, \d+ threads?\)', '(M, N)', text)
    text = re.sub(r'\d+(:\d\d)+|\d[\d,.]*(e-?\+?\d+)?', 'N', text)
    return [re.sub(r'-{2,}|\s{2,}', ' ', line.rstrip()) for line in text.strip().splitlines()]


@pytest.mark.slow
def test_the_documented_consoles_are_the_real_ones(tmp_path):
    """docs/en/running.md: every command of the section, in an empty folder, with every warning shown."""
    page = (ROOT / 'docs/en/running.md').read_text()
    section = re.search(r'\n## The console\n(.*?)\n## ', page, flags=re.DOTALL)[1]
    blocks = re.findall(r'```text\n(\$ .*?)```', section, flags=re.DOTALL)
    assert len(blocks) == 2
    environment = {key: value for key, value in os.environ.items() if key != 'PYTHONWARNINGS'}
    environment.update(PYTHONPATH=str(ROOT), MMREFSEG=f'{sys.executable} -m mmrefseg', OMP_NUM_THREADS='1')
    for block in blocks:
        command, expected = [], []
        for line in block.splitlines():
            (command if line.startswith('$ ') else expected).append(line.removeprefix('$ '))
        program = '\n'.join(['set -e', 'mmrefseg() { $MMREFSEG "$@"; }', f'python() {{ {sys.executable} "$@"; }}',
                             f'ln -sfn {ROOT}/tools tools', *command])
        done = subprocess.run(['bash', '-c', program], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        assert_no_noise(done.stdout)
        assert len(done.stdout.splitlines()) <= 30
        assert shape_of(done.stdout) == shape_of('\n'.join(expected))
