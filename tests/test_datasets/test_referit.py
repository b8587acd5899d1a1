"""ReferIt: its layout, its splits, masks that are lists of RLEs, its bad pictures."""

import json
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from refer_toy import rle

from mmrefseg.command_line import prepare_refcoco
from mmrefseg.datasets import ReferItDataset, referit
from mmrefseg.datasets.refcoco import SplitSize
from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS, METRICS

ROOT = Path(__file__).resolve().parents[2]
SIZES = {25: (36, 48), 112: (48, 36), 1001: (36, 48), 17975: (36, 48), 19575: (36, 48), 19579: (36, 48)}
PIPELINE = [
    dict(type='LoadRefImage'), dict(type='LoadRefAnnotations'), dict(type='PackRefInputs')]
# Rectangles of ann id 1, in picture 25: three RLEs, of which two overlap and the last is plain.
RECTANGLES = [(slice(2, 9), slice(3, 20)), (slice(6, 15), slice(10, 30)), (slice(20, 30), slice(40, 44))]
# ann id -> image id, split of berkeley, split of unc
OBJECTS = {
    1: (25, 'train', 'testAB'), 2: (25, 'train', 'testA'), 3: (112, 'val', 'testC'),
    4: (1001, 'test', 'train'), 5: (1001, 'test', 'val'), 6: (112, 'val', 'testABC'),
    7: (17975, 'train', 'train'), 8: (19575, 'train', 'testAB'), 9: (19579, 'test', 'testB')}
KEPT = {
    'berkeley': dict(train=[1, 2], val=[3, 6], test=[4, 5]),
    'unc': dict(train=[4], val=[5], testA=[1, 2, 6], testB=[1, 6], testC=[3, 6])}
BAD = {
    'berkeley': dict(train=[7, 8], val=[], test=[9]),
    'unc': dict(train=[7], val=[], testA=[8], testB=[8, 9], testC=[])}
SPLITS = [(by, split) for by, splits in KEPT.items() for split in splits]


def plain(height: int, width: int, rows: slice, columns: slice) -> dict:
    """A rectangle as an RLE that is not compressed; neither rows nor columns start at 0."""
    mask = np.zeros((height, width), np.uint8)
    mask[rows, columns] = 1
    down_the_columns = mask.T.ravel()
    ends = np.flatnonzero(np.diff(down_the_columns)) + 1
    return dict(counts=np.diff([0, *ends, mask.size]).tolist(), size=[height, width])


def segmentation(ann_id: int, height: int, width: int) -> list:
    if ann_id == 1:
        *compressed, last = RECTANGLES
        return [rle(height, width, *rectangle) for rectangle in compressed] + [plain(height, width, *last)]
    if ann_id == 2:
        return [plain(height, width, *rectangle) for rectangle in RECTANGLES]
    if ann_id in (7, 8):  # of another size than the picture
        return [rle(width, height, slice(3), slice(3))]
    return [rle(height, width, slice(ann_id, ann_id + 9), slice(2, 12))]


@pytest.fixture
def root(tmp_path):
    """A data root with ``refclef/`` and ``images/saiapr_tc-12/``, the bad pictures among it."""
    folder = tmp_path / 'data' / 'refclef'
    folder.mkdir(parents=True)
    names = {i: f'{i // 1000:02d}/images/{i}.jpg' for i in SIZES}
    images = [dict(id=i, file_name=names[i], height=h, width=w) for i, (h, w) in SIZES.items()]
    annotations = [
        dict(segmentation=segmentation(ann_id, *SIZES[image]), image_id=image, id=ann_id, category_id=1,
             area=1, bbox=[0, 0, 1, 1], mask_name=f'{image}_{ann_id}.mat')
        for ann_id, (image, *_) in OBJECTS.items()]
    (folder / 'instances.json').write_text(json.dumps(dict(images=images, annotations=annotations)))
    for number, by in enumerate(KEPT, start=1):
        refs = [
            dict(ref_id=ann_id, ann_id=ann_id, image_id=splits[0], category_id=1, split=splits[number],
                 file_name=f'{splits[0]}_{ann_id}.jpg', sent_ids=[10 * ann_id, 10 * ann_id + 1],
                 sentences=[dict(sent_id=10 * ann_id + k, raw='Sky', sent='sky', tokens=['sky'])
                            for k in range(2)])
            for ann_id, splits in OBJECTS.items()]
        (folder / f'refs({by}).p').write_bytes(pickle.dumps(refs, protocol=2))
    for image_id, (height, width) in SIZES.items():
        path = tmp_path / 'data' / 'images' / 'saiapr_tc-12' / names[image_id]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(image_id).integers(0, 255, (height, width, 3), np.uint8)
        if image_id != 17975:  # missing
            Image.fromarray(pixels).save(path, format='GIF' if image_id == 19579 else 'JPEG')
    return tmp_path / 'data'


@pytest.fixture
def log(monkeypatch):
    """The lines that ReferItDataset itself logs."""
    lines = []
    monkeypatch.setattr(referit, 'print_log', lambda line, logger, level=logging.INFO: lines.append(line))
    return lines


@pytest.mark.parametrize('on_error', ('raise', 'skip'))
@pytest.mark.parametrize('by, split', SPLITS)
def test_splits_without_the_bad_images(root, log, by, split, on_error):
    dataset = ReferItDataset(data_root=str(root), split_by=by, split=split, on_error=on_error,
                             test_mode=True, pipeline=PIPELINE)
    ref_ids = [ref_id for sample in dataset for ref_id in sample['data_samples'].ref_ids[::2]]
    assert sorted(ref_ids) == KEPT[by][split]
    assert [ref_id for ref_id, _ in dataset.skipped] == BAD[by][split]
    assert all('known to be bad' in reason for _, reason in dataset.skipped)
    assert len(log) == bool(BAD[by][split])


def test_the_log_counts_what_is_left_out(root, log):
    ReferItDataset(data_root=str(root))
    assert log == ['refclef_berkeley_train: left out 2 refs (4 expressions) of the pictures 17975, 19575, '
                   'which are known to be bad']


@pytest.mark.parametrize('by, split, found', [
    ('berkeley', 'testA', 'test, train, val'), ('berkeley', 'tes', 'test, train, val'),
    ('unc', 'test', 'testA, testAB, testABC, testB, testC, train, val'), ('unc', 'Train', 'testA, testAB')])
def test_unknown_split(root, by, split, found):
    with pytest.raises(RefDataError, match=rf"refs\({by}\).p has no split '{split}'; it has: {found}"):
        ReferItDataset(data_root=str(root), split_by=by, split=split)


def test_unknown_partition_and_missing_files(root, tmp_path):
    with pytest.raises(RefDataError, match=r'refs\(umd\).p is missing.*refs\(berkeley\).p, refs\(unc\).p'
                                           r'.*refclef.zip .*saiapr_tc-12.zip'):
        ReferItDataset(data_root=str(root), split_by='umd')
    (root / 'images' / 'saiapr_tc-12').rename(tmp_path / 'elsewhere')
    with pytest.raises(RefDataError, match='pictures are missing: no folder .*images/saiapr_tc-12 or '):
        ReferItDataset(data_root=str(root))
    moved = ReferItDataset(data_root=str(root), data_prefix=dict(img=str(tmp_path / 'elsewhere')))
    assert moved.get_data_info(0)['img_path'] == str(tmp_path / 'elsewhere' / '00/images/25.jpg')


def test_masks_are_the_union_of_the_rles(root):
    dataset = ReferItDataset(data_root=str(root), test_mode=True, pipeline=PIPELINE)
    expected = np.zeros(SIZES[25], np.uint8)
    for rows, columns in RECTANGLES:
        expected[rows, columns] = 1
    masks = dataset[0]['data_samples'].gt_sem_seg.data
    assert masks.shape == (4, *SIZES[25]), 'two refs of two expressions'
    for mask in masks:
        np.testing.assert_array_equal(mask, expected)


def test_a_list_of_one_rle_in_a_tall_image(root):
    dataset = ReferItDataset(data_root=str(root), split='val', test_mode=True, pipeline=PIPELINE)
    expected = np.zeros((2, *SIZES[112]), np.uint8)
    for number, ann_id in enumerate((3, 6)):
        expected[number, ann_id:ann_id + 9, 2:12] = 1
    np.testing.assert_array_equal(dataset[0]['data_samples'].gt_sem_seg.data[::2], expected)


def test_splits_share_their_annotations(root):
    train, val = (ReferItDataset(data_root=str(root), split=split) for split in ('train', 'val'))
    for name, array in train.index.to_arrays().items():
        assert array is getattr(val.index, name)
    subset = train.get_subset(1)
    assert subset.index is train.index and len(subset) == 1


def test_config(root):
    cfg = Config.fromfile(ROOT / 'configs/_base_/datasets/referit.py')
    for name, split in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        dataset = DATASETS.build(dict(cfg[f'{name}_dataloader'].dataset, data_root=str(root)))
        assert type(dataset) is ReferItDataset
        assert dataset.get_data_info(0)['dataset_name'] == f'refclef_berkeley_{split}'
        assert dataset.sample_by == ('ref' if name == 'train' else 'image')
    for name in ('val', 'test'):
        metric = METRICS.build(cfg[f'{name}_evaluator'])
        assert metric.length_groups == [(1, 1), (2, 2), (3, 4), (5, 20)]


@pytest.fixture
def prepare(monkeypatch):
    sizes = {('berkeley', 'train'): SplitSize(2, 4), ('berkeley', 'val'): SplitSize(None, 4),
             ('berkeley', 'test'): SplitSize(None, 4), ('unc', 'testA'): SplitSize(None)}
    monkeypatch.setattr(ReferItDataset, 'SIZES', sizes)
    return prepare_refcoco


def test_checker(root, prepare, capsys):
    run = [str(root), '--datasets', 'refclef']
    assert prepare.main(run) == 0
    output = capsys.readouterr().out
    assert 'All is right.' in output and 'WRONG' not in output
    rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in output.splitlines()[3:7]]
    assert rows[0] == ['refclef', 'berkeley', 'train', '2 of 2', '4 of 4', '1 of 1', '0', 'ok']
    assert rows[3] == ['refclef', 'unc', 'testA', '3', '6', '2 of 2', '0', 'ok']
    assert prepare.parse_args([]).datasets == ['refcoco', 'refcoco+', 'refcocog']
    (root / 'images').rename(root / 'moved')
    assert prepare.main([*run, '--split-by', 'berkeley']) == 1
    assert 'saiapr_tc-12.zip' in capsys.readouterr().out


def test_checker_of_a_split_that_is_not_there(root, prepare, monkeypatch, capsys):
    monkeypatch.setattr(ReferItDataset, 'SIZES', {('berkeley', 'testA'): SplitSize(None)})
    assert prepare.main([str(root), '--datasets', 'refclef']) == 1
    assert 'no refs; the file has the splits test, train, val' in capsys.readouterr().out


def test_published_sizes():
    assert {by: [split for b, split in ReferItDataset.SIZES if b == by] for by in KEPT} == {
        by: list(splits) for by, splits in KEPT.items()}
