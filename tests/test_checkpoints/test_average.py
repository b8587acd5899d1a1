"""The mean of checkpoints' weights."""

import sys

import pytest
import torch
from torch import nn

from mmrefseg.checkpoints import read_checkpoint, save_safetensors
from mmrefseg.checkpoints.average import average, main


def model(seed, width=4):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width))
    layers(torch.randn(5, 3))
    return layers


@pytest.fixture
def files(tmp_path):
    paths = []
    for seed in range(3):
        layers = model(seed)
        layers[1].num_batches_tracked += seed
        paths.append(tmp_path / f'epoch_{seed}.pth')
        torch.save(dict(meta=dict(epoch=seed), state_dict=layers.state_dict(), optimizer={}), paths[-1])
    return paths


def test_the_mean(files, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'mean.pth'
    monkeypatch.setattr(sys, 'argv', ['average_checkpoints.py', *map(str, files), '--out', str(out)])
    main()
    assert 'the mean of 3 checkpoints' in capsys.readouterr().out
    found = read_checkpoint(str(out))
    assert found['meta'] == dict(epoch=2) and set(found) == {'meta', 'state_dict'}
    ends = [torch.load(file, weights_only=True)['state_dict'] for file in files]
    for name, value in found['state_dict'].items():
        own = torch.stack([end[name] for end in ends])
        expected = own.double().mean(0).float() if own.is_floating_point() else own[-1]
        assert value.dtype == ends[0][name].dtype and torch.equal(value, expected), name
    model(0).load_state_dict(found['state_dict'])


def test_published_files_too(files, tmp_path):
    paths = []
    for file in files[:2]:
        paths.append(tmp_path / f'{file.stem}.safetensors')
        save_safetensors(paths[-1], torch.load(file, weights_only=True)['state_dict'], dict(config='a.py'), 'float32')
    own, expected = average(list(map(str, paths))), average(list(map(str, files[:2])))
    assert own['meta']['config'] == 'a.py'
    assert all(torch.equal(value, expected['state_dict'][name]) for name, value in own['state_dict'].items())


def test_what_has_no_mean(files, tmp_path):
    with pytest.raises(ValueError, match='needs two checkpoints or more, found 1'):
        average([str(files[0])])
    torch.save(dict(state_dict=model(0, width=5).state_dict()), tmp_path / 'wide.pth')
    with pytest.raises(ValueError, match=r'wide.pth is of another model than .*epoch_0.pth: 0.weight is \(5, 3\) in '
                                         r'it, \(4, 3\) in the other'):
        average([str(files[0]), str(tmp_path / 'wide.pth')])
    torch.save(dict(state_dict=model(0)[:1].state_dict()), tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'1.weight is not there in it, \(4,\) in the other'):
        average([str(files[0]), str(tmp_path / 'part.pth')])
