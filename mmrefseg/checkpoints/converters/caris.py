"""CARIS' released files (lsa1997/CARIS, hub saliu/CARIS): Swin-B and BERT-base.

Their names begin with ``backbone.vis_encoder``, ``backbone.lang_encoder``, ``backbone.conditional_prompts`` and
``pixel_decoder``. Nothing of it is left out but BERT's pooler and buffers that transformers makes itself.
"""

from .converted import Converted
from .names import BERT_UNUSED, SWIN_RENAMES, rename, under, weights_in

FAMILY = 'CARIS'
CONFIG = 'caris/caris_swinb_refcoco'
ATTENTIONS = dict(v2l_cross_attn='words_to_pixels', l2v_cross_attn='pixels_to_words', lang_self_attn='words_to_words')
LINEARS = dict(q_proj='query', k_proj='key', v_proj='value', out_proj='out')
# In the order of a layer: the words' first, second and third sum; the pixels', whose second norm is numbered first.
NORMS = dict(l_norm1='word_norms.0', l_norm2='word_norms.1', l_norm3='word_norms.2',
             v_norm2='pixel_norms.0', v_norm1='pixel_norms.1', v_norm3='pixel_norms.2')

RENAMES = [
    *under('backbone.vis_encoder.', 'backbone.', SWIN_RENAMES),
    (r'backbone\.lang_encoder\.(.+)', r'text_encoder.model.\1'),
    (r'backbone\.conditional_prompts\.in_linears\.(\d)\.(.+)', r'text_encoder.prompts.layers.\1.0.\2'),
    (r'backbone\.conditional_prompts\.out_linears\.(\d)\.(.+)', r'text_encoder.prompts.layers.\1.2.\2'),
    (r'backbone\.conditional_prompts\.lang_prompts\.weight', 'text_encoder.prompts.prompts.weight'),
    (r'backbone\.conditional_prompts\.lang_prompts_norm\.(.+)', r'text_encoder.prompts.norm.\1'),
    (r'pixel_decoder\.input_convs\.(\d)\.(.+)', r'fusion.levels.coarser.\1.\2'),
    (r'pixel_decoder\.lateral_convs\.0\.(.+)', r'fusion.levels.finest.\1'),
    (r'pixel_decoder\.level_encoding\.weight', 'fusion.levels.level_embedding.weight'),
    (r'pixel_decoder\.lang_in_linear\.(.+)', r'fusion.embed_words.0.\1'),
    (r'pixel_decoder\.lang_in_norm\.(.+)', r'fusion.embed_words.1.\1'),
    (r'pixel_decoder\.vis_prompts\.weight', 'fusion.visual_prompts.weight'),
    (r'pixel_decoder\.encoder\.(\d+)\.gamma_v2l', r'fusion.layers.\1.word_gamma'),
    (r'pixel_decoder\.encoder\.(\d+)\.gamma_l2v', r'fusion.layers.\1.pixel_gamma'),
    (r'pixel_decoder\.encoder\.(\d+)\.vis_self_attn\.(.+)', r'fusion.layers.\1.pixels_to_pixels.\2'),
    *((rf'pixel_decoder\.encoder\.(\d+)\.{theirs}\.{linear}\.(.+)', rf'fusion.layers.\1.{ours}.{part}.\2')
      for theirs, ours in ATTENTIONS.items() for linear, part in LINEARS.items()),
    *((rf'pixel_decoder\.encoder\.(\d+)\.{kind}_mlp\.fc{number}\.(.+)',
       rf'fusion.layers.\1.{ours}_feed_forward.{2 * number - 2}.\2')
      for kind, ours in (('vis', 'pixel'), ('lang', 'word')) for number in (1, 2)),
    *((rf'pixel_decoder\.encoder\.(\d+)\.{theirs}\.(.+)', rf'fusion.layers.\1.{ours}.\2')
      for theirs, ours in NORMS.items()),
    (r'pixel_decoder\.output_convs\.0\.(.+)', r'decoder.merge.\1'),
    (r'pixel_decoder\.mask_feature\.(\d)\.(.+)', r'decoder.project.\1.\2'),
    (r'pixel_decoder\.lang_embed\.(\d)\.(.+)', r'decode_head.classifier.\1.\2'),
]
UNUSED = [rf'backbone\.lang_encoder\.{BERT_UNUSED}']


def recognises(checkpoint: dict) -> bool:
    """Whether a checkpoint is of this family: it has conditional prompts.

    Args:
        checkpoint (dict): What the file holds.
    """
    return any(name.startswith('backbone.conditional_prompts.') for name in weights_in(checkpoint))


def convert(checkpoint: dict) -> Converted:
    """Convert an official checkpoint, as released or as its training writes it.

    Args:
        checkpoint (dict): What the file holds.

    Returns:
        Converted: With ``unknown`` names where the file holds more than the releases do.
    """
    converted, left_out, unknown = rename(weights_in(checkpoint), RENAMES, UNUSED)
    for name, value in converted.items():
        if name.endswith('_gamma'):
            converted[name] = value.flatten()  # (1, 1, C) -> (C)
    return Converted(FAMILY, converted, CONFIG, left_out=left_out, unknown=unknown)
