"""VLT's mask decoder (VLT, ICCV 2021, §3), which ends before the classifier."""

from typing import Optional, Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import MultiModalFeatures, Reads

from ..utils import upsampled_conv


@MODELS.register_module()
class VLTDecoder(BaseModule):
    """Turns each query's response into a map and decodes the Q maps with 3x3 convolutions.

    ::

        queries (N, Q, C) ─ linear, ReLU ─► (N, Q, HW) ─► (N, Q, H, W) ─► 3x3 … ─ up 2 ─► 3x3 … ─ up 2 ─► … ─► Y

    The responses are all that it reads. The paper has three 3x3 convolutions before the 1x1 classifier and lets
    upsampling come between them to set the size of the mask; that a linear layer makes the responses spatial, batch
    norm, LeakyReLU (slope 0.1) and nearest-neighbour upsampling are the released code's.

    With ``map_channels`` the fusion's map, the memory of VLT's transformer encoder, is put beside the Q maps: "Concate"
    in M3Att's Table III (TIP 2023), and a line that is commented out in VLT's release (with another map).

    Args:
        in_channels (int): C of the queries.
        num_queries (int): Q.
        feature_size (Sequence[int]): (H, W) of the maps, that of the fusion.
        channels (Sequence[Sequence[int]]): Widths of the 3x3 convolutions at the size of the fusion, at twice that
            size, at four times, …. Defaults to ``[[256, 256, 256], [256], [256], [256]]``, the released code from
            stride 16 to stride 2.
        map_channels (int): C of the fusion's map, if it is read. Defaults to 0, the paper's: it is not.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Attributes:
        out_channels (int): C of Y.

    Raises:
        ValueError: A size in ``channels`` has no convolution, or the fusion gives no queries or other ones than
            ``num_queries`` of ``in_channels``.
    """

    def __init__(self,
                 in_channels: int,
                 num_queries: int,
                 feature_size: Sequence[int],
                 channels: Sequence[Sequence[int]] = ((256, 256, 256), (256, ), (256, ), (256, )),
                 map_channels: int = 0,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if not channels or not all(channels):
            raise ValueError(f'decoder.channels is {channels}, expected one width or more for each size')
        self.in_channels = in_channels
        self.num_queries = num_queries
        self.feature_size = tuple(feature_size)
        self.map_channels = map_channels
        self.reads = Reads(last_map=map_channels or None, queries=in_channels, num_queries=num_queries,
                           map_size=self.feature_size)
        self.out_channels = channels[-1][-1]
        height, width = self.feature_size
        self.spatial = nn.Sequential(nn.Linear(in_channels, height * width), nn.ReLU())
        layer_cfg = dict(
            kernel_size=3,
            padding=1,
            norm_cfg=norm_cfg or dict(type='BN'),
            act_cfg=dict(type='LeakyReLU', negative_slope=0.1))
        from_above = [num_queries + map_channels, *(widths[-1] for widths in channels)]
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvModule(before, after, **layer_cfg) for before, after in zip((above, *widths), widths)))
            for above, widths in zip(from_above, channels))
        # As the maps are that upsampled_conv gives.
        self.stages.to(memory_format=torch.channels_last)

    def forward(self, features: MultiModalFeatures) -> Tensor:
        """Queries (N, Q, C), with ``map_channels`` also the map -> Y (N, C', 2^s H, 2^s W) with s upsamplings."""
        queries = features.queries
        if queries is None:
            raise ValueError('model.decoder VLTDecoder decodes queries, and model.fusion gives none: use VLTFusion')
        if tuple(queries.shape[1:]) != (self.num_queries, self.in_channels):
            raise ValueError(f'model.fusion gives {queries.shape[1]} queries of {queries.shape[2]} channels, but '
                             f'decoder.num_queries is {self.num_queries} and decoder.in_channels {self.in_channels}')
        # (N, Q, C) -> (N, Q, HW) -> (N, Q, H, W)
        decoded = self.spatial(queries).unflatten(2, self.feature_size)
        if self.map_channels:
            decoded = torch.cat([decoded, features.maps[-1]], dim=1)
        decoded = self.stages[0](decoded)
        for first, *others in self.stages[1:]:
            height, width = decoded.shape[2:]
            decoded = upsampled_conv(decoded, first.conv.weight, (2 * height, 2 * width), align_corners=None)
            decoded = first.activate(first.norm(decoded))
            for layer in others:
                decoded = layer(decoded)
        return decoded
