"""RefShapes: every expression, parsed back from its words, fits one object, and the right one."""

import ast
import pickle
import pickletools
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from refshapes_reader import COLOUR_WORDS, KIND_WORDS, SIZE_WORDS, TEXTURE_WORDS, Reader, Written

from mmrefseg.datasets import refshapes_generator
from mmrefseg.datasets.refshapes_generator import (
    HELD_OUT,
    KINDS,
    ROUND_KINDS,
    SPLITS,
    VARIANTS,
    generate_refshapes,
    vocabulary,
)
from mmrefseg.datasets.refshapes_generator.expressions import Description, Expression
from mmrefseg.datasets.refshapes_generator.referents import Judge
from mmrefseg.datasets.refshapes_generator.scenes import Scene, Shape, sample_scene

ROOT = Path(__file__).resolve().parents[3]
SCENES = dict(train=150, val=30, testA=50, testB=50)
SIZE = 128


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('refshapes')
    generate_refshapes(path, scenes=SCENES, size=SIZE)
    return path


@pytest.fixture(scope='module', params=VARIANTS)
def written(root, request):
    return Written(root, request.param)


def test_every_expression_fits_its_object_only(written):
    for ref, sentence in written.expressions():
        objects = written.images[ref['image_id']]
        for wide in (False, True):
            read = Reader(objects, wide).read(sentence['sent'])
            assert read == [ref['ann_id']], (sentence['sent'], wide, ref['file_name'])


def test_reader_can_fail(root):
    written = Written(root, 'refshapes')
    wrong = 0
    for ref, sentence in written.expressions():
        if 'left' in sentence['sent'].split():
            turned = sentence['sent'].replace('left', 'right')
            try:
                read = Reader(written.images[ref['image_id']], wide=False).read(turned)
            except IndexError:
                read = []
            wrong += read != [ref['ann_id']]
    assert wrong > 100


# --- the files --------------------------------------------------------------------------------


def test_refs_are_plain_and_of_protocol_2(root, written):
    for variant in VARIANTS:
        blob = (root / variant / 'refs(unc).p').read_bytes()
        opcodes = Counter(opcode.name for opcode, _, _ in pickletools.genops(blob))
        assert blob[:2] == b'\x80\x02'
        assert not set(opcodes) & {'GLOBAL', 'REDUCE', 'BUILD', 'INST', 'OBJ', 'NEWOBJ'}
    sent_ids = [i for ref in written.refs for i in ref['sent_ids']]
    assert len(set(sent_ids)) == len(sent_ids)
    assert len({ref['ref_id'] for ref in written.refs}) == len(written.refs)
    for ref in written.refs:
        assert set(ref) == {'ref_id', 'ann_id', 'image_id', 'category_id', 'split', 'file_name',
                            'sent_ids', 'sentences'}
        assert 2 <= len(ref['sentences']) <= 4
        assert ref['sent_ids'] == [sentence['sent_id'] for sentence in ref['sentences']]
        assert len({sentence['sent'] for sentence in ref['sentences']}) == len(ref['sentences'])
        for sentence in ref['sentences']:
            assert set(sentence) == {'sent_id', 'sent', 'raw', 'tokens'}
            assert sentence['tokens'] == sentence['sent'].split() == sentence['raw'].split()


def test_instances_are_coco(written):
    instances = written.instances
    assert set(instances) == {'info', 'licenses', 'images', 'annotations', 'categories'}
    assert [entry['name'] for entry in instances['categories']] == list(KINDS)
    images = {entry['id']: entry for entry in instances['images']}
    assert {ref['image_id'] for ref in written.refs} == set(images)
    entries = {entry['id']: entry for entry in instances['annotations']}
    assert len(entries) == len(instances['annotations'])
    for ref in written.refs:
        entry = entries[ref['ann_id']]
        assert entry['image_id'] == ref['image_id']
        assert entry['category_id'] == ref['category_id']
        # The picture's own name is found through image_id; a ref's carries a suffix.
        assert ref['file_name'].startswith(Path(images[ref['image_id']]['file_name']).stem)
        assert not (written.root / 'images/refshapes' / ref['file_name']).exists()
    for entry in instances['annotations']:
        mask = written.objects[entry['id']]['mask']
        ys, xs = np.nonzero(mask)
        assert isinstance(entry['segmentation']['counts'], str)
        assert mask.shape == (SIZE, SIZE) and entry['area'] == mask.sum()
        assert entry['bbox'] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        assert KINDS[entry['category_id'] - 1] == entry['attributes']['kind']


def test_scenes(written):
    overlapping = 0
    for image in written.instances['images']:
        things = written.images[image['id']]
        assert 3 <= len(things) <= 7
        assert sum(thing['mask'].astype(int) for thing in things).max() == 1, 'masks are disjoint'
        for thing in things:
            assert sum(share for _, share in thing['covered_by']) <= 0.3501
            assert thing['mask'].sum() >= 0.004 * SIZE * SIZE
        overlapping += any(thing['covered_by'] for thing in things)
    assert overlapping > 0.8 * len(written.images)


def test_images(root, written):
    for image in written.instances['images'][::20]:
        pixels = cv2.imread(str(root / 'images/refshapes' / image['file_name']))
        assert pixels.shape == (image['height'], image['width'], 3) == (SIZE, SIZE, 3)
        for thing in written.images[image['id']]:
            if thing['texture'] != 'plain':
                continue
            inner = cv2.erode(thing['mask'], np.ones((3, 3)), iterations=2, borderValue=0) > 0
            if inner.sum() < 10:
                continue
            blue, green, red = np.median(pixels[inner], axis=0)
            named = dict(red=red > 2 * green and red > 2 * blue, green=green > 1.5 * max(red, blue),
                         blue=blue > 1.5 * max(red, green), white=min(red, green, blue) > 180,
                         yellow=min(red, green) > 2 * blue, orange=red > green > 2 * blue,
                         purple=min(red, blue) > 2 * green)
            assert named[thing['colour']], (image['file_name'], thing['colour'], blue, green, red)


def test_splits(written):
    refs = {split: [ref for ref in written.refs if ref['split'] == split] for split in SPLITS}
    assert sum(len(rows) for rows in refs.values()) == len(written.refs)
    look = {key: (thing['kind'], thing['colour']) for key, thing in written.objects.items()}
    for split in ('train', 'val', 'testA'):
        images = {ref['image_id'] for ref in refs[split]}
        seen = {look[thing['id']] for key in images for thing in written.images[key]}
        assert not seen & HELD_OUT
    assert {look[ref['ann_id']][0] for ref in refs['testA']} == set(ROUND_KINDS)
    assert {look[ref['ann_id']] for ref in refs['testB']} <= HELD_OUT
    # train names every kind and every colour; it is the pairs that testB has anew.
    assert {look[ref['ann_id']][0] for ref in refs['train']} == set(KINDS)
    assert {look[ref['ann_id']][1] for ref in refs['train']} == {pair[1] for pair in HELD_OUT}
    assert all(f'_{ref["split"]}_' in ref['file_name'] for ref in written.refs)


def test_words(root):
    config = Config.fromfile(ROOT / 'configs/_base_/vocabs/refshapes.py')
    assert config.refshapes_vocab == vocabulary() == sorted(set(vocabulary()))
    emitted = set()
    words = {}
    for variant in VARIANTS:
        tokens = [sentence['tokens'] for _, sentence in Written(root, variant).expressions()]
        words[variant] = {word for row in tokens for word in row}
        emitted |= words[variant]
        if variant == 'refshapesg':
            assert np.mean([len(row) for row in tokens]) > 8
    assert emitted == set(vocabulary())
    assert words['refshapes+'] <= {'the', 'shape', 'one', *SIZE_WORDS, *TEXTURE_WORDS,
                                   *COLOUR_WORDS, *KIND_WORDS, 'larger', 'bigger', 'smaller',
                                   'largest', 'biggest', 'smallest'}


def test_one_must_read(root):
    report = generate_refshapes(root, scenes=SCENES, size=SIZE)
    for counts in report['statistics'].values():
        assert counts['kind_only'] < 0.2 * counts['expressions']
        assert counts['colour_only'] < 0.2 * counts['expressions']
    for variant in ('refshapes', 'refshapesg'):
        counts = report['statistics'][variant]
        assert counts['attributes_only'] < 0.6 * counts['expressions']


# --- the judge's margins ----------------------------------------------------------------------


def make_scene(*places, kinds=None, radii=None, hidden=None,
               contact=9):
    count = len(places)
    radii = radii or [20.] * count
    shapes = [Shape((kinds or ['star'] * count)[i], 'red', 'plain',
                    'small' if radii[i] < 15 else 'medium' if radii[i] < 19 else 'large',
                    radii[i], *places[i], 0., True) for i in range(count)]
    return Scene(100, shapes, np.zeros((100, 100), np.uint8), list(places),
                 hidden or [[0.] * count for _ in range(count)], [[contact] * count] * count)


STAR = Description(kind='star')
RING = Description(kind='ring')


@pytest.mark.parametrize('expression, scene, referent', [
    (Expression('position', STAR, 'left'), make_scene((30, 50), (60, 50)), 0),
    (Expression('position', STAR, 'left'), make_scene((30, 50), (49, 50)), None),
    (Expression('position', STAR, 'left'), make_scene((45, 50), (60, 50)), None),
    (Expression('position', STAR, 'top right'), make_scene((70, 30), (70, 60), (30, 30)), 0),
    (Expression('position', STAR, 'center'), make_scene((55, 50), (80, 50)), 0),
    (Expression('position', STAR, 'center'), make_scene((55, 50), (70, 50)), None),
    (Expression('extreme', STAR, 'bottom'), make_scene((50, 50), (50, 70)), 1),
    (Expression('extreme', STAR, 'bottom'), make_scene((50, 50), (50, 55)), None),
    (Expression('extreme', STAR, 'left'), make_scene((50, 50)), None),
    (Expression('order', STAR, 'left', 2), make_scene((50, 9), (20, 9), (80, 9)), 0),
    (Expression('order', STAR, 'left', 2), make_scene((50, 9), (46, 9), (80, 9)), None),
    (Expression('order', STAR, 'left', 2), make_scene((50, 9), (20, 9), (53, 9)), None),
    (Expression('comparison', STAR, 'larger'), make_scene((1, 1), (9, 9), radii=[10, 14]), 1),
    (Expression('comparison', STAR, 'larger'), make_scene((1, 1), (9, 9), radii=[10, 12]), None),
    (Expression('comparison', STAR, 'larger'),
     make_scene((1, 1), (9, 9), (5, 5), radii=[10, 14, 10]), None),
    (Expression('comparison', STAR, 'smallest'),
     make_scene((1, 1), (9, 9), (5, 5), radii=[10, 14, 20]), 0),
    (Expression('attributes', Description(size='small')),
     make_scene((1, 1), (9, 9), radii=[10, 20]), 0),
    (Expression('attributes', Description(size='small')),
     make_scene((1, 1), (9, 9), radii=[10, 17]), None),
    (Expression('relation', STAR, relations=(('right of', RING),)),
     make_scene((50, 50), (70, 55), (30, 50), kinds=['ring', 'star', 'star']), 1),
    (Expression('relation', STAR, relations=(('right of', RING),)),
     make_scene((50, 50), (55, 50), (30, 50), kinds=['ring', 'star', 'star']), None),
    (Expression('relation', STAR, relations=(('right of', RING),)),
     make_scene((50, 50), (70, 80), (30, 50), kinds=['ring', 'star', 'star']), None),
    (Expression('relation', STAR, relations=(('above', RING),)),
     make_scene((50, 50), (50, 20), (90, 60), kinds=['ring', 'star', 'star']), 1),
    (Expression('relation', STAR, relations=(('above', RING),)),
     make_scene((50, 50), (50, 20), (90, 49), kinds=['ring', 'star', 'star']), None),
    (Expression('relation', STAR, relations=(('above', RING),)),
     make_scene((50, 50), (50, 20), (90, 20), kinds=['ring', 'ring', 'star']), None),
    (Expression('relation', STAR, relations=(('closest to', RING),)),
     make_scene((50, 50), (70, 50), (20, 50), kinds=['ring', 'star', 'star']), 1),
    (Expression('relation', STAR, relations=(('closest to', RING),)),
     make_scene((50, 50), (70, 50), (26, 50), kinds=['ring', 'star', 'star']), None),
    (Expression('relation', STAR, relations=(('behind', RING),)),
     make_scene((1, 1), (9, 9), (5, 5), kinds=['ring', 'star', 'star'],
                hidden=[[0, 0, 0], [.2, 0, 0], [0, 0, 0]]), 1),
    (Expression('relation', STAR, relations=(('behind', RING),)),
     make_scene((1, 1), (9, 9), (5, 5), kinds=['ring', 'star', 'star'],
                hidden=[[0, 0, 0], [.2, 0, 0], [.01, 0, 0]]), None),
    (Expression('relation', STAR, relations=(('behind', RING),)),
     make_scene((1, 1), (9, 9), (5, 5), kinds=['ring', 'star', 'star'], contact=2,
                hidden=[[0, 0, 0], [.2, 0, 0], [0, 0, 0]]), None),
    (Expression('relation', STAR, relations=(('in front of', RING),)),
     make_scene((1, 1), (9, 9), (5, 5), kinds=['ring', 'star', 'star'],
                hidden=[[0, 0, .3], [.2, 0, 0], [0, 0, 0]]), 2),
])
def test_judge(expression, scene, referent):
    assert Judge(scene).match(expression).referent == referent


# --- determinism ------------------------------------------------------------------------------


def contents(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob('*')
            if path.is_file()}


def test_same_seed_same_bytes(tmp_path):
    scenes = dict(train=40, testB=6)
    generate_refshapes(tmp_path / 'a', scenes=scenes, size=64)
    generate_refshapes(tmp_path / 'b', scenes=scenes, size=64, workers=2)
    generate_refshapes(tmp_path / 'c', scenes=scenes, size=64, seed=1)
    one, two, other = (contents(tmp_path / name) for name in 'abc')
    assert one == two
    assert one.keys() == other.keys()
    assert not any(one[name] == other[name] for name in one)


def test_scene_depends_on_its_number_only(tmp_path):
    generate_refshapes(tmp_path / 'a', scenes=dict(train=9, val=3), size=64)
    generate_refshapes(tmp_path / 'b', scenes=dict(val=5), size=64, variants=['refshapes+'])
    for number in range(3):
        name = f'images/refshapes/refshapes_val_{number:06d}.jpg'
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
    rows = []
    for name in 'ab':
        refs = pickle.loads((tmp_path / name / 'refshapes+' / 'refs(unc).p').read_bytes())
        rows.append([(ref['ann_id'], sentence['sent']) for ref in refs if ref['split'] == 'val'
                     for sentence in ref['sentences']])
    assert rows[0] and rows[1][:len(rows[0])] == rows[0]


@pytest.mark.parametrize('split', SPLITS)
def test_sample_scene(split):
    scene, again = (sample_scene(3, split, 7, 96) for _ in range(2))
    assert scene.shapes == again.shapes and (scene.owner == again.owner).all()
    assert scene.owner.shape == (96, 96) and scene.owner.max() == len(scene.shapes)
    assert scene.shapes != sample_scene(3, split, 8, 96).shapes


def test_core_needs_no_torch():
    files = list(Path(refshapes_generator.__file__).parent.glob('*.py'))
    assert len(files) > 5
    imported = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.split('.')[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split('.')[0])
    # Of ours it takes what writes files.
    assert not {name for name in imported - {'mmrefseg'} if name.startswith(('mm', 'torch', 'transformers'))}
