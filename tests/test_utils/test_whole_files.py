"""Files that are whole or absent, alone or together, whenever the process is killed and however full the disk is."""

import errno
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors import SafetensorError

from mmrefseg.datasets.refer_format.index_file import write_arrays
from mmrefseg.utils import write_text
from mmrefseg.utils.whole_file import clear_parts_below, whole_file
from mmrefseg.utils.whole_folder import restore, write_together
from mmrefseg.visualization.panel import write_image

ENVIRONMENT = dict(os.environ, PYTHONWARNINGS='ignore')


def killed(code: str, *arguments) -> int:
    return subprocess.run([sys.executable, '-c', code, *map(str, arguments)], env=ENVIRONMENT, check=False).returncode


def test_leftovers_of_the_killed_are_cleared(tmp_path):
    code = '''
import os, signal, sys
from mmrefseg.utils.whole_file import whole_file
with whole_file(sys.argv[1]) as part:
    open(part, 'w').write('half')
    os.kill(os.getpid(), signal.SIGKILL)
'''
    for name in ('a.txt', 'b.txt'):
        assert killed(code, tmp_path / name) == -9
    assert len(os.listdir(tmp_path)) == 2 and not (tmp_path / 'a.txt').exists()
    with whole_file(tmp_path / 'other.txt') as part:  # one that is still written stays
        open(part, 'w').close()
        write_text(tmp_path / 'a.txt', 'whole')
        assert sorted(name.split('.')[0] for name in os.listdir(tmp_path)) == ['a', 'b', 'other']
        clear_parts_below(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ['a.txt', 'other.txt']


def test_leftovers_that_end_as_the_file_does(tmp_path):
    """As a killed export leaves them."""
    code = '''
import os, signal, sys
from mmrefseg.utils.whole_file import whole_file
with whole_file(sys.argv[1], suffix='.onnx') as part:
    open(part, 'w').write('half')
    os.kill(os.getpid(), signal.SIGKILL)
'''
    assert killed(code, tmp_path / 'a.onnx') == -9 and len(os.listdir(tmp_path)) == 1
    with whole_file(tmp_path / 'a.onnx', suffix='.onnx') as part:
        assert os.listdir(tmp_path) == [] and part.endswith('.onnx')
        open(part, 'w').close()
    assert os.listdir(tmp_path) == ['a.onnx']


def no_space(*ignored, **options):
    raise OSError(errno.ENOSPC, 'No space left on device')


@pytest.mark.parametrize('write, place', [
    (lambda path: write_text(path, 'x' * 2_000_000), 'pathlib.Path.write_bytes'),
    (lambda path: write_arrays(path, dict(a=np.zeros(250_000)), []),
     'mmrefseg.datasets.refer_format.index_file.save_file'),
    (lambda path: write_image(np.zeros((4, 4, 3), np.uint8), f'{path}.png'), 'PIL.Image.Image.save'),
    (lambda path: write_together(path.parent, {path.name: b'x' * 1_999_000, 'b': b'x' * 1000}), 'builtins.open')])
def test_a_full_disk(tmp_path, monkeypatch, write, place):
    (tmp_path / 'a').write_text('old')
    with monkeypatch.context() as patch:
        patch.setattr(place, no_space)
        with pytest.raises(OSError, match=r'a(\.png)? cannot be written, the disk is full: (2\.0 MB|0\.0 MB or more) '
                                          r'are wanted, [\d.]+ MB are free'):
            write(tmp_path / 'a')
    assert os.listdir(tmp_path) == ['a'] and (tmp_path / 'a').read_text() == 'old'


def test_a_full_disk_of_safetensors(tmp_path, monkeypatch):
    def save(*ignored, **options):
        raise SafetensorError('Error while serializing: I/O error: No space left on device (os error 28)')
    monkeypatch.setattr('mmrefseg.datasets.refer_format.index_file.save_file', save)
    with pytest.raises(OSError, match='the disk is full: 0.8 MB are wanted'):
        write_arrays(tmp_path / 'a', dict(a=np.zeros(100_000)), [])
    assert not os.listdir(tmp_path)


class Killed(BaseException):
    """Stands for a SIGKILL: nothing behind it runs."""


STEPS = ('replace', 'mkdir', 'fsync')


@pytest.mark.parametrize('before', [{}, {'a': b'old'}, {'b': b'old'}, {'a': b'old', 'b': b'old', 'c': b'other'}])
def test_killed_at_every_step(tmp_path, monkeypatch, before):
    """All are new or all are old, at whatever call the process ends."""
    for step in itertools.count():
        folder = tmp_path / str(step)
        folder.mkdir()
        for name, content in before.items():
            (folder / name).write_bytes(content)
        done = _kill_at(step, monkeypatch, folder)
        restore(folder)
        found = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert found in (before, {**before, 'a': b'new', 'b': b'new'})
        if done:
            assert found['a'] == b'new' and step > 8
            return


def _kill_at(step: int, monkeypatch, folder) -> bool:
    """Whether it came to its end before the call that is to kill it."""
    calls = itertools.count()

    def counted(function):
        def call(*args, **options):
            if next(calls) >= step:
                raise Killed
            return function(*args, **options)
        return call

    with monkeypatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, counted(getattr(os, name)))
        patch.setattr('mmrefseg.utils.whole_folder.shutil.rmtree', counted(lambda *args, **options: None))
        try:
            write_together(folder, dict(a=b'new', b=b'new'))
        except Killed:
            return False
    return True
