"""The flip that keeps the language true, on made-up and on RefCOCO's real expressions."""

import re

import numpy as np
import pytest

from mmrefseg.datasets.transforms.random_flip_expression import (
    RandomFlipExpression,
    mirror_expression,
)
from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

SWAPPED = [
    ('left man', 'right man'),
    ('The LEFT-most man, not the Right one!', 'The RIGHT-most man, not the Left one!'),
    ('leftmost and rightmost', 'rightmost and leftmost'),
    ('leftest bowl', 'rightest bowl'),
    ('left-hand side', 'right-hand side'),
    ('righty', 'lefty'),
    ('second from left', 'second from right'),
    ('from left to right', 'from right to left'),
    ('left/right', 'right/left'),
    ('topleft goat', 'topright goat'),
    ('bidrs headleft', 'bidrs headright'),
    ('far r', 'far l'),
    ('bottom L.', 'bottom R.'),
    ('second from l to r', 'second from r to l'),
    ('lft zebra', 'rght zebra'),
    ('rigth bike', 'lfet bike'),
    ("slice at 3 o'clock", "slice at 9 o'clock"),
    ('7 oclock', '5 oclock'),
    ('slice at 12 oclock', 'slice at 12 oclock'),
    ('broccoli top right 1 o clock position', 'broccoli top left 11 o clock position'),
    ("at 10:30 o'clock, left", "at 1:30 o'clock, right"),
    ("Three o'clock", "Nine o'clock"),
    ('counting counterclockwise', 'counting clockwise'),
    ('cow facing east', 'cow facing west'),
    ('southeast corner', 'southwest corner'),
    ('northwesternmost', 'northeasternmost'),
    ('westbound bus', 'eastbound bus'),
    ('third cow on right', 'third cow on left'),
    ('man that is left of the tree', 'man that is right of the tree'),
    ("the girl's left hand", "the girl's right hand"),
    ("she's left-handed", "she's right-handed"),
    ('man on right behind fence', 'man on left behind fence'),
    ('guy on the right in front', 'guy on the left in front'),
    ('brown dog just left of cat', 'brown dog just right of cat'),
    ('board on right with red letters', 'board on left with red letters'),
]
UNTOUCHED = ['red shirt', 'bright upright light', 'leftover pizza with leaf', 'alright', 'ski lift',
             'clock on top', 'Wright brothers at night', 'lowest breast feast', 'port', '', '?!', 'girl w/ hat',
             'suit n tie', 'second shelf from the top', 'second largest pot', 'man in second row', 'third cow back']
FOREIGN = [
    '\u5de6\u8fb9\u7684\u4eba',
    'der linke Mann',
    'el hombre de la izquierda',
    'uomo a sinistra',
    'a gauche',
    'homem da esquerda',
    'die Frau ganz rechts',
    'de linker man',
    'mannen till v\u00e4nster',
    'mannen till vanster',
    'pan z lewej',
    'muz vlevo',
    '\u0447\u0435\u043b\u043e\u0432\u0435\u043a \u0441\u043b\u0435\u0432\u0430',
    'soldaki adam',
    'orang kiri',
    'hidari no hito',
    '\u5de6\u306e\u4eba',
    '\uc67c\ucabd \uc0ac\ub78c',
    '\u0627\u0644\u0631\u062c\u0644 \u0639\u0644\u0649 \u0627\u0644\u064a\u0633\u0627\u0631',
    '\u092c\u093e\u090f\u0902 \u0906\u0926\u092e\u0940',
    'mies vasemmalla',
    'ng\u01b0\u1eddi b\u00ean tr\u00e1i',
    'b\u00e4rbel rechts', 'Hund auf dem Sofa', '\uff4c\uff45\uff46\uff54 man']
REFUSED = [
    'pizza slice right by the handle', 'man right behind the fence', 'dark umbrella right in front',
    'right next to zombie', 'you were right', 'all right', 'man, right?', "that's right",
    'right side up', 'truck left behind guys', 'food left over', 'the only piece left',
    'letter L', 'who r u', 'L shaped couch on left', 'lt blue shirt', 'shirt with r',
    'snowboard that says ltr on left', 'sign that reads left', 'poster "turn left"',
    "the 'left' button", 'i said right do you not know', 'keep left sign', 'no right turn sign',
    'slice at 700 if it were a clock', "between 2 and 3 o'clock", 'between two and three oclock',
    "13 o'clock", 'anti-clockwise', 'southwest plane in background', 'west coast poster on left',
    'mouse let', 'orange top rite', 'eft blue shirt', 'farbright left', 'lefleft bottom corner',
    'eastern wall', 'arrow <- left', 'verybright', 'southwestern part', 'NE corner', 'boat in the se', 'bird W of tree',
    'bottom lf', 'rgt one', 'cow at 3:00', 'what is left of the pizza', "what's left", 'all that is left of it',
    'third cow', 'first', '4th one', 'top row third guy', 'second row third donut',
]


@pytest.mark.parametrize('expression, mirrored', SWAPPED)
def test_swaps(expression, mirrored):
    assert mirror_expression(expression) == mirrored
    assert mirror_expression(mirrored) == expression


@pytest.mark.parametrize('expression', UNTOUCHED)
def test_leaves_other_words(expression):
    assert mirror_expression(expression) == expression


@pytest.mark.parametrize('expression', REFUSED + FOREIGN)
def test_refuses(expression):
    assert mirror_expression(expression) is None


def test_real_expressions(shared_dir):
    swapped = refused = total = 0
    for path in sorted((shared_dir / 'expressions').glob('refcoco_*.tsv')):
        for line in path.read_text(encoding='utf-8').splitlines():
            for expression in line.split('\t')[2:]:
                total += 1
                mirrored = mirror_expression(expression)
                if mirrored is None:
                    refused += 1
                    continue
                swapped += mirrored != expression
                assert mirror_expression(mirrored) == expression
                before, after = (re.findall(r'\b(left|right)', text)
                                 for text in (expression, mirrored))
                other_words = {'rightfully', 'leftover'} & set(expression.split())
                assert other_words or not any(a == b for a, b in zip(before, after)), expression
    assert total == 21586
    assert swapped > 10000
    # Hardly any real mention of a side is lost; half of these are counted ones such as 'third zebra'.
    assert 0 < refused < 0.02 * swapped


def make_results(*expressions, masks=True):
    rng = np.random.default_rng(0)
    results = dict(img=rng.integers(0, 256, (6, 8, 3), np.uint8), expressions=list(expressions),
                   img_path='picture.jpg')
    if masks:
        results['gt_seg_map'] = rng.integers(0, 2, (6, 8, len(expressions)), np.uint8)
        results['seg_fields'] = ['gt_seg_map']
    return results


def copy(results):
    return {key: value.copy() if hasattr(value, 'copy') else value
            for key, value in results.items()}


def test_flips_image_masks_and_words():
    before = make_results('left man', 'red one', 'far r')
    after = TRANSFORMS.build(dict(type='RandomFlipExpression', prob=1.))(copy(before))
    assert after['expressions'] == ['right man', 'red one', 'far l']
    assert (after['img'] == before['img'][:, ::-1]).all()
    assert (after['gt_seg_map'] == before['gt_seg_map'][:, ::-1]).all()
    assert after['img'].flags.c_contiguous and after['gt_seg_map'].flags.c_contiguous
    assert after['flip'] is True and after['flip_direction'] == 'horizontal'


@pytest.mark.parametrize('masks', [True, False])
def test_flipping_twice_gives_the_original(masks):
    before = make_results("The RIGHTMOST one at 3 o'clock", 'lft zebra', masks=masks)
    flip = RandomFlipExpression(prob=1.)
    after = flip(flip(copy(before)))
    assert after['expressions'] == before['expressions']
    assert (after['img'] == before['img']).all()
    assert not masks or (after['gt_seg_map'] == before['gt_seg_map']).all()
    assert after['flip'] is False and after['flip_direction'] is None


@pytest.mark.parametrize('prob, expressions', [
    (1., ['left man', 'the letter L']),
    (0., ['left man']),
])
def test_leaves_the_sample(prob, expressions):
    before = make_results(*expressions)
    after = RandomFlipExpression(prob=prob)(copy(before))
    assert after['expressions'] == expressions
    assert (after['img'] == before['img']).all()
    assert (after['gt_seg_map'] == before['gt_seg_map']).all()
    assert after['flip'] is False and after['flip_direction'] is None


def test_draws_from_numpys_global_generator():
    flip = RandomFlipExpression(prob=0.5)

    def draw():
        np.random.seed(5)
        return [flip(make_results('red one'))['flip'] for _ in range(200)]

    flips = draw()
    assert flips == draw()
    assert 70 < sum(flips) < 130


@pytest.mark.parametrize('prob', [-0.1, 1.1])
def test_bad_prob(prob):
    with pytest.raises(ValueError, match='between 0 and 1'):
        RandomFlipExpression(prob=prob)


def test_masks_must_be_loaded():
    results = make_results('left man', masks=False)
    results['segmentations'] = [[[0, 0, 4, 0, 4, 4]]]
    with pytest.raises(RefDataError, match='picture.jpg.*put LoadRefAnnotations before'):
        RandomFlipExpression(prob=1.)(results)


def test_repr():
    assert repr(RandomFlipExpression(prob=0.25)) == 'RandomFlipExpression(prob=0.25)'
