"""Exceptions that mmrefseg raises for files it cannot use."""

import reprlib
from typing import Any, Sequence


class RefDataError(ValueError):
    """A referring-segmentation dataset, image, mask or expression is unusable.

    The message says what was found, what was expected and where: the file and, when there is one,
    the ref id. ``on_error='skip'`` of :class:`mmrefseg.datasets.ReferDataset` turns it into a
    counted report.
    """


class CheckpointError(ValueError):
    """A checkpoint cannot be read, is not what was expected, or does not fit the model.

    The message names the file, what was found and what was expected.
    """


def first_lines(lines: Sequence, count: int = 10) -> str:
    """str: The first ``count`` of some reasons, each on an indented line of its own, and how many more there are."""
    more = f'\n  … and {len(lines) - count} more' if len(lines) > count else ''
    return '\n  ' + '\n  '.join(lines[:count]) + more


def shown(value: Any, length: int = 60) -> str:
    """str: Some value for a message, short: one that came with a file may be huge, or hold itself many times over."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = length
    short.maxlevel = 3
    text = short.repr(value)
    return text if len(text) <= length else f'{text[:length - 1]}…'
