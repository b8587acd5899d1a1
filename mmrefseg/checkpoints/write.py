"""The door by which weights go out: a file is whole, or it is not there."""

import io
from pathlib import Path
from typing import Union

import torch
from mmengine.fileio import get_file_backend
from mmengine.fileio.backends import LocalBackend
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner import runner as mmengine_runner

from mmrefseg.utils.whole_file import whole_file

_MMENGINES = mmengine_checkpoint.save_checkpoint


def save_checkpoint(checkpoint: dict, path: Union[str, Path]) -> None:
    """Write a checkpoint as torch.save does; it appears under its name when it is whole and on the disk.

    Args:
        checkpoint (dict): What :func:`~mmrefseg.checkpoints.read_checkpoint` is to read again.
        path (str | Path): The file, which is replaced; its folder is made.

    Raises:
        OSError: It cannot be written; the message has the path, and the space wanted where the disk is full.
    """
    with io.BytesIO() as buffer:
        torch.save(checkpoint, buffer)
        write_whole(path, buffer.getbuffer())


def write_whole(path: Union[str, Path], content: Union[bytes, memoryview]) -> None:
    """Write the content of a file of weights; errors as of :func:`save_checkpoint`."""
    with whole_file(path, wanted=len(content)) as part:
        Path(part).write_bytes(content)


def _save_for_mmengine(checkpoint, filename, file_client_args=None, backend_args=None) -> None:
    """Stand in the place of mmengine's ``save_checkpoint``; what is no local file goes its way."""
    if file_client_args is None and isinstance(get_file_backend(filename, backend_args=backend_args), LocalBackend):
        save_checkpoint(checkpoint, str(filename).removeprefix('file://'))
    else:
        _MMENGINES(checkpoint, filename, file_client_args, backend_args)


def register_door() -> None:
    """Let mmengine write its checkpoints by this door."""
    for module in (mmengine_checkpoint, mmengine_runner):
        module.save_checkpoint = _save_for_mmengine
