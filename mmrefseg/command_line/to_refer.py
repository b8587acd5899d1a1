"""Data of any form that is around, in the refer format: ``python -m mmrefseg to-refer SOURCE DESTINATION``."""

import argparse
import os
import sys
from pathlib import Path
from typing import Optional, Sequence

from prettytable import PrettyTable

from mmrefseg.datasets import GRefCOCODataset, RefCOCODataset, RefCOCOgDataset, RefCOCOPlusDataset
from mmrefseg.datasets.forms import FORMS, Source, recognise
from mmrefseg.datasets.forms.conversion import count_rows, published, shown_progress, write_list
from mmrefseg.datasets.triplets.reader import TripletList
from mmrefseg.datasets.triplets.to_refer import convert, refer_files, write

PUBLISHED = [RefCOCODataset, RefCOCOPlusDataset, RefCOCOgDataset, GRefCOCODataset]


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """Parse the command line."""
    forms = '; '.join(f'{form.name}: {form.title}' for form in FORMS.values())
    parser = argparse.ArgumentParser(
        prog=prog, description='Bring a data set of any form that is around into the refer format, or a list. It is '
        f'recognised by its content: {forms}. Nothing takes its place before all is right; images and masks inside the '
        'source are written out, and those that are there already stay: it goes on where it was stopped.')
    parser.add_argument('source', type=Path, help='a file or a folder')
    parser.add_argument('destination', type=Path, help='folder for instances.json and the refs, or list.jsonl')
    parser.add_argument('--images', type=Path, help='folder of the images; default: DESTINATION/images where they lie '
                        'inside the source, else the folder of the source')
    parser.add_argument('--masks', type=Path, help='folder of mask files; default: where the form has them')
    parser.add_argument('--form', choices=list(FORMS), help='default: recognised')
    parser.add_argument('--columns', nargs='+', default=[], metavar='FIELD=NAME',
                        help='image, expression, mask, split of a source with other names')
    parser.add_argument('--to', choices=('refer', 'list'), default='refer', help='what to write; default: %(default)s')
    parser.add_argument('--split', default='train', help='of rows that state none; default: %(default)s')
    parser.add_argument('--split-by', default='unc', help='what stands in the name of the file of refs')
    parser.add_argument('--foreground', type=int, nargs='+', help='values of mask files that are the object')
    parser.add_argument('--ignore', type=int, help='value of mask files of pixels that count nowhere')
    parser.add_argument('--allow-empty', action='store_true', help='expressions may have no target')
    parser.add_argument('--overwrite', action='store_true', help='replace files of the same names in DESTINATION')
    parser.add_argument('--dry-run', action='store_true', help='say what would be done, and count')
    args = parser.parse_args(arguments)
    if not all('=' in column for column in args.columns):
        parser.error(f'--columns {" ".join(args.columns)}: expected FIELD=NAME')
    return args


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Convert, report.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments, prog)
    form = recognise(args.source, args.form)
    masks = args.masks or form.masks(args.source)
    source = Source(args.source, masks, dict(column.split('=', 1) for column in args.columns))
    beside = args.source if args.source.is_dir() else args.source.parent
    print(f'{args.source} is {form.title}: to {args.to} in {args.destination}', flush=True)
    if args.dry_run:
        print_counts(count_rows(form.read(source), args.images or beside, args.split), str(args.source.resolve()))
        return 0

    def report(number: int) -> None:
        if sys.stderr.isatty():
            print(f'\r{number} rows', end='', file=sys.stderr, flush=True)

    path, final = args.destination / f'.to_refer({args.split_by}).jsonl', args.destination / 'list.jsonl'
    if args.to == 'list' and final.exists() and not args.overwrite:
        raise FileExistsError(f'{final} is there already; --overwrite replaces it')
    inside = args.destination / 'masks'
    try:
        rows = shown_progress(form.read(source), 1000, report)
        done = write_list(rows, path, args.images or args.destination / 'images', inside, args.split,
                          dict(foreground=args.foreground, ignore=args.ignore))
        images = args.images or (args.destination / 'images' if done['images'] or any(
            (args.destination / 'images').glob('*')) else beside)
        masks = inside if inside.is_dir() else masks or beside
        triplets = TripletList(path=str(path), image_dir=str(images), mask_dir=str(masks), allow_empty=args.allow_empty)
        instances, refs = convert({args.split: triplets})  # checks all of a list, too
        if args.to == 'list':
            os.replace(path, final)
        else:
            write(args.destination, refer_files(instances, refs, args.split_by, args.allow_empty), args.overwrite)
    finally:
        path.unlink(missing_ok=True)
    splits = ', '.join(dict.fromkeys(ref['split'] for ref in refs))
    print(f'{final if args.to == "list" else args.destination}: {len(instances["images"])} images, '
          f'{len(instances["annotations"])} masks, {len(refs)} refs, '
          f'{sum(len(ref["sentences"]) for ref in refs)} sentences ({splits}); images in {images}')
    ignoring = sum('ignored_segmentation' in annotation for annotation in instances['annotations'])
    if ignoring and args.to == 'refer':
        print(f'{ignoring} masks have pixels to ignore: ignored_segmentation of their annotations, which is read by '
              'mmrefseg, and unknown to other code')
    return 0


def print_counts(splits: dict, name: str) -> None:
    """Print what a source has, split by split, beside what was published of a set of its name."""
    sizes = published(name, PUBLISHED)
    table = PrettyTable(['split', 'refs', 'sentences', 'images', 'images missing', 'published'], align='l')
    for split, counts in splits.items():
        table.add_row([split, counts.refs, counts.sentences, len(counts.images), len(counts.missing),
                       ' or '.join(sizes.get(split, ['not known']))])
    print(table)
