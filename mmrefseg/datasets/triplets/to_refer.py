"""Lists in the refer format: what ``instances.json`` and the file of refs hold, and how both are written."""

import itertools
import json
import pickle
from pathlib import Path
from typing import Dict, List, Tuple

from pycocotools import mask as coco_mask

from mmrefseg.errors import RefDataError, first_lines
from mmrefseg.utils.whole_folder import restore, write_together

from ..masks.decode import decode_segmentation
from ..masks.files import encode_mask
from .cells import place
from .listed_ref import in_refer_format
from .reader import ListedImage, TripletList, Triplets, read_triplets


def convert(lists: Dict[str, TripletList]) -> Tuple[dict, List[dict]]:
    """Bring lists into the refer format; images of the same name are one.

    Args:
        lists (dict[str, TripletList]): By the split of the rows that state none.

    Returns:
        tuple[dict, list[dict]]: What ``instances.json`` holds, and the refs; ``ann_id`` is [-1] in those without a
        target and without pixels to ignore, which are ``ignored_segmentation`` of annotations. The
        refs keep their ids, but are numbered from 0 where two lists have the same.

    Raises:
        RefDataError: A list or rows of it are not as they should be, or rows have no split.
    """
    images, annotations, refs = {}, [], []
    for split, triplets in lists.items():
        found = read_triplets(triplets)
        _check(found, triplets.path, split)
        ann_ids, image_ids = {}, {}
        for number, listed in found.images.items():
            image = images.setdefault(listed.file_name, listed._replace(id=len(images))._asdict())
            image_ids[number] = image['id']
        for ref in in_refer_format(found.refs):
            number = ref['ann_id']
            if isinstance(number, int) and number not in ann_ids:
                ann_ids[number] = len(annotations)
                annotation = _annotation(json.loads(found.segmentations[number]), found.images[ref['image_id']],
                                         id=len(annotations), image_id=image_ids[ref['image_id']])
                if number in found.ignored:
                    annotation['ignored_segmentation'] = json.loads(found.ignored[number])
                annotations.append(annotation)
            refs.append(dict(ref, split=ref['split'] or split, image_id=image_ids[ref['image_id']],
                             ann_id=ann_ids[number] if isinstance(number, int) else number))
    _number(refs)
    return dict(images=list(images.values()), annotations=annotations, categories=[dict(id=1, name='object')]), refs


def _check(found: Triplets, path: str, split: str) -> None:
    problems = [f'{place(found.refs.first_line[row])}: {reason}' for row, reason in found.problems.items()]
    for ref in found.refs:
        if not (ref.split or split):
            problems.append(f'{place(ref.lines[0])}: it has no split: give --splits NAME, or the column')
        problems += [f'{place(line)}: its expression is empty' for line, text in zip(ref.lines, ref.texts)
                     if not text.strip()]
    if problems:
        raise RefDataError(f'{path}: {len(problems)} unusable:{first_lines(problems)}')


def _annotation(segmentation, image: ListedImage, **ids) -> dict:
    if segmentation == []:  # no target, and something to ignore
        return dict(ids, category_id=1, iscrowd=0, segmentation=[], area=0, bbox=[0., 0., 0., 0.])
    rle = encode_mask(decode_segmentation(segmentation, height=image.height, width=image.width))
    return dict(ids, category_id=1, iscrowd=0, segmentation=segmentation, area=int(coco_mask.area(rle)),
                bbox=coco_mask.toBbox(rle).tolist())


def _number(refs: List[dict]) -> None:
    if len({ref['ref_id'] for ref in refs}) < len(refs):
        for number, ref in enumerate(refs):
            ref['ref_id'] = number
    sent_ids = itertools.count()
    for ref in refs:
        for sentence in ref['sentences']:
            sentence.update(sent_id=next(sent_ids), tokens=sentence['sent'].split())
        ref['sent_ids'] = [sentence['sent_id'] for sentence in ref['sentences']]


def write(out_dir: Path, files: Dict[str, bytes], overwrite: bool) -> None:
    """Write files, all or none; they take their places when all of them are complete.

    Args:
        out_dir (Path): Their folder.
        files (dict[str, bytes]): By name.
        overwrite (bool): Whether they may replace others.

    Raises:
        FileExistsError: There are others, and they must not be replaced; or there are refs of another name, which go
            with the ``instances.json`` that is there.
    """
    restore(out_dir)
    others = sorted(path.name for pattern in ('refs(*).p', 'grefs(*).json') for path in out_dir.glob(pattern)
                    if path.name not in files)
    if others:
        raise FileExistsError(f'{out_dir} has {", ".join(others)}, which would be left with the instances.json of '
                              'others: remove that first, or choose another folder')
    found = [name for name in files if (out_dir / name).exists()]
    if found and not overwrite:
        raise FileExistsError(f'{out_dir} has {", ".join(found)} already; --overwrite replaces them')
    write_together(out_dir, files)


def refer_files(instances: dict, refs: List[dict], split_by: str, allow_empty: bool = False) -> Dict[str, bytes]:
    """The two files of the refer format.

    Args:
        instances (dict): As :func:`convert` gives it.
        refs (list[dict]): As :func:`convert` gives them.
        split_by (str): What stands in the name of the file of refs.
        allow_empty (bool): Whether refs may have no target: they are written as gRefCOCO has them. Defaults to False.

    Returns:
        dict[str, bytes]: Their contents by name.
    """
    if allow_empty:
        name, content = f'grefs({split_by}).json', json.dumps(
            [dict(ref, ann_id=ref['ann_id'] if isinstance(ref['ann_id'], list) else [ref['ann_id']])
             for ref in refs]).encode()
    else:
        name, content = f'refs({split_by}).p', pickle.dumps(refs, protocol=2)
    return {'instances.json': json.dumps(instances).encode(), name: content}
