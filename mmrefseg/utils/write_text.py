"""Text files that are whole or absent."""

import os
from pathlib import Path
from typing import Union


def write_text(path: Union[str, Path], text: str) -> None:
    """Write a UTF-8 file; whoever looks, or kills this process, finds the old one or all of the new one.

    Args:
        path (str | Path): The file; its folder is made.
        text (str): What goes in; bytes that were read with surrogateescape come out as they were.

    Raises:
        OSError: The file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    try:
        with open(temporary, 'w', encoding='utf-8', errors='surrogateescape', newline='') as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())  # or a crash of the machine may leave the name without the content
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
