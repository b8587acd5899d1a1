"""Reads ``grefs(<split_by>).json``: refs as gRefCOCO has them, with one target, several or none."""

from pathlib import Path
from typing import Any, Tuple, Union

from mmrefseg.errors import shown

from .plain_json import read_json
from .restricted_pickle import check_refs

#: The annotation's id in a ref that has no target.
NO_TARGET = -1


def load_gref_json(path: Union[str, Path]) -> list:
    """Load ``grefs(<split_by>).json``.

    Args:
        path (str | Path): The file.

    Returns:
        list[dict]: Its refs.

    Raises:
        RefDataError: The file is missing, no JSON, or holds something else than a list of dicts.
    """
    refs = read_json(path)
    check_refs(refs, path, 'objects')
    return refs


def read_id(value: Any) -> int:
    """An id, as annotations have it.

    Args:
        value (int | float | str): An integer, in whatever form.

    Returns:
        int: The id.

    Raises:
        ValueError: It is no integer, or none of 64 bits.
        TypeError: It is something else.
    """
    try:
        found = int(value)
    except OverflowError as error:
        raise ValueError(f'an id is {value}, expected an integer') from error
    if isinstance(value, float) and found != value:
        raise ValueError(f'an id is {value}, expected an integer')
    if not -2**63 <= found < 2**63:
        raise ValueError(f'an id is {shown(value)}, expected an integer of at most 64 bits')
    return found


def read_targets(ann_id: Any) -> Union[int, Tuple[int, ...]]:
    """Read the targets of a ref from its ``ann_id``.

    Args:
        ann_id (int | list[int]): An id or a list of ids; :data:`NO_TARGET` alone means that there is no target.

    Returns:
        int | tuple[int]: The id of one target, or the different ids of several; () of none.

    Raises:
        ValueError: The list is empty, or has :data:`NO_TARGET` among other ids.
        TypeError: It is something else.
    """
    ids = tuple(dict.fromkeys(map(read_id, ann_id if isinstance(ann_id, list) else [ann_id])))
    if ids == (NO_TARGET, ):
        return ()
    if not ids or NO_TARGET in ids:
        raise ValueError(f'ann_id is {ann_id}, expected ids of annotations, or [{NO_TARGET}] alone for no target')
    return ids[0] if len(ids) == 1 else ids
