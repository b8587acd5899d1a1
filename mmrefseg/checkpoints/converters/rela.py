"""ReLA's released files (henghuiding/ReLA, detectron2's container): Swin-T, Swin-B and ResNet-50.

Their names begin with ``backbone``, ``sem_seg_head.pixel_decoder``, ``sem_seg_head.predictor`` and ``text_encoder``.
Left out are the gate behind Swin's last stage, which feeds nothing, and what holds no weight of the network.
"""

import re
from typing import Dict

import torch
from torch import Tensor

from .converted import Converted, OfficialFormatError
from .names import BERT_UNUSED, LAVT_LAST_GATE, LAVT_SWIN_RENAMES, rename, under, weights_in

FAMILY = 'ReLA'
PIXEL_DECODER = [
    (r'input_proj\.(\d)\.0\.(.+)', r'levels.coarser.\1.conv.\2'),
    (r'input_proj\.(\d)\.1\.(.+)', r'levels.coarser.\1.gn.\2'),
    (r'adapter_1\.weight', 'levels.finest.conv.weight'),
    (r'adapter_1\.norm\.(.+)', r'levels.finest.gn.\1'),
    (r'transformer\.level_embed', 'levels.level_embedding.weight'),
    (r'transformer\.encoder\.layers\.(\d)\.self_attn\.(.+)', r'layers.\1.attention.\2'),
    (r'transformer\.encoder\.layers\.(\d)\.linear1\.(.+)', r'layers.\1.feed_forward.0.\2'),
    (r'transformer\.encoder\.layers\.(\d)\.linear2\.(.+)', r'layers.\1.feed_forward.2.\2'),
    (r'transformer\.encoder\.layers\.(\d)\.norm1\.(.+)', r'layers.\1.norms.0.\2'),
    (r'transformer\.encoder\.layers\.(\d)\.norm2\.(.+)', r'layers.\1.norms.1.\2'),
]
MASK_FEATURES = [
    (r'mask_features\.(.+)', r'project.0.\1'),
    (r'layer_1\.weight', 'merge.conv.weight'),
    (r'layer_1\.norm\.(.+)', r'merge.gn.\1'),
]
# torch's attention keeps three matrices in one: `in_proj` is split before it gets its name.
PREDICTOR = [
    (r'RIA_layers\.(\d)\.multihead_attn\.(.+)', r'layers.\1.image_attention.\2'),
    (r'RIA_layers\.(\d)\.norm\.(.+)', r'layers.\1.norms.0.\2'),
    (r'RLA_vision\.(\d)\.self_attn\.(.+)', r'layers.\1.region_attention.\2'),
    (r'RLA_vision\.(\d)\.norm\.(.+)', r'layers.\1.norms.1.\2'),
    (r'transformer_ffn_layers\.(\d)\.linear1\.(.+)', r'layers.\1.feed_forward.0.\2'),
    (r'transformer_ffn_layers\.(\d)\.linear2\.(.+)', r'layers.\1.feed_forward.2.\2'),
    (r'transformer_ffn_layers\.(\d)\.norm\.(.+)', r'layers.\1.norms.2.\2'),
    (r'RLA_lang_att\.multihead_attn\.(.+)', r'layers.0.language.attention.\1'),
    (r'RLA_lang_att\.norm\.(.+)', r'layers.0.language.norm.\1'),
    (r'lang_proj\.weight', 'layers.0.language.project.weight'),
    (r'lang_weight', 'layers.0.language.gate'),
    (r'decoder_norm\.(.+)', r'norm.\1'),
    (r'query_feat\.weight', 'regions.weight'),
    (r'query_embed\.weight', 'region_positions.weight'),
    (r'level_embed\.weight', 'level_embedding.weight'),
    (r'minimap_embed\.(.+)', r'minimap.\1'),
    *((rf'nt_embed\.layers\.{number}\.(.+)', rf'no_target.{2 * number}.\1') for number in range(2)),
    *((rf'mask_embed\.layers\.{number}\.(.+)', rf'embed.{2 * number}.\1') for number in range(3)),
]
RESNET = [
    (r'stem\.conv1\.weight', 'conv1.weight'),
    (r'stem\.conv1\.norm\.(.+)', r'bn1.\1'),
    *((rf'res{stage + 1}\.(\d)\.conv(\d)\.weight', rf'layer{stage}.\1.conv\2.weight') for stage in range(1, 5)),
    *((rf'res{stage + 1}\.(\d)\.conv(\d)\.norm\.(.+)', rf'layer{stage}.\1.bn\2.\3') for stage in range(1, 5)),
    *((rf'res{stage + 1}\.(\d)\.shortcut\.weight', rf'layer{stage}.\1.downsample.0.weight') for stage in range(1, 5)),
    *((rf'res{stage + 1}\.(\d)\.shortcut\.norm\.(.+)', rf'layer{stage}.\1.downsample.1.\2') for stage in range(1, 5)),
]
UNUSED = [rf'backbone\.{LAVT_LAST_GATE}', rf'text_encoder\.{BERT_UNUSED}',
          r'criterion\..+', r'pixel_(mean|std)']
STEM = 'backbone.stem.conv1.weight'
PATCHES = 'backbone.patch_embed.proj.weight'
SWINS = {96: 'swint', 128: 'swinb'}


def recognises(checkpoint: dict) -> bool:
    """Whether a checkpoint is of this family: it has regions that look at an image.

    Args:
        checkpoint (dict): What the file holds.
    """
    return any(name.startswith('sem_seg_head.predictor.RIA_layers.') for name in weights_in(checkpoint))


def convert(checkpoint: dict) -> Converted:
    """Convert an official checkpoint.

    Args:
        checkpoint (dict): What the file holds: detectron2's ``model``, of numpy arrays or tensors, or that alone.

    Returns:
        Converted: With ``unknown`` names where the file holds more than the releases do.

    Raises:
        OfficialFormatError: It has no backbone that ReLA was released with.
    """
    weights = weights_in(checkpoint)
    backbone = _backbone(weights)
    # Behind ResNet, which knows no word, the pixel decoder runs once an image, inside the fusion.
    neck = 'fusion.neck.' if backbone == 'r50' else 'neck.'
    rules = [
        *under('backbone.', 'backbone.', RESNET if backbone == 'r50' else LAVT_SWIN_RENAMES),
        *under('sem_seg_head.pixel_decoder.', neck, PIXEL_DECODER),
        *under('sem_seg_head.pixel_decoder.', 'decoder.', MASK_FEATURES),
        *under('sem_seg_head.predictor.', 'decode_head.', PREDICTOR),
        (r'text_encoder\.(.+)', r'text_encoder.model.\1'),
    ]
    converted, left_out, unknown = rename(_split_attention(weights), rules, UNUSED)
    # Where a file lacks it, the official code goes on with what it starts from.
    converted.setdefault('decode_head.layers.0.language.gate', torch.tensor(0.))
    return Converted(FAMILY, converted, f'rela/rela_{backbone}_grefcoco', left_out=left_out, unknown=unknown)


def _backbone(weights: Dict[str, Tensor]) -> str:
    if STEM in weights:
        return 'r50'
    width = weights[PATCHES].shape[0] if PATCHES in weights else None
    if width not in SWINS:
        raise OfficialFormatError(
            f'ReLA: the backbone is no ResNet ({STEM}) and no Swin of width {" or ".join(map(str, SWINS))} ({PATCHES}: '
            f'{"missing" if width is None else width})')
    return SWINS[width]


def _split_attention(weights: Dict[str, Tensor]) -> Dict[str, Tensor]:
    """Queries, keys and values of torch's attention, each by itself."""
    split = {}
    for name, value in weights.items():
        before, found, kind = name.rpartition('in_proj_')
        if found:
            for part, rows in zip(('query', 'key', 'value'), value.chunk(3)):
                split[f'{before}{part}.{kind}'] = rows
        else:
            split[re.sub(r'(multihead_attn|self_attn)\.out_proj\.', r'\1.out.', name)] = value
    return split
