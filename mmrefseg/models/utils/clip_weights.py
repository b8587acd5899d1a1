"""Weights of OpenAI's CLIP checkpoints."""

import os
from typing import Dict, Union

from torch import Tensor

from mmrefseg.checkpoints.read import read_checkpoint, weights_of
from mmrefseg.errors import CheckpointError


def is_clip_file(pretrained: Union[str, os.PathLike, None]) -> bool:
    """Whether ``pretrained`` is a file such as OpenAI's ``RN50.pt``, or its URL, and no name of the hub or folder."""
    return pretrained is not None and str(pretrained).endswith(('.pt', '.pth'))


def read_clip_weights(pretrained: Union[str, os.PathLike], part: str, prefix: str = '') -> Dict[str, Tensor]:
    """Read an OpenAI checkpoint, as they publish it or as a plain state dict, in single precision.

    Args:
        pretrained (str): A file or a URL.
        part (str): The config key of the part, for errors: ``'backbone'``.
        prefix (str): Only weights whose names begin so, which is taken off. Defaults to '': all.

    Raises:
        OSError: It cannot be read.
        ValueError: It holds no such weights.
    """
    try:
        weights = weights_of(read_checkpoint(str(pretrained), convert=False), str(pretrained))
    except (CheckpointError, OSError) as error:
        raise OSError(f'{part}.pretrained={str(pretrained)!r} cannot be read: expected a CLIP checkpoint of OpenAI '
                      f'({type(error).__name__}: {error})') from error
    found = {name.removeprefix(prefix): value.float() for name, value in weights.items() if name.startswith(prefix)
             and value.is_floating_point()}
    if not found:
        raise ValueError(f'{part}.pretrained={str(pretrained)!r} holds no weights of the names {prefix}…, found '
                         f'{sorted(weights)[:5]}')
    return found
