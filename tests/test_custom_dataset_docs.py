"""docs/en/custom_dataset.md, typed as it stands there: from ten pictures to a model and its metrics."""

import io
import json
import re
import runpy
import shlex
import shutil
import sys
from contextlib import redirect_stdout
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT, runners_forgotten
from form_sources import WRITERS, write_images
from mmengine.config import Config
from PIL import Image

from mmrefseg.command_line import main
from mmrefseg.registry import DATASETS

TEXT = (ROOT / 'docs/en/custom_dataset.md').read_text()
CONFIG = 'configs/my_set/lavt_nano_my_set.py'


def blocks(language):
    return re.findall(rf'```{language}\n(.*?)```', TEXT, flags=re.DOTALL)


def write_ten_images(folder):
    """The page's rows, and pictures with a mask each up to ten, the last two for validation."""
    rows, = blocks('json')
    for number in range(3, 10):
        rows += json.dumps(dict(image=f'{number}.png', expression=f'the object {number}',
                                split='train' if number < 8 else 'val')) + '\n'
    for name in ('images', 'masks'):
        (folder / name).mkdir(parents=True)
    (folder / 'list.jsonl').write_text(rows)
    for number in range(10):
        mask = np.zeros((48, 64), bool)
        mask[4:24, 4 + 3 * number:30 + 3 * number] = True
        pixels = np.where(mask[..., None], (200, 20 * number, 30), (90, 90, 90)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / 'images' / f'{number}.png')
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / 'masks' / f'{number}.png')


@pytest.fixture(scope='module')
def walked(tmp_path_factory):
    """A folder where every command of the page was run, and what each printed."""
    root = tmp_path_factory.mktemp('walk')
    write_ten_images(root / 'data/my_set')
    for name in ('tools', 'demo', 'configs/_base_'):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(ROOT / name)
    (root / CONFIG).parent.mkdir()
    (root / CONFIG).write_text(blocks('python')[0])
    printed = {}
    with pytest.MonkeyPatch.context() as patch, runners_forgotten():
        patch.chdir(root)
        for command in ''.join(blocks('bash')).splitlines():
            python, script, *arguments = shlex.split(command)
            assert python == 'python'
            patch.setattr(sys, 'argv', [script, *arguments])
            with redirect_stdout(io.StringIO()) as out:
                try:
                    runpy.run_path(script, run_name='__main__')
                except SystemExit as stop:
                    assert not stop.code, (command, stop.code)
            printed[Path(script).name] = out.getvalue()
    return root, printed


def test_the_config_is_short():
    lines = [line for line in blocks('python')[0].splitlines() if line.strip()]
    assert len(lines) <= 15
    train = Config.fromstring(blocks('python')[0].replace("'../", f"'{ROOT}/configs/"), '.py').train_dataloader
    assert train.dataset.type == 'TripletListDataset' and train.dataset.data_root == 'data/my_set/'


def test_it_converts_and_draws(walked):
    root, printed = walked
    assert '10 pictures, 11 masks, 11 refs, 12 expressions (train, val)' in printed['triplets_to_refer.py']
    words = (root / 'data/my_set/vocab.txt').read_text().split()
    assert {'red', 'square', 'left', 'object'} <= set(words)
    images = list((root / 'browse').iterdir())
    assert len(images) == 9 and all(cv2.imread(str(path)) is not None for path in images)


def test_it_trains_tests_and_answers(walked):
    root, printed = walked
    assert (root / 'work_dirs/my_set/lavt_nano_my_set/epoch_4.pth').is_file()
    row, = (line for line in printed['test.py'].splitlines() if line.startswith('| val '))
    assert 0 <= float(row.split('|')[2]) <= 100
    assert "'the red square': score" in printed['image_demo.py']
    assert 'No training picture is in another split' in printed['check_leakage.py']


@pytest.mark.parametrize('name', ['labelme', 'cvat', 'labelstudio', 'coco'])
def test_from_a_labelling_tool_to_what_training_reads(tmp_path, monkeypatch, name):
    """Its export, the two commands of the page, and the samples of the page's config."""
    commands = re.findall(r'^python tools/dataset_converters/to_refer.py EXPORT (.*)$', TEXT, flags=re.MULTILINE)
    assert len(commands) == 2
    (tmp_path / 'in').mkdir()
    source, images = WRITERS[name](tmp_path / 'in'), tmp_path / 'data/my_set/images'
    if source.is_dir():  # a folder a split, with its images
        shutil.copytree(source, images, ignore=shutil.ignore_patterns('*.json'))
    else:
        write_images(images)
    monkeypatch.chdir(tmp_path)
    for options in commands:
        assert main(['to-refer', str(source), *shlex.split(options)]) == 0
    cfg = Config.fromstring(blocks('python')[0].replace("'../", f"'{ROOT}/configs/"), '.py')
    (tmp_path / 'data/my_set/masks').mkdir(exist_ok=True)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    texts = {text for number in range(len(dataset)) for text in dataset.get_data_info(number)['expressions']}
    assert 'two pieces' in texts and texts & {'the red square', 'red thing'}
    sample = dataset[0]
    assert sample['inputs'].shape == (3, 96, 96) and sample['data_samples'].gt_sem_seg.data.any()


def test_the_published_size_is_a_config_too():
    cfg = Config.fromstring(blocks('python')[1].replace("'../", f"'{ROOT}/configs/"), '.py')
    assert cfg.model.text_encoder.type == 'BERTEncoder' and cfg.val_dataloader.dataset.type == 'TripletListDataset'
