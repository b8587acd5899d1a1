"""Writes pictures, mask files and lists of both; a helper of tests."""

import csv
import json
from pathlib import Path
from typing import List, Optional

import numpy as np
from PIL import Image
from refer_toy import rle, square

HEIGHT, WIDTH = 40, 60


def rectangle(number: int) -> np.ndarray:
    """(H, W) bool, the mask of the file ``<number>.png``."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2 + number:20, 10:30 + number] = True
    return mask


def rows() -> List[dict]:
    """Three pictures: the first has a file, polygons and both kinds of RLE, the others a file each; the last is val."""
    return [
        dict(image='0.png', expression='The first, one!', split='train'),
        dict(image='0.png', mask='0.png', expression=['again', 'and again'], split='train'),
        dict(image='0.png', mask=[square(2, 2, 10), square(8, 8, 10)], expression='squares', split='train'),
        dict(image='0.png', mask=rle(HEIGHT, WIDTH, slice(20, 30), slice(30, 50)), expression='below', split='train'),
        dict(image='0.png', mask=dict(size=[HEIGHT, WIDTH], counts=[40, 20, HEIGHT * WIDTH - 60]), expression='thin',
             split='train'),
        dict(image='1.png', mask='1.png', expression='links größer', split='train'),
        dict(image='2.png', mask='2.png', expression='the last', split='val')]


def write_toy_images(root: Path, count: int = 3, suffix: str = '.png', mask_suffix: str = '.png') -> dict:
    """Write pictures and their mask files (255 = object).

    Args:
        root (Path): Data root; gets ``images/`` and ``masks/``.
        count (int): How many; their names are their numbers.
        suffix (str): Of the pictures.
        mask_suffix (str): Of the masks.

    Returns:
        dict: The arguments of ``TripletListDataset`` that find them.
    """
    for folder in ('images', 'masks'):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        Image.fromarray(pixels).save(root / 'images' / f'{number}{suffix}')
        Image.fromarray(rectangle(number).astype(np.uint8) * 255).save(root / 'masks' / f'{number}{mask_suffix}')
    return dict(data_root=str(root), data_prefix=dict(img='images', mask='masks'))


def write_list(path: Path, entries: Optional[List[dict]] = None) -> str:
    """Write a list in the format that its name says.

    Args:
        path (Path): The file.
        entries (list[dict], optional): By default :func:`rows`.

    Returns:
        str: Its name.
    """
    entries = rows() if entries is None else entries
    if path.suffix == '.json':
        path.write_text(json.dumps(entries, indent=1))
    elif path.suffix == '.jsonl':
        path.write_text('\n\n'.join(map(json.dumps, entries)))
    else:
        with open(path, 'w', newline='', encoding='utf-8-sig') as file:
            writer = csv.writer(file, delimiter='\t' if path.suffix == '.tsv' else ',')
            writer.writerow(['split', 'image', 'mask', 'expression'])
            for row in entries:
                mask = row.get('mask', '')
                mask = mask if isinstance(mask, str) else json.dumps(mask)
                texts = row['expression'] if isinstance(row['expression'], list) else [row['expression']]
                writer.writerows([row.get('split', ''), row['image'], mask, text] for text in texts)
    return path.name
