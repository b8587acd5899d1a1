"""The checker of a user's RefCOCO data."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from mmrefseg.command_line import prepare_refcoco as prepare
from mmrefseg.datasets import GRefCOCODataset, RefCOCODataset
from mmrefseg.datasets.refcoco import IMAGE_DIRS, SplitSize

ROOT = Path(__file__).resolve().parents[2]


def load(name: str, path: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


refer_toy = load('refer_toy_of_tools', 'tests/helpers/refer_toy.py')


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a "RefCOCO": the toy, whose sizes stand in for the published ones."""
    monkeypatch.setattr(RefCOCODataset, 'SIZES', {
        ('unc', 'train'): SplitSize(5, 12), ('unc', 'val'): SplitSize(1, None)})
    monkeypatch.setattr(RefCOCODataset, 'FOLDER', 'toy')
    monkeypatch.setitem(prepare.DATASETS, 'refcoco', RefCOCODataset)

    def write_data(data=None):
        refer_toy.write_toy(tmp_path, data)
        images = tmp_path / IMAGE_DIRS[1]
        images.parent.mkdir(parents=True)
        (tmp_path / 'pictures').rename(images)
        return tmp_path

    return write_data


def run(data_root, *options):
    return prepare.main([str(data_root), '--datasets', 'refcoco', *options])


def test_all_right(write, capsys):
    data_root = write()
    before = sorted((path, path.stat().st_mtime_ns) for path in data_root.rglob('*'))
    assert run(data_root) == 0
    output = capsys.readouterr().out
    assert 'All is right.' in output and 'WRONG' not in output
    assert [cell.strip() for cell in output.splitlines()[3].split('|')[1:-1]] == [
        'refcoco', 'unc', 'train', '5 of 5', '12 of 12', '2 of 2', '0', 'ok']
    assert before == sorted((path, path.stat().st_mtime_ns) for path in data_root.rglob('*'))


def test_only_some_splits(write, capsys, monkeypatch):
    data_root = write()
    monkeypatch.setitem(RefCOCODataset.SIZES, ('google', 'train'), SplitSize(5))
    assert run(data_root) == 1
    assert re.search(r'refs\(google\).p cannot be read', capsys.readouterr().out)
    assert run(data_root, '--split-by', 'unc') == 0
    capsys.readouterr()
    assert run(data_root, '--split-by', 'umd', 'berkeley') == 1
    assert re.search('refcoco was not checked: it has splits by google and unc, none by umd or berkeley',
                     capsys.readouterr().out)


def lose_ref(data):
    data['refs'].pop()


def lose_expression(data):
    data['refs'][0]['sentences'].pop()


def lose_annotation(data):
    data['refs'][0]['ann_id'] = 5


def blank_expression(data):
    data['refs'][0]['sentences'][1]['sent'] = ' '


@pytest.mark.parametrize('lose, message', [
    (blank_expression, r"1 expression\(s\) unusable, the first: sentence 1011 of ref 101 has a blank 'sent'"),
    (lose_ref, 'unc val: 0 refs where 1 were published'),
    (lose_expression, 'unc train: 11 expressions where 12 were published'),
    (lose_annotation, r'1 ref\(s\) unusable, the first: ref 101: its annotation 5 is not in')])
def test_wrong_content(write, capsys, lose, message):
    data = refer_toy.toy()
    lose(data)
    assert run(write(data)) == 1
    output = capsys.readouterr().out
    assert re.search(message, output) and 'WRONG' in output and 'All is right' not in output


@pytest.mark.parametrize('path, message', [
    ('coco', r'pictures: none of the folders .* is in .*Unpack http://images.*train2014.zip'),
    ('coco/train2014/picture_2.png',
     r'1 image\(s\) unusable, the first: its picture .*picture_2.png is missing'),
    ('toy', r'instances.json cannot be read.*Unpack https://.*/refcoco.zip into'),
    ('toy/refs(unc).p', r'refs\(unc\).p cannot be read.*Unpack https://.*/refcoco.zip into')])
def test_missing_files(write, capsys, path, message):
    data_root = write()
    (data_root / path).rename(data_root / 'moved')
    assert run(data_root) == 1
    output = capsys.readouterr().out
    assert re.search(message, output) and 'WRONG' in output and 'All is right' not in output
    assert len(re.findall(message, output)) == 1


def test_grefcoco(tmp_path, monkeypatch, capsys):
    """Its refs are JSON, several or no targets are right, and sizes that nobody stated are no problem."""
    monkeypatch.setattr(GRefCOCODataset, 'FOLDER', 'toy')
    monkeypatch.setattr(GRefCOCODataset, 'SIZES', {('unc', 'train'): SplitSize()})
    data = refer_toy.toy()
    for ref, ann_id in zip(data['refs'], ([11, 12], [-1], [13], 11, [21], [31])):
        ref['ann_id'] = ann_id
    refer_toy.write_toy(tmp_path, data)
    (tmp_path / 'coco').mkdir()
    (tmp_path / 'pictures').rename(tmp_path / IMAGE_DIRS[1])
    assert prepare.main([str(tmp_path), '--datasets', 'grefcoco']) == 1
    assert 'grefs(unc).json cannot be read' in capsys.readouterr().out
    (tmp_path / 'toy/grefs(unc).json').write_text(json.dumps(data['refs']))
    assert prepare.main([str(tmp_path), '--datasets', 'grefcoco']) == 0
    assert [cell.strip() for cell in capsys.readouterr().out.splitlines()[3].split('|')[1:-1]] == [
        'grefcoco', 'unc', 'train', '5', '12', '2 of 2', '0', 'ok']
    assert 'grefcoco' not in prepare.parse_args([]).datasets
