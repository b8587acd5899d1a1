"""The model zoo: what the metafiles say, what lies in zoo/, and what a name gives."""

import hashlib
import importlib.util
import json
import re

import pytest
import torch
import yaml
from conftest import ROOT

from mmrefseg.apis import RefSegInferencer, find_zoo_model, list_zoo_models, zoo_models
from mmrefseg.checkpoints import read_meta, save_safetensors
from mmrefseg.utils import zoo_entries

METAFILES = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
SHIPPED = list_zoo_models()
SPLITS = ('val', 'test', 'testA', 'testB')
PROBES = ('fresh', 'shuffled')  # of ours: val of another seed, val with expressions given to other objects
METRICS = r'[omgc]?IoU|P@0\.[5-9]|[NT]-acc|oIoU\[[\d-]+\]'
# Whose tables: the method's own paper, another's, the authors' code.
PUBLISHERS = ('paper', 'authors', 'release', 'README', 'LTS', 'SADLR', 'S2RM', 'M3Att', 'MaskRIS')
spec = importlib.util.spec_from_file_location('model_zoo', ROOT / 'tools/misc/model_zoo.py')
model_zoo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model_zoo)


@pytest.mark.parametrize('path', METAFILES)
def test_metafiles_follow_the_schema(path):
    """OpenMMLab's, as mim reads it; a result is a paper's, or ours with the weights that gave it."""
    metafile = yaml.safe_load((ROOT / path).read_text())
    for collection in metafile['Collections']:
        assert set(collection) - {'Paper'} == {'Name', 'Metadata', 'README', 'Code'}
        assert set(collection['Metadata']) == {'Training Data', 'Architecture'}
        if 'Paper' in collection:
            assert set(collection['Paper']) == {'Title', 'URL'} and collection['Paper']['URL'].startswith('https://')
    optional = {'Alias', 'Metadata', 'Results', 'Weights', 'Pretrained backbone', 'Training log'}
    for model in metafile['Models']:
        assert {'Name', 'In Collection', 'Config'} <= set(model) <= {'Name', 'In Collection', 'Config', *optional}
        assert model['Name'] == model['Name'].lower()  # mim looks lower case up
        ours = 'Weights' in model
        assert (ours or 'Pretrained backbone' in model) == ('Training log' in model)
        for result in model.get('Results', []):
            assert {'Task', 'Dataset', 'Metrics'} <= set(result) <= {
                'Task', 'Dataset', 'Metrics', 'Source', 'Protocol', 'Trained On'}
            assert result['Task'] in ('Referring Image Segmentation', 'Generalized Referring Segmentation')
            for key, value in result['Metrics'].items():
                metric, whose, split = re.fullmatch(r'(\S+) \((\w+), (\w+)\)', key).groups()
                assert re.fullmatch(METRICS, metric) and split in SPLITS + PROBES * ours
                assert whose in (('ours', ) if ours else PUBLISHERS), f'{model["Name"]}: {key}'
                assert isinstance(value, float) and 0 < value < 100
        assert not ours or model['Results']


def test_files_of_the_zoo():
    """Small, named by their hash, with the numbers that the metafile has, none without a name."""
    files, total = set(), 0
    assert len(SHIPPED) >= 5
    for name in SHIPPED:
        entry = zoo_models()[name].entry
        path = ROOT / entry['Weights']
        content = path.read_bytes()
        total += len(content)
        assert len(content) <= 3e6
        assert path.name == f'{name}-{hashlib.sha256(content).hexdigest()[:8]}.safetensors'
        meta = read_meta(path)
        assert meta['config'] == entry['Config']
        printed = {f'{metric} (ours, {split})': value for split, metrics in meta['metrics'].items()
                   for metric, value in metrics.items()}
        for result in entry['Results']:
            for key, value in result['Metrics'].items():
                assert value == round(printed[key], 1), f'{name}: {key}'
        log = (ROOT / entry['Training log']).read_text()
        assert len(log) < 20_000 and f'python tools/train.py {entry["Config"]}' in log and 'Epoch(train)' in log
        files |= {entry['Weights'], entry['Training log']}
    for entry in zoo_entries().values():
        for backbone in entry.get('Pretrained backbone', []):
            path = ROOT / backbone
            assert path.stat().st_size <= 2**20
            assert path.name.endswith(f'-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.safetensors')
        if 'Pretrained backbone' in entry:
            files |= {*entry['Pretrained backbone'], *entry['Training log']}
    assert total <= 20e6
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / 'zoo').iterdir()} == files


def test_names():
    assert RefSegInferencer.list_models() == SHIPPED
    everything = RefSegInferencer.list_models(with_weights=False)
    assert 'lavt_swinb_refcoco' in everything and set(SHIPPED) < set(everything)
    assert RefSegInferencer.list_models(patterns='sadlr_lavt_n.*_refshapes$') == ['sadlr_lavt_nano_refshapes']
    model = find_zoo_model('SADLR_LAVT-nano_refshapes')
    assert model.name == 'sadlr_lavt_nano_refshapes' and model.collection == 'SADLR'
    assert model.config.endswith('configs/sadlr/lavt_nano_refshapes.py')


@pytest.mark.parametrize('name,message', [
    ('sadlr_lavt_nano_refshape', 'did you mean sadlr_lavt_nano_refshapes'),
    ('configs/lavt/no_such_file.py', 'is neither a config file nor a model of the zoo'),
    ('qqqq', f'did you mean {SHIPPED[0]}'),
    ('lavt_swinb_refcoco', r"no weights are published for 'lavt_swinb_refcoco' \(.* marked as a paper's are not ours"),
])
def test_names_that_give_nothing(name, message):
    with pytest.raises(ValueError, match=message):
        RefSegInferencer(name, device='cpu')


def test_weights_alone(tmp_path):
    path = str(tmp_path / 'weights.safetensors')
    save_safetensors(path, dict(weight=torch.ones(1)), {})
    with pytest.raises(ValueError, match='weights.safetensors does not say which config it belongs to'):
        RefSegInferencer(weights=path)
    save_safetensors(path, dict(weight=torch.ones(1)), dict(config=5))
    with pytest.raises(ValueError, match='weights.safetensors belongs to the config 5, expected its path'):
        RefSegInferencer(weights=path)
    elsewhere = tmp_path / 'mine.py'  # a file says which of our configs it is for, not which Python to run
    elsewhere.write_text('raise SystemExit')
    save_safetensors(path, dict(weight=torch.ones(1)), dict(config=str(elsewhere)))
    with pytest.raises(ValueError, match='weights.safetensors belongs to the config .*mine.py, which is not here'):
        RefSegInferencer(weights=path)


@pytest.mark.parametrize('name', SHIPPED)
def test_every_model_of_the_zoo_segments(name, refshapes_root, recwarn):
    inferencer = RefSegInferencer(name, device='cpu', show_progress=False)
    assert not [str(warning.message) for warning in recwarn if 'Checkpoint is not loaded' in str(warning.message)]
    image = sorted((refshapes_root / 'images/refshapes').glob('*.jpg'))[0]
    result, = inferencer(image, ['circle', 'leftmost shape'])
    assert result['masks'].shape == (2, 128, 128)
    # The file says which config it belongs to.
    again, = RefSegInferencer(weights=zoo_models()[name].weights, device='cpu', show_progress=False)(
        image, ['circle', 'leftmost shape'])
    assert (again['masks'] == result['masks']).all()


def test_numbers_are_those_of_the_test_tool(run_tool, tmp_path):
    """On the first twenty pictures of val: near the number of all three hundred, far above chance."""
    from mmrefseg.datasets.refshapes_generator import generate_refshapes
    generate_refshapes(tmp_path / 'data', scenes=dict(val=20), variants=['refshapes'])
    model = find_zoo_model('sadlr_lavt_nano_refshapes')
    run_tool('tools/test.py', model.config, model.weights, '--out', tmp_path / 'metrics.json', '--work-dir', tmp_path,
             '--cfg-options', f'test_dataloader.dataset.data_root={tmp_path / "data"}')
    found = json.loads((tmp_path / 'metrics.json').read_text())['val']['mIoU']
    published = read_meta(model.weights)['metrics']['val']['mIoU']
    assert abs(found - published) < 8 and found > 35


def test_the_page_is_that_of_the_metafiles():
    written = (ROOT / 'docs/en/model_zoo.md').read_text(encoding='utf-8')
    assert written == model_zoo.page(), 'python tools/misc/model_zoo.py writes it anew'
    for link in re.findall(r'\]\(([^)#]+)\)', written):
        assert (ROOT / 'docs/en' / link).exists(), link
