"""The door of weights: kinds of files, wrong and hostile ones, every way of mmengine's."""

import http.server
import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import threading
import zipfile
from argparse import Namespace
from collections import Counter, OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModule
from mmengine.runner import CheckpointLoader, load_checkpoint
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch import nn

from mmrefseg.checkpoints import read_checkpoint, save_checkpoint, save_safetensors, weights_of
from mmrefseg.errors import CheckpointError


class Runs:
    """Unpickles by making a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def history():
    buffer = HistoryBuffer()
    for i in range(5):
        buffer.update(float(i))
    return buffer


def training_checkpoint():
    """All kinds of values that trainings of mmengine and of the methods' own code leave in a checkpoint."""
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return dict(
        state_dict=model.state_dict(), optimizer=optimizer.state_dict(), meta=dict(epoch=3, cfg='a = 1'),
        message_hub=dict(log_scalars=OrderedDict(loss=history()), runtime_info=OrderedDict(best=np.float64(0.5))),
        args=Namespace(lr=0.1), milestones=Counter([2, 2]), nothing=b'', size=torch.Size([2]), dtype=torch.float16,
        device=torch.device('cpu'), seen={1, 2}, parameter=nn.Parameter(torch.ones(2)),
        expanded=torch.ones(1).expand(9), half=torch.ones(2, dtype=torch.bfloat16), array=np.arange(3.))


@pytest.mark.parametrize('zipped', [True, False])
def test_what_trainings_leave(tmp_path, zipped):
    wanted = training_checkpoint()
    torch.save(wanted, tmp_path / 'any.name', _use_new_zipfile_serialization=zipped)
    found = read_checkpoint(str(tmp_path / 'any.name'))
    assert found.keys() == wanted.keys()
    assert torch.equal(found['state_dict']['weight'], wanted['state_dict']['weight'])
    assert found['message_hub']['log_scalars']['loss'].mean() == 2 and found['args'].lr == 0.1
    assert torch.equal(found['expanded'], torch.ones(9)) and found['array'].tolist() == [0, 1, 2]


def torn(path):
    save_checkpoint(dict(state_dict=nn.Linear(99, 99).state_dict()), path)
    path.write_bytes(path.read_bytes()[:-500])


def flipped(path):
    save_checkpoint(dict(state_dict=nn.Linear(99, 99).state_dict()), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def archive(path):
    with zipfile.ZipFile(path, 'w') as opened:
        opened.writestr('notes.txt', 'hello')


def tensor_alone(path):
    torch.save(torch.ones(3), path)


WRONG = {
    'empty': (b'', 'it is empty'),
    'text': (b'hello\nworld', "it is a text .'hello'"),
    'page': (b'\n<!DOCTYPE HTML><html>404</html>', 'it is a web page'),
    'xml': (b'<?xml version="1.0"?><Error/>', 'it is a web page'),
    'pointer': (b'version https://git-lfs.github.com/spec/v1\noid sha256:00', 'pointer of Git LFS.*git lfs pull'),
    'name': (b'/data/epoch_3.pth', r'names a checkpoint: give that file \(/data/epoch_3.pth'),
    'json': (b'{"epoch": 3}', 'a text, perhaps JSON'),
    'gzip': (b'\x1f\x8b\x08\x00', 'gzip archive: unpack'),
    'zeros': (b'\0' * 9000, 'begins with zeros'),
    'noise': (bytes(range(200, 256)) * 9, 'its content is unknown'),
    'png': (b'\x89PNG\r\n\x1a\n', 'an image'),
    'torn': (torn, 'it is cut off'),
    'flipped': (flipped, 'does not fit its checksum'),
    'archive': (archive, 'a zip archive of other things'),
    'half a pickle': (pickle.dumps(dict(a=1))[:-3], 'cannot be read|is no checkpoint'),
    'tensor': (tensor_alone, "holds 'Tensor'|dict of weights"),
}


@pytest.mark.parametrize('kind', WRONG)
def test_wrong_files_say_what_they_seem_to_be(tmp_path, kind):
    content, message = WRONG[kind]
    path = tmp_path / 'weights.pth'
    content(path) if callable(content) else path.write_bytes(content)
    ways = (read_checkpoint, CheckpointLoader.load_checkpoint, lambda file: load_checkpoint(nn.Linear(1, 1), file))
    for read in ways:
        with pytest.raises(CheckpointError, match=message) as caught:
            read(str(path))
        assert str(path) in str(caught.value)


def test_folders_and_what_is_not_there(tmp_path):
    (tmp_path / 'epoch_2.pth').touch()
    with pytest.raises(CheckpointError, match='is a folder, expected a checkpoint file: one of epoch_2.pth'):
        read_checkpoint(str(tmp_path))
    with pytest.raises(FileNotFoundError, match='none.pth can not be found'):
        read_checkpoint(str(tmp_path / 'none.pth'))
    os.mkfifo(tmp_path / 'pipe.pth')
    with pytest.raises(CheckpointError, match='is no regular file'):  # and does not wait for a writer
        read_checkpoint(str(tmp_path / 'pipe.pth'))
    for name in ('x.safetensors', 'ftp://x/y.pth', 's3://x/y.pth', 'openmmlab://nothing', 'model.onnx'):
        with pytest.raises((CheckpointError, FileNotFoundError)):
            CheckpointLoader.load_checkpoint(name)


# --- nothing runs --------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder and the URL at which it is served; torch's hub folder is a temporary one."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    folder = tmp_path / 'served'
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f'http://127.0.0.1:{running.server_port}'
        running.shutdown()


WAYS = dict(
    loader=lambda source: CheckpointLoader.load_checkpoint(source, map_location='cpu'),
    load_checkpoint=lambda source: load_checkpoint(nn.Linear(1, 1), source),
    prefix=lambda source: mmengine_checkpoint._load_checkpoint_with_prefix('a', source),
    http=lambda source: mmengine_checkpoint.load_from_http(source),
    url=lambda source: mmengine_checkpoint.load_url(source),
    init_cfg=lambda source: BaseModule(init_cfg=dict(type='Pretrained', checkpoint=source)).init_weights(),
    ours=read_checkpoint)


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('zipped', [True, False])
def test_a_url_runs_nothing(tmp_path, server, way, zipped):
    folder, url = server
    victim = tmp_path / 'victim'
    torch.save(dict(state_dict=dict(a=Runs(victim))), folder / 'x.pth', _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=f'names .{open.__module__}.open., which weights do not need'):
        WAYS[way](f'{url}/x.pth')
    assert not victim.exists()


def test_two_urls_with_one_file_name(server):
    folder, url = server
    for name, value in (('a', 1.), ('b', 2.)):
        (folder / name).mkdir()
        save_checkpoint(dict(state_dict=dict(w=torch.tensor([value]))), folder / name / 'model.pth')
    found = [CheckpointLoader.load_checkpoint(f'{url}/{name}/model.pth')['state_dict']['w'].item() for name in 'abab']
    assert found == [1., 2., 1., 2.]
    with pytest.raises(CheckpointError, match='cannot be downloaded: .*404'):
        read_checkpoint(f'{url}/none.pth')


def test_the_config_of_a_published_file_does_not_reach_the_runner(tmp_path):
    """mmengine runs ``meta['config']`` as Python when it resumes."""
    save_checkpoint(dict(state_dict=dict(w=torch.ones(1)), meta=dict(config='import os', epoch=1)), tmp_path / 'x.pth')
    assert CheckpointLoader.load_checkpoint(str(tmp_path / 'x.pth'))['meta'] == dict(epoch=1)
    assert read_checkpoint(str(tmp_path / 'x.pth'))['meta']['config'] == 'import os'


# --- what expands --------------------------------------------------------------------------


def zip_of(path, data, **more):
    with zipfile.ZipFile(path, 'w') as opened:
        opened.writestr('archive/data.pkl', data)
        for name, content in more.items():
            opened.writestr(f'archive/{name}', content)


def compressed(path):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as opened:
        opened.writestr('archive/data.pkl', pickle.dumps({}, 2))
        with opened.open('archive/data/0', 'w', force_zip64=True) as entry:
            for _ in range(300):
                entry.write(bytes(10**7))


def claims(path, elements=10**12):
    """A tensor of terabytes in a small file."""
    storage = b'(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu\x8a\x06' + elements.to_bytes(
        6, 'little') + b'tQ'
    tensor = (b'ctorch._utils\n_rebuild_tensor_v2\n(' + storage
              + b'K\0J\1\0\0\0\x85K\1\x85\x89ccollections\nOrderedDict\n)RtR')
    zip_of(path, b'\x80\x02}X\x01\0\0\0w' + tensor + b's.', **{'data/0': b'\0' * 4})


def expanded(path):
    """Elements of one number, in many dimensions of the stride 0."""
    torch.save(dict(w=torch.ones(1).expand(10**6, 10**6)), path)


def expanded_often(path):
    torch.save({f'w{i}': torch.ones(1).expand(10**7) for i in range(100)}, path)


def array_of(path):
    body = b'\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nJ\0\0\0\x7f\x85C\x01b\x87R.'
    zip_of(path, body.replace(b'C\x01b', b'U\x01b'))


BOMBS = {
    'compressed': (compressed, 'is compressed'),
    'claims': (claims, 'its tensors claim more bytes than the file has'),
    'claims, old': (lambda path: path.write_bytes(
        b''.join(pickle.dumps(each, 2) for each in (torch.serialization.MAGIC_NUMBER, 1001, {}))
        + b'\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpu\x8a\x06'
        + (10**12).to_bytes(6, 'little') + b'NtQ.'), 'claim more bytes'),
    'expanded': (expanded, 'have 4000000000000 bytes'),
    'expanded often': (expanded_often, 'of which the file has'),
    'array': (array_of, 'asks for an array of'),
    'bytes': (lambda path: zip_of(path, b'\x80\x02c__builtin__\nbytes\nJ\0\0\0\x7f\x85R.'), 'bytes'),
    'bytearray': (lambda path: zip_of(path, b'\x80\x02c__builtin__\nbytearray\nJ\0\0\0\x7f\x85R.'), 'bytearray'),
    'empty sets': (lambda path: zip_of(path, b'\x80\x02](' + b'\x8f' * 20_000_000 + b'e.'), 'over 512 MiB'),
    'empty lists': (lambda path: zip_of(path, b'\x80\x02](' + b']' * 20_000_000 + b'e.'), 'over 512 MiB'),
    'copies': (lambda path: zip_of(path, b'\x80\x02](' + b'K\1' * 100_000 + b'eq\1]('
                                   + b'c__builtin__\nset\nh\1\x85R' * 100_000 + b'e.'), 'over 512 MiB'),
    'long text': (lambda path: zip_of(path, b'\x80\x02X\xff\xff\xff\x7fabc.'), 'bytes more|cut off'),
    'doubling': (lambda path: zip_of(
        path, b'\x80\x02]q\0' + b''.join(b'](h' + bytes([i]) + b'h' + bytes([i]) + b'eq' + bytes([i + 1])
                                         for i in range(60)) + b'.'), 'it holds over'),
    'itself': (lambda path: zip_of(path, b'\x80\x02]q\0h\0a.'), 'holds itself'),
    'itself by a dict': (lambda path: zip_of(path, b'\x80\x02}q\0X\1\0\0\0ah\0s.'), 'holds itself'),
    'deep': (lambda path: zip_of(path, b'\x80\x02)' + b'\x85' * 100_000 + b'.'), 'deeper than 100'),
    'memo': (lambda path: zip_of(path, b'\x80\x02]r\xff\xff\xff\x7f.'), 'damaged'),
    'negative': (lambda path: zip_of(path, b'\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuJ'
                                     + struct.pack('<i', -5) + b'tQ.'), 'a storage of -5 elements'),
    'setattr': (lambda path: zip_of(path, b'\x80\x02ccollections\nOrderedDict\n}X\1\0\0\0aK\1sb.'), 'sets the state'),
}
MEASURE = """
import resource, sys
sys.path.insert(0, {tests!r})
from mmrefseg.checkpoints import read_checkpoint
from mmrefseg.errors import CheckpointError
try:
    read_checkpoint({path!r})
except CheckpointError as error:
    print(str(error))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize('kind', [kind for kind in BOMBS if kind not in ('empty sets', 'empty lists', 'copies',
                                                                        'compressed')])
def test_bombs_are_refused(tmp_path, kind):
    make, message = BOMBS[kind]
    make(tmp_path / 'x.pth')
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(str(tmp_path / 'x.pth'))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # KiB


@pytest.mark.slow
@pytest.mark.parametrize('kind', BOMBS)
def test_memory_of_bombs(tmp_path, kind):
    """The peak of a whole process that opens one stays below 1.5 GB."""
    make, message = BOMBS[kind]
    make(tmp_path / 'x.pth')
    code = MEASURE.format(tests=str(Path(__file__).parent), path=str(tmp_path / 'x.pth'))
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    *said, peak = done.stdout.strip().splitlines()
    print(f'{kind}: {int(peak) / 1024:.0f} MiB, {" ".join(said)[-90:]}')
    assert int(peak) * 1024 < 1.5e9 and said


# --- weights ------------------------------------------------------------------------------


def test_weights_of():
    weights = {'module.a': torch.ones(1)}
    assert list(weights_of(dict(state_dict=weights), 'x')) == list(weights_of(weights, 'x')) == ['a']
    for wrong, message in ((dict(state_dict={}), 'its state_dict is {}'), ({}, 'state_dict is {}'),
                           (dict(state_dict=[1]), r'its state_dict is \[1\]'),
                           (dict(model=weights, epoch=1), "x holds 'model', 'epoch'; expected 'state_dict'")):
        with pytest.raises(CheckpointError, match=message):
            weights_of(wrong, 'x')


def test_safetensors_by_content(tmp_path):
    save_safetensors(tmp_path / 'a.safetensors', dict(w=torch.ones(2)), dict(epoch=1))
    os.rename(tmp_path / 'a.safetensors', tmp_path / 'a.pth')
    assert read_checkpoint(str(tmp_path / 'a.pth'))['meta']['epoch'] == 1
    with io.BytesIO() as buffer:
        torch.save(dict(w=torch.ones(2)), buffer)
        (tmp_path / 'b.safetensors').write_bytes(buffer.getvalue())
    with pytest.raises(CheckpointError, match='is no safetensors file: it holds a pickle'):
        read_checkpoint(str(tmp_path / 'b.safetensors'))
