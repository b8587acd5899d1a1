"""The byte code of Label Studio's brush (``format: rle``): bits that say which bytes of an RGBA image are the same."""

from typing import List

import numpy as np

from mmrefseg.errors import RefDataError

from ..budget import check_pixels


class _Bits:
    """Numbers of any width out of bytes, highest bit first."""

    def __init__(self, data: bytes) -> None:
        self.bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self.position = 0

    def read(self, width: int) -> int:
        chosen = self.bits[self.position:self.position + width]
        if len(chosen) < width:
            raise RefDataError('the brush is cut off')
        self.position += width
        return int(chosen @ (1 << np.arange(width, dtype=np.int64)[::-1]))


def read_brush(codes: List[int], height: int, width: int) -> np.ndarray:
    """Read a brush.

    The code begins with the number of bytes (32 bits), their width less 1 (5 bits) and four widths of lengths less 1
    (4 bits each). Then come runs: 1 bit says whether the bytes are the same, 2 bits which width the length less 1 has.

    Args:
        codes (list[int]): The bytes.
        height (int): H, of the image.
        width (int): W, of the image.

    Returns:
        np.ndarray: (H, W) bool, where the image is not transparent.

    Raises:
        RefDataError: It is no such code, or of another size.
    """
    check_pixels(height, width, 'a brush')
    try:
        bits = _Bits(bytes(codes))
    except (TypeError, ValueError) as error:
        raise RefDataError('the brush is no list of bytes') from error
    total = bits.read(32)
    if total != height * width * 4:
        raise RefDataError(f'the brush has {total} values where the image of {height}x{width} (height x width) '
                           'has 4 a pixel')
    word, lengths = bits.read(5) + 1, [bits.read(4) + 1 for _ in range(4)]
    if word > 8:
        raise RefDataError(f'the brush has values of {word} bits, expected 8')
    values, position = np.zeros(total, np.uint8), 0
    while position < total:
        same = bits.read(1)
        count = bits.read(lengths[bits.read(2)]) + 1
        if position + count > total:
            raise RefDataError('the brush is longer than its image')
        if same:
            values[position:position + count] = bits.read(word)
        else:
            values[position:position + count] = [bits.read(word) for _ in range(count)]
        position += count
    return values.reshape(height, width, 4)[..., 3] > 0
