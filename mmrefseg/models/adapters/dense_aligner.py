"""DETRIS' dense aligner: an adapter through which words enter a vision transformer (DETRIS, AAAI 2025, §3.2)."""

from typing import Optional, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from .dense_convolutions import DenseConvolutions


class DenseAligner(BaseModule):
    """Down, convolutions over the patches, attention to the words, up.

    With X the tokens, of which the special ones (class and registers, index s) go around convolutions and attention::

        D = relu(W_d X);  P = dense(D_p) + D_p;  A = W_b attention(W_i P, W_t words)
        result = W_u ([D_s; A] + D)

    The released code attends to padding too: then how far an expression is filled up is part of the model.

    Args:
        in_channels (int): C of the tokens.
        channels (int): C of D.
        text_channels (int): C of the words.
        attention_channels (int): Width of the attention. Defaults to 128.
        num_heads (int): Of the attention. Defaults to 8.
        dropout (float): Of the attention. Defaults to 0.1.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine. Defaults to He's, as released.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 text_channels: int,
                 attention_channels: int = 128,
                 num_heads: int = 8,
                 dropout: float = 0.1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer=['Conv2d', 'Linear'], mode='fan_in'))
        self.down = nn.Linear(in_channels, channels)
        self.dense = DenseConvolutions(channels, norm_cfg=norm_cfg)
        self.image = nn.Linear(channels, attention_channels)
        self.text = nn.Linear(text_channels, attention_channels)
        self.attention = nn.MultiheadAttention(attention_channels, num_heads, dropout, batch_first=True)
        self.back = nn.Linear(attention_channels, channels)
        self.up = nn.Linear(channels, in_channels)

    def before_words(self, tokens: Tensor, size: Tuple[int, int]) -> Tuple[Tensor, Tensor]:
        """Compute what no word has a part in.

        Args:
            tokens (Tensor): X, (B, S + HW, C), the special tokens first.
            size (tuple[int, int]): H, W of the patches.

        Returns:
            tuple[Tensor, Tensor]: D (B, S + HW, C') and P (B, HW, C').
        """
        narrow = self.down(tokens).relu()
        # (B, HW, C') -> (B, C', H, W) and back
        patches = narrow[:, -size[0] * size[1]:].transpose(1, 2).unflatten(2, size)
        return narrow, (self.dense(patches) + patches).flatten(2).transpose(1, 2)

    def with_words(self, narrow: Tensor, patches: Tensor, words: Tensor, padding: Optional[Tensor]) -> Tensor:
        """Let the patches attend to the words.

        Args:
            narrow (Tensor): D, (N, S + HW, C').
            patches (Tensor): P, (N, HW, C').
            words (Tensor): (N, L, C_t).
            padding (Tensor, optional): (N, L) bool, True = not attended to. None: all words are.

        Returns:
            Tensor: (N, S + HW, C).
        """
        text = self.text(words)
        attended = self.attention(self.image(patches), text, text, key_padding_mask=padding, need_weights=False)[0]
        special = narrow[:, :narrow.shape[1] - patches.shape[1]]
        return self.up(torch.cat([special, self.back(attended)], dim=1) + narrow)
