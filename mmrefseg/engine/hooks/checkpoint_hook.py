"""Checkpoints of a training that a kill, a copy or a move of its folder cannot spoil."""

import json
import re
import time
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

import torch
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import CheckpointHook as BaseCheckpointHook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop as AnyEpochBasedTrainLoop
from mmengine.runner import IterBasedTrainLoop, Runner

from mmrefseg.checkpoints.latest import place_of
from mmrefseg.registry import HOOKS
from mmrefseg.utils.whole_file import clear_parts_below
from mmrefseg.utils.write_text import write_text

from ..epoch_based_train_loop import EpochBasedTrainLoop

TIMED = 'epoch_{}_iter_{}.pth'  # epochs and steps that are done
POSITION = 'within_epoch'  # in a checkpoint's meta
VALIDATED = 'last_validation.json'
VALIDATED_INFO = 'last_validation'
OUTDATED = 'outdated_ckpt_ids'  # in the message hub: what goes when the checkpoint that says so is there


@HOOKS.register_module()
class CheckpointHook(BaseCheckpointHook):
    """As mmengine's of this name, with its arguments; a resumed training is the one that was never stopped.

    - A checkpoint that takes the place of another (the newest of ``max_keep_ckpts``, the best) is whole before the
      other is removed.
    - Names of checkpoints that stand in a checkpoint are looked for in the folder at hand, whatever folder they name:
      it may have been copied or moved.
    - A training that was killed while it validated validates that epoch when it goes on, the last one included.
      ``last_validation.json`` says which was the last.
    - Weights that are not finite are not written.
    - With ``minutes`` there are checkpoints within an epoch, too, from which a training goes on behind the very step:
      ``epoch_<epochs done>_iter_<steps done>.pth``. The last ``max_keep_timed`` are kept until the training has ended.

    Args:
        minutes (float, optional): The most minutes between two checkpoints, and so the most that a kill costs. Defaults
            to None: those of ``interval`` alone.
        max_keep_timed (int): How many of those within an epoch are kept. Defaults to 2: the newest may be torn by a
            crash of the machine.
        **kwargs: As mmengine's: ``interval``, ``by_epoch``, ``max_keep_ckpts``, ``save_best``, ….

    Raises:
        ValueError: ``minutes`` is not above 0, or ``max_keep_timed`` below 1.
        FloatingPointError: While training, weights are not finite.
    """

    def __init__(self, *args, minutes: Optional[float] = None, max_keep_timed: int = 2, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if minutes is not None and not minutes > 0:
            raise ValueError(f'CheckpointHook.minutes is {minutes}, expected a number above 0, or None')
        if max_keep_timed < 1:
            raise ValueError(f'CheckpointHook.max_keep_timed is {max_keep_timed}, expected 1 or more')
        self.minutes = minutes
        self.max_keep_timed = max_keep_timed
        self._position: Optional[dict] = None
        self._written = time.monotonic()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Called by the runner with what it has read."""
        self._position = (checkpoint.get('meta') or {}).get(POSITION)

    def before_train(self, runner: Runner) -> None:
        """Called by the runner, after it has resumed."""
        super().before_train(runner)
        self._written = time.monotonic()
        self._go_on_within_epoch(runner)
        if is_main_process():
            clear_parts_below(self.out_dir)
            # A kill may have come between a checkpoint and the removal of the one whose place it takes.
            for each in runner.message_hub.runtime_info.get(OUTDATED, ()):
                if each not in getattr(self, 'keep_ckpt_ids', ()):
                    self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(each)))
        self._rebase_best(runner)
        step = self._step(runner)
        if step == 0:
            return
        newest = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
        if self.file_backend.isfile(newest):
            self.last_ckpt = newest
        if self._owes_validation(runner, step):
            unit = 'Epoch' if self.by_epoch else 'Iteration'
            runner.logger.info(f'{unit} {step} was not validated to its end: it is now, before the training goes on')
            runner.val_loop.run()

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Called by the runner after each step."""
        super().after_train_iter(runner, batch_idx, data_batch, outputs)
        if self.minutes is None or not getattr(runner.optim_wrapper, 'should_update', lambda: True)():
            return  # or the gradients that wait would be lost
        # At the end of an epoch, after_train_epoch writes.
        if not (self.by_epoch and batch_idx + 1 == len(runner.train_loop.dataloader)) and self._is_due():
            self._save_timed(runner, batch_idx + 1)

    def after_train(self, runner: Runner) -> None:
        """Called by the runner."""
        super().after_train(runner)
        if is_main_process():
            self._remove_timed(keep=0)

    def after_val_epoch(self, runner: Runner, metrics: Optional[Dict[str, float]] = None) -> None:
        """Called by the runner."""
        # A checkpoint that is written now, with a new best score, knows that its epoch is validated.
        runner.message_hub.update_info(VALIDATED_INFO, self._step(runner))
        super().after_val_epoch(runner, metrics or {})
        if is_main_process():
            unit = 'epoch' if self.by_epoch else 'iter'
            write_text(Path(self.out_dir, VALIDATED), json.dumps({unit: self._step(runner)}) + '\n')

    def _go_on_within_epoch(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            loop.go_on_at(self._position if runner._resume else None)
        elif self.by_epoch and (self.minutes is not None or (runner._resume and self._position)):
            raise ValueError(f'train_cfg builds a {type(loop).__module__}.{type(loop).__name__}, which cannot go on '
                             "in the middle of an epoch: expected train_cfg.type='mmrefseg.EpochBasedTrainLoop'")

    def _is_due(self) -> bool:
        """Whether a checkpoint is due by the clock of the first process."""
        due = torch.tensor([float(time.monotonic() - self._written >= 60 * self.minutes)])
        broadcast(due)
        return bool(due.item())

    def _save_timed(self, runner: Runner, done: int) -> None:
        if not self.by_epoch:
            self._save_checkpoint(runner)
            return
        check_finite(runner)
        name = TIMED.format(runner.epoch, runner.iter + 1)
        runner.logger.info(f'Saving {name} behind step {done} of the epoch')
        runner.save_checkpoint(
            self.out_dir, name, self.file_client_args, save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler, meta={POSITION: runner.train_loop.position(done)},
            by_epoch=False, backend_args=self.backend_args, **self.args)
        self._written = time.monotonic()
        if is_main_process():
            write_text(Path(runner.work_dir, 'last_checkpoint'), self.file_backend.join_path(self.out_dir, name))
            self._remove_timed(self.max_keep_timed, (runner.epoch, runner.iter + 1))

    def _remove_timed(self, keep: int, newest: Tuple[int, int] = (0, 0)) -> None:
        """Remove those within epochs but the last ``keep``; what is later than ``newest`` is of a void training."""
        places = {path: place_of(path.name) for path in Path(self.out_dir).glob(TIMED.format('*', '*'))}
        kept = sorted((path for path in places if places[path] <= newest), key=places.get)[-keep:] if keep else []
        for path in places.keys() - set(kept):
            self._remove(str(path))

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        check_finite(runner)
        kept: List[int] = list(getattr(self, 'keep_ckpt_ids', ()))
        outdated = []
        if self.max_keep_ckpts > 0:
            kept = [each for each in kept if each != step] + [step]
            outdated, kept = kept[:-self.max_keep_ckpts], kept[-self.max_keep_ckpts:]
            self.keep_ckpt_ids.clear()
            self.keep_ckpt_ids.extend(kept)
            runner.message_hub.update_info('keep_ckpt_ids', list(kept))
            runner.message_hub.update_info(OUTDATED, list(outdated))
        self.last_ckpt = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            self.filename_tmpl.format(step),
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args)
        self._written = time.monotonic()
        if is_main_process():
            write_text(Path(runner.work_dir, 'last_checkpoint'), self.last_ckpt)
            for each in outdated:
                self._remove(self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(each)))

    def _save_best_checkpoint(self, runner: Runner, metrics: Dict[str, float]) -> None:
        if not self.save_best:
            return
        before = dict(self._best())
        for indicator in before:
            self._set_best(indicator, None)  # or it would be removed before the new one is written
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            after = dict(self._best())
            for indicator, old in before.items():
                if after.get(indicator) is None:
                    self._set_best(indicator, old)
        for indicator, old in before.items():
            new = after.get(indicator)
            if old and new and old != new and is_main_process():
                self._remove(old)
                runner.logger.info(f'The previous best checkpoint {old} is removed')

    def _rebase_best(self, runner: Runner) -> None:
        """Look for the best checkpoint in the folder at hand; remove older ones that a kill left."""
        if not self.save_best:
            return
        for indicator, path in list(self._best()):
            if path is None:
                continue
            name = str(path).replace('\\', '/').rpartition('/')[2]
            here = self.file_backend.join_path(self.out_dir, name)
            found = self.file_backend.isfile(here)
            self._set_best(indicator, here if found else None)
            if not found:
                runner.logger.warning(f'The best checkpoint so far, {name}, is not in {self.out_dir}; its score counts')
            elif is_main_process():
                for outdated in self._older_best(indicator, name):
                    self._remove(outdated)

    def _older_best(self, indicator: str, name: str) -> List[str]:
        prefix, suffix = self.filename_tmpl.split('{}')
        pattern = re.compile(re.escape(f'best_{indicator}_{prefix}'.replace('/', '_')) + r'(\d+)' + re.escape(suffix))
        best = pattern.fullmatch(name)
        numbers = {path: pattern.fullmatch(path.name) for path in Path(self.out_dir).glob('best_*')}
        return [str(path) for path, match in numbers.items() if best and match and int(match[1]) < int(best[1])]

    def _owes_validation(self, runner: Runner, step: int) -> bool:
        loop = runner.train_loop
        if runner.val_loop is None or not isinstance(loop, (AnyEpochBasedTrainLoop, IterBasedTrainLoop)):
            return False
        if self.by_epoch != isinstance(loop, AnyEpochBasedTrainLoop):
            return False
        last = loop.max_epochs if self.by_epoch else loop.max_iters
        loop._decide_current_val_interval()
        due = step >= loop.val_begin and (step % loop.val_interval == 0 or step == last)
        return due and step > max(self._validated(), runner.message_hub.runtime_info.get(VALIDATED_INFO, 0))

    def _validated(self) -> int:
        """The last epoch or iteration that was validated to its end; 0 where nobody knows."""
        try:
            found = json.loads(Path(self.out_dir, VALIDATED).read_text(encoding='utf-8'))
            return int(found['epoch' if self.by_epoch else 'iter'])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _step(self, runner: Runner) -> int:
        return runner.epoch if self.by_epoch else runner.iter

    def _best(self) -> Iterator[Tuple[str, Optional[str]]]:
        """The best checkpoint of each metric."""
        if len(self.key_indicators) == 1:
            yield self.key_indicators[0], self.best_ckpt_path
        else:
            yield from self.best_ckpt_path_dict.items()

    def _set_best(self, indicator: str, path: Optional[str]) -> None:
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[indicator] = path

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # of deepspeed
            self.file_backend.rmtree(path)


def check_finite(runner: Runner) -> None:
    """Check the weights of the model before they are written.

    Raises:
        FloatingPointError: Some are not finite.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    for name, value in model.named_parameters():
        if not torch.isfinite(value).all():
            raise FloatingPointError(f'epoch {runner.epoch + 1}, iteration {runner.iter}: the weight {name} is not '
                                     'finite. The training stops, and its last checkpoint stays as it is')
