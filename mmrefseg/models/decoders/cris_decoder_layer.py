"""A layer of CRIS' vision-language decoder (CRIS, CVPR 2022, §3.3)."""

from typing import Optional

from mmengine.model import BaseModule
from torch import Tensor, nn


class CRISDecoderLayer(BaseModule):
    """Pixels attend to pixels, then to words; a norm stands before each step, and behind each attention.

    ::

        X <- X + LN(attention(LN(X) + p, LN(X) + p, LN(X)))
        X <- X + LN(attention(LN(X) + p, words + q, words))
        X <- X + W_2 LN(dropout(relu(W_1 LN(X))))

    with p and q the positions of pixels and words. The norms behind the attentions and inside the feed-forward layer
    are the released code's.

    Args:
        channels (int): C of the pixels.
        text_channels (int): C of the words.
        num_heads (int): Of both attentions.
        feedforward_channels (int): Inner width of the last step.
        dropout (float): Of every step.
    """

    def __init__(self, channels: int, text_channels: int, num_heads: int, feedforward_channels: int,
                 dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.self_attention = nn.MultiheadAttention(channels, num_heads, dropout, batch_first=True)
        self.self_attention_norm = nn.LayerNorm(channels)
        self.cross_attention = nn.MultiheadAttention(
            channels, num_heads, dropout, kdim=text_channels, vdim=text_channels, batch_first=True)
        self.cross_attention_norm = nn.LayerNorm(channels)
        self.feedforward = nn.Sequential(
            nn.Linear(channels, feedforward_channels), nn.ReLU(), nn.Dropout(dropout),
            nn.LayerNorm(feedforward_channels), nn.Linear(feedforward_channels, channels))
        self.dropout = nn.Dropout(dropout)

    def forward(self, pixels: Tensor, words: Tensor, pixel_positions: Tensor, word_positions: Tensor,
                padding: Optional[Tensor]) -> Tensor:
        """Run the layer.

        Args:
            pixels (Tensor): X, (N, HW, C).
            words (Tensor): (N, L, C_t).
            pixel_positions (Tensor): p, (HW, C).
            word_positions (Tensor): q, (L, C_t).
            padding (Tensor, optional): (N, L) bool, True = not attended to.

        Returns:
            Tensor: (N, HW, C).
        """
        normed = self.norms[0](pixels)
        placed = normed + pixel_positions
        attended = self.self_attention(placed, placed, normed, need_weights=False)[0]
        pixels = pixels + self.dropout(self.self_attention_norm(attended))
        placed = self.norms[1](pixels) + pixel_positions
        attended = self.cross_attention(
            placed, words + word_positions, words, key_padding_mask=padding, need_weights=False)[0]
        pixels = pixels + self.dropout(self.cross_attention_norm(attended))
        return pixels + self.dropout(self.feedforward(self.norms[2](pixels)))
