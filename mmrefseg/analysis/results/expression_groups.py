"""How well a model does on which expressions."""

import re
from typing import Dict, List, Sequence, Tuple

import numpy as np

from mmrefseg.evaluation.length_groups import LengthGroups, count_words, group_name
from mmrefseg.evaluation.scores import mean_iou, overall_iou, precision_at

from .expression_table import ExpressionResult

# Shares of the image that bound the groups of size.
SIZES = (0.01, 0.03, 0.1, 0.3)
# Words as people type them in RefCOCO; 'right' and 'left' have a few other meanings, which are rare.
POSITIONS = {
    'left': r'left\w*|lft|lhs',
    'right': r'right(?:most|hand|side)?|rght|rhs',
    'top': r'top\w*|up|upper\w*|above|over|high\w*',
    'bottom': r'bottom\w*|lower\w*|lowest|below|under\w*|beneath',
    'middle': r'middle|mid|cent(?:er|re)\w*|between',
    'depth': r'front|back|rear|behind|foreground|background|close\w*|near\w*|far\w*|furthe\w*',
    'counting': r'first|second|third|fourth|fifth|last|[1-5](?:st|nd|rd|th)',
}
Groups = Dict[str, Dict[str, np.ndarray]]


def group_results(expressions: Sequence[ExpressionResult], length_groups: LengthGroups) -> Groups:
    """Divide N expressions in four ways.

    Args:
        expressions (Sequence[ExpressionResult]): N of them.
        length_groups (LengthGroups): Numbers of words.

    Returns:
        dict[str, dict[str, np.ndarray]]: By ``words`` (those of other lengths in ``other``), ``size of the object``,
        ``position words`` (an expression may have several kinds, or ``none``) and ``others of its class``: name of the
        group -> (N,) bool. Groups without expressions are left out; the last way is where it is not known.
    """
    words = np.array([count_words(one.text) for one in expressions])
    sizes = np.array([one.size for one in expressions])
    alike = np.array([one.same_class for one in expressions])
    by_words = {group_name(group): (group[0] <= words) & (words <= group[1]) for group in length_groups}
    by_words['other'] = ~np.any(list(by_words.values()), axis=0)
    bounds = (0, *SIZES, np.inf)
    by_size = {_size_name(low, high): (low <= sizes) & (sizes < high) for low, high in zip(bounds, bounds[1:])}
    by_position = {name: np.array([_has(pattern, one.text) for one in expressions])
                   for name, pattern in POSITIONS.items()}
    by_position['none'] = ~np.any(list(by_position.values()), axis=0)
    by_class = {str(count): alike == count for count in range(3)}
    by_class['3 or more'] = alike >= 3
    ways = {'words': by_words, 'size of the object': by_size, 'position words': by_position,
            'others of its class': by_class}
    filled = {way: {name: members for name, members in groups.items() if members.any()}
              for way, groups in ways.items()}
    return {way: groups for way, groups in filled.items() if groups}


def score(results: Sequence[Tuple[int, int, float]], inclusive: bool, empty: float) -> Dict[str, float]:
    """oIoU, mIoU and P@0.5 in percent.

    Args:
        results (Sequence[tuple]): Intersection, union and IoU (0 to 1) of each expression.
        inclusive (bool): P@0.5 counts an IoU of 0.5.
        empty (float): IoU where prediction and ground truth are both empty.
    """
    intersection, union, iou = (np.array(column) for column in zip(*results))
    return {'oIoU': overall_iou(intersection, union, empty), 'mIoU': mean_iou(iou),
            'P@0.5': precision_at(iou, 0.5, inclusive)}


def score_groups(groups: Groups, results: Dict[str, List[tuple]], inclusive: bool, empty: float) -> dict:
    """The scores of every group for every dump.

    Args:
        groups (Groups): From :func:`group_results`.
        results (dict): Name of the dump -> intersection, union and IoU of each of the N expressions.
        inclusive (bool): See :func:`score`.
        empty (float): See :func:`score`.

    Returns:
        dict: Way -> group -> ``expressions`` (how many) and ``scores`` (name of the dump -> scores), ready for JSON;
        the way ``all`` has the one group ``all``.
    """
    everything = np.ones(len(next(iter(results.values()))), dtype=bool)
    return {
        way: {
            name: dict(expressions=int(members.sum()), scores={
                dump: score([rows[i] for i in np.flatnonzero(members)], inclusive, empty)
                for dump, rows in results.items()})
            for name, members in of_way.items()}
        for way, of_way in {'all': {'all': everything}, **groups}.items()}


def _has(pattern: str, text: str) -> bool:
    return re.search(rf'\b(?:{pattern})\b', text, re.I) is not None


def _size_name(low: float, high: float) -> str:
    if high == np.inf:
        return f'{low:.0%} or more'
    return f'{low:.0%} to {high:.0%}' if low else f'below {high:.0%}'
