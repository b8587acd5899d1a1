"""Pre-trained weights of a part of a model."""

import logging
from typing import Optional

from mmengine.logging import print_log
from mmengine.model import PretrainedInit as BasePretrainedInit
from mmengine.model import update_init_info
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from mmrefseg.checkpoints import fit_weights, weights_of
from mmrefseg.checkpoints.fit import check_taken
from mmrefseg.checkpoints.read import load_from_mmrefseg
from mmrefseg.errors import CheckpointError
from mmrefseg.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module(name='Pretrained')
class PretrainedInit(BasePretrainedInit):
    """As mmengine's of this name, with its arguments; says in a line which weights were taken.

    ``init_cfg=dict(type='Pretrained', checkpoint=FILE, prefix='backbone.')`` of any part is it, in a config whose
    default scope is mmrefseg's.

    Raises:
        CheckpointError: When it is applied: nothing in the file fits the part, its weights are not finite, or none
            begins with the prefix.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load into a part; what the file lacks stays as it is."""
        weights = weights_of(load_from_mmrefseg(self.checkpoint), self.checkpoint)
        weights = within(weights, self.prefix, self.checkpoint)
        fit = fit_weights(module, weights)
        check_taken(fit, self.checkpoint)
        load_state_dict(module, weights, strict=False, logger='silent')  # the line below says what it would
        print_log(f'{type(module).__name__} begins from {self.checkpoint}: {fit.summary()}', 'current',
                  logging.WARNING if fit.reshaped else logging.INFO)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())


def within(weights: dict, prefix: Optional[str], source: str) -> dict:
    """The weights whose names begin with a prefix, by the rest of their names.

    Raises:
        CheckpointError: There are none.
    """
    if prefix is None:
        return weights
    prefix = prefix if prefix.endswith('.') else f'{prefix}.'
    found = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    if not found:
        names = sorted({name.split('.')[0] for name in weights})
        raise CheckpointError(f'no weight in {source} begins with the prefix {prefix!r} of init_cfg; it has: '
                              f'{", ".join(names[:8])}')
    return found
