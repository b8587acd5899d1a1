"""An official LAVT checkpoint as it is, of both releases, straight to the inferencer, ``load_from`` and test.py."""

import argparse
import importlib.util
import json

import numpy as np
import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint

from mmrefseg.apis import RefSegInferencer
from mmrefseg.checkpoints import read_checkpoint
from mmrefseg.command_line import test as test_command
from mmrefseg.errors import CheckpointError
from mmrefseg.registry import MODELS
from mmrefseg.utils import without_pretrained

CONFIGS = dict(lavt_swinb='lavt/lavt_swinb_refcoco', lavt_one_swinb='lavt/lavt-one_swinb_refcoco')


def write_official(reference, name, path, **more):
    """The file as the authors' code writes it: ``model``, with ``bert_model`` beside it in the first release, and what
    else a training keeps."""
    spec = importlib.util.spec_from_file_location('reference_weights', reference / 'weights.py')
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    parts = {}
    for key, shape in json.loads((reference / 'layouts' / f'{name}.json').read_text()).items():
        part, _, inner = key.partition('.')
        parts.setdefault(part, {})[inner] = torch.from_numpy(np.asarray(made.weight(key, shape)))
    torch.save(dict(parts, epoch=39, args=argparse.Namespace(model=name, mha='', lr=5e-5), **more), path)
    return made


def write_config(name, path, *more):
    """Our config without weights that would be fetched: the checkpoint has them all."""
    cfg = Config.fromfile(ROOT / 'configs' / f'{CONFIGS[name]}.py')
    cfg.model = without_pretrained(cfg.model)
    cfg.merge_from_dict(dict(*more))
    cfg.dump(path)
    return str(path)


@torch.no_grad()
def logits_of(model, image, ids):
    """(B, K, h, w) before resizing, of word ids."""
    text = model.text_encoder.encode(ids, ids != 0)
    features = model.fuse(model.encode_image(image), text, None)
    return model.decode_head.predict(model.decode(features), features)


@pytest.mark.slow
@pytest.mark.parametrize('name', CONFIGS)
def test_it_answers_as_the_authors_code(shared_dir, tmp_path, name, capsys):
    reference, official = shared_dir / 'reference', tmp_path / 'official.pth'
    made = write_official(reference, name, official)
    config = write_config(name, tmp_path / 'config.py')
    answers = np.load(reference / f'{name}.npz')
    image, ids = torch.from_numpy(made.image(2, 480)), torch.from_numpy(answers['word']).long()
    inferencer = RefSegInferencer(config, str(official), device='cpu', show_progress=False)
    found = logits_of(inferencer.model, image, ids).numpy()
    assert np.abs(found - answers['logits']).max() <= 1e-4 * answers['logits'].std()
    state = {key: value.clone() for key, value in inferencer.model.state_dict().items()}
    del inferencer
    # load_from, by which a training goes on from it and test.py takes it.
    model = MODELS.build(Config.fromfile(config).model)
    load_checkpoint(model, str(official), map_location='cpu', strict=False)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    del model, state
    test_command.main([
        config, str(official), '--splits', 'testA', '--out', str(tmp_path / 'metrics.json'),
        '--work-dir', str(tmp_path / 'work'),
        '--cfg-options', f'test_dataloader.dataset.data_root={shared_dir / "refcoco_real"}',
        'test_dataloader.num_workers=0', 'test_dataloader.persistent_workers=False'])
    assert 'mIoU' in json.loads((tmp_path / 'metrics.json').read_text())['testA']


def test_a_malicious_one_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return open, (str(tmp_path / 'ran'), 'w')

    weights = {'backbone.layers.0.fusion.image_lang_att.f_query.0.weight': torch.zeros(1),
               'classifier.conv1_1.weight': torch.zeros(1)}
    torch.save(dict(model=weights, args=Evil()), tmp_path / 'evil.pth')
    init_default_scope('mmrefseg')
    for door in (read_checkpoint, lambda path: RefSegInferencer('lavt/lavt_nano_refshapes', path, device='cpu'),
                 lambda path: load_checkpoint(torch.nn.Linear(1, 1), path)):
        with pytest.raises(CheckpointError, match='names .*open'):
            door(str(tmp_path / 'evil.pth'))
    assert not (tmp_path / 'ran').exists()
