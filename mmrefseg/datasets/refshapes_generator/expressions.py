"""The language of RefShapes: what an expression says, as a structure, and the words that say it."""

import random
from typing import List, NamedTuple, Optional, Tuple

from .scenes import COLOURS, KINDS, TEXTURES

FAMILIES = ('attributes', 'position', 'extreme', 'comparison', 'order', 'relation')
SIDES = ('left', 'right', 'top', 'bottom')
REGIONS = SIDES + ('top left', 'top right', 'bottom left', 'bottom right', 'center')
RELATIONS = ('left of', 'right of', 'above', 'below', 'behind', 'in front of', 'closest to')
RANKS = {2: 'second', 3: 'third'}

_SIZE_WORDS = {'small': ('small', 'little'), 'large': ('large', 'big')}
_COMPARATIVES = {'larger': ('larger', 'bigger'), 'smaller': ('smaller',),
                 'largest': ('largest', 'biggest'), 'smallest': ('smallest',)}
_NOUNS = ('shape', 'one')
_EXTREMES = {
    'left': ('leftmost {t}', 'far left {t}', '{t} furthest to the left'),
    'right': ('rightmost {t}', 'far right {t}', '{t} furthest to the right'),
    'top': ('topmost {t}', 'highest {t}', 'uppermost {t}'),
    'bottom': ('bottommost {t}', 'lowest {t}'),
}
_SHORT_REGIONS = {
    'side': ('{r} {t}', '{t} on the {r}', '{t} {r}', 'the {t} on the {r} side'),
    'top or bottom': ('{r} {t}', '{t} at the {r}', 'the {t} at the {r}'),
    'corner': ('{r} {t}', '{t} {r}', '{t} in the {r} corner', 'the {r} {t}'),
    'center': ('center {t}', '{t} in the center', '{t} in the middle'),
}
_LONG_REGIONS = {
    'side': ('the {t} that is on the {r} side of the picture',),
    'top or bottom': ('the {t} that is at the {r} of the picture',),
    'corner': ('the {t} that is in the {r} corner of the picture',),
    'center': ('the {t} that is in the {m} of the picture',),
}
_SHORT_ORDERS = ('{n} {t} from the {r}', '{n} {t} from {r}', '{t} {n} from {r}',
                 'the {n} {t} from the {r}')
_LONG_ORDERS = ('the {t} that is the {n} one from the {r} of the picture',
                'the {n} {t} counting from the {r} of the picture')
_SHORT_RELATIONS = {
    'left of': ('{t} left of {l}', '{t} to the left of the {l}', 'the {t} left of the {l}'),
    'right of': ('{t} right of {l}', '{t} to the right of the {l}', 'the {t} right of the {l}'),
    'above': ('{t} above {l}', 'the {t} above the {l}'),
    'below': ('{t} below {l}', 'the {t} below the {l}'),
    'behind': ('{t} behind {l}', 'the {t} behind the {l}'),
    'in front of': ('{t} in front of {l}', 'the {t} in front of the {l}'),
    'closest to': ('{t} closest to {l}', 'the {t} nearest to the {l}'),
}
_LONG_RELATIONS = {
    'left of': ('to the left of the {l}',),
    'right of': ('to the right of the {l}',),
    'above': ('above the {l}',),
    'below': ('below the {l}',),
    'behind': ('behind the {l}', 'partly hidden by the {l}'),
    'in front of': ('in front of the {l}', 'partly covering the {l}'),
    'closest to': ('closest to the {l}', 'nearest to the {l}'),
}
_CLAUSES = ('that is', 'which is')


class Description(NamedTuple):
    """The attributes that are named of a shape; None: not named."""

    kind: Optional[str] = None
    colour: Optional[str] = None
    texture: Optional[str] = None
    size: Optional[str] = None


class Expression(NamedTuple):
    """Referring expression as structure: descriptions and how they relate.

    Attributes:
        family (str): One of :data:`FAMILIES`.
        target (Description): The shape that is meant, as far as its attributes are named.
        where (str): Of 'position' one of :data:`REGIONS`; of 'extreme' and 'order' the one of
            :data:`SIDES` from which is counted; of 'comparison' larger, smaller (there are two),
            largest, smallest (there are more).
        rank (int): Of 'order': 2 is the second from ``where``.
        relations (tuple): Of 'relation': pairs (one of :data:`RELATIONS`, the landmark's
            :class:`Description`); all hold.
    """

    family: str
    target: Description
    where: str = ''
    rank: int = 0
    relations: Tuple[Tuple[str, Description], ...] = ()


def describe(description: Description, rng: random.Random, landmark: bool = False) -> str:
    """The words of a description, such as 'small striped red star'."""
    words = []
    if description.size:
        words.append(rng.choice(_SIZE_WORDS[description.size]))
    if description.texture:
        words.append(description.texture)
    if description.colour:
        words.append(description.colour)
    if description.kind:
        words.append(description.kind)
    else:
        # "one" needs an adjective before it.
        words.append('shape' if landmark or not words else rng.choice(_NOUNS))
    return ' '.join(words)


def _region_form(region: str) -> str:
    if ' ' in region:
        return 'corner'
    if region == 'center':
        return region
    return 'side' if region in ('left', 'right') else 'top or bottom'


def say(expression: Expression, rng: random.Random, long: bool = False) -> str:
    """Put an expression into words.

    Args:
        expression (Expression): What to say.
        rng (random.Random): Chooses among the ways to say it.
        long (bool): Whole sentences (RefShapesg) instead of notes (RefShapes, RefShapes+).

    Returns:
        str: Lower-case words, separated by single spaces, all of :func:`vocabulary`.
    """
    target = describe(expression.target, rng)
    family, where = expression.family, expression.where
    if family == 'relation':
        return _say_relations(expression, target, rng, long)
    if family == 'position':
        form = rng.choice((_LONG_REGIONS if long else _SHORT_REGIONS)[_region_form(where)])
        return form.format(t=target, r=where, m=rng.choice(('center', 'middle')))
    if family == 'extreme':
        form = rng.choice(_EXTREMES[where])
        return f'the {form} in the picture'.format(t=target) if long else form.format(t=target)
    if family == 'order':
        form = rng.choice(_LONG_ORDERS if long else _SHORT_ORDERS)
        return form.format(t=target, r=where, n=RANKS[expression.rank])
    if family == 'comparison':
        target = f'{rng.choice(_COMPARATIVES[where])} {target}'
        return f'the {target} in the picture' if long else rng.choice(('', 'the ')) + target
    return f'the {target} in the picture' if long else rng.choice(('', 'the ')) + target


def _say_relations(expression: Expression, target: str, rng: random.Random, long: bool) -> str:
    relations = [(name, describe(landmark, rng, landmark=True))
                 for name, landmark in expression.relations]
    if not long:
        name, landmark = relations[0]
        return rng.choice(_SHORT_RELATIONS[name]).format(t=target, l=landmark)
    clauses = ' and '.join(rng.choice(_LONG_RELATIONS[name]).format(l=landmark)
                           for name, landmark in relations)
    return f'the {target} {rng.choice(_CLAUSES)} {clauses}'


def vocabulary() -> List[str]:
    """Every word that :func:`say` can emit, sorted."""
    forms = [*KINDS, *COLOURS, *TEXTURES, *_NOUNS, *RANKS.values(), *REGIONS, *_SHORT_ORDERS,
             *_LONG_ORDERS, *_CLAUSES, 'the in picture and middle']
    for table in (_SIZE_WORDS, _COMPARATIVES, _EXTREMES, _SHORT_REGIONS, _LONG_REGIONS,
                  _SHORT_RELATIONS, _LONG_RELATIONS):
        forms += [form for row in table.values() for form in row]
    words = {word for form in forms for word in form.split()}
    return sorted(word for word in words if not word.startswith('{'))
