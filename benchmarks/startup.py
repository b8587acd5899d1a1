"""Start-up at RefCOCO's scale: time and memory of ReferDataset beside json.load + pickle.load.

    python benchmarks/startup.py                 # a synthetic set in a temporary folder
    python benchmarks/startup.py --data data/refcoco --split-by unc --out startup.json

Three ways, in turns: json.load and pickle.load as most code bases do it ("plain"); ReferDataset the first time, which
parses the files and keeps an index of them ("first"); ReferDataset from that index ("index"). The index is kept in a
temporary folder here.

Each measurement has a process of its own, with the imports that training has. Memory is the peak above what these
take; memory of workers is their proportional share (Pss of /proc/self/smaps_rollup: a page shared by n processes
counts 1/n for each), summed over the main process and 4 forked workers, before and after each worker has read every
sample once. It is Linux's; elsewhere there are no numbers.
"""

import argparse
import json
import multiprocessing
import os
import pickle
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Union

import numpy as np
from prettytable import PrettyTable

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import ReferDataset
from mmrefseg.datasets.refer_format.index_cache import CACHE_DIR
from mmrefseg.utils.paired import peak_memory, quartiles, ratio, save

IMAGES, ANNOTATIONS, REFS, EXPRESSIONS, WORKERS = 20000, 196000, 50000, 142000, 4
MEBIBYTE = 2 ** 20
WAYS = ('plain', 'first', 'index')


def make_set(folder: str, seed: int = 0, scale: int = 1) -> None:
    """Write ``instances.json`` and ``refs(unc).p`` of RefCOCO's size and shape, without pictures.

    Args:
        folder (str): Where to.
        seed (int): Of the generator.
        scale (int): So many times RefCOCO's size.
    """
    image_count, annotation_count, ref_count, expression_count = (
        count * scale for count in (IMAGES, ANNOTATIONS, REFS, EXPRESSIONS))
    generator, chance = np.random.default_rng(seed), random.Random(seed)
    images = [
        dict(license=1, file_name=f'COCO_train2014_{number:012d}.jpg', height=480, width=640,
             coco_url=f'http://mscoco.org/images/{number}', id=number,
             flickr_url='http://farm4.staticflickr.com/3153/2970773875_164f0c0b83_z.jpg',
             date_captured='2013-11-14 16:28:13') for number in range(1, image_count + 1)]
    # An outline is used again in each of a bigger set's parts.
    shapes = []
    for count in generator.gamma(1.6, 21.5, ANNOTATIONS).astype(int) + 4:
        center, radius = generator.random(2) * (640, 480), generator.random(count) * 30 + 40
        angle = np.linspace(0, 2 * np.pi, count)
        outline = center + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        outline = np.round(outline.clip(0, (639, 479)), 2)
        x, y = np.round(center, 2).tolist()
        shapes.append(json.dumps(dict(
            segmentation=[outline.ravel().tolist()], area=round(3.14 * x * y, 4), iscrowd=0,
            bbox=[x, y, 81.25, 73.5], category_id=1)))
    with open(os.path.join(folder, 'instances.json'), 'w') as file:
        file.write('{"info": {}, "licenses": [], "categories": [], "images": ')
        json.dump(images, file)
        file.write(', "annotations": [')
        for number in range(annotation_count):
            shape = shapes[number % ANNOTATIONS]
            own = f'"image_id": {number % image_count + 1}, "id": {number + 1}'
            file.write(f'{", " if number else ""}{shape[:-1]}, {own}}}')
        file.write(']}')
    words = 'man woman left right the of in red blue shirt standing bowl second from front'.split()
    refs, sent_id = [], 0
    for ref_id, ann in enumerate(chance.sample(range(annotation_count), ref_count)):
        # 2.84 expressions a ref, 3.6 words an expression
        count = (ref_id + 1) * expression_count // ref_count - ref_id * expression_count // ref_count
        sentences = []
        for _ in range(count):
            text = ' '.join(chance.choices(words, k=chance.choice((1, 2, 3, 4, 5, 6))))
            sentences.append(dict(
                tokens=text.split(), raw=text.capitalize(), sent_id=sent_id, sent=text))
            sent_id += 1
        refs.append(dict(
            sent_ids=[sentence['sent_id'] for sentence in sentences], ann_id=ann + 1,
            file_name=f'COCO_train2014_{ann % image_count + 1:012d}_{ref_id}.jpg', ref_id=ref_id,
            image_id=ann % image_count + 1, split='val' if ref_id % 7 == 0 else 'train',
            sentences=sentences, category_id=1))
    with open(os.path.join(folder, 'refs(unc).p'), 'wb') as file:
        pickle.dump(refs, file, protocol=2)


def proportional_memory() -> float:
    """float: This process' share of memory (Pss) in MiB."""
    rollup = Path('/proc/self/smaps_rollup').read_text()
    return int(next(line.split()[1] for line in rollup.splitlines() if line.startswith('Pss:'))) / 1024


def load_plainly(folder: str, split_by: str) -> list:
    """Load both files as most code bases do, and make a list with a dict for each ref.

    Returns:
        list[dict]: The refs with their annotation.
    """
    with open(os.path.join(folder, 'instances.json')) as file:
        instances = json.load(file)
    with open(os.path.join(folder, f'refs({split_by}).p'), 'rb') as file:
        refs = pickle.load(file, encoding='latin1')  # noqa: S301 (made here, or the user's own)
    annotations = {annotation['id']: annotation for annotation in instances['annotations']}
    return [dict(ref, annotation=annotations[ref['ann_id']]) for ref in refs
            if ref['split'] == 'train']


def load_ours(folder: str, split_by: str) -> ReferDataset:
    """Returns: The training split as a ``ReferDataset``."""
    return ReferDataset(
        ann_dir=os.path.abspath(folder), split_by=split_by, split='train',
        data_prefix=dict(img=os.path.abspath(folder)))


def read_plainly(ref: dict) -> tuple:
    """Read of one of :func:`load_plainly`'s refs what a loader needs."""
    texts = [sentence['raw'] for sentence in ref['sentences']]
    return texts, [np.asarray(polygon) for polygon in ref['annotation']['segmentation']]


def visit(samples: Union[list, ReferDataset], barrier, report) -> None:
    """A worker: read all samples in an order of its own; tell the memory before and after."""
    def read(index):
        return read_plainly(samples[index]) if plain else samples.get_data_info(index)

    plain = isinstance(samples, list)
    barrier.wait()
    before = proportional_memory()
    barrier.wait()
    for index in np.random.default_rng(os.getpid()).permutation(len(samples)).tolist():
        read(index)
    barrier.wait()
    report.put((before, proportional_memory()))
    barrier.wait()  # pages are shared until the last one has been asked


def measure(how: str, folder: str, split_by: str) -> dict:
    """Measure one way of loading in this process.

    Returns:
        dict: ``seconds``, of the CPU ``user`` and ``system``, page ``faults``, ``peak`` and ``workers_before``,
        ``workers_after`` in MiB, these without the environment variable ``NO_WORKERS``.
    """
    load = load_plainly if how == 'plain' else load_ours
    for name in ('instances.json', f'refs({split_by}).p'):  # the disk is not measured
        with open(os.path.join(folder, name), 'rb') as file:
            while file.read(MEBIBYTE):
                pass
    held, times = {}, {}

    def run() -> None:
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        held['samples'] = load(folder, split_by)
        after = resource.getrusage(resource.RUSAGE_SELF)
        times.update(
            seconds=time.perf_counter() - begin, user=after.ru_utime - before.ru_utime,
            system=after.ru_stime - before.ru_stime, faults=after.ru_minflt - before.ru_minflt)

    base = peak_memory(lambda: None)
    peak = peak_memory(run) - base
    if os.environ.get('NO_WORKERS'):
        return dict(times, peak=peak / MEBIBYTE)
    context = multiprocessing.get_context('fork')
    barrier, report = context.Barrier(WORKERS + 1), context.Queue()
    workers = [context.Process(target=visit, args=(held['samples'], barrier, report))
               for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    barrier.wait()
    before = proportional_memory()
    barrier.wait()
    barrier.wait()
    memory = [(before, proportional_memory()), *(report.get() for _ in workers)]
    barrier.wait()
    before, after = np.sum(memory, axis=0).tolist()
    for worker in workers:
        worker.join()
    return dict(times, peak=peak / MEBIBYTE, workers_before=before, workers_after=after)


def measure_apart(how: str, folder: str, split_by: str, cache_dir: str) -> dict:
    """:func:`measure` in a process of its own, without an index if this is the first time."""
    if how == 'first':
        shutil.rmtree(cache_dir, ignore_errors=True)
    output = subprocess.run(
        [sys.executable, '-W', 'ignore', __file__, '--measure', how, '--data', folder, '--split-by', split_by],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, CACHE_DIR: cache_dir}).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data', help='folder with instances.json and refs(<split-by>).p')
    parser.add_argument('--split-by', default='unc')
    parser.add_argument('--repeats', type=int, default=3, help='rounds')
    parser.add_argument('--out', type=Path, help='write the measurements to this .json file')
    parser.add_argument('--measure', choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.data, args.split_by)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache_dir = args.data, os.path.join(temporary, 'cache')
        if folder is None:
            folder = os.path.join(temporary, 'set')
            os.mkdir(folder)
            make_set(folder)
        sizes = {name: os.path.getsize(os.path.join(folder, name)) / 1e6
                 for name in ('instances.json', f'refs({args.split_by}).p')}
        rounds = [{how: measure_apart(how, folder, args.split_by, cache_dir) for how in WAYS}
                  for _ in range(args.repeats)]
        sizes['index'] = sum(path.stat().st_size for path in Path(cache_dir).iterdir()) / 1e6
    print(', '.join(f'{name}: {size:.1f} MB' for name, size in sizes.items()) + f'; medians of {args.repeats} rounds')
    table = PrettyTable(['', *WAYS, 'plain : first', 'plain : index'], align='r')
    names = dict(seconds='start-up, s', peak='peak memory, MiB', workers_before=f'with {WORKERS} workers, Pss MiB',
                 workers_after='after an epoch, Pss MiB')
    for key, name in names.items():
        values = {how: [round_[how][key] for round_ in rounds] for how in WAYS}
        digits = 3 if key == 'seconds' else 0
        cells = [f'{statistics.median(values[how]):.{digits}f}' for how in WAYS]
        table.add_row([name, *cells, *(f'{ratio(values["plain"], values[how]):.1f}' for how in WAYS[1:])])
        if key == 'seconds':
            spread = [' … '.join(f'{value:.3f}' for value in quartiles(values[how])[::2]) for how in WAYS]
            table.add_row(['quartiles', *spread, '', ''])
    print(table)
    save(args.out, rounds=rounds, megabytes=sizes)


if __name__ == '__main__':
    sys.exit(run_command(main))
