"""Pictures reach mmengine's backends by config."""

import sys
from types import SimpleNamespace

import pytest
from conftest import TINY_CONFIG
from mmengine.config import Config
from mmengine.runner import Runner
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mmrefseg.analysis.images.ref_image_hook import RefImageHook

TAGS = {'refshapes_unc_val_000000_refshapes_val_000000', 'val_predictions', 'val_attention'}


def test_tensorboard_and_wandb(refshapes_root, tmp_path, monkeypatch):
    """W&B is what mmengine's backend calls of it: the package itself wants an account."""
    logged, started = {}, []
    monkeypatch.setitem(sys.modules, 'wandb', SimpleNamespace(
        init=lambda **kwargs: started.append(kwargs), Image=lambda array: array.shape,
        log=lambda values, commit: logged.update(values), config=SimpleNamespace(update=lambda *_, **__: None),
        run=SimpleNamespace(log_code=lambda name: None), join=lambda: None))
    cfg = Config.fromfile(TINY_CONFIG)
    for loader in ('train', 'val', 'test'):
        cfg[f'{loader}_dataloader'].dataset.data_root = str(refshapes_root)
    cfg.val_dataloader.dataset.indices = 2
    cfg.work_dir = str(tmp_path)
    cfg.visualizer.name = tmp_path.name  # mmengine keeps visualizers by name
    cfg.visualizer.vis_backends = [
        dict(type='TensorboardVisBackend'), dict(type='WandbVisBackend', init_kwargs=dict(project='refshapes'))]
    cfg.default_hooks.visualization = dict(type='RefVisualizationHook', interval=2)
    cfg.default_hooks.checkpoint = None  # mmengine's would compare with a training's best
    cfg.custom_hooks = [dict(type='RefImageHook', kinds=['predictions', 'attention'], number=2)]
    Runner.from_cfg(cfg).val()

    event, = tmp_path.rglob('events.out.tfevents.*')
    events = EventAccumulator(str(event))
    events.Reload()
    assert set(events.Tags()['images']) == TAGS and 'oIoU' in events.Tags()['scalars']
    image, = events.Images('val_predictions')
    assert image.width == 2 * 320 + 3 * 16 and image.encoded_image_string.startswith(b'\x89PNG')
    assert started[0]['project'] == 'refshapes'
    assert TAGS <= set(logged) and logged['val_predictions'][1:] == (2 * 320 + 3 * 16, 3)


@pytest.mark.parametrize('arguments,message', [
    (dict(kinds=['predictions', 'words']), r"kinds has \['words'\], expected some of"),
    (dict(number=0), 'number is 0, expected 1 or more'),
])
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RefImageHook(**arguments)
