"""The door by which weights come in: whatever the way, nothing in a checkpoint runs when it is opened.

Every way of mmengine leads here as well: ``load_from``, ``--resume``, ``init_cfg`` and ``load_url``.
"""

import os
from collections import OrderedDict
from typing import Callable, Dict, Optional, Union

import torch
from mmengine.logging import print_log
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import apply_to
from torch import Tensor

from mmrefseg.errors import CheckpointError, shown

from .converters import Converted, OfficialFormatError, convert_official
from .detectron2_pickle import read_detectron2_pickle
from .file_kind import PICKLE, SAFETENSORS, ZIP, kind_of_file
from .local_copy import local_copy
from .safetensors_files import SUFFIX, read_safetensors
from .torch_files import check_torch_file, is_legacy, read_torch_file
from .torchscript_archive import is_torchscript_archive, read_torchscript_weights

#: Key of a checkpoint's ``meta`` under which a converted one says what it was: family, config and options.
OFFICIAL = 'official'
MODULE = 'module.'  # that DistributedDataParallel puts before names


def read_checkpoint(source: str, convert: bool = True) -> dict:
    """Read a checkpoint: of torch, safetensors, TorchScript (its weights alone) or detectron2, told by its content.

    A checkpoint of a method's own code that :func:`~mmrefseg.checkpoints.converters.convert_official` knows is
    converted in memory; ``meta['official']`` has its ``family``, ``config`` and ``options``, which the config must
    have.

    Args:
        source (str): As :func:`local_copy` takes it.
        convert (bool): Whether official checkpoints are converted. Defaults to True.

    Returns:
        dict: What the file holds, on the CPU: ``state_dict`` and ``meta`` of a training's or a published one; a bare
        state dict as it is.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is no checkpoint (and what it seems to be), it is damaged, it takes more than the budget, it
            names something that weights do not need, or an official one has names that its converter does not know.
    """
    path = local_copy(source)
    where = source if path == source else f'{source} ({path})'
    if path.endswith('.onnx'):
        raise CheckpointError(f'{where} is a whole model: give it in the place of the config, without weights')
    kind = kind_of_file(path)
    if kind == SAFETENSORS:
        checkpoint = read_safetensors(path)
    elif path.endswith(SUFFIX):
        raise CheckpointError(f'{path} is no safetensors file: it holds a pickle, as .pth files do')
    elif kind == ZIP and is_torchscript_archive(path):
        checkpoint = read_torchscript_weights(path)
    elif kind == PICKLE and not is_legacy(path):
        checkpoint = read_detectron2_pickle(path)
    else:
        checkpoint = read_torch_file(path, kind)
    if not isinstance(checkpoint, dict):
        raise CheckpointError(f'{where} holds {shown(type(checkpoint).__name__)}, expected a dict of weights')
    try:
        converted = convert_official(checkpoint) if convert else None
    except OfficialFormatError as error:
        raise CheckpointError(f'{where}: {error}') from error
    if converted is not None:
        checkpoint = _as_ours(converted, where)
    return checkpoint


def check_file(path: str) -> None:
    """Check a file that another program is to read as weights: that it is one, whole, and within the budget.

    Args:
        path (str): The file.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: As of :func:`read_checkpoint`.
    """
    kind = kind_of_file(path)
    if kind == SAFETENSORS:
        read_safetensors(path, with_weights=False)
    else:
        check_torch_file(path, kind)


def weights_of(checkpoint: dict, source: str) -> Dict[str, Tensor]:
    """Find the weights of a checkpoint: its ``state_dict``, or itself.

    Args:
        checkpoint (dict): Of :func:`read_checkpoint`.
        source (str): Its file, for errors.

    Returns:
        dict: Names -> weights, without DistributedDataParallel's ``module.``.

    Raises:
        CheckpointError: There are none.
    """
    weights = checkpoint.get('state_dict', checkpoint)
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(f'{source}: its state_dict is {shown(weights)}, expected weights by their names')
    strangers = [shown(name, 30) for name, value in weights.items() if not isinstance(value, Tensor)]
    if strangers:
        names = ', '.join(strangers[:6]) + (' …' if len(strangers) > 6 else '')
        raise CheckpointError(f"{source} holds {names}; expected 'state_dict' with weights by their names, a bare "
                              'state dict, or an official checkpoint of a family that mmrefseg knows')
    bare = OrderedDict((str(name).removeprefix(MODULE), value) for name, value in weights.items())
    metadata = getattr(weights, '_metadata', None)
    if metadata is not None:
        bare._metadata = metadata
    return bare


def load_from_mmrefseg(filename: str, map_location: Optional[Union[str, torch.device, Callable, dict]] = None) -> dict:
    """Read a checkpoint for mmengine, which calls this for every source.

    ``meta['config']``, which mmengine would run as Python when a training goes on, is left out; :func:`read_checkpoint`
    has it.

    Args:
        filename (str): As :func:`local_copy` takes it.
        map_location (str | torch.device, optional): Where tensors go. Defaults to the CPU.

    Returns:
        dict: As :func:`read_checkpoint`.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: As of :func:`read_checkpoint`.
    """
    checkpoint = read_checkpoint(filename)
    meta = checkpoint.get('meta')
    if isinstance(meta, dict):
        checkpoint['meta'] = {key: value for key, value in meta.items() if key != 'config'}
    if str(filename).startswith('mmcls://'):
        checkpoint = mmengine_checkpoint._process_mmcls_checkpoint(checkpoint)
    if isinstance(map_location, (str, torch.device)) and torch.device(map_location).type != 'cpu':
        checkpoint = apply_to(checkpoint, lambda value: isinstance(value, Tensor), lambda value: value.to(map_location))
    return checkpoint


def _load(cls, filename: str, map_location=None, logger=None) -> dict:
    """Stand in the place of ``CheckpointLoader.load_checkpoint``, which prints how it reads where it has no logger."""
    return cls._get_checkpoint_loader(filename)(filename, map_location)


def _load_url(url: str, model_dir: Optional[str] = None, map_location=None, *_, **__) -> dict:
    """Stand in the place of torch's ``load_url``, which unpickles whatever it gets."""
    return load_from_mmrefseg(url, map_location)


def _torch_load(file, map_location=None, *_, **__) -> dict:
    """Stand in the place of onedl-mmengine's own: by our reader, or by torch's safe one where it is an open file."""
    if isinstance(file, (str, os.PathLike)):
        return load_from_mmrefseg(os.fspath(file), map_location)
    return torch.load(file, map_location=map_location, weights_only=True)


def _as_ours(converted: Converted, where: str) -> dict:
    """The checkpoint that a converted official one is here."""
    if converted.unknown:
        raise CheckpointError(f'{where} is an official checkpoint of {converted.family} with {len(converted.unknown)} '
                              f'names that its code does not have ({", ".join(converted.unknown[:5])}): convert it '
                              f'with --ignore-unknown of mmrefseg tool {converted.family.lower()}')
    needs = ''.join(f', {key}={value}' for key, value in converted.options.items())
    print_log(f'{where} is an official checkpoint of {converted.family}, converted as it is read, for the config '
              f'{converted.config}{needs}', 'current')
    official = dict(family=converted.family, config=converted.config, options=dict(converted.options))
    return dict(state_dict=converted.state_dict, meta={OFFICIAL: official})


def register_door() -> None:
    """Let every scheme of mmengine's ``CheckpointLoader``, and its ``load_url``, read by this door."""
    # The first pattern that fits, those later in the alphabet first: all that mmengine has, and those of cloud storage,
    # which would unpickle what they bring, say what is expected instead.
    CheckpointLoader.load_checkpoint = classmethod(_load)
    CheckpointLoader.register_scheme(list(CheckpointLoader._schemes), loader=load_from_mmrefseg, force=True)
    for way in ('local', 'http', 'torchvision', 'openmmlab', 'mmcls'):
        setattr(mmengine_checkpoint, f'load_from_{way}', load_from_mmrefseg)
    mmengine_checkpoint.load_url = _load_url
    if hasattr(mmengine_checkpoint, '_safe_torch_load'):  # of onedl-mmengine: unpickles anything after a second try
        mmengine_checkpoint._safe_torch_load = _torch_load
