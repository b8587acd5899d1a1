"""Mixed precision at inference: the one switch behind every ``--amp`` that does not train."""

import logging
from typing import List, Optional

import torch
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import nn
from torch.nn.modules.conv import _ConvNd

# What multiplies matrices. Norms, embeddings, recurrent networks and tables of positions stay in single precision.
PRODUCTS = (nn.Linear, _ConvNd, nn.MultiheadAttention)


def use_half_precision(model: nn.Module, dtype: Optional[torch.dtype] = None) -> nn.Module:
    """Bring a model to mixed precision for inference, in place. Load its checkpoint before.

    The weights of linear layers, convolutions and the projections of attention become half precision, once (autocast
    alone casts them anew at every call), as do those of any module with a true attribute ``multiplies``, whose method
    ``arrange``, if it has one, is called then. All other
    parameters and buffers stay as they are, and every call of the model runs under autocast. What would lose too much
    asks for single precision itself, where it is computed.

    Half precision is float16 on a GPU: as fast as bfloat16 there, with an eighth of its rounding. On a CPU it is
    bfloat16, of which newer ones have products (AVX512-BF16, AMX); on others it is several times slower than single
    precision, of which a warning tells.

    A model in half precision does not train, as its weights have lost their low bits: calling it in training mode or
    for a loss is an error. What is loaded into it, or saved of it, is rounded likewise.

    Args:
        model (nn.Module): On its device, or a distributed wrapper of it. Done a second time it changes nothing.
        dtype (torch.dtype, optional): ``torch.float16`` or ``torch.bfloat16``. Defaults to the device's, as above.

    Returns:
        nn.Module: ``model``.

    Example:
        >>> import torch
        >>> from mmrefseg.engine import use_half_precision
        >>> model = use_half_precision(torch.nn.Linear(2, 2), torch.bfloat16)
        >>> model.weight.dtype
        torch.bfloat16
    """
    module = model.module if is_model_wrapper(model) else model
    if any(isinstance(hook, _Autocast) for hook in module._forward_pre_hooks.values()):
        return model
    device = next(module.parameters()).device.type
    if dtype is None:
        dtype = torch.bfloat16 if device == 'cpu' else torch.float16
    if device == 'cpu':
        _warn_without_products()
    for part in module.modules():
        if isinstance(part, PRODUCTS) or getattr(part, 'multiplies', False):
            for parameter in part.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
            if hasattr(part, 'arrange'):
                part.arrange()
    autocast = _Autocast(device, dtype)
    module.register_forward_pre_hook(autocast, with_kwargs=True)
    module.register_forward_hook(autocast.leave, always_call=True)
    return model


def _warn_without_products() -> None:
    """Say so where the CPU has no products in bfloat16; an older torch does not know."""
    found = getattr(torch.cpu, 'get_capabilities', dict)()
    if found.get('architecture') == 'x86_64' and not (found['avx512_bf16'] or found['amx_bf16']):
        print_log(f'this CPU ({found["cpu_name"]}) has no products in bfloat16 (avx512_bf16, amx_bf16): half precision '
                  'is several times slower on it than single precision', logger='current', level=logging.WARNING)


class _Autocast:
    """Hooks of a module: autocast begins before its forward pass and ends, in :meth:`leave`, behind it.

    Args:
        device (str): Type of the device.
        dtype (torch.dtype): Half precision.
    """

    def __init__(self, device: str, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype
        self.entered: List[torch.autocast] = []

    def __call__(self, module: nn.Module, args: tuple, kwargs: dict) -> None:
        if module.training or kwargs.get('mode') == 'loss':
            raise RuntimeError(f'{type(module).__name__} is in {self.dtype}, for inference (use_half_precision), and '
                               'does not train: build it anew and load its checkpoint')
        context = torch.autocast(self.device, dtype=self.dtype)
        context.__enter__()
        self.entered.append(context)

    def leave(self, module: nn.Module, args: tuple, output) -> None:
        """Called as well when the forward pass failed, or was refused."""
        if self.entered:
            self.entered.pop().__exit__(None, None, None)
