"""A PNG whose header says what a test wants."""

import struct
import zlib


def tiny_png(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds a few pixels of that: bytes that decode to gigabytes."""
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    written = b'\x89PNG\r\n\x1a\n'
    for name, data in ((b'IHDR', header), (b'IDAT', zlib.compress(b'0'))):
        written += struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))
    return written

