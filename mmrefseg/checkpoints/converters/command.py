"""The command that converts an official checkpoint to a file."""

import argparse
import os
from types import ModuleType

from ..write import save_checkpoint


def main(family: ModuleType, arguments=None) -> int:
    """Convert one file.

    Args:
        family (module): A converter, see :mod:`mmrefseg.checkpoints.converters`.
        arguments (list[str], optional): Command line. Defaults to the process' own.

    Returns:
        int: The exit status: 1 where names are unknown and nothing was written.
    """
    from ..read import read_checkpoint  # which converts, too
    parser = argparse.ArgumentParser(description=f'Convert an official {family.FAMILY} checkpoint')
    parser.add_argument('src', help='official checkpoint')
    parser.add_argument('dst', help='converted checkpoint')
    parser.add_argument('--ignore-unknown', action='store_true', help='write although some names are unknown')
    args = parser.parse_args(arguments)

    converted = family.convert(read_checkpoint(args.src, convert=False))
    total = sum(map(len, (converted.state_dict, converted.left_out, converted.unknown)))
    print(f'{total} weights: {len(converted.state_dict)} converted, {len(converted.left_out)} left out on purpose, '
          f'{len(converted.unknown)} unknown')
    for name in converted.unknown:
        print(f'  unknown: {name}')
    if converted.unknown and not args.ignore_unknown:
        print('Nothing was written; --ignore-unknown writes all the same.')
        return 1
    official = dict(family=converted.family, config=converted.config, options=converted.options)
    meta = dict(converted_from=os.path.basename(args.src), official=official, **official)
    save_checkpoint(dict(state_dict=converted.state_dict, meta=meta), args.dst)
    print(f'wrote {args.dst}')
    for key, value in converted.options.items():
        shown = str(value).replace(' ', '')
        print(f'Test it with --cfg-options "{key}={shown}": without, it computes something else')
    return 0

