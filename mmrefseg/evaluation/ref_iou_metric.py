"""The metric of referring image segmentation."""

from typing import Dict, List, Optional, Sequence, Union

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable

from mmrefseg.errors import RefDataError
from mmrefseg.registry import METRICS

from .base_ref_metric import BaseRefMetric
from .length_groups import count_words, group_name, parse_length_groups
from .mask_counts import ignored_pixels, intersection_and_union
from .peak_hits import peak_in_mask
from .protocols import get_protocol
from .sample_masks import name_of
from .scores import expression_iou, mean_iou, overall_iou, precision_at


@METRICS.register_module()
class RefIoUMetric(BaseRefMetric):
    """oIoU, mIoU and P@X over the N expressions of a dataset, in percent.

    With I_n and U_n the pixels in the intersection and in the union of prediction and ground truth of
    expression n, and IoU_n = I_n / U_n:

    - ``oIoU`` = 100 * sum_n I_n / sum_n U_n (overall IoU; papers also print cIoU or IoU),
    - ``mIoU`` = 100 / N * sum_n IoU_n (papers also print gIoU, not the one of boxes; CRIS: IoU),
    - ``P@X`` = 100 / N * (number of n with IoU_n >= X, or > X by the protocol; papers also print
      prec@X or Pr@X),
    - ``loc_acc`` = 100 / N * (number of n whose heatmap peaks in the ground truth mask; LTS' localization quality,
      §4.3), only where the samples carry a heatmap, ``pred_prior``,
    - ``ignored_pixels``: how many ground truth pixels were left out, summed over the expressions, at the compared size;
      only where there are some.

    Args:
        protocol (str): The code whose evaluation is followed, a key of
            :data:`~mmrefseg.evaluation.PROTOCOLS`: it sets the next three. Defaults to 'lavt'.
        eval_size (str, optional): 'input': the ground truth is resized (nearest) to the size that the
            network saw; 'original': both are at the image's own size. ``model.test_cfg.eval_size``
            must say the same.
        inclusive (bool, optional): P@X counts IoU >= X if True, IoU > X if False.
        empty_union_iou (float, optional): IoU where prediction and ground truth are both empty.
        thresholds (Sequence[float]): The X of P@X. Defaults to 0.5, 0.6, 0.7, 0.8, 0.9.
        length_groups (str or Sequence, optional): Also ``oIoU[low-high]`` of the expressions with that
            many words: 'refcoco', 'refcoco+', 'refcocog', 'referit' (S²RM's Table III) or pairs
            (low, high). NaN for a group without expressions.
        dump_file (str, optional): A .csv or .jsonl file that gets a line an expression, in the order of
            the dataset: img_path, image_id, ref_id, sent_id, expression, intersection, union, iou, and ``ignored``, its
            pixels that were left out, where there are some.
        ignore_index (int): Ground truth pixels that are not counted. Defaults to 255.
        collect_device (str): As mmengine's ``BaseMetric``. Defaults to 'cpu'.
        prefix (str, optional): As mmengine's ``BaseMetric``. Defaults to none.
        collect_dir (str, optional): As mmengine's ``BaseMetric``.

    Raises:
        ValueError: An argument is unknown or out of range.

    Example:
        >>> import torch
        >>> from mmengine.structures import PixelData
        >>> from mmrefseg.evaluation import RefIoUMetric
        >>> from mmrefseg.structures import RefDataSample
        >>> sample = RefDataSample(metainfo=dict(expressions=['the man'], ori_shape=(2, 2), img_shape=(2, 2)))
        >>> sample.gt_sem_seg = PixelData(data=torch.tensor([[[1, 1], [0, 0]]]))
        >>> sample.pred_sem_seg = PixelData(data=torch.tensor([[[1, 0], [0, 0]]]))
        >>> metric = RefIoUMetric(protocol='lavt')
        >>> metric.process({}, [sample.to_dict()])
        >>> scores = metric.evaluate(size=1)
        >>> float(scores['oIoU']), float(scores['mIoU'])
        (50.0, 50.0)
    """

    def __init__(self,
                 protocol: str = 'lavt',
                 eval_size: Optional[str] = None,
                 inclusive: Optional[bool] = None,
                 empty_union_iou: Optional[float] = None,
                 thresholds: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9),
                 length_groups: Union[None, str, Sequence] = None,
                 dump_file: Optional[str] = None,
                 ignore_index: int = 255,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 collect_dir: Optional[str] = None) -> None:
        self.protocol_name = protocol
        self.protocol = get_protocol(
            protocol, eval_size=eval_size, inclusive=inclusive, empty_union_iou=empty_union_iou)
        super().__init__(
            eval_size=self.protocol.eval_size, thresholds=thresholds, dump_file=dump_file, ignore_index=ignore_index,
            collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.length_groups = parse_length_groups(length_groups)

    def count(self, sample: dict, pred: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Intersection, union, whether the heatmap peaks in the mask, pixels left out: (4, E); see the base class."""
        counts = intersection_and_union(pred, truth, self.ignore_index)
        return torch.cat([counts, _peak_hits(sample, counts), ignored_pixels(truth, self.ignore_index)])

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Compute the scores, log them as tables and write the file of expressions.

        Args:
            results (list[dict]): One entry a sample, with ``counts`` (4, E) int64: intersection, union,
                whether the heatmap peaks in the mask (-1: there is no heatmap), and pixels left out.

        Returns:
            dict[str, float]: oIoU, mIoU, P@X, loc_acc if there are heatmaps, and oIoU[low-high] of each length
            group; in percent, not rounded. ``ignored_pixels``, an int, if some were left out.
        """
        intersection, union, hits, ignored = np.concatenate([entry['counts'] for entry in results], axis=1)
        empty = self.protocol.empty_union_iou
        iou = expression_iou(intersection, union, empty)
        metrics = dict(oIoU=overall_iou(intersection, union, empty), mIoU=mean_iou(iou))
        for threshold in self.thresholds:
            metrics[f'P@{threshold:g}'] = precision_at(
                iou, float(np.float32(threshold)) if self.protocol.single_thresholds else threshold,
                self.protocol.inclusive)
        if (hits >= 0).any():
            metrics['loc_acc'] = 100 * int((hits == 1).sum()) / int((hits >= 0).sum())
        self._log_scores(metrics, ignored, num_samples=len(results))
        if self.length_groups:
            expressions = [text for entry in results for text in entry['expressions']]
            metrics.update(self._scores_by_length(expressions, intersection, union))
        self.dump(results, intersection=intersection, union=union, iou=iou, ignored=ignored)
        return metrics

    def _log_scores(self, metrics: dict, ignored: np.ndarray, num_samples: int) -> None:
        table = PrettyTable(list(metrics))
        table.add_row([f'{value:.2f}' for value in metrics.values()])
        note = self.say_ignored(metrics, ignored)
        sign = '>=' if self.protocol.inclusive else '>'
        print_log(
            f"RefIoUMetric, {len(ignored)} expressions in {num_samples} samples, protocol "
            f"'{self.protocol_name}' ({self.protocol.eval_size} size, P@X: IoU {sign} X, empty union: "
            f'IoU {self.protocol.empty_union_iou:g}), in percent:\n{table}{note}', logger='current')

    def _scores_by_length(self, expressions: List[str], intersection: np.ndarray,
                          union: np.ndarray) -> Dict[str, float]:
        words = np.array([count_words(expression) for expression in expressions])
        covered = np.zeros(len(words), dtype=bool)
        table = PrettyTable(['words', 'expressions', 'oIoU'])
        scores = {}
        for low, high in self.length_groups:
            name, chosen = group_name((low, high)), (low <= words) & (words <= high)
            covered |= chosen
            score = overall_iou(intersection[chosen], union[chosen],
                                self.protocol.empty_union_iou) if chosen.any() else float('nan')
            scores[f'oIoU[{name}]'] = score
            table.add_row([name, int(chosen.sum()), f'{score:.2f}' if chosen.any() else '-'])
        outside = words[~covered]
        note = (f'{len(outside)} expressions of {outside.min()} to {outside.max()} words are in no group'
                if len(outside) else 'every expression is in a group')
        print_log(f'oIoU by number of words:\n{table}\n{note}', logger='current')
        return scores


def _peak_hits(sample: dict, counts: torch.Tensor) -> torch.Tensor:
    """Whether each heatmap of a sample peaks in its mask, (1, E) like ``counts``: 1, 0, or -1 without heatmaps."""
    prior = sample.get('pred_prior')
    if prior is None:
        return torch.full_like(counts[:1], -1)
    if len(prior['data']) != len(sample['expressions']):
        raise RefDataError(f'{name_of(sample)}: {len(prior["data"])} heatmaps in pred_prior for '
                           f'{len(sample["expressions"])} expressions')
    hits = peak_in_mask(prior['data'], sample['gt_sem_seg']['data'], input_size=sample.get('batch_input_shape'),
                        img_size=sample.get('img_shape'))
    return hits[None].to(counts)
