"""Checkpoints as safetensors, which hold tensors and text and run nothing when they are opened."""

import json
from pathlib import Path
from typing import Dict, Optional, Union

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmrefseg.errors import CheckpointError
from mmrefseg.utils.json_object import json_object

from .file_kind import SAFETENSORS, kind_of_file
from .local_copy import local_copy
from .write import write_whole

SUFFIX = '.safetensors'
DTYPES = dict(float32=torch.float32, float16=torch.float16, bfloat16=torch.bfloat16, int8=torch.int8)
SCALE = '_scale'  # `x.weight` of eight bits has its factors in `x.weight_scale`, as compressed-tensors names them
SMALLEST_PACKED = 1024  # below it eight bits save nothing worth their rounding
METADATA = 'mmrefseg'


def save_safetensors(path: Union[str, Path], weights: Dict[str, Tensor], meta: dict, dtype: str = 'float32') -> None:
    """Write a checkpoint; the same arguments give the same bytes.

    Args:
        path (str | Path): ``….safetensors``; it appears when it is complete.
        weights (dict): The state dict.
        meta (dict): What JSON can hold; :func:`load_from_safetensors` gives it back as ``meta``.
        dtype (str): What floating point weights become: 'float32', 'float16', 'bfloat16', or 'int8'. That one
            writes matrices and kernels row by row as eight bits and a factor (the row's largest magnitude is 127) and
            leaves small ones, vectors and statistics in single precision. Defaults to 'float32'.

    Raises:
        ValueError: An unknown ``dtype``, a weight that is not finite, or too large for it.
    """
    if dtype not in DTYPES:
        raise ValueError(f'dtype {dtype!r}: expected one of {", ".join(DTYPES)}')
    stored = {}
    for name, value in weights.items():
        # A copy: safetensors refuses weights that share their memory, as tied ones do.
        value = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        if not value.is_floating_point():
            stored[name] = value
            continue
        if not value.isfinite().all():
            raise ValueError(f'the weight {name} is not finite')
        if dtype != 'int8':
            stored[name] = value.to(DTYPES[dtype])
        elif value.ndim < 2 or value.numel() < SMALLEST_PACKED:
            stored[name] = value.float()
        else:
            rows = value.float().flatten(1)
            scale = rows.abs().amax(dim=1, keepdim=True) / 127
            scale[scale == 0] = 1  # a row of zeros
            stored[name] = (rows / scale).round().to(torch.int8).view(value.shape)
            stored[name + SCALE] = scale
        if not stored[name].isfinite().all():
            raise ValueError(f'the weight {name} reaches {value.abs().max():.3g}, too large for {dtype}: use bfloat16')
    # Metadata is one entry: safetensors writes several in an order of chance.
    content = save(stored, metadata={METADATA: json.dumps(dict(meta, dtype=dtype), sort_keys=True)})
    write_whole(path, content)  # save_file would let nobody else read the file


def read_meta(path: Union[str, Path]) -> dict:
    """Read ``meta`` as :func:`save_safetensors` got it, and ``dtype``; empty for another program's file.

    Args:
        path (str | Path): A file, or a URL, which is downloaded once.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is no safetensors file, it is cut off, or its metadata is not ours.
    """
    return read_safetensors(local_copy(str(path)), with_weights=False)['meta']


def load_from_safetensors(filename: str, map_location: Optional[Union[str, torch.device]] = None) -> dict:
    """Read a safetensors checkpoint.

    Args:
        filename (str): A file; ``zoo://FILE``, one of those that come with mmrefseg; or a URL, which is downloaded
            once and kept in torch's hub folder.
        map_location (str | torch.device, optional): Where the weights go. Defaults to the CPU.

    Returns:
        dict: ``state_dict``, in single precision whatever the file has, and ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        CheckpointError: It is no safetensors file, it is cut off, or its metadata is not ours.
    """
    checkpoint = read_safetensors(local_copy(filename))
    if isinstance(map_location, (str, torch.device)):
        checkpoint['state_dict'] = {name: value.to(map_location) for name, value in checkpoint['state_dict'].items()}
    return checkpoint


def read_safetensors(path: str, with_weights: bool = True) -> dict:
    """Read ``meta`` and, unless only that is wanted, ``state_dict`` of a local file; errors as of :func:`read_meta`."""
    if kind_of_file(path) != SAFETENSORS:
        raise CheckpointError(f'{path} is no safetensors file: it holds a pickle, as .pth files do')
    try:
        with safe_open(path, framework='pt') as opened:
            text = (opened.metadata() or {}).get(METADATA, '{}')
            stored = {name: opened.get_tensor(name) for name in opened.keys()} if with_weights else {}
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise CheckpointError(f'{path} is no safetensors file, or it is cut off: {error}') from error
    meta = json_object(text, f'the metadata {METADATA!r} of {path}')
    packed = {name for name, value in stored.items() if value.dtype == torch.int8 and name + SCALE in stored}
    weights = {}
    for name, value in stored.items():
        if name.removesuffix(SCALE) in packed and name not in packed:
            continue
        if name in packed:
            factors = stored[name + SCALE]
            if value.ndim < 2 or factors.shape != (len(value), 1):
                raise CheckpointError(f'{path}: {name} of the shape {tuple(value.shape)} has factors of the shape '
                                      f'{tuple(factors.shape)}, expected one a row')
            value = (value.flatten(1) * factors).view(value.shape)
        weights[name] = value.float() if value.is_floating_point() else value
    return dict(meta=meta, state_dict=weights)
