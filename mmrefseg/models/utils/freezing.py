"""Towers that do not train."""

from types import MethodType

from torch import nn


def freeze(tower: nn.Module) -> None:
    """Freeze a tower in place: no gradient for its parameters, and eval mode whatever its parents do.

    Without a gradient its parameters are not in mmengine's optimizers. In eval mode its dropouts are off and the
    running statistics of its batch norms stay.

    Args:
        tower (nn.Module): Any module. Its parameters, buffers and their names stay what they are.
    """
    tower.requires_grad_(False)
    tower.eval()
    # Bound to the tower, and not closed over it: a copy of the model freezes its own.
    tower.train = MethodType(_stay_in_eval_mode, tower)


def _stay_in_eval_mode(tower: nn.Module, mode: bool = True) -> nn.Module:
    return nn.Module.train(tower, False)
