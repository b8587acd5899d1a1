"""A head of mmseg that reads all attributes of RefShapes' shapes off a backbone's maps, linearly."""

from typing import Dict, List, Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.utils import resize
from mmseg.utils import SampleList
from torch import Tensor, nn

from mmrefseg.datasets.transforms.shape_attributes import attribute_classes
from mmrefseg.registry import MODELS


@MODELS.register_module()
class ShapeAttributesHead(BaseDecodeHead):
    """Logits of every attribute that ``LoadShapeAttributes`` draws, the sum of one linear classifier a level.

    Linear, so that the maps themselves say what is where, which is what a fusion finds that comes after them. An
    attribute each has a softmax, and not a combination a class: a pair of kind and colour that training leaves out is
    then no class that it learns never to give. Background is a class of the first attribute alone, whose predictions
    are the head's; the others are learned where a shape is.

    Args:
        attributes (dict[str, int]): The classes K_a of each attribute in the order of
            ``LoadShapeAttributes.attributes``: with the background for the first, without it for the others.
        in_channels (Sequence[int]): C of each level.
        **kwargs: As mmseg's ``BaseDecodeHead``. ``loss_decode`` should be a mean over the pixels that are not ignored
            (``avg_non_ignore=True``).
    """

    def __init__(self, attributes: Dict[str, int], in_channels: Sequence[int], **kwargs) -> None:
        total = sum(attributes.values())
        super().__init__(in_channels=in_channels, in_index=list(range(len(in_channels))), channels=total,
                         num_classes=total, input_transform='multiple_select', **kwargs)
        self.attributes = dict(attributes)
        self.conv_seg = nn.Identity()  # the base class' own classifier, which would read one map
        self.classifiers = nn.ModuleList(nn.Conv2d(channels, total, 1) for channels in in_channels)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Maps (B, C_i, h_i, w_i) -> logits (B, sum of K_a, h_1, w_1)."""
        levels = [classifier(level) for classifier, level in zip(self.classifiers, self._transform_inputs(inputs))]
        return sum(resize(level, size=levels[0].shape[2:], mode='bilinear', align_corners=self.align_corners)
                   for level in levels)

    def split(self, logits: Tensor) -> Sequence[Tensor]:
        """(B, sum of K_a, h, w) -> (B, K_a, h, w) of each attribute."""
        return logits.split(list(self.attributes.values()), dim=1)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: SampleList) -> Dict[str, Tensor]:
        """The losses from logits (B, sum of K_a, h, w).

        Each is a mean over the pixels that show a shape, whatever their number: ``loss_<attribute>``; and one over the
        others, ``loss_background``.
        """
        codes = torch.stack([sample.gt_sem_seg.data for sample in batch_data_samples]).squeeze(1)
        logits = resize(seg_logits, size=codes.shape[1:], mode='bilinear', align_corners=self.align_corners)
        shown = codes > 0
        kinds, *others = self.split(logits)
        first, *names = self.attributes
        classes = attribute_classes(codes, 0)
        losses = {'loss_background': self._mean_loss(kinds, classes, ~shown),
                  f'loss_{first}': self._mean_loss(kinds, classes, shown)}
        for number, (name, own) in enumerate(zip(names, others), start=1):
            losses[f'loss_{name}'] = self._mean_loss(own, attribute_classes(codes, number) - 1, shown)
        return losses

    def _mean_loss(self, logits: Tensor, classes: Tensor, counted: Tensor) -> Tensor:
        """Logits (B, K, H, W) and classes (B, H, W), where counted (B, H, W) is True -> scalar."""
        classes = classes.where(counted, self.ignore_index)
        return self.loss_decode(logits, classes, ignore_index=self.ignore_index)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: List[dict]) -> Tensor:
        """(B, sum of K_a, h, w) -> logits of the first attribute (B, K_1, H, W)."""
        return super().predict_by_feat(self.split(seg_logits)[0], batch_img_metas)
