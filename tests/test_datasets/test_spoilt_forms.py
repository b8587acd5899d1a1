"""Sources that are spoilt, hostile or of no form: an error that says where, and nothing is written."""

import copy
import io
import json
import os
import pickle
import re
import struct
import zlib

import pytest
from form_sources import NEEDS, TOY, WRITERS, images_of, write_images
from PIL import Image

from mmrefseg.command_line import main
from mmrefseg.datasets.forms import FORMS, Source
from mmrefseg.errors import RefDataError


class Calls:
    def __reduce__(self):
        return (print, ('it ran', ))


def spoil(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('name, file, change, message', [
    ('cris', 'anns/set/train.json', lambda entries: entries[0].update(img_name='../../secret.jpg'), 'leads out of'),
    ('cris', 'anns/set/train.json', lambda entries: entries[1].update(sentences=[]), 'entry 1: no expression'),
    ('cris', 'anns/set/train.json', lambda entries: entries[1].pop('img_name'), 'entry 1 has no img_name'),
    ('cris', 'anns/set/train.json', lambda entries: entries[1].update(segment_id='../../x'), 'leads out of|integer'),
    ('seqtr', 'instances.json', lambda splits: splits['val'][0].pop('mask'), 'a box and no mask'),
    ('seqtr', 'instances.json', lambda splits: splits['val'][0].update(mask=[[1, 2, 3, 4]]), 'looks like a box'),
    ('seqtr', 'instances.json', lambda splits: splits['val'][0].update(mask=[[1e9, 2, 3, 4, 5, 6]]), 'far outside'),
    ('mdetr', 'mdetr/finetune_set_val.json', lambda one: one['annotations'][0].pop('segmentation'), 'a box and no'),
    ('mdetr', 'mdetr/finetune_set_val.json', lambda one: one['annotations'][0].update(image_id=99), 'image 99 is not'),
    ('coco', 'coco/val/_annotations.coco.json', lambda one: one['annotations'][0].update(segmentation=[]), 'no segm'),
    ('labelme', 'labelme/val/2.json', lambda one: one['shapes'][0].update(shape_type='rectangle'), 'is a rectangle'),
    ('labelme', 'labelme/val/2.json', lambda one: one['shapes'][0].update(points=[1, 2, 3]), 'expected points'),
    ('reasonseg', 'reasonseg/train/0.json', lambda one: one.update(text=[5]), 'expected a text'),
    ('phrasecut', 'phrasecut/refer_val.json', lambda entries: entries[0].update(Polygons=[1]), r'Polygons\[instance'),
    ('labelstudio', 'project.json', lambda tasks: tasks[0]['annotations'][0]['result'][2]['value'].update(
        rle=[0, 0, 0, 9, 1]), 'the brush has 9 values'),
    ('labelstudio', 'project.json', lambda tasks: tasks[0]['annotations'][0]['result'][2]['value'].update(
        rle=[0, 0, 48, 0, 57, 27]), 'the brush is cut off'),
    ('labelstudio', 'project.json', lambda tasks: tasks[0]['annotations'][0]['result'][0].update(
        original_width=10**9), 'far outside')])
def test_spoilt_sources(tmp_path, name, file, change, message, capsys):
    source = WRITERS[name](tmp_path)
    spoil(tmp_path / file, change)
    _, options = images_of(name, source, tmp_path / 'made', tmp_path)
    assert main(['to-refer', str(source), str(tmp_path / 'made'), *options]) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert 'Traceback' not in said and not (tmp_path / 'made/instances.json').exists()


def places_in(value, at=()):
    """Paths to all values of a JSON document, of lists the first two."""
    yield at
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(min(len(value), 2)):
            yield from places_in(value[key], (*at, key))


def changed(value, at, new):
    """The document with another value at a place."""
    if not at:
        return new
    value = copy.copy(value)
    value[at[0]] = changed(value[at[0]], at[1:], new)
    return value


@pytest.mark.parametrize('name', ['cris', 'seqtr', 'mdetr', 'coco', 'labelme', 'reasonseg', 'phrasecut', 'labelstudio'])
def test_any_value_of_another_type(tmp_path, name):
    """Each value of a source in turn becomes something else: rows, or one error of ours; and it is still looked at."""
    source = WRITERS[name](tmp_path)
    file = min(path for path in tmp_path.rglob('*.json') if path.parent.name != 'images')
    document = json.loads(file.read_bytes().decode('cp1252' if name == 'reasonseg' else 'utf-8'))
    refused = 0
    for at in places_in(document):
        for new in (None, 5, 'x', [], {}, [[[]]], float('inf'), 2**70, '../../x'):
            file.write_text(json.dumps(changed(document, at, new)))
            FORMS[name].matches(source)
            try:
                assert all(isinstance(row.image, str) for row in FORMS[name].read(Source(source)))
            except RefDataError as error:
                assert str(tmp_path) in str(error)
                refused += 1
    assert refused > 10


@pytest.mark.parametrize('name, pattern, old, new', [
    ('seqtr', 'instances.json', '"image_id": 0', '"image_id": "../../../x.jpg"'),
    ('mdetr', 'mdetr/*.json', 'COCO_train2014_000000000000.jpg', '../../../x.jpg'),
    ('coco', 'coco/*/*.json', 'COCO_train2014_000000000000.jpg', '../../../x.jpg'),
    ('phrasecut', 'phrasecut/*.json', '"image_id": 0', '"image_id": "../../../x"'),
    ('cvat', 'annotations.xml', 'COCO_train2014_000000000000.jpg', '../../../x.jpg'),
    ('polyformer', '*.tsv', '0_0\t0\t', '0_0\t../../../x\t'), ('polyformer', '*.tsv', '0_0\t0\t', '../x\t0\t')])
def test_names_that_lead_out(tmp_path, name, pattern, old, new, capsys):
    (tmp_path / 'in/a/b').mkdir(parents=True)
    source = WRITERS[name](tmp_path / 'in/a/b')
    for file in (tmp_path / 'in/a/b').glob(pattern):
        file.write_text(file.read_text(encoding='utf-8').replace(old, new), encoding='utf-8')
    Image.open(io.BytesIO(TOY.images[0])).save(tmp_path / 'x.jpg')
    before = sorted(tmp_path.glob('*'))
    _, options = images_of(name, source, tmp_path / 'made', tmp_path / 'in/a/b')
    assert main(['to-refer', str(source), str(tmp_path / 'made'), *options]) == 2
    said = capsys.readouterr().err
    assert 'leads out of' in said and 'Traceback' not in said
    assert sorted(path for path in tmp_path.glob('*') if path.name != 'made') == before


@pytest.mark.parametrize('name', ['labelme', 'labelstudio'])
def test_paths_of_another_machine_are_names(tmp_path, name):
    """What stands before the name of an image is of the labeller's machine: it is looked for among one's own."""
    source = WRITERS[name](tmp_path)
    for file in tmp_path.rglob('*.json'):
        text = file.read_text().replace('/data/upload/1/abcdef12-', '/../../../')
        file.write_text(text.replace('..\\\\', '/etc/../'))
    assert {os.path.basename(row.image) for row in FORMS[name].read(Source(source))} == {
        row.image.rsplit('/', 1)[-1] for row in FORMS[name].read(Source(source))} == {
            f'COCO_train2014_{number:012d}.jpg' for number in range(3)}


def bomb() -> bytes:
    """A PNG of a kilobyte that says it is of 60000 x 60000 pixels."""
    header = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)
    parts = ((b'IHDR', header), (b'IDAT', zlib.compress(bytes(1000))), (b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(struct.pack('>I', len(data)) + kind + data + struct.pack(
        '>I', zlib.crc32(kind + data)) for kind, data in parts)


@pytest.mark.parametrize('where', ['image', 'mask'])
@pytest.mark.parametrize('name', ['polyformer', 'lmms', 'lmdb', 'columns'])
def test_bombs_inside(tmp_path, name, where, capsys):
    pytest.importorskip(NEEDS.get(name, 'pyarrow'))
    data = TOY._replace(images=dict(TOY.images) | ({0: bomb()} if where == 'image' else {}))
    options = []
    if name == 'columns':
        import pyarrow
        import pyarrow.parquet
        files = [dict(bytes=content, path='a.png') for content in (TOY.images[0], bomb())]
        image, mask = files if where == 'mask' else files[::-1]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([dict(i=image, m=mask, e='a')]), tmp_path / 'a.parquet')
        source, options = tmp_path / 'a.parquet', ['--columns', 'image=i', 'mask=m', 'expression=e']
    elif where == 'mask':
        if name == 'lmms':
            pytest.skip('its masks are outlines')
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr('form_sources.png', lambda mask: bomb())
            source = WRITERS[name](tmp_path)
    else:
        source = WRITERS[name](tmp_path, data)
    assert main(['to-refer', str(source), str(tmp_path / 'made'), *options]) == 2
    said = capsys.readouterr().err
    assert 'asks for 3,600,000,000 pixels' in said and 'Traceback' not in said
    assert not (tmp_path / 'made/instances.json').exists()


@pytest.mark.parametrize('line, message', [
    ('0\t0\ta\t1,2,3,4\t1,2\tnot base64!\tx\t', 'its image is no base64'),
    ('0\t0\ta', 'has 3 cells, expected 8'),
    ('0\t0\t \t1,2,3,4\t1,2\tAAAA\tAAAA\t', 'no expression'),
    ('0\t0\ta\t1,2,3,4\t1,2\tAAAA\tAAAA\t', 'cannot be read')])
def test_hostile_tsv(tmp_path, line, message, capsys):
    (tmp_path / 'a_val.tsv').write_text(line + '\n')
    assert main(['to-refer', str(tmp_path / 'a_val.tsv'), str(tmp_path / 'made'), '--form', 'polyformer']) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('shape, message', [
    ('<polygon label="a" points="1,2;x,4"/>', 'something else than numbers'),
    ('<box label="a"/>', 'expected a polygon'),
    ('<polygon label="" points="1,2;3,4;5,9"/>', 'no expression|expected a text'),
    ('<mask label="a" rle="1, 2" left="0" top="0" width="9" height="9"/>', '3 pixels of run lengths in a box of 9x9'),
    ('<mask label="a" rle="-1, 82" left="0" top="0" width="9" height="9"/>', 'pixels of run lengths'),
    ('<mask label="a" rle="81" left="60" top="0" width="9" height="9"/>', 'pixels of run lengths'),
    ('<mask label="a" rle="81"/>', 'has no left')])
def test_hostile_cvat(tmp_path, shape, message, capsys):
    for size in (64, 10**9) if 'rle="81" left' in shape else (64, ):
        (tmp_path / 'a.xml').write_text(
            f'<annotations><image name="a.jpg" width="{size}" height="{size}">{shape}</image></annotations>')
        assert main(['to-refer', str(tmp_path / 'a.xml'), str(tmp_path / 'made')]) == 2
        assert re.search(message if size == 64 else 'pixels', capsys.readouterr().err)


@pytest.mark.parametrize('change, message', [
    (dict(raw_anns='{'), 'row 1 is not as expected'), (dict(raw_anns='[]'), 'row 1 is not as expected'),
    (dict(raw_anns=json.dumps(dict(segmentation=5))), 'mask'), (dict(raw_image_info='5'), 'row 1 is not as expected'),
    (dict(raw_image_info=json.dumps(dict(file_name='../../x.jpg'))), 'leads out of'),
    (dict(raw_anns='[' * 100_000), 'row 1 is not as expected'), (dict(sentences=[]), 'no expression'),
    (dict(raw_anns=json.dumps(dict(segmentation=[[1, 2, 3, 4]]))), 'looks like a box')])
def test_hostile_rows_of_parquet(tmp_path, change, message, capsys):
    pyarrow, parquet = pytest.importorskip('pyarrow'), pytest.importorskip('pyarrow.parquet')
    source = WRITERS['jxu124'](tmp_path)
    file = next(source.glob('*.parquet'))
    rows = parquet.read_table(file).to_pylist()
    rows[0].update(change)
    parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    images = write_images(tmp_path / 'images')
    assert main(['to-refer', str(source), str(tmp_path / 'made'), '--images', str(images)]) == 2
    said = capsys.readouterr().err
    assert message in said and 'Traceback' not in said and not (tmp_path / 'made/instances.json').exists()


def test_boxes_alone_are_refused(tmp_path, capsys):
    for name, entry in dict(odvg=dict(filename='a.jpg', referring=[dict(bbox=[1, 2, 3, 4], phrase='a')]),
                            vlm=dict(image='a.jpg', sent='a', bbox=[1, 2, 3, 4], height=1, width=1)).items():
        (tmp_path / f'{name}.jsonl').write_text(json.dumps(entry) + '\n')
        assert main(['to-refer', str(tmp_path / f'{name}.jsonl'), str(tmp_path / 'made')]) == 2
        assert 'holds boxes alone' in capsys.readouterr().err


@pytest.mark.parametrize('content', [
    b'<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;">]><annotations><image name="&d;"/></annotations>',
    b'<annotations><image>', b'\xff\xfe\x00'])
def test_xml_that_expands(tmp_path, content, capsys):
    (tmp_path / 'a.xml').write_bytes(content)
    for options in ([], ['--form', 'cvat']):
        assert main(['to-refer', str(tmp_path / 'a.xml'), str(tmp_path / 'made'), *options]) == 2
        assert 'error:' in capsys.readouterr().err


@pytest.mark.parametrize('content, message', [
    (pickle.dumps(dict(img=Calls())), 'asks for the global "builtins.print"'), (b'\x00ARROW1', 'pyarrow.serialize'),
    (pickle.dumps([1]), 'has no img'),
    (pickle.dumps(dict(img=1, mask=2, img_name='a', sents=['b'])), 'as bytes of files'),
    (pickle.dumps(dict(img=b'x', mask=b'y', img_name='../a', sents=['b'])), 'leads out of'),
    (pickle.dumps(dict(img=b'x', mask=b'y', img_name='a.jpg', sents=['b'])), 'cannot be read')])
def test_hostile_lmdb(tmp_path, content, message, capsys):
    lmdb = pytest.importorskip('lmdb')
    opened = lmdb.open(str(tmp_path / 'train.lmdb'), subdir=False, map_size=2**20)
    with opened, opened.begin(write=True) as transaction:
        transaction.put(b'0', content)
    assert main(['to-refer', str(tmp_path / 'train.lmdb'), str(tmp_path / 'made')]) == 2
    said = capsys.readouterr()
    assert message in said.err and 'it ran' not in said.out


def test_hostile_parquet(tmp_path, capsys):
    pyarrow, parquet = pytest.importorskip('pyarrow'), pytest.importorskip('pyarrow.parquet')
    (tmp_path / 'a.parquet').write_bytes(b'PAR1' + bytes(100) + b'PAR1')
    assert main(['to-refer', str(tmp_path / 'a.parquet'), str(tmp_path / 'made')]) == 2
    assert 'no readable parquet' in capsys.readouterr().err
    parquet.write_table(pyarrow.table(dict(a=[1])), tmp_path / 'b.parquet')
    assert main(['to-refer', str(tmp_path / 'b.parquet'), str(tmp_path / 'made')]) == 2
    assert 'has the columns a: say which is which' in capsys.readouterr().err
