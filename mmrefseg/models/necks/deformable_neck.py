"""The encoder of Mask2Former's pixel decoder (CVPR 2022, §3.2.2), which ReLA has, too."""

from typing import Optional, Sequence, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS

from ..utils import DeformableAttention, FeedForward, PixelLevels, PixelSequence


@MODELS.register_module()
class DeformableNeck(BaseModule):
    """Lets the pixels of all levels but the finest attend to each other, by deformable attention.

    ::

        maps of stride 8, 16, 32 ─ 1x1, GN ─► pixels ─► (deformable attention, feed-forward) x 6 ─► maps
        map of stride 4 ─ 1x1, GN ───────────────────────────────────────────────────────────────► map

    Post-norm, without dropout, as ReLA's (GRES, CVPR 2023). :class:`MaskFeatureDecoder` merges the levels: both
    together are the pixel decoder MSDeformAttn. For ``neck`` of a model, behind what joins words and pixels, or, where
    nothing does, inside :class:`ImageFusion`, where it runs once an image.

    Args:
        in_channels (Sequence[int]): C_i of each level, finest first.
        channels (int): C of each level that it gives. Defaults to 256.
        num_layers (int): Defaults to 6.
        feedforward_channels (int): Defaults to 1024.
        num_heads (int): Defaults to 8.
        num_points (int): Points of each head and level. Defaults to 4.
        norm_cfg (dict, optional): Of the 1x1 convolutions. Defaults to ``dict(type='GN', num_groups=32)``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int = 256,
                 num_layers: int = 6,
                 feedforward_channels: int = 1024,
                 num_heads: int = 8,
                 num_points: int = 4,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.levels = PixelLevels(in_channels, channels, norm_cfg)
        self.layers = nn.ModuleList(
            DeformableLayer(channels, self.levels.num_levels, feedforward_channels, num_heads, num_points)
            for _ in range(num_layers))

    def forward(self, maps: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """One (N, C_i, H_i, W_i) map a level, finest first -> as many of C channels at the same sizes.

        Raises:
            ValueError: There is another number of maps.
        """
        finest, sequence = self.levels(maps)
        for layer in self.layers:
            sequence = layer(sequence)
        return (finest, *reversed(sequence.maps()))


class DeformableLayer(nn.Module):
    """Deformable attention and feed-forward, each with a sum and a layer norm.

    Args:
        channels (int): C.
        num_levels (int): Maps in the sequence.
        feedforward_channels (int): Inner width of the feed-forward part.
        num_heads (int): Of the attention.
        num_points (int): Of each head and level.
    """

    def __init__(self, channels: int, num_levels: int, feedforward_channels: int, num_heads: int,
                 num_points: int) -> None:
        super().__init__()
        self.attention = DeformableAttention(channels, num_levels, num_heads, num_points)
        self.feed_forward = FeedForward(channels, feedforward_channels)
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))

    def forward(self, sequence: PixelSequence) -> PixelSequence:
        """The sequence with other pixels (N, S, C)."""
        pixels = sequence.pixels
        attended = self.attention(pixels, sequence.positions, sequence.places, sequence.sizes)
        pixels = self.norms[0](pixels + attended)
        return sequence.with_pixels(self.norms[1](pixels + self.feed_forward(pixels)))
