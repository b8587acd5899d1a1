"""LTS' fusion and the place of its locator (LTS, CVPR 2021, §3.1 and §3.2)."""

from dataclasses import replace
from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import expand_to_expressions


@MODELS.register_module()
class LTSFusion(BaseModule):
    """Joins the sentence with the coarsest map, goes up to stride 8, and locates the referent there.

    ::

        stride 32   F_v1 ──► g(W) ──(x)── g(f_text W_t)
                                   │ F_m1
        stride 16   F_v2 ──► g(W) ─[;]── up g(W)                                      (Eqs. 5 to 7)
                                   │ F_m2
        stride 8    F_v3 ──► g(W) ─[;]── up g(W)
                                   │ F_m3 ──► locator(F_m3, f_text) ──► H_mask, the prior   (Eqs. 8, 9)

    f_text is the mean of the words that are real (Eq. 3), whatever ``text.sentence`` holds, so any encoder fits.

    The paper leaves open, and here is taken: all F_m have the same width C (``d_k`` is 1024), each half of a
    concatenation C / 2. For the rest the released code of MCN (Luo et al., CVPR 2020) is followed, whose set-up the
    paper takes over: there the leaky ReLU has the slope 0.1, UpSample (Keras' UpSampling2D) repeats pixels, and a batch
    norm stands between W and g, which the equations do not show: ``norm_cfg`` sets it. Repeating commutes with
    all of them, so they are applied before it, to a quarter of the pixels.

    Args:
        in_channels (Sequence[int]): C of F_v3, F_v2, F_v1: three levels, finest first.
        text_channels (int): C of the words.
        channels (int): C of F_m1, F_m2 and F_m3. Defaults to 1024.
        fuse_text (bool): False is the ablation without fusion (Table 2): F_m1 = g(F_v1 W_v1), and the expression
            enters only through the locator. Defaults to True.
        locator (dict, optional): ``RelevanceFilter`` or ``TransformerLocator``; its ``channels`` and
            ``text_channels`` are set here. None is the ablation without filter: no prior. Defaults to None.
        norm_cfg (dict, optional): Norm between each W and g. Defaults to None, the equations as they stand.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: There are not three levels, ``channels`` is odd, or nothing reads the expression; in ``forward``,
            the backbone hands over another number of levels.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 channels: int = 1024,
                 fuse_text: bool = True,
                 locator: Optional[dict] = None,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != 3:
            raise ValueError(f'fusion.in_channels names {len(in_channels)} levels, expected 3: of strides 8, 16 and 32')
        if channels % 2:
            raise ValueError(f'fusion.channels is {channels}, expected an even number: F_m3 is two halves')
        if not fuse_text and locator is None:
            raise ValueError('fusion.fuse_text is False and fusion.locator is None: then nothing reads the expression')
        fine, middle, coarse = in_channels
        half = channels // 2
        self.fuse_text = fuse_text
        self.reads = Reads(text=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=(channels, ), prior=locator is not None, text_in_maps=fuse_text)
        self.coarse_visual = _projection(coarse, channels, norm_cfg)  # W_v1
        if fuse_text:
            self.sentence = _projection(text_channels, channels, norm_cfg)  # W_t
        self.middle_fused = _projection(channels, half, norm_cfg)  # W_m1
        self.middle_visual = _projection(middle, half, norm_cfg)  # W_v2
        self.fine_fused = _projection(channels, half, norm_cfg)  # W_m2
        self.fine_visual = _projection(fine, half, norm_cfg)  # W_v3
        self.locator = None
        if locator is not None:
            self.locator = MODELS.build(dict(locator, channels=channels, text_channels=text_channels))

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Fuse and locate.

        Args:
            maps (Sequence[Tensor]): F_v3, F_v2, F_v1: (B, C_i, H_i, W_i), finest first.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``maps`` is F_m3 alone, (N, C, H, W) at F_v3's size; ``prior`` is H_mask,
            (N, 1, H, W) logits, or None without a locator; ``text`` as it came.
        """
        if len(maps) != 3:
            raise ValueError(f'the backbone hands over {len(maps)} levels, but LTSFusion takes 3, of strides 8, 16 '
                             'and 32: set model.backbone.out_indices')
        fine, middle, coarse = maps
        # Without text all of the pyramid is the image's alone, and is repeated only when it is done.
        index = image_index if self.fuse_text else None
        sentence = _mean_of_words(text)  # f_text
        fused = expand_to_expressions(self.coarse_visual(coarse), index)
        if self.fuse_text:
            # (N, C_t) -> (N, C_t, 1, 1)
            fused = fused * self.sentence(sentence[:, :, None, None])  # F_m1
        fused = _join(self.middle_fused(fused), self.middle_visual(middle), index)  # F_m2
        fused = _join(self.fine_fused(fused), self.fine_visual(fine), index)  # F_m3
        if not self.fuse_text:
            fused = expand_to_expressions(fused, image_index)
        prior = None
        if self.locator is not None:
            prior = self.locator(fused, replace(text, sentence=sentence))  # H_mask
        return MultiModalFeatures((fused, ), text, prior=prior)


def _projection(in_channels: int, out_channels: int, norm_cfg: Optional[dict]) -> ConvModule:
    """g(x W): a 1x1 convolution without bias, the norm if there is one, and a leaky ReLU."""
    leaky_relu = dict(type='LeakyReLU', negative_slope=0.1)
    return ConvModule(in_channels, out_channels, 1, bias=False, norm_cfg=norm_cfg, act_cfg=leaky_relu)


def _mean_of_words(text: TextFeatures) -> Tensor:
    """The mean of each expression's real words, (N, C) (Eq. 3)."""
    mask = text.mask[..., None]
    return text.words.masked_fill(~mask, 0).sum(dim=1) / mask.sum(dim=1)


def _join(fused: Tensor, visual: Tensor, image_index: Optional[Tensor]) -> Tensor:
    """Upsample (N, C, h, w) to (B, C, H, W)'s size and put the two side by side: (N, 2C, H, W)."""
    fused = F.interpolate(fused, size=visual.shape[2:], mode='nearest')
    return torch.cat([fused, expand_to_expressions(visual, image_index)], dim=1)
