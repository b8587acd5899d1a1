"""Who speaks: which expressions are chosen for a shape in each variant of RefShapes."""

import itertools
import random
from typing import Dict, List, NamedTuple, Optional, Tuple

from .expressions import RANKS, REGIONS, SIDES, Description, Expression, say
from .referents import Judge

# How often, relatively, a speaker tries each family of expressions. A family that does not single
# out the shape in its scene is tried in vain, so the shares in the data differ.
FAMILY_WEIGHTS: Dict[str, Dict[str, int]] = {
    'refshapes': dict(attributes=2, position=4, extreme=3, comparison=4, order=5, relation=4),
    'refshapes+': dict(attributes=1, comparison=1),
    'refshapesg': dict(relation=12, position=1, extreme=1, order=2),
    # What is said of one shape in the generalized variant.
    'grefshapes': dict(attributes=2, position=3, extreme=2, comparison=1),
}
GENERALIZED = 'grefshapes'
VARIANTS = tuple(name for name in FAMILY_WEIGHTS if name != GENERALIZED)
ALL_VARIANTS = (*VARIANTS, GENERALIZED)

# Whether kind, colour, texture and size are named, each on its own, in each variant.
NAMED_OFTEN: Dict[str, Tuple[float, ...]] = {
    'refshapes': (0.85, 0.6, 0.25, 0.15),
    'refshapes+': (0.85, 0.6, 0.25, 0.15),
    'refshapesg': (0.9, 0.75, 0.5, 0.35),
    'grefshapes': (0.95, 0.95, 0.1, 0.1),
}
# Expressions whose attributes alone would do, so that the rest is redundant: kept this often.
KEEP_REDUNDANT = 0.3
TRIES_PER_EXPRESSION = 8


class Utterance(NamedTuple):
    """An expression and its words."""

    expression: Expression
    text: str


class Speaker:
    """Finds expressions for the shapes of one scene.

    Every expression has been judged: it refers to its shape and, beyond doubt, to no other.

    Args:
        judge (Judge): Of the scene.
        variant (str): One of :data:`ALL_VARIANTS`.
        rng (random.Random): The scene's and variant's random numbers.
    """

    def __init__(self, judge: Judge, variant: str, rng: random.Random) -> None:
        self.judge = judge
        self.rng = rng
        self.long = variant == 'refshapesg'
        self._named_often = NAMED_OFTEN[variant]
        self._proposers = [getattr(self, f'_{family}')
                           for family, weight in FAMILY_WEIGHTS[variant].items()
                           for _ in range(weight)]
        self._unique: Dict[int, Tuple[List[Description], List[float]]] = {}

    def speak(self, index: int) -> List[Utterance]:
        """Two to four different expressions for shape ``index``, or none if two were not found."""
        wanted = self.rng.choice((2, 3, 3, 4))
        found: Dict[str, Utterance] = {}
        said = set()
        for _ in range(wanted * TRIES_PER_EXPRESSION):
            if len(found) == wanted:
                break
            expression = self.rng.choice(self._proposers)(index)
            if (expression is None or expression in said
                    or self.judge.match(expression).referent != index):
                continue
            said.add(expression)
            text = say(expression, self.rng, long=self.long)
            found.setdefault(text, Utterance(expression, text))
        return list(found.values()) if len(found) > 1 else []

    def describe(self, index: int) -> Description:
        """Some of the attributes of shape ``index``, as often as :data:`NAMED_OFTEN` says."""
        shape, random_number = self.judge.scene.shapes[index], self.rng.random
        kind, colour, texture, size = self._named_often
        return Description(
            shape.kind if random_number() < kind else None,
            shape.colour if random_number() < colour else None,
            shape.texture if random_number() < texture else None,
            shape.size if shape.size != 'medium' and random_number() < size else None)

    def _choose_unique(self, index: int) -> Optional[Description]:
        """A set of attributes that singles the shape out, preferably short and with the kind."""
        if index not in self._unique:
            unique = self.judge.unique_descriptions(index)
            weights = ((4. if description.kind else 1.) * 4. ** description.count(None)
                       for description in unique)
            self._unique[index] = unique, list(itertools.accumulate(weights))
        unique, cumulated = self._unique[index]
        return self.rng.choices(unique, cum_weights=cumulated)[0] if unique else None

    def _needed(self, index: int) -> Optional[Description]:
        """Some attributes for an expression that says more; rarely such that would do alone."""
        target = self.describe(index)
        alone = self.judge.described(target).referent == index
        return None if alone and self.rng.random() > KEEP_REDUNDANT else target

    def _attributes(self, index: int) -> Optional[Expression]:
        target = self._choose_unique(index)
        return Expression('attributes', target) if target else None

    def _position(self, index: int) -> Optional[Expression]:
        target = self._needed(index)
        # Guess the region from the place, so that few proposals are wasted.
        size = self.judge.scene.size
        x, y = self.judge.scene.centres[index]
        column = ('left', '', 'right')[int(3 * x / size)]
        row = ('top', '', 'bottom')[int(3 * y / size)]
        region = ' '.join(part for part in (row, column) if part) or 'center'
        if region in REGIONS[-5:-1] and self.rng.random() < 0.4:
            region = self.rng.choice((row, column))
        return Expression('position', target, where=region) if target else None

    def _extreme(self, index: int) -> Optional[Expression]:
        target = self._needed(index)
        return Expression('extreme', target, where=self.rng.choice(SIDES)) if target else None

    def _order(self, index: int) -> Optional[Expression]:
        # A row needs members: little is said of them.
        target = self.describe(index)._replace(texture=None, size=None)
        if target.kind and target.colour and self.rng.random() < 0.6:
            target = target._replace(colour=None)
        rank = self.rng.choice(list(RANKS))
        # The last one of a row is not called the third: there are more than three.
        if bin(self.judge.described(target).sure).count('1') <= rank:
            return None
        return Expression('order', target, where=self.rng.choice(SIDES), rank=rank)

    def _comparison(self, index: int) -> Optional[Expression]:
        # Only shapes of one kind are compared: a star's width is not a square's.
        target = self.describe(index)._replace(
            kind=self.judge.scene.shapes[index].kind, size=None)
        members = bin(self.judge.described(target).sure).count('1')
        word = self.rng.choice(('larger', 'smaller') if members == 2 else ('largest', 'smallest'))
        return Expression('comparison', target, where=word)

    def _relation(self, index: int) -> Optional[Expression]:
        target = self._needed(index)
        if target is None:
            return None
        first = self._relate(index)
        if first is None:
            return None
        relations: Tuple = (first,)
        if self.long and first[0] != 'closest to' and self.rng.random() < 0.35:
            second = self._relate(index)
            if second and second[0] not in ('closest to', first[0]) and second[1] != first[1]:
                relations += (second,)
        return Expression('relation', target, relations=relations)

    def _relate(self, index: int) -> Optional[Tuple[str, Description]]:
        """A relation to another shape that can be described."""
        scene = self.judge.scene
        other = self.rng.randrange(len(scene.shapes) - 1)
        other += other >= index
        (x, y), (other_x, other_y) = scene.centres[index], scene.centres[other]
        kind = self.rng.random()
        if kind < 0.2:
            relation = 'closest to'
        elif kind < 0.6 and scene.hidden[index][other]:
            relation = 'behind'
        elif kind < 0.6 and scene.hidden[other][index]:
            relation = 'in front of'
        elif abs(x - other_x) > abs(y - other_y):
            relation = 'left of' if x < other_x else 'right of'
        else:
            relation = 'above' if y < other_y else 'below'
        landmark = self._choose_unique(other)
        return (relation, landmark) if landmark else None
