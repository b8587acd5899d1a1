"""What an exported file says of itself runs, imports, unpickles and reads nothing."""

import json
import pickle
import sys

import numpy as np
import pytest
from mmcv.transforms import BaseTransform

from mmrefseg.apis import RefSegInferencer
from mmrefseg.exported import ALLOWED_TYPES
from mmrefseg.exported.allowed_types import safe_config
from mmrefseg.exported.description import KEY, FileDescription
from mmrefseg.registry import TRANSFORMS

PIPELINE = [dict(type='LoadRefImage'), dict(type='mmrefseg.RefResize', scale=[64, 64]),
            dict(type='mmcv.CenterCrop', crop_size=64, pad_cfg=dict(type='Pad')), dict(type='PackRefInputs')]


def config_of(pipeline=PIPELINE, preprocessor='SegDataPreProcessor', visualizer=None):
    return dict(model=dict(data_preprocessor=dict(type=preprocessor, mean=[0., 0., 0.], std=[1., 1., 1.])),
                test_dataloader=dict(dataset=dict(pipeline=pipeline)),
                visualizer=visualizer or dict(type='RefLocalVisualizer', alpha=0.5))


def metadata(config=None, **changes):
    described = FileDescription((64, 64), ['logits'], False, {}, dict(
        kind='words', words=['star'], max_length=5, boundaries=False), config_of() if config is None else config)
    return json.dumps(dict(json.loads(described.to_json()), **changes))


@pytest.fixture
def open_file(monkeypatch, tmp_path):
    """Opens an ONNX file that says this of itself, as a user does."""
    class Session:
        def __init__(self, *args, **kwargs):
            pass

        def get_modelmeta(self):
            return self

        def get_inputs(self):
            return []

    def open_file(text):
        Session.custom_metadata_map = {KEY: text}
        monkeypatch.setattr(pytest.importorskip('onnxruntime'), 'InferenceSession', Session)
        (tmp_path / 'file.onnx').write_bytes(b'')
        return RefSegInferencer(tmp_path / 'file.onnx', device='cpu', show_progress=False)

    return open_file


def test_what_an_export_writes_is_built(open_file):
    inferencer = open_file(metadata())
    assert inferencer.visualizer.alpha == 0.5
    assert inferencer.pipeline(dict(img=np.zeros((9, 9, 3), np.uint8), img_shape=(9, 9), ori_shape=(9, 9),
                                    expressions=['star']))['inputs'].shape == (3, 64, 64)


class Marks:
    def __reduce__(self):
        return print, ('unpickled', )


def test_an_image_is_not_unpickled(open_file, tmp_path, capsys):
    (tmp_path / 'picture.npy').write_bytes(pickle.dumps(Marks()))
    load = dict(type='LoadBiomedicalData', decode_backend='pickle')
    with pytest.raises(ValueError, match="file.onnx: 'LoadBiomedicalData' may not be built: expected one of CenterCr"):
        open_file(metadata(config_of([load, *PIPELINE])))(tmp_path / 'picture.npy', 'star')
    assert 'unpickled' not in capsys.readouterr().out


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A module that nobody may import."""
    (tmp_path / 'stranger').mkdir()
    (tmp_path / 'stranger/__init__.py').write_text('')
    monkeypatch.syspath_prepend(str(tmp_path))
    yield 'stranger'
    assert 'stranger' not in sys.modules


def test_nothing_is_imported(open_file, stranger):
    renamed = dict(PIPELINE[1], type=f'{stranger}.RefResize')
    with pytest.raises(ValueError, match="'stranger.RefResize' may not be built"):
        open_file(metadata(config_of([PIPELINE[0], renamed, *PIPELINE[2:]])))
    with pytest.raises(ValueError, match="a _scope_ 'stranger': expected one of mmrefseg, mmseg"):
        open_file(metadata(config_of([dict(PIPELINE[0], _scope_=stranger), *PIPELINE[1:]])))
    config = config_of()
    config['test_dataloader']['collate_fn'] = f'{stranger}.collate'  # mmengine looks it up by its name
    config['default_scope'] = stranger
    open_file(metadata(config))


@pytest.mark.parametrize('name', [
    'os.system', 'this', 'mmcv.imwrite', 'mmseg.LoadBiomedicalData', 'mmseg.this.Resize', 'LocalVisBackend', 3,
    ['Pad']])
def test_types_that_are_not_listed(name):
    for config in (config_of([*PIPELINE, dict(type=name)]), config_of([dict(type='Pad', size_divisor=dict(type=name))]),
                   config_of(preprocessor=name), config_of(visualizer=dict(type=name))):
        with pytest.raises(ValueError, match='may not be built'):
            safe_config(config)


def test_no_backend_and_no_model_in_another_place(open_file):
    with pytest.raises(ValueError, match="'RefSegmentor' may not be built"):
        open_file(metadata(config_of(preprocessor='RefSegmentor')))
    backends = [dict(type='WandbVisBackend', save_dir='/'), dict(type='os.system')]
    visualizer = dict(type='RefLocalVisualizer', vis_backends=backends, save_dir='/', font_file='/a.ttf', alpha=0.5)
    found = open_file(metadata(config_of(visualizer=visualizer))).visualizer
    assert found._vis_backends == {} and found.font_file is None and found.alpha == 0.5


def test_files_and_programs_stay_behind():
    """mmengine's memcached backend imports from a folder that its config names."""
    backend = dict(backend='memcached', server_list_cfg='a', client_cfg='b', sys_path='/somewhere')
    config = config_of([dict(PIPELINE[0], backend_args=backend, file_client_args=backend), *PIPELINE[1:]])
    assert safe_config(dict(config, work_dir='/somewhere')) == config_of()


def test_a_transform_of_ones_own(open_file, monkeypatch):
    class MyFlip(BaseTransform):
        def transform(self, results):
            return dict(results, img=results['img'][::-1])

    monkeypatch.setitem(TRANSFORMS.module_dict, 'MyFlip', MyFlip)
    text = metadata(config_of([PIPELINE[0], dict(type='MyFlip'), *PIPELINE[1:]]))
    with pytest.raises(ValueError, match=r"let in by mmrefseg.export.ALLOWED_TYPES.add\(its name\)"):
        open_file(text)
    ALLOWED_TYPES.add('MyFlip')
    try:
        open_file(text)
    finally:
        ALLOWED_TYPES.remove('MyFlip')


@pytest.mark.parametrize('text,message', [
    ('[]', r"the metadata 'mmrefseg' of .*file.onnx: expected an object, found \[\]"),
    ('{', "the metadata 'mmrefseg' of .*file.onnx is no JSON"),
    ('{"format": 1}', 'file.onnx does not describe itself as mmrefseg writes it'),
    (metadata(more=1), "file.onnx does not describe itself as mmrefseg writes it.*unexpected keyword argument 'more'"),
    (metadata(test_cfg=dict(threshold=2)), 'file.onnx: model.test_cfg.threshold is 2'),
    (metadata(tokenizer=dict(kind='words', max_length=5)), 'file.onnx does not describe itself as mmrefseg writes it'),
    (metadata(tokenizer=dict(kind='words', words='/etc/hostname', max_length=5, boundaries=False)),
     "file.onnx: the tokenizer has the words '/etc/hostname': expected a list, not a file"),
    (metadata(tokenizer=dict(kind='pieces', backend='{}', pad_id=0, max_length=5, keep_end=True)), 'file.onnx'),
    (metadata(config={}), 'file.onnx: the config has no model.data_preprocessor and test_dataloader.dataset.pipeline'),
    (metadata(config_of([])), 'file.onnx: test_dataloader.dataset.pipeline of the config is empty'),
    (metadata(config_of(['Pad'])), "file.onnx: 'Pad' in the config is no dict with a type"),
])
def test_descriptions_that_are_none(open_file, text, message):
    with pytest.raises(ValueError, match=message):
        open_file(text)
