"""Paired timings: models with random weights, measuring in turns, peak memory, tables, JSON.

A paired measurement runs every variant once a round, in turn, so that whatever else the machine does meets all of
them alike. The first variant is the baseline: ratios are those of each round.
"""

import ctypes
import json
import multiprocessing
import platform
import re
import statistics
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from prettytable import PrettyTable
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained, write_text

M_MMAP_THRESHOLD = -3  # <malloc.h>

Times = Dict[str, List[float]]


def build(config: str, cfg_options: Optional[dict] = None, device: str = 'cpu') -> nn.Module:
    """The model of a config with random weights, which nothing here depends on, in evaluation mode.

    Args:
        config (str): The config file.
        cfg_options (dict, optional): Overrides, dotted keys.
        device (str): Where to.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(cfg_options or {})
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    return MODELS.build(without_pretrained(cfg.model)).to(device).eval()


def random_batch(shape: Sequence[int], words: int, expressions: int = 1, images: int = 1,
                 device: str = 'cpu') -> Tuple[Tensor, List[RefDataSample]]:
    """Make a batch of noise: images (B, 3, H, W), and a sample with its expressions for each.

    Args:
        shape (Sequence[int]): H and W.
        words (int): Words or word pieces of each expression.
        expressions (int): Of each image, all of them different: a prediction computes equal ones once.
        pictures (int): B.
        device (str): Where the images are.
    """
    said = ['a ' * (words - 1) + 'abcdefghijklmnopqrstuvwxyz'[i % 26] * (1 + i // 26) for i in range(expressions)]
    samples = [RefDataSample(metainfo=dict(expressions=said, img_shape=tuple(shape))) for _ in range(images)]
    return torch.randn(images, 3, *shape, device=device), samples


def synchronize(device: str = 'cpu') -> None:
    """Wait until a GPU has done its work."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)


def seconds(call: Callable[[], object], device: str = 'cpu',
            clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, with the GPU's work done."""
    synchronize(device)
    start = clock()
    call()
    synchronize(device)
    return clock() - start


def measure_in_turns(callables: Dict[str, Callable[[], object]],
                     repeats: int,
                     warmup: int = 1,
                     device: str = 'cpu',
                     clock: Callable[[], float] = time.perf_counter) -> Times:
    """Seconds of each variant in each round.

    Args:
        callables (Dict[str, Callable]): What to run, by name; the first is the baseline.
        repeats (int): Rounds that count.
        warmup (int): Rounds before them.
        device (str): Whose work to wait for.
        clock (Callable): What gives the seconds; ``time.process_time`` counts those of the CPU's threads, which other
            processes move less.

    Returns:
        Dict[str, List[float]]: ``repeats`` times by name.
    """
    times = {name: [] for name in callables}
    for number in range(warmup + repeats):
        for name, call in callables.items():
            passed = seconds(call, device, clock)
            if number >= warmup:
                times[name].append(passed)
    return times


def quartiles(values: List[float]) -> List[float]:
    """First quartile, median and third quartile; a single value is all three."""
    return statistics.quantiles(values, n=4, method='inclusive') if len(values) > 1 else values * 3


def ratio(values: List[float], baseline: List[float]) -> float:
    """Median of the ratios of each round."""
    return statistics.median(value / base for value, base in zip(values, baseline))


def peak_memory(call: Callable[[], object], device: str = 'cpu') -> int:
    """Bytes that are in use at most during a call, weights included.

    On a CPU it is the peak of the process' resident memory (Linux only), so what else the process holds counts: a
    number to compare comes from a process of its own. Memory that was freed and kept is given back first.
    """
    if torch.device(device).type == 'cuda':
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        call()
        synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    ctypes.CDLL(None).malloc_trim(0)
    Path('/proc/self/clear_refs').write_text('5')  # the peak starts anew
    call()
    return int(re.search(r'VmHWM:\s+(\d+) kB', Path('/proc/self/status').read_text()).group(1)) * 1024


def give_back_at_once() -> None:
    """Have glibc hand every block of a MiB or more back when it is freed, for the rest of this process.

    By default it keeps blocks of up to 32 MiB between others, so that the resident memory of a training counts its
    holes too (a fifth of it, with gradients that come and go). What is resident then is in use; it costs time.
    """
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**20)


def in_own_process(function: Callable, *args) -> object:
    """Run a function that can be pickled in a fresh process, whose peak of memory is its own."""
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        return pool.apply(function, args)


def machine(device: str = 'cpu') -> str:
    """Describe the machine in a line."""
    name = f'CPU, {torch.get_num_threads()} threads'
    if torch.device(device).type == 'cuda':
        name = torch.cuda.get_device_name(device)
    return f'{name}, torch {torch.__version__}'


def table(times: Times, **columns: Dict[str, object]) -> PrettyTable:
    """Medians, quartiles and ratios to the first variant; further columns are dicts by the variants' names."""
    result = PrettyTable(['', 'median (s)', 'quartiles (s)', 'x first', *columns], align='l')
    baseline = next(iter(times.values()))
    for name, values in times.items():
        first, median, third = quartiles(values)
        result.add_row([name, f'{median:.3f}', f'{first:.3f} … {third:.3f}', f'{ratio(values, baseline):.3f}',
                        *(column.get(name, '') for column in columns.values())])
    return result


def save(out: Optional[Path], device: str = 'cpu', **content) -> None:
    """Write a benchmark's results and the machine they are from as JSON, where a file is asked for."""
    if out:
        found = dict(content, machine=machine(device), platform=platform.platform())
        write_text(out, json.dumps(found, indent=1))
