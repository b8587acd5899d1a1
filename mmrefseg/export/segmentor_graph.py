"""A referring segmentor as a function from tensors to tensors."""

from typing import List, Tuple

from torch import Tensor, nn

from mmrefseg.models import RefSegmentor
from mmrefseg.models.segmentors.heads import gives_existence
from mmrefseg.models.segmentors.predictions import evidence_of, resize_logits

INPUTS = ('images', 'ids', 'mask', 'image_index')


class SegmentorGraph(nn.Module):
    """Graph of an exported file: everything between the tokenizer and the threshold.

    ::

        images (B, 3, H, W) ──────────────────────┐
        ids, mask (N, L), image_index (N,) ───────┴─► logits (N, H, W), existence (N,)?, prior (N, 1, h, w)?

    Args:
        model (RefSegmentor): It is brought to evaluation mode.
        input_size (Tuple[int, int]): (H, W) of the images, a constant of the graph.
    """

    def __init__(self, model: RefSegmentor, input_size: Tuple[int, int]) -> None:
        super().__init__()
        self.model = model.eval()
        self.input_size = tuple(input_size)

    @property
    def output_names(self) -> List[str]:
        """list[str]: Of the tensors that :meth:`forward` returns."""
        names = ['logits']
        if self.model.existence_head is not None or gives_existence(self.model.decode_head):
            names.append('existence')
        if getattr(getattr(self.model.fusion, 'gives', None), 'prior', False):
            names.append('prior')
        return names

    def forward(self, images: Tensor, ids: Tensor, mask: Tensor, image_index: Tensor) -> Tuple[Tensor, ...]:
        """Run all parts.

        Args:
            images (Tensor): (B, 3, H, W), normalized as the data preprocessor does.
            ids (Tensor): (N, L) int64, of the tokenizer.
            mask (Tensor): (N, L) bool, True = a real word; each expression has one, and real words come first.
            image_index (Tensor): (N,) int64, the image of each expression.

        Returns:
            Tuple[Tensor, ...]: By :attr:`output_names`: logits (N, H, W), log-odds that a pixel is the referent;
            existence (N,), log-odds that there is one; prior (N, 1, h, w), log-odds at fusion's own size.
        """
        text = self.model.text_encoder.encode(ids, mask)
        outputs = self.model.run_rows(self.model.encode_image(images), text, image_index)
        evidence = evidence_of(outputs.logits)[:, None]
        align_corners = self.model.decode_head.align_corners
        interpolation = self.model.test_cfg.interpolation
        if self.model.test_cfg.threshold == 0.5:
            evidence = resize_logits(evidence, self.input_size, align_corners, interpolation)
        else:  # a probability is what is resized, see fill_predictions; back to log-odds
            probability = resize_logits(evidence.sigmoid(), self.input_size, align_corners, interpolation)
            probability = probability.clamp(1e-6, 1 - 1e-6)
            evidence = (probability / (1 - probability)).log()
        evidence = evidence[:, 0]
        return tuple(value for value in (evidence, outputs.existence, outputs.prior) if value is not None)
