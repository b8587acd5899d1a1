"""Names that several official checkpoints have in common, and how names are changed by rules."""

import re
from typing import Dict, Iterable, List, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from .converted import bare

Rules = Sequence[Tuple[str, str]]

# The original Swin's names -> mmseg's.
SWIN_RENAMES = [
    (r'patch_embed\.proj\.(.+)', r'patch_embed.projection.\1'),
    (r'patch_embed\.norm\.(.+)', r'patch_embed.norm.\1'),
    (r'layers\.(\d+)\.blocks\.(\d+)\.(norm[12])\.(.+)', r'stages.\1.blocks.\2.\3.\4'),
    (r'layers\.(\d+)\.blocks\.(\d+)\.attn\.(.+)', r'stages.\1.blocks.\2.attn.w_msa.\3'),
    (r'layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc1\.(.+)', r'stages.\1.blocks.\2.ffn.layers.0.0.\3'),
    (r'layers\.(\d+)\.blocks\.(\d+)\.mlp\.fc2\.(.+)', r'stages.\1.blocks.\2.ffn.layers.1.\3'),
    (r'layers\.(\d+)\.downsample\.(.+)', r'stages.\1.downsample.\2'),
    (r'(norm\d)\.(.+)', r'\1.\2'),
]
# LAVT's fusion inside Swin -> LAVTSwin's.
LAVT_SWIN_RENAMES = [
    *SWIN_RENAMES,
    (r'layers\.(\d+)\.fusion\.vis_project\.0\.(.+)', r'fusions.\1.visual.0.\2'),
    (r'layers\.(\d+)\.fusion\.image_lang_att\.f_(query|key|value)\.0\.(.+)', r'fusions.\1.\2.\3'),
    (r'layers\.(\d+)\.fusion\.image_lang_att\.W\.0\.(.+)', r'fusions.\1.out.\2'),
    (r'layers\.(\d+)\.fusion\.project_mm\.0\.(.+)', r'fusions.\1.project.0.\2'),
    (r'layers\.(\d+)\.res_gate\.([02])\.weight', r'gates.\1.layers.\2.weight'),
]
#: The gate behind the last stage feeds nothing.
LAVT_LAST_GATE = r'layers\.3\.res_gate\.[02]\.weight'
#: The pooler, which none of the methods calls, and buffers that older transformers saved.
BERT_UNUSED = r'(pooler\..+|embeddings\.(position_ids|token_type_ids))'


def under(theirs: str, ours: str, rules: Rules) -> List[Tuple[str, str]]:
    """Rules for names below a prefix: ``theirs`` in the official names, ``ours`` in ours."""
    return [(re.escape(theirs) + pattern, ours + template) for pattern, template in rules]


def weights_in(checkpoint: dict) -> Dict[str, Tensor]:
    """The weights that a file holds, bare or under ``model`` or ``state_dict``, by official names; {}: none.

    detectron2's files hold numpy arrays beside tensors, or in their place.
    """
    for key in ('model', 'state_dict'):
        if isinstance(checkpoint.get(key), dict):
            checkpoint = checkpoint[key]
            break
    weights = {name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
               for name, value in checkpoint.items() if isinstance(name, str)}
    return bare({name: value for name, value in weights.items() if isinstance(value, Tensor)})


def rename(weights: Dict[str, Tensor], rules: Rules,
           unused: Iterable[str]) -> Tuple[Dict[str, Tensor], List[str], List[str]]:
    """Give every weight our name, and patch merging mmseg's order of channels.

    Args:
        weights (dict): By official names.
        rules (Sequence[tuple[str, str]]): Patterns of whole official names and ours, tried in order.
        unused (Iterable[str]): Patterns of names that are left out.

    Returns:
        tuple[dict, list[str], list[str]]: Our state dict, the names left out, the names nobody knows.
    """
    rules = [(re.compile(pattern), template) for pattern, template in rules]
    unused = re.compile('|'.join(unused))
    converted, left_out, unknown = {}, [], []
    for name, value in weights.items():
        if unused.fullmatch(name):
            left_out.append(name)
            continue
        for pattern, template in rules:
            match = pattern.fullmatch(name)
            if match:
                converted[match.expand(template)] = to_unfold_order(name, value)
                break
        else:
            unknown.append(name)
    return converted, left_out, unknown


def to_unfold_order(name: str, value: Tensor) -> Tensor:
    """The 4 C channels of patch merging, from the original Swin's order to mmseg's.

    The original concatenates the pixels (top-left, bottom-left, top-right, bottom-right) of C channels
    each; mmseg unfolds: for every channel its pixels row by row.
    """
    if '.downsample.' not in name:
        return value
    by_pixel = value.unflatten(-1, (4, -1))[..., [0, 2, 1, 3], :]
    return by_pixel.transpose(-1, -2).flatten(-2).contiguous()
