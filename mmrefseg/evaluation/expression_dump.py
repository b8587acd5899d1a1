"""Per-expression results in a file."""

import csv
import json
import os
from typing import Iterable

COLUMNS = ('img_path', 'image_id', 'ref_id', 'sent_id', 'expression', 'intersection', 'union', 'iou')
SUFFIXES = ('.csv', '.jsonl')


def write_expressions(path: str, rows: Iterable[dict]) -> None:
    """Write one line an expression, atomically: an interrupted write leaves no half file.

    Args:
        path (str): A ``.csv`` (with a header) or ``.jsonl`` file, UTF-8. Its folder is made.
        rows (Iterable[dict]): Values of :data:`COLUMNS`; None is an empty cell in CSV.

    Raises:
        OSError: The file cannot be written.
    """
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    temporary = f'{path}.{os.getpid()}.tmp'
    try:
        with open(temporary, 'w', encoding='utf-8', newline='') as file:
            if path.endswith('.csv'):
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
            else:
                file.writelines(json.dumps(row, ensure_ascii=False) + '\n' for row in rows)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
