"""Equal runs are equal, what differs is found, and a work dir says how it came about."""

import json
import os
import runpy
import shutil
import subprocess
import sys

import cv2
import pytest
import torch
from checkpoint_weights import weights_of
from conftest import ROOT, TINY_CONFIG
from mmengine.logging import MessageHub, MMLogger

from mmrefseg.analysis.runs.run_comparison import ABSENT, compare, differ, flatten, names
from mmrefseg.analysis.runs.run_history import RunHistory, read_run
from mmrefseg.command_line import main
from mmrefseg.visualization import RefLocalVisualizer


@pytest.fixture(scope='module')
def runs(tmp_path_factory, refshapes_root):
    """Three trainings of the tiny model.

    ``a`` and ``b`` have the same seed: two epochs in a process of its own, and one in this process, resumed to two.
    ``c`` has another seed. Two splits were tested in ``a``.
    """
    root = tmp_path_factory.mktemp('runs')

    def arguments(name, seed, epochs, *more):
        options = [f'{loader}_dataloader.dataset.data_root={refshapes_root}' for loader in ('train', 'val', 'test')]
        return [str(TINY_CONFIG), '--seed', str(seed), '--deterministic', '--work-dir', str(root / name), *more,
                '--cfg-options', *options, f'train_cfg.max_epochs={epochs}', 'train_cfg.val_interval=1',
                'train_dataloader.num_workers=2', 'default_hooks.logger.interval=1',
                'default_hooks.checkpoint.save_best=None']

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMREFSEG_KEEP_MEMORY', '0')
        patch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
        patch.setenv('LOCAL_RANK', '0')
        # Half of the time of so short a run: mmengine writes its config down, prettily, again and again.
        for module in ('mmengine.config.config', 'yapf.yapflib.yapf_api'):  # the OneDL line imports it when it needs it
            patch.setattr(f'{module}.FormatCode', lambda text, **options: (text, True), raising=False)
        # Strings hash otherwise in every process; as many threads as here.
        environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore',
                           OMP_NUM_THREADS=str(torch.get_num_threads()))
        subprocess.run([sys.executable, '-m', 'mmrefseg', 'train', *arguments('a', 5, 2)], env=environment, check=True,
                       capture_output=True)
        try:
            for name, seed, epochs, *more in (('b', 5, 1), ('c', 6, 1), ('b', 5, 2, '--resume')):
                run_here('train', *arguments(name, seed, epochs, *more))
        finally:
            torch.use_deterministic_algorithms(False)
        start = arguments('a', 5, 2)
        run_here('test', start[0], str(root / 'a/epoch_2.pth'), '--splits', 'val', 'testA', *start[4:-4])
    return root


def run_here(*arguments):
    """A command as in a process of its own: mmengine keeps what a runner made before."""
    for kind in (MessageHub, MMLogger, RefLocalVisualizer):
        kind._instance_dict.clear()
    main(arguments)


@pytest.mark.parametrize('epoch', [1, 2])
def test_deterministic_runs_are_bit_equal(runs, epoch):
    first, second = (weights_of(runs / name / f'epoch_{epoch}.pth') for name in 'ab')
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_another_seed_is_another_run(runs):
    first, other = (weights_of(runs / name / 'epoch_1.pth') for name in 'ac')
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_every_start_has_a_record(runs):
    records = [json.loads(path.read_text()) for path in sorted((runs / 'b').glob('*/run.json'))]
    assert [record['resumed_at'] for record in records] == [None, dict(epoch=1, iter=3)]
    for record in records:
        assert record['mode'] == 'train' and record['seed'] == 5 and record['deterministic'] is True
        assert record['config']['model']['type'] == 'RefSegmentor' and record['config_file'] == str(TINY_CONFIG)
        assert record['versions']['torch'].startswith(torch.__version__.split('+')[0])
        assert record['ended'] >= record['started'] and record['seconds'] > 0 and record['peak_memory_mb'] > 100
        if (ROOT / '.git').exists():
            assert len(record['git']['mmrefseg']['commit']) == 40
    first, = (json.loads(path.read_text()) for path in (runs / 'a').glob('*/run.json')
              if '"mode": "train"' in path.read_text())
    assert first['command'][1:4] == ['-m', 'mmrefseg', 'train'] and '--deterministic' in first['command']


def test_histories(runs):
    a, b, c = (read_run(runs / name) for name in 'abc')
    assert len(a.starts) == 1 and len(b.starts) == 2
    assert len(c.starts) == 1 and [row['iter'] for row in c.train] == [1, 2, 3]
    assert [row['iter'] for row in b.train] == [1, 2, 3, 4, 5, 6]
    assert [row['loss'] for row in a.train] == [row['loss'] for row in b.train]
    assert a.curve('oIoU') == b.curve('oIoU') and list(a.curve('oIoU')) == [1, 2]
    assert set(a.tests) == {'val', 'testA'} and a.tests['val']['metrics']['mIoU'] == pytest.approx(a.curve('mIoU')[2])
    assert a.memory()['host'] > 100 and a.seconds_a_step() > 0


def test_what_was_begun_anew_is_left_out(runs, tmp_path):
    for i, folder in enumerate(sorted((runs / 'b').glob('*/run.json')), start=1):
        shutil.copytree(folder.parent, tmp_path / f'2000010{i}_000000')
    old = read_run(tmp_path)
    begun = next((runs / 'c').glob('*/run.json')).parent
    shutil.copytree(begun, tmp_path / '20000103_000000')
    new = read_run(tmp_path)
    assert len(old.starts) == 2 and old.last['seed'] == 5
    assert len(new.starts) == 1 and new.last['seed'] == 6 and new.train == read_run(runs / 'c').train


def test_logs_without_records(runs, tmp_path):
    """As other programs on mmengine leave them; the last line of the second is cut off."""
    for folder in (runs / 'b').glob('*/vis_data'):
        copy = tmp_path / folder.parent.name / 'vis_data'
        copy.mkdir(parents=True)
        for name in ('scalars.json', 'config.py'):
            (copy / name).write_text((folder / name).read_text())
    last = max(tmp_path.glob('*/vis_data/scalars.json'))
    last.write_text(last.read_text()[:-30])
    run, whole = read_run(tmp_path), read_run(runs / 'b')
    assert run.starts == [] and run.train == whole.train and run.validations == whole.validations[:1]
    assert compare([run, whole])['run']['seed'] == [5, 5]


def run_tool(monkeypatch, *arguments):
    monkeypatch.setattr('sys.argv', ['compare_runs.py', *map(str, arguments)])
    runpy.run_path(str(ROOT / 'tools/analysis_tools/compare_runs.py'))['main']()


def test_side_by_side(runs, tmp_path, monkeypatch, capsys):
    run_tool(monkeypatch, runs / 'a', runs / 'c', '--out', tmp_path / 'c.json', tmp_path / 'new/c.png')
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / 'c.json').read_text())
    assert result['runs'] == ['a', 'c']
    assert result['config'] == {'train_cfg.max_epochs': [2, 1], 'randomness.seed': [5, 6]}
    assert list(result['validation']['oIoU']) == ['1', '2'] and result['validation']['oIoU']['2'][1] is None
    assert result['tests']['testA mIoU'][0] is not None and result['tests']['testA mIoU'][1] is None
    assert '* seed ' in printed and '  deterministic ' in printed and 'config: 2 keys differ' in printed
    assert 'oIoU by epoch' in printed and 'versions: no difference' in printed and ABSENT in printed
    height, width = cv2.imread(str(tmp_path / 'new/c.png')).shape[:2]
    assert width > 3 * height and [path.name for path in (tmp_path / 'new').iterdir()] == ['c.png']


@pytest.mark.parametrize('more,message', [
    (['--metrics', 'gIoU'], 'no run has gIoU, found oIoU'), (['--out', 'x.txt'], 'found x.txt')])
def test_wrong_arguments(runs, monkeypatch, capsys, more, message):
    with pytest.raises(SystemExit):
        run_tool(monkeypatch, runs / 'a', runs / 'c', *more)
    assert message in capsys.readouterr().err


def test_nothing_to_compare(runs, tmp_path, monkeypatch, capsys):
    for folders, message in (([runs / 'a'], 'expected two work dirs'),
                             ([runs / 'a', tmp_path], f'error: {tmp_path} holds no log of a training')):
        with pytest.raises(SystemExit):
            run_tool(monkeypatch, *folders)
        assert message in capsys.readouterr().err


def test_no_work_dir(tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no log of a training'):
        read_run(tmp_path)


def test_a_broken_record_is_named(tmp_path):
    (tmp_path / 'one').mkdir()
    (tmp_path / 'one/run.json').write_text('{"format": 1,')
    with pytest.raises(ValueError, match='one/run.json is no JSON'):
        read_run(tmp_path)


def test_small_things(tmp_path):
    assert flatten(dict(a=[1, dict(b=())], c={})) == {'a.0': 1, 'a.1.b': [], 'c': {}}
    assert differ([1, True]) and differ([None, 0]) and not differ([[1], [1], [1]])
    paths = [tmp_path / 'x/lavt', tmp_path / 'y/lavt', tmp_path / 'x/vlt']
    assert names([RunHistory(path) for path in paths]) == ['x/lavt', 'y/lavt', 'x/vlt']
    assert names([RunHistory(path) for path in paths[1:]]) == ['lavt', 'vlt']
