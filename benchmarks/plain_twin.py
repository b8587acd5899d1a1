"""The plain LAVT with the sizes and weights of one of ours, as a whole model that predicts and trains."""

import copy
from typing import Sequence

import torch
import torch.nn.functional as F
from plain_lavt import PlainLAVT
from torch import Tensor, nn

from mmrefseg.checkpoints.converters import lavt
from mmrefseg.models import LAVTDecoder, LAVTSwin, RefSegmentor
from mmrefseg.structures import RefDataSample


class PlainTwin(nn.Module):
    """The plain LAVT behind a copy of a model's text encoder; the model gets the plain one's weights.

    Args:
        model (RefSegmentor): A LAVT of ours.

    Raises:
        ValueError: The model is not LAVT, or has parts that the published one has not.
    """

    def __init__(self, model: RefSegmentor) -> None:
        super().__init__()
        swin, decoder = model.backbone, model.decoder
        if not (isinstance(swin, LAVTSwin) and isinstance(decoder, LAVTDecoder)):
            raise ValueError('the plain implementation is one of LAVT, found a model with '
                             f'{type(swin).__name__} and {type(decoder).__name__}')
        attention = [stage.blocks[0].attn for stage in swin.stages]
        self.text_encoder = copy.deepcopy(model.text_encoder)
        self.lavt = PlainLAVT(
            embed_dim=swin.num_features[0],
            depths=[len(stage.blocks) for stage in swin.stages],
            num_heads=[each.w_msa.num_heads for each in attention],
            window_size=attention[0].window_size,
            text_channels=model.text_encoder.out_channels,
            fusion_heads=[each.num_heads for each in swin.fusions],
            decoder_channels=decoder.out_channels,
            drop_path_rate=swin.stages[-1].blocks[-1].attn.drop.drop_prob)
        self.lavt.to(next(model.parameters()).device).train(model.training)
        converted, _, _ = lavt.rename(self.lavt.state_dict())
        weights = model.state_dict()
        differ = {name for name in {*converted, *weights} if name not in converted or name not in weights}
        differ = sorted(name for name in differ if not name.startswith('text_encoder.'))
        if differ:
            raise ValueError(f'the plain implementation is LAVT as published; it and the model differ in {differ}')
        model.load_state_dict({**weights, **converted})

    def forward(self, images: Tensor, expressions: Sequence[str]) -> Tensor:
        """(B, 3, H, W) and B expressions -> logits (B, 2, H, W)."""
        text = self.text_encoder(expressions)
        return self.lavt(images, text.words, text.mask)

    def predict(self, images: Tensor, samples: Sequence[RefDataSample]) -> Tensor:
        """As ours: pictures and their expressions, one each -> masks (B, H, W)."""
        return self(images, [expression for sample in samples for expression in sample.expressions]).argmax(1)

    def loss(self, images: Tensor, samples: Sequence[RefDataSample]) -> Tensor:
        """As ours: cross entropy with the weights 0.9 and 1.1, a scalar."""
        logits = self(images, [expression for sample in samples for expression in sample.expressions])
        target = torch.cat([sample.gt_sem_seg.data for sample in samples]).long()
        return F.cross_entropy(logits.float(), target, weight=logits.new_tensor([0.9, 1.1], dtype=torch.float32))
