"""Drawing samples of a config's dataset."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from mmrefseg.errors import RefDataError

ROOT = Path(__file__).resolve().parents[2]


def load(name: str, path: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


browse_dataset = load('browse_dataset', 'tools/analysis_tools/browse_dataset.py')
refer_toy = load('refer_toy_of_tools', 'tests/helpers/refer_toy.py')


@pytest.fixture
def config(tmp_path):
    found = refer_toy.write_toy(tmp_path / 'data')
    load_masks, resize = "dict(type='LoadRefAnnotations')", "dict(type='RefResize', scale=(32, 32))"
    train, test, none = (
        f"[dict(type='LoadRefImage'), {steps}dict(type='PackRefInputs')]"
        for steps in (f'{load_masks}, {resize}, ', f'{resize}, {load_masks}, ', ''))
    path = tmp_path / 'config.py'
    path.write_text(
        f"found = {found}\n"
        f"train_dataloader = dict(dataset=dict(type='ReferDataset', pipeline={train}, **found))\n"
        f"val_dataloader = dict(dataset=dict(type='ReferDataset', pipeline={test}, test_mode=True,"
        f" **found))\n"
        f"test_dataloader = dict(dataset=dict(type='ReferDataset', pipeline={none}, **found))\n")
    return str(path)


@pytest.mark.parametrize('split, number, expected', [('train', 3, [0, 2, 4]), ('val', 9, [0, 1])])
def test_draws(config, tmp_path, capsys, split, number, expected):
    browse_dataset.main([
        config, '--split', split, '--number', str(number), '--output-dir', str(tmp_path / 'out')])
    files = sorted((tmp_path / 'out').iterdir())
    assert [int(path.name[:6]) for path in files] == expected
    assert all('_picture_' in path.name and path.suffix == '.png' for path in files)
    for path in files:
        with Image.open(path) as image:
            assert min(image.size) >= 32
    assert f'{len(expected)} of' in capsys.readouterr().out


def test_options_override_the_config(config, tmp_path):
    browse_dataset.main([
        config, '--output-dir', str(tmp_path / 'out'), '--cfg-options',
        'train_dataloader.dataset.split=val'])
    assert len(list((tmp_path / 'out').iterdir())) == 1


def test_pipeline_without_masks(config, tmp_path):
    with pytest.raises(RefDataError, match='needs LoadRefAnnotations'):
        browse_dataset.main([config, '--split', 'test', '--output-dir', str(tmp_path / 'out')])
