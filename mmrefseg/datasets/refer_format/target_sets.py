"""Refs with several targets, or none, in an index whose refs have one object each."""

import json
from typing import Dict, List, Mapping, Sequence, Tuple, Union

import numpy as np

from .gref_json import NO_TARGET
from .index import SEVERAL_TARGETS

Targets = Union[int, Tuple[int, ...]]


def join_regions(ref_targets: Sequence, ignored: Mapping[int, bytes]) -> Dict[Targets, bytes]:
    """Regions to ignore beside each object, and beside each set of several of them.

    Args:
        ref_targets (Sequence[int | tuple[int]]): As of :func:`join_targets`.
        ignored (Mapping[int, bytes]): By id of an annotation, JSON of polygons, an RLE or several.

    Returns:
        dict: ``ignored``, and by the ids of each set of targets that has some, JSON of those of all of them. One that
        is no JSON list or object is left out of a set's: it is an error of its annotation.
    """
    regions: Dict[Targets, bytes] = dict(ignored)
    for targets in dict.fromkeys(ref_targets) if ignored else ():
        if isinstance(targets, tuple):
            found = [json.loads(ignored[ann_id]) for ann_id in targets if ann_id in ignored]
            parts = [part for region in found for part in (
                [region] if isinstance(region, dict) else region if isinstance(region, list) else [])]
            if parts:
                regions[targets] = json.dumps(parts).encode()
    return regions


def join_targets(ref_targets: Sequence, ann_ids: List[int], objects: Dict[str, np.ndarray],
                 broken: Dict[int, str]) -> Tuple[np.ndarray, List[int]]:
    """Append an object for each different set of targets: its parts are those of all of them.

    The parts point to the coordinates that are there; none are repeated.

    Args:
        ref_targets (Sequence[int | tuple[int]]): R, the id of a ref's annotation, or the ids of several; () of none.
        ann_ids (list[int]): O, the ids of the objects (of one that stands there twice the first counts), with an entry
            added for each set: :data:`SEVERAL_TARGETS`, or :data:`NO_TARGET`, an object without parts.
        objects (dict[str, np.ndarray]): The columns of objects and parts, with rows added.
        broken (dict[int, str]): What is wrong with an object, by its row, with entries added.

    Returns:
        tuple: (R,) int64, the row of each ref's object, -1 if one of its annotations is not there; and (R) the
        annotation that a message about the ref has to name.
    """
    if ref_targets and not any(isinstance(targets, tuple) for targets in ref_targets):  # looked up all at once
        ids, wanted = np.array(ann_ids, np.int64), np.array(ref_targets, np.int64)
        order = np.argsort(ids, kind='stable')  # so that of one that stands there twice the first is found
        found = np.searchsorted(ids, wanted, sorter=order)
        rows = np.append(order, -1)[found]
        return np.where(np.append(ids, 0)[rows] == wanted, rows, -1), list(ref_targets)
    row_of = {ann_id: row for row, ann_id in reversed(list(enumerate(ann_ids)))}  # the first: others come behind
    rows: Dict[Targets, int] = {}
    named: Dict[Targets, int] = {}
    extra, counts = [], []
    for targets in dict.fromkeys(ref_targets):
        members = targets if isinstance(targets, tuple) else (targets, )
        missing = [ann_id for ann_id in members if ann_id not in row_of]
        named[targets] = next(iter((*missing, *members)), NO_TARGET)
        if missing:
            rows[targets] = -1
        elif len(members) == 1:
            rows[targets] = row_of[members[0]]
        else:
            rows[targets] = len(ann_ids)
            parts = [np.arange(*objects['object_parts'][row_of[ann_id]:row_of[ann_id] + 2]) for ann_id in members]
            for ann_id in members:
                if row_of[ann_id] in broken:
                    broken[len(ann_ids)], named[targets] = broken[row_of[ann_id]], ann_id
            extra += parts
            counts.append(sum(map(len, parts)))
            ann_ids.append(SEVERAL_TARGETS if members else NO_TARGET)
    if counts:
        chosen = np.concatenate([np.empty(0, np.int64), *extra])
        for name in ('part_kind', 'part_size', 'part_start', 'part_stop'):
            objects[name] = np.concatenate([objects[name], objects[name][chosen]])
        objects['object_parts'] = np.concatenate(
            [objects['object_parts'], objects['object_parts'][-1] + np.cumsum(counts)])
    ref_object = np.array([rows[targets] for targets in ref_targets], np.int64)
    return ref_object, [named[targets] for targets in ref_targets]
