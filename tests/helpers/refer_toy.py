"""Writes a small dataset in the refer format; a helper of tests."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

SIZES = {1: (40, 60), 2: (30, 50), 3: (48, 48)}  # image id -> height, width


def square(x: int, y: int, side: int) -> list:
    """A square polygon."""
    return [float(v) for v in (x, y, x + side, y, x + side, y + side, x, y + side)]


def rle(height: int, width: int, rows: slice, columns: slice) -> dict:
    """A rectangle as a compressed RLE."""
    mask = np.zeros((height, width), np.uint8, order='F')
    mask[rows, columns] = 1
    encoded = coco_mask.encode(mask)
    return dict(size=encoded['size'], counts=encoded['counts'].decode())


def toy() -> dict:
    """Image 1 has three objects (two refs name the first), images 2 and 3 one; image 3 is val's.

    Returns:
        dict: ``instances`` and ``refs``, free to be spoilt by a test.
    """
    images = [dict(id=i, file_name=f'picture_{i}.png', height=h, width=w)
              for i, (h, w) in SIZES.items()]
    objects = {
        11: (1, [square(2, 2, 10), square(8, 8, 10)]),  # two squares that overlap
        12: (1, rle(40, 60, slice(20, 30), slice(30, 50))),
        13: (1, [square(40, 2, 8)]),
        21: (2, [rle(30, 50, slice(0, 5), slice(0, 5)), rle(30, 50, slice(3, 9), slice(3, 9))]),
        31: (3, dict(size=[48, 48], counts=[10, 20, 48 * 48 - 30])),
        99: (2, [square(1, 1, 3)]),  # no ref names it
    }
    annotations = [dict(id=i, image_id=image, category_id=1, bbox=[0, 0, 1, 1], segmentation=s)
                   for i, (image, s) in objects.items()]
    refs = []
    for ref_id, ann_id, split, count in ((101, 11, 'train', 3), (102, 12, 'train', 2),
                                         (103, 13, 'train', 1), (104, 11, 'train', 2),
                                         (201, 21, 'train', 4), (301, 31, 'val', 2)):
        image_id = objects[ann_id][0]
        sentences = [
            dict(sent_id=ref_id * 10 + k, raw=f'The Object {ref_id}, no. {k}',
                 sent=f'the object {ref_id} no {k}', tokens=['the', 'object'])
            for k in range(count)]
        refs.append(dict(
            ref_id=ref_id, ann_id=ann_id, image_id=image_id, category_id=1, split=split,
            file_name=f'picture_{image_id}_{ann_id}.png', sentences=sentences,
            sent_ids=[s['sent_id'] for s in sentences]))
    return copy.deepcopy(dict(instances=dict(images=images, annotations=annotations), refs=refs))


def write_toy(root: Path, data: dict = None, protocol: int = 2, images: bool = True) -> dict:
    """Write a dataset.

    Args:
        root (Path): Data root; gets ``toy/`` and ``pictures/``.
        data (dict): As :func:`toy` gives it, by default.
        protocol (int): Of the pickle.
        pictures (bool): Whether to write the pictures, too.

    Returns:
        dict: The arguments of ``ReferDataset`` that find it.
    """
    data = toy() if data is None else data
    (root / 'toy').mkdir(parents=True, exist_ok=True)
    (root / 'pictures').mkdir(exist_ok=True)
    (root / 'toy' / 'instances.json').write_text(json.dumps(data['instances']))
    (root / 'toy' / 'refs(unc).p').write_bytes(pickle.dumps(data['refs'], protocol=protocol))
    for image in data['instances']['images'] if images else ():
        height, width = image['height'], image['width']
        pixels = np.random.default_rng(image['id']).integers(0, 255, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(root / 'pictures' / image['file_name'])
    return dict(data_root=str(root), ann_dir='toy', data_prefix=dict(img='pictures'))
