"""Official checkpoints of the field, recognised by their keys and brought under our names.

A family is a module with ``FAMILY``, ``recognises(checkpoint) -> bool`` and ``convert(checkpoint) -> Converted``; a new
one is added to :data:`CONVERTERS` and nowhere else.
"""

from typing import Optional

from . import caris, cris, detris, lavt, rela
from .converted import Converted, OfficialFormatError

CONVERTERS = (lavt, caris, rela, cris, detris)


def convert_official(checkpoint: dict) -> Optional[Converted]:
    """Convert a checkpoint of any family that is known.

    Args:
        checkpoint (dict): What the file holds, with whatever stands around the weights.

    Returns:
        Converted | None: None where no family recognises it.

    Raises:
        OfficialFormatError: A family recognises it, and cannot read it.
    """
    for family in CONVERTERS:
        if family.recognises(checkpoint):
            return family.convert(checkpoint)
    return None


__all__ = ['CONVERTERS', 'Converted', 'OfficialFormatError', 'convert_official']
