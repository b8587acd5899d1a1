"""Each form in which people have data comes back as it was: masks, sentences, splits."""

import json
import os
import subprocess
import sys
from collections import Counter

import cv2
import numpy as np
import pytest
from conftest import ROOT
from form_sources import (
    NEEDS,
    OBJECTS,
    TOY,
    WRITERS,
    images_of,
    mask_of,
    refer_collection,
    write_cris,
    write_images,
    write_lmdb,
)

from mmrefseg.command_line import main
from mmrefseg.datasets import ReferDataset, TripletListDataset, decode_segmentation
from mmrefseg.datasets.forms import recognise
from mmrefseg.datasets.refer_format.restricted_pickle import load_refer_pickle
from mmrefseg.errors import RefDataError

NO_SPLITS = ('labelstudio', 'polyformer', 'lmdb')
FORM = dict(jxu124='parquet', lmms='parquet')


def drawn_by_lisa(thing) -> np.ndarray:
    """ReasonSeg's masks: filled and outlined by OpenCV, whose polygons hold their edges."""
    mask = np.zeros(thing.size, np.uint8)
    for outline in thing.outlines:
        points = np.array(outline, np.int32).reshape(1, -1, 2)
        cv2.polylines(mask, points, True, 1, 1)
        cv2.fillPoly(mask, points, 1)
    return mask.astype(bool)


def expected(name: str, data=TOY) -> Counter:
    """How often each (split, sentence, mask) is to be found."""
    draw = drawn_by_lisa if name == 'reasonseg' else mask_of
    return Counter(('train' if name in NO_SPLITS else thing.split, text, draw(thing).tobytes())
                   for thing in data.of(name).objects for text in thing.said)


def found_in(dataset) -> Counter:
    found = Counter()
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        masks = [decode_segmentation(part, info['height'], info['width']).astype(bool)
                 for part in info['segmentations']]
        found.update((dataset.split, text, masks[index].tobytes())
                     for text, index in zip(info['expressions'], info['object_index']))
    return found


def converted(tmp_path, name: str, to: str, data=TOY) -> Counter:
    """A collection written in a form, converted, and found in the data set classes: (split, sentence, mask)."""
    source, destination = WRITERS[name](tmp_path, data), tmp_path / 'made'
    assert recognise(source).name == FORM.get(name, name)
    images, options = images_of(name, source, destination, tmp_path, data)
    assert main(['to-refer', str(source), str(destination), '--to', to, *options]) == 0
    found = Counter()
    for split in ('train', ) if name in NO_SPLITS else data.of(name).splits:
        common = dict(split=split, data_prefix=dict(img=str(images)), test_mode=True)
        if to == 'refer':
            dataset = ReferDataset(ann_dir=str(destination), **common)
        else:
            common['data_prefix']['mask'] = str(tmp_path / 'masks/set' if name == 'cris' else destination / 'masks')
            dataset = TripletListDataset(str(destination / 'list.jsonl'), **common)
        found += found_in(dataset)
    return found


@pytest.mark.parametrize('to', ['refer', 'list'])
@pytest.mark.parametrize('name', list(WRITERS))
def test_round_trip(tmp_path, name, to):
    pytest.importorskip(NEEDS.get(name, 'json'))
    assert converted(tmp_path, name, to) == expected(name)
    destination = tmp_path / 'made'
    left = {path.name for path in destination.iterdir()} - {'images', 'masks'}
    assert {one.split('.')[0] for one in left} <= {'instances', 'refs(unc)', 'list'}


@pytest.fixture(scope='module')
def generated(refshapes_root):
    """RefShapes: outlines of one and of several pieces (what is hidden in part), and crowds' RLEs."""
    folder = refshapes_root / 'refshapes'
    data = refer_collection(json.loads((folder / 'instances.json').read_text()), load_refer_pickle(
        folder / 'refs(unc).p'), refshapes_root / 'images/refshapes', 60)
    pieces = [len(thing.outlines) for thing in data.objects]
    assert min(pieces) == 0 and max(pieces) > 1 and len(data.splits) > 1
    return data


@pytest.fixture(scope='module')
def published(shared_dir):
    """The excerpt of RefCOCO, as published."""
    folder = shared_dir / 'refcoco_real'
    data = refer_collection(json.loads((folder / 'refcoco/instances.json').read_text()), load_refer_pickle(
        folder / 'refcoco/refs(unc).p'), next(folder.rglob('train2014')), 1000)
    assert max(len(thing.outlines) for thing in data.objects) > 1
    return data


@pytest.mark.parametrize('kind', ['generated', 'published'])
@pytest.mark.parametrize('name', list(WRITERS))
def test_round_trip_of_refs(tmp_path, name, kind, request):
    """Each form as its owner's code makes it of refs: masks, sentences and splits come back as they were."""
    pytest.importorskip(NEEDS.get(name, 'json'))
    data = request.getfixturevalue(kind)
    assert len(data.of(name).objects) > 3
    assert converted(tmp_path, name, 'refer', data) == expected(name, data)


@pytest.mark.parametrize('name', list(WRITERS))
def test_dry_run_writes_nothing(tmp_path, name, capsys):
    pytest.importorskip(NEEDS.get(name, 'json'))
    source = WRITERS[name](tmp_path)
    assert main(['to-refer', str(source), str(tmp_path / 'made'), '--dry-run']) == 0
    said = capsys.readouterr().out
    assert 'images missing' in said and 'train' in said and not (tmp_path / 'made').exists()


def test_published_counts_are_shown(tmp_path, capsys):
    source = write_cris(tmp_path / 'RefCOCOplus')
    assert main(['to-refer', str(source), str(tmp_path / 'made'), '--dry-run']) == 0
    assert '42278 refs (unc)' in capsys.readouterr().out


def test_stopped_and_started_again(tmp_path, monkeypatch, capsys):
    """What was written out stays; nothing is under its final name before all is right."""
    pytest.importorskip('lmdb')
    source = write_lmdb(tmp_path)
    from mmrefseg.datasets.forms import lmdb as form
    load, calls = form.load_record, []

    def stop(content, where):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(where)
        return load(content, where)
    monkeypatch.setattr(form, 'load_record', stop)
    assert main(['to-refer', str(source), str(tmp_path / 'made')]) == 130
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / 'made').rglob('*') if path.is_file()}
    assert len(written) == 3 and not (tmp_path / 'made/instances.json').exists()
    monkeypatch.undo()
    assert main(['to-refer', str(source), str(tmp_path / 'made')]) == 0
    assert all(path.stat().st_mtime_ns == time for path, time in written.items())
    assert main(['to-refer', str(source), str(tmp_path / 'made')]) == 2
    assert '--overwrite replaces them' in capsys.readouterr().err


def test_parquet_as_a_list(tmp_path):
    """Columns by name, masks in files; and read directly, as a .jsonl is."""
    pyarrow, parquet = pytest.importorskip('pyarrow'), pytest.importorskip('pyarrow.parquet')
    write_images(tmp_path / 'images')
    rows = [dict(image=f'COCO_train2014_{thing.image:012d}.jpg', mask=thing.outlines, expression=thing.said,
                 split=thing.split) for thing in OBJECTS]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / 'list.parquet')
    (tmp_path / 'list.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    for split in ('train', 'val'):
        one, other = (TripletListDataset(
            f'list.{ending}', split=split, data_root=str(tmp_path), test_mode=True,
            data_prefix=dict(img='images', mask='none')) for ending in ('parquet', 'jsonl'))
        assert found_in(one) == found_in(other) and len(one)
    rows[3]['expression'] = [' ']
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / 'list.parquet')
    with pytest.raises(RefDataError, match='row 4: its expression is empty'):
        TripletListDataset('list.parquet', data_root=str(tmp_path), data_prefix=dict(img='images', mask='none'))


@pytest.mark.parametrize('module', ['pyarrow.parquet', 'lmdb'])
def test_without_the_extra(tmp_path, module, monkeypatch, capsys):
    pytest.importorskip(module.split('.')[0])
    name = 'lmdb' if module == 'lmdb' else 'jxu124'
    source = WRITERS[name](tmp_path)
    monkeypatch.setitem(sys.modules, module, None)
    assert main(['to-refer', str(source), str(tmp_path / 'made')]) == 2
    assert 'pip install -r requirements/parquet.txt' in capsys.readouterr().err
    assert np.ones(1).all()


def test_the_tool(tmp_path):
    """tools/dataset_converters/to_refer.py is the same command."""
    source = write_cris(tmp_path)
    done = subprocess.run([sys.executable, str(ROOT / 'tools/dataset_converters/to_refer.py'), str(source),
                           str(tmp_path / 'made'), '--dry-run'], env=dict(os.environ, PYTHONPATH=str(ROOT)),
                          capture_output=True, text=True, check=True)
    assert 'CRIS, ETRIS, DETRIS' in done.stdout
