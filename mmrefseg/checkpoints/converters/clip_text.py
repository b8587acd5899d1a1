"""The text tower of OpenAI's CLIP, under the names of transformers."""

import re
from typing import Dict, Tuple

from torch import Tensor

RENAMES = {
    'token_embedding.weight': 'embeddings.token_embedding.weight',
    'positional_embedding': 'embeddings.position_embedding.weight',
    'ln_final.weight': 'final_layer_norm.weight',
    'ln_final.bias': 'final_layer_norm.bias',
}
LAYER = re.compile(r'transformer\.resblocks\.(\d+)\.(ln_1|ln_2|attn\.out_proj|mlp\.c_fc|mlp\.c_proj)\.(weight|bias)')
LAYER_PARTS = {'ln_1': 'layer_norm1', 'ln_2': 'layer_norm2', 'attn.out_proj': 'self_attn.out_proj',
               'mlp.c_fc': 'mlp.fc1', 'mlp.c_proj': 'mlp.fc2'}
IN_PROJECTION = re.compile(r'transformer\.resblocks\.(\d+)\.attn\.in_proj_(weight|bias)')


def clip_text_weights(weights: Dict[str, Tensor]) -> Tuple[Dict[str, Tensor], Dict[str, Tensor]]:
    """Rename the weights of CLIP's text tower.

    Args:
        weights (dict): By OpenAI's names, from ``transformer.resblocks`` and ``token_embedding`` on.

    Returns:
        tuple: The tower's weights under the names of transformers' ``CLIPTextModel``, and what is none of it. The
        projection of the sentence (``text_projection``) is left among the rest.
    """
    tower, rest = {}, {}
    for name, value in weights.items():
        layer, joint = LAYER.fullmatch(name), IN_PROJECTION.fullmatch(name)
        if name in RENAMES:
            tower[RENAMES[name]] = value
        elif layer:
            tower[f'encoder.layers.{layer[1]}.{LAYER_PARTS[layer[2]]}.{layer[3]}'] = value
        elif joint:
            # (3 C, …) -> three times (C, …)
            for part, piece in zip('qkv', value.chunk(3)):
                tower[f'encoder.layers.{joint[1]}.self_attn.{part}_proj.{joint[2]}'] = piece.clone()
        else:
            rest[name] = value
    return tower, rest
