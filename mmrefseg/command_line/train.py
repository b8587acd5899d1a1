"""Training: ``python -m mmrefseg train CONFIG`` and ``python tools/train.py CONFIG`` are this."""

import argparse
from typing import Optional, Sequence

from mmengine.config import Config

from mmrefseg.engine import (
    TRAINING,
    RefRunner,
    add_checkpoint_care,
    add_console,
    add_run_arguments,
    add_run_record,
    add_train_loop,
    check_batch,
    check_config,
    claim_work_dir,
    count_accumulation,
    enable_amp,
    finish_run,
    load_config,
    make_deterministic,
    other_processes,
    parse_run_arguments,
    prepare_cpu_run,
    resume_after_restart,
)
from mmrefseg.models import compile_parts
from mmrefseg.utils import keep_freed_memory


def parse_args(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=prog, description='Train a referring segmentor')
    add_run_arguments(parser)
    parser.add_argument('--resume', action='store_true', help='go on from the latest checkpoint in the work dir')
    parser.add_argument('--seed', type=int, help="in place of the config's randomness.seed")
    parser.add_argument('--deterministic', action='store_true',
                        help='bit-equal runs on one process: deterministic algorithms alone, slower on CUDA')
    return parse_run_arguments(parser, arguments)


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> None:
    """Build the runner and train."""
    args = parse_args(arguments, prog)
    keep_freed_memory()
    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    cfg.resume = args.resume or bool(cfg.get('resume'))
    check_config(cfg, TRAINING)
    resume_after_restart(cfg)
    lock = claim_work_dir(cfg)
    try:
        with other_processes(cfg):
            run(cfg, args)
    finally:
        if lock is not None:
            lock.release()


def run(cfg: Config, args: argparse.Namespace) -> None:
    """Train by a config that is read, in a work dir that is claimed."""
    if args.seed is not None:
        cfg.randomness = dict(cfg.get('randomness') or {}, seed=args.seed)
    if args.deterministic:
        make_deterministic(cfg)
    if args.amp:
        enable_amp(cfg)
    add_run_record(cfg)
    add_console(cfg)
    add_checkpoint_care(cfg)
    add_train_loop(cfg)
    prepare_cpu_run(cfg)
    count_accumulation(cfg)
    runner = RefRunner.from_cfg(cfg)
    differs = check_batch(cfg, runner.world_size)
    if differs:
        runner.logger.warning(differs)
    if args.compile:
        compile_parts(runner.model)
    check_steps(runner)
    runner.train()
    finish_run()


def check_steps(runner: RefRunner) -> None:
    """Check that an epoch has a step.

    Raises:
        ValueError: The data set is smaller than a batch, and ``drop_last`` leaves nothing of it.
    """
    loader = runner.train_loop.dataloader
    if len(loader) == 0:
        raise ValueError(f'train_dataloader: {len(loader.dataset)} samples on {runner.world_size} process(es) make no '
                         f'batch of {loader.batch_size}, and drop_last leaves out what is less: set a smaller '
                         'batch_size, or drop_last=False')
