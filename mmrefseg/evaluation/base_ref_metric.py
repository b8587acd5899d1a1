"""Base of the metrics of referring segmentation: counts an expression, every sample of the data set once."""

from abc import ABCMeta, abstractmethod
from typing import Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from torch import Tensor

from mmrefseg.errors import RefDataError

from .expression_dump import SUFFIXES, dump_rows, write_expressions
from .sample_collection import collect_samples
from .sample_masks import masks_at_eval_size, name_of


class BaseRefMetric(BaseMetric, metaclass=ABCMeta):
    """Counts for each expression (:meth:`count`), brings the counts of all processes together, and scores them.

    The numbers are the same to the last digit whether the expressions of an image come in one sample
    or one by one, in any order, and on any number of processes.

    Args:
        eval_size (str): 'input' or 'original', the size at which masks are compared.
        thresholds (Sequence[float]): The X of P@X.
        dump_file (str, optional): A .csv or .jsonl file that gets a line an expression.
        ignore_index (int): Ground truth pixels that are not counted.
        collect_device (str): As mmengine's ``BaseMetric``.
        prefix (str, optional): As mmengine's ``BaseMetric``.
        collect_dir (str, optional): As mmengine's ``BaseMetric``.

    Raises:
        ValueError: An argument is out of range.
    """

    # Not None, for which mmengine warns: the names need no prefix.
    default_prefix = ''

    def __init__(self, eval_size: str, thresholds: Sequence[float], dump_file: Optional[str], ignore_index: int,
                 collect_device: str, prefix: Optional[str], collect_dir: Optional[str]) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.eval_size = eval_size
        self.thresholds = tuple(thresholds)
        if not all(0 <= threshold <= 1 for threshold in self.thresholds):
            raise ValueError(f'thresholds are {self.thresholds}, expected IoUs from 0 to 1')
        if dump_file is not None and not dump_file.endswith(SUFFIXES):
            raise ValueError(f'dump_file is {dump_file!r}, expected a name ending in one of {SUFFIXES}')
        self.dump_file = dump_file
        self.ignore_index = ignore_index

    @abstractmethod
    def count(self, sample: dict, pred: Tensor, truth: Tensor) -> Tensor:
        """Count what is kept of a sample.

        Args:
            sample (dict): See :meth:`process`.
            pred (Tensor): (E, h, w), 1 = referent.
            truth (Tensor): (E, h, w), 1 = referent, on the same device.

        Returns:
            Tensor: (counts, E) int64, on the same device, without having waited for it.
        """

    def process(self, data_batch: Optional[dict], data_samples: Sequence[dict]) -> None:
        """Count the pixels of each sample; the counts stay on the device until :meth:`evaluate`.

        Args:
            data_batch (dict, optional): Not used.
            data_samples (Sequence[dict]): Samples as dicts, with ``pred_sem_seg.data`` (E, h, w),
                ``gt_sem_seg.data`` (E, H, W), ``expressions`` (E strings) and, as far as there are,
                ``pred_prior.data`` (E, h', w'), ``pred_existence`` (E,), ``no_targets`` (E bools),
                ``ref_ids``, ``sent_ids`` (E ints), ``image_id``,
                ``img_path``, ``img_shape``, ``batch_input_shape``, ``ori_shape``, ``sample_idx``,
                ``dataset_name``.

        Raises:
            RefDataError: Prediction or ground truth is missing, or they do not fit one another, the
                expressions or the protocol's size.
        """
        for sample in data_samples:
            pred, truth = masks_at_eval_size(sample, self.eval_size)
            num_expressions = len(pred)
            entry = {key: sample.get(key) for key in ('img_path', 'image_id', 'sample_idx',
                                                      'dataset_name')}
            entry['expressions'] = list(sample['expressions'])
            for key in ('ref_ids', 'sent_ids'):
                entry[key] = list(sample.get(key, [None] * num_expressions))
                if len(entry[key]) != num_expressions:
                    raise RefDataError(f'{name_of(sample)}: {len(entry[key])} {key} for '
                                       f'{num_expressions} expressions')
            entry['counts'] = self.count(sample, pred, truth)
            self.results.append(entry)

    def evaluate(self, size: int) -> Dict[str, float]:
        """Collect the counts of all processes and compute the scores.

        Args:
            size (int): Length of the dataset.

        Returns:
            dict[str, float]: The scores by name, with the prefix if there is one; on every process.

        Raises:
            RefDataError: There are no results, or not one of every sample of the dataset.
            RuntimeError: On the other processes, when the main one failed.
        """
        entries = _counts_to_cpu(self.results)
        self.results.clear()
        metrics, failure = None, None
        try:
            entries = collect_samples(entries, size, self.collect_device, self.collect_dir)
            if is_main_process():
                metrics = self.compute_metrics(entries)
        except Exception as error:
            failure = error
        # The other processes wait for the main one: they must hear of its failure too.
        message = [metrics, repr(failure)]
        broadcast_object_list(message)
        if failure is not None:
            raise failure
        metrics, main_failure = message
        if metrics is None:
            raise RuntimeError(f'the main process could not evaluate: {main_failure}')
        return {f'{self.prefix}/{key}' if self.prefix else key: value
                for key, value in metrics.items()}

    @staticmethod
    def say_ignored(metrics: Dict[str, float], ignored: np.ndarray) -> str:
        """Add how many pixels were left out to the scores, if any were.

        Args:
            metrics (dict): The scores; gets ``ignored_pixels``, their number.
            ignored (np.ndarray): (N,) the pixels of each expression that are left out.

        Returns:
            str: The same in words, for the log.
        """
        total = int(ignored.sum())
        if not total:
            return ''
        metrics['ignored_pixels'] = total
        return (f'\n{total} ground truth pixels of {int((ignored > 0).sum())} expressions are ignored: left out of all '
                'counts')

    def dump(self, results: List[dict], **values: np.ndarray) -> None:
        """Write the file of expressions, if there is to be one.

        Args:
            results (list[dict]): The entries of all samples.
            **values (np.ndarray): (N,) each, by the name of the column; ``ignored`` not if all 0.
        """
        if self.dump_file is not None:
            if not values.get('ignored', np.ones(1)).any():
                del values['ignored']
            write_expressions(self.dump_file, dump_rows(results, values), tuple(values))
            print_log(f'Results of each expression are in {self.dump_file}', logger='current')


def _counts_to_cpu(entries: List[dict]) -> List[dict]:
    """Bring the counts of all samples over in one transfer, as (counts, E) int64 arrays."""
    if not entries:
        return []
    sizes = [entry['counts'].shape[1] for entry in entries]
    counts = torch.cat([entry['counts'] for entry in entries], dim=1).cpu().numpy()
    parts = np.split(counts, np.cumsum(sizes)[:-1], axis=1)
    return [dict(entry, counts=part) for entry, part in zip(entries, parts)]
