"""docs/en/adding_a_method.md: the package, the config, the test and the commands work as they stand there."""

import os
import re
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

PAGE = (ROOT / 'docs/en/adding_a_method.md').read_text(encoding='utf-8')
INIT, PART, CONFIG, TEST = re.findall(r'```python\n(.*?)```', PAGE, flags=re.DOTALL)
INFO, TRAIN = re.search(r'```bash\n(.*?)```', PAGE, flags=re.DOTALL)[1].strip().splitlines()


@pytest.fixture(scope='module')
def place(tmp_path_factory, refshapes_root):
    """A folder outside of the repository with all that the page says, and data."""
    folder = tmp_path_factory.mktemp('outside')
    (folder / 'my_parts').mkdir()
    (folder / 'my_parts/__init__.py').write_text(INIT)
    (folder / 'my_parts/gate_fusion.py').write_text(PART)
    (folder / 'my_gate.py').write_text(CONFIG)
    (folder / 'test_gate_fusion.py').write_text(TEST)
    (folder / 'data').symlink_to(refshapes_root)
    return folder


def run(place, command, *more):
    environment = dict(os.environ, PYTHONWARNINGS='ignore', PYTHONPATH=f'{place}{os.pathsep}{ROOT}')
    words = [sys.executable, *command.split()[1:], *more]
    return subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True)


def test_its_own_test(place):
    done = run(place, 'python -m pytest -q -p no:cacheprovider test_gate_fusion.py')
    assert done.returncode == 0 and '1 passed' in done.stdout, done.stdout + done.stderr


def test_its_commands(place):
    done = run(place, INFO)
    assert done.returncode == 0 and 'GateFusion' in done.stdout, done.stdout + done.stderr
    done = run(place, TRAIN, '--cfg-options', 'max_epochs=1', 'batch_size=2')
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / 'work_dirs/my_gate/epoch_1.pth').is_file()


def build(place, monkeypatch, old, new):
    """The model of the page's config with a change of its part."""
    others = {name: part for name, part in MODELS.module_dict.items() if name != 'GateFusion'}
    monkeypatch.setattr(MODELS, '_module_dict', others)
    exec(PART.replace(old, new), {})
    init_default_scope('mmrefseg')
    text = CONFIG.replace("custom_imports = dict(imports=['my_parts'])", '')
    return MODELS.build(without_pretrained(Config.fromstring(text, '.py').model))


def test_a_fusion_without_image_index_is_told_so(place, monkeypatch):
    """When it is built; and one that takes it and forgets it, at the first batch with several expressions an image."""
    with pytest.raises(ValueError, match='model.fusion GateFusion takes no image_index'):
        build(place, monkeypatch, 'maps, text, image_index=None', 'maps, text')
    model = build(place, monkeypatch, 'expand_to_expressions(image_map, image_index) * opened',
                  'image_map * opened[:len(image_map)]')
    with pytest.raises(ValueError, match='model.fusion GateFusion gives 1 rows for 2 expressions'):
        model.extract_feat(torch.zeros(1, 3, 64, 64), [RefDataSample(metainfo=dict(expressions=['a', 'b']))])
