"""A horizontal flip that keeps the language true: left and right change places in the words too.

In a mirrored image every side is mirrored, the viewer's and a person's own ("her left hand"), so
a side can simply be swapped wherever the word means one. Where it may not (``right behind``, ``one
left``, ``says "left"``) the sample is not flipped at all. The rules were read off the expressions
of RefCOCO's val, testA and testB.
"""

import re
from typing import Dict, List, Optional, Set

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmrefseg.errors import RefDataError
from mmrefseg.registry import TRANSFORMS

from .foreign_words import is_foreign

# Misspellings are paired with one another, so that two flips give back the original text.
_MISSPELLED = (('lft', 'rght'), ('laft', 'roght'), ('lefy', 'righy'), ('lef', 'righ'),
               ('lfet', 'rigth'), ('lefft', 'rigt'), ('leff', 'riht'), ('elft', 'irght'),
               ('lkeft', 'ruight'), ('lrft', 'rihgt'), ('lefr', 'rihg'), ('lhs', 'rhs'))
_PAIRS = {word: other for pair in _MISSPELLED for word, other in (pair, pair[::-1])}

# Words that hold 'left' or 'right' and mean no side; an ending may follow (brightest, leftovers).
_OTHER_WORDS = re.compile(
    r'(bright|upright|fright|wright|copyright|playwright|alright|outright|forthright|birthright|'
    r'righteous|rightful|leftover|cleft)')
# English words one letter away from 'left' or 'right'.
_NEIGHBOURS = {'lift', 'loft', 'lent', 'lest', 'leaf', 'heft', 'weft', 'deft', 'cleft', 'light',
               'night', 'eight', 'fight', 'might', 'sight', 'tight', 'bright', 'fright', 'wright'}
# They may mean a side (right, left, light, rite) and nothing around them tells.
_UNCLEAR_WORDS = {'le', 'ri', 'rite', 'ltr', 'rtl', 'lf', 'rgt', 'plelft', 'starboard', 'ne', 'nw', 'se', 'sw', *(
    f'{start}{side}er{end}' for start in ('', 'north', 'south') for side in ('east', 'west') for end in ('n', 'ly'))}

# A side follows these, even where a word such as 'behind' or 'in front' comes next.
_LOCATING = {'on', 'the', 'far', 'from', 'frm', 'to', 'toward', 'towards', 'at', 'in', 'of', 'and',
             'bottom', 'top', 'front', 'back', 'rear', 'lower', 'upper', 'middle', 'mid', 'center',
             'centre', 'farthest', 'furthest', 'very', 'most', 'extreme', 'immediate', 'facing',
             'tothe', 'onthe', 'faces', 'looking', 'looks', 'pointing', 'leaning', 'going',
             'moving', 'way', 'her', 'his', 'my', 'your', 'our', 'their', 'its', 'left', 'right',
             'corner', 'directly'}
# The short forms l, r, lt and rt are trusted after these only ("lt blue" is light blue).
_LOCATING_SHORT = _LOCATING - {'the', 'of', 'and', 'in', 'her', 'his', 'my', 'your', 'our', 'their',
                               'its', 'way', 'very', 'directly', 'looking', 'looks', 'going'}
_SHORT = {'l': 'r', 'r': 'l', 'lt': 'rt', 'rt': 'lt', 'lh': 'rh', 'rh': 'lh'}

# 'right' before these is mostly "exactly", 'left' mostly the participle of "leave".
_AFTER_EXACTLY = set(
    'behind next above below beside besides beneath under underneath by before after between near '
    'there here now away on over against where when at up down across along alongside through '
    'around inside outside out infront adjacent opposite past off into onto beyond atop angle '
    'answer thing'.split())
_AFTER_LEAVING = set('behind over alone out on open standing unattended untouched uneaten'.split())
_BEFORE_CORRECT = set('all just thats that is are am was yes ok yeah youre re'.split())
_BEFORE_LEAVING = set('is are was were be being been has have had whats nothing just they he she '
                      'only already'.split())

_HOURS = ('one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven',
          'twelve')
_HOUR = rf'(?:\d+|{"|".join(_HOURS)})'
_OCLOCK = re.compile(rf"\b({_HOUR})(?::(\d\d))?(?=[\s-]*o\W{{0,2}}clock\b)", re.I)
_WORD = re.compile(r'[a-z]+', re.I)
_COMPASS = re.compile(r'(?:north|south)?(east|west)(?:wards?|(?:ern)?most|side|bound)?')
_SIDE = r'\b(?:left\w*|right\w*|l|r)\b'

# Phrases around a side that is written in the image or is not meant as one.
_REFUSED = [re.compile(pattern, re.I) for pattern in (
    rf'''["“”][^"“”]*{_SIDE}[^"“”]*["“”]''',
    rf'''(?:^|\s)['‘`][^'’`]*{_SIDE}[^'’`]*['’](?=\W|$)''',
    r'\b(?:says?|said|saying|reads?|reading|written|words?|letters?|text|label(?:l?ed)?|'
    r'spell(?:s|ed|ing)|called|titled|named)\W+(?:(?:the|an?|it|to|turn|keep|no|words?|letters?)'
    r'\W+)*(?:left|right|l|r|east|west)\b',
    r'\bright\W+(?:is|in)\W+(?:the\W+)?(?:front|middle|center|centre|between|correct)\b',
    r'\bright\W+side\W+(?:up|down|out)\b|\bright\s*\?',
    r"\b(?:that|it)'s\s+right\W*$",
    r'\bsign\b.*\b(?:keep|turn|exit|merge|only)\b.*\b(?:left|right)\b',
    r'\b(?:keep|turn|exit|merge|no)\W+(?:left|right)\b.*\bsign\b',
    r'\b(?:left|right)\W+(?:turn|lane|only)\b.*\bsign\b',
    r'\bport\W+side\b|<-|->|[←→]',
    r"\b(?:what|all\W+that)\W*(?:s|is|was|are|were)\W+left\b",
    r'\b[ew]\W+(?:of|side|corner|end)\b',
    # The real 'southwest plane' is the airline's.
    r'\b(?:north|south)\W?(?:east|west)\b.*\b(?:air\w*|plane|jet)\b',
    r'\b(?:air\w*|plane|jet)s?\b.*\b(?:north|south)\W?(?:east|west)\b',
    r'\b(?:east|west)\W+(?:air\w*|coast|virginia|ham|bank|point)\b|\b(?:kanye|wild|middle)\W+'
    r'(?:east|west)\b',
)]
# In these phrases the side is meant after all: "on the right in front", "far right in the middle".
_LOCATED_IN = re.compile(
    rf'\b(?:{"|".join(sorted(_LOCATING))})\W+right\W+in\W+(?:the\W+)?'
    r'(?:front|middle|center|centre|between)\b', re.I)


def _one_edit(word: str) -> Set[str]:
    """All strings one insertion, deletion, replacement or exchange of neighbours from ``word``."""
    letters = 'abcdefghijklmnopqrstuvwxyz'
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b}
    near |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    near |= {a + c + b[1:] for a, b in cuts if b for c in letters}
    near |= {a + c + b for a, b in cuts for c in letters}
    return near - {word}


_SUSPECT = (_one_edit('left') | _one_edit('right') | _UNCLEAR_WORDS) - _NEIGHBOURS

# What is counted, but for rows and sizes, is mostly counted from the left, unless a side, which is mirrored, or one of
# these is said.
_ORDINAL = re.compile(r'\b(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|1st|2nd|3rd|\d+th)\b'
                      r'(?!\W+(?:row|\w+est\b))', re.I)
_COUNTED_ALONG = re.compile(r'\b(?:from|frm|up|down|\w*(?:top|bottom|front|back)(?!\W+row))\b', re.I)


class _Unclear(Exception):
    """The expression mentions a side and cannot be swapped safely."""


def _match_case(new: str, old: str) -> str:
    if old.isupper():
        return new.upper()
    return new.capitalize() if old[0].isupper() else new


def _mirror_hour(match: 're.Match') -> str:
    hour, minutes = match.group(1), match.group(2)
    number = int(hour) if hour.isdigit() else _HOURS.index(hour.lower()) + 1
    if not 1 <= number <= 12 or (minutes and int(minutes) > 59):
        raise _Unclear
    total = (-(number * 60 + int(minutes or 0))) % 720
    mirrored = total // 60 or 12
    name = str(mirrored) if hour.isdigit() else _match_case(_HOURS[mirrored - 1], hour)
    return name + (f':{total % 60:02d}' if minutes else '')


def _mirror_clock(expression: str) -> str:
    """Mirror "3 o'clock"; hours written otherwise ("at 700 on the clock", "at 3:00") are unclear."""
    mirrored = _OCLOCK.sub(_mirror_hour, expression)
    rest = _OCLOCK.sub('', expression)
    named = re.search(r'\b(?:clocks?|oclock|dial)\b', expression, re.I)
    if named and re.search(r'\d', rest) or re.search(r'\b\d{1,2}:\d\d\b', rest):
        raise _Unclear
    if rest != expression and re.search(rf'\b{_HOUR}\W*(?:and|or|to|-)\W*o?\W*clock', rest, re.I):
        raise _Unclear
    return mirrored


def _mirror_word(words: List[str], index: int) -> str:
    """The mirror image of ``words[index]`` (lower-case) among its neighbours.

    Raises:
        _Unclear: It may mean a side, and it is not clear that it does.
    """
    word = words[index]
    before = words[index - 1] if index else ''
    after = words[index + 1] if index + 1 < len(words) else ''
    if word in _PAIRS:
        return _PAIRS[word]
    if word in _SHORT:
        located = before in _LOCATING_SHORT or after in {'side', 'most', 'corner'}
        if not located or after.startswith('shap'):
            raise _Unclear
        return _SHORT[word]
    if word in ('clockwise', 'counterclockwise'):
        if before in ('counter', 'anti'):
            raise _Unclear
        return 'clockwise' if word.startswith('counter') else 'counterclockwise'
    compass = _COMPASS.fullmatch(word)
    if compass:
        side = compass.group(1)
        return word.replace(side, 'west' if side == 'east' else 'east')
    if word in _SUSPECT and not _holds_side(word):
        raise _Unclear
    if not _holds_side(word) or _OTHER_WORDS.match(word):
        return word
    if word in ('left', 'right') and before not in _LOCATING and after != 'of':
        lone_before = _BEFORE_CORRECT if word == 'right' else _BEFORE_LEAVING
        lone_after = _AFTER_EXACTLY if word == 'right' else _AFTER_LEAVING
        remains = word == 'left' and not after and {'only', 'last'} & set(words[-4:])
        if before in lone_before or after in lone_after or remains:
            raise _Unclear
    # Words run together: topleft, leftmost, lefthand, onright. More than one side in them, or
    # another word of the kind ('verybright'), leaves open what is meant.
    rest = re.sub('left|right', '', word, count=1)
    if re.search('lef|lft|rig|rgh', rest) or _OTHER_WORDS.search(word):
        raise _Unclear
    return word.replace('left', 'right') if 'left' in word else word.replace('right', 'left')


def _holds_side(word: str) -> bool:
    return 'left' in word or 'right' in word


def _mirror(expression: str) -> str:
    located = _LOCATED_IN.sub('', expression)
    if any(pattern.search(located) for pattern in _REFUSED):
        raise _Unclear
    expression = _mirror_clock(expression)
    matches = list(_WORD.finditer(expression))
    words = [match.group().lower() for match in matches]
    pieces, end = [], 0
    for index, match in enumerate(matches):
        mirrored = _mirror_word(words, index)
        if mirrored != words[index]:
            pieces += [expression[end:match.start()], _match_case(mirrored, match.group())]
            end = match.end()
    mirrored = ''.join(pieces) + expression[end:]
    if mirrored == expression and _ORDINAL.search(expression) and not _COUNTED_ALONG.search(expression):
        raise _Unclear
    return mirrored


def mirror_expression(expression: str) -> Optional[str]:
    """Say of the mirrored image what ``expression`` says of the image.

    Swapped are left and right with their endings, misspellings and run-together forms (leftmost,
    rightest, lft, topleft), ``l`` and ``r`` that stand alone ("far r"), positions on a clock face
    (3 and 9 o'clock), clockwise and counterclockwise, east and west. Case and punctuation stay. What is
    counted ("third cow") without a word of where from is taken for counted from the left, which
    cannot be said of the mirrored image. Of other languages than English no word is understood (see
    :func:`~mmrefseg.datasets.transforms.foreign_words.is_foreign`).

    Args:
        expression (str): One referring expression.

    Returns:
        str, optional: The swapped expression (the same one when it mentions no side), or None when
        it mentions a side that cannot be swapped safely or is not English. Mirroring twice gives the original text.
    """
    if is_foreign(expression):
        return None
    try:
        mirrored = _mirror(expression)
        return mirrored if _mirror(mirrored) == expression else None
    except _Unclear:
        return None


@TRANSFORMS.register_module()
class RandomFlipExpression(BaseTransform):
    """Flip image and masks horizontally and swap left and right in the expressions.

    A sample is flipped only when every one of its expressions can be mirrored safely
    (:func:`mirror_expression`); otherwise it stays as it is. Give it after ``LoadRefAnnotations``.

    Required keys: ``img`` (H, W, 3), ``expressions`` (list of E str); every key that is listed in
    ``seg_fields`` (``gt_seg_map`` (H, W, E)), if there are masks.
    Modified keys: the same. Added keys: ``flip`` (bool: the image is mirrored, as against the
    file), ``flip_direction`` ('horizontal' or None).

    Args:
        prob (float): The share of samples to flip, 0 to 1, drawn from numpy's global generator.

    Raises:
        ValueError: ``prob`` is not between 0 and 1.
        RefDataError: The sample has annotations whose masks have not been loaded yet; they would be
            drawn unflipped.
    """

    def __init__(self, prob: float = 0.5) -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'prob must be between 0 and 1, found {prob}')
        self.prob = prob

    @cache_randomness
    def _draw(self) -> bool:
        return bool(np.random.random() < self.prob)

    def transform(self, results: Dict) -> Dict:
        """Flip ``results``, or leave it: see the class."""
        seg_fields = results.get('seg_fields', [])
        if 'segmentations' in results and not seg_fields:
            raise RefDataError(
                'RandomFlipExpression found segmentations whose masks are not loaded (no '
                f'seg_fields) at {results.get("img_path")}: put LoadRefAnnotations before it.')
        flipped_before = bool(results.get('flip'))
        mirrored = None
        if self._draw():
            mirrored = [mirror_expression(text) for text in results['expressions']]
        if mirrored is None or None in mirrored:
            results['flip'] = flipped_before
            results.setdefault('flip_direction', None)
            return results
        results['expressions'] = mirrored
        for key in ['img', *seg_fields]:
            results[key] = np.ascontiguousarray(mmcv.imflip(results[key], direction='horizontal'))
        results['flip'] = not flipped_before
        results['flip_direction'] = 'horizontal' if results['flip'] else None
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'
