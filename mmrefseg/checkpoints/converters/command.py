"""The command that converts an official checkpoint to a file."""

import argparse
import os
import pickle
from types import ModuleType

import torch

from ..detectron2_pickle import read_detectron2_pickle

# How a file of torch before 1.6 begins: a pickle, too, of a number.
LEGACY = pickle.dumps(0x1950a86a20f9469cfc6c, protocol=2)[:13]


def main(family: ModuleType, arguments=None) -> int:
    """Convert one file.

    Args:
        family (module): A converter, see :mod:`mmrefseg.checkpoints.converters`.
        arguments (list[str], optional): Command line. Defaults to the process' own.

    Returns:
        int: The exit status: 1 where names are unknown and nothing was written.
    """
    parser = argparse.ArgumentParser(description=f'Convert an official {family.FAMILY} checkpoint')
    parser.add_argument('src', help='official checkpoint')
    parser.add_argument('dst', help='converted checkpoint')
    parser.add_argument('--ignore-unknown', action='store_true', help='write although some names are unknown')
    args = parser.parse_args(arguments)

    converted = family.convert(read_official(args.src))
    total = sum(map(len, (converted.state_dict, converted.left_out, converted.unknown)))
    print(f'{total} weights: {len(converted.state_dict)} converted, {len(converted.left_out)} left out on purpose, '
          f'{len(converted.unknown)} unknown')
    for name in converted.unknown:
        print(f'  unknown: {name}')
    if converted.unknown and not args.ignore_unknown:
        print('Nothing was written; --ignore-unknown writes all the same.')
        return 1
    partial = f'{args.dst}.partial'
    meta = dict(converted_from=os.path.basename(args.src), config=converted.config, options=converted.options)
    torch.save(dict(state_dict=converted.state_dict, meta=meta), partial)
    os.replace(partial, args.dst)
    print(f'wrote {args.dst}')
    for key, value in converted.options.items():
        shown = str(value).replace(' ', '')
        print(f'Test it with --cfg-options "{key}={shown}": without, it computes something else')
    return 0


def read_official(path: str) -> dict:
    """What an official file holds: one of ``torch.save``, or a pickle of numpy arrays as detectron2 writes it.

    Args:
        path (str): The file.

    Raises:
        OSError: It cannot be read.
        OfficialFormatError: It is a pickle, and neither.
    """
    with open(path, 'rb') as file:
        head = file.read(len(LEGACY))
    if head[:1] == b'\x80' and head != LEGACY:
        return read_detectron2_pickle(path)
    # The official files hold the training arguments too, a plain namespace.
    with torch.serialization.safe_globals([argparse.Namespace]):
        return torch.load(path, map_location='cpu', weights_only=True)
