"""Overrides of a config, and the short ones that stand for all that they concern."""

from typing import Dict

from mmengine.config import Config

from mmrefseg.utils import set_input_size

from .config_keys import check_options


def apply_options(cfg: Config, options: Dict[str, object]) -> Config:
    """Override a config in place.

    Beside dotted keys three short ones are known. ``max_epochs`` is the number of epochs, with the end of every
    scheduler and the validation interval where these were that number, too. ``batch_size`` is the images of a training
    step on one process. ``input_size`` is a side, or width and height, see :func:`mmrefseg.utils.set_input_size`.

    Args:
        cfg (Config): The config.
        options (dict): Dotted keys -> values, of ``--cfg-options``.

    Returns:
        Config: ``cfg``.

    Raises:
        ValueError: Nothing reads one of the keys, or a short one has a value of another kind.
    """
    options = dict(options)
    short = {name: options.pop(name) for name in SETTERS if name in options}
    check_options(cfg, options, tuple(SETTERS))
    cfg.merge_from_dict(options)
    for name, value in short.items():
        SETTERS[name](cfg, value)
    return cfg


def set_max_epochs(cfg: Config, value: int) -> None:
    """Set the number of epochs, and what the config had tied to it."""
    _expect_number('max_epochs', value)
    if cfg.get('train_cfg', {}).get('max_epochs') is None:
        raise ValueError('--cfg-options max_epochs: train_cfg of the config counts no epochs; set train_cfg.max_iters')
    before = cfg.train_cfg.max_epochs
    cfg.train_cfg.max_epochs = value
    if cfg.train_cfg.get('val_interval') == before:
        cfg.train_cfg.val_interval = value
    schedulers = cfg.get('param_scheduler') or []
    for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
        if scheduler.get('by_epoch', True) and scheduler.get('end') == before:
            scheduler.end = value
    if 'max_epochs' in cfg:
        cfg.max_epochs = value


def set_batch_size(cfg: Config, value: int) -> None:
    """Set the images of a training step on one process."""
    _expect_number('batch_size', value)
    cfg.train_dataloader.batch_size = value


def _expect_number(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f'--cfg-options {name}={value}: expected a whole number, 1 or more')


SETTERS = dict(max_epochs=set_max_epochs, batch_size=set_batch_size, input_size=set_input_size)
