"""A trained referring segmentor chooses among the boxes of a detector."""

from dataclasses import replace
from typing import Optional, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from PIL import Image
from torch import Tensor, nn

from mmrefseg.checkpoints import load_weights, read_checkpoint
from mmrefseg.registry import MODELS, TRANSFORMS
from mmrefseg.utils import find_config, package_files, zoo_entries

from ..segmentors.predictions import evidence_of

# The steps of a test pipeline that an image in memory without annotations has no use for.
LOADING = ('LoadRefImage', 'LoadRefAnnotations')


@MODELS.register_module()
class RegionReranker(nn.Module):
    """Says which of some regions of an image an expression means, by the probabilities of a trained segmentor.

    A detector has the right box among its best five far more often than at their top; a segmentor that was trained on
    referring expressions knows better which one is meant, and its mask need not be good for that. The score of a region
    R is the expected overlap with what the segmentor sees, from its probability P inside and outside of R::

        score(R) = sum over R of P / (|R| + sum outside of R of P)

    which is the IoU of R with the segmentor's mask where P is 0 or 1.

    Args:
        config (str): Config file of a :class:`RefSegmentor`, its name, or a model of the zoo. Its test pipeline says
            what the segmentor sees.
        weights (str, optional): Its checkpoint, an official one of a family that is known too. Defaults to the zoo's.
        regions (str): What is compared, ``'boxes'`` or, which takes a mask of every candidate, ``'masks'``.

    Raises:
        FileNotFoundError: There is no such config.
        ValueError: There are no weights, or ``regions`` is something else.
        CheckpointError: The weights do not fit.
    """

    def __init__(self, config: str, weights: Optional[str] = None, regions: str = 'boxes') -> None:
        super().__init__()
        if regions not in ('boxes', 'masks'):
            raise ValueError(f"model.reranker.regions is {regions!r}, expected 'boxes' or 'masks'")
        self.regions = regions
        cfg = Config.fromfile(find_config(config))
        published = (zoo_entries().get(str(config).lower()) or {}).get('Weights')
        if weights is None and published is None:
            raise ValueError(f'model.reranker.weights: none are published for {config!r}: give the checkpoint')
        if weights is None:
            weights = published if '://' in published else str(package_files() / published)
        self.segmentor = MODELS.build(cfg.model)
        load_weights(self.segmentor, read_checkpoint(weights), weights, cfg=cfg)
        self.segmentor.eval()
        self.segmentor.test_cfg = replace(self.segmentor.test_cfg, eval_size='input', keep_logits=True)
        steps = cfg.test_dataloader.dataset.pipeline
        self.pipeline = Compose([TRANSFORMS.build(step) for step in steps if step.type.split('.')[-1] not in LOADING])

    def forward(self, image: Image.Image, expressions: Sequence[str]) -> Tensor:
        """An image in RGB and E expressions -> probabilities (E, h, w), at the size that the segmentor sees."""
        pixels = np.ascontiguousarray(np.asarray(image)[..., ::-1])
        shape = pixels.shape[:2]
        packed = self.pipeline(dict(img=pixels, img_shape=shape, ori_shape=shape, expressions=list(expressions)))
        data = self.segmentor.data_preprocessor(pseudo_collate([packed]), False)
        sample, = self.segmentor.predict(data['inputs'], data['data_samples'])
        # (E * K, h, w) -> (E, K, h, w) -> (E, h, w)
        return evidence_of(sample.seg_logits.data.unflatten(0, (len(expressions), -1))).sigmoid()

    def score_boxes(self, probability: Tensor, boxes: Tensor, size: Sequence[int]) -> Tensor:
        """Scores (K,) of boxes.

        Args:
            probability (Tensor): (h, w).
            boxes (Tensor): (K, 4) x0, y0, x1, y1 in pixels of the image.
            size (Sequence[int]): H, W of the image.
        """
        height, width = probability.shape
        scale = boxes.new_tensor([width / size[1], height / size[0]] * 2)
        x0, y0, x1, y1 = (boxes * scale).T[:, :, None].to(probability.device)
        column = torch.arange(width, device=probability.device) + 0.5  # a pixel is where its centre is
        row = torch.arange(height, device=probability.device) + 0.5
        columns, rows = (x0 <= column) & (column <= x1), (y0 <= row) & (row <= y1)
        # (K, h, 1) and (K, 1, w) -> (K, h, w)
        return self.score(probability, rows[:, :, None] & columns[:, None])

    def score_masks(self, probability: Tensor, masks: Tensor) -> Tensor:
        """Scores (K,) of masks (K, H, W) bool of an image."""
        regions = F.interpolate(masks[:, None].to(torch.uint8), probability.shape, mode='nearest-exact')[:, 0] > 0
        return self.score(probability, regions)

    @staticmethod
    def score(probability: Tensor, regions: Tensor) -> Tensor:
        """Probability (h, w) and regions (K, h, w) bool -> scores (K,); 0 where there is nothing at all."""
        inside = (probability * regions).sum((1, 2))
        union = regions.sum((1, 2)) + probability.sum() - inside
        return inside / union.clamp(min=torch.finfo(union.dtype).eps)
