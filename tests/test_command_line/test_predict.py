"""Many pictures: nothing is lost, nothing stands there twice, nothing half-written counts."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.runner import save_checkpoint

from mmrefseg.apis import RefSegInferencer
from mmrefseg.apis.prediction_folder import PredictionFolder
from mmrefseg.apis.prediction_tasks import PredictionTask, read_tasks
from mmrefseg.command_line import main
from mmrefseg.errors import RefDataError

EXPRESSIONS = ['the red circle', 'largest star']
IMAGE_SUFFIXES = 200


@pytest.fixture(autouse=True)
def keep_the_allocator(monkeypatch):
    monkeypatch.setenv('MMREFSEG_KEEP_MEMORY', '0')


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Pictures, expressions and a checkpoint."""
    place = tmp_path_factory.mktemp('predict')
    generator = np.random.default_rng(0)
    (place / 'pictures').mkdir()
    for i in range(IMAGE_SUFFIXES):
        cv2.imwrite(str(place / f'pictures/{i:03d}.png'), generator.integers(0, 255, (24, 40, 3), dtype=np.uint8))
    (place / 'said.txt').write_text('\n'.join(['the red circle', '', ' largest star', 'the red circle']) + '\n')
    torch.manual_seed(0)
    for name in ('one', 'two'):
        model = RefSegInferencer(str(TINY_CONFIG), device='cpu', show_progress=False).model
        model.decode_head.classifier.bias.data[:] = torch.tensor([0., 0.1])  # some of both classes
        save_checkpoint(dict(state_dict=model.state_dict()), str(place / f'{name}.pth'))
    return place


def arguments(place, out_dir, *more, images='pictures', said='said.txt', weights='one.pth'):
    return ['predict', str(place / images), str(place / said), '--model', str(TINY_CONFIG), '--weights',
            str(place / weights), '--out-dir', str(out_dir), '--device', 'cpu', *more]


def rows_of(out_dir):
    return [json.loads(line) for line in (out_dir / 'results.jsonl').read_text().splitlines()]


@pytest.fixture(scope='module')
def finished(place, tmp_path_factory):
    """A run over 200 pictures that was killed on its way and started again; the lines before, and a mask's time."""
    out_dir = tmp_path_factory.mktemp('finished')
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONWARNINGS='ignore', OMP_NUM_THREADS='1')
    process = subprocess.Popen([sys.executable, '-m', 'mmrefseg', *arguments(place, out_dir)], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 300
    while not (out_dir / 'results.jsonl').is_file() or (out_dir / 'results.jsonl').stat().st_size < 4000:
        assert process.poll() is None and time.time() < deadline, 'it wrote no results'
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = (out_dir / 'results.jsonl').read_text()
    written = (out_dir / 'masks/000.png/000.png').stat().st_mtime_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMREFSEG_KEEP_MEMORY', '0')
        assert main(arguments(place, out_dir, '--batch-size', '8')) == 0
    return out_dir, before, written


def test_killed_and_started_again_has_every_result_once(finished):
    out_dir, before, written = finished
    assert 0 < before.count('\n') < 2 * IMAGE_SUFFIXES, 'it was killed too late to show anything'
    rows = rows_of(out_dir)
    expected = [(f'{i:03d}.png', expression) for i in range(IMAGE_SUFFIXES) for expression in EXPRESSIONS]
    assert [(row['image'], row['expression']) for row in rows] == expected
    assert (out_dir / 'results.jsonl').read_text().startswith(before[:before.rfind('"number": 0')].rpartition('\n')[0])
    assert (out_dir / 'masks/000.png/000.png').stat().st_mtime_ns == written, 'what was done was done again'
    for row in rows:
        mask = cv2.imread(str(out_dir / row['mask']), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (24, 40) == tuple(row['size']) and set(np.unique(mask)) <= {0, 255}
        assert (mask > 0).sum() == row['pixels'] and 0 <= row['score'] <= 1
    assert 0 < sum(row['pixels'] for row in rows) < 24 * 40 * len(rows)
    assert sorted(path.name for path in out_dir.iterdir()) == ['.lock', 'masks', 'results.jsonl', 'settings.json']


def test_results_are_the_inferencers(finished, place):
    out_dir, _, _ = finished
    inferencer = RefSegInferencer(str(TINY_CONFIG), str(place / 'one.pth'), 'cpu', show_progress=False)
    result, = inferencer(place / 'pictures/123.png', EXPRESSIONS)
    for i, row in enumerate(rows_of(out_dir)[246:248]):
        assert row['image'] == '123.png' and row['score'] == pytest.approx(result['scores'][i], abs=1e-4)
        assert np.array_equal(cv2.imread(str(out_dir / row['mask']), cv2.IMREAD_UNCHANGED) > 0, result['masks'][i])


@pytest.mark.parametrize('change,message', [
    (dict(weights='two.pth'), 'weights: '), (dict(said='other.txt'), "expressions: .*'first': 'a ring'"),
    (dict(images='pictures/00*.png', said='other.txt'), 'expressions: '),
    (dict(more=['--amp']), 'amp: False there, True now'), (dict(more=['--overlays']), 'overlays: False there')])
def test_other_settings_are_refused(finished, place, capsys, change, message):
    out_dir, _, _ = finished
    (place / 'other.txt').write_text('a ring')
    before = (out_dir / 'results.jsonl').read_text()
    assert main(arguments(place, out_dir, *change.pop('more', ()), **change)) == 2
    error = capsys.readouterr().err
    assert 'holds predictions made with other settings' in error
    assert re.search(message, error)
    assert (out_dir / 'results.jsonl').read_text() == before


def test_broken_images_overlays_and_more_images(place, tmp_path, capsys):
    images, out_dir = tmp_path / 'pictures', tmp_path / 'out'
    images.mkdir()
    for name in ('a.png', 'c.png'):
        (images / name).write_bytes((place / 'pictures/000.png').read_bytes())
    (images / 'b.png').write_bytes(b'no picture')
    more = ('--overlays', '--batch-size', '3')
    assert main(arguments(place, out_dir, *more, images=images)) == 3
    captured = capsys.readouterr()
    assert '2 of 3 pictures' in captured.out and '1 pictures could not be read' in captured.err
    assert 'b.png: picture' in captured.err and 'is broken or cannot be read' in captured.err
    assert [row['image'] for row in rows_of(out_dir)] == ['a.png', 'a.png', 'c.png', 'c.png']
    assert cv2.imread(str(out_dir / 'overlays/a.png.png')).shape[0] >= 24
    (images / 'b.png').write_bytes((place / 'pictures/001.png').read_bytes())
    assert main(arguments(place, out_dir, *more, images=images)) == 0
    assert [row['image'] for row in rows_of(out_dir)] == ['a.png', 'a.png', 'b.png', 'b.png', 'c.png', 'c.png']
    assert not (out_dir / '.overlays').exists()


@pytest.mark.parametrize('more,message', [
    (['--model', str(TINY_CONFIG)], 'random without --weights'), ([], 'expected --model, --weights or both'),
    (['--model', 'w.pth'], '--model w.pth is a checkpoint: give it as --weights w.pth'),
    (['--weights', 'w.pth', '--batch-size', '0'], 'must be at least 1, found 0'),
    (['--help'], 'its own config is read as values')])
def test_wrong_options(capsys, more, message):
    with pytest.raises(SystemExit):
        main(['predict', 'pictures', 'said.txt', *more])
    assert message in ' '.join(''.join(capsys.readouterr()).split())


def test_nothing_to_begin_with(place, tmp_path, capsys):
    assert main(arguments(place, tmp_path, images='no_such_folder')) == 2
    assert main(arguments(place, tmp_path, weights='no.pth')) == 2
    assert 'is no folder, no picture and no pattern' in capsys.readouterr().err and not list(tmp_path.iterdir())


# --- what is to do ---------------------------------------------------------------------------


def test_tasks_of_a_folder_an_image_and_a_pattern(place, tmp_path):
    images, said = place / 'pictures', str(place / 'said.txt')
    folder, tasks, _ = read_tasks(str(images), said)
    assert folder == str(images) and len(tasks) == IMAGE_SUFFIXES
    assert tasks[7] == PredictionTask('007.png', str(images / '007.png'), EXPRESSIONS)
    assert read_tasks(str(images / '007.png'), said) == (folder, [tasks[7]], [])
    folder, some, _ = read_tasks(str(place / '**' / '00[0-4].png'), said)
    assert folder == str(place) and [task.name for task in some] == [f'pictures/00{i}.png' for i in range(5)]


def test_lists_of_images_and_expressions(place, tmp_path):
    rows = [('000.png', 'a ring'), ('absent.png', 'a star'), ('000.png', 'a star'), ('000.png', 'a ring')]
    (tmp_path / 'l.csv').write_text('image,expression\n' + ''.join(f'{a},{b}\n' for a, b in rows))
    (tmp_path / 'l.jsonl').write_text(''.join(json.dumps(dict(image=a, expression=b)) + '\n' for a, b in rows))
    for name in ('l.csv', 'l.jsonl'):
        _, tasks, _ = read_tasks(str(place / 'pictures'), str(tmp_path / name))
        assert [(task.name, task.expressions) for task in tasks] == [
            ('000.png', ['a ring', 'a star']), ('absent.png', ['a star'])]
    _, tasks, _ = read_tasks(str(place / 'pictures/00?.png'), str(tmp_path / 'l.csv'))
    assert [task.name for task in tasks] == ['000.png']
    with pytest.raises(ValueError, match='has no expression for .*001.png'):
        read_tasks(str(place / 'pictures/001.png'), str(tmp_path / 'l.csv'))


@pytest.mark.parametrize('name,content,message', [
    ('e.txt', b' \n\n', 'is empty, expected an expression a line'), ('e.txt', b'\xff\xfe', 'is not UTF-8'),
    ('e.pdf', b'', 'is no file of expressions: expected .txt'), ('e.csv', b'image,expression\n../a.png,x\n', 'line 2'),
    ('e.csv', b'picture,said\na.png,x\n', 'image')])
def test_broken_expressions(place, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RefDataError, match=message):
        read_tasks(str(place / 'pictures'), str(tmp_path / name))
    with pytest.raises(RefDataError, match='absent.txt cannot be read'):
        read_tasks(str(place / 'pictures'), 'absent.txt')


def test_no_images(tmp_path):
    for where, message in ((tmp_path, 'no picture'), (tmp_path / '*.png', r'no picture .* in .*\*.png')):
        with pytest.raises(ValueError, match=message):
            read_tasks(str(where), 'said.txt')


# --- what is done ----------------------------------------------------------------------------


def fill(path, count=3):
    folder = PredictionFolder(path, dict(weights='w'))
    tasks = [PredictionTask(f'{i}.png', '', ['x', 'y']) for i in range(count)]
    for task in tasks:
        folder.add(task, dict(masks=np.ones((2, 4, 5), bool), scores=[0.5, 0.25], overlay=None))
    folder.close()
    return tasks


def cut(text, lines):
    return ''.join(text.splitlines(keepends=True)[:lines])


@pytest.mark.parametrize('damage,left', [
    (lambda text: text, '012'),
    (lambda text: text[:-1], '01'),  # the end of the last line is missing: it may be half a line
    (lambda text: text[:-20], '01'),
    (lambda text: cut(text, 3), '0'),  # one of two expressions
    (lambda text: cut(text, 2) + '\0' * 10 + '\n' + text[len(cut(text, 4)):], '02'),
    (lambda text: text + cut(text, 2), '12'),  # twice
    (lambda text: '', '')])
def test_what_counts_as_done(tmp_path, damage, left):
    tasks = fill(tmp_path)
    results = tmp_path / 'results.jsonl'
    results.write_text(damage(results.read_text()))
    folder = PredictionFolder(tmp_path, dict(weights='w'))
    assert ''.join(task.name[0] for task in folder.done(tasks)) == left
    assert [row['image'] for row in rows_of(tmp_path)] == [f'{i}.png' for i in left for _ in 'xy']
    folder.close()


def test_a_missing_mask_and_other_expressions_are_not_done(tmp_path):
    tasks = fill(tmp_path)
    (tmp_path / 'masks/1.png/001.png').unlink()
    folder = PredictionFolder(tmp_path, dict(weights='w'))
    assert folder.done([tasks[0]._replace(expressions=['x']), *tasks[1:]]) == [tasks[2]]
    folder.close()


def test_one_process_at_a_time(tmp_path):
    folder = PredictionFolder(tmp_path, {})
    with pytest.raises(BlockingIOError, match='a prediction .process .* is at work in'):
        PredictionFolder(tmp_path, {})
    folder.close()
    PredictionFolder(tmp_path, {}).close()


def test_results_of_something_else(tmp_path):
    (tmp_path / 'results.jsonl').write_text('')
    with pytest.raises(ValueError, match='holds a results.jsonl but no settings.json'):
        PredictionFolder(tmp_path, {})
    (tmp_path / 'settings.json').write_text('{')
    with pytest.raises(ValueError, match='settings.json is no JSON'):
        PredictionFolder(tmp_path, {})


def test_folders_below_and_what_is_left_out(place, tmp_path):
    """Pictures of every kind that can be decoded, in folders below too; never one's own output or hidden files."""
    photos = tmp_path / 'photos'
    for name in ('a.JFIF', 'b.gif', 'below/deep/c.png', 'out/masks/x.png', '.hidden/d.png', 'notes.txt',
                 'below/e.heic'):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        (photos / name).write_bytes(b'')
    _, tasks, left_out = read_tasks(str(photos), str(place / 'said.txt'), photos / 'out')
    assert [task.name for task in tasks] == ['a.JFIF', 'b.gif', 'below/deep/c.png']
    assert left_out == ['below/e.heic', 'notes.txt']


@pytest.mark.parametrize('damage', [
    lambda path: path.write_bytes(b''), lambda path: path.write_bytes(path.read_bytes()[:-5]),
    lambda path: path.write_bytes(b'no image'), lambda path: cv2.imwrite(str(path), np.zeros((3, 5), np.uint8)),
    lambda path: (path.unlink(), path.mkdir())])
def test_a_damaged_mask_is_not_done(tmp_path, damage):
    tasks = fill(tmp_path)
    damage(tmp_path / 'masks/1.png/001.png')
    folder = PredictionFolder(tmp_path, dict(weights='w'))
    assert folder.done(tasks) == [tasks[0], tasks[2]]
    folder.close()


def test_names_that_are_no_utf8(tmp_path):
    name = os.fsdecode(b'\xd7\xf3.png')
    folder = PredictionFolder(tmp_path, dict(images=name))
    task = PredictionTask(name, '', ['größer'])
    folder.add(task, dict(masks=np.ones((1, 4, 5), bool), scores=[0.5], overlay=None))
    folder.close()
    (tmp_path / 'results.jsonl').read_bytes().decode('utf-8')
    folder = PredictionFolder(tmp_path, dict(images=name))
    assert folder.done([task]) == [task]
    folder.close()
