"""Judge of the shapes that an expression matches: read literally, with safety margins.

Every predicate knows three answers: yes, no, and *perhaps* (a star near the middle may pass for one
on the left). They are kept as two bit sets over the shapes: ``sure`` (bit i: shape i matches) and
``possible`` (it matches, or perhaps). An expression refers to shape i when both hold just that bit:
i matches and nobody could think of another one.
"""

import itertools
from typing import Dict, List, NamedTuple, Optional, Tuple

from .expressions import Description, Expression
from .scenes import Scene

# Shares of the image's side.
CLEARLY_ON_SIDE = 0.42
NOT_ON_SIDE = 0.5
CLEARLY_CENTRAL = 0.14
NOT_CENTRAL = 0.24
MIN_GAP = 0.06
# How much wider a shape must be to be larger; with 65 % of it seen it still shows more area.
MIN_SIZE_RATIO = 1.3
MIN_DISTANCE_RATIO = 1.3
# A relation's direction: at least this far that way, and not further sideways than that.
MIN_RELATION_GAP = 0.08
MAX_SIDEWAYS = 1.
# What must be hidden of a shape to be "behind" the one that hides it, and the border (a share of the
# image's side) at which one sees it: a third shape may lie on both and leave them apart.
MIN_HIDDEN = 0.08
MIN_BORDER = 0.04

_AXES = {'left': (0, 1), 'right': (0, -1), 'top': (1, 1), 'bottom': (1, -1)}


class Match(NamedTuple):
    """Bit sets over the shapes of a scene; ``sure`` is within ``possible``."""

    sure: int
    possible: int

    def __and__(self, other: 'Match') -> 'Match':
        return Match(self.sure & other.sure, self.possible & other.possible)

    @property
    def referent(self) -> Optional[int]:
        """The only shape that matches, or None if there is none or it is not beyond doubt."""
        if self.sure != self.possible or self.sure & (self.sure - 1) or not self.sure:
            return None
        return self.sure.bit_length() - 1


NO_SHAPE = Match(0, 0)


class Judge:
    """Finds the shapes that an expression matches in one scene.

    Positions are those of what is seen of a shape (the centroid of its mask).

    Args:
        scene (Scene): The scene, n shapes.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.everything = (1 << len(scene.shapes)) - 1
        self._attributes: Dict[Tuple[int, str], Match] = {}
        self._cache: Dict[tuple, Match] = {}
        self._described: Dict[Description, Match] = {}
        self._unique: Dict[int, List[Description]] = {}
        for index, shape in enumerate(scene.shapes):
            for slot, value in enumerate((shape.kind, shape.colour, shape.texture)):
                old = self._attributes.get((slot, value), NO_SHAPE)
                bits = old.sure | 1 << index
                self._attributes[slot, value] = Match(bits, bits)
        for name in ('small', 'large'):
            # A medium shape is perhaps small and perhaps large.
            sure = self._bits(shape.size == name for shape in scene.shapes)
            possible = self._bits(shape.size in (name, 'medium') for shape in scene.shapes)
            self._attributes[3, name] = Match(sure, possible)

    @staticmethod
    def _bits(answers) -> int:
        return sum(1 << index for index, answer in enumerate(answers) if answer)

    def match(self, expression: Expression) -> Match:
        """The shapes that match an expression."""
        target = self.described(expression.target)
        family, where = expression.family, expression.where
        if family == 'attributes':
            return target
        if family == 'position':
            return target & self._memo(self._in_region, where)
        if family == 'relation':
            for relation, landmark in expression.relations:
                other = self.described(landmark).referent
                if other is None:
                    return Match(0, target.possible)
                if relation == 'closest to':
                    target = self._closest(target, other)
                else:
                    target = target & self._memo(self._related, relation, other)
            return target
        # The others count or compare, for which it must be clear who takes part.
        if target.sure != target.possible:
            return Match(0, target.possible)
        members = [i for i in range(len(self.scene.shapes)) if target.sure >> i & 1]
        if family == 'comparison':
            chosen = self._compare(members, where)
        else:
            chosen = self._ranked(members, where, 1 if family == 'extreme' else expression.rank)
        return Match(0, target.possible) if chosen is None else Match(1 << chosen, 1 << chosen)

    def described(self, description: Description) -> Match:
        """The shapes that have the named attributes."""
        found = self._described.get(description)
        if found is None:
            sure = possible = self.everything
            for named in enumerate(description):
                if named[1] is not None:
                    match = self._attributes.get(named, NO_SHAPE)
                    sure &= match.sure
                    possible &= match.possible
            found = self._described[description] = Match(sure, possible)
        return found

    def unique_descriptions(self, index: int) -> List[Description]:
        """All sets of shape ``index``'s attributes that single it out."""
        if index not in self._unique:
            shape = self.scene.shapes[index]
            size = None if shape.size == 'medium' else shape.size
            full = Description(shape.kind, shape.colour, shape.texture, size)
            self._unique[index] = []
            # What the full description does not single out, no part of it does.
            if self.described(full).referent == index:
                options = [(None,) if value is None else (None, value) for value in full]
                self._unique[index] = [
                    candidate for candidate in itertools.starmap(
                        Description, itertools.product(*options))
                    if self.described(candidate).referent == index]
        return self._unique[index]

    def _memo(self, predicate, *arguments) -> Match:
        if arguments not in self._cache:
            self._cache[arguments] = predicate(*arguments)
        return self._cache[arguments]

    def _in_region(self, region: str) -> Match:
        """A side or corner is less than 0.42 of the image wide, and the other half is not it."""
        size = self.scene.size
        if region == 'center':
            off = [max(abs(x / size - 0.5), abs(y / size - 0.5)) for x, y in self.scene.centres]
            return Match(self._bits(value < CLEARLY_CENTRAL for value in off),
                         self._bits(value < NOT_CENTRAL for value in off))
        result = Match(self.everything, self.everything)
        for side in region.split():
            axis, sign = _AXES[side]
            depth = [centre[axis] / size if sign > 0 else 1 - centre[axis] / size
                     for centre in self.scene.centres]
            result = result & Match(self._bits(value < CLEARLY_ON_SIDE for value in depth),
                                    self._bits(value < NOT_ON_SIDE for value in depth))
        return result

    def _ranked(self, members: List[int], side: str, rank: int) -> Optional[int]:
        """The ``rank``-th of the members from a side, if its neighbours in the row keep off."""
        if len(members) < max(rank, 2):
            return None
        axis, sign = _AXES[side]
        row = sorted((sign * self.scene.centres[i][axis], i) for i in members)
        gap = MIN_GAP * self.scene.size
        place, chosen = row[rank - 1]
        if rank > 1 and place - row[rank - 2][0] < gap:
            return None
        if rank < len(row) and row[rank][0] - place < gap:
            return None
        return chosen

    def _compare(self, members: List[int], word: str) -> Optional[int]:
        """The largest or smallest member; 'larger' and 'smaller' are said of two only."""
        if len(members) < 2 or (len(members) == 2) != word.endswith('er'):
            return None
        row = sorted((self.scene.shapes[i].radius, i) for i in members)
        if word.startswith('large'):
            return row[-1][1] if row[-1][0] >= MIN_SIZE_RATIO * row[-2][0] else None
        return row[0][1] if row[1][0] >= MIN_SIZE_RATIO * row[0][0] else None

    def _related(self, relation: str, landmark: int) -> Match:
        sure = possible = 0
        for index in range(len(self.scene.shapes)):
            # The landmark itself drops out: it is neither beside nor behind itself.
            if relation == 'behind':
                yes, perhaps = self._behind(index, landmark)
            elif relation == 'in front of':
                yes, perhaps = self._behind(landmark, index)
            else:
                yes, perhaps = self._beside(relation, index, landmark)
            sure |= yes << index
            possible |= (yes or perhaps) << index
        return Match(sure, possible)

    def _behind(self, lower: int, upper: int) -> Tuple[bool, bool]:
        hidden = self.scene.hidden[lower][upper]
        seen = self.scene.contacts[lower][upper] >= MIN_BORDER * self.scene.size
        return seen and hidden >= MIN_HIDDEN, hidden > 0

    def _beside(self, relation: str, index: int, landmark: int) -> Tuple[bool, bool]:
        (x, y), (other_x, other_y) = self.scene.centres[index], self.scene.centres[landmark]
        if relation in ('left of', 'right of'):
            along, across = x - other_x, abs(y - other_y)
        else:
            along, across = y - other_y, abs(x - other_x)
        if relation in ('left of', 'above'):
            along = -along
        yes = along >= MIN_RELATION_GAP * self.scene.size and across <= MAX_SIDEWAYS * along
        return yes, along > 0

    def _closest(self, target: Match, landmark: int) -> Match:
        """The nearest of the shapes that match so far, the landmark excepted."""
        possible = target.possible & ~(1 << landmark)
        if target.sure != target.possible or not possible & (possible - 1):
            return Match(0, possible)
        x, y = self.scene.centres[landmark]
        row = sorted(((cx - x) ** 2 + (cy - y) ** 2, i)
                     for i, (cx, cy) in enumerate(self.scene.centres) if possible >> i & 1)
        if row[1][0] < MIN_DISTANCE_RATIO ** 2 * row[0][0]:
            return Match(0, possible)
        return Match(1 << row[0][1], 1 << row[0][1])
