"""Draws samples of a config's dataset as its pipeline gives them: image, expressions, masks.

    python tools/analysis_tools/browse_dataset.py configs/lavt/lavt_nano_refshapes.py --split val
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import List, Optional

import mmcv
import numpy as np
from mmengine.registry import init_default_scope

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, apply_options, read_config
from mmrefseg.errors import RefDataError
from mmrefseg.registry import DATASETS
from mmrefseg.visualization import RefLocalVisualizer


def browse(dataset, output_dir: str, number: int) -> List[str]:
    """Draw samples, spread evenly over the dataset.

    Args:
        dataset: A dataset whose pipeline ends with ``PackRefInputs``.
        output_dir (str): Where the PNG files go.
        number (int): How many samples, at most.

    Returns:
        list[str]: The files written, ``<index of the sample>_<name of the picture>.png``.

    Raises:
        RefDataError: The pipeline gives no masks.
    """
    os.makedirs(output_dir, exist_ok=True)
    visualizer = RefLocalVisualizer()
    visualizer.dataset_meta = dataset.metainfo
    files = []
    for index in np.unique(np.linspace(0, len(dataset) - 1, min(number, len(dataset)), dtype=int)):
        sample = dataset[int(index)]
        data_sample = sample['data_samples']
        if 'gt_sem_seg' not in data_sample:
            raise RefDataError('the pipeline gives no masks: it needs LoadRefAnnotations')
        # (3, H, W) BGR -> (H, W, 3) RGB
        image = mmcv.bgr2rgb(np.ascontiguousarray(sample['inputs'].permute(1, 2, 0).numpy()))
        height, width = data_sample.gt_sem_seg.data.shape[-2:]
        if image.shape[:2] != (height, width):  # test pipelines keep the masks' own size
            image = mmcv.imresize(image, (width, height))
        name = os.path.splitext(os.path.basename(data_sample.img_path))[0]
        files.append(os.path.join(output_dir, f'{index:06d}_{name}.png'))
        visualizer.add_datasample(
            name, image, data_sample, draw_gt=True, draw_pred=False, out_file=files[-1])
    return files


def parse_args(arguments: Optional[Sequence] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='config file')
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train',
                        help='whose dataloader of the config')
    parser.add_argument('--output-dir', default='work_dirs/browse', help='where the pictures go')
    parser.add_argument('--number', type=int, default=20, help='how many samples')
    add_config_options(parser)
    return parser.parse_args(arguments)


def main(arguments: Optional[Sequence] = None) -> None:
    """Build the dataset and draw.

    Args:
        arguments (Sequence[str], optional): The command line, ``sys.argv`` by default.
    """
    args = parse_args(arguments)
    cfg = read_config(args.config)
    apply_options(cfg, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    dataset = DATASETS.build(cfg[f'{args.split}_dataloader'].dataset)
    files = browse(dataset, args.output_dir, args.number)
    print(f'{len(files)} of {len(dataset)} samples drawn into {args.output_dir}')


if __name__ == '__main__':
    sys.exit(run_command(main))
