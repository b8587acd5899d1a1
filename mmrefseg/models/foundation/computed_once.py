"""Modules that run once for all expressions of an image."""

from contextlib import contextmanager
from typing import Any, Iterator

from torch import nn
from torch.utils._pytree import tree_map


@contextmanager
def computed_once(module: nn.Module) -> Iterator[None]:
    """Let a module run at its first call alone; later calls get what the first one gave.

    Models of transformers take image and text in one call. Their visual backbone, which does not see the text, is
    named by the caller, who promises that all calls inside are about one image.

    Args:
        module (nn.Module): The part that depends on the image alone.
    """
    kept = []
    forward = module.forward

    def run(*args, **kwargs) -> Any:
        if not kept:
            kept.append(forward(*args, **kwargs))
        # New containers around the same tensors: some models append to the list that their backbone gives.
        return tree_map(lambda value: value, kept[0])

    module.forward = run
    try:
        yield
    finally:
        del module.forward
