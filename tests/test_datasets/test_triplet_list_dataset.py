"""TripletListDataset: formats, grouping, sampling, the kept index, other datasets by its options."""

import copy
import gc
import pickle

import numpy as np
import pytest
from conftest import ROOT
from mmengine.config import Config
from PIL import Image
from refer_toy import write_toy
from torch.utils.data import DataLoader
from triplet_toy import HEIGHT, WIDTH, rectangle, rows, write_list, write_toy_images

from mmrefseg.datasets import TripletListDataset, decode_segmentation
from mmrefseg.datasets.triplets import index as triplet_index
from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import RefIoUMetric
from mmrefseg.registry import DATASETS

PIPELINE = [
    dict(type='LoadRefImage'), dict(type='RefResize', scale=(32, 24), keep_ratio=False),
    dict(type='LoadRefAnnotations', size='input'), dict(type='PackRefInputs')]


@pytest.fixture
def build(tmp_path):
    found = write_toy_images(tmp_path)

    def build_dataset(entries=None, name='list.jsonl', **kwargs):
        if entries is not None or not (tmp_path / name).exists():
            write_list(tmp_path / name, entries)
        return TripletListDataset(name, **{**found, **kwargs})

    return build_dataset


@pytest.fixture
def reads(monkeypatch):
    """A list that grows whenever a list is read."""
    calls, read = [], triplet_index.read_triplet_index
    monkeypatch.setattr(triplet_index, 'read_triplet_index', lambda *args: calls.append(args) or read(*args))
    return calls


def masks_of(info, height=HEIGHT, width=WIDTH):
    masks = [decode_segmentation(part, height=height, width=width) for part in info['segmentations']]
    return [masks[number] for number in info['object_index']]


@pytest.mark.parametrize('name', ['a.json', 'a.jsonl', 'a.csv', 'a.tsv'])
def test_formats(build, name):
    dataset = build(name=name, split='train', test_mode=True)
    assert len(dataset) == 2 and dataset.dataset_name == 'a_train'
    info, other = dataset.get_data_info(0), dataset.get_data_info(1)
    assert info['expressions'] == ['The first, one!', 'again', 'and again', 'squares', 'below', 'thin']
    assert info['ref_ids'] == [0, 0, 0, 1, 2, 3] and info['sent_ids'] == list(range(6))
    assert info['object_index'] == [0, 0, 0, 1, 2, 3] and info['no_targets'] == [False] * 6
    assert (info['height'], info['width'], info['image_id']) == (HEIGHT, WIDTH, 0)
    masks = masks_of(info)
    for mask in masks[:3]:
        np.testing.assert_array_equal(mask, rectangle(0))
    assert masks[3][3, 3] and masks[3][16, 16] and masks[3].sum() == 184  # two squares of 100 share 16
    assert masks[4][20:30, 30:50].all() and masks[4].sum() == 200
    assert masks[5][:, 1][:20].all() and masks[5].sum() == 20
    assert other['expressions'] == ['links größer'] and other['ref_ids'] == [4]
    np.testing.assert_array_equal(masks_of(other)[0], rectangle(1))
    cleaned = build(name=name, split='train', test_mode=True, text_field='sent').get_data_info(0)['expressions']
    assert cleaned[0] == 'the first one'


@pytest.mark.parametrize('sample_by, length', [('ref', 5), ('image_refs', 2), ('expression', 7), ('image', 2)])
def test_sampling_and_pipeline(build, sample_by, length):
    dataset = build(split='train', sample_by=sample_by, pipeline=PIPELINE)
    assert len(dataset) == length
    dataset.set_epoch(0, seed=1)
    for number, sample in enumerate(DataLoader(dataset, batch_size=None, num_workers=2)):
        info = dataset.get_data_info(number)
        masks = sample['data_samples'].gt_sem_seg.data.numpy()
        assert sample['data_samples'].expressions == info['expressions']
        for part, mask in zip(info['object_index'], masks):
            expected = decode_segmentation(info['segmentations'][part], height=HEIGHT, width=WIDTH, size=(24, 32))
            np.testing.assert_array_equal(mask, expected)


def test_splits_and_all_rows(build):
    assert len(build(test_mode=True)) == 3 and len(build(split='val', test_mode=True)) == 1
    assert build(split='train').index.raw is build(split='val').index.raw, 'it is one index in memory'


def test_ref_ids_make_refs(build):
    entries = [dict(image='0.png', ref_id=number, expression=text)
               for number, text in ((7, 'a'), ('9', 'b'), (7, 'c'))]
    info = build(entries, test_mode=True).get_data_info(0)
    assert info['ref_ids'] == [7, 7, 9] and info['expressions'] == ['a', 'c', 'b']
    assert info['object_index'] == [0, 0, 0] and len(info['segmentations']) == 1


def test_columns_and_suffixes(build):
    entries = [dict(stem='0', sent='a', part='x'), dict(stem='1', sent='b', part='y')]
    dataset = build(entries, split='y', columns=dict(image='stem', expression='sent', split='part'), img_suffix='.png',
                    test_mode=True)
    info, = (dataset.get_data_info(number) for number in range(len(dataset)))
    assert info['expressions'] == ['b'] and info['img_path'].endswith('/images/1.png')
    np.testing.assert_array_equal(masks_of(info)[0], rectangle(1))


def write_mask(path, mode, below=7):
    values = rectangle(0).astype(np.uint8) * 3
    values[30:] = below
    if mode == 'P':
        image = Image.fromarray(values)
        image.putpalette([0] * 768)
    elif mode == 'RGBA':
        image = Image.fromarray(np.stack([values, values, values, np.full_like(values, 255)], 2))
    elif mode == '1':
        image = Image.fromarray(values > 0)
    else:
        image = Image.fromarray(values.astype(np.uint16 if mode == 'I;16' else np.uint8))
    image.save(path)


@pytest.mark.parametrize('mode', ['L', 'P', 'RGBA', 'I;16', '1'])
@pytest.mark.parametrize('foreground', [None, 3, [3, 7], 7])
def test_values_of_mask_files(build, tmp_path, mode, foreground):
    if mode == '1' and foreground is not None:
        foreground = 1
    write_mask(tmp_path / 'masks' / '0.png', mode, below=3 if foreground is None else 7)
    mask = masks_of(build(rows()[:1], foreground=foreground).get_data_info(0))[0]
    whole = mode == '1' or foreground in (None, [3, 7])
    assert mask[:30].any() == (whole or foreground == 3) and mask[30:].all() == (whole or foreground == 7)
    assert mask[30:].any() == mask[30:].all()


@pytest.mark.parametrize('mode', ['L', 'P', 'RGB', 'I;16', '1'])
@pytest.mark.parametrize('orientation', [3, 6])
def test_tiffs_are_turned_both(build, tmp_path, mode, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    write_mask(tmp_path / 'masks' / '0.png', 'RGBA' if mode == 'RGB' else mode, below=3)
    stored = Image.open(tmp_path / 'masks' / '0.png')
    (stored.convert(mode) if mode == 'RGB' else stored).save(tmp_path / 'masks' / '0.tif', exif=exif)
    pixels = np.where(rectangle(0)[..., None], (200, 100, 100), 0).astype(np.uint8)
    pixels[30:] = 200
    Image.fromarray(pixels).save(tmp_path / 'images' / '0.tif', exif=exif)
    dataset = build([dict(image='0.tif', mask='0.tif', expression='a')], pipeline=PIPELINE[:1])
    image, (mask, ) = dataset[0]['img'], masks_of(dataset.get_data_info(0), *dataset[0]['img'].shape[:2])
    np.testing.assert_array_equal(image.any(axis=2), mask)
    assert (mask if orientation == 3 else mask.T)[:10].all(), 'where the last ten rows have come'


def test_no_target(build, tmp_path):
    Image.new('L', (WIDTH, HEIGHT)).save(tmp_path / 'masks' / '1.png')
    entries = [dict(image='0.png', expression='there'), dict(image='0.png', mask=[], expression='not there'),
               dict(image='1.png', expression='nor there')]
    dataset = build(entries, allow_empty=True, test_mode=True, pipeline=PIPELINE)
    infos = [dataset.get_data_info(number) for number in range(2)]
    assert [info['no_targets'] for info in infos] == [[False, True], [True]]
    assert [masks.any().item() for sample in dataset for masks in sample['data_samples'].gt_sem_seg.data] == [
        True, False, False]


def test_the_index_is_kept_until_something_changes(build, tmp_path, reads):
    def mask():
        return masks_of(build(split='val').get_data_info(0))[0]

    for _ in range(2):
        np.testing.assert_array_equal(mask(), rectangle(2))
        gc.collect()
    assert len(reads) == 1, 'it was mapped from its file'
    dataset = build(split='val')
    again = pickle.loads(pickle.dumps(dataset))
    assert type(again.index) is triplet_index.TripletIndex and again.get_data_info(0) == dataset.get_data_info(0)
    Image.fromarray(rectangle(0).astype(np.uint8)).save(tmp_path / 'masks' / '2.png')
    np.testing.assert_array_equal(mask(), rectangle(0))  # though the dataset holds the old one
    assert len(reads) == 2
    write_list(tmp_path / 'list.jsonl', rows()[-1:])
    assert len(build(test_mode=True)) == 1 and len(reads) == 3


def test_a_list_for_each_split(build, tmp_path):
    for split, number in (('train', 0), ('val', 2)):
        write_list(tmp_path / f'my_{split}.csv', [dict(image=f'{number}.png', expression=split)])
    dataset = TripletListDataset('my_{split}.csv', split='train', data_root=str(tmp_path),
                                 data_prefix=dict(img='images', mask='masks'))
    assert dataset.dataset_name == 'my_train' and dataset.get_data_info(0)['expressions'] == ['train']
    assert dataset.images_of_splits() == {
        (str(tmp_path / f'my_{split}.csv'), split): [str(tmp_path / 'images' / f'{number}.png')]
        for split, number in (('train', 0), ('val', 2))}
    (tmp_path / 'my_words.csv').write_text('red\nblue\n')
    with pytest.raises(RefDataError, match=r"(?s)my_words.csv matches ann_file='.*my_\{split\}.csv', as the list of a "
                                           "split 'words', and .* rename or move it. .*no 'image'"):
        dataset.images_of_splits()


def dataset_of(name, loader, **kwargs):
    """The dataset of a config's loader, its pictures small."""
    cfg = Config.fromfile(ROOT / 'configs/_base_/datasets' / f'{name}.py')
    dataset = copy.deepcopy(cfg[f'{loader}_dataloader'].dataset)
    dataset.update(kwargs)
    dataset.pipeline[1].scale = (32, 24)
    return DATASETS.build(dataset)


@pytest.mark.parametrize('loader', ['train', 'val'])
def test_refsegrs_by_config(tmp_path, loader):
    write_toy_images(tmp_path, suffix='.tif', mask_suffix='.tif')
    (tmp_path / 'output_phrase_train.txt').write_text('0 road along the river\n0 the  road\n1 car\n')
    (tmp_path / 'output_phrase_val.txt').write_text('2 building in the lower left\n')
    dataset = dataset_of('refsegrs', loader, data_root=str(tmp_path))
    assert len(dataset) == dict(train=2, val=1)[loader]
    info = dataset.get_data_info(0)
    assert info['expressions'][0] in dict(train=('road along the river', 'the  road'),
                                          val=('building in the lower left', ))[loader]
    np.testing.assert_array_equal(masks_of(info)[0], rectangle(dict(train=0, val=2)[loader]))
    assert dataset[0]['inputs'].shape == (3, 24, 32)


def test_rrsis_d_by_config(tmp_path):
    """Its pictures may be larger than their annotations say."""
    write_toy(tmp_path / 'from')
    images = tmp_path / 'images/rrsisd/JPEGImages'
    images.parent.mkdir(parents=True)
    (tmp_path / 'from/pictures').rename(images)
    (tmp_path / 'from/toy').rename(tmp_path / 'rrsisd')
    for path in images.iterdir():
        with Image.open(path) as image:
            image.resize((image.width, image.height + 1)).save(path)
    assert dataset_of('rrsis-d', 'train', data_root=str(tmp_path))[0]['data_samples'].gt_sem_seg.shape == (24, 32)
    sample = dataset_of('rrsis-d', 'val', data_root=str(tmp_path))[0]['data_samples']
    sample.pred_sem_seg = sample.gt_sem_seg
    metric = RefIoUMetric(protocol='lavt')
    metric.process(None, [sample.to_dict()])
    assert metric.evaluate(1)['oIoU'] == 100
