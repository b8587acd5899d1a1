"""Train a referring segmentor:  python tools/train.py configs/lavt/lavt_nano_refshapes.py"""

import argparse
import os

from mmengine.runner import Runner

from mmrefseg.engine import add_run_arguments, enable_amp, finish_run, keep_freed_memory, load_config, prepare_cpu_run
from mmrefseg.models import compile_parts


def parse_args() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description='Train a referring segmentor')
    add_run_arguments(parser)
    parser.add_argument('--resume', action='store_true', help='go on from the latest checkpoint in the work dir')
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    """Build the runner and train."""
    args = parse_args()
    keep_freed_memory()
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    cfg.resume = args.resume
    if args.amp:
        enable_amp(cfg)
    prepare_cpu_run(cfg)
    runner = Runner.from_cfg(cfg)
    if args.compile:
        compile_parts(runner.model)
    runner.train()
    finish_run()


if __name__ == '__main__':
    main()
