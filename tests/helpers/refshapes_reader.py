"""Reads RefShapes back: objects from masks and attributes, expressions from their words.

Shares nothing with the generator, so that the two can disagree.
"""

import json
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as mask_utils

SIZE_WORDS = dict(small='small', little='small', large='large', big='large')
TEXTURE_WORDS = ('plain', 'striped', 'dotted', 'checkered')
COLOUR_WORDS = ('red', 'orange', 'yellow', 'green', 'blue', 'purple', 'white')
KIND_WORDS = ('circle', 'ring', 'moon', 'square', 'triangle', 'star', 'cross', 'diamond', 'hexagon')
ADJECTIVE = '|'.join([*SIZE_WORDS, *TEXTURE_WORDS, *COLOUR_WORDS])
THING = rf'((?:(?:{ADJECTIVE}) )*(?:{"|".join(KIND_WORDS)}|shape|one))'
RELATION = ('(to the left of|to the right of|left of|right of|above|below|behind|partly hidden by|'
            f'in front of|partly covering|closest to|nearest to) (?:the )?{THING}')
REGION = '((?:top |bottom )?(?:left|right)|top|bottom|center|middle)'
SIDE = '(left|right|top|bottom)'
EXTREMES = dict(leftmost='left', rightmost='right', topmost='top', highest='top', uppermost='top',
                bottommost='bottom', lowest='bottom')
EXTREMES.update({'far left': 'left', 'far right': 'right'})
IS = '(?:(?:that|which) is )?'
ENDING = '(?: (?:in|of) the picture)?'
PATTERNS = [(name, re.compile(f'(?:the )?{pattern}{ENDING}')) for name, pattern in (
    ('attributes', THING),
    ('comparison', f'(larger|bigger|smaller|largest|biggest|smallest) {THING}'),
    ('extreme', f'({"|".join(EXTREMES)}) {THING}'),
    ('extreme', f'{THING} furthest to the {SIDE}'),
    ('order', f'(second|third) {THING} (?:counting )?from (?:the )?{SIDE}'),
    ('order', f'{THING} {IS}(?:the )?(second|third)(?: one)? from (?:the )?{SIDE}'),
    ('position', f'{REGION} {THING}'),
    ('position', f'{THING} {IS}(?:(?:on|at|in) the )?{REGION}(?: side| corner)?'),
    ('relation', f'{THING} {IS}{RELATION}(?: and {RELATION})?'),
)]


class Written:
    """A variant as it lies on disk, with each object's place and attributes."""

    def __init__(self, root: Path, variant: str) -> None:
        self.root = root
        self.instances = json.loads((root / variant / 'instances.json').read_text())
        self.refs = pickle.loads((root / variant / 'refs(unc).p').read_bytes())
        self.objects = {}
        for entry in self.instances['annotations']:
            mask = mask_utils.decode(entry['segmentation'])
            ys, xs = np.nonzero(mask)
            self.objects[entry['id']] = dict(
                entry['attributes'], mask=mask, x=xs.mean() / mask.shape[1],
                y=ys.mean() / mask.shape[0], extent=entry['attributes']['extent'] / mask.shape[1],
                image_id=entry['image_id'], id=entry['id'])
        self.images = {}
        for entry in self.objects.values():
            self.images.setdefault(entry['image_id'], []).append(entry)

    def expressions(self):
        for ref in self.refs:
            for sentence in ref['sentences']:
                yield ref, sentence


def parse(sentence):
    fits = [(name, match.groups()) for name, pattern in PATTERNS
            for match in [pattern.fullmatch(sentence)] if match]
    assert len(fits) == 1, (sentence, fits)
    return fits[0]


class Reader:
    """Reads narrowly (clear cases only) or widely (whatever one could call so)."""

    def __init__(self, objects, wide):
        self.objects = objects
        self.side = 0.5 if wide else 0.42
        self.centre = 0.24 if wide else 0.14
        self.small, self.large = (0.295, 0.225) if wide else (0.2215, 0.2985)
        self.hidden = 1e-9 if wide else 0.08
        self.gap = 1e-9 if wide else 0.08
        self.wide = wide

    def things(self, words):
        return [thing for thing in self.objects
                if all(self.fits(thing, word) for word in words.split())]

    def fits(self, thing, word):
        extent = thing['extent']
        if word in SIZE_WORDS:
            return extent < self.small if SIZE_WORDS[word] == 'small' else extent > self.large
        return word in ('shape', 'one', thing['kind'], thing['colour'], thing['texture'])

    def read(self, sentence):
        name, groups = parse(sentence)
        return sorted(thing['id'] for thing in getattr(self, name)(*groups))

    attributes = things

    def comparison(self, word, words):
        sign = 1 if word.startswith('small') else -1
        row = sorted(self.things(words), key=lambda thing: sign * thing['extent'])
        assert len(row) == 2 if word.endswith('er') else len(row) > 2
        assert len({thing['kind'] for thing in row}) == 1
        extents = sorted(thing['extent'] for thing in row[:2])
        return row[:1] if extents[1] > 1.299 * extents[0] else []

    def row(self, words, side):
        axis, sign = dict(left=('x', 1), right=('x', -1), top=('y', 1), bottom=('y', -1))[side]
        row = sorted(self.things(words), key=lambda thing: sign * thing[axis])
        return row, [sign * thing[axis] for thing in row]

    def extreme(self, first, second):
        words, side = (second, EXTREMES[first]) if first in EXTREMES else (first, second)
        row, places = self.row(words, side)
        return row[:1] if places[1] - places[0] > 0.05 else []

    def order(self, first, second, side):
        words, rank = (second, first) if first in ('second', 'third') else (first, second)
        index = ('second', 'third').index(rank) + 1
        row, places = self.row(words, side)
        clear = min(places[index] - places[index - 1], places[index + 1] - places[index])
        return [row[index]] if clear > 0.05 else []

    def position(self, first, second):
        regions = ('left', 'right', 'top', 'bottom', 'center', 'middle')
        words, region = (second, first) if first.split()[0] in regions else (first, second)
        return [thing for thing in self.things(words) if self.inside(thing, region)]

    def inside(self, thing, region):
        if region in ('center', 'middle'):
            return max(abs(thing['x'] - 0.5), abs(thing['y'] - 0.5)) < self.centre
        depth = dict(left=thing['x'], right=1 - thing['x'], top=thing['y'], bottom=1 - thing['y'])
        return all(depth[side] < self.side for side in region.split())

    def relation(self, words, *relations):
        found = self.things(words)
        for relation, landmark_words in zip(relations[::2], relations[1::2]):
            if relation is None:
                continue
            landmark, = self.things(landmark_words)
            found = [thing for thing in found if thing is not landmark]
            if relation in ('closest to', 'nearest to'):
                found = sorted(found, key=lambda thing: self.distance(thing, landmark))
                near, next_near = (self.distance(thing, landmark) for thing in found[:2])
                found = found[:1] if next_near > 1.299 * near else []
            else:
                found = [thing for thing in found if self.related(relation, thing, landmark)]
        return found

    @staticmethod
    def distance(thing, other):
        return np.hypot(thing['x'] - other['x'], thing['y'] - other['y'])

    def related(self, relation, thing, landmark):
        if relation in ('behind', 'partly hidden by'):
            return self.behind(thing, landmark)
        if relation in ('in front of', 'partly covering'):
            return self.behind(landmark, thing)
        dx, dy = thing['x'] - landmark['x'], thing['y'] - landmark['y']
        name = relation.replace('to the ', '')
        along = {'left of': -dx, 'right of': dx, 'above': -dy, 'below': dy}[name]
        across = abs(dy) if name in ('left of', 'right of') else abs(dx)
        return along >= self.gap and (self.wide or across <= along)

    def behind(self, lower, upper):
        # Clear where one sees it: what is seen of both must touch.
        touch = (cv2.dilate(lower['mask'], np.ones((3, 3))) & upper['mask']).any()
        hidden = dict(lower['covered_by']).get(upper['id'], 0)
        return hidden >= self.hidden and bool(self.wide or touch)
