"""CASG, the cross-scale abstract semantic guided decoder (S2RM §III.C)."""

from typing import Optional, Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import upsampled_conv

ACTIVATIONS = dict(tanh=torch.tanh, sigmoid=torch.sigmoid)


class ConvStack(nn.Sequential):
    """Conv of CASG's equations: 3x3 convolutions with batch norm and ReLU, the first of them C_in -> C.

    Args:
        in_channels (int): C_in.
        channels (int): C.
        num_convs (int): How many.
        norm_cfg (dict): Of each.
    """

    def __init__(self, in_channels: int, channels: int, num_convs: int, norm_cfg: dict) -> None:
        super().__init__(*(
            ConvModule(channels if n else in_channels, channels, 3, padding=1, norm_cfg=norm_cfg)
            for n in range(num_convs)))


class SemanticGuidance(nn.Module):
    """The channel and the spatial attention of a stage (Eq. 11).

    ::

        C_i = Tanh(MLP(Cat(AvgP(T), AvgP(I_{i,1}))))       one weight a channel of V_i
        S_i = Tanh(I_{i,1} (x) Insert(AvgP(T)))            one weight a cell: a dynamic 1x1 convolution

    In the paper's S_i, the widths of I_{i,1} and of AvgP(T) do not fit: a linear layer makes the kernel from AvgP(T).
    The MLP's hidden width is not given: C_i.

    Args:
        channels (int): C_i, of V_i and I_{i,1}.
        text_channels (int): C of the sentence feature.
        language (bool): Without: the MLP sees AvgP(I_{i,1}) alone, and S_i's kernel is one for all sentences.
        channel (bool): With C_i.
        spatial (bool): With S_i.
        activation (str): 'tanh' or 'sigmoid'.
    """

    def __init__(self, channels: int, text_channels: int, language: bool, channel: bool, spatial: bool,
                 activation: str) -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]
        self.language = language
        width = channels + text_channels if language else channels
        self.channel = nn.Sequential(
            nn.Linear(width, channels), nn.ReLU(), nn.Linear(channels, channels)) if channel else None
        self.kernel = None
        if spatial:
            self.kernel = nn.Linear(text_channels, channels) if language else nn.Conv2d(channels, 1, 1, bias=False)

    def weigh_channels(self, visual: Tensor, semantics: Tensor, sentence: Tensor) -> Tensor:
        """``V_i * C_i``: V_i and I_{i,1} (N, C_i, H, W), AvgP(T) (N, C) -> (N, C_i, H, W)."""
        if self.channel is None:
            return visual
        average = semantics.mean(dim=(2, 3))
        weights = self.channel(torch.cat([sentence, average], dim=1) if self.language else average)
        return visual * self.activate(weights)[:, :, None, None]

    def weigh_cells(self, fused: Tensor, semantics: Tensor, sentence: Tensor) -> Tensor:
        """``I_{i,2} * S_i``: I_{i,2} and I_{i,1} (N, C_i, H, W), AvgP(T) (N, C) -> (N, C_i, H, W)."""
        if self.kernel is None:
            return fused
        if self.language:
            weights = torch.einsum('nchw,nc->nhw', semantics, self.kernel(sentence))[:, None]
        else:
            weights = self.kernel(semantics)
        return fused * self.activate(weights)  # (N, C_i, H, W) * (N, 1, H, W)


class GuidedStage(nn.Module):
    """A decoding stage (Eq. 12, Fig. 3): details of V_i, guided by what the stages above understood.

    ::

        I_{i,1} = Conv(Cat(Up(F_4), …, Up(F_{i+1})))       (13) to (15)
        I_{i,2} = Conv(Cat(V_i * C_i, I_{i,1}))
        F_i     = Conv(Cat(I_{i,2} * S_i, I_{i,1}))

    Args:
        in_channels (int): C of F_4 … F_{i+1} together.
        channels (int): C_i.
        guidance (SemanticGuidance): Makes C_i and S_i.
        num_convs (int): See :class:`ConvStack`.
        norm_cfg (dict): Of the convolutions.
    """

    def __init__(self, in_channels: int, channels: int, guidance: SemanticGuidance, num_convs: int,
                 norm_cfg: dict) -> None:
        super().__init__()
        self.coordinate = ConvStack(in_channels, channels, num_convs, norm_cfg)
        self.guidance = guidance
        self.fuse_visual = ConvStack(2 * channels, channels, num_convs, norm_cfg)
        self.fuse_semantics = ConvStack(2 * channels, channels, num_convs, norm_cfg)

    def forward(self, visual: Tensor, decoded: Sequence[Tensor], sentence: Tensor) -> Tensor:
        """V_i (N, C_i, H, W), F_4 … F_{i+1} and AvgP(T) (N, C) -> F_i (N, C_i, H, W)."""
        semantics = self.coordinate_levels(decoded, visual.shape[2:])  # I_{i,1}
        weighed = self.guidance.weigh_channels(visual, semantics, sentence)
        fused = self.fuse_visual(torch.cat([weighed, semantics], dim=1))  # I_{i,2}
        weighed = self.guidance.weigh_cells(fused, semantics, sentence)
        return self.fuse_semantics(torch.cat([weighed, semantics], dim=1))

    def coordinate_levels(self, decoded: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """``Conv(Cat(Up(F_4), …, Up(F_{i+1})))``, of ``size``; each level is convolved before it is upsampled."""
        first, *others = self.coordinate
        weights = first.conv.weight.split([level.shape[1] for level in decoded], dim=1)
        semantics = sum(upsampled_conv(level, weight, tuple(size), align_corners=False)
                        for level, weight in zip(decoded, weights))
        semantics = first.activate(first.norm(semantics))
        for layer in others:
            semantics = layer(semantics)
        return semantics


@MODELS.register_module()
class CASGDecoder(BaseModule):
    """From the fused last level to the finest one, a :class:`GuidedStage` a level.

    ``Y = F_1``. Every stage sees all the coarser ones. AvgP(T) is ``text.sentence`` of a text encoder with
    ``sentence='mean'``. Fewer levels are fewer stages (Table VI): without V_1 it is ``Y = F_2`` at stride 8, and with
    F_4 alone ``Y = F_4``.

    Left open by the paper: each "Conv" is two 3x3 convolutions with batch norm and ReLU, as in LAVT's decoder; of the
    readings tried that is the one whose multiply-adds come nearest to the paper's for both backbones.

    Args:
        in_channels (Sequence[int]): C of each level, finest first.
        text_channels (int): C of the sentence feature.
        language (bool): The sentence takes part in the guidance. Table V, "-Lang.": False. Defaults to True.
        channel (bool): Guidance of the channels. "-Cha.": False. Defaults to True.
        spatial (bool): Guidance of the cells. "-Spa.": False. Defaults to True.
        activation (str): 'tanh', or 'sigmoid' ("Sig."). Defaults to 'tanh'.
        num_convs (int): Convolutions in each "Conv". Defaults to 2.
        norm_cfg (dict): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y, that of the finest level.

    Raises:
        ValueError: ``activation`` is neither 'tanh' nor 'sigmoid'.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 language: bool = True,
                 channel: bool = True,
                 spatial: bool = True,
                 activation: str = 'tanh',
                 num_convs: int = 2,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if activation not in ACTIVATIONS:
            raise ValueError(f"decoder.activation is {activation!r}, expected 'tanh' or 'sigmoid'")
        self.in_channels = tuple(in_channels)
        self.reads = Reads(text=text_channels, sentence=text_channels, maps=self.in_channels)
        self.out_channels = in_channels[0]
        self.stages = nn.ModuleList(
            GuidedStage(
                sum(in_channels[level + 1:]), channels,
                SemanticGuidance(channels, text_channels, language, channel, spatial, activation),
                num_convs, norm_cfg or dict(type='BN'))
            for level, channels in enumerate(in_channels[:-1]))

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Maps (N, C_i, H_i, W_i) -> Y (N, C_1, H_1, W_1)."""
        decoded = [features.maps[-1]]  # F_4, F_3, …
        for stage, visual in zip(reversed(self.stages), reversed(features.maps[:-1])):
            decoded.append(stage(visual, decoded, features.text.sentence))
        return decoded[-1]
