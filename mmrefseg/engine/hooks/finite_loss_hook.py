"""A stop, or a step left out, where the loss is no number."""

from typing import Optional

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmrefseg.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stops a training whose loss is NaN or infinite, before that comes into a checkpoint.

    The tools add it to every config; ``default_hooks.finite_loss.skip_step=True`` lets such a step out instead, on all
    processes alike, and goes on.

    Args:
        skip_step (bool): Whether to leave out the step. Defaults to False: stop.
        max_skips (int): How many steps in a row may be left out before the training stops. Defaults to 20.

    Raises:
        ValueError: ``max_skips`` is below 1.
        FloatingPointError: While training, by the above.
    """

    # Before the hooks that log and write.
    priority = 'VERY_HIGH'

    def __init__(self, skip_step: bool = False, max_skips: int = 20) -> None:
        if max_skips < 1:
            raise ValueError(f'FiniteLossHook.max_skips is {max_skips}, expected 1 or more')
        self.skip_step = skip_step
        self.max_skips = max_skips
        self.skips = 0
        self.in_a_row = 0

    def before_train(self, runner: Runner) -> None:
        """Called by the runner."""
        if self.skip_step:
            self._guard(runner)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Called by the runner after each step.

        Raises:
            FloatingPointError: The loss is not finite.
        """
        if not self.skip_step and isinstance(outputs, dict) and 'loss' in outputs and not _is_finite(outputs['loss']):
            raise FloatingPointError(self._message(runner, outputs))

    def _guard(self, runner: Runner) -> None:
        """Put a check before the optimizer wrapper's step."""
        update = runner.optim_wrapper.update_params

        def guarded(loss: torch.Tensor, *args, **kwargs) -> None:
            bad = (~loss.detach().isfinite()).any().float()
            if get_world_size() > 1:
                all_reduce(bad)
            if not bad:
                self.in_a_row = 0
                update(loss, *args, **kwargs)
                return
            runner.optim_wrapper.zero_grad()
            self.skips += 1
            self.in_a_row += 1
            runner.logger.warning(f'epoch {runner.epoch + 1}, iteration {runner.iter + 1}: the loss is not finite, the '
                                  f'step is left out ({self.skips} so far)')
            if self.in_a_row >= self.max_skips:
                raise FloatingPointError(f'{self.in_a_row} steps in a row had a loss that is not finite: the training '
                                         'stops; its last checkpoint is from before')

        runner.optim_wrapper.update_params = guarded

    @staticmethod
    def _message(runner: Runner, outputs: dict) -> str:
        parts = ', '.join(name for name, value in outputs.items() if 'loss' in name and not _is_finite(value))
        return (f'epoch {runner.epoch + 1}, iteration {runner.iter + 1}: the loss is not finite ({parts}). The '
                'training stops; its last checkpoint is from before. A smaller learning rate, clipped gradients '
                '(optim_wrapper.clip_grad) or no --amp may help; default_hooks.finite_loss.skip_step=True leaves such '
                'steps out')


def _is_finite(value: object) -> bool:
    return bool(torch.as_tensor(value).isfinite().all())
