"""Rules that bring official names under ours."""

import re
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from torch import Tensor

#: (pattern of the official name, ours), or (pattern, ours, what becomes of the weight).
Rule = Tuple


def rename(weights: Dict[str, Tensor], rules: Sequence[Rule]) -> Tuple[Dict[str, Tensor], List[str]]:
    """Rename weights by the first rule whose pattern is the whole name.

    Args:
        weights (dict): By official names.
        rules (Sequence[tuple]): ``(pattern, ours)`` with ``ours`` as of ``re.Match.expand``, or a third entry, a
            function of the weight.

    Returns:
        tuple: The weights that have a rule, under our names, and the names that have none.
    """
    compiled = [(re.compile(rule[0]), *rule[1:]) for rule in rules]
    renamed, unknown = {}, []
    for name, value in weights.items():
        match, rule = next(((match, rule) for rule in compiled if (match := rule[0].fullmatch(name))), (None, None))
        if match is None:
            unknown.append(name)
            continue
        change: Optional[Callable] = rule[2] if len(rule) > 2 else None
        renamed[match.expand(rule[1])] = value if change is None else change(value)
    return renamed, unknown


def below(weights: Dict[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """The weights whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def prefixed(weights: Dict[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """The same weights with ``prefix`` before their names."""
    return {prefix + name: value for name, value in weights.items()}
