"""How a split's expressions are arranged, kept beside a large index: as it was, mapped, made anew when it must be."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from refer_toy import toy, write_toy

from mmrefseg.datasets import ReferDataset, TripletListDataset, arrangement
from mmrefseg.errors import RefDataError

OPTIONS = [dict(sample_by='ref'), dict(sample_by='expression'), dict(sample_by='image'),
           dict(sample_by='image_refs', max_refs=1), dict(sample_by='image', text_field='sent'),
           dict(sample_by='image', shuffle_expressions=True)]


@pytest.fixture
def kept(monkeypatch):
    """Have every arrangement kept; counts those that were made."""
    def arrange(self):
        made.append(self.split)
        return original(self)

    original, made = ReferDataset._arrange, []
    monkeypatch.setattr(ReferDataset, '_arrange', arrange)
    monkeypatch.setattr(arrangement, 'KEPT_FROM', 0)
    monkeypatch.delenv('MMREFSEG_CACHE_DIR')
    return made


def toy_set(root, kind=ReferDataset, **options):
    return kind('toy', 'unc', **dict(dict(split='train', data_root=str(root), data_prefix=dict(img='pictures')),
                                     **options))


def is_mapped(array):
    """Whether an array is read-only and its memory is not its own."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return not array.flags.writeable and not array.flags.owndata


@pytest.mark.parametrize('options', OPTIONS)
def test_the_samples_of_before(tmp_path, monkeypatch, kept, options):
    write_toy(tmp_path, images=False)
    monkeypatch.setattr(arrangement, 'KEPT_FROM', 10**9)
    plain = toy_set(tmp_path, **options)
    monkeypatch.setattr(arrangement, 'KEPT_FROM', 0)
    kept.clear()
    for _ in range(3):
        dataset = toy_set(tmp_path, **options)
        dataset.set_epoch(1, 0)
        plain.set_epoch(1, 0)
        assert [dataset.get_data_info(i) for i in range(len(dataset))] == [
            plain.get_data_info(i) for i in range(len(plain))]
        assert dataset.sample_counts() == plain.sample_counts()
        for name in ('_expressions', '_objects', '_offsets'):
            array = getattr(dataset, name)
            assert is_mapped(array) and not is_mapped(getattr(plain, name))
            np.testing.assert_array_equal(array, getattr(plain, name))
            with pytest.raises(ValueError, match='read-only'):
                array[:] = 0
    assert kept == ['train']


def test_each_split_and_option_has_its_own(tmp_path, kept):
    write_toy(tmp_path)
    for _ in range(2):
        assert len(toy_set(tmp_path)) == 5 and len(toy_set(tmp_path, split='val')) == 1
        assert len(toy_set(tmp_path, sample_by='expression')) == 12
    assert len(kept) == 3
    assert sum(name.endswith('.index') for name in os.listdir(tmp_path / 'toy')) == 4


def test_the_number_of_a_subset(tmp_path, kept):
    write_toy(tmp_path)
    dataset = toy_set(tmp_path, sample_by='image')
    assert dataset.sample_counts() == (2, 5, 12)
    assert dataset.get_subset([1, 1]).sample_counts() == (1, 1, 4)
    assert toy_set(tmp_path, sample_by='image', indices=[0]).sample_counts() == (1, 4, 8)


def test_other_annotations_are_arranged_anew(tmp_path, kept):
    write_toy(tmp_path)
    assert len(toy_set(tmp_path)) == 5
    data = toy()
    del data['refs'][0]
    write_toy(tmp_path, data)
    assert len(toy_set(tmp_path)) == 4 and len(kept) == 2


def test_damage_is_arranged_anew(tmp_path, kept):
    write_toy(tmp_path)
    expected = toy_set(tmp_path, sample_by='image').get_data_info(1)
    path, = (path for path in (tmp_path / 'toy').glob('*.index') if path.name.count('.') == 3)
    content = path.read_bytes()
    path.write_bytes(content[:-8] + bytes(8))
    assert toy_set(tmp_path, sample_by='image').get_data_info(1) == expected
    assert len(kept) == 2 and path.read_bytes()[-8:] == content[-8:]


def test_what_leaves_something_out_is_not_kept(tmp_path, kept):
    """Every start says what it leaves out, and looks at the images that are there now."""
    data = toy()
    data['refs'][0]['sentences'] = []
    write_toy(tmp_path, data)
    for count in (1, 2):
        assert len(toy_set(tmp_path, on_error='skip').skipped) == 1 and len(kept) == count
    for count in (3, 4):
        with pytest.raises(RefDataError, match='it has no expression'):
            toy_set(tmp_path)
        assert len(kept) == count


class ChosenDataset(ReferDataset):
    """A class of a user's, which may choose by anything."""

    def _usable_expressions(self):
        return super()._usable_expressions()[:3]


def test_classes_of_others_are_not_kept(tmp_path, kept):
    write_toy(tmp_path)
    for count in (1, 2):
        assert toy_set(tmp_path, ChosenDataset).sample_counts().expressions == 3 and len(kept) == count


def test_the_budget_is_looked_at_in_every_start(tmp_path, monkeypatch, kept):
    write_toy(tmp_path)
    toy_set(tmp_path)
    monkeypatch.setenv('MMREFSEG_MAX_EXPRESSIONS', '7')
    with pytest.raises(RefDataError, match=r'image picture_1.png asks for 8 expressions, at most 7'):
        toy_set(tmp_path)
    assert len(kept) == 1


def test_nowhere_to_keep_it(tmp_path, monkeypatch, kept):
    def full(*args):
        raise OSError('no space left')

    write_toy(tmp_path)
    monkeypatch.setattr(arrangement, 'write_arrays', full)
    for count in (1, 2):
        assert len(toy_set(tmp_path)) == 5 and len(kept) == count


def test_a_list_whose_mask_has_changed(tmp_path, kept):
    """The list is the same, what its rows mean is not."""
    for name, value in (('a.jpg', 0), ('a.png', 255), ('b.jpg', 0), ('b.png', 255)):
        Image.new('L', (6, 4), value).save(tmp_path / name)
    (tmp_path / 'list.jsonl').write_text(''.join(
        json.dumps(dict(image=f'{name}.jpg', expression='the thing')) + '\n' for name in 'aab'))
    found = []
    for value in (255, 0):
        Image.new('L', (6, 4), value).save(tmp_path / 'b.png')
        for _ in range(2):
            dataset = TripletListDataset('list.jsonl', data_root=str(tmp_path), allow_empty=True, sample_by='image')
            found.append(dataset.get_data_info(1)['no_targets'])
            del dataset
    assert found == [[False], [False], [True], [True]] and len(kept) == 2
