"""A data set whose chance is repeatable, and which may go on behind a broken sample."""

import logging
from typing import Optional

import torch
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from mmrefseg.errors import RefDataError

from .sampling import draw, seeded


class SeededDataset(BaseDataset):
    """Base of the data sets: chance by (seed, epoch, index), the same for any number of workers.

    Once :meth:`set_epoch` was called, :meth:`draw_one` and all that the pipeline draws from numpy and random depend on
    (seed, epoch, index) only: any number of workers, and a resumed run, see the same data; two visits in one epoch, as
    ``RepeatDataset`` makes them, draw the same. Before, and so in iteration-based loops, the draw is from torch's
    generator of the process, which differs in every worker.

    A subclass gives ``dataset_name`` (str), and ``on_error`` (``'raise'`` or ``'skip'``).

    Args:
        **kwargs: As mmengine's ``BaseDataset``.
    """

    def __init__(self, **kwargs) -> None:
        # Shared memory: workers that persist see a new epoch, and their counts are seen here.
        self._epoch_and_seed = torch.full((2, ), -1, dtype=torch.int64).share_memory_()
        self._replaced = torch.zeros(1, dtype=torch.int64).share_memory_()
        super().__init__(**kwargs)

    @property
    def replaced_count(self) -> int:
        """int: Visits, over all workers, where a broken sample was replaced by another one."""
        return int(self._replaced)

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Make chance depend on (seed, epoch, index) only; running workers follow.

        Args:
            epoch (int): The epoch, >= 0.
            seed (int): The run's seed, >= 0.

        Raises:
            ValueError: One of them is negative.
        """
        if epoch < 0 or seed < 0:
            raise ValueError(f'epoch and seed must not be negative, got {epoch} and {seed}')
        self._epoch_and_seed.copy_(torch.tensor([epoch, seed]))

    def draw_one(self, count: int, idx: int, number: int) -> int:
        """One of ``count``: the draw of this ``number`` of the sample ``idx``."""
        epoch, seed = self._epoch_and_seed.tolist()
        if epoch >= 0:
            return draw(count, seed, epoch, idx, number)
        # torch seeds each worker of each epoch anew.
        return int(torch.randint(count, (1, )))

    def __getitem__(self, idx: int) -> dict:
        """The sample after the pipeline; see :meth:`set_epoch` for what its chance depends on."""
        epoch, seed = self._epoch_and_seed.tolist()
        if self.test_mode or epoch < 0:
            return super().__getitem__(idx)
        with seeded(seed, epoch, idx % len(self)):
            return super().__getitem__(idx)

    def prepare_data(self, idx: int) -> Optional[dict]:
        """The sample after the pipeline, None (and counted) if it is broken and to be skipped."""
        try:
            return super().prepare_data(idx)
        except RefDataError as error:
            if self.test_mode or self.on_error == 'raise':
                raise
            self._replaced += 1
            print_log(f'{self.dataset_name}: another sample is drawn in the place of a broken one '
                      f'({self.replaced_count} so far): {error}', logger='current', level=logging.WARNING)
            return None

    def _copy_without_annotation(self, memo: Optional[dict] = None) -> 'SeededDataset':
        other = super()._copy_without_annotation({} if memo is None else memo)
        other._epoch_and_seed = self._epoch_and_seed.clone().share_memory_()
        other._replaced = torch.zeros_like(self._replaced).share_memory_()
        return other
