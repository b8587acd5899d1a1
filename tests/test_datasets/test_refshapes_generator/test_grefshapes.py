"""Generalized RefShapes: every expression, parsed back from its words, means exactly its targets."""

import hashlib
import json
import re

import cv2
import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from mmengine.config import Config
from refshapes_reader import KIND_WORDS, SIZE_WORDS, THING, Reader, Written

from mmrefseg.datasets import GRefShapesDataset
from mmrefseg.datasets.refshapes_generator import (
    GENERALIZED,
    HELD_OUT,
    VARIANTS,
    generalized_vocabulary,
    generate_refshapes,
    vocabulary,
)

SINGULAR = {f'{kind}{"es" if kind == "cross" else "s"}': kind for kind in KIND_WORDS} | dict(shapes='shape', ones='one')
SCENES = dict(train=300, val=100, testA=40, testB=40)
NUMBERS = dict(two=2, both=2, three=3)
# Of the refs of the three variants that were there first, 12 scenes of train and 3 of testB at 64 pixels.
DIGEST = '7f4aeb8c5e0cd2f554f983115df57df83d21df81bb69190457730049672fbf46'


class GWritten(Written):
    """The generalized variant as it lies on disk; its refs are JSON."""

    def __init__(self, root):
        (root / GENERALIZED / 'refs(unc).p').write_bytes(b'N.')  # None, for the base class
        super().__init__(root, GENERALIZED)
        (root / GENERALIZED / 'refs(unc).p').unlink()
        self.refs = json.loads((root / GENERALIZED / 'grefs(unc).json').read_text())


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('grefshapes')
    generate_refshapes(path, scenes=SCENES, variants=[GENERALIZED])
    return path


@pytest.fixture(scope='module')
def written(root):
    return GWritten(root)


def singular(sentence):
    return ' '.join(SINGULAR.get(word, word) for word in sentence.split())


def things(sentence):
    """What a sentence describes, as words: 'the red circle and both stars' -> 'red circle', 'star'."""
    return [match[0] for match in re.finditer(THING, singular(sentence))]


def read(objects, sentence, wide):
    """The ids of the objects that a sentence means; None where its number word is wrong."""
    reader = Reader(objects, wide)
    if not any(reader.things(words) for words in things(sentence)):
        return []
    if ' and ' in sentence:
        found = [reader.read(half) for half in sentence.split(' and ')]
        return sorted(sum(found, [])) if all(len(half) == 1 for half in found) else None
    words = sentence.split()
    if words[-1] not in SINGULAR:
        return reader.read(sentence)
    found = reader.read(' '.join(word for word in singular(sentence).split() if word not in ('all', 'the', *NUMBERS)))
    return found if NUMBERS.get(words[0]) in (None, len(found)) else None


def test_every_expression_means_its_targets(written):
    seen = dict(none=0, one=0, several=0)
    for ref, sentence in written.expressions():
        for wide in (False, True):
            found = read(written.images[ref['image_id']], sentence['sent'], wide)
            assert found == sorted(set(ref['ann_id']) - {-1}), (sentence['sent'], wide, ref['file_name'])
        seen[('none', 'one', 'several')[min(len(found), 2)]] += 1
    assert min(seen.values()) > 250
    assert all(ref['no_target'] == (ref['ann_id'] == [-1]) for ref in written.refs)


def test_reader_can_fail(written):
    wrong = total = 0
    for ref, sentence in written.expressions():
        objects = [thing for thing in written.images[ref['image_id']] if thing['id'] != ref['ann_id'][0]]
        if len(ref['ann_id']) > 1:
            total += 1
            wrong += read(objects, sentence['sent'], False) != sorted(ref['ann_id'])
    assert wrong == total > 250


def test_nothing_is_said_plausibly(written):
    """Each description of it fits an object but for one word, which at times is true of another one."""
    colours = {colour for _, colour in HELD_OUT}
    elsewhere = total = 0
    for ref, sentence in written.expressions():
        objects = [{thing[name] for name in ('kind', 'colour', 'texture', 'size')}
                   for thing in written.images[ref['image_id']]]
        for words in things(sentence['sent']) if ref['ann_id'] == [-1] else ():
            named = {SIZE_WORDS.get(word, word) for word in words.split()} - {'shape', 'one'}
            assert len(named) >= 2 and min(len(named - looks) for looks in objects) == 1, sentence['sent']
            total += 1
            elsewhere += named <= set.union(*objects)
            held_out = {(kind, colour) for kind in named for colour in named} & HELD_OUT
            if named & set(KIND_WORDS) and named & colours:
                assert bool(held_out) == (ref['split'] == 'testB'), sentence['sent']
    assert total > 500 and elsewhere > 100


def test_the_words_do_not_tell_what_is_not_there(root):
    """Whoever reads without looking is hardly better than chance: logistic regression on the words."""
    data = {}
    for split in ('train', 'val'):
        dataset = GRefShapesDataset(data_root=str(root), split=split, test_mode=True)
        infos = [dataset.get_data_info(i) for i in range(len(dataset))]
        columns = {word: i for i, word in enumerate(generalized_vocabulary())}
        said = [expression.split() for info in infos for expression in info['expressions']]
        features = torch.zeros(len(said), 2, len(columns))
        for row, words in enumerate(said):
            features[row, 0, [columns[word] for word in words]] = 1
            features[row, 1, columns[words[0]]] = 1
        data[split] = features.flatten(1), torch.tensor([not none for info in infos for none in info['no_targets']])
    (features, exists), (unseen, truth) = data['train'], data['val']
    weights = torch.zeros(features.shape[1], requires_grad=True)
    optimizer = torch.optim.Adam([weights], 0.05, weight_decay=1e-3)
    balance = torch.where(exists, 0.5 / exists.float().mean(), 0.5 / (~exists).float().mean())
    for _ in range(100):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(features @ weights, exists.float(), weight=balance).backward()
        optimizer.step()
    said = unseen @ weights.detach() > 0
    accuracy = (said[truth].float().mean() + (~said)[~truth].float().mean()) / 2
    assert accuracy < 0.58


def test_splits_and_words(written):
    look = {key: (thing['kind'], thing['colour']) for key, thing in written.objects.items()}
    for ref in written.refs:
        targets = [look[ann_id] for ann_id in ref['ann_id'] if ann_id != -1]
        if ref['split'] == 'testB':
            assert set(targets) <= HELD_OUT
        if ref['split'] == 'testA':
            assert {kind for kind, _ in targets} <= {'circle', 'ring', 'moon'}
    words = {word for _, sentence in written.expressions() for word in sentence['tokens']}
    assert words <= set(generalized_vocabulary()) and set(vocabulary()) < set(generalized_vocabulary())
    assert words - set(vocabulary()) == set(generalized_vocabulary()) - set(vocabulary())
    config = Config.fromfile(ROOT / 'configs/_base_/vocabs/grefshapes.py')
    assert config.grefshapes_vocab == generalized_vocabulary()


def test_dataset(root, written):
    dataset = GRefShapesDataset(data_root=str(root), split='testA', test_mode=True)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert sum(len(info['expressions']) for info in infos) == sum(
        len(ref['sentences']) for ref in written.refs if ref['split'] == 'testA')
    assert any(any(info['no_targets']) and not all(info['no_targets']) for info in infos)
    with pytest.raises(ValueError, match='mmrefseg make-refshapes makes them .--variants grefshapes.'):
        GRefShapesDataset(data_root=str(root / 'nowhere'))[0]


def test_again_does_nothing_and_other_variants_are_as_before(root, tmp_path):
    assert not generate_refshapes(root, scenes=SCENES, variants=[GENERALIZED])['made']
    scenes = dict(train=12, testB=3)
    generate_refshapes(tmp_path / 'one', scenes=scenes, size=64)
    generate_refshapes(tmp_path / 'two', scenes=scenes, size=64, variants=[*VARIANTS, GENERALIZED], workers=2)
    for variant in VARIANTS:
        name = f'{variant}/refs(unc).p'
        assert (tmp_path / 'one' / name).read_bytes() == (tmp_path / 'two' / name).read_bytes()
    assert not (tmp_path / 'one' / GENERALIZED).exists()
    digest = hashlib.sha256(b''.join((tmp_path / 'one' / variant / 'refs(unc).p').read_bytes() for variant in VARIANTS))
    if int(cv2.__version__.split('.')[0]) < 5:
        pytest.skip('OpenCV 4 fills other pixels at the edge of an outline')
    assert digest.hexdigest() == DIGEST

