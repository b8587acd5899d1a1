"""The best IoU that logits of a stride can reach on RefShapes, whatever the model: what a coarse decoder costs.

    python benchmarks/stride_ceiling.py data

Two ceilings: logits that are fitted to each mask by gradient descent, through the bilinear upsampling that the heads
have; and the share of the object in each cell, upsampled, which is what a model gives that knows no more than that.
"""

import argparse
import sys
from typing import List, Tuple

import torch
import torch.nn.functional as F
from prettytable import PrettyTable
from torch import Tensor

from mmrefseg.command_line.run_command import run_command
from mmrefseg.datasets import RefShapesAttributesDataset
from mmrefseg.datasets.masks import decode_segmentation


def read_masks(data_root: str, count: int, size: int) -> Tensor:
    """The first masks of val, (M, 1, S, S) of zeros and ones."""
    dataset = RefShapesAttributesDataset(data_root=data_root, split='val')
    masks: List[Tensor] = []
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        masks += [torch.from_numpy(decode_segmentation(
            shape['segmentation'], height=info['height'], width=info['width'], size=(size, size)))
            for shape in info['shapes']]
        if len(masks) >= count:
            break
    return torch.stack(masks[:count])[:, None].float()


def upsample(maps: Tensor, size: int) -> Tensor:
    """(M, 1, s, s) -> (M, 1, S, S), as the heads do."""
    return F.interpolate(maps, size=(size, size), mode='bilinear', align_corners=False)


def fitted(masks: Tensor, cells: int, steps: int = 80) -> Tensor:
    """Logits (M, 1, s, s) whose upsampling fits the masks best, upsampled."""
    logits = (F.interpolate(masks, size=(cells, cells), mode='area') * 8 - 4).requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(upsample(logits, masks.shape[-1]), masks).backward()
        optimizer.step()
    return upsample(logits.detach(), masks.shape[-1])


def scores(predicted: Tensor, masks: Tensor) -> Tuple[float, float]:
    """mIoU and P@0.9, percent, of masks (M, 1, S, S)."""
    masks = masks.bool()
    iou = (predicted & masks).sum((1, 2, 3)) / (predicted | masks).sum((1, 2, 3))
    return 100 * iou.mean().item(), 100 * (iou > 0.9).float().mean().item()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('data', help='data root with RefShapes (make_refshapes.py)')
    parser.add_argument('--masks', type=int, default=500)
    parser.add_argument('--sizes', type=int, nargs='+', default=[96, 128], help='of the input')
    parser.add_argument('--strides', type=int, nargs='+', default=[8, 4, 2])
    parser.add_argument('--device', default='cpu')
    args = parser.parse_args()
    table = PrettyTable(['input', 'stride', 'fitted: mIoU', 'P@0.9', 'share of the cell: mIoU', 'P@0.9 '])
    for size in args.sizes:
        masks = read_masks(args.data, args.masks, size).to(args.device)
        for stride in args.strides:
            shares = F.interpolate(masks, size=(size // stride, ) * 2, mode='area')
            best = scores(fitted(masks, size // stride) > 0, masks)
            coarse = scores(upsample(shares, size) > 0.5, masks)
            table.add_row([size, stride, *(f'{value:.1f}' for value in (*best, *coarse))])
    print(table)


if __name__ == '__main__':
    sys.exit(run_command(main))
