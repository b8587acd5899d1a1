"""Curves from logs."""

import json

import pytest

from mmrefseg.analysis.charts import draw_curves
from mmrefseg.analysis.runs.log_curves import collect_curves, curve_of, keys_of, smooth
from mmrefseg.analysis.runs.run_history import RunHistory, read_run

TRAIN = [dict(lr=0.1, loss=3., iter=10, epoch=1, step=10), dict(lr=0.1, loss=2., iter=20, epoch=1, step=20),
         dict(lr=0.05, loss=1., iter=40, epoch=2, step=40)]
VALIDATIONS = [dict(oIoU=30., step=1), dict(oIoU=40., step=2)]


def run_of(by_epoch=True):
    train = TRAIN if by_epoch else [{key: value for key, value in row.items() if key != 'epoch'} for row in TRAIN]
    return RunHistory(path=None, train=train, validations=VALIDATIONS)


def test_validation_stands_at_the_end_of_its_epoch():
    assert curve_of(run_of(), 'oIoU') == ([20, 40], [30., 40.])
    assert curve_of(run_of(), 'loss') == ([10, 20, 40], [3., 2., 1.])
    assert curve_of(run_of(by_epoch=False), 'oIoU') == ([1, 2], [30., 40.])  # its step is the iteration
    assert keys_of(run_of()) == ['lr', 'loss', 'oIoU']


def test_smoothing():
    assert smooth(([1, 2], [4., 8.]), 0.) == ([1, 2], [4., 8.])
    values = smooth(([1, 2, 3], [5., 5., 5.]), 0.9)[1]
    assert values == pytest.approx([5., 5., 5.])  # unbiased from its start
    # (0.5 * 8 + 0.25 * 4) / 0.75
    assert smooth(([1, 2], [4., 8.]), 0.5)[1] == pytest.approx([4., 20 / 3])


def test_of_a_work_dir(tmp_path):
    folder = tmp_path / '20260101_000000/vis_data'
    folder.mkdir(parents=True)
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, TRAIN[:2] + VALIDATIONS[:1] + TRAIN[2:])) + '\n')
    (folder / 'config.py').write_text('seed = 1\n')
    curves = collect_curves({'a': read_run(tmp_path), 'b': run_of()}, ['loss', 'oIoU'], weight=0.5)
    assert curves['oIoU']['a'] == ([20], [30.])  # what validation measures is never smoothed
    assert curves['loss']['a'] == curves['loss']['b'] == smooth(([10, 20, 40], [3., 2., 1.]), 0.5)
    figure = draw_curves(curves)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert [axes.get_title() for axes in figure.axes] == ['loss', 'oIoU']


def test_a_key_that_no_log_has():
    with pytest.raises(ValueError, match="no log has 'mIoU', found lr, loss, oIoU"):
        collect_curves({'a': run_of()}, ['mIoU'])
