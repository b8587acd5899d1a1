"""What is trained or tested on what, in a few lines."""

import os
import platform
from typing import Iterator, List

import torch
from mmengine.dataset import ConcatDataset
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

NO_PART = 'data_preprocessor'
TRAINING_ONLY = 'auxiliary_head'


def describe_run(runner: Runner, training: bool) -> str:
    """Describe a run that begins: model, data, steps, device, and where it is written.

    Args:
        runner (Runner): Its model and data loaders are built.
        training (bool): Whether it trains, or tests.

    Returns:
        str: A line a fact.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    loader = runner.train_dataloader if training else runner.test_dataloader
    facts = [('model', describe_model(model, training)), *(('data', text) for text in describe_data(loader.dataset))]
    if training and runner.val_loop is not None:
        facts += [('val', text) for text in describe_data(runner.val_dataloader.dataset)]
    if training:
        facts.append(('steps', describe_steps(runner)))
    elif runner._load_from:
        facts.append(('weights', str(runner._load_from)))
    facts += [('on', describe_device(runner)), ('written', from_here(runner.work_dir)),
              ('log', from_here(runner.logger.log_file))]
    return '\n'.join(['Training' if training else 'Test', *(f'  {name:8} {text}' for name, text in facts)])


def describe_model(model: nn.Module, training: bool) -> str:
    """Describe a model: its parts by their kinds, its parameters in millions."""
    parts = {name: part for name, part in model.named_children() if name != NO_PART}
    names = [type(part).__name__ for name, part in parts.items() if name != TRAINING_ONLY]
    extra = list(parts.get(TRAINING_ONLY) or []) if training else []
    if extra:
        names.append(f'{", ".join(dict.fromkeys(type(head).__name__ for head in extra))} in training')
    counted = [parameter for name, parameter in model.named_parameters()
               if training or not name.startswith(TRAINING_ONLY)]
    number = sum(parameter.numel() for parameter in counted)
    text = f'{type(model).__name__} of {", ".join(names)}: {number / 1e6:.2f} M parameters'
    if not training:
        return text
    trained = sum(parameter.numel() for parameter in counted if parameter.requires_grad)
    return f'{text}, all trained' if trained == number else f'{text}, {trained / 1e6:.2f} M trained'


def describe_data(dataset) -> Iterator[str]:
    """Describe a data set, a line for each that it is made of, with its size; one that is not ours by its samples."""
    if isinstance(dataset, ConcatDataset):
        for each in dataset.datasets:
            yield from describe_data(each)
    elif hasattr(dataset, 'sample_counts'):
        counts = dataset.sample_counts()
        yield (f'{dataset.dataset_name}: {counts.images:,} images, {counts.refs:,} refs, '
               f'{counts.expressions:,} expressions')
    elif hasattr(dataset, 'dataset'):  # a wrapper, such as RepeatDataset
        for text in describe_data(dataset.dataset):
            yield f'{type(dataset).__name__} of {text}'
    else:
        yield f'{type(dataset).__name__}: {len(dataset):,} samples'


def describe_steps(runner: Runner) -> str:
    """Describe the steps of a training and the samples of one."""
    loop, loader = runner.train_loop, runner.train_dataloader
    accumulated = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    factors: List[str] = [f'{loader.batch_size} samples']
    factors += [f'{runner.world_size} processes'] if runner.world_size > 1 else []
    factors += [f'{accumulated} steps an update'] if accumulated > 1 else []
    if runner.max_epochs:
        length = f'{len(loader):,} an epoch, {loop.max_epochs} epoch{"s" * (loop.max_epochs > 1)}'
    else:
        length = f'{loop.max_iters:,}'
    return f'{length}; {" × ".join(factors)} a step'


def describe_device(runner: Runner) -> str:
    """Describe where a run computes: the card, or the processor with its threads."""
    device = next((parameter.device for parameter in runner.model.parameters()), torch.device('cpu'))
    if device.type == 'cuda':
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f'{device.type} ({platform.machine()}, {threads} thread{"s" * (threads > 1)})'
    return name if runner.world_size == 1 else f'{runner.world_size} × {name}'


def from_here(path: str) -> str:
    """A path from the present folder, where it lies below it."""
    below = os.path.relpath(path)
    return path if below.startswith(os.pardir) else below
