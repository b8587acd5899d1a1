"""Start-up at RefCOCO's scale: time and memory of ReferDataset beside json.load + pickle.load.

    python benchmarks/startup.py                 # a synthetic set in a temporary folder
    python benchmarks/startup.py --data data/refcoco --split-by unc

Each measurement has a process of its own. Memory is the peak above that of the imports; memory of
workers is their proportional share (Pss of /proc/self/smaps_rollup: a page shared by n processes
counts 1/n for each), summed over the main process and 4 forked workers, before and after each worker
has read every sample once. Both are Linux's; elsewhere they are printed as nan.
"""

import argparse
import json
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time

import numpy as np

IMAGES, ANNOTATIONS, REFS, EXPRESSIONS, WORKERS = 20000, 196000, 50000, 142000, 4
MEBIBYTE = 2 ** 20


def make_set(folder: str, seed: int = 0) -> None:
    """Write ``instances.json`` and ``refs(unc).p`` of RefCOCO's size and shape, without pictures.

    Args:
        folder (str): Where to.
        seed (int): Of the generator.
    """
    generator, chance = np.random.default_rng(seed), random.Random(seed)
    images = [
        dict(license=1, file_name=f'COCO_train2014_{number:012d}.jpg', height=480, width=640,
             coco_url=f'http://mscoco.org/images/{number}', id=number,
             flickr_url='http://farm4.staticflickr.com/3153/2970773875_164f0c0b83_z.jpg',
             date_captured='2013-11-14 16:28:13') for number in range(1, IMAGES + 1)]
    points = generator.gamma(1.6, 21.5, ANNOTATIONS).astype(int) + 4
    with open(os.path.join(folder, 'instances.json'), 'w') as file:
        file.write('{"info": {}, "licenses": [], "categories": [], "images": ')
        json.dump(images, file)
        file.write(', "annotations": [')
        for number, count in enumerate(points):
            center, radius = generator.random(2) * (640, 480), generator.random(count) * 30 + 40
            angle = np.linspace(0, 2 * np.pi, count)
            outline = center + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
            outline = np.round(outline.clip(0, (639, 479)), 2)
            x, y = np.round(center, 2).tolist()
            annotation = dict(
                segmentation=[outline.ravel().tolist()], area=round(3.14 * x * y, 4), iscrowd=0,
                image_id=number % IMAGES + 1, bbox=[x, y, 81.25, 73.5], category_id=1,
                id=number + 1)
            file.write((', ' if number else '') + json.dumps(annotation))
        file.write(']}')
    words = 'man woman left right the of in red blue shirt standing bowl second from front'.split()
    refs, sent_id = [], 0
    for ref_id, ann in enumerate(chance.sample(range(ANNOTATIONS), REFS)):
        # 2.84 expressions a ref, 3.6 words an expression
        count = (ref_id + 1) * EXPRESSIONS // REFS - ref_id * EXPRESSIONS // REFS
        sentences = []
        for _ in range(count):
            text = ' '.join(chance.choices(words, k=chance.choice((1, 2, 3, 4, 5, 6))))
            sentences.append(dict(
                tokens=text.split(), raw=text.capitalize(), sent_id=sent_id, sent=text))
            sent_id += 1
        refs.append(dict(
            sent_ids=[sentence['sent_id'] for sentence in sentences], ann_id=ann + 1,
            file_name=f'COCO_train2014_{ann % IMAGES + 1:012d}_{ref_id}.jpg', ref_id=ref_id,
            image_id=ann % IMAGES + 1, split='val' if ref_id % 7 == 0 else 'train',
            sentences=sentences, category_id=1))
    with open(os.path.join(folder, 'refs(unc).p'), 'wb') as file:
        pickle.dump(refs, file, protocol=2)


def proc_kilobytes(file_name: str, field: str) -> float:
    """float: A field of a file in /proc/self in kB, NaN where the system has none."""
    try:
        with open(os.path.join('/proc/self', file_name)) as file:
            return float(next(line.split()[1] for line in file if line.startswith(f'{field}:')))
    except OSError:
        return float('nan')


def peak_memory() -> float:
    """float: The peak of this process' resident memory, in MiB."""
    # Not getrusage's: that one counts what the parent had when it started this process.
    return proc_kilobytes('status', 'VmHWM') / 1024


def proportional_memory() -> float:
    """float: This process' share of memory (Pss) in MiB."""
    return proc_kilobytes('smaps_rollup', 'Pss') / 1024


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


def load_ours(folder: str, split_by: str):
    """Returns: The training split as a ``ReferDataset``."""
    from mmrefseg.datasets import ReferDataset
    return ReferDataset(
        ann_dir=os.path.abspath(folder), split_by=split_by, split='train',
        data_prefix=dict(img=os.path.abspath(folder)))


def read_plainly(ref: dict) -> tuple:
    """What a loader needs of one of :func:`load_plainly`'s refs."""
    texts = [sentence['raw'] for sentence in ref['sentences']]
    return texts, [np.asarray(polygon) for polygon in ref['annotation']['segmentation']]


def visit(samples, barrier, report) -> None:
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
        dict: ``seconds``, ``peak`` and ``workers_before``, ``workers_after`` in MiB.
    """
    load = dict(plain=load_plainly, ours=load_ours)[how]
    if how == 'ours':
        import mmrefseg.datasets  # noqa: F401 (the imports are no part of the measurement)
    for name in ('instances.json', f'refs({split_by}).p'):  # neither is the disk
        with open(os.path.join(folder, name), 'rb') as file:
            while file.read(MEBIBYTE):
                pass
    base, begin = peak_memory(), time.perf_counter()
    samples = load(folder, split_by)
    seconds, peak = time.perf_counter() - begin, peak_memory() - base
    context = multiprocessing.get_context('fork')
    barrier, report = context.Barrier(WORKERS + 1), context.Queue()
    workers = [context.Process(target=visit, args=(samples, barrier, report))
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
    return dict(seconds=seconds, peak=peak, workers_before=before, workers_after=after)


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--data', help='folder with instances.json and refs(<split-by>).p')
    parser.add_argument('--split-by', default='unc')
    parser.add_argument('--measure', choices=('plain', 'ours'), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.data, args.split_by)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.data
        if folder is None:
            folder = temporary
            make_set(folder)
        for name in ('instances.json', f'refs({args.split_by}).p'):
            print(f'{name}: {os.path.getsize(os.path.join(folder, name)) / 1e6:.1f} MB')
        rows = {}
        for how in ('plain', 'ours'):
            output = subprocess.run(
                [sys.executable, '-W', 'ignore', __file__, '--measure', how, '--data', folder,
                 '--split-by', args.split_by], check=True, stdout=subprocess.PIPE, text=True).stdout
            rows[how] = json.loads(output.splitlines()[-1])
    print(f'{"":>34}{"plain":>10}{"ours":>10}{"ratio":>8}')
    names = dict(
        seconds='start-up, s', peak='peak memory, MiB',
        workers_before=f'with {WORKERS} workers, Pss MiB',
        workers_after='after an epoch')
    for key, name in names.items():
        plain, ours = rows['plain'][key], rows['ours'][key]
        print(f'{name:>34}{plain:>10.2f}{ours:>10.2f}{plain / ours:>8.2f}')
    growth = [row['workers_after'] - row['workers_before'] for row in rows.values()]
    print(f'{"growth over the epoch, MiB":>34}{growth[0]:>10.2f}{growth[1]:>10.2f}')


if __name__ == '__main__':
    main()
