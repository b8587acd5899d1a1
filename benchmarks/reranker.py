"""How often the right one of an image's true objects is chosen, by a segmentor's mask and by RegionReranker:

python benchmarks/reranker.py sadlr_lavt_nano_refshapes --splits val testA testB
"""

import argparse
import sys
from typing import Dict, List

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from prettytable import PrettyTable

from mmrefseg.analysis.results.image_objects import read_image_objects
from mmrefseg.analysis.results.near_misses import object_ious, object_masks
from mmrefseg.command_line.run_command import run_command
from mmrefseg.models import RegionReranker
from mmrefseg.registry import DATASETS
from mmrefseg.utils import find_config

ROWS = dict(
    chance='any object', mask_box="the box nearest to the box of the model's mask",
    mask="the object that the model's mask overlaps best", boxes='re-ranker, boxes', masks='re-ranker, masks')


def main() -> None:
    """Print a table, a column a split."""
    parser = argparse.ArgumentParser(description='Accuracy of choice among the true objects of an image')
    parser.add_argument('model', help='name in the zoo, or a config')
    parser.add_argument('--weights', help="checkpoint; default: the zoo's")
    parser.add_argument('--data-root', help="default: the config's")
    parser.add_argument('--splits', nargs='+', default=['val'])
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args()
    init_default_scope('mmrefseg')
    cfg = Config.fromfile(find_config(args.model))
    reranker = RegionReranker(args.model, args.weights).to(args.device)
    table = PrettyTable(['chosen by', *args.splits], align='r')
    table.align['chosen by'] = 'l'
    columns = []
    for split in args.splits:
        settings = dict(cfg.test_dataloader.dataset, split=split, pipeline=[])
        if args.data_root:
            settings['data_root'] = args.data_root
        columns.append(choose_all(reranker, DATASETS.build(settings)))
    for key, title in ROWS.items():
        table.add_row([title, *(f'{100 * np.mean(column[key]):.1f}' for column in columns)])
    print(table)
    counts = [f'{len(column["chance"])} ({split})' for split, column in zip(args.splits, columns)]
    print('expressions: ' + ', '.join(counts))


@torch.no_grad()
def choose_all(reranker: RegionReranker, dataset) -> Dict[str, List[float]]:
    """Whether each choice was right (chance: how often it would be), for every expression of a split."""
    infos = [dataset.get_data_info(number) for number in range(len(dataset))]
    objects = read_image_objects(dataset.instances_file, {info['image_id'] for info in infos})
    right = {key: [] for key in ROWS}
    for info in infos:
        size = (info['height'], info['width'])
        masks = object_masks(objects[info['image_id']], *size, size)
        regions = torch.from_numpy(masks)
        boxes = torch.tensor([box_of(mask) for mask in masks])
        image = Image.open(info['img_path']).convert('RGB')
        truths = [object_masks([one], *size, size)[0] for one in segmentations(info)]
        for probability, truth in zip(reranker(image, info['expressions']).cpu(), truths):
            own = int(object_ious(truth, masks).argmax())
            seen = torch.nn.functional.interpolate(probability[None, None], size, mode='bilinear')[0, 0].numpy() > 0.5
            choices = dict(
                mask=object_ious(seen, masks).argmax(), boxes=reranker.score_boxes(probability, boxes, size).argmax(),
                masks=reranker.score_masks(probability, regions).argmax(),
                mask_box=box_ious(box_of(seen), boxes.numpy()).argmax())
            for key, choice in choices.items():
                right[key].append(int(choice) == own)
            right['chance'].append(1 / len(masks))
    return right


def segmentations(info: dict) -> list:
    """The annotations of an image's expressions, each with its ``segmentation``."""
    return [type('Truth', (), dict(segmentation=info['segmentations'][index])) for index in info['object_index']]


def box_of(mask: np.ndarray) -> List[float]:
    """The box x0, y0, x1, y1 of a mask (H, W); all zero of an empty one."""
    if not mask.any():
        return [0.0] * 4
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return [float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)]


def box_ious(box: List[float], boxes: np.ndarray) -> np.ndarray:
    """IoU of a box with K others (K, 4): (K,)."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    overlap = (high - low).clip(0).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2] - box[0]) * (box[3] - box[1])
    return overlap / np.maximum(area - overlap, 1e-9)


if __name__ == '__main__':
    sys.exit(run_command(main))
