"""A training's checkpoint becomes a file to hand out."""

import hashlib
import sys

import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from safetensors import safe_open

import mmrefseg
from mmrefseg.checkpoints import publish as publish_model
from mmrefseg.checkpoints import read_meta
from mmrefseg.registry import MODELS

NANO = 'configs/lavt/lavt_nano_refshapes.py'


def build():
    init_default_scope('mmrefseg')
    return MODELS.build(Config.fromfile(TINY_CONFIG).model)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """What mmengine's checkpoint hook writes."""
    model = build()
    optimizer = torch.optim.AdamW(model.parameters())
    path = tmp_path_factory.mktemp('trained') / 'epoch_3.pth'
    torch.save(dict(meta=dict(epoch=3, iter=99, cfg='model = 1', experiment_name='somebody_20260101'),
                    state_dict=model.state_dict(), message_hub=dict(log_scalars={}),
                    optimizer=optimizer.state_dict(), param_schedulers=[]), path)
    return path


def test_weights_and_metadata_alone(trained, tmp_path, monkeypatch, capsys):
    metrics = tmp_path / 'metrics.json'
    metrics.write_text('{"val": {"mIoU": 41.5}}')
    args = [trained, tmp_path / 'out/tiny.safetensors', '--config', ROOT / NANO, '--metrics', metrics]
    monkeypatch.setattr(sys, 'argv', ['publish_model.py', *map(str, args)])
    publish_model.main()
    path, = (tmp_path / 'out').iterdir()
    assert str(path) in capsys.readouterr().out
    assert path.name == f'tiny-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.safetensors'
    assert read_meta(path) == dict(config=NANO, version=mmrefseg.__version__, dtype='float32', epoch=3, iter=99,
                                   metrics=dict(val=dict(mIoU=41.5)))
    with safe_open(path, 'pt') as opened:
        assert set(opened.keys()) == set(build().state_dict())
    again = build()
    load_checkpoint(again, str(path), strict=True)
    expected = torch.load(trained, weights_only=True)['state_dict']
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())


def test_published_again(trained, tmp_path):
    """Another type of a published file keeps what it says; the same arguments give the same name."""
    first = publish_model.publish(str(trained), str(tmp_path / 'a'), config=str(ROOT / NANO))
    assert publish_model.publish(str(trained), str(tmp_path / 'a'), config=str(ROOT / NANO)) == first
    half = publish_model.publish(str(first), str(tmp_path / 'b'), dtype='float16')
    assert read_meta(half) == dict(read_meta(first), dtype='float16')
    assert half.stat().st_size < 0.6 * first.stat().st_size
    mine = tmp_path / 'mine.py'
    mine.write_text('')
    assert read_meta(publish_model.publish(str(half), str(tmp_path / 'c'), config=str(mine)))['config'] == 'mine.py'


def test_errors(trained, tmp_path):
    with pytest.raises(FileNotFoundError, match='--config nowhere.py can not be found'):
        publish_model.publish(str(trained), str(tmp_path / 'a'), config='nowhere.py')
    torch.save(dict(model=dict(weight=torch.ones(1)), epoch=3), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match="holds 'model', 'epoch'; expected 'state_dict'"):
        publish_model.publish(str(tmp_path / 'other.pth'), str(tmp_path / 'a'))
    assert not list(tmp_path.glob('a*'))
