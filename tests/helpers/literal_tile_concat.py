"""Eq. 1 of S2RM written literally."""

import torch
from fusion_inputs import conv_norm_relu

from mmrefseg.models.utils import coordinate_map


def literal_tile_concat(module, image_map, sentence):
    """Eq. 1 of S2RM for one image (C, H, W) and one sentence (C_t,)."""
    height, width = image_map.shape[1:]
    tiled = sentence[:, None, None].repeat(1, height, width)
    joined = torch.cat([image_map, tiled, coordinate_map(height, width)])
    return conv_norm_relu(module.project, joined[None])[0]

