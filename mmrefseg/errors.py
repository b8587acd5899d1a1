"""The one exception mmrefseg raises for data it cannot use."""

from typing import Sequence


class RefDataError(ValueError):
    """A referring-segmentation dataset, picture, mask or expression is unusable.

    The message says what was found, what was expected and where: the file and, when there is one,
    the ref id. ``on_error='skip'`` of :class:`mmrefseg.datasets.ReferDataset` turns it into a
    counted report.
    """


def first_lines(lines: Sequence, count: int = 10) -> str:
    """str: The first ``count`` of some reasons, each on an indented line of its own, and how many more there are."""
    more = f'\n  … and {len(lines) - count} more' if len(lines) > count else ''
    return '\n  ' + '\n  '.join(lines[:count]) + more
