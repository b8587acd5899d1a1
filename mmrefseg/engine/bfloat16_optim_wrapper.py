"""Mixed precision in bfloat16, on a CPU too."""

from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmrefseg.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(OptimWrapper):
    """mmengine's ``OptimWrapper`` with the forward pass under bfloat16 autocast.

    bfloat16 has the range of float32, so no loss is scaled. mmengine's ``AmpOptimWrapper`` refuses to
    run on a CPU, this one does not care.

    Args:
        **kwargs: As ``OptimWrapper``.
    """

    @contextmanager
    def optim_context(self, model: nn.Module):
        """The context of the forward pass."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
