"""VLT's transformer between the backbone and the mask decoder (VLT, ICCV 2021, §3)."""

from typing import Optional, Sequence

import torch
from mmdet.models.layers import SinePositionalEncoding
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from .multi_scale_fusion import MultiScaleFusion
from .query_balance import QueryBalance
from .query_generation import QueryGeneration


@MODELS.register_module()
class VLTFusion(BaseModule):
    """Queries the image with several readings of the expression at once.

    ::

        maps, sentence ─► MultiScaleFusion ─► F_m ─ + positions ─► encoder ─► memory ─┐
        middle map, words ─► QueryGeneration ─► F_q ─┬──────────────────────────► decoder ─► F_r
                                                     └─► QueryBalance ◄──────────────────────┤
                                                              └── confidences * F_r ─► queries

    Of the result, ``queries`` are the balanced responses F_b, which alone the paper's mask decoder reads, and ``maps``
    is the encoder's memory as a map.

    Encoder and decoder are the generic transformer (post-norm). The fixed sine positions are two-dimensional and
    added to F_m only: the paper calls them spatial; the released code numbers the pixels in one row, and the queries
    too, which differ anyway (each has a visual channel of its own). Nor are its ReLUs on the projections inside the
    attention taken over.

    Args:
        in_channels (Sequence[int]): C_1, C_2, C_3 of the three levels, finest first: strides 8, 16, 32.
        text_channels (int): C_t of words and sentence.
        feature_size (Sequence[int]): (H, W) of the middle level for the images the model is made for: query
            generation has a weight a pixel.
        channels (int): C of the transformer. Defaults to 256.
        num_queries (int): Q. Defaults to 16.
        num_heads (int): Heads of each attention. Defaults to 8.
        num_encoder_layers (int): Defaults to 2, as released.
        num_decoder_layers (int): Defaults to 2, as released.
        feedforward_channels (int): Inner width of the transformer's feed-forward layers. Defaults to 256.
        dropout (float): Of the transformer. Defaults to 0.1.
        query_balance (bool): Scale the responses by their confidences. Defaults to True.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``in_channels`` are not three, ``channels`` cannot be divided by ``num_heads`` or by 4 (the sine
            positions), or the backbone hands over another number of levels or another size.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 feature_size: Sequence[int],
                 channels: int = 256,
                 num_queries: int = 16,
                 num_heads: int = 8,
                 num_encoder_layers: int = 2,
                 num_decoder_layers: int = 2,
                 feedforward_channels: int = 256,
                 dropout: float = 0.1,
                 query_balance: bool = True,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != 3:
            raise ValueError(f'fusion.in_channels has {len(in_channels)} levels {tuple(in_channels)}, expected three '
                             '(backbone.out_indices chooses)')
        if channels % num_heads or channels % 4:
            raise ValueError(f'fusion.channels is {channels}, expected a multiple of fusion.num_heads {num_heads} '
                             'and of 4')
        self.reads = Reads(text=text_channels, sentence=text_channels, maps=tuple(in_channels))
        self.gives = Gives(
            maps=(channels, ), queries=channels, num_queries=num_queries, map_size=tuple(feature_size))
        self.multi_scale_fusion = MultiScaleFusion(in_channels, text_channels, channels, norm_cfg)
        self.query_generation = QueryGeneration(
            in_channels[1], text_channels, feature_size, channels, num_queries, norm_cfg)
        height, width = feature_size
        positions = SinePositionalEncoding(channels // 2)(torch.zeros(1, height, width))
        self.register_buffer('positions', positions, persistent=False)  # (1, C, H, W)
        layer_cfg = dict(
            d_model=channels, nhead=num_heads, dim_feedforward=feedforward_channels, dropout=dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(**layer_cfg), num_encoder_layers, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(**layer_cfg), num_decoder_layers)
        # torch copies one layer: each is to start from weights of its own.
        for stack in (self.encoder, self.decoder):
            stack.layers = nn.ModuleList(type(layer)(**layer_cfg) for layer in stack.layers)
        self.query_balance = QueryBalance(channels) if query_balance else None

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): Three levels (B, C_i, H_i, W_i), finest first.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``queries`` (N, Q, C), ``maps`` one (N, C, H_2, W_2).
        """
        if len(maps) != 3:
            raise ValueError(f'the backbone hands over {len(maps)} levels, but fusion.in_channels names 3 '
                             '(backbone.out_indices chooses)')
        queries = self.query_generation(maps[1], text, image_index)  # F_q
        fused = self.multi_scale_fusion(maps, text, image_index) + self.positions  # F_m
        memory = self.encoder(fused.flatten(2).transpose(1, 2))  # (N, C, H, W) -> (N, HW, C)
        responses = self.decoder(queries, memory)  # F_r
        if self.query_balance is not None:
            responses = self.query_balance(queries, responses)  # F_b
        memory_map = memory.transpose(1, 2).unflatten(2, fused.shape[2:])  # (N, HW, C) -> (N, C, H, W)
        return MultiModalFeatures((memory_map, ), text, queries=responses)
