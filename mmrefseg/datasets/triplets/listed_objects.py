"""The objects of a list, while the list is read."""

import hashlib
import json
from array import array
from typing import Dict, NamedTuple, Union

from ..masks.files import Foreground
from ..spool import Numbering, SpooledTexts
from .listed_ref import ListedRefs

#: JSON of no polygons.
EMPTY = b'[]'
#: Stands before the JSON of a mask file, and before no other.
FILE = b'file '


class MaskFile(NamedTuple):
    """A mask file that a row names, and the values of its object and of pixels to ignore there."""

    name: str
    foreground: Foreground
    ignore: Foreground


class ListedObjects:
    """The objects of a list, each once, with what they belong to.

    Attributes:
        image_ids: Images by their names.
        mask_names: Mask files, in their order.
        masks: Of each object, JSON of a :class:`MaskFile` or of polygons or RLEs, see :func:`from_json`.
        ignored: JSON of the shapes to ignore, of the objects that have some.
        images: Of each object, its image.
        refs: What the expressions refer to.
    """

    def __init__(self) -> None:
        self.image_ids: Dict[str, int] = {}
        self.mask_names: Dict[str, None] = {}
        self.masks, self.ignored, self.images, self._numbers = SpooledTexts(), SpooledTexts(), array('q'), Numbering()
        self.refs = ListedRefs(self.image_ids)

    def number(self, image_id: int, mask: Union[MaskFile, list, dict], ignored: bytes) -> int:
        """The number of an object, which is put in if it is new."""
        if isinstance(mask, MaskFile):
            self.mask_names[mask.name] = None
        text = to_json(mask)
        number = self._numbers.number(hashlib.sha256(f'{image_id} {len(text)} '.encode() + text + ignored).digest())
        if number == len(self.images):
            self.images.append(image_id)
            self.masks.put(number, text)
            if ignored != EMPTY:
                self.ignored.put(number, ignored)
        return number


def to_json(mask: Union[list, dict, MaskFile]) -> bytes:
    """bytes: JSON of a mask or of shapes, the same for equal ones; of a mask file with :data:`FILE` before it."""
    text = json.dumps(mask, sort_keys=True).encode()
    return FILE + text if isinstance(mask, MaskFile) else text


def from_json(text: bytes) -> Union[MaskFile, bytes]:
    """A mask file, or the JSON of a mask as it is."""
    if not text.startswith(FILE):
        return text
    return MaskFile(*(tuple(value) if isinstance(value, list) else value for value in json.loads(text[len(FILE):])))
