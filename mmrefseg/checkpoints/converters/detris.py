"""DETRIS' released checkpoints: base, large, and large on mixed data sets."""

import re

from torch import Tensor

from .clip_text import clip_text_weights
from .converted import Converted, OfficialFormatError
from .cris import official_weights
from .cris_decoder import COORDINATE_RULES, DECODER_RULES, conv_rules
from .renaming import Rule, below, prefixed, rename

FAMILY = 'DETRIS'
MARKS = ('dinov2.register_tokens', 'neck.fusion3.multihead_attn.out_proj.weight', 'proj.txt.weight')
# (C of DINOv2, width of its adapters) -> config
CONFIGS = {(768, 128): 'detris/detris_dinov2b_refcoco', (1024, 128): 'detris/detris_dinov2l_refcoco',
           (1024, 384): 'detris/detris_dinov2l_refcoco-mixed'}

BLOCK = r'dinov2\.blocks\.(\d+)\.'
LAYER = r'backbone.model.encoder.layer.\1.'
ADAPTER = {'D_fc1': 'down', 'D_fc2': 'up', 'cross.image_proj': 'image', 'cross.text_proj': 'text',
           'cross.back_proj': 'back', 'cross.multihead_attn': 'attention'}


def _to_words(value: Tensor) -> Tensor:
    """A kernel along the words (C', C, k) -> (C', C, 1, k); vectors stay."""
    return value[:, :, None] if value.ndim == 3 else value


def _adapter_rules(theirs: str, ours: str, change=None) -> list[Rule]:
    """Rules of an adapter, ``theirs`` with one group."""
    rest = (change, ) if change else ()
    return [
        *((rf'{theirs}adapter\.{re.escape(name)}\.(.+)', rf'{ours}{part}.\2') for name, part in ADAPTER.items()),
        (rf'{theirs}adapter\.dense_branch1\.(.+)', rf'{ours}dense.branches.0.0.\2', *rest),
        (rf'{theirs}adapter\.dense_branch2\.(.+)', rf'{ours}dense.branches.1.\2', *rest),
        (rf'{theirs}adapter\.dense_branch3\.(.+)', rf'{ours}dense.branches.2.\2', *rest),
    ]


RULES: list[Rule] = [
    (r'txt_backbone\.text_projection', 'text_encoder.text_projection.weight', lambda value: value.t().contiguous()),
    *_adapter_rules(r'txt_backbone\.transformer\.resblocks\.(\d+)\.', r'text_encoder.adapters.\1.', _to_words),
    (r'dinov2\.(cls_token|mask_token|register_tokens)', r'backbone.model.embeddings.\1'),
    (r'dinov2\.pos_embed', 'backbone.model.embeddings.position_embeddings'),
    (r'dinov2\.patch_embed\.proj\.(.+)', r'backbone.model.embeddings.patch_embeddings.projection.\1'),
    (r'dinov2\.norm\.(.+)', r'backbone.model.layernorm.\1'),
    (rf'{BLOCK}(norm[12]|mlp\.fc[12])\.(.+)', rf'{LAYER}\2.\3'),
    (rf'{BLOCK}attn\.proj\.(.+)', rf'{LAYER}attention.o_proj.\2'),
    (rf'{BLOCK}ls([12])\.gamma', rf'{LAYER}layer_scale\2.lambda1'),
    *((rf'{BLOCK}attn\.{part}\.(.+)', rf'{LAYER}attention.{part}_proj.\2') for part in 'qkv'),
    *_adapter_rules(BLOCK, r'backbone.adapters.\1.'),
    (r'neck\.txt_proj\.(.+)', r'fusion.sentence.\1'),
    *conv_rules(r'neck\.f3_proj', 'fusion.reduce.0'),
    *conv_rules(r'neck\.f4_proj', 'fusion.reduce.1'),
    # A transposed convolution of one pixel.
    (r'neck\.f5_proj\.0\.weight', 'fusion.reduce.2.conv.weight', lambda value: value.transpose(0, 1).contiguous()),
    *conv_rules(r'neck\.f5_proj', 'fusion.reduce.2'),
    *(rule for index, level in enumerate((3, 4, 5)) for rule in (
        (rf'neck\.fusion{level}\.multihead_attn\.v\.(.+)', rf'fusion.values.{index}.\1'),
        (rf'neck\.fusion{level}\.multihead_attn\.out_proj\.(.+)', rf'fusion.gates.{index}.\1'))),
    *conv_rules(r'neck\.aggr', 'fusion.aggregate'),
    *COORDINATE_RULES,
    *DECODER_RULES,
]
QKV = re.compile(r'(dinov2\.blocks\.\d+\.attn\.)qkv\.(weight|bias)')
GATE = re.compile(r'(neck\.fusion\d\.multihead_attn\.)in_proj_(weight|bias)')
UNUSED = ('txt_backbone.logit_scale', )  # of CLIP's own training


def recognises(checkpoint: dict) -> bool:
    """Whether a checkpoint is of this family: DINOv2 with registers, a neck of attentions, CRIS' projector.

    Args:
        checkpoint (dict): What the file holds.
    """
    names = official_weights(checkpoint)
    return all(mark in names for mark in MARKS)


def convert(checkpoint: dict) -> Converted:
    """Convert an official checkpoint.

    Queries and keys of the neck's attentions are left out: they attend to one token, and nothing depends on them.

    Args:
        checkpoint (dict): What the file holds, or the weights alone.

    Returns:
        Converted: With the config of the size that the weights are of.

    Raises:
        OfficialFormatError: They are of no size that the authors have.
    """
    weights = official_weights(checkpoint)
    left_out = [name for name in UNUSED if name in weights]
    tower, rest = clip_text_weights(below(weights, 'txt_backbone.'))
    split = {}
    for name, value in weights.items():
        text = name.removeprefix('txt_backbone.')
        joint, gate = QKV.fullmatch(name), GATE.fullmatch(name)
        if name in UNUSED or (text != name and text not in rest):
            continue
        if joint:
            split.update({f'{joint[1]}{part}.{joint[2]}': piece.clone() for part, piece in zip('qkv', value.chunk(3))})
        elif gate:
            split[f'{gate[1]}v.{gate[2]}'] = value.chunk(3)[2].clone()
            left_out.append(name)  # its queries and keys
        else:
            split[name] = value
    ours, unknown = rename(split, RULES)
    found = (weights['dinov2.cls_token'].shape[-1], _adapter_width(ours))
    if found not in CONFIGS:
        raise OfficialFormatError(f'a DETRIS checkpoint with a DINOv2 of {found[0]} channels and adapters of '
                                  f'{found[1]}, expected one of {sorted(CONFIGS)}')
    return Converted(FAMILY, {**ours, **prefixed(tower, 'text_encoder.model.')}, CONFIGS[found], left_out=left_out,
                     unknown=unknown)


def _adapter_width(weights: dict) -> int:
    downs = [value for name, value in weights.items() if re.fullmatch(r'backbone\.adapters\.\d+\.down\.bias', name)]
    return len(downs[0]) if downs else 0
