"""A file that is no checkpoint, and one of another model, at every face: one error with its name, status 2."""

import runpy
import sys

import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

from mmrefseg.apis import find_zoo_model
from mmrefseg.checkpoints import save_checkpoint
from mmrefseg.registry import MODELS

CONFIG = str(TINY_CONFIG)


@pytest.fixture
def face(tmp_path, monkeypatch, capsys, refshapes_root):
    """Runs a command or a tool in this process; its status and what it printed."""
    Image.new('RGB', (32, 32)).save(tmp_path / 'image.png')
    (tmp_path / 'words.txt').write_text('red circle\n')
    monkeypatch.chdir(tmp_path)
    data = [f'{loader}_dataloader.dataset.data_root={refshapes_root}' for loader in ('train', 'val', 'test')]

    def run(name, weights):
        command = dict(
            test=['mmrefseg/__main__.py', 'test', CONFIG, weights, '--cfg-options', *data],
            load_from=['mmrefseg/__main__.py', 'train', CONFIG, '--cfg-options', *data, f'load_from={weights}'],
            resume=['mmrefseg/__main__.py', 'train', CONFIG, '--resume', '--cfg-options', *data,
                    f'load_from={weights}'],
            predict=['mmrefseg/__main__.py', 'predict', 'image.png', 'words.txt', '--model', CONFIG, '--weights',
                     weights],
            predict_alone=['mmrefseg/__main__.py', 'predict', 'image.png', 'words.txt', '--weights', weights],
            image_demo=['demo/image_demo.py', 'image.png', 'red circle', '--config', CONFIG, '--weights', weights],
            export=['tools/export.py', CONFIG, weights, '--out', 'out.onnx'],
            publish=['tools/model_converters/publish_model.py', weights, 'out'],
            average=['tools/model_converters/average_checkpoints.py', weights, weights, '--out', 'out.pth'],
            change_vocab=['tools/model_converters/change_vocab.py', weights, 'out.pth', '--old', CONFIG, '--new',
                          CONFIG],
            convert=['tools/model_converters/lavt.py', weights, 'out.pth'],
            grid=['tools/analysis_tools/prediction_grid.py', CONFIG, weights, '--out', 'out.png'])[name]
        monkeypatch.setattr(sys, 'argv', [str(ROOT / command[0]), *map(str, command[1:])])
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(ROOT / command[0]), run_name='__main__')
        return stopped.value.code, capsys.readouterr().err

    return run


FACES = ('test', 'load_from', 'resume', 'predict', 'predict_alone', 'image_demo', 'export', 'publish', 'average',
         'change_vocab', 'convert', 'grid')


@pytest.mark.parametrize('name', FACES)
def test_a_web_page(face, tmp_path, name):
    (tmp_path / 'page.pth').write_text('<!DOCTYPE html><html>404</html>')
    status, said = face(name, tmp_path / 'page.pth')
    assert status == 2 and 'Traceback' not in said
    line = next(line for line in said.splitlines() if 'error:' in line)
    assert f'{tmp_path / "page.pth"} is no checkpoint: it is a web page' in line
    assert not list(tmp_path.glob('out*'))


@pytest.mark.parametrize('name', ['test', 'resume', 'predict', 'image_demo', 'export', 'grid'])
def test_weights_of_another_model(face, name):
    other = find_zoo_model('lts_nano_refshapes').weights
    status, said = face(name, other)
    assert status == 2 and 'Traceback' not in said and 'lts_nano_refshapes' in said
    assert 'does not fit the model' in said or 'vocab' in said or 'no checkpoint of a training' in said


def test_numbers_that_are_none(face, tmp_path):
    init_default_scope('mmrefseg')
    model = MODELS.build(Config.fromfile(CONFIG).model)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.fill_(torch.nan)
    save_checkpoint(dict(state_dict=model.state_dict()), tmp_path / 'x.pth')
    for name in ('test', 'predict', 'load_from'):
        status, said = face(name, tmp_path / 'x.pth')
        assert status == 2 and 'x.pth are not finite (NaN or infinite)' in said, name
