"""The scripts in benchmarks/: what they do with their numbers, and that they run."""

import argparse
import importlib.util
import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT
from plain_twin import PlainTwin

from mmrefseg.structures import RefDataSample
from mmrefseg.utils import paired
from mmrefseg.utils.paired import build


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / 'benchmarks' / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PLAIN_NANO = [str(ROOT / 'configs/lavt/lavt_nano_refshapes.py'), '--shape', '96', '96', '--words', '4', '--cfg-options',
              'model.backbone.stem=None', 'model.backbone.use_abs_pos_embed=False', 'model.backbone.mlp_ratio=4',
              'model.decode_head.sub_pixel=None', 'model.auxiliary_head=None']


@pytest.fixture
def run_script(monkeypatch, capsys):
    """Runs a script of benchmarks/ in this process; returns what it prints."""

    def run(script, *args):
        monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')
        monkeypatch.setattr(sys, 'argv', [script.__name__, *map(str, args)])
        script.main()
        return capsys.readouterr().out

    return run


def test_latency_beside_the_plain_one(run_script, tmp_path):
    out = tmp_path / 'times.json'
    printed = run_script(load('latency'), *PLAIN_NANO, '--plain', '--amp', '--repeats', 2, '--out', out)
    assert '96x96' in printed and 'x first' in printed
    times = json.loads(out.read_text())['times']
    config = PLAIN_NANO[0]
    assert list(times) == ['plain', config, 'plain, amp', f'{config}, amp']
    assert all(len(values) == 2 and min(values) > 0 for values in times.values())


def test_train_step_beside_the_plain_one(monkeypatch, run_script, tmp_path):
    script = load('train_step')
    # In this process, not in one of its own each.
    monkeypatch.setattr(script, 'peaks', lambda args: {'plain, bf16': script.memory_of('plain, bf16', args)})
    out = tmp_path / 'times.json'
    config, *options = PLAIN_NANO
    printed = run_script(script, '--configs', config, '--checkpointing', '--precisions', 'bf16', '--repeats', 1,
                         '--out', out, *options)
    results = json.loads(out.read_text())
    assert list(results['times']) == ['plain, bf16', f'{config}, bf16', f'{config}+cp, bf16']
    assert 'peak (GB)' in printed and results['memory']['plain, bf16'] > 1e8


@pytest.mark.parametrize('train', [[], ['--train']])
def test_allocator_measures_both(monkeypatch, run_script, tmp_path, train):
    script = load('allocator')
    used = []

    def measure(args, batch_size, allocator):
        used.append(allocator)
        return script.measure(argparse.Namespace(**vars(args), batch_size=batch_size))

    monkeypatch.setattr(script, 'measure_apart', measure)  # in this process, with the allocator it has
    out = tmp_path / 'found.json'
    printed = run_script(script, PLAIN_NANO[0], *train, '--shape', 96, 96, '--batch-sizes', 2, '--steps', 1,
                         '--repeats', 1, '--out', out)
    assert used == ['default', 'kept'] and 'batch 2, kept' in printed
    found = json.loads(out.read_text())['found']
    assert all(each[0]['seconds'] > 0 and each[0]['peak'] > 0.1 for each in found.values()) and len(found) == 2


def test_the_plain_twin_computes_the_same():
    model = build(PLAIN_NANO[0], {
        'model.backbone.stem': None, 'model.backbone.use_abs_pos_embed': False, 'model.backbone.mlp_ratio': 4,
        'model.decode_head.sub_pixel': None, 'model.auxiliary_head': None})
    twin = PlainTwin(model)
    images, expressions = torch.randn(2, 3, 96, 96), ['red circle', 'the big blue square']
    samples = [RefDataSample(metainfo=dict(expressions=[each])) for each in expressions]
    with torch.no_grad():
        ours = model(images, samples)
        theirs = twin(images, expressions)
    ours = torch.nn.functional.interpolate(ours, size=(96, 96), mode='bilinear', align_corners=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_no_twin_of_what_the_published_lavt_has_not():
    with pytest.raises(ValueError, match=r"the model differ in \[.*'backbone.absolute_pos_embed'"):
        PlainTwin(build(PLAIN_NANO[0]))


def test_measuring_in_turns():
    calls = []
    times = paired.measure_in_turns(dict(a=lambda: calls.append('a'), b=lambda: calls.append('b')), 3, warmup=2)
    assert calls == ['a', 'b'] * 5 and {name: len(values) for name, values in times.items()} == dict(a=3, b=3)
    text = paired.table(dict(a=[1., 2., 4.], b=[2., 2., 2.]), seen=dict(b='yes')).get_string()
    assert '2.000      | 1.500 … 3.000 | 1.000   |' in text and '1.000   | yes' in text
    assert paired.quartiles([3.]) == [3., 3., 3.]


def test_peak_memory_is_of_the_call():
    idle = paired.peak_memory(lambda: None)
    busy = paired.peak_memory(lambda: torch.ones(2**24).sum())
    assert 60e6 < busy - idle < 100e6 and abs(paired.peak_memory(lambda: None) - idle) < 30e6


def test_startup_measures_each_way(tmp_path, monkeypatch, capsys):
    startup = load('startup')
    for name, value in dict(IMAGES=20, ANNOTATIONS=60, REFS=30, EXPRESSIONS=85, WORKERS=2).items():
        monkeypatch.setattr(startup, name, value)
    startup.make_set(tmp_path)
    indexes = []

    def measure(how, folder, split_by, cache_dir):
        monkeypatch.setenv('MMREFSEG_CACHE_DIR', cache_dir)
        found = startup.measure(how, folder, split_by)
        indexes.append(how == 'plain' or bool(list(Path(cache_dir).iterdir())))
        return found

    monkeypatch.setattr(startup, 'measure_apart', measure)
    monkeypatch.setattr(sys, 'argv', ['startup.py', '--data', str(tmp_path), '--repeats', '1', '--out',
                                      str(tmp_path / 'times.json')])
    startup.main()
    assert 'plain : index' in capsys.readouterr().out and indexes == [True] * 3
    way, = json.loads((tmp_path / 'times.json').read_text())['rounds']
    assert list(way) == ['plain', 'first', 'index']
    assert all(found['seconds'] > 0 and found['workers_after'] > 0 for found in way.values())
    samples = startup.load_ours(tmp_path, 'unc')
    assert len(samples) == len(startup.load_plainly(tmp_path, 'unc'))


def test_loader_runs(tmp_path, monkeypatch, capsys):
    loader = load('loader')
    monkeypatch.setattr(sys, 'argv', ['loader.py', '--images', '2', '--sizes', '64', '--repeats', '2', '--steps',
                                      '--out', str(tmp_path / 'times.json')])
    monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')  # it would be kept for all tests that follow
    threads = torch.get_num_threads(), cv2.getNumThreads()
    try:
        loader.main()
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    assert 'LoadRefAnnotations' in capsys.readouterr().out
    results = json.loads((tmp_path / 'times.json').read_text())['results']['64']
    assert [len(values) for values in (*results['times'].values(), *results['steps'].values())] == [2] * 10


def test_ways_to_load_give_the_same(tmp_path):
    loader = load('loader')
    loader.make_set(tmp_path, 2)
    dataset = loader.build_dataset(argparse.Namespace(dataset='ReferDataset', data=None), tmp_path, 480)
    sample, info = dataset[1], dataset.get_data_info(1)
    image, mask = loader.load_with_pil(info, 480, normalized=False)
    assert torch.equal(sample['data_samples'].gt_sem_seg.data[0].long(), mask)
    # Two builds of libjpeg-turbo, and two roundings of one filter
    assert (sample['inputs'].flip(0).int() - image.int()).abs().float().mean() < 1
    assert loader.load_with_cv2(info, 480)[1].mean() == pytest.approx(mask.float().mean().item(), rel=0.02)


@pytest.mark.parametrize('curve, options', [
    ('expressions', ['--counts', '1', '3']), ('images', ['--sides', '96']), ('dataset', ['--factors', '1', '2']),
    ('processes', ['--processes', '1', '2']),
])
def test_scaling_draws_each_curve(curve, options, tmp_path, monkeypatch, capsys):
    scaling = load('scaling')
    # What takes long: sets of RefCOCO's size and trainings.
    monkeypatch.setattr(scaling, 'make_set', lambda folder, scale: None)
    monkeypatch.setattr(scaling, 'measure_apart', lambda way, *args: dict(seconds=2., peak=3., workers_after=4.))
    monkeypatch.setattr(scaling, 'generate_refshapes', lambda *args, **kwargs: None)
    monkeypatch.setattr(scaling, 'in_own_process', lambda function, *args: function(*args))
    monkeypatch.setattr(scaling, 'train', lambda config, processes, threads, *args: 1. / threads)
    out, plot = tmp_path / 'rows.json', tmp_path / 'curve.png'
    monkeypatch.setattr(sys, 'argv', [
        'scaling.py', curve, *options, '--configs', str(ROOT / 'configs/lavt/lavt_nano_refshapes.py'), '--repeats', '1',
        '--out', str(out), '--plot', str(plot)])
    scaling.main()
    rows = json.loads(out.read_text())['rows']
    xs = dict(expressions=[1, 3], images=[96], dataset=[1, 1, 2, 2], processes=[1, 2, 2])[curve]
    assert [row['x'] for row in rows] == xs and all(row['y'] > 0 for row in rows)
    assert str(rows[-1]['series']) in capsys.readouterr().out and plot.stat().st_size > 5000
    if curve == 'processes':  # four images a process and step
        assert [row['y'] for row in rows] == [4, 8, 8]


def test_a_model_for_images_of_another_size():
    scaling = load('scaling')
    assert scaling.options_for(str(ROOT / 'configs/s2rm/s2rm-casg_swint_refcoco.py'), 400) == {
        'model.fusion.feature_size': [13, 13]}
    assert scaling.options_for(str(ROOT / 'configs/lavt/lavt_swint_refcoco.py'), 400) == {}


def test_sets_of_several_refcocos(tmp_path, monkeypatch):
    startup = load('startup')
    for name, value in dict(IMAGES=5, ANNOTATIONS=12, REFS=4, EXPRESSIONS=9).items():
        monkeypatch.setattr(startup, name, value)
    startup.make_set(str(tmp_path), scale=3)
    instances = json.loads((tmp_path / 'instances.json').read_text())
    assert (len(instances['images']), len(instances['annotations'])) == (15, 36)
    assert [annotation['id'] for annotation in instances['annotations']] == list(range(1, 37))
    assert {annotation['image_id'] for annotation in instances['annotations']} == set(range(1, 16))


def test_evaluation_runs(run_script, tmp_path):
    expressions, out = tmp_path / 'expressions.tsv', tmp_path / 'times.json'
    expressions.write_text('7\t1\tred star\tstar\n7\t2\tred star\n9\t3\ttop left one\n')
    printed = run_script(load('evaluation'), ROOT / 'configs/lts/lts_nano_refshapes.py', '--shape', 96, 96,
                         '--images', 2, '--singles', 1, '--expressions', expressions, '--out', out)
    assert '2 pictures with 2.0 expressions (3 of 4 are different on their picture)' in printed
    assert 'masks: 0 of 9216 pixels differ' in printed
    found = json.loads(out.read_text())
    assert found['expressions'] == [1, 3]
    assert {way: len(times) for way, times in found['times'].items()} == {
        'one by one': 2, 'grouped': 2, 'grouped, amp': 2}


def test_finer_strides_reach_higher_iou(run_script, refshapes_root):
    printed = run_script(load('stride_ceiling'), refshapes_root, '--masks', 6, '--sizes', 64, '--strides', 16, 4)
    rows = [[float(cell) for cell in line.split('|')[1:-1]] for line in printed.splitlines() if line.startswith('|  ')]
    coarse, fine = rows
    assert coarse[:2] == [64, 16] and fine[:2] == [64, 4]
    assert coarse[2] < fine[2] and coarse[4] < fine[4] <= fine[2] <= 100  # a fit is no worse than the share of a cell


def test_forms_are_read_alike(run_script, monkeypatch, tmp_path):
    for needed in ('lmdb', 'pyarrow'):
        pytest.importorskip(needed)
    script, out = load('forms'), tmp_path / 'forms.json'
    monkeypatch.setattr(script, 'measure_apart', lambda what, path, cache: script.measure(what, path))  # here
    printed = run_script(script, '--rows', 60, '--repeats', 1, '--out', out)
    assert '60 rows, 1 rounds' in printed and 'inside.parquet' in printed and 'train.lmdb' in printed
    found, = json.loads(out.read_text())['rounds']
    assert {name: way['found'] for name, way in found['list, first'].items()} == {'list.jsonl': 60, 'list.parquet': 60}
    assert len({way['found'] for way in found['inside'].values()}) == 1  # bytes of images and masks


@pytest.mark.parametrize('lists', [False, True])
def test_a_large_index_is_opened_as_a_data_set(tmp_path, monkeypatch, lists):
    script = load('large_index')
    monkeypatch.delenv('MMREFSEG_CACHE_DIR', raising=False)
    (script.make_list_set if lists else script.make_refer_set)(tmp_path, 2000)
    monkeypatch.setattr(sys, 'stdin', io.StringIO('\n'))
    found = script.measure(tmp_path, 3)
    assert found['used'] == sum(np.diff(script.make_index(2000)['ref_expressions'])[np.arange(704) % 7 != 0])
    assert found['samples'] == 603 and found['seconds'] > 0
    assert script.open_set(tmp_path).get_data_info(5)['expressions'] == [script.TEXT.decode()]


def test_predictions_of_processes_are_compared(tmp_path):
    script = load('predict_processes')
    for name in ('one', 'other'):
        (tmp_path / name / 'masks').mkdir(parents=True)
        rows = [dict(image=f'{image}.png', number=number, of=2, mask=f'masks/{image}{number}.png')
                for image in 'ab' for number in range(2)]
        for row in rows:
            (tmp_path / name / row['mask']).write_bytes(b'mask')
        (tmp_path / name / 'results.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    assert script.compare(tmp_path / 'one', tmp_path / 'other') == 4
    (tmp_path / 'one/results.1.jsonl').write_text(json.dumps(rows[0]) + '\n' + json.dumps(dict(
        rows[0], image='c.png')) + '\n{"cut')
    assert script.images(script.written(tmp_path / 'one')) == {'a.png', 'b.png'}
    for spoil, message in ((lambda: None, 'has more than it should'),
                           (lambda: (tmp_path / 'one/masks/a0.png').write_bytes(b'none'), 'a0.png differ'),
                           (lambda: (tmp_path / 'one/results.jsonl').write_text(''), 'results.jsonl differ')):
        spoil()
        with pytest.raises(AssertionError, match=message):
            script.compare(tmp_path / 'one', tmp_path / 'other')


@pytest.mark.slow  # traces and calibrates a whole model
def test_eight_bits_are_timed_and_tested(run_script, refshapes_root, tmp_path):
    out = tmp_path / 'eight.json'
    printed = run_script(load('eight_bits'), 'lavt_nano_refshapes', '--data-root', refshapes_root, '--images', 1,
                         '--calibrate', 1, '--repeats', 1, '--out', out, '--variants', 'torch', 'torch amp',
                         'onnxruntime int8 dynamic', 'onnxruntime int8 static')
    assert 'lavt_nano_refshapes, (96, 96)' in printed and '| onnxruntime int8 static' in printed
    found = json.loads(out.read_text())
    exact, amp, dynamic, static = found['scores'].values()
    assert exact > 30 and exact not in (amp, dynamic, static)
    assert abs(amp - exact) < 2 and abs(dynamic - exact) < 5 and abs(static - exact) < 20
    assert all(len(times) == 1 for times in found['times'].values())
