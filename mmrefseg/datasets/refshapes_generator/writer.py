"""Writes RefShapes in the published ``refer`` layout, completely or not at all."""

import functools
import json
import os
import pickle
import shutil
import socket
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

import cv2

from mmrefseg.utils.whole_file import is_at_work
from mmrefseg.utils.write_text import write_text

from .records import MAX_SCENES, make_record
from .scenes import KINDS, ROUND_KINDS, SPLITS, STYLES
from .speakers import ALL_VARIANTS, GENERALIZED, VARIANTS

# Change it whenever the same arguments give other files.
GENERATOR_VERSION = 2
MANIFEST = 'refshapes_manifest.json'
DEFAULT_SCENES = {'train': 4400, 'val': 300, 'testA': 200, 'testB': 200}
PUBLISHING = '.refshapes_publishing'  # is there while finished folders move to their places
MIN_SIZE = 64
_PARTIAL = f'.refshapes_partial-{socket.gethostname()}-'  # then the number of the process


def generate_refshapes(out_dir: Union[str, Path],
                       scenes: Optional[Dict[str, int]] = None,
                       size: int = 128,
                       seed: int = 0,
                       variants: Sequence[str] = VARIANTS,
                       workers: int = 1,
                       style: str = 'full',
                       overwrite: bool = False,
                       on_scene: Optional[Callable[[], None]] = None) -> dict:
    """Generate RefShapes, or find that it is there already.

    Writes ``<out_dir>/images/refshapes/*.jpg``, for every variant ``<out_dir>/<variant>/
    {instances.json, refs(unc).p}`` (of the generalized variant ``grefs(unc).json``, as gRefCOCO has
    it), and at last the manifest ``<out_dir>/refshapes_manifest.json``.
    Everything is made in a hidden folder of the process' own and moved, so that a killed run leaves
    nothing that looks complete, and several processes do not meet. What was killed while it moved is made anew. The
    same arguments give byte-identical files, whatever ``workers`` is.

    Args:
        out_dir (str | Path): The data root.
        scenes (dict, optional): Number of scenes of each split. Default: :data:`DEFAULT_SCENES`.
        size (int): Side of the square images, pixels.
        seed (int): Of everything; a scene depends on it, its split and its number only.
        variants (Sequence[str]): Which of :data:`ALL_VARIANTS`. Default: all but the generalized one.
        workers (int): Processes.
        style (str): One of :data:`~mmrefseg.datasets.refshapes_generator.scenes.STYLES`.
        overwrite (bool): Replace all of RefShapes that is in ``out_dir``.
        on_scene (Callable, optional): Called after every scene.

    Returns:
        dict: ``made`` (bool: False when all was there already, or another process was quicker),
        ``seconds`` (float) and ``statistics``, one dict per variant: see
            :func:`mmrefseg.datasets.refshapes_generator.records.count`.

    Raises:
        ValueError: An argument is out of range.
        FileExistsError: ``out_dir`` holds RefShapes of other arguments, or without a manifest, or does so
            in the end, from another process.
    """
    scenes = dict(DEFAULT_SCENES if scenes is None else scenes)
    _check(scenes, size, variants, workers, style)
    variants = [name for name in ALL_VARIANTS if name in variants]
    out_dir = Path(out_dir)
    arguments = dict(generator_version=GENERATOR_VERSION, size=size, seed=seed, variants=variants,
                     scenes={split: scenes.get(split, 0) for split in SPLITS})
    if style != 'full':  # the manifests of the full one are older than styles
        arguments['style'] = style
    start = time.perf_counter()
    manifest = _read_manifest(out_dir)
    if manifest is None and _is_interrupted(out_dir):
        overwrite = True  # of what was killed while it moved its folders nothing can be kept
    if not overwrite:
        _refuse_others(out_dir, manifest, arguments)
        if manifest and _is_complete(out_dir, arguments):
            return dict(made=False, seconds=time.perf_counter() - start,
                        statistics=manifest['statistics'])
    _remove_leftovers(out_dir)
    partial = out_dir / f'{_PARTIAL}{os.getpid()}'
    try:
        statistics = _make(partial, arguments, workers, on_scene)
        found = _read_manifest(out_dir)  # another process may have been quicker
        if found != manifest or not overwrite:
            _refuse_others(out_dir, found, arguments)
        made = found is None or found == manifest
        if made:
            _publish(partial, out_dir, variants)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return dict(made=made, seconds=time.perf_counter() - start,
                statistics=statistics if made else found['statistics'])


def _check(scenes: Dict[str, int], size: int, variants: Sequence[str], workers: int, style: str) -> None:
    unknown = sorted(set(scenes) - set(SPLITS))
    if unknown:
        raise ValueError(f'RefShapes has the splits {list(SPLITS)}, found {unknown}')
    if not any(scenes.values()) or not all(0 <= n <= MAX_SCENES for n in scenes.values()):
        raise ValueError(f'the scenes of a split are 0 to {MAX_SCENES}, and some split must have '
                         f'some, found {scenes}')
    if size < MIN_SIZE:
        raise ValueError(f'the pictures must be at least {MIN_SIZE} px wide for the shapes to be '
                         f'recognised, found size={size}')
    unknown = sorted(set(variants) - set(ALL_VARIANTS))
    if unknown or not variants:
        raise ValueError(f'the variants are {list(ALL_VARIANTS)}, found {list(variants)}')
    if style not in STYLES:
        raise ValueError(f'the styles are {list(STYLES)}, found {style!r}')
    if workers < 1:
        raise ValueError(f'workers must be at least 1, found {workers}')


def _read_manifest(out_dir: Path) -> Optional[dict]:
    path = out_dir / MANIFEST
    if not path.exists():
        return None
    try:
        manifest = json.loads(path.read_text(encoding='utf-8'))
        return {key: manifest[key] for key in ('arguments', 'statistics')}
    except (ValueError, KeyError, TypeError):
        # Not ours, or broken: as good as that of other arguments.
        return dict(arguments=None, statistics=None)


def _outputs(out_dir: Path, variants: Iterable[str]) -> List[Path]:
    return [out_dir / 'images' / 'refshapes'] + [out_dir / variant for variant in variants]


def _refuse_others(out_dir: Path, manifest: Optional[dict], arguments: dict) -> None:
    if manifest is None:
        found = [str(path) for path in _outputs(out_dir, ALL_VARIANTS) if path.exists()]
        if found:
            raise FileExistsError(
                f'{", ".join(found)} exist without {MANIFEST}: of an interrupted generation, of one '
                'that another process is about to finish, or made by something else. Pass --overwrite '
                '(overwrite=True) to replace them.')
    elif manifest['arguments'] != arguments:
        raise FileExistsError(
            f'{out_dir / MANIFEST} is of a generation with other arguments.\n  found: '
            f'{json.dumps(manifest["arguments"])}\n  asked: {json.dumps(arguments)}\nPass '
            '--overwrite (overwrite=True) to replace it, or choose another folder.')


def _is_complete(out_dir: Path, arguments: dict) -> bool:
    image_dir, *folders = _outputs(out_dir, arguments['variants'])
    files = [folder / name for folder in folders for name in ('instances.json', _refs_name(folder.name))]
    if not image_dir.is_dir() or not all(path.is_file() for path in files):
        return False
    return len(list(image_dir.glob('*.jpg'))) == sum(arguments['scenes'].values())


def _is_interrupted(out_dir: Path) -> bool:
    """Whether a process of ours was killed while it moved finished folders to their places."""
    try:
        host, process = (out_dir / PUBLISHING).read_text(encoding='utf-8').split()
        age = time.time() - (out_dir / PUBLISHING).stat().st_mtime
    except (OSError, ValueError):
        return False
    # Of another machine nothing tells but time: moving folders takes no minutes.
    return not is_at_work(int(process)) if host == socket.gethostname() else age > 600


def _refs_name(variant: str) -> str:
    return 'grefs(unc).json' if variant == GENERALIZED else 'refs(unc).p'


def _remove_leftovers(out_dir: Path) -> None:
    """Remove what killed processes of this machine left."""
    for folder in out_dir.glob(f'{_PARTIAL}*'):
        number = folder.name[len(_PARTIAL):]
        if number.isdigit() and not is_at_work(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _make(partial: Path, arguments: dict, workers: int, on_scene: Optional[Callable[[], None]]) -> dict:
    """Write everything into a new folder; returns the statistics of each variant."""
    image_dir = partial / 'images' / 'refshapes'
    image_dir.mkdir(parents=True)
    tasks = [(split, number) for split, scenes in arguments['scenes'].items() for number in range(scenes)]
    make = functools.partial(make_record, seed=arguments['seed'], size=arguments['size'],
                             variants=arguments['variants'], image_dir=str(image_dir),
                             style=arguments.get('style', 'full'))
    records = []
    for record in _run(make, tasks, workers):
        records.append(record)
        if on_scene:
            on_scene()
    statistics = {}
    for variant in arguments['variants']:
        statistics[variant] = _write_variant(partial / variant, variant, records, arguments)
    with open(partial / MANIFEST, 'w', encoding='utf-8') as file:
        json.dump(dict(arguments=arguments, statistics=statistics), file, indent=1)
    return statistics


def _publish(partial: Path, out_dir: Path, variants: Sequence[str]) -> None:
    """Move the finished folders to their places; without a manifest nothing looks complete."""
    write_text(out_dir / PUBLISHING, f'{socket.gethostname()} {os.getpid()}\n')
    (out_dir / MANIFEST).unlink(missing_ok=True)
    for old in _outputs(out_dir, ALL_VARIANTS):
        if old.exists():
            shutil.rmtree(old)
    for new, place in zip(_outputs(partial, variants), _outputs(out_dir, variants)):
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, place)
    os.replace(partial / MANIFEST, out_dir / MANIFEST)
    (out_dir / PUBLISHING).unlink()


def _run(make: Callable, tasks: List[Tuple[str, int]], workers: int) -> Iterable[dict]:
    """The records of all tasks, in their order."""
    if workers == 1:
        yield from map(make, tasks)
        return
    # A process forked while OpenCV has threads hangs as soon as it changes their number: change it before.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with ProcessPoolExecutor(workers) as pool:
            yield from pool.map(make, tasks, chunksize=32)
    finally:
        cv2.setNumThreads(threads)


def _write_variant(folder: Path, variant: str, records: List[dict], arguments: dict) -> dict:
    """Write a variant's two files; only images with an expression are in them."""
    used = [record for record in records if record['said'][variant]]
    refs = _collect_refs(used, variant)
    instances = dict(
        info=dict(description=f'{variant}: generated scenes for referring segmentation',
                  version=str(GENERATOR_VERSION), arguments=arguments),
        licenses=[], images=[record['image'] for record in used],
        annotations=[entry for record in used for entry in record['annotations']],
        categories=[dict(id=i, name=kind,
                         supercategory='round' if kind in ROUND_KINDS else 'angular')
                    for i, kind in enumerate(KINDS, start=1)])
    folder.mkdir(parents=True)
    (folder / 'instances.json').write_text(json.dumps(instances), encoding='utf-8')
    refs_as_json = json.dumps(refs)
    if variant == GENERALIZED:
        (folder / _refs_name(variant)).write_text(refs_as_json, encoding='utf-8')
    else:
        # pickle writes an object that it has met as a reference. The way through JSON makes which
        # strings are one object the same, whatever process they came from.
        (folder / _refs_name(variant)).write_bytes(pickle.dumps(json.loads(refs_as_json), protocol=2))
    total: Counter = sum((record['counts'][variant] for record in records), Counter())
    return dict(images=len(used), refs=len(refs), **{key: total[key] for key in sorted(total)})


def _collect_refs(records: List[dict], variant: str) -> List[dict]:
    """The entries of a variant's refs."""
    refs: List[dict] = []
    sent_id = 0
    for record in records:
        image = record['image']
        stem, suffix = os.path.splitext(image['file_name'])
        for reference in record['said'][variant]:
            sentences = [dict(sent_id=sent_id + i, sent=text, raw=text, tokens=text.split())
                         for i, text in enumerate(reference.texts)]
            sent_id += len(sentences)
            targets = [record['annotations'][index] for index in reference.targets]
            ann_ids, categories = ([target[key] for target in targets] for key in ('id', 'category_id'))
            name = '_'.join([stem, *map(str, reference.targets)]) + suffix
            ref = dict(ref_id=len(refs), ann_id=None, image_id=image['id'], category_id=None, split=record['split'],
                       file_name=name, sentences=sentences, sent_ids=[sentence['sent_id'] for sentence in sentences])
            if variant == GENERALIZED:
                ref.update(ann_id=ann_ids or [-1], category_id=categories or [-1], no_target=not targets)
            else:
                ref.update(ann_id=ann_ids[0], category_id=categories[0])
            refs.append(ref)
    return refs
