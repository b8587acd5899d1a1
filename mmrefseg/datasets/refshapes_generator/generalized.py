"""Generalized expressions of RefShapes: one shape, several of them, or none that is there (GRES, CVPR 2023)."""

import random
from collections import Counter
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from .expressions import Description, Expression, describe, say, vocabulary
from .referents import Judge
from .scenes import HELD_OUT, KINDS, ROUND_KINDS, STYLES, Style
from .speakers import GENERALIZED, TRIES_PER_EXPRESSION, Speaker

# Refs of a scene at most: with one target, with several, with none.
MOST_REFS = dict(one=2, several=1, none=2)
# How often an expression for several names what they have in common ("the red circles") and not one after the other.
IN_COMMON = 0.6
# Which attribute an expression for nothing has wrong, one as often as the other, and how often its value is that of
# another shape of the scene.
WRONG = dict(kind=0.5, colour=0.5)
FROM_THE_SCENE = 0.25

_NUMBERS = {2: ('two', 'both'), 3: ('three',)}  # of the targets, as a word before them
_PLURALS = {noun: f'{noun}es' if noun.endswith('s') else f'{noun}s' for noun in (*KINDS, 'shape', 'one')}
_PLURAL_FORMS = ('{t}', 'the {t}', 'all {t}', 'all the {t}')


class Group(NamedTuple):
    """Expression for several shapes: one description in the plural, or one each, in a ``form`` around it."""

    descriptions: Tuple[Description, ...]
    form: str


class Reference(NamedTuple):
    """Ref to write: the shapes meant, and the utterances for them.

    Attributes:
        targets (tuple[int]): The shapes that are meant; none of them: no such shape is there.
        texts (list[str]): Expressions for exactly these.
    """

    targets: Tuple[int, ...]
    texts: List[str]


def generalized_vocabulary() -> List[str]:
    """list[str]: Every word of the generalized variant and of the others, sorted."""
    words = {word for forms in _NUMBERS.values() for word in forms} | set(_PLURALS.values())
    words |= {word for form in _PLURAL_FORMS for word in form.split() if '{' not in word}
    return sorted(words | set(vocabulary()))


class GeneralizedSpeaker:
    """Finds expressions for one shape, several and none of a scene.

    Every expression has been judged: it means exactly its targets, beyond doubt. One for nothing is one of the scene's
    other expressions with an attribute wrong: all else that it says is true of a shape that is there, at times the
    wrong value is true of another one, and how it is worded does not tell.

    Args:
        judge (Judge): Of the scene.
        split (str): The scene's split: its expressions keep to what may be referred to in it. In train, val and testA
            none of :data:`HELD_OUT` is named, of which training would learn that there are none; in testB no other.
        rng (random.Random): The scene's and variant's random numbers.
        style (Style): Of the scenes: what is said to be there, and is not, is one of its kinds and colours.
    """

    def __init__(self, judge: Judge, split: str, rng: random.Random, style: Style = STYLES['full']) -> None:
        self.judge = judge
        self.split = split
        self.rng = rng
        self.values = dict(kind=style.kinds, colour=style.colours)
        self.single = Speaker(judge, GENERALIZED, rng)
        self.referable = [index for index, shape in enumerate(judge.scene.shapes) if shape.referable]

    def speak(self) -> List[Reference]:
        """The references of the scene: at most :data:`MOST_REFS` of each sort."""
        found: List[Reference] = []
        said: Dict[str, Union[Expression, Group]] = {}
        for index in self.rng.sample(self.referable, len(self.referable)):
            if len(found) < MOST_REFS['one']:
                expressions = {text: expression for expression, text in self.single.speak(index)
                               if _is_said(expression.target)}
                if expressions:
                    found.append(Reference((index,), list(expressions)))
                    said.update(expressions)
        for _ in range(MOST_REFS['several']):
            several = self._several()
            if several is not None:
                targets, group = several
                text = self._say(group)
                found.append(Reference(targets, [text]))
                said[text] = group
        said_of_nothing: List[str] = []
        for _ in range(MOST_REFS['none'] if said else 0):
            nothing = self._none(self.rng.choice(list(said.values())))
            if nothing is not None and nothing not in said_of_nothing:
                said_of_nothing.append(nothing)
        return found + [Reference((), [text]) for text in said_of_nothing]

    def _several(self) -> Optional[Tuple[Tuple[int, ...], Group]]:
        """Describe what several shapes have in common, or two of them."""
        for _ in range(TRIES_PER_EXPRESSION if len(self.referable) > 1 else 0):
            if self.rng.random() < IN_COMMON:
                found = self._in_common(self.rng.choice(self.referable))
            else:
                found = self._one_by_one(self.rng.sample(self.referable, 2))
            if found is not None and all(map(_is_said, found[1].descriptions)):
                return found
        return None

    def _one_by_one(self, chosen: List[int]) -> Optional[Tuple[Tuple[int, ...], Group]]:
        descriptions = [self.single.describe(index) for index in chosen]
        if any(self.judge.described(one).referent != index for one, index in zip(descriptions, chosen)):
            return None
        return tuple(sorted(chosen)), Group(tuple(descriptions), self.rng.choice(('{t}', 'the {t}')))

    def _in_common(self, index: int) -> Optional[Tuple[Tuple[int, ...], Group]]:
        description = self.single.describe(index)
        match = self.judge.described(description)
        targets = tuple(i for i in range(len(self.judge.scene.shapes)) if match.sure >> i & 1)
        if match.sure != match.possible or len(targets) < 2 or not set(targets) <= set(self.referable):
            return None
        forms = [*_PLURAL_FORMS, *(f'{number} {{t}}' for number in _NUMBERS.get(len(targets), ()))]
        return targets, Group((description,), self.rng.choice(forms))

    def _none(self, template: Union[Expression, Group]) -> Optional[str]:
        """Make an attribute of ``template`` wrong (in each description), so that no shape fits."""
        if isinstance(template, Group):
            wrong = [self._wrong(description) for description in template.descriptions]
            return None if None in wrong else self._say(template._replace(descriptions=tuple(wrong)))
        target = self._wrong(template.target)
        return None if target is None else say(template._replace(target=target), self.rng)

    def _wrong(self, description: Description) -> Optional[Description]:
        weights = {name: weight for name, weight in WRONG.items() if getattr(description, name)}
        for _ in range(2 * TRIES_PER_EXPRESSION):
            name, = self.rng.choices(list(weights), list(weights.values()))
            values = self.values[name]
            if self.rng.random() < FROM_THE_SCENE:
                values = sorted({getattr(shape, name) for shape in self.judge.scene.shapes})
            changed = description._replace(**{name: self.rng.choice(values)})
            if not self.judge.described(changed).possible and self._may_be_named(changed):
                return changed
        return None

    def _may_be_named(self, description: Description) -> bool:
        if self.split == 'testA' and description.kind not in (None, *ROUND_KINDS):
            return False
        if not description.kind or not description.colour:
            return True
        return (self.split == 'testB') == ((description.kind, description.colour) in HELD_OUT)

    def _say(self, group: Group) -> str:
        words = [describe(description, self.rng) for description in group.descriptions]
        if len(words) > 1:
            return ' and '.join(group.form.format(t=word) for word in words)
        *words, noun = words[0].split()
        return group.form.format(t=' '.join([*words, _PLURALS[noun]]))


def count_reference(counts: Counter, reference: Reference) -> None:
    """Add one reference to the statistics: ``expressions``, ``words``, ``targets none|one|several``."""
    name = ('none', 'one', 'several')[min(len(reference.targets), 2)]
    counts['expressions'] += len(reference.texts)
    counts['words'] += sum(text.count(' ') + 1 for text in reference.texts)
    counts[f'targets {name}'] += len(reference.texts)


def _is_said(description: Description) -> bool:
    """Whether it names the colour and something else: one may be wrong, and the other is true of a shape."""
    return description.colour is not None and bool(description.kind or description.texture)
