"""The door of every command and tool: one clear error and an exit status instead of a traceback."""

import argparse
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Callable, Optional, Sequence

DEBUG = '--debug'
# Kinds whose message says it all; of others the kind is said, too.
PLAIN = (ValueError, OSError, ImportError)


def run_command(main: Callable, arguments: Optional[Sequence[str]] = None, prog: Optional[str] = None) -> int:
    """Run a command or a tool.

    Every one of them takes ``--debug`` beside its own options: with it an error comes with its traceback. Without it
    the traceback goes to the log file of the run, where there is one.

    Args:
        main (callable): Parses the process' own arguments if it is called without any; returns an exit status, or
            None for 0.
        arguments (Sequence[str], optional): What ``main`` is to parse. Defaults to the process' own.
        prog (str, optional): The program's name in errors and help. Defaults to the file's.

    Returns:
        int: The exit status: what ``main`` gives, 2 for an error, 1 where nobody reads the output, 130 if interrupted.
    """
    name = prog or Path(sys.argv[0]).name
    given = sys.argv[1:] if arguments is None else list(arguments)
    debug = DEBUG in given
    given = [argument for argument in given if argument != DEBUG]
    if arguments is None:
        sys.argv[1:] = given
    if hasattr(sys.stdout, 'reconfigure'):  # names of files may be no UTF-8
        sys.stdout.reconfigure(errors='backslashreplace')
    try:
        return (main() if arguments is None else main(given, prog=prog)) or 0
    except SystemExit as stop:
        if not isinstance(stop.code, str):
            raise
        print(f'{name}: error: {stop.code}', file=sys.stderr)
        return 2
    except BrokenPipeError:  # of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(f'{name}: interrupted', file=sys.stderr)
        return 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        log = None if debug else log_traceback()
        sys.stdout.flush()
        print(f'{name}: error: {describe(error)}{"" if debug else hint(error, log)}', file=sys.stderr)
        return 2


def describe(error: BaseException) -> str:
    """Describe an error: its message, with its kind where that is needed, and with the file where it has one."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error).strip()
    if isinstance(error, OSError) and error.strerror:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        text = f'{" -> ".join(names)}: {error.strerror}' if names else error.strerror
    if isinstance(error, argparse.ArgumentTypeError) or (isinstance(error, PLAIN) and text):
        return text
    return f'{type(error).__name__}: {text}' if text else type(error).__name__


def hint(error: BaseException, log: Optional[str]) -> str:
    """Hint at the traceback, for errors that are no plain answer to what was typed."""
    if isinstance(error, PLAIN):
        return ''
    return f' ({f"traceback: {log}" if log else f"{DEBUG} shows the traceback"})'


def log_traceback() -> Optional[str]:
    """Write the traceback to the log file of the run that is going on, if any, and not to the screen.

    Returns:
        str | None: The file.
    """
    if 'mmengine.logging' not in sys.modules:
        return None
    from mmengine.logging import MMLogger
    if not MMLogger.check_instance_created('mmengine') and not MMLogger._instance_dict:
        return None
    record = logging.LogRecord('mmrefseg', logging.ERROR, __file__, 0, traceback.format_exc(), None, None)
    for handler in MMLogger.get_current_instance().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.emit(record)
            handler.flush()
            return handler.baseFilename
    return None
