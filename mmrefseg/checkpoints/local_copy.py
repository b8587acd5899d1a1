"""Local files of checkpoints: a path, a URL or a name of a model hub -> a file on this disk."""

import hashlib
import os
import re
from pathlib import Path, PurePosixPath
from typing import Optional
from urllib.error import URLError
from urllib.parse import unquote, urlparse

import torch
from mmengine.dist import barrier, is_main_process
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmrefseg.errors import CheckpointError
from mmrefseg.utils.find_config import package_files

from .hub_files import HUB, hub_file

HASH = re.compile(r'-([0-9a-f]{8})\.safetensors$')  # as tools/model_converters/publish_model.py ends a name
ZOO = 'zoo://'  # and a file of the folder `zoo` beside configs/, wherever a config is used from
HUBS = ('torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://', 'mmcls://')


def local_copy(source: str) -> str:
    """Find the local path of a checkpoint, downloaded first if it is a URL or a name of a hub.

    A download lies in a folder of its URL's own in torch's hub folder: many files are called ``model.safetensors``. A
    hash at the end of a safetensors name (``name-1a2b3c4d.safetensors``) is checked. Rank 0 downloads for the others.

    Args:
        source (str): A path; a URL (http, https); ``zoo://FILE``, one that comes with mmrefseg; ``hf://OWNER/NAME/FILE``
            of the Hugging Face hub (:func:`~mmrefseg.checkpoints.hub_files.hub_file`); or ``torchvision://``,
            ``openmmlab://`` or ``mmcls://`` and a name of mmengine's lists.

    Returns:
        str: The path.

    Raises:
        CheckpointError: The hub has no such name, or the download fails.
    """
    source = str(source)
    if source.startswith(HUBS):
        source = address_of(source)
    if source.startswith(ZOO):
        return str(package_files() / 'zoo' / os.path.basename(source))
    if source.startswith(HUB):
        return hub_file(source)  # the hub locks the file that it downloads
    url = urlparse(source) if '://' in source else None
    if url is None:
        return os.path.expanduser(source)
    if url.scheme == 'file':
        return unquote(url.path)
    if url.scheme not in ('http', 'https'):
        raise CheckpointError(f'{source}: expected a path, http, https, or {", ".join((ZOO, HUB, *HUBS))} and a name')
    of_url = hashlib.sha256(source.encode()).hexdigest()[:8]
    path = Path(torch.hub.get_dir()) / 'checkpoints' / of_url / (PurePosixPath(url.path).name or 'checkpoint')

    def download() -> None:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        found = HASH.search(path.name)
        try:
            torch.hub.download_url_to_file(source, str(path), found and found[1], progress=False)
        except RuntimeError as error:  # the hash
            raise CheckpointError(f'{source}: {error}') from error
        except (URLError, OSError, ValueError) as error:
            if getattr(error, 'errno', None) is not None and not isinstance(error, URLError):
                raise  # of this disk
            raise CheckpointError(f'{source} cannot be downloaded: {error}') from error

    if is_main_process():
        download()
    barrier()
    download()  # the first process of another machine
    return str(path)


def address_of(name: str) -> str:
    """Look a name of a hub up in mmengine's lists.

    Args:
        name (str): ``openmmlab://resnet50_v1c``, for example.

    Returns:
        str: Its URL, or a path in mmengine's home.

    Raises:
        CheckpointError: There is no such name.
    """
    hub, _, model = name.partition('://')
    if hub in ('torchvision', 'modelzoo'):
        names = mmengine_checkpoint.get_torchvision_models()
    elif hub == 'mmcls':
        names = mmengine_checkpoint.get_mmcls_models()
    else:
        names = mmengine_checkpoint.get_external_models()
        model = mmengine_checkpoint.get_deprecated_model_names().get(model, model)
    address: Optional[str] = names.get(model)
    if address is None:
        raise CheckpointError(f'{name}: mmengine knows no such model')
    if '://' not in address:
        address = os.path.join(mmengine_checkpoint._get_mmengine_home(), address)
    return address
