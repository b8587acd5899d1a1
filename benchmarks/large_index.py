"""The start from the index of a very large data set, in several processes at once: seconds and memory of each.

    python benchmarks/large_index.py --expressions 1000000 10000000 --sets FOLDER --out large_index.json
    python benchmarks/large_index.py --lists --expressions 1000000 --sets FOLDER

There are no annotation files of that size: an index of RefCOCO's proportions (2.84 expressions a ref, 7.1 an image, 20
points an outline) is made of arrays and kept where a data set looks for it. The images of --lists are empty files; each
start asks for their times. Then three starts follow each other in processes of their own: the first counts the
checksum, the next ones do not. In the last --processes hold the data set at once; each reads --samples samples.

Memory is what a process has above its imports: its own (private and written: nobody shares it), its proportional share
(Pss), which counts the pages of the file that were read, and the most that was resident while it was opened (Linux).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List
from unittest import mock

import numpy as np
from prettytable import PrettyTable

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import ReferDataset, ReferIndex, TripletListDataset
from mmrefseg.datasets.refer_format import index_cache, index_file
from mmrefseg.datasets.refer_format.index import POLYGON
from mmrefseg.datasets.triplets import index as triplet_index
from mmrefseg.datasets.triplets.reader import file_stats
from mmrefseg.utils.paired import machine, peak_memory, save

MEBIBYTE = 2 ** 20
TEXT = b'man in the red shirt 1st'
POINTS = 40  # coordinates of an outline


def make_index(expressions: int, seed: int = 0) -> Dict[str, np.ndarray]:
    """The arrays of an index.

    Args:
        expressions (int): S.
        seed (int): Of the generator.

    Returns:
        dict[str, np.ndarray]: As ``ReferIndex.to_arrays``; a seventh of the refs is val's.
    """
    refs, images = max(1, int(expressions / 2.84)), max(1, int(expressions / 7.1))
    generator = np.random.default_rng(seed)
    starts = np.linspace(0, expressions, refs + 1).astype(np.int64)
    outline = np.round(generator.random(2**16) * 400, 2)
    offsets, parts = np.arange(expressions + 1) * len(TEXT), np.arange(refs)
    words = np.resize(np.frombuffer(TEXT, np.uint8), expressions * len(TEXT))
    return dict(
        split_names=np.array(['train', 'val']), ref_id=parts, ref_split=(parts % 7 == 0).astype(np.int32),
        ref_image=generator.integers(0, images, refs), ref_object=parts, ref_expressions=starts,
        sent_id=np.arange(expressions), expression_ref=np.repeat(parts, np.diff(starts)), raw=words,
        raw_offsets=offsets, raw_blank=np.zeros(expressions, bool), sent=words, sent_offsets=offsets,
        sent_blank=np.zeros(expressions, bool), image_id=np.arange(images),
        image_size=np.full((images, 2), (480, 640), np.int64),
        image_name=np.array([f'COCO_train2014_{row:012d}.jpg' for row in range(images)]), ann_id=parts,
        object_parts=np.arange(refs + 1), object_ignore=np.full(refs, -1, np.int64),
        part_kind=np.full(refs, POLYGON, np.int8), part_size=np.zeros((refs, 2), np.int64), part_start=parts * POINTS,
        part_stop=(parts + 1) * POINTS, coordinates=np.resize(outline, refs * POINTS),
        rle_counts=np.empty(0, np.uint8), problem_ref=np.empty(0, np.int64), problem_text=np.empty(0, np.str_))


def make_refer_set(folder: Path, expressions: int) -> None:
    """Keep the index of a data set in the refer format, whose annotation files hold nothing."""
    for name in ('instances.json', 'refs(unc).p'):
        (folder / name).write_text('{}')
    with mock.patch.object(index_cache, 'read_refer_index',
                           lambda *paths: ReferIndex.from_arrays(make_index(expressions))):
        open_set(folder)


def make_list_set(folder: Path, rows: int) -> None:
    """Keep the index of a list that holds nothing, of images that are empty files."""
    (folder / 'list.jsonl').write_text('')

    def read(triplets) -> triplet_index.TripletIndex:
        arrays = make_index(rows)
        names = arrays['image_name'].tolist()
        for name in names:
            (folder / name).touch()
        return triplet_index.TripletIndex.from_arrays(dict(
            arrays, expression_line=np.arange(1, rows + 1), mask_name=np.empty(0, np.str_),
            image_stat=file_stats(str(folder), names), mask_stat=np.empty((0, 2), np.int64)))

    with mock.patch.object(triplet_index, 'read_triplet_index', read):
        open_set(folder)


def open_set(folder: Path) -> ReferDataset:
    """Open the training split as training does, a sample a ref."""
    if (folder / 'list.jsonl').exists():
        return TripletListDataset('list.jsonl', 'train', data_root=str(folder))
    return ReferDataset(ann_dir=str(folder), split='train', data_prefix=dict(img=str(folder)))


def memory() -> Dict[str, float]:
    """MiB of this process that nobody shares and that are written, and its proportional share."""
    rollup = dict(line.split(':') for line in Path('/proc/self/smaps_rollup').read_text().splitlines()[1:])
    return {key: int(rollup[name].split()[0]) / 1024 for key, name in (('own', 'Private_Dirty'), ('share', 'Pss'))}


def measure(folder: Path, samples: int) -> dict:
    """Open the set in this process; waits for a line from outside before its memory is asked for."""
    def run() -> None:
        began, cpu = time.perf_counter(), time.process_time()
        found['dataset'] = open_set(folder)
        found.update(seconds=time.perf_counter() - began, cpu=time.process_time() - cpu)

    found: dict = {}
    before, base = memory(), peak_memory(lambda: None)
    peak = peak_memory(run) - base
    dataset = found.pop('dataset')
    for row in np.random.default_rng(os.getpid()).integers(0, len(dataset), samples).tolist():
        dataset.get_data_info(row)
    print('ready', flush=True)
    sys.stdin.readline()
    after = memory()
    return dict(found, peak=peak / MEBIBYTE, **{key: after[key] - before[key] for key in after},
                samples=len(dataset), used=dataset.sample_counts().expressions)


def measure_apart(folder: Path, processes: int, samples: int) -> List[dict]:
    """:func:`measure` in so many processes at once, each with the set in its hands until all have been asked."""
    runs = [subprocess.Popen([sys.executable, '-W', 'ignore', __file__, '--measure', str(folder), '--samples',
                              str(samples)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)]
    for run in runs:
        while run.stdout.readline().strip() != 'ready':
            if run.poll() is not None:
                raise RuntimeError(f'a process ended with {run.returncode}')
    found = []
    for run in runs:
        run.stdin.write('\n')
        run.stdin.flush()
        found.append(json.loads(run.stdout.readline()))
    for run in runs:
        run.communicate('\n')
    return found


def main() -> None:
    """Make the sets, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--expressions', type=int, nargs='+', default=[1_000_000, 10_000_000])
    parser.add_argument('--lists', action='store_true', help='TripletListDataset, whose images are asked for')
    parser.add_argument('--sets', help='folder that keeps the sets')
    parser.add_argument('--processes', type=int, default=3, help='that hold the set at once')
    parser.add_argument('--samples', type=int, default=1000, help='that each of them reads')
    parser.add_argument('--out', type=Path, help='write the rows to this .json file')
    parser.add_argument('--measure', type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.samples)), flush=True)
        sys.stdin.readline()
        return
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for expressions in args.expressions:
            folder = Path(args.sets or temporary) / f'{"list" if args.lists else "refer"}{expressions}'
            if not folder.exists():
                folder.mkdir(parents=True)
                (make_list_set if args.lists else make_refer_set)(folder, expressions)
                time.sleep(index_file.SETTLED / 1e9)
            size = sum(path.stat().st_size for path in folder.glob('*.index')) / 1e6
            for start, processes in (('counts', 1), ('next', 1), (f'{args.processes} at once', args.processes)):
                found = measure_apart(folder, processes, args.samples)
                rows.append(dict(start=start, expressions=expressions, megabytes=size, **{
                    key: statistics.median(each[key] for each in found) for key in found[0]}))
                print(json.dumps(rows[-1]), flush=True)
    table = PrettyTable(['expressions', 'index, MB', 'start', 's', 'CPU s', 'own, MiB', 'share, MiB', 'peak, MiB'],
                        align='r')
    for row in rows:
        table.add_row([f'{row["expressions"]:,}', f'{row["megabytes"]:.0f}', row['start'],
                       *(f'{row[key]:.3f}' for key in ('seconds', 'cpu')),
                       *(f'{row[key]:.0f}' for key in ('own', 'share', 'peak'))])
    print(f'{machine("cpu")}\n{table}')
    save(args.out, 'cpu', rows=rows)


if __name__ == '__main__':
    sys.exit(run_command(main))
