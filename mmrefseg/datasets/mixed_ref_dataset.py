"""Several datasets as one to train on, without images that any of them validates or tests on."""

from collections.abc import Sequence
from typing import Dict, List, Optional, Union

import numpy as np
from mmengine.dataset import ConcatDataset
from mmengine.logging import print_log

from mmrefseg.errors import RefDataError, first_lines
from mmrefseg.registry import DATASETS

from .leakage import Leak, Split, find_leaks, held_out_images, join_leaks
from .refer_dataset import ReferDataset


@DATASETS.register_module()
class MixedRefDataset(ConcatDataset):
    """Training sets, one after the other; an image that is in a held-out split of any of them is in none of them.

    RefCOCO, RefCOCO+ and RefCOCOg share COCO's train2014 but not their splits: an image that one of them trains on is
    another one's test image. Held out are all splits in the annotation files of ``datasets`` but those that are
    trained on, and ``held_out``. What left is in :attr:`removed` and counted in the log.

    Args:
        datasets (Sequence[dict | ReferDataset]): Any of ours, in training mode; built ones are changed.
        held_out (Sequence[dict | ReferDataset]): Further datasets whose split is held out, such as a set that is only
            tested on, or the list of a split that has a file of its own.
        identity (str): When two files are the same image: ``'auto'`` (default), ``'name'`` or ``'content'``, see
            :func:`mmrefseg.datasets.leakage.find_leaks`.
        common (dict, optional): What the configs in ``datasets`` share, such as the config of another dataset: where
            they have a key themselves, theirs counts.
        lazy_init, ignore_keys: As mmengine's ``ConcatDataset``.

    Attributes:
        removed (list[dict[Split, Leak]]): For each dataset what was removed because of which split; what several
            splits hold is in each of them.

    Raises:
        RefDataError: A dataset is none of ours or in test mode, or nothing is left of it; ``identity`` is another one.

    Example:
        >>> from mmrefseg.datasets import MixedRefDataset
        >>> parts = [dict(type='RefShapesDataset', ann_dir=name, split='train', data_root='data', pipeline=[])
        ...          for name in ('refshapes', 'refshapes')]
        >>> mixed = MixedRefDataset(parts)
        >>> len(mixed) == 2 * len(mixed.datasets[0])
        True
    """

    def __init__(self,
                 datasets: Sequence[Union[dict, ReferDataset]],
                 held_out: Sequence[Union[dict, ReferDataset]] = (),
                 identity: str = 'auto',
                 common: Optional[dict] = None,
                 lazy_init: bool = False,
                 ignore_keys: Union[str, List[str], None] = None) -> None:
        self.held_out = [_build(dataset, 'held_out') for dataset in held_out]
        self.identity = identity
        self.removed: List[Dict[Split, Leak]] = []
        datasets = [{**(common or {}), **dataset} if isinstance(dataset, dict) else dataset for dataset in datasets]
        datasets = [_build(dataset, 'datasets') for dataset in datasets]
        for dataset in datasets:
            if dataset.test_mode:
                raise RefDataError(f'MixedRefDataset: {dataset.dataset_name} has test_mode=True, and a mix is to be '
                                   'trained on')
        super().__init__(datasets, lazy_init=lazy_init, ignore_keys=ignore_keys)

    def full_init(self) -> None:
        """Read all datasets and remove what leaks."""
        if self._fully_initialized:
            return
        for dataset in (*self.datasets, *self.held_out):
            dataset.full_init()
        held_out = held_out_images(self.datasets, self.held_out)
        self.removed = [find_leaks(dataset, held_out, self.identity) for dataset in self.datasets]
        for dataset, leaks in zip(self.datasets, self.removed):
            self._remove(dataset, leaks)
        self.held_out = []  # not needed in any worker
        super().full_init()

    def _remove(self, dataset: ReferDataset, leaks: Dict[Split, Leak]) -> None:
        leak = join_leaks(leaks)
        if leak is None:
            print_log(f'MixedRefDataset: nothing to remove from {dataset.dataset_name}', 'current')
            return
        before = len(dataset)
        if len(leak.samples) == before:
            raise RefDataError(f'MixedRefDataset: all {len(leak.images)} pictures of {dataset.dataset_name} are in '
                               'held-out splits: nothing is left to train on')
        dataset.get_subset_(np.setdiff1d(np.arange(before), leak.samples))
        reasons = [f'{split} of {path}: {_count(part)}' for (path, split), part in leaks.items()]
        print_log(
            f'MixedRefDataset: removed {_count(leak)} from {dataset.dataset_name}: {len(dataset)} of {before} samples '
            f'are left. Held out are{first_lines(reasons, len(reasons))}\nThe pictures (refs {_some(leak.ref_ids)}):'
            f'{first_lines(leak.images)}', 'current')


def _build(dataset: Union[dict, ReferDataset], key: str) -> ReferDataset:
    if isinstance(dataset, dict):
        dataset = DATASETS.build(dict(dataset, lazy_init=True))
    if not isinstance(dataset, ReferDataset):
        raise RefDataError(f'MixedRefDataset: {key} holds a {type(dataset).__name__}, expected datasets of mmrefseg '
                           'that are not wrapped (wrap the mix instead)')
    return dataset


def _count(leak: Leak) -> str:
    return '{} pictures, {} refs, {} expressions'.format(*leak.counts)


def _some(numbers: List[int]) -> str:
    return ', '.join(map(str, numbers[:10])) + ', …' * (len(numbers) > 10)
