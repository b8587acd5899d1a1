"""PWAM after the backbone, so that any backbone without language can refer."""

from typing import Optional, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import expand_to_expressions
from .pwam import PWAM


@MODELS.register_module()
class PWAMFusion(BaseModule):
    """Late fusion with one :class:`PWAM` a level, over the maps of any mmseg backbone.

    The backbone runs once an image, whatever the number of expressions. A fused level is
    ``V_i + PWAM(V_i, L)``: the sum keeps what the backbone saw; ``residual=False`` gives PWAM's output
    alone, as LAVT's decoder takes it.

    Args:
        in_channels (Sequence[int]): C of each level of the backbone.
        text_channels (int): C of the words.
        levels (Sequence[int], optional): Which levels are fused; the others are only repeated for
            each expression. Defaults to all.
        num_heads (int): Heads of each PWAM. Defaults to 1.
        dropout (float): Dropout of each PWAM. Defaults to 0.
        residual (bool): Add V_i. Defaults to True.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: A level of ``levels`` is outside ``in_channels``, or the backbone hands over
            another number of levels.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 levels: Optional[Sequence[int]] = None,
                 num_heads: int = 1,
                 dropout: float = 0.,
                 residual: bool = True,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        levels = range(len(in_channels)) if levels is None else levels
        for level in levels:
            if level not in range(len(in_channels)):
                raise ValueError(f'fusion.levels has {level}, but fusion.in_channels has only '
                                 f'{len(in_channels)} levels (0 … {len(in_channels) - 1})')
        self.num_levels = len(in_channels)
        self.reads = Reads(text=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=tuple(in_channels))
        self.residual = residual
        self.fusions = nn.ModuleDict({
            str(level): PWAM(in_channels[level], text_channels, num_heads, dropout)
            for level in levels
        })

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
            MultiModalFeatures: ``maps`` are (N, C_i, H_i, W_i).
        """
        if len(maps) != self.num_levels:
            raise ValueError(f'the backbone hands over {len(maps)} levels, but fusion.in_channels '
                             f'names {self.num_levels}')
        fused = []
        for level, image_map in enumerate(maps):
            expanded = expand_to_expressions(image_map, image_index)
            if str(level) in self.fusions:
                # (B, C, H, W) -> (B, C, HW), and back
                joint = self.fusions[str(level)](image_map.flatten(2), text, image_index)
                joint = joint.unflatten(2, image_map.shape[2:])
                expanded = expanded + joint if self.residual else joint
            fused.append(expanded)
        return MultiModalFeatures(tuple(fused), text)
