"""Equal groups of parameters in one step."""

from typing import List

from torch.optim import Optimizer


def join_equal_groups(optimizer: Optimizer) -> None:
    """Have an optimizer's step take parameters of equal settings together.

    By ``paramwise_cfg`` mmengine makes a group of every parameter, and a fused optimizer, made to take all in a few
    calls, is called for each of them. Only while it steps are the groups joined: learning rates, schedulers and
    checkpoints keep theirs, and the numbers are the same.

    Args:
        optimizer (Optimizer): Changed in place; a second time changes nothing.
    """
    if hasattr(optimizer, 'joins_equal_groups'):
        return
    optimizer.joins_equal_groups = True
    apart = []

    def part(optimizer: Optimizer, *_) -> None:
        optimizer.param_groups[:] = apart
        apart.clear()

    def join(optimizer: Optimizer, *_) -> None:
        if apart:  # the step before ended in an error
            part(optimizer)
        apart[:] = optimizer.param_groups
        optimizer.param_groups[:] = joined(apart)

    optimizer.register_step_pre_hook(join)
    optimizer.register_step_post_hook(part)


def joined(groups: List[dict]) -> List[dict]:
    """Groups of equal settings as one each, in the order of their first; what came in is left alone."""
    found = {}
    for group in groups:
        # A list (betas of a config) cannot be part of a key, its text can.
        settings = tuple((name, str(value) if isinstance(value, list) else value) for name, value in group.items()
                         if name not in ('params', 'initial_lr'))
        if settings not in found:
            found[settings] = dict(group, params=[])
        found[settings]['params'].extend(group['params'])
    return list(found.values())
