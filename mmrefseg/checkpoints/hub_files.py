"""A file of a model on the Hugging Face hub: ``hf://OWNER/NAME/FILE`` -> a local path."""

import glob
import os
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Callable, List, Tuple

import huggingface_hub
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from mmrefseg.errors import CheckpointError

from .released_names import with_traits

HUB = 'hf://'
ADDRESS = re.compile(r'hf://([^/?]+/[^/?]+)(?:/(.+)|\?(.+))')


def hub_file(address: str) -> str:
    """Find a file of a model of the hub, downloaded at its first use into the hub's own cache.

    Args:
        address (str): ``hf://OWNER/NAME/FILE``, where FILE may be a pattern (``*``, ``?``) that one file of the model
            fits; or ``hf://OWNER/NAME?data=refcoco&size=base``, the one file whose name says that
            (:mod:`~mmrefseg.checkpoints.released_names`).

    Returns:
        str: The path. A file that is there is not asked for again: it works offline.

    Raises:
        CheckpointError: The address is none, the hub cannot be reached, or not exactly one file fits; the message lists
            the files that are there.
    """
    model, fits = _read_address(address)
    known = _in_cache(model, fits)
    if len(known) == 1:
        return known[0]
    try:
        names = huggingface_hub.list_repo_files(model)
        found = [file for file in names if fits(file)]
        if len(found) == 1:
            return huggingface_hub.hf_hub_download(model, found[0])
    except (OSError, HFValidationError) as error:  # the hub's own errors are OSErrors, no network too
        raise CheckpointError(f'{address} cannot be had from the Hugging Face hub, and is not in its cache here '
                              f'({type(error).__name__}: {str(error).splitlines()[0]})') from error
    count = f'{len(found)} files fit ({", ".join(found)})' if found else 'no file fits'
    raise CheckpointError(f'{address}: {count}, expected one; {model} has {", ".join(names)}: say which by '
                          f'hf://{model}/FILE')


def _read_address(address: str) -> Tuple[str, Callable[[str], bool]]:
    """The model, and a test for the path of a file in it."""
    found = ADDRESS.fullmatch(address)
    if not found:
        raise CheckpointError(f'{address}: expected hf://OWNER/NAME/FILE, a file of a model of the Hugging Face hub')
    model, pattern, query = found.groups()
    if pattern:
        return model, lambda path: fnmatchcase(path, pattern)
    try:
        return model, with_traits(query)
    except ValueError as error:
        raise CheckpointError(f'{address}: {error}') from error


def _in_cache(model: str, fits: Callable[[str], bool]) -> List[str]:
    """Paths of the files of a model that were downloaded before and fit."""
    try:
        folder = huggingface_hub.snapshot_download(model, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return []
    paths = (path for path in glob.glob(os.path.join(folder, '**'), recursive=True) if os.path.isfile(path))
    return [path for path in paths if fits(Path(path).relative_to(folder).as_posix())]
