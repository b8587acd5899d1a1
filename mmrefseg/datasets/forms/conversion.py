"""From a source of any form to a list with its images and masks: streamed, resumable, whole at its end."""

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Set

from mmrefseg.errors import RefDataError
from mmrefseg.utils.whole_file import whole_file

from ..file_names import check_name
from ..image_header import read_header
from .form import FormRow


@dataclass
class Counts:
    """Counts of a split.

    Attributes:
        refs: Rows of the source, which are masks with what is said of them.
        sentences: Of all rows.
        images: Names of images.
        missing: Those of them that are not there.
    """

    refs: int = 0
    sentences: int = 0
    images: Set[str] = field(default_factory=set)
    missing: Set[str] = field(default_factory=set)


def count_rows(rows: Iterable[FormRow], images: Optional[Path], default_split: str) -> Dict[str, Counts]:
    """Count a source's rows, and look for their images.

    Args:
        rows (Iterable[FormRow]): The rows.
        images (Path, optional): Folder of the images; None: not looked for.
        default_split (str): Split of rows that state none.

    Returns:
        dict[str, Counts]: By split.
    """
    splits: Dict[str, Counts] = {}
    known: Dict[str, bool] = {}
    for row in rows:
        counts = splits.setdefault(row.split or default_split, Counts())
        counts.refs += 1
        counts.sentences += len(row.expressions)
        counts.images.add(row.image)
        if row.content is None and images is not None:
            if row.image not in known:
                check_name(row.image, 'an image:')
                known[row.image] = (images / row.image).is_file()
            if not known[row.image]:
                counts.missing.add(row.image)
    return splits


def write_list(rows: Iterable[FormRow], path: Path, images: Path, masks: Path, default_split: str,
               values: Optional[dict] = None) -> Counter:
    """Write a list, and the images and masks that lie inside the source; those that are there already stay.

    Args:
        rows (Iterable[FormRow]): The rows.
        path (Path): The list, a ``.jsonl``; it is there only when all of it is.
        images (Path): Where images of the source go.
        masks (Path): Where masks of the source go.
        default_split (str): Split of rows that state none.
        values (dict, optional): ``foreground`` and ``ignore`` of rows that name a mask file and state none, or None.

    Returns:
        Counter: How many ``rows``, ``sentences``, ``images`` and ``masks`` were written.

    Raises:
        RefDataError: A name leads out of its folder; an image or mask is none, or another one of its name came before.
        OSError: Something cannot be written.
    """
    done = Counter()
    sizes: Dict[Path, int] = {}
    with whole_file(path) as part, open(part, 'w', encoding='utf-8') as file:
        for row in rows:
            if row.content is not None:
                done['images'] += _write_content(images, row.image, row.content, sizes, 'an image')
            if row.mask_content is not None:
                done['masks'] += _write_content(masks, row.mask, row.mask_content, sizes, 'a mask')
            file.write(json.dumps(_entry(row, default_split, values or {})) + '\n')
            done['rows'] += 1
            done['sentences'] += len(row.expressions)
    if not done['rows']:
        path.unlink()
        raise RefDataError('the source has no rows')
    return done


def _entry(row: FormRow, default_split: str, values: dict) -> dict:
    entry = dict(image=row.image, expression=row.expressions, mask=row.mask, split=row.split or default_split)
    for key in ('foreground', 'ref_id'):
        if getattr(row, key) is not None:
            entry[key] = getattr(row, key)
    if row.ignore:
        entry['ignore'] = row.ignore
    if isinstance(row.mask, str):
        entry = {key: value for key, value in values.items() if value is not None} | entry
    return entry


def _write_content(folder: Path, name: str, content: bytes, sizes: Dict[Path, int], what: str) -> bool:
    """Write a file of the source, unless it is there; returns whether."""
    check_name(name, f'{what}:')
    path = folder / name
    if path in sizes:
        if sizes[path] != len(content):
            raise RefDataError(f'{what} {name} stands in the source as different ones')
        return False
    read_header(content, f'{what} {name}')
    sizes[path] = len(content)
    if path.is_file() and os.path.getsize(path) == len(content):
        return False
    with whole_file(path, wanted=len(content), one_of_many=True) as part:
        Path(part).write_bytes(content)
    return True


def shown_progress(rows: Iterable[FormRow], every: int, report) -> Iterator[FormRow]:
    """Pass rows on, and report how many there were now and then."""
    for number, row in enumerate(rows, 1):
        if number % every == 0:
            report(number)
        yield row


def published(name: str, classes: List[type]) -> Dict[str, List[str]]:
    """The published sizes of a set of this name.

    Args:
        name (str): What the source is called, with its folders.
        classes (list[type]): Data sets with ``FOLDER`` and ``SIZES``.

    Returns:
        dict[str, list[str]]: By split, one text a partition: '42404 refs, 120624 sentences (unc)'.
    """
    plain = name.lower().replace('plus', '+')
    found: Dict[str, List[str]] = {}
    fitting = [one for one in classes if one.FOLDER in plain]
    for dataset in sorted(fitting, key=lambda one: len(one.FOLDER))[-1:]:
        for (by, split), size in dataset.SIZES.items():
            if size.refs is not None:
                said = f', {size.expressions} sentences' if size.expressions is not None else ''
                found.setdefault(split, []).append(f'{size.refs} refs{said} ({by})')
    return found
