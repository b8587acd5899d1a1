"""The versions and the machine that a run depends on. Imports nothing that could be missing."""

import os
import platform
import sys
from importlib import metadata
from typing import Dict, List, Optional

# (name shown, distributions that bring it). mmcv's forks install the same import name.
PACKAGES = (
    ('mmrefseg', ['mmrefseg']),
    ('torch', ['torch']),
    ('torchvision', ['torchvision']),
    ('mmengine', ['mmengine', 'mmengine-lite', 'onedl-mmengine']),
    ('mmcv', ['mmcv', 'mmcv-lite', 'onedl-mmcv', 'mmcv-full']),
    ('mmseg', ['mmsegmentation', 'onedl-mmsegmentation']),
    ('mmdet', ['mmdet', 'onedl-mmdetection']),
    ('transformers', ['transformers']),
    ('tokenizers', ['tokenizers']),
    ('numpy', ['numpy']),
    ('opencv', ['opencv-python', 'opencv-python-headless', 'opencv-contrib-python']),
    ('pillow', ['pillow']),
    ('pycocotools', ['pycocotools']),
)


def collect_versions() -> Dict[str, Optional[str]]:
    """Versions of Python, of the packages behind a run, and of CUDA and cuDNN as torch was built for them.

    Returns:
        dict: name -> version, with the distribution's name behind it where that is another; None where there is none.
    """
    versions = dict(python=platform.python_version())
    for name, distributions in PACKAGES:
        versions[name] = _installed(name, distributions)
    try:
        import torch
    except (ImportError, OSError):  # OSError: a library that torch loads is missing or broken
        return versions
    versions['cuda'] = torch.version.cuda
    versions['cudnn'] = str(torch.backends.cudnn.version()) if torch.backends.cudnn.is_available() else None
    return versions


def collect_hardware() -> dict:
    """The machine: its name, system, processor, cores and threads of this process, graphics cards, memory."""
    import torch
    cards: List[str] = []
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return dict(
        host=platform.node(),
        system=platform.platform(),
        processor=processor_name(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
        threads=torch.get_num_threads(),
        gpus=cards)


def processor_name() -> str:
    """The processor's model."""
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as file:
            models = [line.partition(':')[2].strip() for line in file if line.startswith('model name')]
    except OSError:
        models = []
    return models[0] if models else platform.processor() or platform.machine()


def _installed(name: str, distributions: List[str]) -> Optional[str]:
    for distribution in distributions:
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
        other = distribution in ('mmcv-lite', 'mmcv-full') or distribution.startswith('onedl-')
        return f'{version} ({distribution})' if other else version
    # A checkout on the path has no metadata.
    return getattr(sys.modules.get(name), '__version__', None)
