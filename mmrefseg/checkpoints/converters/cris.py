"""CRIS checkpoints as CRIS.pytorch's training writes them (the authors publish none)."""

from typing import Dict

from torch import Tensor

from .clip_text import clip_text_weights
from .converted import Converted, OfficialFormatError, bare
from .cris_decoder import COORDINATE_RULES, DECODER_RULES, conv_rules
from .renaming import Rule, below, prefixed, rename

FAMILY = 'CRIS'
MARKS = ('backbone.visual.attnpool.connect.0.weight', 'neck.f1_v_proj.0.weight', 'proj.txt.weight')
CONFIGS = {6: 'cris/cris_r50_refcoco', 23: 'cris/cris_r101_refcoco'}  # by the blocks of stage 3

RULES: list[Rule] = [
    (r'backbone\.visual\.(.+)', r'backbone.\1'),
    (r'backbone\.text_projection', 'text_encoder.text_projection.weight', lambda value: value.t().contiguous()),
    (r'neck\.txt_proj\.0\.weight', 'fusion.sentence.linear.weight'),
    (r'neck\.txt_proj\.1\.(.+)', r'fusion.sentence.norm.\1'),
    *conv_rules(r'neck\.f1_v_proj', 'fusion.coarse'),
    (r'neck\.norm_layer\.0\.(.+)', r'fusion.product_norm.\1'),
    *conv_rules(r'neck\.f2_v_proj', 'fusion.middle'),
    *conv_rules(r'neck\.f2_cat', 'fusion.join_middle'),
    *conv_rules(r'neck\.f3_v_proj', 'fusion.fine'),
    *conv_rules(r'neck\.f3_cat', 'fusion.join_fine'),
    *conv_rules(r'neck\.f4_proj5', 'fusion.out_coarse'),
    *conv_rules(r'neck\.f4_proj4', 'fusion.out_middle'),
    *conv_rules(r'neck\.f4_proj3', 'fusion.out_fine'),
    *conv_rules(r'neck\.aggr', 'fusion.aggregate'),
    *COORDINATE_RULES,
    *DECODER_RULES,
]
UNUSED = ('backbone.logit_scale', )  # of CLIP's own training


def recognises(checkpoint: dict) -> bool:
    """Whether a checkpoint is of this family: CLIP's spatial attention pool, CRIS' neck and its projector.

    Args:
        checkpoint (dict): What the file holds.
    """
    names = official_weights(checkpoint)
    return all(mark in names for mark in MARKS)


def convert(checkpoint: dict) -> Converted:
    """Convert an official checkpoint.

    Args:
        checkpoint (dict): What the file holds, or the weights alone.

    Returns:
        Converted: With the config of the ResNet that the weights are of.

    Raises:
        OfficialFormatError: They are of another ResNet than RN50 and RN101.
    """
    weights = official_weights(checkpoint)
    left_out = [name for name in UNUSED if name in weights]
    tower, rest = clip_text_weights(below(weights, 'backbone.'))
    ours, unknown = rename({name: value for name, value in weights.items() if name not in UNUSED and
                            (not name.startswith('backbone.') or name.removeprefix('backbone.') in rest)}, RULES)
    blocks = sum(name.startswith('backbone.layer3.') and name.endswith('.conv1.weight') for name in ours)
    if blocks not in CONFIGS:
        raise OfficialFormatError(f'a CRIS checkpoint whose ResNet has {blocks} blocks in stage 3, expected 6 (RN50) '
                                  'or 23 (RN101)')
    return Converted(FAMILY, {**ours, **prefixed(tower, 'text_encoder.model.')}, CONFIGS[blocks], left_out=left_out,
                     unknown=unknown)


def official_weights(checkpoint: dict) -> Dict[str, Tensor]:
    """The weights by their official names, of a file of the training or of a state dict."""
    weights = checkpoint.get('state_dict', checkpoint)
    return bare(weights) if isinstance(weights, dict) else {}
