"""Gradient checkpointing: activations are computed again in the backward pass instead of kept."""

from contextlib import contextmanager, nullcontext
from types import MethodType
from typing import Any, Callable, Iterator, Optional

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import checkpoint


def checkpointed(function: Callable, *args, with_cp: bool = True, part: Optional[nn.Module] = None) -> Any:
    """``function(*args)``, of which only the arguments are kept until the backward pass computes the rest again.

    The second time chance repeats itself and batch norms leave their running statistics alone, so that losses,
    gradients and statistics are those of a training without.

    Args:
        function (Callable): A module, or a function that runs ``part``.
        *args: Of ``function``, in any structure.
        with_cp (bool): Whether to do so; False, and without gradients, it is a plain call. Defaults to True.
        part (nn.Module, optional): The module whose norms are meant. Defaults to ``function``.

    Returns:
        Any: What ``function`` returns.
    """
    if not (with_cp and torch.is_grad_enabled()):
        return function(*args)
    if torch.compiler.is_compiling():
        # The compiler knows itself what may be computed twice; it takes no context.
        return checkpoint(function, *args, use_reentrant=False)
    part = function if part is None else part
    return checkpoint(
        function, *args, use_reentrant=False, context_fn=lambda: (nullcontext(), _statistics_at_rest(part)))


def checkpoint_blocks(module: nn.Module) -> None:
    """Checkpoint every block of a backbone or text encoder, in place.

    Blocks are the innermost modules with an attribute ``with_cp``, by which those of OpenMMLab's backbones can be told.
    Their own checkpointing, which lets a batch norm count each batch twice, is switched off.

    Args:
        module (nn.Module): Any; parameters, buffers and their names stay what they are.
    """
    for block in module.modules():
        if hasattr(block, 'with_cp') and not any(hasattr(child, 'with_cp') for child in _descendants(block)):
            block.with_cp = False
            # Bound to the block, and not closed over it: a copy of the model runs its own.
            block.forward = MethodType(_checkpointed_forward, block)


def _checkpointed_forward(block: nn.Module, *args) -> Any:
    return checkpointed(type(block).forward, block, *args, part=block)


def _descendants(module: nn.Module) -> Iterator[nn.Module]:
    return (child for child in module.modules() if child is not module)


@contextmanager
def _statistics_at_rest(part: nn.Module) -> Iterator[None]:
    """Norms normalize as before, and what they add to their running statistics is forgotten afterwards."""
    norms = [norm for norm in part.modules() if isinstance(norm, _NormBase)]
    before = [dict(norm._buffers) for norm in norms]
    for norm in norms:
        # Not switched off: the operator has to save the same tensors as the first time.
        norm._buffers.update({name: value.clone() for name, value in norm._buffers.items() if value is not None})
    try:
        yield
    finally:
        for norm, buffers in zip(norms, before):
            norm._buffers.update(buffers)
