"""CRIS' vision-language decoder, which ends before the text-to-pixel kernel (CRIS, CVPR 2022, §3.3)."""

from typing import Optional, Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import sine_map, sine_positions, upsampled_conv
from .cris_decoder_layer import CRISDecoderLayer


@MODELS.register_module()
class CRISDecoder(BaseModule):
    """Transformer layers on the pixels of one map, then upsampling to Y.

    ::

        map (N, C, h, w) ─► layers with the words ─► LN ─► up 2 ─ 3x3 ─► up 2 ─ 3x3 ─► 1x1 ─► Y (N, C', 4h, 4w)

    Upsampling and convolutions are those of the released projector, of which here the kernel alone is the head
    (:class:`DynamicKernelHead`): so any other head can have Y.

    Args:
        in_channels (int): C of the map, a multiple of 4; it is the last one that the fusion gives.
        text_channels (int): C of the words.
        num_layers (int): Defaults to 3.
        num_heads (int): Heads of each attention. Defaults to 8.
        feedforward_channels (int): Of the layers. Defaults to 2048, CRIS'; DETRIS has 512.
        dropout (float): Of the layers. Defaults to 0.1.
        upsample_channels (Sequence[int]): Width of the 3x3 convolution behind each doubling; that of the last is
            C'. Defaults to (512, 256).
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C'.

    Raises:
        ValueError: ``in_channels`` is no multiple of 4 and of ``num_heads``, or ``upsample_channels`` is empty.
    """

    def __init__(self,
                 in_channels: int,
                 text_channels: int,
                 num_layers: int = 3,
                 num_heads: int = 8,
                 feedforward_channels: int = 2048,
                 dropout: float = 0.1,
                 upsample_channels: Sequence[int] = (512, 256),
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if in_channels % num_heads or in_channels % 4:
            raise ValueError(f'decoder.in_channels is {in_channels}, expected a multiple of decoder.num_heads '
                             f'{num_heads} and of 4')
        if not upsample_channels:
            raise ValueError('decoder.upsample_channels is empty, expected a width for each doubling')
        norm_cfg = norm_cfg or dict(type='BN')
        self.reads = Reads(text=text_channels, last_map=in_channels, joins_text=True)
        self.out_channels = upsample_channels[-1]
        self.layers = nn.ModuleList(
            CRISDecoderLayer(in_channels, text_channels, num_heads, feedforward_channels, dropout)
            for _ in range(num_layers))
        self.norm = nn.LayerNorm(in_channels)
        before = (in_channels, *upsample_channels)
        self.upsampling = nn.ModuleList(
            ConvModule(width, after, 3, padding=1, norm_cfg=norm_cfg)
            for width, after in zip(before, upsample_channels))
        self.project = nn.Conv2d(self.out_channels, self.out_channels, 1)

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """The last map (N, C, h, w) and the words -> Y (N, C', 2^u h, 2^u w) of u doublings."""
        fused, text = features.maps[-1], features.text
        channels, height, width = fused.shape[1:]
        pixel_positions = sine_map(height, width, channels, fused.device).flatten(0, 1).to(fused.dtype)
        word_positions = sine_positions(text.words.shape[1], text.words.shape[2], fused.device).to(text.words.dtype)
        pixels = fused.flatten(2).transpose(1, 2)  # (N, C, h, w) -> (N, hw, C)
        for layer in self.layers:
            pixels = layer(pixels, text.words, pixel_positions, word_positions, ~text.mask)
        decoded = self.norm(pixels).transpose(1, 2).unflatten(2, (height, width))
        for layer in self.upsampling:
            size = tuple(2 * side for side in decoded.shape[2:])
            decoded = upsampled_conv(decoded, layer.conv.weight, size, align_corners=False)
            decoded = layer.activate(layer.norm(decoded))
        return self.project(decoded)
