"""The metric of generalized referring segmentation (GRES, CVPR 2023)."""

from typing import Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable
from torch import Tensor

from mmrefseg.errors import RefDataError
from mmrefseg.registry import METRICS

from .base_ref_metric import BaseRefMetric
from .mask_counts import ignored_pixels, intersection_and_union
from .sample_masks import name_of
from .scores import expression_iou, mean_iou, overall_iou, precision_at

#: What says that there is no target, by its name: (``min_pixels``, ``existence_threshold``).
RULES = dict(mask=(1, None), min_pixels=(50, None), rela=(1, 0.5))


@METRICS.register_module()
class GRefMetric(BaseRefMetric):
    """gIoU, cIoU, N-acc, T-acc and P@X over the N expressions of a dataset, in percent.

    An expression *has a target* or none, and it is *said to have none* if its predicted mask has no pixel, as GRES has
    it. With I_n and U_n the pixels in the intersection and in the union of the two masks:

    - ``gIoU`` = 100 / N * sum_n IoU_n, where IoU_n of an expression without target is 1 if it is said to have none,
      else 0; of one with a target it is I_n / U_n, which is 0 if it is said to have none. (Not the gIoU of boxes.)
    - ``cIoU`` = 100 * sum_n I_n / sum_n U_n: a correct "none" adds nothing to either sum, a mask where there is no
      target adds its area to U, a missed target its area to U.
    - ``N-acc``: of the expressions without a target, those said to have none (TP / (TP + FN)).
    - ``T-acc``: of those with a target, those not said to have none (TN / (TN + FP)), whatever the mask is.
    - ``P@X``: of those with a target, those with IoU_n >= X. Expressions without target do not count.

    - ``ignored_pixels``: how many ground truth pixels were left out, summed over the expressions; only where there are
      some.

    Percent, not rounded (ReLA's code prints N-acc and T-acc as fractions); NaN where there is nothing to count (ReLA's
    code prints 0 for both accuracies of a set without an expression that has no target). What says "none" has three
    names, ``rule``:

    - ``'mask'``: a mask without a pixel.
    - ``'min_pixels'``: one of fewer than 50. GRES clears such masks of methods without an existence output. The pixels
      are those of the compared size; ``min_pixels`` is another number.
    - ``'rela'``: ReLA's code asks the classifier (``existence_threshold=0.5``) and not the mask, which it leaves as it
      is: an empty mask is not "none" (its IoU with no target is 0), and the mask of a missed target still adds to the
      union of cIoU. It takes masks that the model has not emptied: ``model.test_cfg.existence_threshold=0``, and
      ground truth drawn at the input's size: ``LoadRefAnnotations(size='input', scale_polygons=True)``.

    Which expressions have no target is ``no_targets`` of a sample (the annotation says so), or, where that is not
    there, an empty ground truth at its own size.

    Args:
        eval_size (str): 'input': the ground truth is resized (nearest) to the size that the network saw, as ReLA does;
            'original': both are at the image's own size. ``model.test_cfg.eval_size`` must say the same.
            Defaults to 'input'.
        rule (str): ``'mask'``, ``'min_pixels'`` or ``'rela'``; what the next two say comes before it. Defaults to
            ``'mask'``.
        min_pixels (int, optional): Fewer pixels than these are none. Defaults to the rule's.
        existence_threshold (float, optional): Probability of existence (``pred_existence``) at or below which an
            expression is said to have no target, whatever its mask. Defaults to the rule's; None: the mask says it.
        thresholds (Sequence[float]): The X of P@X. Defaults to 0.7, 0.8, 0.9, those of GRES.
        dump_file (str, optional): A .csv or .jsonl file that gets a line an expression, in the order of the dataset:
            as :class:`RefIoUMetric`'s, and ``no_target`` and ``said_none``. Intersection, union and iou are as they
            are counted.
        ignore_index (int): Ground truth pixels that are not counted. Defaults to 255.
        collect_device (str): As mmengine's ``BaseMetric``. Defaults to 'cpu'.
        prefix (str, optional): As mmengine's ``BaseMetric``. Defaults to none.
        collect_dir (str, optional): As mmengine's ``BaseMetric``.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> import torch
        >>> from mmengine.structures import PixelData
        >>> from mmrefseg.evaluation import GRefMetric
        >>> from mmrefseg.structures import RefDataSample
        >>> sample = RefDataSample(metainfo=dict(expressions=['the unicorn'], ori_shape=(2, 2), img_shape=(2, 2)))
        >>> sample.gt_sem_seg = PixelData(data=torch.zeros(1, 2, 2, dtype=torch.long))
        >>> sample.pred_sem_seg = PixelData(data=torch.zeros(1, 2, 2, dtype=torch.long))
        >>> metric = GRefMetric()
        >>> metric.process({}, [sample.to_dict()])
        >>> scores = metric.evaluate(size=1)
        >>> float(scores['gIoU']), float(scores['N-acc'])
        (100.0, 100.0)
    """

    def __init__(self,
                 eval_size: str = 'input',
                 min_pixels: Optional[int] = None,
                 existence_threshold: Optional[float] = None,
                 thresholds: Sequence[float] = (0.7, 0.8, 0.9),
                 dump_file: Optional[str] = None,
                 ignore_index: int = 255,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 collect_dir: Optional[str] = None,
                 rule: str = 'mask') -> None:
        super().__init__(
            eval_size=eval_size, thresholds=thresholds, dump_file=dump_file, ignore_index=ignore_index,
            collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        if eval_size not in ('input', 'original'):
            raise ValueError(f"eval_size is {eval_size!r}, expected 'input' or 'original'")
        if rule not in RULES:
            raise ValueError(f'rule of GRefMetric is {rule!r}, expected one of {sorted(RULES)}')
        pixels_of_rule, threshold_of_rule = RULES[rule]
        min_pixels = pixels_of_rule if min_pixels is None else min_pixels
        existence_threshold = threshold_of_rule if existence_threshold is None else existence_threshold
        if min_pixels < 1:
            raise ValueError(f'min_pixels is {min_pixels}, expected 1 (an empty mask is none) or more')
        if existence_threshold is not None and not 0 <= existence_threshold < 1:
            raise ValueError(f'existence_threshold is {existence_threshold}, expected a probability, or None: the mask '
                             'says whether there is a target')
        if existence_threshold is not None and min_pixels > 1:
            raise ValueError(f'min_pixels={min_pixels} with existence_threshold={existence_threshold}: either the mask '
                             'or the probability says whether there is a target')
        self.min_pixels = min_pixels
        self.existence_threshold = existence_threshold

    def count(self, sample: dict, pred: Tensor, truth: Tensor) -> Tensor:
        """Intersection, union, pixels of the prediction, pixels left out, no target, said to have none: (6, E)."""
        counts = intersection_and_union(pred, truth, self.ignore_index)
        pixels = ((pred == 1) & (truth != self.ignore_index)).sum((1, 2))
        said_none = pixels < self.min_pixels
        if self.existence_threshold is not None:
            if sample.get('pred_existence') is None:
                raise RefDataError(f'{name_of(sample)} has no pred_existence, which existence_threshold asks for: the '
                                   'model needs an existence_head')
            said_none = sample['pred_existence'].to(pred.device, non_blocking=True) <= self.existence_threshold
        ignored, = ignored_pixels(truth, self.ignore_index)
        no_targets = _no_targets(sample).to(pred.device, non_blocking=True)
        return torch.stack([*counts, pixels, ignored, no_targets, said_none])

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Compute the scores, log them as a table and write the file of expressions.

        Args:
            results (list[dict]): One entry a sample, with ``counts`` (6, E) int64 as :meth:`count` gives them.

        Returns:
            dict[str, float]: gIoU, cIoU, N-acc, T-acc and P@X; in percent, not rounded. ``ignored_pixels``, an int, if
            some were left out.
        """
        counts = np.concatenate([entry['counts'] for entry in results], axis=1)
        intersection, union, pixels, ignored = counts[:4]
        no_target, said_none = counts[4:].astype(bool)
        if self.existence_threshold is None:  # what is none is cleared: the union is the truth alone
            union = np.where(said_none, union - pixels + intersection, union)
        intersection = np.where(said_none | no_target, 0, intersection)
        union = np.where(said_none & no_target, 0, union)
        iou = np.where(said_none & no_target, 1., expression_iou(intersection, union))
        metrics = {
            'gIoU': mean_iou(iou),
            'cIoU': overall_iou(intersection, union, empty=float('nan')),
            'N-acc': _percent(said_none[no_target]),
            'T-acc': _percent(~said_none[~no_target]),
        }
        for threshold in self.thresholds:
            metrics[f'P@{threshold:g}'] = (
                float('nan') if no_target.all() else precision_at(iou[~no_target], threshold, inclusive=True))
        self._log_scores(metrics, no_target, ignored, len(results))
        self.dump(results, intersection=intersection, union=union, iou=iou, no_target=no_target, said_none=said_none,
                  ignored=ignored)
        return metrics

    def _log_scores(self, metrics: dict, no_target: np.ndarray, ignored: np.ndarray, num_samples: int) -> None:
        table = PrettyTable(list(metrics))
        table.add_row([f'{value:.2f}' for value in metrics.values()])
        none = f'a mask of fewer than {self.min_pixels} pixels' if self.existence_threshold is None else (
            f'existence <= {self.existence_threshold:g}')
        print_log(
            f'GRefMetric, {len(no_target)} expressions ({int(no_target.sum())} without target) in {num_samples} '
            f'samples ({self.eval_size} size, none: {none}), in percent:\n{table}{self.say_ignored(metrics, ignored)}',
            logger='current')


def _no_targets(sample: dict) -> Tensor:
    """Expressions of a sample without a target, (E,) bool, on the device of the ground truth or the host."""
    said = sample.get('no_targets')
    if said is None:
        return ~(sample['gt_sem_seg']['data'] == 1).flatten(1).any(dim=1)
    if len(said) != len(sample['expressions']):
        raise RefDataError(f'{name_of(sample)}: {len(said)} no_targets for {len(sample["expressions"])} expressions')
    return torch.tensor(said, dtype=torch.bool)


def _percent(right: np.ndarray) -> float:
    """The share of True in percent; NaN of nothing."""
    return 100 * int(right.sum()) / len(right) if len(right) else float('nan')
