"""The command line of the tools that run a trained model over a dataset."""

import argparse
from typing import Tuple

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmrefseg.apis import RefSegInferencer
from mmrefseg.engine import add_config_options, load_config
from mmrefseg.models import RefSegmentor
from mmrefseg.registry import DATASETS
from mmrefseg.utils import keep_freed_memory


def add_dataset_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``config``, ``--split`` and ``--cfg-options``."""
    parser.add_argument('config', help='config file, or name: see mmrefseg info')
    parser.add_argument('--split', help='default: the one in the config')
    add_config_options(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what :func:`add_dataset_arguments` adds, and ``checkpoint``."""
    add_dataset_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')


def add_sheet_arguments(parser: argparse.ArgumentParser, out: str, cell_width: int = 320) -> None:
    """Add ``--cell-width`` and ``--out``, with these defaults, and ``--colors``."""
    parser.add_argument('--cell-width', type=int, default=cell_width, help="pixels of a picture's longer side")
    parser.add_argument('--colors', type=int, help='reduce the picture to so many, at most 256: a smaller file')
    parser.add_argument('--out', default=out, help='the picture to write')


def read_config(args: argparse.Namespace) -> Config:
    """The config, whose test dataset is of the split that was asked for."""
    cfg = load_config(args.config, args.cfg_options)
    if args.split:
        cfg.test_dataloader.dataset.split = args.split
    return cfg


def open_dataset(cfg: Config) -> BaseDataset:
    """The test dataset of a config."""
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    return DATASETS.build(cfg.test_dataloader.dataset)


def open_model(args: argparse.Namespace) -> Tuple[RefSegmentor, BaseDataset]:
    """The model with its checkpoint, in evaluation mode, which predicts at the images' own size, and the dataset."""
    keep_freed_memory()
    cfg = read_config(args)
    model = RefSegInferencer(cfg, args.checkpoint, show_progress=False).model
    return model, open_dataset(cfg)
