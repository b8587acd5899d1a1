"""The masks of every iteration of a SADLR head beside the truth (SADLR, Fig. 5), a row an expression:

python tools/analysis_tools/iteration_grid.py CONFIG CHECKPOINT --split val --out iterations.png
"""

import argparse
from typing import List

import mmcv
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate

from mmrefseg.apis import RefSegInferencer
from mmrefseg.engine import keep_freed_memory
from mmrefseg.evaluation.mask_counts import intersection_and_union, resize_masks
from mmrefseg.models import RefSegmentor, SADLRHead
from mmrefseg.models.decode_heads.sadlr_head import binary_mask
from mmrefseg.registry import DATASETS
from mmrefseg.visualization import draw_prediction_grid


@torch.no_grad()
def iteration_masks(model: RefSegmentor, item: dict) -> torch.Tensor:
    """The masks of all iterations for a sample of the dataset.

    Args:
        model (RefSegmentor): With a ``SADLRHead``.
        item (dict): What the dataset gives: ``inputs`` and ``data_samples`` with E expressions.

    Returns:
        Tensor: (n, E, H, W) bool, at the size that the network sees.
    """
    batch = model.data_preprocessor(pseudo_collate([item]), False)
    features = model.extract_feat(batch['inputs'], batch['data_samples'])
    all_scores = model.decode_head.iterate(model.decode(features), features)
    size, align = batch['inputs'].shape[2:], model.decode_head.align_corners
    return torch.stack([
        binary_mask(F.interpolate(scores, size=size, mode='bilinear', align_corners=align)) for scores in all_scores
    ]).cpu()


def rows_of(item: dict, masks: torch.Tensor) -> List[dict]:
    """Each expression of a sample with its masks (n, H, W) and the IoU of each with the truth, percent."""
    sample = item['data_samples']
    truth = sample.gt_sem_seg.data
    at_input = resize_masks(truth, tuple(masks.shape[2:]))
    rows = []
    for i, expression in enumerate(sample.expressions):
        counts = intersection_and_union(masks[:, i].to(torch.uint8), at_input[i].expand(len(masks), -1, -1))
        rows.append(dict(path=sample.img_path, expression=expression, masks=masks[:, i].to(torch.uint8),
                         truth=truth[i], ious=100 * counts[0] / counts[1].clamp(min=1)))
    return rows


def main() -> None:
    """Draw the grid."""
    parser = argparse.ArgumentParser(description='The masks of every iteration of a SADLR head')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--split', help='default: the one in the config')
    parser.add_argument('--rows', type=int, default=6, help='expressions to draw')
    parser.add_argument('--order', choices=['spread', 'refined', 'spoilt'], default='spread',
                        help='spread evenly over the split, or those that gain (refined) or lose (spoilt) most IoU '
                        'from the first iteration to the last, one a picture')
    parser.add_argument('--out', default='iteration_grid.png', help='the file to write')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings of the config')
    args = parser.parse_args()
    keep_freed_memory()

    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    if args.split:
        cfg.test_dataloader.dataset.split = args.split
    model = RefSegInferencer(cfg, args.checkpoint, show_progress=False).model
    if not isinstance(model.decode_head, SADLRHead) or not model.decode_head.num_iterations:
        parser.error(f'{args.config} has the head {type(model.decode_head).__name__}, expected a SADLRHead with '
                     'iterations')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    chosen = range(len(dataset))
    if args.order == 'spread':
        chosen = np.linspace(0, len(dataset) - 1, min(args.rows, len(dataset))).astype(int)
    rows, ious = [], []
    sign = -1 if args.order == 'spoilt' else 1
    for i in chosen:
        item = dataset[i]
        of_picture = rows_of(item, iteration_masks(model, item))
        ious += [row['ious'] for row in of_picture]
        rows.append(of_picture[i % len(of_picture)] if args.order == 'spread' else
                    max(of_picture, key=lambda row: sign * (row['ious'][-1] - row['ious'][0])))
    if args.order != 'spread':
        rows.sort(key=lambda row: sign * (row['ious'][0] - row['ious'][-1]))
    items = []
    for row in rows[:args.rows]:
        # mmcv heeds channel_order with its plain 'color' flag only
        picture = mmcv.bgr2rgb(mmcv.imread(row['path'], flag='color_ignore_orientation'))
        items += [(picture, f'{iteration}: {row["expression"]}', mask, row['truth'])
                  for iteration, mask in enumerate(row['masks'], start=1)]
    draw_prediction_grid(items, args.out, columns=model.decode_head.num_iterations)
    means = ', '.join(f'{mean:.2f}' for mean in torch.stack(ious).mean(0))
    print(f'wrote {args.out}; mIoU of the iterations over {len(ious)} expressions: {means}')


if __name__ == '__main__':
    main()
