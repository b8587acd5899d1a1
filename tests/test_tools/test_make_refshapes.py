"""The generating tool: safe to run again, safe to kill, clear when something else is there."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmrefseg.command_line import main as mmrefseg
from mmrefseg.command_line import make_refshapes
from mmrefseg.datasets.refshapes_generator import GENERALIZED, MANIFEST, VARIANTS, generate_refshapes

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools/dataset_converters/make_refshapes.py'
FEW = ['--train', '3', '--val', '1', '--test-a', '1', '--test-b', '1', '--size', '64']


@pytest.fixture(scope='module')
def tool():
    return make_refshapes


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob('*')
            if path.is_file()}


def test_writes_the_refer_layout_and_statistics(tool, tmp_path, capsys):
    tool.main([str(tmp_path), *FEW])
    found = files(tmp_path)
    assert sum(name.startswith('images/refshapes/') for name in found) == 6
    for variant in VARIANTS:
        assert {f'{variant}/instances.json', f'{variant}/refs(unc).p'} <= set(found)
    assert not [name for name in found if 'part' in name]
    out = capsys.readouterr().out
    assert '6 scenes in' in out and 'by the kind word alone' in out
    assert all(f'{variant}: ' in out for variant in VARIANTS)


def test_generalized_variant(tool, tmp_path, capsys):
    tool.main([str(tmp_path), *FEW, '--variants', GENERALIZED])
    assert {path.name for path in (tmp_path / GENERALIZED).iterdir()} == {'instances.json', 'grefs(unc).json'}
    out = capsys.readouterr().out
    assert f'{GENERALIZED}: ' in out and 'several' in out and 'none' in out and 'by the kind word' not in out
    tool.main([str(tmp_path), *FEW, '--variants', GENERALIZED])
    assert 'nothing to do' in capsys.readouterr().out


def test_again_does_nothing(tool, tmp_path, capsys):
    tool.main([str(tmp_path), *FEW])
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    tool.main([str(tmp_path), *FEW, '--workers', '2'])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')} == times
    assert 'nothing to do' in capsys.readouterr().out


def test_other_arguments_need_overwrite(tool, tmp_path):
    tool.main([str(tmp_path), *FEW])
    before = files(tmp_path)
    other = [str(tmp_path), *FEW, '--seed', '1', '--variants', 'refshapes+']
    with pytest.raises(FileExistsError, match=r'(?s)other arguments.*"seed": 0.*"seed": 1.*--overwrite'):
        tool.main(other)
    assert files(tmp_path) == before
    tool.main([*other, '--overwrite'])
    after = files(tmp_path)
    # Nothing is left that belongs to other pictures.
    assert {name.split('/')[0] for name in after} == {'images', 'refshapes+', MANIFEST}
    assert json.loads(after[MANIFEST])['arguments']['seed'] == 1


@pytest.mark.parametrize('lost', ['refshapes/refs(unc).p', 'refshapesg/instances.json',
                                  'images/refshapes/refshapes_val_000000.jpg'])
def test_lost_files_are_made_again(tool, tmp_path, lost):
    tool.main([str(tmp_path), *FEW])
    before = files(tmp_path)
    (tmp_path / lost).unlink()
    tool.main([str(tmp_path), *FEW])
    assert files(tmp_path) == before


def test_does_not_touch_what_it_did_not_make(tool, tmp_path):
    (tmp_path / 'refshapes').mkdir()
    (tmp_path / 'refshapes/instances.json').write_text('mine')
    with pytest.raises(FileExistsError, match=rf'refshapes exist without {MANIFEST}.*--overwrite'):
        tool.main([str(tmp_path), *FEW])
    assert (tmp_path / 'refshapes/instances.json').read_text() == 'mine'


@pytest.mark.parametrize('content', ['{', '[]', '{"arguments": 1}'])
def test_broken_manifest(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(FileExistsError, match='other arguments'):
        generate_refshapes(tmp_path, scenes=dict(train=1), size=64)


def test_error_leaves_nothing_that_looks_complete(tmp_path):
    calls = []

    def fail_at_the_third():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_refshapes(tmp_path, scenes=dict(train=5), size=64, on_scene=fail_at_the_third)
    assert not any('refshapes/' in name and not name.startswith('.') for name in files(tmp_path))
    assert generate_refshapes(tmp_path, scenes=dict(train=5), size=64)['made']
    assert not any(name.startswith('.') for name in files(tmp_path))


@pytest.mark.parametrize('seed', [0, 1])
def test_two_at_once(tmp_path, monkeypatch, seed):
    """The first one's stays, and the other one says so, or what is wrong with it."""
    quicker = []

    def another_process():
        if not quicker:
            quicker.append(None)
            with monkeypatch.context() as patch:
                patch.setattr(os, 'getpid', os.getppid)
                quicker.append(generate_refshapes(tmp_path, scenes=dict(train=2), size=64))
            quicker.append(files_seen(tmp_path))

    if seed == 0:
        report = generate_refshapes(tmp_path, scenes=dict(train=2), size=64, on_scene=another_process)
        assert not report['made'] and report['statistics'] == quicker[1]['statistics']
    else:
        with pytest.raises(FileExistsError, match='other arguments'):
            generate_refshapes(tmp_path, scenes=dict(train=2), size=64, seed=seed, on_scene=another_process)
    assert quicker[1]['made'] and files(tmp_path) == quicker[2]


def files_seen(root):
    return {name: content for name, content in files(root).items() if not name.startswith('.')}


def test_killed_and_run_again(tmp_path):
    command = [sys.executable, str(TOOL), str(tmp_path), '--train', '100000', '--size', '64']
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.time() + 60
        while not list(tmp_path.rglob('*.jpg')):
            assert process.poll() is None and time.time() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / MANIFEST).exists() and not (tmp_path / 'refshapes').exists()
    report = generate_refshapes(tmp_path, scenes=dict(train=4), size=64)
    assert report['made'] and len(list(tmp_path.rglob('*.jpg'))) == 4


@pytest.mark.parametrize('arguments, message', [
    (dict(scenes=dict(test=3)), "has the splits .*found \\['test'\\]"),
    (dict(scenes=dict(train=-1)), '0 to 1000000'),
    (dict(scenes=dict(train=0)), 'some split must have some'),
    (dict(size=32), 'at least 64 px'),
    (dict(variants=['refshapes', 'refcoco']), "found \\['refshapes', 'refcoco'\\]"),
    (dict(variants=[]), 'the variants are'),
    (dict(workers=0), 'workers must be at least 1'),
])
def test_bad_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        generate_refshapes(tmp_path / 'out', **arguments)
    assert not (tmp_path / 'out').exists()


def test_unwritable_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError):
        generate_refshapes(tmp_path / 'file', scenes=dict(train=1), size=64)


def test_the_command_reports_bad_arguments(tmp_path, capsys):
    assert mmrefseg(['make-refshapes', str(tmp_path), '--size', '10']) == 2
    assert 'mmrefseg make-refshapes: error: the pictures must be at least 64' in capsys.readouterr().err


def test_killed_while_it_moves_folders_goes_on_by_itself(tool, tmp_path, capsys):
    """At each of the moves; the files are those of a run that was not killed."""
    generate_refshapes(tmp_path / 'whole', scenes=dict(train=3, val=1, testA=1, testB=1), size=64)
    code = f'''
import os, signal, sys
sys.argv = ['make_refshapes.py', sys.argv[1], *{FEW!r}, *sys.argv[3:]]
moves, move = int(os.environ['MOVES']), os.replace
def replace(*paths):
    global moves
    moves -= str(paths[1]).count('refshapes') > 0 and not str(paths[1]).endswith('publishing')
    if moves < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    move(*paths)
os.replace = replace
import runpy
runpy.run_path({str(TOOL)!r}, run_name='__main__')
'''
    for moves in (1, 3):
        environment = dict(os.environ, PYTHONPATH=str(ROOT), MOVES=str(moves))
        done = subprocess.run([sys.executable, '-c', code, str(tmp_path / 'made'), ''], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL and (tmp_path / 'made/images/refshapes').is_dir()
        assert not (tmp_path / 'made' / MANIFEST).exists()
        tool.main([str(tmp_path / 'made'), *FEW])
        assert files(tmp_path / 'made') == files(tmp_path / 'whole')
        (tmp_path / 'made' / MANIFEST).unlink()  # so that the next one begins anew
        (tmp_path / 'made/.refshapes_publishing').write_text(f'{socket.gethostname()} 4194303')
