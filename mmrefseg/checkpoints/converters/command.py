"""The command that converts an official checkpoint to a file."""

import argparse
import os
from types import ModuleType

import torch


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

    # The official files hold the training arguments too, a plain namespace.
    with torch.serialization.safe_globals([argparse.Namespace]):
        checkpoint = torch.load(args.src, map_location='cpu', weights_only=True)
    converted = family.convert(checkpoint)
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
