"""Groups of expressions by their number of words."""

from typing import List, Sequence, Tuple, Union

LengthGroups = List[Tuple[int, int]]

# The groups of S²RM's Table III: numbers of words, both ends included.
LENGTH_GROUPS = {
    'refcoco': [(1, 2), (3, 3), (4, 5), (6, 20)],
    'refcoco+': [(1, 2), (3, 3), (4, 5), (6, 20)],
    'refcocog': [(1, 5), (6, 7), (8, 10), (11, 20)],
    'referit': [(1, 1), (2, 2), (3, 4), (5, 20)],
}


def parse_length_groups(groups: Union[None, str, Sequence]) -> LengthGroups:
    """Read ``length_groups`` of a config.

    Args:
        groups (str or Sequence, optional): A key of :data:`LENGTH_GROUPS`, or pairs (low, high) of
            numbers of words, both included; None is no group.

    Returns:
        list[tuple[int, int]]: The groups.

    Raises:
        ValueError: There is no such key, or a group is not a pair 1 <= low <= high.
    """
    if groups is None:
        return []
    if isinstance(groups, str):
        if groups not in LENGTH_GROUPS:
            raise ValueError(
                f'there are no length groups {groups!r}; there are {sorted(LENGTH_GROUPS)}, or give '
                'pairs (low, high) of numbers of words')
        return list(LENGTH_GROUPS[groups])
    for group in groups:
        if (not isinstance(group, (tuple, list)) or len(group) != 2
                or not all(isinstance(bound, int) for bound in group)
                or not 1 <= group[0] <= group[1]):
            raise ValueError(f'a length group is {group!r}, expected a pair (low, high) of numbers of '
                             'words with 1 <= low <= high')
    return [tuple(group) for group in groups]


def count_words(expression: str) -> int:
    """Number of words of an expression, split at white space."""
    return len(expression.split())


def group_name(group: Tuple[int, int]) -> str:
    """How a group is printed: '1-2', or '3' if both ends are the same."""
    low, high = group
    return str(low) if low == high else f'{low}-{high}'
