"""Maps that no word has met yet, for a head that joins them with the words itself."""

from typing import Optional, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import expand_to_expressions


@MODELS.register_module()
class ImageFusion(BaseModule):
    """Hands the image's maps to each of its expressions, through a neck that runs once an image.

    For heads that read the words (ReLA's regions) behind a backbone that does not: ReLA with ResNet-50.

    Args:
        in_channels (Sequence[int]): C_i of each level of the backbone, finest first.
        neck (dict, optional): Of ours, mmseg or mmdet.
        channels (int, optional): C of each level that the neck gives; with a neck only.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: There is a neck without ``channels`` or the other way round.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 neck: Optional[dict] = None,
                 channels: Optional[int] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if (neck is None) != (channels is None):
            raise ValueError(f'fusion.neck is {neck} and fusion.channels {channels}, expected both or none')
        self.neck = None if neck is None else MODELS.build(neck)
        self.reads = Reads(maps=tuple(in_channels))
        self.gives = Gives(
            maps=tuple(in_channels) if neck is None else (channels, ) * len(in_channels), text_in_maps=False)

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Maps (B, C_i, H_i, W_i) and N expressions -> maps (N, C, H_i, W_i), rows of an image alike."""
        maps = maps if self.neck is None else self.neck(maps)
        return MultiModalFeatures(tuple(expand_to_expressions(level, image_index) for level in maps), text)
