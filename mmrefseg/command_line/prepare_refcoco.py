"""Check a data folder for RefCOCO, RefCOCO+, RefCOCOg, gRefCOCO or ReferIt; say what is missing, where it is had.

    mmrefseg prepare-refcoco data --datasets refcoco refcoco+ refcocog
    mmrefseg prepare-refcoco data --datasets grefcoco refclef  # gRefCOCO, ReferIt

Nothing is downloaded or changed. The exit status is 0 only if all is right.
"""

import argparse
import os
from collections.abc import Sequence
from typing import Dict, List, Optional

from prettytable import PrettyTable

from mmrefseg.datasets import (
    GRefCOCODataset,
    RefCOCODataset,
    RefCOCOgDataset,
    RefCOCOPlusDataset,
    ReferItDataset,
    read_refer_index,
    refcoco,
    referit,
)
from mmrefseg.datasets.image_files import check_images, find_image_dir
from mmrefseg.datasets.refcoco import SplitSize
from mmrefseg.datasets.refer_format.index import TEXT_FIELDS, ReferIndex
from mmrefseg.errors import RefDataError

REFERIT = ReferItDataset.FOLDER
DATASETS = {
    dataset.FOLDER: dataset
    for dataset in (RefCOCODataset, RefCOCOPlusDataset, RefCOCOgDataset, GRefCOCODataset, ReferItDataset)}
DEFAULT = [dataset.FOLDER for dataset in (RefCOCODataset, RefCOCOPlusDataset, RefCOCOgDataset)]  # what everybody has
COLUMNS = ('dataset', 'by', 'split', 'refs', 'expressions', 'images', 'unusable refs', '')


def check_split(index: ReferIndex, split: str, expected: SplitSize,
                image_dir: Optional[str], skips_silent_refs: bool = False) -> Dict[str, object]:
    """Compare one split with what was published.

    Args:
        index (ReferIndex): The annotations.
        split (str): Name of the split.
        expected (SplitSize): The published numbers.
        image_dir (str, optional): Where the images are; None = nowhere.
        skips_silent_refs (bool): Whether refs without a sentence are as published. Defaults to False.

    Returns:
        dict: ``cells`` (list[str], of the table, from "refs" on) and ``problems`` (list[str]).
    """
    refs = index.refs_of_split(split)
    expressions = index.expressions_of_refs(refs)
    counts = SplitSize(len(refs), len(expressions))
    problems = [
        f'{found} {name} where {published} were published'
        for name, found, published in zip(counts._fields, counts, expected)
        if published not in (None, found)]
    if not len(refs):
        problems.append(f'no refs; the file has the splits {", ".join(index.split_names.tolist())}')
    needed = {row for row in index.ref_image[refs].tolist() if row >= 0}
    bad = {} if image_dir is None else check_images(index, refs, image_dir)
    problems += _summary('image', list(bad.values()))
    broken = dict(zip(index.problem_ref.tolist(), index.problem_text.tolist()))
    silent = refs[index.ref_expressions[refs] == index.ref_expressions[refs + 1]].tolist() if skips_silent_refs else []
    broken = [f'ref {index.ref_id[row]}: {broken[row]}' for row in refs.tolist() if row in broken and row not in silent]
    problems += _summary('ref', broken)
    for field in TEXT_FIELDS:
        blank = expressions[getattr(index, f'{field}_blank')[expressions]]
        problems += _summary('expression', [
            f'sentence {sent_id} of ref {ref_id} has a blank {field!r}'
            for sent_id, ref_id in zip(index.sent_id[blank], index.ref_id[index.expression_ref[blank]])])
    present = 0 if image_dir is None else len(needed) - len(bad)
    cells = [str(found) if published is None else f'{found} of {published}'
             for found, published in zip(counts, expected)]
    return dict(cells=[*cells, f'{present} of {len(needed)}', str(len(broken))], problems=problems)


def _summary(name: str, reasons: List[str]) -> List[str]:
    if not reasons:
        return []
    return [f'{len(reasons)} {name}(s) unusable, the first: {reasons[0]}']


def check(data_root: str, names: Sequence, split_by: Optional[Sequence] = None) -> bool:
    """Check datasets, print a table and what to do.

    Args:
        data_root (str): Root of the data.
        names (Sequence[str]): Folder names of datasets, keys of ``DATASETS``.
        split_by (Sequence[str], optional): Only the splits made by these.

    Returns:
        bool: Whether all is right.
    """
    table, problems = PrettyTable(COLUMNS, align='l'), []
    for name in names:
        dataset, indexes = DATASETS[name], {}
        known = sorted({by for by, _ in dataset.SIZES})
        if split_by and not set(split_by) & set(known):
            problems.append(f'{name} was not checked: it has splits by {" and ".join(known)}, none by '
                            f'{" or ".join(split_by)}. Give others with --split-by, or leave it out of --datasets.')
            continue
        images, volume = (referit, '') if name == REFERIT else (refcoco, ' (13 GB)')
        image_dir = find_image_dir([os.path.join(data_root, path) for path in images.IMAGE_DIRS])
        if image_dir is None:
            problems.append(
                f'pictures: none of the folders {" and ".join(images.IMAGE_DIRS)} is in {data_root}. '
                f'Unpack {images.IMAGES_URL}{volume} into one of them.')
        for (by, split), expected in dataset.SIZES.items():
            if split_by and by not in split_by:
                continue
            result = None
            if by not in indexes:
                files = dataset(ann_dir=os.path.join(data_root, dataset.FOLDER), split_by=by, lazy_init=True)
                try:
                    indexes[by] = read_refer_index(files.instances_file, files.refs_file)
                    if name == REFERIT:
                        indexes[by] = referit.ReferItIndex.from_arrays(indexes[by].to_arrays())
                except RefDataError as error:
                    indexes[by] = None
                    problems.append(f'{name}: {error}. Unpack {dataset.ANNOTATIONS_URL} into '
                                    f'{data_root}.')
            if indexes[by] is not None:
                result = check_split(indexes[by], split, expected, image_dir, dataset.SKIPS_SILENT_REFS)
                problems += [f'{name} {by} {split}: {text}' for text in result['problems']]
            right = result is not None and not result['problems'] and image_dir is not None
            cells = result['cells'] if result else ['missing', '', '', '']
            table.add_row([name, by, split, *cells, 'ok' if right else 'WRONG'])
    print(table.get_string())
    # The same file may be missing for several splits.
    print('\n'.join(f'- {problem}' for problem in dict.fromkeys(problems)) or 'All is right.')
    return not problems


def parse_args(arguments: Optional[Sequence] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog=prog, description=__doc__.split('\n')[0])
    parser.add_argument('data_root', nargs='?', default='data', help='root of the data')
    parser.add_argument('--datasets', nargs='+', choices=sorted(DATASETS),
                        default=DEFAULT,
                        help=f'folders to check ({REFERIT} is ReferIt); default: {" ".join(DEFAULT)}')
    parser.add_argument('--split-by', nargs='+', choices=('unc', 'umd', 'google', 'berkeley'),
                        help='only the splits made by these')
    return parser.parse_args(arguments)


def main(arguments: Optional[Sequence] = None, prog: Optional[str] = None) -> int:
    """Run the check.

    Args:
        arguments (Sequence[str], optional): The command line, ``sys.argv`` by default.
        prog (str, optional): The program's name in its help.

    Returns:
        int: The exit status: 0 if all is right, else 1.
    """
    args = parse_args(arguments, prog)
    return 0 if check(args.data_root, args.datasets, args.split_by) else 1
