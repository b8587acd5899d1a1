"""Models of transformers with their processors, from a folder or the Hugging Face hub."""

from pathlib import Path
from typing import Callable, Optional

import torch
from huggingface_hub.utils import enable_progress_bars
from torch import nn

from ..utils.hub import quiet_transformers


def load_part(load: Callable, key: str, pretrained: str, local_files_only: bool = False,
              size: Optional[str] = None) -> object:
    """Call a ``from_pretrained``, with an error that says what to do where it fails.

    No code of the hub is run.

    Args:
        load (callable): A ``from_pretrained`` of transformers.
        key (str): The config key of the part, for errors: ``'model.detector'``.
        pretrained (str): A name of the hub, or a folder.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error: ``'about 690 MB'``.

    Raises:
        OSError: It cannot be read; the message names the hub name, the size and the folder to put it.
        ImportError: A package is missing that this model needs.
    """
    try:
        with quiet_transformers():
            enable_progress_bars()  # of the hub, while something is fetched
            return load(pretrained, local_files_only=local_files_only, trust_remote_code=False)
    except ImportError as error:
        raise ImportError(f'{key}.pretrained={pretrained!r} needs a package that is not installed: {error}') from error
    except Exception as error:  # each of transformers' readers raises its own
        raise OSError(_explain(key, pretrained, local_files_only, size, error)) from error


def load_model(auto_class: type, key: str, pretrained: str, local_files_only: bool = False,
               size: Optional[str] = None) -> nn.Module:
    """A model in single precision, for inference; its weights are read from safetensors files alone.

    Arguments and errors as :func:`load_part`; ``auto_class`` is one of transformers' model classes.
    """
    def load(name: str, **kwargs) -> nn.Module:
        return auto_class.from_pretrained(name, dtype=torch.float32, use_safetensors=True, **kwargs)
    return load_part(load, key, pretrained, local_files_only, size).eval()


def _explain(key: str, pretrained: str, local_files_only: bool, size: Optional[str], error: Exception) -> str:
    reason = f'({type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else "no message"})'
    if Path(pretrained).is_dir():
        return (f'{key}.pretrained: the folder {pretrained} cannot be read: it must hold config.json, the weights as '
                f'safetensors and the processor, as `hf download` or save_pretrained leave them {reason}')
    asked = 'is not on this disk, and local_files_only=True' if local_files_only else 'could not be fetched'
    return (f'{key}.pretrained={pretrained!r} of the Hugging Face hub{f" ({size})" if size else ""} {asked}. On a '
            f'machine with a network run  hf download {pretrained} --local-dir FOLDER  and set {key}.pretrained to '
            f'that folder. {reason}')
