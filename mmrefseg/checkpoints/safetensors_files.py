"""Checkpoints as safetensors, which hold tensors and text and run nothing when they are opened."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Dict, Optional, Union
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import CheckpointLoader
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmrefseg.utils.find_config import package_files
from mmrefseg.utils.json_object import json_object

SUFFIX = '.safetensors'
ZOO = 'zoo'  # zoo://FILE lies in the folder `zoo` beside configs/, wherever a config is used from
DTYPES = dict(float32=torch.float32, float16=torch.float16, bfloat16=torch.bfloat16, int8=torch.int8)
SCALE = '_scale'  # `x.weight` of eight bits has its factors in `x.weight_scale`, as compressed-tensors names them
SMALLEST_PACKED = 1024  # below it eight bits save nothing worth their rounding
METADATA = 'mmrefseg'
HASH = re.compile(rf'-([0-9a-f]{{8}})\{SUFFIX}$')  # as tools/model_converters/publish_model.py ends a name


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
    partial = f'{path}.partial'
    Path(partial).write_bytes(content)  # save_file would let nobody else read the file
    os.replace(partial, path)


def read_meta(path: Union[str, Path]) -> dict:
    """Read ``meta`` as :func:`save_safetensors` got it, and ``dtype``; empty for another program's file.

    Args:
        path (str | Path): A file, or a URL, which is downloaded once.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no safetensors file, it is cut off, or its metadata is not ours.
    """
    return _read(local_copy(str(path)), with_weights=False)['meta']


def load_from_safetensors(filename: str, map_location: Optional[Union[str, torch.device]] = None) -> dict:
    """Read a checkpoint; mmengine calls this for every checkpoint whose name ends with ``.safetensors``.

    Args:
        filename (str): A file; ``zoo://FILE``, one of those that come with mmrefseg; or a URL, which is downloaded
            once and kept in torch's hub folder.
        map_location (str | torch.device, optional): Where the weights go. Defaults to the CPU.

    Returns:
        dict: ``state_dict``, in single precision whatever the file has, and ``meta``.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is no safetensors file, it is cut off, or its metadata is not ours.
    """
    checkpoint = _read(local_copy(filename))
    if isinstance(map_location, (str, torch.device)):
        checkpoint['state_dict'] = {name: value.to(map_location) for name, value in checkpoint['state_dict'].items()}
    return checkpoint


def local_copy(filename: str) -> str:
    """The path of a file: of ``zoo://FILE`` in the zoo, of a URL, downloaded first, in a folder of torch's hub folder.

    A hash at the end of the name (``name-1a2b3c4d.safetensors``) is checked by the download. Rank 0 downloads for the
    others.
    """
    url = urlparse(filename)
    if url.scheme == ZOO:
        return str(package_files() / 'zoo' / filename.removeprefix(f'{ZOO}://'))
    if url.scheme not in ('http', 'https'):
        return os.path.expanduser(filename)
    of_url = hashlib.sha256(filename.encode()).hexdigest()[:8]  # many a file is called model.safetensors
    path = Path(torch.hub.get_dir()) / 'checkpoints' / of_url / Path(url.path).name

    def download():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            found = HASH.search(path.name)
            torch.hub.download_url_to_file(filename, str(path), found and found[1], progress=False)

    if is_main_process():
        download()
    barrier()
    download()  # the first process of another machine
    return str(path)


def _read(path: str, with_weights: bool = True) -> dict:
    """``meta`` and, unless only that is wanted, ``state_dict`` of a file."""
    if not os.path.isfile(path):
        raise FileNotFoundError(f'{path} can not be found')
    try:
        with safe_open(path, framework='pt') as opened:
            text = (opened.metadata() or {}).get(METADATA, '{}')
            stored = {name: opened.get_tensor(name) for name in opened.keys()} if with_weights else {}
    except SafetensorError as error:
        raise ValueError(f'{path} is no safetensors file, or it is cut off: {error}') from error
    meta = json_object(text, f'the metadata {METADATA!r} of {path}')
    packed = {name for name, value in stored.items() if value.dtype == torch.int8 and name + SCALE in stored}
    weights = {}
    for name, value in stored.items():
        if name.removesuffix(SCALE) in packed and name not in packed:
            continue
        if name in packed:
            value = (value.flatten(1) * stored[name + SCALE]).view(value.shape)
        weights[name] = value.float() if value.is_floating_point() else value
    return dict(meta=meta, state_dict=weights)


# mmengine takes the first pattern that fits, those later in the alphabet first: this is why URLs have their own.
CheckpointLoader.register_scheme(
    [rf'https?://\S+\{SUFFIX}$', rf'.+\{SUFFIX}$'], loader=load_from_safetensors, force=True)
