"""The size of the images that a config's pipelines and model are made for, in one place."""

from typing import Iterator, List, Sequence, Tuple, Union

from mmengine.config import Config, ConfigDict

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def pipeline_sizes(cfg: Config) -> List[Tuple[int, int]]:
    """Sizes (width, height) that the pipelines of a config resize to, each once.

    Args:
        cfg (Config): A whole config.

    Returns:
        list[tuple[int, int]]: In the order of training, validation and test.
    """
    return list(dict.fromkeys(_pair(step.scale) for step in _resizing_steps(cfg)))


def set_input_size(cfg: Config, size: Union[int, Sequence[int]]) -> None:
    """Set the size of the images in all that a config builds: pipelines, preprocessor, maps of the model, in place.

    Everything that has the size of the pipelines follows: ``scale`` of every ``RefResize`` and ``Letterbox``,
    ``reduce_to`` of ``LoadRefImage``, ``size`` of ``data_preprocessor``, ``feature_size`` of fusion and decoder at
    their own strides, ``backbone.pretrain_img_size`` where positions are embedded, and the key ``input_size``.

    Args:
        cfg (Config): A whole config; it is changed.
        size (int | Sequence[int]): (width, height), or one number for a square.

    Raises:
        ValueError: The size is none, the config has no single size of its own, or a model has a weight a cell and its
            map would not come out whole.

    Example:
        >>> from mmengine.config import Config
        >>> from mmrefseg.utils import find_config, set_input_size
        >>> cfg = Config.fromfile(find_config('s2rm/s2rm-casg_swint_refcoco'))
        >>> set_input_size(cfg, 480)
        >>> cfg.test_dataloader.dataset.pipeline[1].scale, cfg.model.fusion.feature_size
        ((480, 480), (15, 15))
    """
    new = _pair(size)
    found = pipeline_sizes(cfg)
    if len(found) != 1:
        raise ValueError(f'input_size sets the one size of all pipelines, but those of the config resize to {found}')
    old = found[0]
    for step in _resizing_steps(cfg):
        step.scale = new
    for step in _steps(cfg):
        if step.get('reduce_to') is not None and _pair(step.reduce_to) == old:
            step.reduce_to = new
    _set_preprocessor(cfg.model.get('data_preprocessor') or {}, old, new)
    for part in ('fusion', 'decoder'):
        part_cfg = cfg.model.get(part) or {}
        if part_cfg.get('feature_size') is not None:
            part_cfg.feature_size = _cells(f'model.{part}.feature_size', part_cfg.feature_size, old, new)
    backbone = cfg.model.get('backbone') or {}
    if backbone.get('use_abs_pos_embed') and _pair(backbone.pretrain_img_size) == old[::-1]:
        backbone.pretrain_img_size = new[0] if new[0] == new[1] else new[::-1]
    cfg.input_size = new


def _steps(cfg: Config) -> Iterator[ConfigDict]:
    for loader in LOADERS:
        datasets = [(cfg.get(loader) or {}).get('dataset')]
        while datasets:
            dataset = datasets.pop()
            if isinstance(dataset, dict):
                datasets += list(dataset.get('datasets', [])) + [dataset.get('dataset'), dataset.get('common')]
                yield from dataset.get('pipeline', [])


def _resizing_steps(cfg: Config) -> Iterator[ConfigDict]:
    return (step for step in _steps(cfg) if step.get('scale') is not None
            and any(kind in str(step.get('type')) for kind in ('Resize', 'Letterbox')))


def _pair(size: Union[int, Sequence[int]]) -> Tuple[int, int]:
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, (list, tuple)) else ()
    if len(pair) != 2 or not all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in pair):
        raise ValueError(f'input_size is {size!r}, expected a number of pixels or (width, height)')
    return pair


def _set_preprocessor(preprocessor: dict, old: Tuple[int, int], new: Tuple[int, int]) -> None:
    for options in (preprocessor, preprocessor.get('test_cfg') or {}):
        if options.get('size') is not None and _pair(options['size']) == old[::-1]:
            options['size'] = new[::-1]


def _cells(key: str, cells: Sequence[int], old: Tuple[int, int], new: Tuple[int, int]) -> Tuple[int, int]:
    """(H, W) of a map for images of the new (width, height), at the stride that it has for the old ones."""
    strides = [side // count for side, count in zip(old[::-1], cells)]
    sizes = tuple(-(-side // stride) for side, stride in zip(new[::-1], strides))
    if any(side % stride for side, stride in zip(new[::-1], strides)):
        near = tuple(stride * round(side / stride) or stride for side, stride in zip(new, strides[::-1]))
        raise ValueError(f'input_size is {new} (width, height), but {key} has a weight a cell of {strides[1]} x '
                         f'{strides[0]} pixels: take a multiple, such as {near}')
    return sizes
