"""M3Dec, the multi-modal mutual decoder with its transformer encoder (M3Att, TIP 2023, §III, Fig. 2)."""

from typing import Optional, Sequence

from mmdet.models.layers import SinePositionalEncoding
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import LinearNormReLU, MergeLevels, expand_to_expressions
from .generic_dec_layer import GenericDecLayer
from .iterative_interaction import IterativeInteraction
from .m3dec_layer import M3DecLayer

_ATTENTIONS = ('shared', 'independent', 'generic')
_INTERACTIONS = ('imi', 'same', None)


@MODELS.register_module()
class M3Dec(BaseModule):
    """Words become queries that meet the pixels layer after layer.

    ::

        maps ─► one map F_vis ─► transformer encoder ─► F_enc ─┬──────────────────┬──────────────────► maps
        words ─► F_t ─┬──────────────────────────────────► layer 1 ─► IMI 1 ─► layer 2 ─► IMI 2 ─► … ─► queries F_dec
                      └─────────────────────────────────────────────► F_l^1 ──────────────► F_l^2 ─► …

    Everything up to F_enc, and each layer's keys and values of the pixels, depend on the image alone and are computed
    once an image.

    Left open by the paper:

    - How the levels become one F_vis: side by side, a 1x1 convolution. Of strides 8, 16, 32 the middle one gives the
      size, as in VLT's released code.
    - F_t has C channels; where the text encoder has others (BERT), a linear layer brings them there.
    - The encoder is the Transformer's (post-norm), with sine positions added once and, as in VLT's released code, a
      feed-forward width of 256.
    - The queries have no positions: the recurrent network or BERT knows the order of its words.

    Args:
        in_channels (Sequence[int]): C of each level of the backbone, finest first.
        text_channels (int): C of the words.
        feature_size (Sequence[int]): (H, W) of F_enc, those of level ``level`` for the images the model is made for:
            M3Att has a weight a pixel, the generic decoder has none.
        channels (int): C. Defaults to 256.
        level (int): The level whose size F_vis has. Defaults to 1.
        num_encoder_layers (int): Defaults to 2.
        num_layers (int): Layers of M3Dec (Table I). Defaults to 3.
        num_heads (int): Of all attentions but M3Att, which has one. Defaults to 8.
        attention (str): ``'shared'``, M3Att with one matrix of scores for both directions; ``'independent'``, with
            two; ``'generic'``, a Transformer's decoder (LAV only), Tables I and II. Defaults to ``'shared'``.
        interaction (str, optional): Between layers: ``'imi'``; ``'same'``, IMI* of Table II; None, nothing. Defaults
            to ``'imi'``.
        feedforward_channels (int): Inner width of the encoder's feed-forward networks, and of the generic decoder's.
            Defaults to 256.
        dropout (float): Of the transformer layers. Defaults to 0.1.
        norm_cfg (dict, optional): Batch norm. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: An option is not one of those above, ``channels`` is no multiple of ``num_heads`` and of 4, or the
            backbone hands over another number of levels or, with M3Att, another size.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 feature_size: Sequence[int],
                 channels: int = 256,
                 level: int = 1,
                 num_encoder_layers: int = 2,
                 num_layers: int = 3,
                 num_heads: int = 8,
                 attention: str = 'shared',
                 interaction: Optional[str] = 'imi',
                 feedforward_channels: int = 256,
                 dropout: float = 0.1,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if attention not in _ATTENTIONS:
            raise ValueError(f'fusion.attention is {attention!r}, expected one of {_ATTENTIONS}')
        if interaction not in _INTERACTIONS:
            raise ValueError(f'fusion.interaction is {interaction!r}, expected one of {_INTERACTIONS}')
        if channels % num_heads or channels % 4:
            raise ValueError(f'fusion.channels is {channels}, expected a multiple of fusion.num_heads {num_heads} '
                             'and of 4 (the sine positions)')
        if level not in range(len(in_channels)):
            raise ValueError(f'fusion.level is {level}, but fusion.in_channels has only {len(in_channels)} levels '
                             f'(0 … {len(in_channels) - 1})')
        if num_layers < 1:
            raise ValueError(f'fusion.num_layers is {num_layers}, expected 1 or more')
        norm_cfg = norm_cfg or dict(type='BN')
        self.num_levels = len(in_channels)
        self.reads = Reads(text=text_channels, maps=tuple(in_channels))
        map_size = None if attention == 'generic' else tuple(feature_size)
        self.gives = Gives(maps=(channels, ), queries=channels, text_in_maps=False, map_size=map_size)
        self.merge = MergeLevels(in_channels, channels, level, norm_cfg)
        self.positions = SinePositionalEncoding(channels // 2, normalize=True)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(
                channels, num_heads, dim_feedforward=feedforward_channels, dropout=dropout, batch_first=True)
            for _ in range(num_encoder_layers))
        self.words = None if text_channels == channels else LinearNormReLU(text_channels, channels, norm_cfg)
        if attention == 'generic':
            self.layers = nn.ModuleList(
                GenericDecLayer(channels, num_heads, feedforward_channels=feedforward_channels, dropout=dropout)
                for _ in range(num_layers))
        else:
            self.layers = nn.ModuleList(
                M3DecLayer(channels, feature_size, num_heads, independent=attention == 'independent',
                           dropout=dropout, norm_cfg=norm_cfg) for _ in range(num_layers))
        # One between each two layers.
        self.interactions = None if interaction is None else nn.ModuleList(
            IterativeInteraction(channels, transform=interaction == 'imi', norm_cfg=norm_cfg)
            for _ in range(num_layers - 1))

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): One (B, C_i, H_i, W_i) map a level.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B.

        Returns:
            MultiModalFeatures: ``maps`` is F_enc alone, (N, C, H, W); ``queries`` F_dec, (N, L, C), one a word and 0
            where there is none.
        """
        if len(maps) != self.num_levels:
            raise ValueError(f'the backbone hands over {len(maps)} levels, but fusion.in_channels names '
                             f'{self.num_levels}')
        encoded = self.encode(self.merge(maps))  # F_enc (B, C, H, W)
        language = text.words if self.words is None else self.words(text.words, text.mask)  # F_t
        queries = self.layers[0](language, encoded, text.mask, image_index)
        for index, layer in enumerate(self.layers[1:]):
            if self.interactions is not None:
                queries, language = self.interactions[index](queries, language, text.mask)
            queries = layer(queries, encoded, text.mask, image_index)
        queries = queries.masked_fill(~text.mask[..., None], 0)
        return MultiModalFeatures((expand_to_expressions(encoded, image_index), ), text, queries=queries)

    def encode(self, image_map: Tensor) -> Tensor:
        """F_vis (B, C, H, W) -> F_enc (B, C, H, W)."""
        positions = self.positions(mask=None, input=image_map).to(image_map.dtype)
        pixels = (image_map + positions).flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, HW, C)
        for layer in self.encoder:
            pixels = layer(pixels)
        return pixels.transpose(1, 2).unflatten(2, image_map.shape[2:])  # (B, HW, C) -> (B, C, H, W)
