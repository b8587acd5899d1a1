"""Turn a list of pictures, masks and expressions into the refer format: instances.json and refs(<by>).p.

    python tools/dataset_converters/triplets_to_refer.py data/my_set/list.jsonl data/my_refer \\
        --img-dir data/my_set/images --mask-dir data/my_set/masks

A name with {split} stands for the lists of --splits: 'data/my_set/{split}.csv' --splits train val. With --allow-empty
the refs are written as grefs(<by>).json, as gRefCOCO has them: the other form has no expression without a target.
Either everything is right and written, or nothing is written. Pictures stay where they are. All refs of a folder share
its instances.json: a folder with refs of another name is refused.
"""

import argparse
import itertools
import json
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from pycocotools import mask as coco_mask

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets.masks.decode import decode_segmentation
from mmrefseg.datasets.masks.files import encode_mask
from mmrefseg.datasets.triplet_list_dataset import PATTERN
from mmrefseg.datasets.triplets.reader import Picture, TripletList, Triplets, read_triplets
from mmrefseg.datasets.triplets.rows import FIELDS
from mmrefseg.errors import RefDataError, first_lines
from mmrefseg.utils.whole_folder import restore, write_together


def convert(lists: Dict[str, TripletList]) -> Tuple[dict, List[dict]]:
    """Bring lists into the refer format; pictures of the same name are one.

    Args:
        lists (dict[str, TripletList]): By the split of the rows that state none.

    Returns:
        tuple[dict, list[dict]]: What ``instances.json`` holds, and the refs; ``ann_id`` is [-1] in those without a
        target. The refs keep their ids, but are numbered from 0 where two lists have the same.

    Raises:
        RefDataError: A list or rows of it are not as they should be, or rows have no split.
    """
    images, annotations, refs = {}, [], []
    for split, triplets in lists.items():
        found = read_triplets(triplets)
        _check(found, triplets.path, split)
        ann_ids, image_ids = {}, {}
        for number, picture in found.pictures.items():
            image = images.setdefault(picture.file_name, picture._replace(id=len(images))._asdict())
            image_ids[number] = image['id']
        for ref in found.refs:
            number = ref['ann_id']
            if isinstance(number, int) and number not in ann_ids:
                ann_ids[number] = len(annotations)
                annotations.append(_annotation(found.segmentations[number], found.pictures[ref['image_id']],
                                               id=len(annotations), image_id=image_ids[ref['image_id']]))
            del ref['lines']
            refs.append(dict(ref, split=ref['split'] or split, image_id=image_ids[ref['image_id']],
                             ann_id=ann_ids[number] if isinstance(number, int) else number))
    _number(refs)
    return dict(images=list(images.values()), annotations=annotations, categories=[dict(id=1, name='object')]), refs


def _check(found: Triplets, path: str, split: str) -> None:
    problems = [f'line {found.refs[row]["lines"][0]}: {reason}' for row, reason in found.problems.items()]
    for ref in found.refs:
        if not (ref['split'] or split):
            problems.append(f'line {ref["lines"][0]}: it has no split: give --splits NAME, or the column')
        problems += [f'line {line}: its expression is empty' for line, sentence in zip(ref['lines'], ref['sentences'])
                     if not sentence['raw'].strip()]
    if problems:
        raise RefDataError(f'{path}: {len(problems)} unusable:{first_lines(problems)}')


def _annotation(segmentation, picture: Picture, **ids) -> dict:
    rle = encode_mask(decode_segmentation(segmentation, height=picture.height, width=picture.width))
    return dict(ids, category_id=1, iscrowd=0, segmentation=segmentation, area=int(coco_mask.area(rle)),
                bbox=coco_mask.toBbox(rle).tolist())


def _number(refs: List[dict]) -> None:
    if len({ref['ref_id'] for ref in refs}) < len(refs):
        for number, ref in enumerate(refs):
            ref['ref_id'] = number
    sent_ids = itertools.count()
    for ref in refs:
        for sentence in ref['sentences']:
            sentence['sent_id'] = next(sent_ids)
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


def parse_args(arguments: Optional[Sequence] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('list', help='.json, .jsonl, .csv, .tsv or .txt; may hold {split}')
    parser.add_argument('out_dir', type=Path, help='where instances.json and the refs go')
    parser.add_argument('--img-dir', default='', help='folder that names of pictures are relative to')
    parser.add_argument('--mask-dir', default='', help='folder that names of masks are relative to')
    parser.add_argument('--img-suffix', default='', help='ending of the names of pictures')
    parser.add_argument('--mask-suffix', default='.png', help='ending of masks that have the name of their picture')
    parser.add_argument('--foreground', type=int, nargs='+', help='values of mask files that are the object; default: '
                        'all but 0')
    parser.add_argument('--columns', nargs='+', default=[], metavar='FIELD=NAME',
                        help=f'other names in the list of: {", ".join(FIELDS)}')
    parser.add_argument('--allow-empty', action='store_true', help='expressions may have no target')
    parser.add_argument('--split-by', default='unc', help='what stands in the name of the file of refs')
    parser.add_argument('--splits', nargs='+', help='the {split} of the list; or, one name, that of rows without')
    parser.add_argument('--overwrite', action='store_true', help='replace files of the same names in OUT_DIR')
    args = parser.parse_args(arguments)
    if PATTERN in args.list and not args.splits:
        parser.error(f'{args.list} needs --splits')
    if PATTERN not in args.list and len(args.splits or '') > 1:
        parser.error(f'--splits has {len(args.splits)} names, but {args.list} is one list')
    if not all('=' in column for column in args.columns):
        parser.error(f'--columns {" ".join(args.columns)}: expected FIELD=NAME')
    return args


def main(arguments: Optional[Sequence] = None) -> None:
    """Run the tool with the ``arguments`` of the command line."""
    args = parse_args(arguments)
    options = dict(
        picture_dir=args.img_dir, mask_dir=args.mask_dir, columns=dict(column.split('=', 1) for column in args.columns),
        img_suffix=args.img_suffix, mask_suffix=args.mask_suffix, foreground=args.foreground,
        allow_empty=args.allow_empty)
    lists = {split: TripletList(path=args.list.replace(PATTERN, split), **options) for split in args.splits or ['']}
    try:
        instances, refs = convert(lists)
        if args.allow_empty:
            name, content = f'grefs({args.split_by}).json', json.dumps(
                [dict(ref, ann_id=ref['ann_id'] if isinstance(ref['ann_id'], list) else [ref['ann_id']])
                 for ref in refs]).encode()
        else:
            name, content = f'refs({args.split_by}).p', pickle.dumps(refs, protocol=2)
        write(args.out_dir, {'instances.json': json.dumps(instances).encode(), name: content}, args.overwrite)
    except (OSError, RefDataError) as error:
        sys.exit(f'triplets_to_refer.py: {error}')
    splits = ', '.join(dict.fromkeys(ref['split'] for ref in refs))
    counts = [len(instances['images']), len(instances['annotations']), len(refs),
              sum(len(ref['sentences']) for ref in refs)]
    print('{}: {} pictures, {} masks, {} refs, {} expressions ({})'.format(args.out_dir, *counts, splits))


if __name__ == '__main__':
    sys.exit(run_command(main))
