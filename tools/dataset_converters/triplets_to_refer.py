"""Turn a list of images, masks and expressions into the refer format: instances.json and refs(<by>).p.

    python tools/dataset_converters/triplets_to_refer.py data/my_set/list.jsonl data/my_refer \\
        --img-dir data/my_set/images --mask-dir data/my_set/masks

A name with {split} stands for the lists of --splits: 'data/my_set/{split}.csv' --splits train val. With --allow-empty
the refs are written as grefs(<by>).json, as gRefCOCO has them: the other form has no expression without a target.
Either everything is right and written, or nothing is written. Images stay where they are. All refs of a folder share
its instances.json: a folder with refs of another name is refused.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets.triplet_list_dataset import PATTERN
from mmrefseg.datasets.triplets.cells import FIELDS
from mmrefseg.datasets.triplets.reader import TripletList
from mmrefseg.datasets.triplets.to_refer import convert, refer_files, write
from mmrefseg.errors import RefDataError


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
    parser.add_argument('--ignore', type=int, nargs='+', help='values of mask files of pixels that count nowhere')
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
        image_dir=args.img_dir, mask_dir=args.mask_dir, columns=dict(column.split('=', 1) for column in args.columns),
        img_suffix=args.img_suffix, mask_suffix=args.mask_suffix, foreground=args.foreground,
        ignore=args.ignore, allow_empty=args.allow_empty)
    lists = {split: TripletList(path=args.list.replace(PATTERN, split), **options) for split in args.splits or ['']}
    try:
        instances, refs = convert(lists)
        write(args.out_dir, refer_files(instances, refs, args.split_by, args.allow_empty), args.overwrite)
    except (OSError, RefDataError) as error:
        sys.exit(f'triplets_to_refer.py: {error}')
    splits = ', '.join(dict.fromkeys(ref['split'] for ref in refs))
    counts = [len(instances['images']), len(instances['annotations']), len(refs),
              sum(len(ref['sentences']) for ref in refs)]
    print('{}: {} pictures, {} masks, {} refs, {} expressions ({})'.format(args.out_dir, *counts, splits))


if __name__ == '__main__':
    sys.exit(run_command(main))
