"""What waits while a large list is read: in memory as long as it is little, beyond that in a temporary file."""

import errno
import mmap
import weakref
from array import array
from bisect import bisect_left
from tempfile import TemporaryFile
from typing import BinaryIO, Iterator, Mapping, Optional, Union

#: Bytes of a spool that stay in memory.
IN_MEMORY = 2**22


class Spool:
    """Bytes that grow, then are read. The temporary file has no name and ends with its last user."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._file: Optional[BinaryIO] = None

    def write(self, content: Union[bytes, memoryview]) -> None:
        """Append bytes.

        Raises:
            OSError: The folder for temporary files is full or missing.
        """
        self._bytes += content
        if len(self._bytes) > IN_MEMORY:
            self._write_out()

    def view(self) -> memoryview:
        """All that was written, mapped where it lies in a file; asked for once, behind the last byte.

        Raises:
            OSError: The folder for temporary files is full.
        """
        if self._file is None:
            return memoryview(self._bytes)
        self._write_out()
        with self._file as file:  # what is mapped stays
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def _write_out(self) -> None:
        try:
            if self._file is None:
                self._file = TemporaryFile()
            self._file.write(self._bytes)
            self._file.flush()
        except OSError as error:
            raise no_room(error, error.errno) from error
        self._bytes.clear()


class SpooledTexts(Mapping):
    """Texts, as bytes, by ascending numbers; all are put in before the first is read."""

    def __init__(self) -> None:
        self._spool, self._view, self._length = Spool(), None, 0
        self._keys, self._ends = array('q'), array('q', [0])

    def put(self, key: int, text: bytes) -> None:
        """Put in the text of a number above all that are there."""
        self._spool.write(text)
        self._length += len(text)
        self._keys.append(key)
        self._ends.append(self._length)

    def __getitem__(self, key: int) -> bytes:
        place = bisect_left(self._keys, key)
        if place == len(self._keys) or self._keys[place] != key:
            raise KeyError(key)
        return self._text(place)

    def values(self) -> Iterator[bytes]:
        """The texts, in order."""
        return map(self._text, range(len(self._keys)))

    def _text(self, place: int) -> bytes:
        if self._view is None:
            self._view = self._spool.view()
        return bytes(self._view[self._ends[place]:self._ends[place + 1]])

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class Numbering:
    """Numbers of keys, 0 for the first, 1 for the next that differs, and so on: a dict, on disk.

    Raises:
        OSError: The folder for temporary files is full or missing.
    """

    def __init__(self) -> None:
        import sqlite3  # a Python may be built without it
        self._error = sqlite3.OperationalError
        # No name: a temporary data base, which takes to its file what its cache does not hold.
        self._base = sqlite3.connect('', isolation_level=None, check_same_thread=False)
        for setting in ('journal_mode = OFF', 'synchronous = OFF', 'locking_mode = EXCLUSIVE'):
            self._base.execute(f'PRAGMA {setting}')
        self._base.execute('CREATE TABLE keys (key BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID')
        self._base.execute('BEGIN')
        weakref.finalize(self, self._base.close)
        self._count = 0

    def number(self, key: bytes) -> int:
        """The number of a key, the next one if it is new."""
        try:
            if self._base.execute('INSERT OR IGNORE INTO keys VALUES (?, ?)', (key, self._count)).rowcount:
                self._count += 1
                return self._count - 1
            return self._base.execute('SELECT number FROM keys WHERE key = ?', (key, )).fetchone()[0]
        except self._error as error:
            raise no_room(error, errno.ENOSPC) from error


def no_room(error: Exception, number: Optional[int]) -> OSError:
    """OSError: Of the folder for temporary files, with how to take another."""
    return OSError(number, 'what a large list takes beyond memory cannot be written to the folder for temporary files, '
                           f'which the environment variable TMPDIR names: {getattr(error, "strerror", None) or error}')
