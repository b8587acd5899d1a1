"""Epochs that a training may begin in their middle."""

import logging
from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop as BaseTrainLoop
from torch.utils.data import BatchSampler, DataLoader

from mmrefseg.registry import LOOPS


@LOOPS.register_module()
class EpochBasedTrainLoop(BaseTrainLoop):
    """As mmengine's of this name, with its arguments; it can leave an epoch in its middle and go on there.

    What was trained of the epoch is left out by the sampler, so that it costs nothing. The random numbers of each
    process go on where they were; with data sets that draw by seed, epoch and index, as all of ours do, the weights
    become those of a training that was never stopped. :class:`CheckpointHook` with ``minutes`` writes such checkpoints,
    and the tools put this loop in the place of mmengine's.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self._begin: Optional[dict] = None

    def position(self, done: int) -> Dict[str, object]:
        """All that is to be known to go on behind a step of the epoch; every process calls it at the same step.

        Args:
            done (int): Steps of the epoch that are done.

        Returns:
            dict: ``done``; ``steps`` of the epoch; ``random``, the state of each process' random numbers.
        """
        state = [torch.get_rng_state()] + ([torch.cuda.get_rng_state()] if torch.cuda.is_available() else [])
        return dict(done=done, steps=len(self.dataloader), random=all_gather_object(state))

    def go_on_at(self, position: Optional[dict]) -> None:
        """Let the first epoch begin at a :meth:`position`; None: at its first step.

        Where an epoch now has another number of steps, or there are more or fewer processes, it begins anew.
        """
        self._begin = None
        if not position:
            return
        size, steps, processes = get_world_size(), position['steps'], len(position['random'])
        if (steps, processes) == (len(self.dataloader), size):
            self._begin = position
            return
        print_log(f'Epoch {self.epoch + 1} begins anew: it was left behind step {position["done"]} of {steps} on '
                  f'{processes} process(es), and now has {len(self.dataloader)} on {size}', 'current', logging.WARNING)
        self._iter -= position['done']

    def run_epoch(self) -> None:
        """Train one epoch, or what is left of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        begin, self._begin = self._begin, None
        done = begin['done'] if begin else 0
        with _without_first(self.dataloader, done):
            batches = iter(self.dataloader)
            if begin:
                _set_random(begin['random'][get_rank()])
            for number, batch in enumerate(batches, start=done):
                self.run_iter(number, batch)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@contextmanager
def _without_first(loader: DataLoader, batches: int) -> Iterator[None]:
    """Leave out the first batches of a loader.

    Raises:
        ValueError: Its batches are chosen by a sampler of another kind than torch's.
    """
    if not batches:
        yield
        return
    chooser = loader.batch_sampler
    if not isinstance(chooser, BatchSampler):
        raise ValueError(f'train_dataloader.batch_sampler is a {type(chooser).__name__}: a training can go on in the '
                         "middle of an epoch with torch's BatchSampler alone")
    sampler = chooser.sampler
    chooser.sampler = _Rest(sampler, batches * chooser.batch_size)
    try:
        yield
    finally:
        chooser.sampler = sampler


class _Rest:
    """A sampler without its first indices; its length is that of the whole, as of the epoch."""

    def __init__(self, sampler, count: int) -> None:
        self.sampler = sampler
        self.count = count

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        indices = iter(self.sampler)
        for _ in range(self.count):
            next(indices)
        yield from indices


def _set_random(states: List[torch.Tensor]) -> None:
    torch.set_rng_state(states[0].cpu())
    if len(states) > 1 and torch.cuda.is_available():
        torch.cuda.set_rng_state(states[1].cpu())
