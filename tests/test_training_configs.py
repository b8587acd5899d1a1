"""Configs of training strategies, MaskRIS and mixed sets, change what they say and nothing else, and do it."""

import importlib.util
import json
import pickle
import shutil

import pytest
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config

from mmrefseg.command_line.test import table_of_sets, what_to_test
from mmrefseg.engine import load_config
from mmrefseg.utils import pipeline_sizes

MASKED = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*_maskris.py'))
MIXED = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'configs').rglob('*-mixed.py'))
# mixing has combinations of ours, foundation what is not trained.
METHODS = {path.parent.name for path in (ROOT / 'configs').glob('*/*_refcoco.py')} - {'mixing', 'foundation'}
COLUMNS = ['RefCOCO val', 'RefCOCO testA', 'RefCOCO testB', 'RefCOCO+ val', 'RefCOCO+ testA', 'RefCOCO+ testB',
           'RefCOCOg val', 'RefCOCOg test']


def read(path):
    return Config.fromfile(ROOT / path).to_dict()


def method_of(path):
    return path.split('/')[1]


def test_every_method_has_both():
    assert {method_of(path) for path in MIXED} == METHODS
    # ReLA's head learns a minimap beside the mask and takes no soft target.
    assert {method_of(path) for path in MASKED} == METHODS - {'rela'}


@pytest.mark.parametrize('path', MASKED)
def test_only_maskris_differs(path):
    cfg, plain = read(path), read(path.replace('_maskris', ''))
    wrapper = cfg.pop('model_wrapper_cfg')
    assert wrapper.pop('type') == 'TwoPassDataParallel'
    assert wrapper.get('find_unused_parameters', False) == plain.get('find_unused_parameters', False)
    assert cfg['model'].pop('type') == 'MaskRIS' and plain['model'].pop('type') == 'RefSegmentor'
    patch = cfg['model'].pop('masking', {}).get('patch_size', 32)
    if cfg['model'].get('auxiliary_head', 0) is None:  # of mmseg, which takes no soft target
        plain['model']['auxiliary_head'] = None
    assert cfg == plain
    size = cfg['model']['data_preprocessor'].get('size') or pipeline_sizes(Config(cfg))[0]
    assert all(side % patch == 0 for side in size)
    assert len((ROOT / path).read_text().splitlines()) <= 4


@pytest.mark.parametrize('path', MIXED)
def test_only_the_data_differs(path):
    cfg, plain = (load_config(ROOT / name) for name in (path, path.replace('-mixed', '')))
    assert list(what_to_test(cfg, None)) == COLUMNS
    assert list(what_to_test(cfg, ['val'])) == ['val'] and list(what_to_test(plain, None)) == ['val']
    data, single = cfg.train_dataloader.pop('dataset'), plain.train_dataloader.pop('dataset')
    assert data.common == single
    assert [part.type for part in data.datasets] == ['RefCOCODataset', 'RefCOCOPlusDataset', 'RefCOCOgDataset']
    kept, expected = cfg.to_dict(), plain.to_dict()
    for each in (kept, expected):
        each['model']['text_encoder'].pop('vocab', None)
        if 'detris' in path:  # its authors' mixed model has other adapters
            each.pop('model')
    for key in ('mixed_sets', 'test_sets', 'work_dir'):
        kept.pop(key)
    expected.pop('work_dir')
    assert kept == expected


@pytest.fixture(scope='module')
def stand_ins(tmp_path_factory):
    """Generated pictures in the shape of RefCOCO, RefCOCO+ and RefCOCOg, whose train pictures others validate on."""
    from mmrefseg.datasets.refshapes_generator import generate_refshapes
    root = tmp_path_factory.mktemp('stand_ins')
    generate_refshapes(root, scenes=dict(train=6, val=3, testA=2, testB=2), variants=['refshapes'])
    (root / 'coco').mkdir()
    (root / 'coco/train2014').symlink_to(root / 'images/refshapes')
    refs = pickle.loads((root / 'refshapes/refs(unc).p').read_bytes())
    trained = sorted({ref['image_id'] for ref in refs if ref['split'] == 'train'})
    for name, author, moved, names in (('refcoco', 'unc', {}, {}),
                                       ('refcoco+', 'unc', {trained[0]: 'val'}, {}),
                                       ('refcocog', 'umd', {trained[1]: 'test'}, dict(testA='test', testB='val'))):
        (root / name).mkdir()
        shutil.copy(root / 'refshapes/instances.json', root / name)
        own = [dict(ref, split=names.get(split, split)) for ref in refs
               for split in [moved.get(ref['image_id'], ref['split'])]]
        (root / name / f'refs({author}).p').write_bytes(pickle.dumps(own))
    return root, trained


MIXED_TINY = """
_base_ = ['{tiny}', '{mixed}']
data_root = '{root}'
test_dataloader = dict(dataset=dict(data_root=data_root, type='RefCOCODataset'))
val_dataloader = test_dataloader
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='MixedRefDataset', datasets=_base_.mixed_sets,
        common=dict(data_root=data_root, split='train', sample_by='ref', pipeline=_base_.train_pipeline)))
train_cfg = dict(max_epochs=1, val_interval=5)
param_scheduler = dict(_delete_=True, type='ConstantLR', factor=1, end=1)
"""


@pytest.fixture
def mixed_tiny(stand_ins, tmp_path):
    path = tmp_path / 'mixed.py'
    path.write_text(MIXED_TINY.format(
        tiny=TINY_CONFIG, mixed=ROOT / 'configs/_base_/datasets/refcoco_mixed.py', root=stand_ins[0]))
    return path


def test_leaks_of_the_stand_ins_are_found(stand_ins, mixed_tiny):
    spec = importlib.util.spec_from_file_location('check_leakage', ROOT / 'tools/analysis_tools/check_leakage.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    from mmengine.registry import init_default_scope
    init_default_scope('mmrefseg')
    found = tool.check(Config.fromfile(mixed_tiny))
    assert {entry['state'] for entry in found} == {tool.REMOVED}
    removed = {(entry['dataset'], image) for entry in found for image in entry['images']}
    assert len({name for name, _ in removed}) == 3  # of each set what the two others hold out
    assert len({image for _, image in removed}) == 2 and len(removed) == 4


def test_one_call_gives_eight_columns(mixed_tiny, tmp_path, run_tool):
    run_tool('tools/train.py', mixed_tiny, '--work-dir', tmp_path / 'run')
    done = run_tool('tools/test.py', mixed_tiny, tmp_path / 'run/epoch_1.pth', '--work-dir', tmp_path / 'test',
                    '--out', tmp_path / 'all.json', '--dump', tmp_path / 'rows')
    scores = json.loads((tmp_path / 'all.json').read_text())
    assert list(scores) == COLUMNS and all('oIoU' in row for row in scores.values())
    header, = (line for line in done.stdout.splitlines() if 'RefCOCO+ testB' in line and line.startswith('|'))
    assert [cell.strip() for cell in header.strip('|').split('|')][1:] == COLUMNS
    line, = (line for line in done.stdout.splitlines() if line.startswith('| oIoU ') and line.count('|') == 10)
    assert [float(cell) for cell in line.strip('|').split('|')[1:]] == [
        pytest.approx(row['oIoU'], abs=0.006) for row in scores.values()]
    assert (tmp_path / 'rows_RefCOCO+_testA.csv').is_file()


def test_a_metric_that_a_set_lacks_is_blank():
    rows = table_of_sets({'A val': dict(oIoU=1., loc=2.), 'B val': dict(oIoU=3.)}).rows
    assert rows == [['oIoU', '1.00', '3.00'], ['loc', '2.00', '']]
