"""A look at a pickle's instructions before they are followed: numbers in them that ask for all the memory there is.

The unpickler of C keeps what it has met in a table as long as the largest number that the file gives one of them: eight
bytes of a file can ask for 32 GB. Every other instruction takes memory in proportion to the file.
"""

import pickletools
import re
import struct

from mmrefseg.errors import RefDataError

#: Numbers up to this one are taken unlooked at: a table of 2 * 2^24 entries is 268 MB.
SMALL = 2**24
_COUNTED = {}  # instructions followed by a text of a stated length: how many bytes state it
_by_size = {}
for _op in pickletools.opcodes:
    _size = _op.arg.n if _op.arg is not None else 0
    _code = re.escape(_op.code.encode('latin-1'))
    if _size == pickletools.UP_TO_NEWLINE:
        _size = 'two lines' if _op.name in ('GLOBAL', 'INST') else 'a line'
    elif _size < 0:
        _COUNTED[_op.code.encode('latin-1')[0]] = {
            pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT4: 4,
            pickletools.TAKEN_FROM_ARGUMENT4U: 4, pickletools.TAKEN_FROM_ARGUMENT8U: 8}[_size]
        continue
    if _op.name not in ('PUT', 'LONG_BINPUT', 'STOP'):
        _by_size.setdefault(_size, []).append(_code)
_PATTERNS = {'a line': rb'[^\n]*\n', 'two lines': rb'[^\n]*\n[^\n]*\n'}
_RUN = re.compile(b'(?:' + b'|'.join(
    [b'(?:' + b'|'.join(codes) + b')' + _PATTERNS.get(size, b'.{%d}' % size if isinstance(size, int) else b'')
     for size, codes in _by_size.items()] + [rb'r...\x00', rb'p\d{1,7}\n']) + b')*+', re.S)
_UNPACK = {1: struct.Struct('<B').unpack_from, 4: struct.Struct('<I').unpack_from, 8: struct.Struct('<Q').unpack_from}


def check_memory(data: bytes, name: str) -> None:
    """Refuse a pickle whose instructions ask for more memory than its length explains.

    Args:
        data (bytes): The pickle.
        name (str): What the error calls the file.

    Raises:
        RefDataError: It numbers an object by far more than it could hold.
    """
    position, end = 0, len(data)
    match = _RUN.match
    while position < end:
        position = match(data, position).end()
        if position >= end:
            return
        code = data[position]
        width = _COUNTED.get(code)
        try:
            if width is not None:
                position += 1 + width + _UNPACK[width](data, position + 1)[0]
                continue
            if code == ord('r'):
                number = _UNPACK[4](data, position + 1)[0]
                position += 5
            elif code == ord('p'):
                line = data[position + 1:data.index(b'\n', position)]
                number, position = int(line), position + 2 + len(line)
            else:
                return  # the end, or no pickle: the unpickler says so
        except (struct.error, ValueError):
            return  # cut off: the unpickler says so
        if number >= max(SMALL, end):
            raise RefDataError(f'{name} gives an object the number {number:,}, for which a table of as many is made, '
                               f'and has {end:,} bytes only: refused')
