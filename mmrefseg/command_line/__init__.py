"""Commands of ``python -m mmrefseg`` and of the script ``mmrefseg``.

Each command is a module with a ``main(arguments, prog)``, which takes this process' own arguments by default, and the
program's name in its help. It is imported when it is called: ``doctor`` runs where the others cannot be imported.
"""

import importlib
import sys
from typing import Optional, Sequence

import mmrefseg.version

from .run_command import run_command

COMMANDS = {
    'quickstart': 'in an empty folder: data, answers, a training, its test, images',
    'train': 'train a model',
    'test': 'test a checkpoint',
    'predict': 'masks of a folder of pictures and a file of expressions; goes on where it was stopped',
    'make-refshapes': 'generate RefShapes, data to learn on in minutes',
    'prepare-refcoco': 'check a folder of RefCOCO and its kin: what is missing, and where it is had',
    'to-refer': 'data of any form that is around, in the refer format',
    'info': 'the parts, sizes and config of a model, or all names',
    'tool': 'a tool of the repository: conversion of weights, export, analysis, demo',
    'doctor': 'versions, what is missing and the line that mends it, a self-test',
}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run a command.

    Args:
        arguments (Sequence[str], optional): The command and what it takes. Defaults to those of this process.

    Returns:
        int: The exit status: 0, or what the command says.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ('-h', '--help'):
        print(usage())
        return 0 if arguments else 2
    if arguments[0] == '--version':
        print(mmrefseg.version.__version__)
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        print(f'{usage()}\n\nmmrefseg: error: no command {command!r}', file=sys.stderr)
        return 2

    def run(given: Sequence[str], prog: str) -> Optional[int]:
        return importlib.import_module(f"mmrefseg.command_line.{command.replace('-', '_')}").main(given, prog=prog)

    return run_command(run, rest, prog=f'mmrefseg {command}')


def usage() -> str:
    """Usage: the commands, a line each."""
    lines = [f'  {name:15} {what}' for name, what in COMMANDS.items()]
    return ('usage: mmrefseg COMMAND …\n\n' + '\n'.join(lines) + '\n\nmmrefseg COMMAND --help says '
            'more; --debug shows the traceback of an error.')
