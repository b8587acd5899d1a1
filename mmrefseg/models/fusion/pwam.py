"""PWAM, LAVT's pixel-word attention module (LAVT, CVPR 2022, §3.1)."""

from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

from ..utils import at_least_float32, expand_to_expressions, without_autocast


class PWAM(BaseModule):
    """Pixel-word attention: every pixel gathers the words that matter to it.

    With V the visual map, L the words, ``w_*`` 1x1 convolutions and IN an instance norm over the
    pixels without parameters::

        V_q = IN(w_q(V));  L_k = w_k(L);  L_v = w_v(L)
        G   = IN(w_o(softmax_words(V_q^T L_k / sqrt(C)) L_v^T))
        F   = w_f(w_v'(V) * G)          with GELU after w_f and w_v'

    An expression needs two tokens or more: of one alone every pixel gathers the same, and the instance norm of a
    constant is nothing. BERT's [CLS] and [SEP] see to that, and ``RNNEncoder(boundaries=True)``.

    C is the whole width also where several heads share it, as in the published code. What depends
    on the image alone (V_q and w_v'(V)) is computed once an image, before the expressions.

    Args:
        channels (int): C of the visual map, of the keys and of the output.
        text_channels (int): C of the words.
        num_heads (int): Heads of the attention. Defaults to 1.
        dropout (float): After both GELUs. Defaults to 0.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_heads``.
    """

    with_cp = False  # marks a block: see `checkpoint_blocks`

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_heads: int = 1,
                 dropout: float = 0.,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if channels % num_heads:
            raise ValueError(f'PWAM: channels {channels} is no multiple of num_heads {num_heads}')
        self.num_heads = num_heads
        self.scale = channels**-0.5
        self.visual = nn.Sequential(
            nn.Conv1d(channels, channels, 1), nn.GELU(), nn.Dropout(dropout))
        self.query = nn.Conv1d(channels, channels, 1)
        self.key = nn.Conv1d(text_channels, channels, 1)
        self.value = nn.Conv1d(text_channels, channels, 1)
        self.out = nn.Conv1d(channels, channels, 1)
        self.project = nn.Sequential(
            nn.Conv1d(channels, channels, 1), nn.GELU(), nn.Dropout(dropout))

    def forward(self,
                pixels: Tensor,
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> Tensor:
        """Fuse.

        Args:
            pixels (Tensor): (B, C, HW), the map with its pixels in a row.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: (N, C, HW).
        """
        visual = self.visual[1:](project_pixels(self.visual[0], pixels))
        query = F.instance_norm(at_least_float32(project_pixels(self.query, pixels, self.training)))
        attended = F.instance_norm(self.attend(expand_to_expressions(query, image_index), text))
        joint = expand_to_expressions(visual, image_index) * attended.to(visual.dtype)
        # (N, C, HW) -> (N, HW, C) -> (N, C, HW)
        joint = F.linear(joint.transpose(1, 2), self.project[0].weight[:, :, 0], self.project[0].bias)
        return self.project[1:](joint).transpose(1, 2)

    def attend(self, query: Tensor, text: TextFeatures) -> Tensor:
        """``w_o`` of the words that each pixel gathers, less its mean over the pixels: (N, C, HW) -> (N, C, HW).

        ``w_o`` is applied to the words and not to the pixels, of which there are far more. Most of what a pixel gathers
        all the others gather too, and the instance norm behind takes it off again. Taken off the weights, in single
        precision, it costs nothing and leaves no rounding of what is large in what is small.
        """
        words = text.words.transpose(1, 2)  # (N, L, C_t) -> (N, C_t, L)
        # (N, C, *) -> (N, heads, C / heads, *)
        query, key, value = (
            at_least_float32(x).unflatten(1, (self.num_heads, -1))
            for x in (query, self.key(words), self.value(words)))
        out = at_least_float32(self.out.weight[:, :, 0]).unflatten(1, (self.num_heads, -1))  # (C, heads, C / heads)
        with without_autocast(query):
            scores = key.transpose(2, 3) @ query * self.scale  # (N, heads, L, HW)
            weights = torch.softmax(scores.masked_fill(~text.mask[:, None, :, None], float('-inf')), dim=2)
            weights = weights - weights.mean(3, keepdim=True)
            out_value = out.transpose(0, 1) @ value  # (N, heads, C, L)
            # All heads' words in a row: (N, C, heads * L) @ (N, heads * L, HW)
            attended = out_value.transpose(1, 2).flatten(2) @ weights.flatten(1, 2)
        # The norm behind takes the bias off again: it is here for those who ask for its gradient.
        return attended + self.out.bias[:, None] if self.training else attended


def project_pixels(conv: nn.Conv1d, pixels: Tensor, bias: bool = True) -> Tensor:
    """A 1x1 convolution as a product that reads pixels in either layout: (N, C, HW) -> (N, C', HW), contiguous."""
    weight = conv.weight[:, :, 0].expand(pixels.shape[0], -1, -1)
    return torch.baddbmm(conv.bias[:, None], weight, pixels) if bias else torch.bmm(weight, pixels)
