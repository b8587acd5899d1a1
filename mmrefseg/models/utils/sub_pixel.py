"""A finer map out of the channels of a coarser one."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle


class SubPixel(nn.Module):
    """Sub-pixel convolution (Shi et al., CVPR 2016, §3.2): a 1x1 convolution, its channels rearranged, ReLU.

    Bilinear upsampling draws no edge that is sharper than a cell of its map; here the channels say which parts of the
    cell are inside.

    Args:
        in_channels (int): C.
        channels (int): C' of the finer map.
        scale (int): r, how many times finer both ways.
    """

    def __init__(self, in_channels: int, channels: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(in_channels, channels * scale**2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, C', r h, r w)."""
        return pixel_shuffle(self.conv(maps), self.scale).relu()
