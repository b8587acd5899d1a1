"""Whether ``torch.export`` is at work."""

import torch


def is_exporting() -> bool:
    """bool: Whether ``torch.export`` traces what runs; False with a torch before 2.7, which does not tell."""
    return hasattr(torch.compiler, 'is_exporting') and torch.compiler.is_exporting()
