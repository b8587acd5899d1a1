"""M3Att's mask decoder (M3Att, TIP 2023, §III-D, Fig. 6), which ends before the classifier."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import upsampled_conv


@MODELS.register_module()
class M3MaskDecoder(BaseModule):
    """The queries become 1x1 kernels that read the encoder's map; convolutions bring what they find to full size.

    ::

        queries F_dec (N, L, C) ─► self-attention ─► kernels ─┐
        map F_enc (N, C, H, W) ──────────────────► 1x1 convolution ─► N_t maps
            ─► 3x3 ─► x2 ─► 3x3 ─► x2 ─► 3x3 ─► Y (N, C_Y, 4H, 4W) ─► the head's 1x1

    The fourth of the paper's "four stacked convolutional layers" gives the mask and so is the head's. F_enc is at
    stride 16, Y at stride 4 with C_Y = 512 channels.

    Left open by the paper: two upsamplings, each x2 (bilinear), and the sizes of the kernels, three 3x3 before a 1x1;
    the self-attention has the Transformer's residual sum and layer norm; the generated 1x1 convolution has no norm.
    N_t is the length to which words are padded: ``max_words``. Maps of padding are 0.

    Table III's "concate" (``guidance='concat'``) takes no kernels: the processed queries are summed over the words
    and concatenated with each pixel of F_enc.

    Args:
        in_channels (int): C of queries and map.
        max_words (int, optional): N_t, the text encoder's ``max_length``. Needed for kernels.
        channels (int): C_Y. Defaults to 512.
        num_heads (int): Of the self-attention. Defaults to 8.
        guidance (str): ``'kernel'`` or ``'concat'`` (Table III). Defaults to ``'kernel'``.
        dropout (float): Of the self-attention and behind it. Defaults to 0.1.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C_Y.

    Raises:
        ValueError: ``guidance`` is neither, kernels without ``max_words``, an expression of more words than that, or
            features without queries.
    """

    def __init__(self,
                 in_channels: int,
                 max_words: Optional[int] = None,
                 channels: int = 512,
                 num_heads: int = 8,
                 guidance: str = 'kernel',
                 dropout: float = 0.1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if guidance not in ('kernel', 'concat'):
            raise ValueError(f"decoder.guidance is {guidance!r}, expected 'kernel' or 'concat'")
        if guidance == 'kernel' and max_words is None:
            raise ValueError('decoder.max_words is None, expected text_encoder.max_length: each word gives a kernel')
        norm_cfg = norm_cfg or dict(type='BN')
        self.max_words = max_words
        self.guidance = guidance
        self.out_channels = channels
        self.reads = Reads(last_map=in_channels, queries=in_channels, word_queries=True,
                           max_queries=max_words if guidance == 'kernel' else None)
        self.self_attention = nn.MultiheadAttention(in_channels, num_heads, dropout=dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(in_channels)
        self.dropout = nn.Dropout(dropout)
        guided_channels = max_words if guidance == 'kernel' else 2 * in_channels
        self.stages = nn.ModuleList(
            ConvModule(in_width, channels, 3, padding=1, norm_cfg=norm_cfg)
            for in_width in (guided_channels, channels, channels))
        # As the maps are that upsampled_conv gives.
        self.stages.to(memory_format=torch.channels_last)

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Map (N, C, H, W) and queries (N, L, C) -> Y (N, C_Y, 4H, 4W)."""
        if features.queries is None:
            raise ValueError('the decoder M3MaskDecoder reads features.queries, one a word, and model.fusion gives '
                             'none; M3Dec does')
        queries = self.attend(features.queries, features.text.mask)
        decoded = self.guide(features.maps[-1], queries)
        decoded = self.stages[0](decoded)
        for stage in self.stages[1:]:
            height, width = decoded.shape[2:]
            decoded = upsampled_conv(decoded, stage.conv.weight, (2 * height, 2 * width), align_corners=False)
            decoded = stage.activate(stage.norm(decoded))
        return decoded

    def attend(self, queries: Tensor, mask: Tensor) -> Tensor:
        """Self-attention among the real words' queries, (N, L, C) -> (N, L, C), 0 where there is no word."""
        attended, _ = self.self_attention(queries, queries, queries, key_padding_mask=~mask, need_weights=False)
        return self.self_norm(queries + self.dropout(attended)).masked_fill(~mask[..., None], 0)

    def guide(self, image_map: Tensor, queries: Tensor) -> Tensor:
        """Map (N, C, H, W) and processed queries (N, L, C) -> (N, N_t, H, W), or (N, 2C, H, W) with 'concat'."""
        if self.guidance == 'concat':
            summed = queries.sum(dim=1)[..., None, None]  # (N, L, C) -> (N, C, 1, 1)
            return torch.cat([image_map, summed.expand_as(image_map)], dim=1)
        missing = self.max_words - queries.shape[1]
        if missing < 0:
            raise ValueError(f'an expression has {queries.shape[1]} words, but decoder.max_words is '
                             f'{self.max_words}: set it to text_encoder.max_length')
        kernels = F.pad(queries, (0, 0, 0, missing))  # (N, L, C) -> (N, N_t, C)
        return (kernels @ image_map.flatten(2)).unflatten(2, image_map.shape[2:])
