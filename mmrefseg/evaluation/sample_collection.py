"""Brings together what several processes evaluated: every sample once, none lost."""

from typing import List, Optional

import torch
from mmengine.dist import all_reduce, collect_results, get_world_size, is_main_process

from mmrefseg.errors import RefDataError


def collect_samples(entries: List[dict], size: int, device: str = 'cpu',
                    tmpdir: Optional[str] = None) -> Optional[List[dict]]:
    """Gather the entries of all processes.

    mmengine takes the processes' results in turn and cuts the list at ``size``: right for its own
    sampler, wrong without a word for one that deals the samples out otherwise. Here the entries say
    which sample they are, and a sample that is missing is an error.

    Args:
        entries (list[dict]): Of this process, one a sample; see :func:`one_entry_per_sample`.
        size (int): Length of the dataset.
        device (str): 'cpu' or 'gpu', how mmengine collects. Defaults to 'cpu'.
        tmpdir (str, optional): Folder shared by the processes, for 'cpu'.

    Returns:
        list[dict], optional: The ``size`` entries in the order of the dataset; None on all processes
        but the main one.

    Raises:
        RefDataError: There is no entry at all (on every process), or entries are missing (on the main
            process).
    """
    total = torch.tensor(len(entries))
    all_reduce(total)
    if not total or not size:
        raise RefDataError(f'nothing to evaluate: {int(total)} samples were processed and the dataset '
                           f'has {size}; is the split right, and does the data loader give samples?')
    gathered = collect_results(entries, int(total), device, tmpdir)
    if not is_main_process():
        return None
    return one_entry_per_sample(gathered, size, repeats=get_world_size() > 1)


def one_entry_per_sample(entries: List[dict], size: int, repeats: bool) -> List[dict]:
    """Drop the samples that a sampler gave twice to fill up its last round.

    Args:
        entries (list[dict]): With the keys ``sample_idx`` (int or None), ``dataset_name``,
            ``img_path``, ``ref_ids``, ``sent_ids`` and ``expressions``.
        size (int): How many samples the dataset has.
        repeats (bool): Whether an entry may be there more than once.

    Returns:
        list[dict]: ``size`` entries, sorted by ``sample_idx`` where all have a different one.

    Raises:
        RefDataError: There are fewer or more different samples than ``size``.
    """
    known = all(entry['sample_idx'] is not None for entry in entries)
    if repeats and known:
        entries = list({_identity(entry): entry for entry in entries}.values())
    elif repeats and len(entries) > size:
        entries = entries[:size]  # without a name for a sample, trust mmengine's order
    if len(entries) != size:
        raise RefDataError(
            f'{len(entries)} different samples were evaluated but the dataset has {size}: numbers over '
            'them would be wrong. Use val_dataloader.sampler=dict(type="DefaultSampler", '
            'shuffle=False) and drop_last=False')
    if known and len({entry['sample_idx'] for entry in entries}) == size:
        return sorted(entries, key=lambda entry: entry['sample_idx'])
    return entries


def _identity(entry: dict) -> tuple:
    # Datasets joined into one count sample_idx anew each, hence the rest.
    return (entry['sample_idx'], entry['dataset_name'], entry['img_path'], tuple(entry['ref_ids']),
            tuple(entry['sent_ids']), tuple(entry['expressions']))
