"""detectron2's container: arrays come out, and nothing else gets in."""

import collections
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT

from mmrefseg.checkpoints.converters import OfficialFormatError
from mmrefseg.checkpoints.detectron2_pickle import read_detectron2_pickle

ARRAYS = dict(weight=np.arange(6, dtype=np.float32).reshape(2, 3), scalar=np.array(2.5, np.float32),
              half=np.ones(2, np.float16), count=np.array([3], np.int64), order=np.asfortranarray(np.eye(3)))


def write(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return str(path)


@pytest.mark.parametrize('protocol', [2, 4, 5])
@pytest.mark.parametrize('bare', [False, True])
def test_arrays_come_out(tmp_path, protocol, bare):
    content = collections.OrderedDict(ARRAYS) if bare else dict(model=ARRAYS, __author__='them', iteration=7)
    found = read_detectron2_pickle(write(tmp_path / 'model.pkl', content, protocol))
    assert found['model'].keys() == ARRAYS.keys() and (bare or found['iteration'] == 7)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found['model'][name], array)
        assert found['model'][name].dtype == array.dtype


class Runs:
    """Whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('content,message', [
    (lambda: dict(model=dict(weight=Runs(os.system, 'touch ran'))), "names 'posix.system'"),
    (lambda: dict(model=dict(weight=Runs(np.ndarray, (1 << 40, )))), 'takes no arguments|no checkpoint'),
    (lambda: dict(model=dict(weight=Runs(np.empty(0).__reduce__()[0], np.ndarray, (1 << 40, ), b'b'))),
     'asks for an array of'),
    (lambda: dict(model=dict(weight=np.array([{}], dtype=object))), 'array of object, expected numbers'),
    (lambda: dict(model=dict(weight='text')), 'expected a dict of numpy arrays'),
    (lambda: [1, 2], 'expected a dict of numpy arrays'),
    (lambda: dict(model={}), 'expected a dict of numpy arrays'),
])
def test_anything_else_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OfficialFormatError, match=message):
        read_detectron2_pickle(write(tmp_path / 'bad.pkl', content()))
    assert not (tmp_path / 'ran').exists()


def test_a_truncated_file(tmp_path):
    path = tmp_path / 'short.pkl'
    path.write_bytes(pickle.dumps(dict(model=ARRAYS))[:-20])
    with pytest.raises(OfficialFormatError, match='no checkpoint of detectron2'):
        read_detectron2_pickle(str(path))


@pytest.mark.slow
def test_the_tool_takes_either_container(tmp_path):
    weights = {'sem_seg_head.predictor.RIA_layers.0.norm.weight': np.ones(3, np.float32),
               'backbone.patch_embed.proj.weight': np.ones((96, 3, 4, 4), np.float32)}
    write(tmp_path / 'rela.pkl', dict(model=weights))
    torch.save(dict(model={name: torch.from_numpy(array) for name, array in weights.items()}), tmp_path / 'rela.pth')
    tool, made = ROOT / 'tools/model_converters/rela.py', []
    for name in ('rela.pkl', 'rela.pth'):
        subprocess.run([sys.executable, tool, tmp_path / name, tmp_path / 'ours.pth'], check=True)
        made.append(torch.load(tmp_path / 'ours.pth', weights_only=True))
    assert made[0]['meta']['config'] == 'rela/rela_swint_grefcoco'
    assert made[0]['state_dict'].keys() == made[1]['state_dict'].keys()
    assert 'decode_head.layers.0.norms.0.weight' in made[0]['state_dict']
