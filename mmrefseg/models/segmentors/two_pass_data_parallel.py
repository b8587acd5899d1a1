"""MaskRIS on several processes."""

from typing import Dict

from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmrefseg.registry import MODEL_WRAPPERS

from .mask_ris import two_pass_step


@MODEL_WRAPPERS.register_module()
class TwoPassDataParallel(MMDistributedDataParallel):
    """mmengine's wrapper with both passes of :class:`MaskRIS` in a step; for ``model_wrapper_cfg``.

    Args:
        module (MaskRIS): The model.
        broadcast_buffers (bool): Defaults to False, as where mmengine's runner wraps.
        **kwargs: As mmengine's.
    """

    def __init__(self, module: nn.Module, broadcast_buffers: bool = False, **kwargs) -> None:
        super().__init__(module, broadcast_buffers=broadcast_buffers, **kwargs)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> Dict[str, Tensor]:
        """Both passes on a batch, and a step of the optimizer."""
        return two_pass_step(self, self.module, data, optim_wrapper)
