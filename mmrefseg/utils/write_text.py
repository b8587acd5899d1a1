"""Text files that are whole or absent."""

from pathlib import Path
from typing import Union

from .whole_file import whole_file


def write_text(path: Union[str, Path], text: str) -> None:
    """Write a UTF-8 file; whoever looks, or kills this process, finds the old one or all of the new one.

    Args:
        path (str | Path): The file; its folder is made.
        text (str): What goes in; bytes that were read with surrogateescape come out as they were.

    Raises:
        OSError: The file cannot be written; see :func:`.whole_file.whole_file`.
    """
    content = text.encode('utf-8', 'surrogateescape')
    with whole_file(path, wanted=len(content)) as part:
        Path(part).write_bytes(content)
