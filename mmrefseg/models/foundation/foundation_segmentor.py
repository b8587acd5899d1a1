"""The base of segmentors that need no training here: images at their own size in, the usual predictions out."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Dict, Iterator, List, NoReturn, Optional, Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from PIL import Image
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

from ..segmentors.expression_rows import ExpressionRows
from ..segmentors.predictions import resize_logits
from ..segmentors.ref_test_cfg import RefTestCfg
from .image_list_preprocessor import ImageListPreprocessor


@dataclass
class Found:
    """Finding for one expression.

    Attributes:
        logits (Tensor): (H, W) log-odds that a pixel is the referent, at the size of the image; one that is neither
            (polygons) has the sign alone.
        score (float | Tensor, optional): How sure the model is. None: the mean probability inside the mask.
        existence (float | Tensor, optional): Probability that there is such an object.
        boxes (Tensor, optional): (K, 4) x0, y0, x1, y1 in pixels of the image: those that the mask is made from.
    """

    logits: Tensor
    score: Optional[Tensor] = None
    existence: Optional[Tensor] = None
    boxes: Optional[Tensor] = None


class FoundationSegmentor(BaseSegmentor):
    """Segments what expressions refer to with models that others have trained.

    ::

        image (3,H,W) uint8 RGB, at its own size ─┐
        expressions (E strings) ──────────────────┴► find ─► E × (logits (H,W), score, existence?, boxes?)
                                                               ─► masks, by test_cfg.threshold

    It predicts, and does nothing else: what :class:`RefSegmentor` fills of a data sample this fills, so metrics,
    inferencer and command line need not know which one runs. ``pred_boxes`` (list of E tensors (K, 4)) comes on top
    where a model has boxes. An expression that an image has twice is looked for once.

    Args:
        test_cfg (dict, optional): See :class:`RefTestCfg`.
        data_preprocessor (dict, optional): Defaults to :class:`ImageListPreprocessor`.
        init_cfg (dict, optional): Of mmengine.
    """

    def __init__(self, test_cfg: Optional[dict] = None, data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(data_preprocessor=data_preprocessor or dict(type=ImageListPreprocessor), init_cfg=init_cfg)
        self.test_cfg = RefTestCfg.from_config(test_cfg)

    @abstractmethod
    def find(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Found]:
        """One image and its different expressions -> what is found for each, in their order, one after the other."""

    @property
    def device(self) -> torch.device:
        """torch.device: Where the model is."""
        return next(self.parameters()).device

    @torch.no_grad()
    def predict(self, inputs: Sequence[Tensor], data_samples: Sequence[RefDataSample]) -> Sequence[RefDataSample]:
        """Fill ``pred_sem_seg`` (E, h, w), ``pred_scores`` (E,) and, where the model has them, ``pred_existence`` (E,)
        and ``pred_boxes``.

        (h, w) is the input's or the image's own size by ``test_cfg.eval_size``.

        Args:
            inputs (Sequence[Tensor]): B images (3, H_b, W_b) uint8 RGB.
            data_samples (Sequence[RefDataSample]): With their expressions.
        """
        rows = ExpressionRows.of(data_samples)
        for number, (image, sample) in enumerate(zip(inputs, data_samples)):
            texts = list(dict.fromkeys(sample.expressions))
            size = sample.ori_shape[:2] if self.test_cfg.eval_size == 'original' else image.shape[1:]
            found = [self._settle(one, size) for one in self.find(_as_pil(image), texts)]
            self._fill(sample, found, rows.row_of[number])
        return data_samples

    def _settle(self, found: Found, size: Sequence[int]) -> Dict[str, object]:
        """One finding -> its mask (h, w), and its score, 0 for an empty one. Large logits are gone by then."""
        logits = resize_logits(found.logits[None, None].float(), size, align_corners=False)[0, 0]
        probability, threshold = logits.sigmoid(), self.test_cfg.threshold
        mask = logits > math.log(threshold / (1 - threshold))
        if found.existence is not None:
            mask &= bool(found.existence > self.test_cfg.existence_threshold)
        score = found.score
        if score is None:
            score = (probability * mask).sum() / mask.sum().clamp(min=1)
        score = torch.as_tensor(score, dtype=torch.float32, device=logits.device) * mask.any()
        return dict(mask=mask.to(torch.uint8), score=score, existence=found.existence, boxes=found.boxes,
                    logits=logits if self.test_cfg.keep_logits else None)

    def _fill(self, sample: RefDataSample, found: List[dict], row_of: List[int]) -> None:
        """Hand the findings of an image's different expressions to all its expressions."""
        column = {key: [found[row][key] for row in row_of] for key in found[0]}
        sample.pred_sem_seg = PixelData(data=torch.stack(column['mask']))
        sample.pred_scores = torch.stack(column['score'])
        if self.test_cfg.keep_logits:
            sample.seg_logits = PixelData(data=torch.stack(column['logits']))
        if column['existence'][0] is not None:
            sample.pred_existence = torch.stack([torch.as_tensor(one, dtype=torch.float32, device=self.device)
                                                 for one in column['existence']])
        if column['boxes'][0] is not None:
            sample.pred_boxes = column['boxes']

    def loss(self, inputs, data_samples) -> NoReturn:
        """Refused: there is nothing to train.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(f'{type(self).__name__} is for prediction alone (mmrefseg test CONFIG none, '
                                  'RefSegInferencer, mmrefseg predict): it has nothing to train')

    def _forward(self, inputs, data_samples) -> NoReturn:
        self.loss(inputs, data_samples)

    def encode_decode(self, inputs, batch_data_samples) -> NoReturn:
        """Refused, as :meth:`loss`."""
        self.loss(inputs, batch_data_samples)

    def extract_feat(self, inputs) -> NoReturn:
        """Refused, as :meth:`loss`."""
        self.loss(inputs, None)


def brings_weights(model: dict) -> bool:
    """bool: Whether a model config needs no checkpoint, since its parts come with their weights."""
    kind = model.get('type')
    kind = MODELS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, FoundationSegmentor)


def _as_pil(image: Tensor) -> Image.Image:
    """(3, H, W) uint8 -> what every processor takes for what it is, be it of one pixel."""
    return Image.fromarray(image.permute(1, 2, 0).contiguous().cpu().numpy())
