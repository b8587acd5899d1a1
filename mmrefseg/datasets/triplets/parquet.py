"""Rows of parquet files, a few at a time. Needs pyarrow (``pip install mmrefseg[parquet]``)."""

from typing import Dict, Iterator, List, Tuple

from mmrefseg.errors import RefDataError

from ..file_names import check_regular

#: Rows in memory at a time.
BATCH = 256


def _open(path: str):
    try:
        import pyarrow.parquet as reader
    except ImportError as error:
        raise RefDataError(f'{path} is parquet, for pyarrow: pip install -r requirements/parquet.txt') from error
    try:
        check_regular(path, 'the file')
        return reader.ParquetFile(path, memory_map=True)
    except RefDataError:
        raise
    except Exception as error:  # pyarrow has errors of its own
        raise RefDataError(f'{path} is no readable parquet file: {error}') from error


def parquet_columns(path: str) -> List[str]:
    """list[str]: The columns of a parquet file.

    Raises:
        RefDataError: It cannot be read, or pyarrow is missing.
    """
    return _open(path).schema_arrow.names


def open_parquet(path: str) -> Iterator[Tuple[int, Dict]]:
    """Read a parquet file.

    Args:
        path (str): The file.

    Yields:
        tuple[int, dict]: The number of a row, from 1, and its cells by column.

    Raises:
        RefDataError: It cannot be read, or pyarrow is missing.
    """
    opened, number = _open(path), 0
    try:
        for batch in opened.iter_batches(batch_size=BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except RefDataError:
        raise
    except (OSError, ValueError, MemoryError, NotImplementedError) as error:  # pyarrow's are among these
        raise RefDataError(f'{path}, behind row {number}: {error}') from error
