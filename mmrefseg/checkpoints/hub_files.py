"""A file of a model on the Hugging Face hub: ``hf://OWNER/NAME/FILE`` -> a local path."""

import glob
import os
from fnmatch import fnmatchcase
from typing import List

import huggingface_hub
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from mmrefseg.errors import CheckpointError

HUB = 'hf://'


def hub_file(address: str) -> str:
    """Find a file of a model of the hub, downloaded at its first use into the hub's own cache.

    Args:
        address (str): ``hf://OWNER/NAME/FILE``. FILE may be a pattern (``*``, ``?``) that one file of the model fits.

    Returns:
        str: The path. A file that is there is not asked for again: it works offline.

    Raises:
        CheckpointError: The address is none, the hub cannot be reached, or not exactly one file fits; the message lists
            the files that are there.
    """
    owner, _, rest = address.removeprefix(HUB).partition('/')
    name, _, pattern = rest.partition('/')
    if not (address.startswith(HUB) and owner and name and pattern):
        raise CheckpointError(f'{address}: expected hf://OWNER/NAME/FILE, a file of a model of the Hugging Face hub')
    model = f'{owner}/{name}'
    known = _in_cache(model, pattern)
    if len(known) == 1:
        return known[0]
    try:
        names = huggingface_hub.list_repo_files(model)
        found = [file for file in names if fnmatchcase(file, pattern)]
        if len(found) == 1:
            return huggingface_hub.hf_hub_download(model, found[0])
    except (OSError, HFValidationError) as error:  # the hub's own errors are OSErrors, no network too
        raise CheckpointError(f'{address} cannot be had from the Hugging Face hub, and is not in its cache here '
                              f'({type(error).__name__}: {str(error).splitlines()[0]})') from error
    fits = f'{len(found)} files fit ({", ".join(found)})' if found else 'no file fits'
    raise CheckpointError(f'{address}: {fits}, expected one; {model} has {", ".join(names)}')


def _in_cache(model: str, pattern: str) -> List[str]:
    """Paths of the files of a model that were downloaded before and fit."""
    try:
        folder = huggingface_hub.snapshot_download(model, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        return []
    paths = (path for path in glob.glob(os.path.join(folder, '**'), recursive=True) if os.path.isfile(path))
    return [path for path in paths if fnmatchcase(os.path.relpath(path, folder), pattern)]
