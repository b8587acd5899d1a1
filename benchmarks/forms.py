"""Reading 200,000 rows of parquet and of LMDB: time and peak memory beside the same rows as jsonl.

    python benchmarks/forms.py                             # a synthetic set in a temporary folder
    python benchmarks/forms.py --rows 20000 --repeats 1 --out forms.json

Three things are read, each as jsonl first, the baseline of its ratios:

- "list, first" and "list, index": TripletListDataset of rows with an outline of 20 points and a sentence, 20 rows an
  image: the first time, which reads all rows, images' headers and outlines and keeps an index, and from that index.
- "inside": the rows as to-refer takes them, one after the other, with the files of image and mask in the rows: base64
  in the jsonl, bytes in the parquet, pickled records in CRIS' LMDB.

Each measurement has a process of its own. Seconds are the processor's, of all threads, since all files lie in memory
and a busy machine changes these less. "peak" is the resident memory above the imports. Of mapped files (LMDB, the
index) the pages that were touched count there, though the system takes them back when it needs them: "own" is the peak
without files, looked at every 5 ms, and the ratios are those of it (of at least 1 MiB). It is Linux's.
"""

import argparse
import base64
import importlib
import io
import json
import os
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Iterator

import numpy as np
from PIL import Image
from prettytable import PrettyTable

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import TripletListDataset
from mmrefseg.datasets.forms import Source, lmdb, parquet
from mmrefseg.datasets.refer_format.index_cache import CACHE_DIR
from mmrefseg.utils.paired import peak_memory, quartiles, ratio, save

ROWS, ROWS_PER_IMAGE, SIDE, POINTS, PART = 200_000, 20, 64, 20, 1000
MEBIBYTE = 2**20
#: What is read, and the files in which it is; the first is the baseline.
WAYS = {'list, first': ('list.jsonl', 'list.parquet'), 'list, index': ('list.jsonl', 'list.parquet'),
        'inside': ('inside.jsonl', 'inside.parquet', 'train.lmdb')}


def image_file(pixels: np.ndarray, kind: str) -> bytes:
    """bytes: An image's file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def make_rows(count: int, seed: int = 0) -> Iterator[dict]:
    """Rows of a list: the name of an image, an outline, a sentence."""
    generator, angles = np.random.default_rng(seed), np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    for number in range(count):
        x, y, radius = generator.uniform((20, 20, 6), (44, 44, 18))
        outline = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1).round(2)
        yield dict(image=f'{number // ROWS_PER_IMAGE}.jpg', mask=[outline.reshape(-1).tolist()], split='train',
                   expression=f'the {number % 97}th thing that stands left of number {number}')


def make_set(folder: Path, count: int) -> None:
    """Write all files of :data:`WAYS`, and ``images``."""
    import lmdb as database
    import pyarrow
    import pyarrow.parquet as writer
    pixels = np.random.default_rng(0).integers(0, 255, (16, SIDE, SIDE, 3), np.uint8)
    images = [image_file(each, 'JPEG') for each in pixels]
    masks = [image_file((each[..., 0] > 127).astype(np.uint8) * 255, 'PNG') for each in pixels]
    (folder / 'images').mkdir(parents=True)
    for number in range(-(-count // ROWS_PER_IMAGE)):
        (folder / f'images/{number}.jpg').write_bytes(images[number % 16])
    rows = [dict(row, number=number) for number, row in enumerate(make_rows(count))]
    with open(folder / 'list.jsonl', 'w') as file:
        file.writelines(json.dumps({key: row[key] for key in row if key != 'number'}) + '\n' for row in rows)
    writer.write_table(pyarrow.Table.from_pylist(rows).drop_columns('number'), folder / 'list.parquet')
    schema = pyarrow.schema(dict.fromkeys(('image', 'mask'), pyarrow.struct(dict(
        bytes=pyarrow.binary(), path=pyarrow.string()))) | dict(expression=pyarrow.string()))
    opened = database.open(str(folder / 'train.lmdb'), subdir=False, map_size=2**36)
    table = writer.ParquetWriter(folder / 'inside.parquet', schema, compression='none', use_dictionary=False)
    with open(folder / 'inside.jsonl', 'w') as file, opened, table:
        for start in range(0, count, PART):
            chosen = rows[start:start + PART]
            files = [(images[row['number'] % 16], masks[row['number'] % 16]) for row in chosen]
            with opened.begin(write=True) as transaction:
                for row, (image, mask) in zip(chosen, files):
                    transaction.put(str(row['number']).encode(), pickle.dumps(dict(
                        img=image, mask=mask, cat=0, seg_id=row['number'], img_name=row['image'], num_sents=1,
                        sents=[row['expression']])))
            file.writelines(json.dumps(dict(
                image=row['image'], expression=row['expression'], image_bytes=base64.b64encode(image).decode(),
                mask_bytes=base64.b64encode(mask).decode())) + '\n' for row, (image, mask) in zip(chosen, files))
            table.write_table(pyarrow.Table.from_pylist([dict(
                image=dict(bytes=image, path=row['image']), mask=dict(bytes=mask, path=''),
                expression=row['expression'])
                for row, (image, mask) in zip(chosen, files)], schema))


def read_inside(path: Path) -> int:
    """Pass over rows with their files; returns the bytes of these."""
    if path.suffix == '.jsonl':
        with open(path) as file:
            rows = map(json.loads, file)
            return sum(len(base64.b64decode(row[key])) for row in rows for key in ('image_bytes', 'mask_bytes'))
    form, columns = (lmdb, {}) if path.suffix == '.lmdb' else (parquet, dict(
        image='image', expression='expression', mask='mask'))
    return sum(len(row.content) + len(row.mask_content) for row in form.read_rows(Source(path, columns=columns)))


def read(what: str, path: Path) -> int:
    """Read one file; returns how much was found."""
    if what == 'inside':
        return read_inside(path)
    return len(TripletListDataset(str(path), split='train', test_mode=True, sample_by='expression',
                                  data_prefix=dict(img=str(path.parent / 'images'), mask='none')))


def measure(what: str, path: Path) -> dict:
    """Read a file in this process.

    Returns:
        dict: ``seconds``, ``peak`` and ``own`` in MiB, and ``found``, which is the same for all files of one thing.
    """
    if path.suffix != '.jsonl':  # the imports are not measured
        for name in ('lmdb', 'pyarrow.parquet'):
            importlib.import_module(name)
    held = {}

    def run() -> None:
        begin = time.process_time()
        held['found'] = read(what, path)
        held['seconds'] = time.process_time() - begin

    base, own = peak_memory(lambda: None), [own_memory()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            own.append(own_memory())

    thread = threading.Thread(target=watch)
    thread.start()
    peak = peak_memory(run) - base
    over.set()
    thread.join()
    return dict(held, peak=peak / MEBIBYTE, own=max(own) - own[0])


def own_memory() -> float:
    """float: Resident memory of this process that is of no file, in MiB."""
    return int(re.search(r'RssAnon:\s+(\d+) kB', Path('/proc/self/status').read_text()).group(1)) / 1024


def measure_apart(what: str, path: Path, cache_dir: Path) -> dict:
    """:func:`measure` in a process of its own, without an index if this is the first time."""
    if what == 'list, first':
        for index in cache_dir.glob(f'{path.name}*'):
            index.unlink()
    output = subprocess.run(
        [sys.executable, '-W', 'ignore', __file__, '--measure', what, str(path)], check=True, stdout=subprocess.PIPE,
        text=True, env={**os.environ, CACHE_DIR: str(cache_dir)}).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--rows', type=int, default=ROWS)
    parser.add_argument('--repeats', type=int, default=3, help='rounds')
    parser.add_argument('--out', type=Path, help='write the measurements to this .json file')
    parser.add_argument('--measure', nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure[0], Path(args.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache_dir = Path(temporary) / 'set', Path(temporary) / 'cache'
        make_set(folder, args.rows)
        rounds = [{what: {name: measure_apart(what, folder / name, cache_dir) for name in names}
                   for what, names in WAYS.items()} for _ in range(args.repeats)]
        sizes = {name: (folder / name).stat().st_size / 1e6 for names in WAYS.values() for name in names}
    print(f'{args.rows} rows, {args.repeats} rounds; '
          + ', '.join(f'{name}: {size:.0f} MB' for name, size in sizes.items()))
    table = PrettyTable(['', 'file', 'CPU s', 'quartiles', ': jsonl', 'peak, MiB', 'own, MiB', ': jsonl '], align='r')
    for what, names in WAYS.items():
        assert len({round_[what][name]['found'] for round_ in rounds for name in names}) == 1, what
        values = {key: {name: [round_[what][name][key] for round_ in rounds] for name in names}
                  for key in ('seconds', 'peak', 'own')}
        values['least'] = {name: [max(1., value) for value in values['own'][name]] for name in names}
        for name in names:
            first, middle, last = quartiles(values['seconds'][name])
            memory = [f'{statistics.median(values[key][name]):.0f}' for key in ('peak', 'own')]
            of_time, of_memory = (f'{ratio(values[key][name], values[key][names[0]]):.2f}'
                                  for key in ('seconds', 'least'))
            table.add_row([what, name, f'{middle:.2f}', f'{first:.2f} … {last:.2f}', of_time, *memory, of_memory])
    print(table)
    save(args.out, rounds=rounds, megabytes=sizes)


if __name__ == '__main__':
    sys.exit(run_command(main))
