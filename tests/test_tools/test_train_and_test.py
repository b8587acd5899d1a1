"""The tools as a user runs them, each in processes of its own, on a tiny model."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
import torch
from checkpoint_weights import weights_of
from conftest import ROOT, TINY_CONFIG, runners_forgotten
from console_noise import assert_no_noise
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrefseg.command_line import main
from mmrefseg.registry import HOOKS
from mmrefseg.visualization import RefLocalVisualizer


@pytest.fixture(scope='module')
def trained(tmp_path_factory, refshapes_root):
    """The work dir of an uninterrupted run of three epochs."""
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    loud = {name: value for name, value in environment().items() if name != 'PYTHONWARNINGS'}
    done = subprocess.run(train_command(work_dir, refshapes_root), check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=loud)
    (work_dir / 'console.txt').write_text(done.stdout)
    return work_dir


def test_the_console_fits_on_a_screen(trained):
    """No warnings filter: what meant nothing is not said any more. The log file has the rest."""
    console = (trained / 'console.txt').read_text()
    assert_no_noise(console)
    assert len(console.splitlines()) <= 28 and '\x1b' not in console
    for pattern in (r'model +RefSegmentor of LAVTSwin, RNNEncoder, LAVTDecoder, MaskHead: 0\.\d+ M parameters',
                    r'data +refshapes_unc_train: 6 images, \d+ refs, \d+ expressions',
                    r'val +refshapes_unc_val: 5 images', r'steps +3 an epoch, 3 epochs; 2 samples a step',
                    r'on +\w+', r'written +\S+',
                    r'epoch 3/3  step 3/3  loss \d\.\d{3}  rate \S+  \d\.\d\d s a step  0:00:00 left  decode\.ce \d'):
        assert re.search(pattern, console), pattern
    log = re.search(r'  log +(\S+)', console)[1]
    log = Path(log).read_text()
    for kept in ('Config:\n', 'Hooks will be executed', 'paramwise_options -- ', 'System environment', 'Epoch(train)'):
        assert kept in log


def environment():
    return dict(os.environ, PYTHONWARNINGS='ignore', PYTHONPATH=str(ROOT))


def train_command(work_dir, data, *args, seed=11):
    options = [f'{loader}_dataloader.dataset.data_root={data}' for loader in ('train', 'val', 'test')]
    # Two workers that die each epoch, to show that neither matters.
    options += ['train_cfg.max_epochs=3', 'train_cfg.val_interval=10', 'train_dataloader.num_workers=2',
                'default_hooks.checkpoint.max_keep_ckpts=3', f'randomness.seed={seed}']
    return [sys.executable, str(ROOT / 'tools/train.py'), str(TINY_CONFIG), '--work-dir', str(work_dir), *args,
            '--cfg-options', *options]


def test_killed_and_resumed_equals_uninterrupted(tmp_path, trained, refshapes_root):
    process = subprocess.Popen(
        train_command(tmp_path, refshapes_root), env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 120
    while not (tmp_path / 'last_checkpoint').is_file():
        assert process.poll() is None and time.time() < deadline, 'no checkpoint was written'
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)  # with its workers
    process.wait()
    assert not (tmp_path / 'epoch_3.pth').is_file(), 'it was killed too late to show anything'
    # Without a seed in the config a new run draws one; a resumed run must take the old one.
    subprocess.run(train_command(tmp_path, refshapes_root, '--resume', seed=None), check=True, capture_output=True,
                   env=environment())
    expected, resumed = weights_of(trained / 'epoch_3.pth'), weights_of(tmp_path / 'epoch_3.pth')
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        torch.testing.assert_close(resumed[name], value, atol=1e-6, rtol=0, msg=lambda m, n=name: f'{n}: {m}')
    first = weights_of(trained / 'epoch_1.pth')
    assert any(not torch.equal(first[name], value) for name, value in expected.items())


def test_two_processes_train(tmp_path, run_tool, tiny_options):
    run_tool('tools/dist_train.sh', TINY_CONFIG, 2, '--work-dir', tmp_path, *tiny_options, 'train_cfg.max_epochs=1',
             PORT='29611')
    assert all(value.isfinite().all() for value in weights_of(tmp_path / 'epoch_1.pth').values())
    record, = tmp_path.glob('*/run.json')  # the first process' alone
    assert json.loads(record.read_text())['processes'] == 2


def test_two_processes_test_as_one(tmp_path, run_tool, tiny_options, trained):
    """Five pictures on two processes: the split is uneven."""
    checkpoint = trained / 'epoch_3.pth'
    more = [*tiny_options, 'test_dataloader.batch_size=1', 'model.test_cfg.threshold=0.2']
    one = run_tool('tools/test.py', TINY_CONFIG, checkpoint, '--splits', 'val', 'testA', '--out', tmp_path / 'one.json',
                   '--work-dir', tmp_path / 'one', '--dump', tmp_path / 'dump', '--show-dir', tmp_path / 'show', *more)
    run_tool('tools/dist_test.sh', TINY_CONFIG, checkpoint, 2, '--splits', 'val', 'testA', '--out',
             tmp_path / 'two.json', '--work-dir', tmp_path / 'two', *more, PORT='29612')
    alone, together = (json.loads((tmp_path / f'{name}.json').read_text()) for name in ('one', 'two'))
    assert alone == together
    assert set(alone) == {'val', 'testA'} and alone['val']['oIoU'] > 0
    assert '| val ' in one.stdout and '| testA ' in one.stdout
    assert 'refshapes_unc_val: 5 images' in one.stdout and 'refshapes_unc_testA: 3 images' in one.stdout
    assert_no_noise(one.stdout)
    rows = (tmp_path / 'dump_val.csv').read_text().splitlines()
    assert len(rows) > 5 and 'expression' in rows[0]
    images = list((tmp_path / 'show').rglob('*.png'))
    assert len(images) == 8 and all(cv2.imread(str(image)) is not None for image in images)


@pytest.fixture
def test_here(monkeypatch, tmp_path, trained, tiny_options):
    """The test tool in this process: what it printed as metrics, and the runner."""
    monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')  # other tests measure the memory of this process
    monkeypatch.setenv('LOCAL_RANK', '0')
    runners = []
    original = Runner.test
    monkeypatch.setattr(Runner, 'test', lambda self: runners.append(self) or original(self))

    def test_here(*arguments, config=TINY_CONFIG):
        out = tmp_path / 'new/metrics.json'
        with runners_forgotten():
            RefLocalVisualizer._instance_dict.clear()
            main(['test', str(config), str(trained / 'epoch_3.pth'), '--out', str(out), '--work-dir', str(tmp_path),
                  *map(str, arguments), *tiny_options, 'model.test_cfg.threshold=0.2'])
        assert [path.name for path in out.parent.iterdir()] == ['metrics.json']
        return json.loads(out.read_text()), runners.pop()

    return test_here


def test_shuffled_expressions_and_amp(test_here):
    plain, runner = test_here()
    shuffled, _ = test_here('--shuffle-expressions')
    half, half_runner = test_here('--amp')
    assert shuffled['val']['oIoU'] != plain['val']['oIoU'] > 0
    assert half['val']['oIoU'] == pytest.approx(plain['val']['oIoU'], abs=3)
    for one, dtype in ((runner, torch.float32), (half_runner, torch.bfloat16)):
        assert one.model.decode_head.classifier.weight.dtype == dtype


class SeenHook(Hook):
    """Notes which data a hook finds after each test."""

    def __init__(self):
        self.splits = []

    def after_test_epoch(self, runner, metrics=None):
        self.splits.append(runner.test_dataloader.dataset.split)


@pytest.mark.parametrize('metric', ['RefIoUMetric', 'GRefMetric'])
def test_several_splits(test_here, tmp_path, metric):
    """Hooks see each split, and each has its own file of rows."""
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = {str(TINY_CONFIG)!r}\ntest_evaluator = dict(_delete_=True, type={metric!r}, "
                      f"dump_file={str(tmp_path / 'rows.jsonl')!r})\ncustom_hooks = [dict(type='SeenHook')]\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(HOOKS.module_dict, 'SeenHook', SeenHook)
        metrics, runner = test_here('--splits', 'val', 'testA', config=config)
        hook, = (hook for hook in runner.hooks if isinstance(hook, SeenHook))
        assert list(metrics) == hook.splits == ['val', 'testA']
        numbers = {split: len((tmp_path / f'rows_{split}.jsonl').read_text().splitlines()) for split in metrics}
        assert numbers['val'] > numbers['testA'] > 0 and not (tmp_path / 'rows.jsonl').exists()
        if metric == 'GRefMetric':
            test_here('--dump', tmp_path / 'dump', config=config)
            assert 'said_none' in (tmp_path / 'dump_val.csv').read_text().splitlines()[0]


def test_out_is_checked_first(capsys):
    with pytest.raises(SystemExit):
        main(['test', 'no_config.py', 'no.pth', '--out', 'metrics.txt'])
    assert '--out metrics.txt: expected a name that ends with .json' in capsys.readouterr().err


def test_amp_trains(tmp_path, run_tool, tiny_options):
    run_tool('tools/train.py', TINY_CONFIG, '--amp', '--work-dir', tmp_path, *tiny_options, 'train_cfg.max_epochs=1')
    assert all(value.dtype != torch.bfloat16 for value in weights_of(tmp_path / 'epoch_1.pth').values())


def test_grid(tmp_path, run_tool, tiny_options, trained):
    run_tool('tools/analysis_tools/prediction_grid.py', TINY_CONFIG, trained / 'epoch_3.pth', '--split', 'testB',
             '--number', 3, '--out', tmp_path / 'grid.png', *tiny_options)
    assert cv2.imread(str(tmp_path / 'grid.png')).shape[1] > 900


def test_flops(run_tool):
    out = run_tool('tools/analysis_tools/get_flops.py', TINY_CONFIG, '--shape', 64, 64, '--words', 5).stdout
    for part in ('text_encoder', 'backbone', 'decoder', 'decode_head', 'all'):
        assert f' {part} |' in out
