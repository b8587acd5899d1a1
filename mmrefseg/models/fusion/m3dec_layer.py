"""One layer of M3Dec, the multi-modal mutual decoder (M3Att, TIP 2023, §III-A, Fig. 3c)."""

from typing import Optional, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from .m3att import M3Att


class M3DecLayer(BaseModule):
    """Self-attention, M3Att, cross-attention with the multi-modal feature as value.

    ::

        queries ─► self-attention ─► F_q ─┬─► M3Att(F_q, F_enc) ─► key, value ─► cross-attention ─► output
                                          └───────────────────────────────────► query ──┘

    The paper names these three steps and no feed-forward network, so there is none. Both attentions are wrapped in
    the Transformer's residual sum and layer norm, of which it does not speak.

    Args:
        channels (int): C.
        feature_size (Sequence[int]): H and W of the map.
        num_heads (int): Heads of self- and cross-attention. Defaults to 8.
        independent (bool): As :class:`M3Att`. Defaults to False.
        dropout (float): Of both attentions and behind them. Defaults to 0.1.
        norm_cfg (dict, optional): Batch norm of M3Att. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 feature_size: Sequence[int],
                 num_heads: int = 8,
                 independent: bool = False,
                 dropout: float = 0.1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.self_attention = nn.MultiheadAttention(channels, num_heads, dropout=dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(channels)
        self.mutual_attention = M3Att(channels, feature_size, independent=independent, norm_cfg=norm_cfg)
        self.cross_attention = nn.MultiheadAttention(channels, num_heads, dropout=dropout, batch_first=True)
        self.cross_norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self,
                queries: Tensor,
                image_map: Tensor,
                mask: Tensor,
                image_index: Optional[Tensor] = None) -> Tensor:
        """Decode.

        Args:
            queries (Tensor): (N, L, C), the words or the output of the layer before.
            image_map (Tensor): F_enc, (B, C, H, W).
            mask (Tensor): (N, L) bool, True = a real word.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: (N, L, C).
        """
        attended, _ = self.self_attention(queries, queries, queries, key_padding_mask=~mask, need_weights=False)
        queries = self.self_norm(queries + self.dropout(attended))  # F_q
        fused = self.mutual_attention(queries, image_map, mask, image_index)
        attended, _ = self.cross_attention(queries, fused, fused, key_padding_mask=~mask, need_weights=False)
        return self.cross_norm(queries + self.dropout(attended))
