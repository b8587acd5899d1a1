"""The scripts in benchmarks/: what they do with their numbers, and that they run."""

import argparse
import importlib.util
import json

import pytest
from conftest import ROOT


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / 'benchmarks' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def refshapes():
    return load('refshapes')


def scores(m_iou):
    return {split: dict.fromkeys(('mIoU', 'oIoU', 'P@0.5', 'P@0.7', 'P@0.9'), m_iou) for split in ('val', 'testA')}


def test_table_of_means_and_spread(refshapes):
    text = refshapes.table(
        {'configs/lts/lts_nano_refshapes.py': [scores(10.), scores(20.), scores(30.)],
         'configs/sadlr/lts_nano_refshapes.py': [scores(5.)]}, ['val', 'testA'])
    header, _, first, second = text.split('\n')
    assert header == '| | val mIoU | val oIoU | val P@0.5 | val P@0.7 | val P@0.9 | testA mIoU |'
    assert first == '| lts_lts_nano |' + ' 20.0 ± 10.0 |' * 6
    assert second == '| sadlr_lts_nano |' + ' 5.0 |' * 6


def test_finished_runs_are_not_repeated(refshapes, tmp_path, monkeypatch):
    commands = []

    def run(command, log):
        commands.append(command)
        if command[0] == 'tools/test.py':
            out = command[command.index('--out') + 1]
            with open(out, 'w') as file:
                json.dump(scores(12.), file)

    monkeypatch.setattr(refshapes, 'run', run)
    args = argparse.Namespace(work_dir=tmp_path, data='data', epochs=2, splits=['val', 'testA'],
                              cfg_options=['optim_wrapper.optimizer.lr=1e-3'])
    config = 'configs/lavt/lavt_nano_refshapes.py'
    for _ in range(2):
        assert refshapes.train_and_test(config, 3, args) == scores(12.)
    train, test = commands
    assert train[:2] == ['tools/train.py', config] and '--resume' in train
    assert {'randomness.seed=3', 'train_cfg.max_epochs=2', 'optim_wrapper.optimizer.lr=1e-3'} <= set(train)
    assert test[:3] == ['tools/test.py', config, str(tmp_path / 'lavt_lavt_nano_e2_s3/epoch_2.pth')]


def test_a_failed_run_names_its_log(refshapes, tmp_path):
    with pytest.raises(RuntimeError, match='tools/train.py no_such_config.py failed with 1: see .*run.log'):
        refshapes.run(['tools/train.py', 'no_such_config.py'], tmp_path / 'run.log')
    assert 'no_such_config.py' in (tmp_path / 'run.log').read_text()


@pytest.mark.parametrize('group', ['sadlr', 's2rm', 'm3att'])
def test_groups_name_configs_that_exist(refshapes, group):
    configs = refshapes.GROUPS[group]
    assert len(configs) == len(set(configs)) == dict(sadlr=9, s2rm=6, m3att=5)[group]
    assert all((ROOT / config).is_file() for config in configs)


def test_latency_runs(run_tool, tmp_path):
    out = tmp_path / 'times.json'
    configs = [f'configs/{method}/lavt_nano_refshapes.py' for method in ('lavt', 'sadlr')]
    done = run_tool('benchmarks/latency.py', *(ROOT / config for config in configs), '--shape', 96, 96, '--words', 4,
                    '--repeats', 3, '--out', out)
    assert '96x96' in done.stdout and 'x baseline' in done.stdout
    times = json.loads(out.read_text())['times']
    assert [len(values) for values in times.values()] == [3, 3] and all(v > 0 for vs in times.values() for v in vs)
