"""Images with masks that one core loads a second, paired with the common ways of the field.

    python benchmarks/loader.py                                # 640x480 to 480x480 and, decoded smaller, to 224x224
    python benchmarks/loader.py --sizes 480 --steps --out loader.json
    python benchmarks/loader.py --data data --dataset RefCOCODataset

One process, one thread; an item is a picture with the mask of one expression. Without --data, pictures are generated
(textures and shapes at quality 90: about 60 kB each) with polygons of about 40 points.

- PIL: PIL decodes, converts and resizes (bilinear); the polygons become a mask of the picture's size, which PIL resizes
  (nearest); both become tensors, the picture float32 and normalized. So work the loaders of LAVT and its descendants.
- cv2 alone: cv2 decodes and resizes without a filter, pycocotools decodes, nothing is normalized: no dataset around it.
- mmrefseg: a sample of the dataset through the training pipeline of configs/_base_/datasets/refcoco.py, with everything
  around it: the index, drawing an expression, seeded chance, packing. It hands out uint8, and what normalizes is the
  model's data_preprocessor, on its device. The row "normalized" does that here as well, on top: what PIL's does.
"""

import argparse
import json
import os
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from prettytable import PrettyTable
from pycocotools import mask as coco_mask

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import ReferDataset
from mmrefseg.registry import DATASETS, MODELS
from mmrefseg.utils import keep_freed_memory
from mmrefseg.utils.paired import measure_in_turns, quartiles, ratio, save

CONFIGS = Path(__file__).resolve().parents[1] / 'configs/_base_'
HEIGHT, WIDTH = 480, 640


def make_image(generator: np.random.Generator) -> np.ndarray:
    """(480, 640, 3) uint8: noise of all scales, as natural pictures have it, and shapes with edges."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.float32)
    for side in (4, 8, 16, 32, 64, 128, 256):
        noise = generator.normal(size=(side * 3 // 4, side, 3)).astype(np.float32)
        image += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) * (160 / side ** 0.7)
    for _ in range(12):
        corners = (generator.random(2) * (WIDTH, HEIGHT) + generator.normal(size=(5, 2)) * 60).astype(np.int32)
        colour = generator.integers(0, 255, 3).tolist()
        image = 0.6 * image + 0.4 * cv2.fillPoly(image.copy(), [corners], colour)
    return image.clip(0, 255).astype(np.uint8)


def make_set(root: str, count: int, seed: int = 0) -> None:
    """Write ``root/set/{instances.json, refs(unc).p}`` and ``root/pictures``: an object and two expressions a picture.

    Args:
        root (str): Where to.
        count (int): Pictures.
        seed (int): Of the generator.
    """
    generator = np.random.default_rng(seed)
    os.makedirs(os.path.join(root, 'set'))
    os.makedirs(os.path.join(root, 'pictures'))
    images, annotations, refs = [], [], []
    for number in range(1, count + 1):
        name = f'{number:06d}.jpg'
        cv2.imwrite(os.path.join(root, 'pictures', name), make_image(generator), [cv2.IMWRITE_JPEG_QUALITY, 90])
        images.append(dict(id=number, file_name=name, height=HEIGHT, width=WIDTH))
        points = int(generator.integers(20, 60))
        angle = np.linspace(0, 2 * np.pi, points)
        radius = generator.random(points)[:, None] * 30 + generator.integers(40, 120)
        outline = generator.uniform((160, 120), (480, 360)) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        outline = np.round(outline.clip(0, (WIDTH - 1, HEIGHT - 1)), 2)
        annotations.append(dict(id=number, image_id=number, category_id=1, segmentation=[outline.ravel().tolist()]))
        refs.append(dict(
            ref_id=number, ann_id=number, image_id=number, category_id=1, split='train', file_name=name,
            sent_ids=[2 * number, 2 * number + 1],
            sentences=[dict(sent_id=2 * number + k, raw='Man on the left', sent='man on the left', tokens=['man'])
                       for k in range(2)]))
    with open(os.path.join(root, 'set', 'instances.json'), 'w') as file:
        json.dump(dict(images=images, annotations=annotations), file)
    with open(os.path.join(root, 'set', 'refs(unc).p'), 'wb') as file:
        pickle.dump(refs, file, protocol=2)


def load_with_pil(info: dict, size: int, normalized: bool) -> tuple:
    """(3, size, size) float32 (or uint8, where it is not normalized) and (size, size) int64."""
    image = Image.open(info['img_path']).convert('RGB').resize((size, size), Image.BILINEAR)
    rles = coco_mask.frPyObjects(info['segmentations'][0], info['height'], info['width'])
    mask = (coco_mask.decode(rles).sum(axis=2) > 0).astype(np.uint8)
    mask = torch.from_numpy(np.array(Image.fromarray(mask).resize((size, size), Image.NEAREST))).long()
    # (H, W, 3) -> (3, H, W)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
    if normalized:
        mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]).view(2, 3, 1, 1)
        pixels = pixels.float().div(255).sub_(mean).div_(std)
    return pixels, mask


def load_with_cv2(info: dict, size: int) -> tuple:
    """(size, size, 3) and (size, size), both uint8."""
    with open(info['img_path'], 'rb') as file:
        content = np.frombuffer(file.read(), np.uint8)
    image = cv2.resize(cv2.imdecode(content, cv2.IMREAD_COLOR), (size, size))
    rles = coco_mask.frPyObjects(info['segmentations'][0], info['height'], info['width'])
    mask = coco_mask.decode(coco_mask.merge(rles))
    return image, cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST)


def build_dataset(args: argparse.Namespace, root: str, size: int) -> ReferDataset:
    """The dataset with the training pipeline of the base config; for another size than its own (480), JPEGs are decoded
    at a fraction of theirs where that is enough."""
    config = Config.fromfile(CONFIGS / 'datasets/refcoco.py')
    pipeline = config.train_pipeline
    for step in pipeline:
        if step.type == 'RefResize':
            step.scale = (size, size)
        if step.type == 'LoadRefImage' and config.input_size != (size, size):
            step.reduce_to = (size, size)
    options = dict(type=args.dataset, data_root=root, split='train', sample_by='ref', pipeline=pipeline)
    if args.data is None:
        options.update(ann_dir='set', data_prefix=dict(img='pictures'))
    dataset = DATASETS.build(options)
    dataset.set_epoch(0, seed=0)
    return dataset


def variants(dataset: ReferDataset, infos: List[dict], size: int) -> Dict[str, Callable[[], object]]:
    """A round of each way to load, by name."""
    preprocess = MODELS.build(Config.fromfile(CONFIGS / 'models/swinb_bert.py').model.data_preprocessor)

    def normalize(sample: dict) -> dict:
        return preprocess(dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]), training=True)

    numbers = range(len(infos))
    return {
        'PIL, normalized': lambda: [load_with_pil(info, size, normalized=True) for info in infos] and None,
        'mmrefseg, normalized': lambda: [normalize(dataset[number]) for number in numbers] and None,
        'PIL': lambda: [load_with_pil(info, size, normalized=False) for info in infos] and None,
        'mmrefseg': lambda: [dataset[number] for number in numbers] and None,
        'cv2 alone': lambda: [load_with_cv2(info, size) for info in infos] and None,
    }


def measure_steps(dataset: ReferDataset, count: int, repeats: int) -> Dict[str, List[float]]:
    """Seconds of every step of the pipeline, for all pictures together, in each round."""
    names = ['get_data_info', *(type(step).__name__ for step in dataset.pipeline.transforms)]
    state = [None] * count

    def run(number: int) -> None:
        for i in range(count):
            if number == 0:
                state[i] = dataset.get_data_info(i)
            else:
                state[i] = dataset.pipeline.transforms[number - 1](dict(state[i]))

    return measure_in_turns({name: (lambda number=n: run(number)) for n, name in enumerate(names)}, repeats)


def main() -> None:
    """Measure, print the tables."""
    parser = argparse.ArgumentParser(description='Pictures with masks that one core loads in a second')
    parser.add_argument('--data', help='data root of a real dataset')
    parser.add_argument('--dataset', default='ReferDataset', help='its class')
    parser.add_argument('--images', type=int, default=48, help='pictures of a round')
    parser.add_argument('--sizes', type=int, nargs='+', default=(480, 224), help='sides of the squares to load')
    parser.add_argument('--repeats', type=int, default=15, help='rounds')
    parser.add_argument('--steps', action='store_true', help='time every step of the pipeline too')
    parser.add_argument('--out', type=Path, help='write the times to this .json file')
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the tools do: all ways gain
    init_default_scope('mmrefseg')
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        if args.data is None:
            make_set(temporary, args.images)
        for size in args.sizes:
            dataset = build_dataset(args, args.data or temporary, size)
            infos = [dataset.get_data_info(number) for number in range(args.images)]
            kilobytes = np.mean([os.path.getsize(info['img_path']) for info in infos]) / 1000
            print(f'{len(infos)} pictures of {kilobytes:.0f} kB to {size}x{size}, one thread, {args.repeats} rounds')
            times = measure_in_turns(variants(dataset, infos, size), args.repeats)
            table = PrettyTable(['', 'items/s', 'quartiles', 'ms an item', 'x PIL'], align='l')
            for name, values in times.items():
                slow, median, fast = (len(infos) / value for value in quartiles(values)[::-1])
                baseline = times['PIL, normalized' if 'normalized' in name else 'PIL']
                table.add_row([name, f'{median:.0f}', f'{slow:.0f} … {fast:.0f}', f'{1000 / median:.2f}',
                               f'{1 / ratio(values, baseline):.2f}'])
            print(table)
            results[size] = dict(times=times, images=len(infos), kilobytes=kilobytes)
            if args.steps:
                steps = measure_steps(dataset, args.images, args.repeats)
                table = PrettyTable(['step', 'ms an item'], align='l')
                for name, values in steps.items():
                    table.add_row([name, f'{1000 * quartiles(values)[1] / len(infos):.3f}'])
                print(table)
                results[size]['steps'] = steps
    save(args.out, results=results)


if __name__ == '__main__':
    sys.exit(run_command(main))
