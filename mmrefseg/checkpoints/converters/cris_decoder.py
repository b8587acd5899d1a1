"""Names that CRIS and DETRIS share: decoder and projector."""

from .renaming import Rule

SELF = 'self_attn', 'self_attention'
CROSS = 'multihead_attn', 'cross_attention'
LAYER = r'decoder\.layers\.(\d+)\.'


def conv_rules(theirs: str, ours: str) -> list[Rule]:
    """Rules of a convolution (0) with its batch norm (1)."""
    return [(rf'{theirs}\.0\.weight', f'{ours}.conv.weight'), (rf'{theirs}\.1\.(.+)', rf'{ours}.bn.\1')]


DECODER_RULES: list[Rule] = [
    *((rf'{LAYER}{theirs}\.(.+)', rf'decoder.layers.\1.{ours}.\2') for theirs, ours in (SELF, CROSS)),
    (rf'{LAYER}self_attn_norm\.(.+)', r'decoder.layers.\1.self_attention_norm.\2'),
    (rf'{LAYER}cross_attn_norm\.(.+)', r'decoder.layers.\1.cross_attention_norm.\2'),
    (rf'{LAYER}norm1\.(.+)', r'decoder.layers.\1.norms.0.\2'),
    (rf'{LAYER}norm2\.(.+)', r'decoder.layers.\1.norms.1.\2'),
    (rf'{LAYER}norm3\.(.+)', r'decoder.layers.\1.norms.2.\2'),
    (rf'{LAYER}ffn\.(.+)', r'decoder.layers.\1.feedforward.\2'),
    (r'decoder\.norm\.(.+)', r'decoder.norm.\1'),
    *conv_rules(r'proj\.vis\.1', 'decoder.upsampling.0'),
    *conv_rules(r'proj\.vis\.3', 'decoder.upsampling.1'),
    (r'proj\.vis\.4\.(.+)', r'decoder.project.\1'),
    (r'proj\.txt\.(.+)', r'decode_head.kernel.\1'),
]
COORDINATE_RULES: list[Rule] = [
    *conv_rules(r'neck\.coordconv\.0\.conv1', 'fusion.coordinates.convs.0'),
    *conv_rules(r'neck\.coordconv\.1', 'fusion.coordinates.convs.1'),
]
