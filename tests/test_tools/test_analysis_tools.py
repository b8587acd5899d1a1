"""The tools of analysis from end to end, in this process: its imports are half of what a process of their own costs."""

import importlib.util
import json
import sys

import cv2
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.analysis.images.open_model import open_dataset
from mmrefseg.analysis.results.expression_table import read_expressions
from mmrefseg.evaluation.expression_dump import write_expressions
from mmrefseg.registry import MODELS

CONFIGS = dict(tiny=TINY_CONFIG, sadlr=ROOT / 'configs/sadlr/lavt_nano_refshapes.py',
               lts=ROOT / 'configs/lts/lts_nano_refshapes.py')


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Random weights of each config."""
    folder = tmp_path_factory.mktemp('weights')
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    for name, config in CONFIGS.items():
        torch.save(dict(state_dict=MODELS.build(Config.fromfile(config).model).state_dict()), folder / f'{name}.pth')
    return folder


@pytest.fixture
def tool(monkeypatch, capsys):
    """Runs a tool's main() and gives what it printed; ``code`` is the exit status that is expected."""
    monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')  # other tests measure the memory of this process

    def run(name, *args, code=None):
        path = ROOT / 'tools/analysis_tools' / f'{name}.py'
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, args)])
        capsys.readouterr()
        if code is None:
            module.main()
        else:
            with pytest.raises(SystemExit) as exit_info:
                module.main()
            assert exit_info.value.code == code
        printed = capsys.readouterr()
        return printed.out if code is None else printed.err

    return run


@pytest.fixture
def data(refshapes_root):
    return ['--split', 'val', '--cfg-options', f'test_dataloader.dataset.data_root={refshapes_root}']


@pytest.mark.parametrize('name,model,options,columns', [
    ('iteration_grid', 'sadlr', ['--number', 2], 3),
    ('iteration_grid', 'sadlr', ['--rows', 2, '--order', 'refined'], 3),
    ('prediction_grid', 'tiny', ['--number', 3, '--order', 'worst', '--columns', 2], 2),
    ('heatmap_grid', 'lts', ['--number', 2], 4),
    ('attention_grid', 'tiny', ['--number', 1, '--columns', 3], 3),
])
def test_sheets(tool, checkpoints, data, tmp_path, name, model, options, columns):
    out = tmp_path / 'new/sheet.png'
    printed = tool(name, CONFIGS[model], checkpoints / f'{model}.pth', *options, '--cell-width', 80, '--colors', 64,
                   '--out', out, *data)
    assert f'wrote {out}' in printed and ('mIoU of the iterations over' in printed) == (model == 'sadlr')
    image = cv2.imread(str(out))
    assert image.shape[1] == columns * 80 + (columns + 1) * 16
    assert len({tuple(pixel) for pixel in image.reshape(-1, 3).tolist()}) <= 64


@pytest.mark.parametrize('name,message', [
    ('iteration_grid', 'has the head MaskHead, expected a SADLRHead with iterations'),
    ('heatmap_grid', 'gives no heatmap (prior)'),
])
def test_models_without_what_is_drawn(tool, checkpoints, data, tmp_path, name, message):
    assert message in tool(name, TINY_CONFIG, checkpoints / 'tiny.pth', '--out', tmp_path / 'a.png', *data, code=2)
    assert not (tmp_path / 'a.png').exists()


@pytest.fixture
def dumps(tmp_path, refshapes_root):
    cfg = Config.fromfile(TINY_CONFIG)
    cfg.test_dataloader.dataset.update(data_root=str(refshapes_root), split='val')
    found = read_expressions(open_dataset(cfg))
    for name, intersection in dict(good=8, bad=2).items():
        write_expressions(str(tmp_path / f'{name}.csv'), [
            dict(ref_id=ref_id, sent_id=sent_id, expression=one.text, intersection=intersection, union=10,
                 iou=intersection / 10) for (ref_id, sent_id), one in found.items()], ('intersection', 'union', 'iou'))
    return [tmp_path / 'good.csv', tmp_path / 'bad.csv']


def test_results_by_group(tool, dumps, data, tmp_path):
    out, image = tmp_path / 'groups.json', tmp_path / 'groups.png'
    printed = tool('analyze_results', TINY_CONFIG, *dumps, '--out', out, '--chart', image, *data)
    assert all(f'| {way}' in printed for way in ('all', 'words', 'size of the object', 'position words'))
    scores = json.loads(out.read_text())
    assert scores['all']['all'] == dict(expressions=64, scores=dict(
        good={'oIoU': 80, 'mIoU': 80, 'P@0.5': 100}, bad={'oIoU': 20, 'mIoU': pytest.approx(20), 'P@0.5': 0}))
    assert sum(group['expressions'] for group in scores['words'].values()) == 64
    assert cv2.imread(str(image)).shape[1] == 1100
    assert 'P@0.5 good' in printed
    assert '--names: 1 names for 2 dumps' in tool('analyze_results', TINY_CONFIG, *dumps, '--names', 'a', *data, code=2)
    other = [*data[:1], 'testA', *data[2:]]
    assert 'good.csv is of another data set or split' in tool('analyze_results', TINY_CONFIG, *dumps, *other, code=2)


def test_confusion(tool, checkpoints, data, tmp_path):
    out = tmp_path / 'confusion.json'
    printed = tool('confusion', TINY_CONFIG, checkpoints / 'tiny.pth', '--out', out, '--chart',
                   tmp_path / 'confusion.png', *data)
    found = json.loads(out.read_text())
    assert found['expressions'] == 64 and found['failures'] == len(found['rows']) == sum(found['kinds'].values()) > 0
    assert f'{found["failures"]} |         100.0 |' in printed
    assert cv2.imread(str(tmp_path / 'confusion.png')) is not None


def test_benchmark(tool, tmp_path, monkeypatch):
    # A process of its own, in which memory is measured, takes seconds to import all.
    monkeypatch.setattr('mmrefseg.utils.paired.in_own_process', lambda function, *args: function(*args))
    out = tmp_path / 'times.json'
    configs = [CONFIGS['lts'], CONFIGS['sadlr']]
    printed = tool('benchmark', *configs, '--shape', 96, 96, '--words', 4, '--expressions', 2, '--batch-size', 2,
                   '--repeats', 2, '--warmup', 1, '--device', 'cpu', '--out', out)
    assert 'x first' in printed and 'expressions/s' in printed and all(str(config) in printed for config in configs)
    found = json.loads(out.read_text())
    assert {len(times) for way in ('latency', 'batch') for times in found[way].values()} == {2}
    assert all(1e5 < found['parameters'][str(config)] < 5e6 for config in configs)
    assert all(4 * found['parameters'][str(config)] < found['memory'][str(config)] for config in configs)
    assert 'a config is named twice' in tool('benchmark', TINY_CONFIG, TINY_CONFIG, code=2)
    assert '--repeats is 0, expected 1 or more' in tool('benchmark', TINY_CONFIG, '--repeats', 0, code=2)


def test_curves(tool, tmp_path):
    folder = tmp_path / 'run/20260101_000000/vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('{"loss": 1.0, "iter": 1, "epoch": 1, "step": 1}\n{"oIoU": 3.0, "step": 1}\n')
    (folder / 'config.py').write_text('seed = 1\n')
    out = tmp_path / 'curves.png'
    tool('analyze_logs', tmp_path / 'run', '--keys', 'loss', 'oIoU', '--out', out)
    assert cv2.imread(str(out)).shape[1] == 840  # a panel a key
    assert "no log has 'lr', found loss, oIoU" in tool('analyze_logs', tmp_path / 'run', '--keys', 'lr', code=2)
    assert 'holds no log of a training' in tool('analyze_logs', folder, code=2)
