"""Report of installed and missing packages with the line that mends each: ``python -m mmrefseg doctor``.

Nothing that could be missing is imported before it was looked for.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import time
import traceback
from typing import List, Optional, Sequence

from mmrefseg import compat
from mmrefseg.environment import collect_hardware, collect_versions

# Beside compat.REQUIRED, which `import mmrefseg` checks: what parts of it need. The same rows.
MORE = (
    ('packaging', '21', '', 'pip install packaging==26.3'),
    ('numpy', '1.24', '', 'pip install numpy==2.4.6'),
    ('cv2', '', '', 'pip install opencv-python==5.0.0.93'),
    ('PIL', '9.2', '', 'pip install pillow==12.3.0'),
    ('matplotlib', '3.7', '', 'pip install matplotlib==3.11.2'),
    ('prettytable', '3', '', 'pip install prettytable==3.18.0'),
    ('rich', '12.3', '', 'pip install rich==15.0.0'),
    ('msgspec', '0.21', '', 'pip install msgspec==0.22.0'),
    ('tokenizers', '0.22', '', 'pip install tokenizers==0.23.3'),
)


def main(arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Look, print, test.

    Returns:
        int: The exit status: 1 if something has to be mended.
    """
    argparse.ArgumentParser(
        prog=prog, description='Versions, what is missing and the line that mends it, a self-test. Exit status: 1 if '
        'something has to be mended.').parse_args(arguments)
    problems = all_problems()
    for name, version in collect_versions().items():
        print(f'{name:14} {version or "–"}')
    if importlib.util.find_spec('torch') is not None:
        try:
            print('\n'.join(machine()))
        except (ImportError, OSError) as error:
            problems.append(f'torch cannot be imported: {error}')
    if problems:
        print('\nTo mend:\n  ' + '\n  '.join(problems))
        return 1
    lite = isinstance(sys.modules.get('mmcv._ext'), compat.MissingOps)
    print('mmcv has ' + ('no compiled operators; nothing of ours calls one.' if lite else 'its compiled operators.'))
    print('\nNothing is missing.')
    print('\n'.join(hub_models()))
    return self_test()


def all_problems() -> List[str]:
    """Problems of the packages, each with the line that mends it."""
    if importlib.util.find_spec('packaging') is None:  # with which versions are compared
        return [f'packaging is missing:  {MORE[0][3]}, then look again']
    return compat.find_problems(compat.REQUIRED + MORE)


def machine() -> List[str]:
    """Lines about processor, graphics cards and what speed depends on."""
    import torch
    hardware = collect_hardware()
    lines = [f'{"processor":14} {hardware["processor"]}, {hardware["cores"]} cores, {hardware["threads"]} threads']
    if hardware['gpus']:
        for i, name in enumerate(hardware['gpus']):
            memory = torch.cuda.get_device_properties(i).total_memory / 2**30
            lines.append(f'{f"cuda:{i}":14} {name}, {memory:.0f} GiB')
    elif torch.version.cuda:
        lines.append(f'{"cuda":14} torch is built for CUDA {torch.version.cuda}, and finds no card or no driver')
    else:
        lines.append(f'{"cuda":14} this torch is built for CPUs alone')
    compilers = (os.environ.get('CXX') or 'c++', 'g++', 'clang++', 'cl')
    compiler = next((name for name in compilers if shutil.which(name)), None)
    lines.append(f'{"C++ compiler":14} {compiler or "none: --compile does not work on a CPU"}')
    return lines


def hub_models() -> List[str]:
    """Lines about the models without training: which of them are on this disk."""
    from mmrefseg.apis import find_zoo_model, is_on_this_disk, list_foundation_models
    lines = ['\nModels without training (fetched from the Hugging Face hub at first use):']
    for name in list_foundation_models():
        model = find_zoo_model(name)
        missing = [each for each in model.hub if not is_on_this_disk(each)]
        state = f'not here: {", ".join(missing)} ({model.entry["Metadata"]["Download"]})' if missing else 'on this disk'
        lines.append(f'{name:32} {state}')
    return lines


def self_test() -> int:
    """A small random model looks for two expressions in a random image, on every kind of device.

    Returns:
        int: 0, or 1 if it failed.
    """
    try:
        import numpy as np
        import torch

        from mmrefseg.apis import RefSegInferencer
        from mmrefseg.utils import find_config
        image = np.random.default_rng(0).integers(0, 255, (80, 120, 3), dtype=np.uint8)
        for device in ('cpu', *(['cuda:0'] if torch.cuda.is_available() else [])):
            inferencer = RefSegInferencer(find_config('lavt/lavt_nano_refshapes'), device=device, show_progress=False)
            start = time.perf_counter()
            result, = inferencer(image, ['the red circle', 'the largest star'])
            if result['masks'].shape != (2, 80, 120) or not np.isfinite(result['scores']).all():
                raise RuntimeError(f'expected masks of (2, 80, 120) and numbers, found {result["masks"].shape} and '
                                   f'{result["scores"]}')
            print(f'Self-test on {device}: two masks in {time.perf_counter() - start:.2f} s.')
    except Exception:
        traceback.print_exc()
        print('\nThe self-test failed, see above.')
        return 1
    return 0
