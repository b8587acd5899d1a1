"""COCO's annotations without the images that referring data sets validate or test on, for pre-training:

    python tools/dataset_converters/coco_without_refs.py data/coco/annotations/instances_train2017.json \
        data/refcoco data/refcoco+ data/refcocog

writes data/coco/annotations/instances_train2017_without_refs.json and reads it again: the exit status is 1 if a
held-out image is left. COCO's ids are the same in all its years.
"""

import argparse
import sys
from pathlib import Path
from typing import Dict, Iterable, List, Set, Tuple

import msgspec

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import load_refer_pickle
from mmrefseg.errors import RefDataError
from mmrefseg.utils import write_text

Split = Tuple[str, str]


def held_out_images(folders: Iterable[Path]) -> Dict[Split, Set[int]]:
    """COCO's ids of the images of all splits but training's.

    Args:
        folders (Iterable[Path]): Of data sets in the refer format, each with ``refs(<split_by>).p``.

    Returns:
        dict: (name of the refs' file, name of the split) -> ids.

    Raises:
        RefDataError: A folder has no refs, or a ref no split or image.
    """
    found: Dict[Split, Set[int]] = {}
    for folder in folders:
        files = sorted(folder.glob('refs(*).p'))
        if not files:
            raise RefDataError(f'{folder} has no refs(<split_by>).p: expected a data set in the refer format')
        for path in files:
            for number, ref in enumerate(load_refer_pickle(path)):
                if not {'split', 'image_id'} <= set(ref):
                    raise RefDataError(f'{path}: entry {number} has no split or no image_id')
                if ref['split'] != 'train':
                    found.setdefault((f'{folder.name}/{path.name}', ref['split']), set()).add(int(ref['image_id']))
    return found


def without_images(instances: dict, images: Set[int]) -> dict:
    """COCO's annotations without some images and what is annotated on them."""
    return dict(instances, images=[image for image in instances['images'] if image['id'] not in images],
                annotations=[each for each in instances['annotations'] if each['image_id'] not in images])


def left_over(path: Path, images: Set[int]) -> List[int]:
    """Find images that a file of COCO's annotations still has, in its images or its annotations."""
    instances = msgspec.json.decode(path.read_bytes())
    ids = {image['id'] for image in instances['images']} | {each['image_id'] for each in instances['annotations']}
    return sorted(ids & images)


def main() -> int:
    """Write the file and look whether it is clean."""
    parser = argparse.ArgumentParser(description='COCO without the images that referring data sets hold out')
    parser.add_argument('instances', type=Path, help="COCO's annotations, such as instances_train2017.json")
    parser.add_argument('refs', type=Path, nargs='+', help='folders of data sets in the refer format')
    parser.add_argument('--out', type=Path, help='default: <instances>_without_refs.json beside it')
    args = parser.parse_args()
    out = args.out or args.instances.with_name(f'{args.instances.stem}_without_refs.json')
    held_out = held_out_images(args.refs)
    images = set().union(*held_out.values())
    instances = msgspec.json.decode(args.instances.read_bytes())
    clean = without_images(instances, images)
    write_text(out, msgspec.json.encode(clean).decode())
    own = {image['id'] for image in instances['images']}
    for (file, split), ids in held_out.items():
        print(f'{file} {split}: {len(ids)} images, {len(ids & own)} of them in {args.instances.name}')
    print(f'{out}: {len(clean["images"])} of {len(own)} images, {len(clean["annotations"])} of '
          f'{len(instances["annotations"])} annotations')
    left = left_over(out, images)
    print(f'Held-out images left: {len(left)}' + (f', such as {left[:5]}' if left else ''))
    return int(bool(left))


if __name__ == '__main__':
    sys.exit(run_command(main))
