"""LAVT's decay of the learning rate (LAVT, CVPR 2022, released code)."""

from mmengine.optim import PolyLR

from mmrefseg.registry import PARAM_SCHEDULERS


@PARAM_SCHEDULERS.register_module()
class ReleasePolyLR(PolyLR):
    """``lr * (1 - s / T)^power`` in step s = 0 … T - 1: the last step still learns, with ``(1 / T)^power``.

    mmengine's ``PolyLR`` divides by T - 1, so that its last step has the rate ``eta_min`` and, at 0, changes nothing.
    Everything else is the same, ``convert_to_iter_based`` included.

    Args:
        optimizer (Optimizer | BaseOptimWrapper): As mmengine's.
        begin (int): Where s is 0. Defaults to 0.
        end (int): Where s is T. Defaults to never.
        **kwargs: As mmengine's ``PolyLR``: ``power``, ``eta_min``, ``by_epoch``, ….
    """

    def __init__(self, optimizer, *args, begin: int = 0, end: int = 1000000000, **kwargs) -> None:
        super().__init__(optimizer, *args, begin=begin, end=end, **kwargs)
        self.total_iters = end - begin
