"""Randomness that depends on the seed and the epoch alone."""

from typing import Iterator

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmrefseg.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds every epoch anew, so that a resumed run is the run that was never stopped.

    Before each training epoch it tells the datasets ``set_epoch(epoch, seed)`` (they draw an
    expression for each ref and seed the augmentations from it, whatever the number of workers) and
    seeds torch of this process from (seed, epoch, rank), which dropout and drop path draw from. A resumed
    run takes the seed of the run it goes on from, and so does its sampler, which mmengine builds before it
    reads that seed. Iteration-based loops have no epochs and are left as they are.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Called by the runner."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        sampler = runner.train_dataloader.sampler
        if hasattr(sampler, 'seed'):
            sampler.seed = runner.seed
        for dataset in innermost_datasets(runner.train_dataloader.dataset):
            if hasattr(dataset, 'set_epoch'):
                dataset.set_epoch(runner.epoch, runner.seed)
        entropy = np.random.SeedSequence((runner.seed, runner.epoch, runner.rank))
        torch.manual_seed(int(entropy.generate_state(1, np.uint64)[0]) >> 1)


def innermost_datasets(dataset) -> Iterator[BaseDataset]:
    """The datasets below mmengine's wrappers (concat, repeat, class balance)."""
    for inner in getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]:
        if inner is None:
            yield dataset
        else:
            yield from innermost_datasets(inner)
