"""One picture of many predictions beside the truth:

python tools/analysis_tools/prediction_grid.py CONFIG CHECKPOINT --split testA --out grid.png
"""

import argparse

import mmcv
import numpy as np
from mmengine.config import Config, DictAction

from mmrefseg.apis import RefSegInferencer
from mmrefseg.engine import keep_freed_memory
from mmrefseg.registry import DATASETS
from mmrefseg.visualization import draw_prediction_grid


def main() -> None:
    """Draw the grid."""
    parser = argparse.ArgumentParser(description='One picture of many predictions beside the truth')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--split', help='default: the one in the config')
    parser.add_argument('--number', type=int, default=16, help='pictures, evenly spread over the split')
    parser.add_argument('--columns', type=int, default=4)
    parser.add_argument('--out', default='prediction_grid.png', help='the file to write')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings of the config')
    args = parser.parse_args()
    keep_freed_memory()

    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    if args.split:
        cfg.test_dataloader.dataset.split = args.split
    inferencer = RefSegInferencer(cfg, args.checkpoint, show_progress=False)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)

    items = []
    for i in np.linspace(0, len(dataset) - 1, min(args.number, len(dataset))).astype(int):
        sample = dataset[i]['data_samples']
        chosen = i % len(sample.expressions)  # one expression a picture, not always the first
        expression = sample.expressions[chosen]
        predicted, = inferencer.predict([sample.img_path], [[expression]])
        # mmcv heeds channel_order with its plain 'color' flag only
        picture = mmcv.bgr2rgb(mmcv.imread(sample.img_path, flag='color_ignore_orientation'))
        items.append((picture, expression,
                      predicted.pred_sem_seg.data[0].cpu().numpy(), sample.gt_sem_seg.data[chosen].numpy()))
    draw_prediction_grid(items, args.out, columns=args.columns)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
