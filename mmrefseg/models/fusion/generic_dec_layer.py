"""The generic decoder layer that M3Dec is compared with (M3Att, TIP 2023, §IV-B, Tables I and II)."""

from typing import Optional

from mmengine.model import BaseModule
from torch import Tensor, nn

from ..utils import expand_to_expressions


class GenericDecLayer(BaseModule):
    """A Transformer decoder layer: its output is language-attended vision (LAV) alone.

    "Word features serve as the query input and vision features serve as key and value input, similar as the
    transformer architecture in VLT": self-attention, cross-attention, feed-forward network.

    Args:
        channels (int): C.
        num_heads (int): Defaults to 8.
        feedforward_channels (int): Width of the feed-forward network. Defaults to 256.
        dropout (float): Defaults to 0.1.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 num_heads: int = 8,
                 feedforward_channels: int = 256,
                 dropout: float = 0.1,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.layer = nn.TransformerDecoderLayer(
            channels, num_heads, dim_feedforward=feedforward_channels, dropout=dropout, batch_first=True)

    def forward(self,
                queries: Tensor,
                image_map: Tensor,
                mask: Tensor,
                image_index: Optional[Tensor] = None) -> Tensor:
        """Decode; arguments and result as :class:`M3DecLayer`."""
        # (B, C, H, W) -> (N, HW, C)
        pixels = expand_to_expressions(image_map, image_index).flatten(2).transpose(1, 2)
        return self.layer(queries, pixels, tgt_key_padding_mask=~mask)
