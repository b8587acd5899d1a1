"""LTS' transformer in place of the relevance filter (LTS-Trans; LTS, CVPR 2021, §3.2)."""

from typing import Optional

import torch.nn.functional as F
from mmdet.models.layers import SinePositionalEncoding
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from .relevance_filter import RelevanceFilter


@MODELS.register_module()
class TransformerLocator(BaseModule):
    """``H_mask = decoder(F_m3, f_text)`` (Eq. 9): the pixels of F_m3 are the sequence, f_text is what they attend to.

    A decoder layer of Vaswani et al. (2017), with fixed positional encodings added to queries and keys of the
    attention (the sines of both axes, as in DETR, whose words the paper uses); then one linear output a pixel, which
    the paper does not spell out. "1 layer, 4 heads and 1024 hidden units" is read as the width of the feed-forward
    part; that of the sequence is F_m3's.

    Attention to f_text, a memory of one token, gives that token's value to every pixel, whatever the query: the
    weights of query and key would have no effect and get no gradient, so they are left out.

    Args:
        channels (int): C of F_m3.
        text_channels (int): C of the sentence.
        num_layers (int): Decoder layers. Defaults to 1.
        num_heads (int): Heads of the attention between pixels. Defaults to 4.
        hidden_channels (int): Width of the feed-forward part. Defaults to 1024.
        dropout (float): After each part of a layer. Defaults to 0.1, as in Vaswani et al.
        num_filterings (int): A :class:`RelevanceFilter` of that many filterings in the place of the linear output:
            another reading of Table 7's "transformer, more filters". Defaults to 0: the linear output.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``channels`` is no multiple of 4 (two axes, sine and cosine) or of ``num_heads``.
    """

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_layers: int = 1,
                 num_heads: int = 4,
                 hidden_channels: int = 1024,
                 dropout: float = 0.1,
                 num_filterings: int = 0,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if channels % 4 or channels % num_heads:
            raise ValueError(f'fusion.channels is {channels}, expected a multiple of 4, for the positional encoding of '
                             f'fusion.locator, and of its num_heads {num_heads}')
        self.position = SinePositionalEncoding(num_feats=channels // 2, normalize=True)
        self.layers = nn.ModuleList(
            _DecoderLayer(channels, text_channels, num_heads, hidden_channels, dropout) for _ in range(num_layers))
        self.filter = RelevanceFilter(channels, text_channels, num_filterings) if num_filterings else None
        self.output = None if num_filterings else nn.Linear(channels, 1)

    def forward(self, fused: Tensor, text: TextFeatures) -> Tensor:
        """Locate.

        Args:
            fused (Tensor): F_m3, (N, C, H, W).
            text (TextFeatures): The N expressions; ``sentence`` is f_text.

        Returns:
            Tensor: H_mask, (N, 1, H, W) logits.
        """
        # (1, C, H, W) -> (1, HW, C); the same for all
        position = self.position(None, fused[:1]).flatten(2).transpose(1, 2).to(fused)
        pixels = fused.flatten(2).transpose(1, 2)  # (N, C, H, W) -> (N, HW, C)
        for layer in self.layers:
            pixels = layer(pixels, position, text.sentence)
        if self.filter is not None:
            # (N, HW, C) -> (N, C, H, W)
            return self.filter(pixels.transpose(1, 2).unflatten(2, fused.shape[2:]), text)
        # (N, HW, 1) -> (N, 1, H, W)
        return self.output(pixels).transpose(1, 2).unflatten(2, fused.shape[2:])


class _DecoderLayer(nn.Module):
    """Attention between the pixels, attention to the sentence, feed-forward; each with a sum and a layer norm."""

    def __init__(self, channels: int, text_channels: int, num_heads: int, hidden_channels: int,
                 dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(channels, num_heads, dropout, batch_first=True)
        self.sentence_value = nn.Linear(text_channels, channels)
        self.sentence_out = nn.Linear(channels, channels)
        self.expand = nn.Linear(channels, hidden_channels)
        self.contract = nn.Linear(hidden_channels, channels)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, pixels: Tensor, position: Tensor, sentence: Tensor) -> Tensor:
        """(N, HW, C) pixels, (1, HW, C) positions and (N, C_t) sentences -> (N, HW, C)."""
        placed = pixels + position
        attended, _ = self.attention(placed, placed, pixels, need_weights=False)
        pixels = self.norms[0](pixels + self.dropout(attended))
        # (N, C) -> (N, 1, C): the same for every pixel
        spoken = self.sentence_out(self.sentence_value(sentence))[:, None]
        pixels = self.norms[1](pixels + self.dropout(spoken))
        transformed = self.contract(self.dropout(F.relu(self.expand(pixels))))
        return self.norms[2](pixels + self.dropout(transformed))
