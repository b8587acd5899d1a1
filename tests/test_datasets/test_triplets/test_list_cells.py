"""Cells of lists as people write them: what they mean is read, what they cannot mean is an error with its line."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from triplet_toy import HEIGHT, WIDTH, rows, write_list, write_toy_images

from mmrefseg.datasets import TripletListDataset, decode_segmentation
from mmrefseg.errors import RefDataError


@pytest.mark.parametrize('mask, message', [
    ([6, 8, 26, 28], 'looks like a box'), ([[6, 8, 26, 28]], 'looks like a box'),
    ([[6, 8], [26, 28]], 'looks like a box'),
    (dict(counts='abc'), 'counts without a size'), (dict(size=[40, 60], counts="b'abc'"), 'bytes printed as text'),
    ([0, 0, 9, 96, 153, 240, 57, 27], "Label Studio's brush"),
    ([0, 0, 37, 128, 153, 240, 57, 27, 3], "Label Studio's brush"),
    ([.1, .2, .3, .2, .3, .4], 'from 0 to 1 alone')])
@pytest.mark.parametrize('ending', ['jsonl', 'csv'])
def test_what_is_no_mask(tmp_path, mask, message, ending):
    options = write_toy_images(tmp_path)
    name = write_list(tmp_path / f'l.{ending}', [dict(image='0.png', expression='a', mask=mask)])
    with pytest.raises(RefDataError, match=message):
        TripletListDataset(name, **options)


@pytest.mark.parametrize('mask', [[[2, 2], [12, 2], [12, 12], [2, 12]], [[[2, 2], [12, 2], [12, 12], [2, 12]]],
                                  [2, 2, 12, 2, 12, 12, 2, 12]])
def test_pairs_of_points_are_an_outline(tmp_path, mask):
    name = write_list(tmp_path / 'l.jsonl', [dict(image='0.png', expression='a', mask=mask)])
    dataset = TripletListDataset(name, **write_toy_images(tmp_path))
    assert dataset.get_data_info(0)['segmentations'] == [[[2., 2., 12., 2., 12., 12., 2., 12.]]]


@pytest.mark.parametrize('name', ['[1].png', '{a}.png', "['x'].png", '[1, 2].tif'])
def test_mask_names_with_brackets(tmp_path, name):
    options = write_toy_images(tmp_path, count=1)
    os.replace(tmp_path / 'masks/0.png', tmp_path / 'masks' / name)
    for ending in ('jsonl', 'csv'):
        entries = [dict(image='0.png', mask=name, expression='a')]
        TripletListDataset(write_list(tmp_path / f'l.{ending}', entries), **options)


@pytest.mark.parametrize('text, expected', [
    ("['red one', 'left one']", ['red one', 'left one']), ('["red one", "x"]', ['red one', 'x']),
    ("['it''s']", None), ('[red one]', ['[red one]']), ("('a', 'b')", ["('a', 'b')"]), ("['only']", ['only']),
    ("['red one' 'left one']", RefDataError)])
def test_lists_of_texts_in_a_cell(tmp_path, text, expected):
    options = write_toy_images(tmp_path, count=1)
    for ending in ('csv', 'jsonl'):
        name = write_list(tmp_path / f'l.{ending}', [dict(image='0.png', expression=text, split='train')])
        if expected is RefDataError:
            with pytest.raises(RefDataError, match='as numpy prints it'):
                TripletListDataset(name, **options)
        else:
            found = TripletListDataset(name, **options, sample_by='image').get_data_info(0)['expressions']
            assert expected is None or found == expected


def test_rows_without_a_split(tmp_path):
    options = write_toy_images(tmp_path)
    name = write_list(tmp_path / 'l.jsonl', [dict(row, split=split) for row, split in zip(
        rows(), ('train ', ' train', 'train', 'train\n', 'val', 'val', 'val'))])
    assert len(TripletListDataset(name, split='train', sample_by='expression', **options)) == 5
    name = write_list(tmp_path / 'm.jsonl', [dict(row, split=row['split'] * (number != 1))
                                             for number, row in enumerate(rows())])
    with pytest.raises(RefDataError, match='m.jsonl: 2 expressions are without a split.* line 3'):
        TripletListDataset(name, split='train', **options)
    assert len(TripletListDataset(name, **options))


def test_a_name_that_stands_twice(tmp_path):
    options = write_toy_images(tmp_path)
    (tmp_path / 'l.csv').write_text('image,expression, image\n0.png,a,1.png\n')
    (tmp_path / 'l.jsonl').write_text('{"image": "0.png", "expression": "a", "image": "1.png"}\n')
    (tmp_path / 'l.json').write_text('[{"image": "0.png", "expression": "a", "image": "1.png"}]')
    for name in ('l.csv', 'l.jsonl', 'l.json'):
        with pytest.raises(RefDataError, match="line 1: .*'image' twice"):
            TripletListDataset(name, **options)


def test_rows_of_one_line_are_counted(tmp_path):
    options = write_toy_images(tmp_path)
    (tmp_path / 'l.json').write_text(json.dumps([*rows(), dict(image='9.png', expression='a'), dict(image=3)]))
    with pytest.raises(RefDataError, match='row 9: it has no'):
        TripletListDataset('l.json', **options)
    (tmp_path / 'l.json').write_text(json.dumps([*rows(), dict(image='9.png', expression='a')]))
    with pytest.raises(RefDataError, match='row 8: its picture .*9.png is missing'):
        TripletListDataset('l.json', **options)


def test_a_value_a_row(tmp_path):
    """One index image serves several rows, as video sets have it."""
    options = write_toy_images(tmp_path, count=1)
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[2:10, 2:10], values[20:40, 20:60] = 1, 2
    Image.fromarray(values).save(tmp_path / 'masks/objects.png')
    entries = [dict(image='0.png', mask='objects.png', expression=text, foreground=value)
               for text, value in (('first', 1), ('second', 2), ('both', [1, 2]))]
    for ending in ('jsonl', 'json'):
        name = write_list(tmp_path / f'l.{ending}', entries)
        info = TripletListDataset(name, **options, sample_by='image').get_data_info(0)
        masks = [decode_segmentation(info['segmentations'][part], HEIGHT, WIDTH) for part in info['object_index']]
        assert [int(mask.sum()) for mask in masks] == [64, 800, 864]


@pytest.mark.parametrize('value', [10**20, '9' * 25, 1.5, True, 'x'])
def test_ref_ids_that_are_none(tmp_path, value):
    name = write_list(tmp_path / 'l.jsonl', [dict(image='0.png', expression='a', ref_id=value)])
    with pytest.raises(RefDataError, match="line 1: 'ref_id' is .*at most 64 bits"):
        TripletListDataset(name, **write_toy_images(tmp_path, count=1))


def test_half_an_emoji(tmp_path):
    name = write_list(tmp_path / 'l.jsonl', [dict(image='0.png', expression='a smile \ud83d')])
    with pytest.raises(RefDataError, match="line 1: 'expression' is .*half a character"):
        TripletListDataset(name, **write_toy_images(tmp_path, count=1))
