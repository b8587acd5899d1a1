"""The batch of a training against the one that its rate was chosen for."""

from typing import Optional

from mmengine.config import Config


def check_batch(cfg: Config, processes: int) -> Optional[str]:
    """Compare processes × images × accumulated steps with ``auto_scale_lr.base_batch_size``.

    Args:
        cfg (Config): A whole config.
        processes (int): Of the training, one a GPU.

    Returns:
        str | None: What differs and the lines to type; None where the batch is the stated one, where the config states
        none, or where ``auto_scale_lr.enable`` fits the rate to the batch.
    """
    scaling = cfg.get('auto_scale_lr') or {}
    stated = scaling.get('base_batch_size')
    images, steps = cfg.train_dataloader.get('batch_size'), _accumulated(cfg)
    if not stated or not images or scaling.get('enable') or processes * images * steps == stated:
        return None
    lines = []
    if stated % processes == 0:
        lines.append(f'--cfg-options train_dataloader.batch_size={stated // processes}'
                     + (' optim_wrapper.accumulative_counts=1' if steps > 1 else ''))
        if steps == 1 and stated % (processes * images) == 0:
            lines.append(f'--cfg-options optim_wrapper.accumulative_counts={stated // (processes * images)}  '
                         '(batch norms see the images of a step)')
    if stated % (images * steps) == 0:
        fitting = stated // (images * steps)
        lines.append(f'{fitting} processes (torchrun --nproc-per-node {fitting} -m mmrefseg train CONFIG --launcher '
                     'pytorch)')
    lines.append('--cfg-options auto_scale_lr.enable=True  (the rate in proportion to the batch)')
    accumulated = f' x {steps} accumulated' if steps > 1 else ''
    return (f'A step learns from {processes * images * steps} images ({processes} processes x {images}{accumulated}), '
            f'and the learning rate was chosen for {stated} (auto_scale_lr.base_batch_size). To match, one of:\n  '
            + '\n  '.join(lines))


def count_accumulation(cfg: Config) -> None:
    """Let mmengine's ``auto_scale_lr``, which counts processes × images alone, count accumulated steps too."""
    scaling = cfg.get('auto_scale_lr') or {}
    if scaling.get('enable') and _accumulated(cfg) > 1:
        cfg.auto_scale_lr.base_batch_size = scaling.base_batch_size / _accumulated(cfg)


def _accumulated(cfg: Config) -> int:
    return (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
