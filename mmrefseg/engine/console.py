"""Console of a training or a test: what a person at the screen needs. The log file has the rest as well."""

import logging
from contextlib import contextmanager
from typing import Dict, Iterator, Optional, Tuple

from rich.console import Console
from rich.live import Live
from rich.text import Text

# What goes to the log file alone: end of a file's path -> its functions, none for all of them.
FILE_ONLY: Dict[str, Tuple[str, ...]] = {
    'mmengine/runner/runner.py': ('_log_env', '__init__', 'wrap_model', 'load_checkpoint'),
    'mmengine/hooks/logger_hook.py': (),
    'mmengine/hooks/checkpoint_hook.py': ('before_train', ),
}
FILE_ONLY_BEGINNINGS = ('paramwise_options -- ', )  # said by mmengine's print_log, which hides who called it


class ConsoleHandler(logging.Handler):
    """Prints records as lines with the time, and keeps a line of progress below them where there is a terminal.

    In a file, where nothing can be overwritten, :meth:`progress` does nothing: whoever wants lines there calls
    :meth:`say`.

    Args:
        console (Console, optional): Defaults to this process' standard output.
    """

    def __init__(self, console: Optional[Console] = None) -> None:
        super().__init__()
        self.console = console or Console(highlight=False)
        self.setFormatter(logging.Formatter('%(asctime)s  %(message)s', datefmt='%H:%M:%S'))
        self._live: Optional[Live] = None

    @property
    def is_terminal(self) -> bool:
        """bool: Whether lines can be overwritten."""
        return self.console.is_terminal

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; a warning or an error says that it is one."""
        try:
            text = self.format(record)
            style = ''
            if record.levelno >= logging.WARNING:
                style = 'red' if record.levelno >= logging.ERROR else 'yellow'
                time, _, message = text.partition('  ')
                text = f'{time}  {record.levelname.lower()}: {message}'
            self.console.print(Text(text, style=style), soft_wrap=True)
        except BrokenPipeError:  # of `| head`, which the door of every command knows
            raise
        except Exception:
            self.handleError(record)

    def say(self, text: str) -> None:
        """Print a line that the log file has in other words."""
        self.emit(logging.LogRecord('mmrefseg', logging.INFO, __file__, 0, text, None, None))

    def progress(self, text: str) -> None:
        """Write the line of progress, over the one before it; in a file do nothing."""
        if not self.is_terminal:
            return
        if self._live is None:
            # Without a thread of its own, which would not survive the fork of a data loader's worker.
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Text(text, no_wrap=True, overflow='ellipsis'), refresh=True)

    def end_progress(self) -> None:
        """Take the line of progress away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def close(self) -> None:
        """Called by the runner's logger hook, and by logging at exit."""
        self.end_progress()
        super().close()


def for_the_file_alone(record: logging.LogRecord) -> bool:
    """bool: Whether a record is one that nobody at the console waits for: no warning, and of :data:`FILE_ONLY`."""
    if record.levelno >= logging.WARNING:
        return False
    if str(record.msg).startswith(FILE_ONLY_BEGINNINGS):
        return True
    path = record.pathname.replace('\\', '/')
    return any(path.endswith(end) and (not functions or record.funcName in functions)
               for end, functions in FILE_ONLY.items())


def use_console(logger: logging.Logger) -> None:
    """Let a :class:`ConsoleHandler` take the place of what prints a logger's records.

    Args:
        logger (Logger): The runner's. With the level DEBUG all that the file has is printed as well.
    """
    everything = logger.level == logging.DEBUG or any(handler.level == logging.DEBUG for handler in logger.handlers)
    for number, handler in enumerate(logger.handlers):
        if type(handler) is not logging.StreamHandler:
            continue
        mine = ConsoleHandler()
        mine.setLevel(handler.level)
        for each in handler.filters:
            mine.addFilter(each)
        if not everything:
            mine.addFilter(lambda record: not for_the_file_alone(record))
        logger.handlers[number] = mine


def console_of(logger: logging.Logger) -> Optional[ConsoleHandler]:
    """Find the console of a logger.

    Returns:
        ConsoleHandler | None: None where it has none, or where it is silent, as in all but the first process.
    """
    for handler in logger.handlers:
        if isinstance(handler, ConsoleHandler) and handler.level < logging.ERROR:
            return handler
    return None


@contextmanager
def progress_ended(logger: logging.Logger) -> Iterator[None]:
    """Take the line of progress away at the end, be it an error: a terminal stays as it was."""
    try:
        yield
    finally:
        console = console_of(logger)
        if console is not None:
            console.end_progress()
