"""From what the heads give for each row to what a data sample is told: masks, scores, existence, priors."""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor

from mmrefseg.structures import RefDataSample

from ..utils import at_least_float32
from .expression_rows import ExpressionRows
from .letterbox import undo_letterbox
from .ref_test_cfg import RefTestCfg


@dataclass
class RowOutputs:
    """Outputs of a model for R rows, an expression on its image each.

    Attributes:
        logits (Tensor): (R, K, h, w).
        existence (Tensor, optional): (R,) logits that there is such an object.
        prior (Tensor, optional): (R, 1, h, w) logits of where fusion looks.
    """

    logits: Tensor
    existence: Optional[Tensor] = None
    prior: Optional[Tensor] = None

    @classmethod
    def cat(cls, pieces: Sequence['RowOutputs']) -> 'RowOutputs':
        """The rows of several, one after the other."""
        columns = ([getattr(piece, name) for piece in pieces] for name in ('logits', 'existence', 'prior'))
        return cls(*(None if column[0] is None else torch.cat(column) for column in columns))


def fill_predictions(data_samples: Sequence[RefDataSample], rows: ExpressionRows, outputs: RowOutputs,
                     input_size: Sequence[int], test_cfg: RefTestCfg, align_corners: bool) -> None:
    """Fill ``pred_sem_seg`` (E, h, w), ``pred_scores`` (E,) and what else the outputs hold, of every sample.

    (h, w) is the input's or the image's own size by ``test_cfg.eval_size``. The mask of an expression whose
    existence is not above ``test_cfg.existence_threshold`` is empty. ``pred_prior`` (E, h, w) are logits at their own
    size, which cover the input, padding included; ``batch_input_shape`` is the size of that.

    Args:
        data_samples (Sequence[RefDataSample]): Of the batch.
        rows (ExpressionRows): The rows of the batch.
        outputs (RowOutputs): Of all rows.
        input_size (Sequence[int]): (H, W) of the batch.
        test_cfg (RefTestCfg): Sizes and thresholds.
        align_corners (bool): Of the resizing of logits.
    """
    for image, (sample, logits) in enumerate(zip(data_samples, outputs.logits.split(rows.counts))):
        predicted = _masks_and_scores(logits, sample, input_size, test_cfg, align_corners)
        masks, scores = (rows.spread(image, values) for values in predicted[:2])
        sample.pred_sem_seg = PixelData(data=masks)
        sample.pred_scores = scores
        if test_cfg.keep_logits:
            sample.seg_logits = PixelData(data=rows.spread(image, predicted[2]).flatten(0, 1))
    if outputs.existence is not None:
        existence = outputs.existence.sigmoid().split(rows.counts)
        for image, (sample, own) in enumerate(zip(data_samples, existence)):
            sample.pred_existence = rows.spread(image, own)
            _empty_masks(sample, sample.pred_existence > test_cfg.existence_threshold)
    if outputs.prior is not None:
        for image, (sample, prior) in enumerate(zip(data_samples, outputs.prior.split(rows.counts))):
            # (R, 1, h, w) -> (E, h, w)
            sample.pred_prior = PixelData(data=rows.spread(image, at_least_float32(prior[:, 0])))
            sample.set_metainfo(dict(batch_input_shape=tuple(input_size)))


def evidence_of(logits: Tensor) -> Tensor:
    """Logits (R, K, H, W) -> log-odds (R, H, W) that a pixel is the referent."""
    # The softmax of two classes is the sigmoid of their difference.
    return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits[:, 0]


def resize_logits(logits: Tensor, size: Sequence[int], align_corners: bool, interpolation: str = 'bilinear') -> Tensor:
    """(R, K, h, w) -> (R, K, H, W); as they are where the size is theirs."""
    if tuple(size) == tuple(logits.shape[2:]):
        return logits
    return F.interpolate(logits, size=tuple(size), mode=interpolation, align_corners=align_corners)


def _masks_and_scores(logits: Tensor, sample: RefDataSample, *settings) -> Tuple[Tensor, ...]:
    """Logits (R, K, h, w) of one image -> masks (R, H, W) at the size asked for, scores (R,), logits (R, K, H, W).

    Some rows at once; the logits are of 0 rows unless they are kept. ``settings`` are those of :func:`_mask_some`.
    """
    test_cfg = settings[1]
    pieces = [_mask_some(at_least_float32(piece), sample, *settings)
              for piece in logits.split(test_cfg.max_expressions)]
    return pieces[0] if len(pieces) == 1 else tuple(torch.cat(parts) for parts in zip(*pieces))


def _mask_some(logits: Tensor, sample: RefDataSample, input_size: Sequence[int], test_cfg: RefTestCfg,
               align_corners: bool) -> Tuple[Tensor, ...]:
    """:func:`_masks_and_scores` of all rows at once."""
    placed = (sample, input_size, test_cfg, align_corners)
    if test_cfg.threshold == 0.5:
        logits = _to_eval_size(logits, *placed)
        evidence = evidence_of(logits)
        masks, probability = evidence > 0, evidence.sigmoid()
    else:
        # A probability is what such methods upsample (LTS §3.4): the mean of two is not that of their logits.
        probability = _to_eval_size(evidence_of(logits).sigmoid()[:, None], *placed, at_once=True)[:, 0]
        masks = probability > test_cfg.threshold
        logits = _to_eval_size(logits, *placed) if test_cfg.keep_logits else logits
    # Between pixels a cubic may leave the range of probabilities.
    scores = (probability.clamp(0, 1) * masks).sum((1, 2)) / masks.sum((1, 2)).clamp(min=1)
    return masks.to(torch.uint8), scores, logits if test_cfg.keep_logits else logits[:0]


def _to_eval_size(maps: Tensor, sample: RefDataSample, input_size: Sequence[int], test_cfg: RefTestCfg,
                  align_corners: bool, at_once: bool = False) -> Tensor:
    """(R, K, h, w) -> (R, K, H, W) by ``test_cfg.eval_size``, without the padding at the right and the bottom.

    With ``at_once``, which are probabilities, an image that has no padding is resized once; else, and where it lies in
    a letterbox, to the input first.
    """
    shape = tuple(sample.get('img_shape', tuple(input_size))[:2])
    original = test_cfg.eval_size == 'original'
    letterbox = sample.get('letterbox') if original else None
    if letterbox is not None or not (at_once and shape == tuple(input_size)):
        maps = resize_logits(maps, input_size, align_corners, test_cfg.interpolation)[..., :shape[0], :shape[1]]
    if letterbox is not None:
        return undo_letterbox(maps, letterbox, sample.ori_shape, test_cfg.interpolation,
                              outside='zeros' if at_once else 'border')
    size = sample.ori_shape[:2] if original else shape
    return resize_logits(maps, size, align_corners, test_cfg.interpolation)


def _empty_masks(sample: RefDataSample, exists: Tensor) -> None:
    """Empty the predicted masks of the expressions that have no object: ``exists`` is (E,) bool."""
    sample.pred_sem_seg = PixelData(data=sample.pred_sem_seg.data * exists[:, None, None])
    sample.pred_scores = sample.pred_scores * exists
