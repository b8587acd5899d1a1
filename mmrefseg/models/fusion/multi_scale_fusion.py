"""One multi-modal map of three levels and the sentence: what VLT's transformer reads (VLT, ICCV 2021)."""

from functools import partial
from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures

from ..utils import adaptive_average, expand_to_expressions


class MultiScaleFusion(BaseModule):
    """The sentence s multiplies the coarsest level; the other two join it at the size of the middle one.

    With ``conv`` a 1x1 or, where it says so, 3x3 convolution with batch norm and LeakyReLU (slope 0.1)::

        M_3 = lrelu(BN((V_3 + conv3x3(conv(V_3))) * lrelu(LN(W s))))
        M_2 = conv([up(M_3); conv(V_2)])
        M_1 = conv([M_2; conv(pool(V_1))])
        F_m = conv([conv3x3(conv(M_1)); M_2])

    The paper says no more than that the two modalities are fused: plan and widths are those of the released code (a
    level keeps its own width, M_2 and M_1 have half that of the coarsest), less its second way from M_3 to the end.
    The layer norm of the sentence stands for a batch norm, which one expression in a batch would break.

    The terms of V_1, V_2 and V_3 alone are computed once an image.

    Args:
        in_channels (Sequence[int]): C_1, C_2, C_3 of the levels, finest first.
        text_channels (int): C_t of the sentence.
        channels (int): C of F_m. Defaults to 256.
        norm_cfg (dict, optional): Of the convolutions. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 256,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        conv = partial(ConvModule, norm_cfg=norm_cfg, act_cfg=dict(type='LeakyReLU', negative_slope=0.1))
        fine, middle, coarse = in_channels
        joint = coarse // 2
        self.visual = nn.Sequential(conv(coarse, joint, 1), conv(joint, coarse, 3, padding=1))
        self.sentence = nn.Sequential(nn.Linear(text_channels, coarse), nn.LayerNorm(coarse), nn.LeakyReLU(0.1))
        self.product = nn.Sequential(build_norm_layer(norm_cfg, coarse)[1], nn.LeakyReLU(0.1))
        self.middle = conv(middle, middle, 1)
        self.join_middle = conv(coarse + middle, joint, 1)
        self.fine = conv(fine, fine, 1)
        self.join_fine = conv(joint + fine, joint, 1)
        self.mix = nn.Sequential(conv(joint, joint // 2, 1), conv(joint // 2, joint, 3, padding=1))
        self.out = conv(2 * joint, channels, 1)

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> Tensor:
        """Fuse.

        Args:
            maps (Sequence[Tensor]): V_1, V_2, V_3: (B, C_i, H_i, W_i).
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: F_m (N, C, H_2, W_2).
        """
        fine, middle, coarse = maps
        size = middle.shape[2:]
        coarse = expand_to_expressions(coarse + self.visual(coarse), image_index)
        middle = expand_to_expressions(self.middle(middle), image_index)
        fine = expand_to_expressions(self.fine(adaptive_average(fine, size)), image_index)
        sentence = self.sentence(text.sentence)[..., None, None]  # (N, C_t) -> (N, C_3, 1, 1)
        fused_coarse = self.product(coarse * sentence)  # M_3
        fused_middle = self.join_middle(torch.cat([F.interpolate(fused_coarse, size), middle], dim=1))  # M_2
        fused_fine = self.join_fine(torch.cat([fused_middle, fine], dim=1))  # M_1
        return self.out(torch.cat([self.mix(fused_fine), fused_middle], dim=1))
