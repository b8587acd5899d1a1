"""Per-expression results in a file."""

import csv
import json
from typing import Dict, Iterable, Iterator, Sequence

import numpy as np

from mmrefseg.utils.whole_file import whole_file

# What every file says of an expression; the columns of a metric's values follow.
COLUMNS = ('img_path', 'image_id', 'ref_id', 'sent_id', 'expression')
SUFFIXES = ('.csv', '.jsonl')


def dump_rows(entries: Sequence[dict], values: Dict[str, np.ndarray]) -> Iterator[dict]:
    """The lines of the file.

    Args:
        entries (Sequence[dict]): One a sample, see :class:`~mmrefseg.evaluation.base_ref_metric.BaseRefMetric`.
        values (dict[str, np.ndarray]): (N,) each, for the expressions of all entries one after the other.

    Yields:
        dict: Of an expression.
    """
    columns = zip(*(value.tolist() for value in values.values()))
    for entry in entries:
        for i, expression in enumerate(entry['expressions']):
            yield dict(
                img_path=entry['img_path'], image_id=entry['image_id'], ref_id=entry['ref_ids'][i],
                sent_id=entry['sent_ids'][i], expression=expression, **dict(zip(values, next(columns))))


def write_expressions(path: str, rows: Iterable[dict], columns: Sequence) -> None:
    """Write one line an expression, atomically: an interrupted write leaves no half file.

    Args:
        path (str): A ``.csv`` (with a header) or ``.jsonl`` file, UTF-8. Its folder is made.
        rows (Iterable[dict]): Values of :data:`COLUMNS` and of ``columns``; None is an empty cell in CSV.
        columns (Sequence[str]): Names of the metric's values.

    Raises:
        OSError: The file cannot be written.
    """
    with whole_file(path) as part, open(part, 'w', encoding='utf-8', newline='') as file:
        if path.endswith('.csv'):
            writer = csv.DictWriter(file, (*COLUMNS, *columns))
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(json.dumps(row, ensure_ascii=False) + '\n' for row in rows)
