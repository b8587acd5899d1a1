"""The sentence, tiled over the map and concatenated with it (Hu et al. 2016; S2RM, Eq. 1)."""

from typing import Optional

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor

from ..utils import coordinate_map, expand_to_expressions

NUM_COORDINATES = 8


class TileConcat(BaseModule):
    """``Q = Conv_BN_ReLU(Cat(V, T_0, P))`` with a 1x1 convolution (S2RM, Eq. 1).

    V is the map, T_0 the sentence feature at every cell and P the eight coordinates. The concatenation is not made:
    a 1x1 convolution of it is the sum of one of each part, and V's is computed once an image, T_0's once an
    expression.

    Args:
        image_channels (int): C of V.
        text_channels (int): C of the sentence feature.
        out_channels (int): C of Q.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
    """

    def __init__(self,
                 image_channels: int,
                 text_channels: int,
                 out_channels: int,
                 norm_cfg: Optional[dict] = None) -> None:
        super().__init__()
        self.parts = (image_channels, text_channels, NUM_COORDINATES)
        self.project = ConvModule(sum(self.parts), out_channels, 1, norm_cfg=norm_cfg or dict(type='BN'))

    def forward(self, image_map: Tensor, sentence: Tensor, image_index: Optional[Tensor] = None) -> Tensor:
        """Join.

        Args:
            image_map (Tensor): V, (B, C, H, W).
            sentence (Tensor): (N, C_t), one feature an expression.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: Q, (N, C_out, H, W).
        """
        of_image, of_text, of_place = self.project.conv.weight.split(self.parts, dim=1)
        place = coordinate_map(*image_map.shape[2:], device=image_map.device).to(of_place.dtype)  # P
        by_image = F.conv2d(image_map, of_image) + F.conv2d(place[None], of_place)
        by_text = F.linear(sentence, of_text.flatten(1))[:, :, None, None]  # (N, C) -> (N, C, 1, 1)
        return self.project.activate(self.project.norm(expand_to_expressions(by_image, image_index) + by_text))
