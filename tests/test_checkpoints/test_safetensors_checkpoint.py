"""Checkpoints as safetensors, through mmengine's loader."""

import hashlib
import http.server
import threading
from functools import partial

import pytest
import torch
from mmengine.runner import CheckpointLoader, load_checkpoint
from safetensors.torch import load_file, save_file
from torch import nn

from mmrefseg.checkpoints import load_from_safetensors, read_meta, save_safetensors
from mmrefseg.errors import CheckpointError


class Parts(nn.Module):
    """Matrices, kernels, vectors, an integer, a row of zeros and a weight that two layers have."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 32)
        self.conv = nn.Conv2d(16, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.small = nn.Linear(4, 4)
        self.linear.weight.data[3] = 0
        self.tied = nn.Linear(64, 32)
        self.tied.weight = self.linear.weight
        self.register_buffer('index', torch.arange(2000).view(2, 1000))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Parts()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """torch's hub folder is a temporary one."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


@pytest.mark.parametrize('dtype,tolerance', [('float32', 0.), ('float16', 2**-11), ('bfloat16', 2**-8)])
def test_there_and_back(model, tmp_path, dtype, tolerance):
    path = str(tmp_path / 'weights.safetensors')
    save_safetensors(path, model.state_dict(), dict(epoch=3), dtype)
    again = Parts()
    load_checkpoint(again, path, strict=True)  # by mmengine
    for name, value in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=tolerance, atol=1e-7 * (dtype == 'float16'))
    assert read_meta(path) == dict(epoch=3, dtype=dtype)
    assert load_from_safetensors(path)['meta'] == read_meta(path)
    loaded = load_from_safetensors(path)['state_dict']
    assert all(value.dtype in (torch.float32, torch.int64) for value in loaded.values())


def test_eight_bits(model, tmp_path):
    """A weight is off by half a step of its row at most; vectors, statistics and small matrices are exact."""
    path = tmp_path / 'weights.safetensors'
    save_safetensors(path, model.state_dict(), {}, 'int8')
    loaded = load_from_safetensors(str(path))['state_dict']
    assert loaded.keys() == model.state_dict().keys()
    rounded = {'linear.weight', 'tied.weight', 'conv.weight'}
    for name, value in model.state_dict().items():
        if name not in rounded:
            assert torch.equal(loaded[name], value), name
            continue
        step = value.flatten(1).abs().amax(1, keepdim=True) / 127
        error = (loaded[name] - value).flatten(1).abs()
        assert (error <= 0.5001 * step).all() and error.max() > 0
    stored = load_file(path)
    assert {name for name, value in stored.items() if value.dtype == torch.int8} == rounded
    assert stored['linear.weight_scale'].shape == (32, 1)


def test_the_same_gives_the_same_bytes(model, tmp_path):
    files = [tmp_path / f'{i}.safetensors' for i in range(6)]
    for i, path in enumerate(files):
        meta = dict(a=1, b=[2.5], c='d') if i % 2 else dict(c='d', b=[2.5], a=1)
        save_safetensors(path, model.state_dict(), meta)
    assert len({path.read_bytes() for path in files}) == 1
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in files}
    (tmp_path / 'plain').touch()
    assert files[0].stat().st_mode == (tmp_path / 'plain').stat().st_mode  # others may read it


def test_another_programs_file(tmp_path):
    save_file({'weight': torch.ones(2), 'weight_scale': torch.full((2, ), 3.)}, tmp_path / 'other.safetensors')
    assert read_meta(tmp_path / 'other.safetensors') == {}
    loaded = load_from_safetensors(str(tmp_path / 'other.safetensors'))['state_dict']
    assert torch.equal(loaded['weight'], torch.ones(2)) and torch.equal(loaded['weight_scale'], torch.full((2, ), 3.))


def test_a_url_is_downloaded_once_and_checked(model, tmp_path, home):
    (tmp_path / 'served').mkdir()
    save_safetensors(tmp_path / 'served/weights.safetensors', model.state_dict(), dict(epoch=3))
    content = (tmp_path / 'served/weights.safetensors').read_bytes()
    # A number behind a dash is no hash, in whose place torch.hub takes it.
    right = f'right-{hashlib.sha256(content).hexdigest()[:8]}'
    for name in ('lavt-2', 'model-00001-of-00002', 'wrong-0123abcd', right):
        (tmp_path / f'served/{name}.safetensors').write_bytes(content)
    (tmp_path / 'served/other').mkdir()
    save_safetensors(tmp_path / 'served/other/lavt-2.safetensors', model.state_dict(), dict(epoch=4))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / 'served'))
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f'http://127.0.0.1:{server.server_port}'
        for name in ('model-00001-of-00002', right):
            CheckpointLoader.load_checkpoint(f'{url}/{name}.safetensors')
        loaded = CheckpointLoader.load_checkpoint(f'{url}/lavt-2.safetensors', map_location='cpu')
        assert read_meta(f'{url}/other/lavt-2.safetensors')['epoch'] == 4  # another file of that name
        with pytest.raises(CheckpointError, match='invalid hash value'):
            CheckpointLoader.load_checkpoint(f'{url}/wrong-0123abcd.safetensors')
        server.shutdown()
    assert torch.equal(loaded['state_dict']['linear.weight'], model.linear.weight)
    assert len(list((home / 'hub/checkpoints').glob('*/*'))) == 4 and not list(home.rglob('wrong*'))
    assert read_meta(f'{url}/lavt-2.safetensors')['epoch'] == 3  # the server is gone


@pytest.mark.parametrize('text,message', [
    ('[1]', r"the metadata 'mmrefseg' of .*weights.safetensors: expected an object, found \[1\]"),
    ('no JSON', "the metadata 'mmrefseg' of .*weights.safetensors is no JSON")])
def test_metadata_that_is_not_ours(tmp_path, text, message):
    save_file({'weight': torch.ones(2)}, tmp_path / 'weights.safetensors', dict(mmrefseg=text))
    for read in (read_meta, load_from_safetensors):
        with pytest.raises(ValueError, match=message):
            read(str(tmp_path / 'weights.safetensors'))


def test_errors(model, tmp_path):
    path = tmp_path / 'weights.safetensors'
    with pytest.raises(ValueError, match="dtype 'int4': expected one of float32, float16"):
        save_safetensors(path, model.state_dict(), {}, 'int4')
    with pytest.raises(ValueError, match='the weight big reaches 1e.05, too large for float16: use bfloat16'):
        save_safetensors(path, dict(big=torch.tensor([1e5])), {}, 'float16')
    with pytest.raises(ValueError, match='the weight bad is not finite'):
        save_safetensors(path, dict(bad=torch.tensor([float('nan')])), {})
    with pytest.raises(FileNotFoundError, match='weights.safetensors can not be found'):
        CheckpointLoader.load_checkpoint(str(path))
    save_safetensors(path, model.state_dict(), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match='weights.safetensors is no safetensors file, or it is cut off'):
        CheckpointLoader.load_checkpoint(str(path))
    assert [each.name for each in tmp_path.iterdir()] == ['weights.safetensors']
