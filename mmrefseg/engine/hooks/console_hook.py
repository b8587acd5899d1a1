"""Console of a run: what is trained on what, its steps with their losses and the time left, its metrics."""

import time
from datetime import timedelta
from typing import Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.hooks import Hook, LoggerHook
from mmengine.runner import Runner

from mmrefseg.evaluation.base_ref_metric import BaseRefMetric
from mmrefseg.registry import HOOKS

from ..console import ConsoleHandler, console_of
from ..run_summary import describe_data, describe_run

WINDOW = 10  # steps that a loss is averaged over, as in the log file
REFRESH = 0.1  # seconds between two states of the line of progress


@HOOKS.register_module()
class ConsoleHook(Hook):
    """Says at the console of a :class:`~mmrefseg.engine.RefRunner` what a person there waits for.

    In a terminal a line of progress is written over at every step, and one line an epoch stays; in a file there is a
    line every ``default_hooks.logger.interval`` steps. The log file has mmengine's lines. ``mmrefseg train`` and
    ``mmrefseg test`` add this hook to every config; ``default_hooks.console=None`` takes it away.
    """

    priority = 'LOW'  # after LoggerHook

    def __init__(self) -> None:
        self._console: Optional[ConsoleHandler] = None
        self._written = 0.
        self._described = False

    def before_run(self, runner: Runner) -> None:
        """Called by the runner."""
        self._console = console_of(runner.logger)

    def before_train(self, runner: Runner) -> None:
        """Called by the runner, after it has resumed."""
        runner.logger.info(describe_run(runner, training=True))

    def before_test(self, runner: Runner) -> None:
        """Called by the runner before each split."""
        if self._described:
            runner.logger.info('\n'.join(describe_data(runner.test_dataloader.dataset)))
        else:
            runner.logger.info(describe_run(runner, training=False))
        self._described = True

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Called by the runner."""
        if self._console is None:
            return
        steps = len(runner.train_dataloader) if runner.max_epochs else runner.max_iters
        ends = batch_idx + 1 == steps
        if ends or (not self._console.is_terminal and self.every_n_train_iters(runner, interval_of(runner))):
            self._console.say(describe_step(runner, batch_idx + 1, steps))
        elif self._due():
            self._console.progress(describe_step(runner, batch_idx + 1, steps))

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Called by the runner."""
        self._count('validation', batch_idx, len(runner.val_dataloader))

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Called by the runner."""
        self._count('test', batch_idx, len(runner.test_dataloader))

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        """Called by the runner."""
        self._say_metrics(runner.val_loop.evaluator.metrics, metrics)

    def after_test_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        """Called by the runner."""
        self._say_metrics(runner.test_loop.evaluator.metrics, metrics)

    def _count(self, what: str, batch_idx: int, steps: int) -> None:
        if self._console is None:
            return
        if batch_idx + 1 == steps:
            self._console.end_progress()
        elif self._due():
            self._console.progress(f'{what}  step {batch_idx + 1}/{steps}')

    def _say_metrics(self, kinds: Sequence, metrics: Optional[Dict[str, float]]) -> None:
        """The metrics in a line, where they are not ours, which print a table."""
        if self._console is None or not metrics or all(isinstance(kind, BaseRefMetric) for kind in kinds):
            return
        self._console.say(', '.join(f'{name} {value:.2f}' if isinstance(value, float) else f'{name} {value}'
                                    for name, value in metrics.items()))

    def _due(self) -> bool:
        """Whether the line of progress is old."""
        now = time.monotonic()
        if now - self._written < REFRESH:
            return False
        self._written = now
        return True


def interval_of(runner: Runner) -> int:
    """The steps between two lines: those of the log file."""
    return next((hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), 50)


def describe_step(runner: Runner, step: int, steps: int) -> str:
    """Describe a step: where it is, its losses, the rate, the time of one and the time left."""
    scalars = runner.message_hub.log_scalars
    parts: List[str] = [f'step {step}/{steps}']
    if runner.max_epochs:
        parts.insert(0, f'epoch {runner.epoch + 1}/{runner.max_epochs}')
    losses = list_losses(runner)
    if 'train/loss' in scalars:
        parts.append(f'loss {scalars["train/loss"].mean(WINDOW):.3f}')
    if 'train/lr' in scalars:
        parts.append(f'rate {scalars["train/lr"].current():.1e}')
    if 'train/time' in scalars:
        parts.append(f'{scalars["train/time"].mean(WINDOW):.2f} s a step')
    if torch.cuda.is_available():
        parts.append(f'{torch.cuda.max_memory_allocated() / 1e9:.1f} GB')
    left = runner.message_hub.runtime_info.get('eta')
    if left is not None:
        parts.append(f'{timedelta(seconds=int(left))} left')
    if len(losses) > 1:  # at the end, where a narrow terminal may cut it off
        parts.append(', '.join(f'{name} {value:.3f}' for name, value in losses))
    return '  '.join(parts)


def list_losses(runner: Runner) -> List[Tuple[str, float]]:
    """List the losses that a step's is the sum of, by short names: ``decode.ce`` for ``decode.loss_ce``."""
    found = []
    for name, buffer in runner.message_hub.log_scalars.items():
        if name.startswith('train/') and 'loss' in name and name != 'train/loss':
            found.append((name.removeprefix('train/').replace('loss_', ''), buffer.mean(WINDOW)))
    return found
