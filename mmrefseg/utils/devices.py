"""The devices of this machine."""

from typing import Optional

import torch


def check_device(device: Optional[str]) -> Optional[str]:
    """Check that a device is there before anything is loaded for it.

    Args:
        device (str, optional): As torch names it: 'cpu', 'cuda', 'cuda:1', 'mps' …; None is the best there is.

    Returns:
        str | None: ``device``.

    Raises:
        ValueError: Torch knows no such kind, or this machine has none.
    """
    if device is None:
        return None
    try:
        asked = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f'device {str(device)!r}: torch knows no such device; {_here()}') from error
    if asked.type == 'cpu':
        there = True
    elif asked.type == 'cuda':
        there = (asked.index or 0) < torch.cuda.device_count()
    elif asked.type == 'meta':
        there = False
    else:
        kind = getattr(torch.backends, asked.type, None) or getattr(torch, asked.type, None)
        there = bool(getattr(kind, 'is_available', lambda: False)())
    if not there:
        raise ValueError(f'device {str(device)!r} is not on this machine; {_here()}')
    return device


def _here() -> str:
    """Devices that are there, for errors."""
    cards = [f'cuda:{i}' for i in range(torch.cuda.device_count())]
    return f'here there {"is" if not cards else "are"} {", ".join(["cpu", *cards])}'
