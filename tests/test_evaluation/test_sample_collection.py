"""Several processes give the numbers of one."""

import csv
import os
import random

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from mmengine.dataset import DefaultSampler

from mmrefseg.errors import RefDataError
from mmrefseg.evaluation import GRefMetric, RefIoUMetric
from mmrefseg.evaluation.sample_collection import one_entry_per_sample
from mmrefseg.utils.processes import leave

NUM_SAMPLES = 5
DEALS = ('round_up', 'no_round_up', 'halves', 'one_empty')


def make_samples(with_index=True):
    generator = torch.Generator().manual_seed(3)
    samples = []
    for i in range(NUM_SAMPLES):
        count = i % 3 + 1
        masks = torch.randint(0, 2, (2, count, 9, 8), generator=generator).to(torch.uint8)
        samples.append(dict(
            pred_sem_seg=dict(data=masks[0]), gt_sem_seg=dict(data=masks[1]), img_path=f'{i}.jpg',
            expressions=['the dog'] * count, ref_ids=[i] * count, sent_ids=list(range(count))))
        if with_index:
            samples[-1]['sample_idx'] = i
    return samples


def deal(name, rank, indices):
    if name == 'halves':
        return indices[:3] if rank == 0 else indices[3:]
    if name == 'one_empty':
        return indices if rank == 1 else []
    sampler = DefaultSampler(indices, shuffle=False, seed=0, round_up=name == 'round_up')
    return list(sampler)


def evaluate_in_process(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        'gloo', init_method=f'file://{folder}/rendezvous', rank=rank, world_size=2)
    reports = {}
    for name in DEALS:
        metric = RefIoUMetric(dump_file=f'{folder}/{name}.csv', collect_dir=f'{folder}/{name}')
        samples = make_samples(with_index=name != 'no_round_up')
        metric.process(None, [samples[i] for i in deal(name, rank, list(range(NUM_SAMPLES)))])
        reports[name] = metric.evaluate(NUM_SAMPLES)
    metric = GRefMetric(collect_dir=f'{folder}/gref')
    metric.process(None, [make_samples()[i] for i in deal('halves', rank, list(range(NUM_SAMPLES)))])
    reports['gref'] = metric.evaluate(NUM_SAMPLES)
    # The main process fails: both must say so rather than wait for each other.
    for name, size in (('missing', NUM_SAMPLES + 2), ('nothing', NUM_SAMPLES)):
        metric = RefIoUMetric(collect_dir=f'{folder}/{name}')
        if name == 'missing':
            metric.process(None, make_samples())
        try:
            metric.evaluate(size)
        except Exception as error:
            reports[name] = f'{type(error).__name__}: {error}'
    torch.save(reports, f'{folder}/reports_{rank}.pth')
    leave()


def test_two_processes_agree_with_one(tmp_path):
    torch.multiprocessing.spawn(evaluate_in_process, args=(str(tmp_path), ), nprocs=2)
    reports = [torch.load(tmp_path / f'reports_{rank}.pth') for rank in range(2)]
    metric = RefIoUMetric(dump_file=str(tmp_path / 'alone.csv'))
    metric.process(None, make_samples())
    expected = metric.evaluate(NUM_SAMPLES)
    for name in DEALS:
        assert reports[0][name] == expected, name
        assert reports[1][name] == expected, name
        assert (tmp_path / f'{name}.csv').read_text() == (tmp_path / 'alone.csv').read_text(), name
    metric = GRefMetric()
    metric.process(None, make_samples())
    expected = metric.evaluate(NUM_SAMPLES)
    assert all(repr(report['gref']) == repr(expected) for report in reports)  # NaN: there is a target everywhere
    assert '5 different samples were evaluated but the dataset has 7' in reports[0]['missing']
    assert reports[1]['missing'].startswith('RuntimeError: the main process could not evaluate')
    assert '5 different samples' in reports[1]['missing']
    for report in reports:
        assert report['nothing'].startswith('RefDataError: nothing to evaluate: 0 samples')
    assert not [name for name in os.listdir(tmp_path) if name.endswith('.tmp')]


def entries_of(indices, **changes):
    return [dict(dict(sample_idx=i, dataset_name=None, img_path=f'{i}.jpg', ref_ids=[i], sent_ids=[0],
                      expressions=['dog']), **changes) for i in indices]


def test_order_is_the_datasets():
    indices = list(range(6))
    random.Random(0).shuffle(indices)
    chosen = one_entry_per_sample(entries_of(indices + indices[:2]), 6, repeats=True)
    assert [entry['sample_idx'] for entry in chosen] == list(range(6))


def test_joined_datasets_with_the_same_indices_keep_all_samples():
    entries = entries_of([0, 1]) + entries_of([0, 1], img_path='other.jpg')
    assert one_entry_per_sample(entries, 4, repeats=True) == entries


def test_samples_without_index_are_cut_as_mmengine_does():
    entries = entries_of([0, 1, 2, 0], sample_idx=None)
    assert one_entry_per_sample(entries, 3, repeats=True) == entries[:3]


@pytest.mark.parametrize('indices,repeats', [([0, 1, 1], True), ([0, 1], True), ([0, 1], False),
                                             ([0, 1, 2, 3], False)])
def test_lost_or_surplus_samples_are_an_error(indices, repeats):
    with pytest.raises(RefDataError, match='different samples were evaluated but the dataset has 3'):
        one_entry_per_sample(entries_of(indices), 3, repeats=repeats)


def test_dump_is_in_the_order_of_the_dataset(tmp_path):
    path = tmp_path / 'new' / 'results.csv'
    metric = RefIoUMetric(dump_file=str(path))
    metric.process(None, make_samples()[::-1])
    metric.evaluate(NUM_SAMPLES)
    with open(path, newline='') as file:
        assert [row['ref_id'] for row in csv.DictReader(file)] == list('011222344')
