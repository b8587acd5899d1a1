"""Multiply-adds and parameters of a model, a row a part:

python tools/analysis_tools/get_flops.py configs/lavt/lavt_swinb_refcoco.py --shape 480 480 --words 20
"""

import argparse
import math
from typing import Dict

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from prettytable import PrettyTable
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmrefseg.engine import without_pretrained
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

PARTS = ('text_encoder', 'backbone', 'fusion', 'neck', 'decoder', 'decode_head')


def _norm_macs(factor: int):
    """A counter of a norm with ``factor`` operations an element; torch's numbers are two for each multiply-add."""
    return lambda shape, *args, **kwargs: 2 * factor * math.prod(shape)


# How fvcore, the counter of most papers, and mmengine count the norms: in among the multiply-adds.
NORMS = {
    torch.ops.aten.native_layer_norm: _norm_macs(5),
    torch.ops.aten.native_group_norm: _norm_macs(5),
    torch.ops.aten._native_batch_norm_legit: _norm_macs(5),  # instance norm
    torch.ops.aten._native_batch_norm_legit_no_training: _norm_macs(2),
}


def count_macs(model: nn.Module, height: int, width: int, words: int,
               expressions: int = 1, norms: bool = False) -> Dict[str, int]:
    """Multiply-adds of one picture with some expressions, by part.

    Matrix products and convolutions count; activations and interpolation do not. torch counts the fused attention
    of a CPU as nothing, so attention is run unfused.

    Args:
        model (nn.Module): A ``RefSegmentor``.
        height (int): Of the input.
        width (int): Of the input.
        words (int): L, words or word pieces of each expression.
        expressions (int): E. Defaults to 1.
        norms (bool): Count norms too, see :data:`NORMS`. Defaults to False.

    Returns:
        dict: Multiply-adds of each of :data:`PARTS` that the model has.
    """
    model = model.eval()
    model.text_encoder.max_length = words
    sample = RefDataSample(metainfo=dict(expressions=['a ' * words] * expressions))
    images = torch.zeros(1, 3, height, width, device=next(model.parameters()).device)
    counter = FlopCounterMode(display=False, custom_mapping=NORMS if norms else None)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        torch.backends.mha.set_fastpath_enabled(False)  # one call that the counter does not know
        try:
            model(images, [sample], mode='tensor')
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    counts = {name: sum(ops.values()) for name, ops in counter.get_flop_counts().items()}
    macs = {}
    for part in PARTS:
        prefix = f'{type(model).__name__}.{part}'
        below = [name for name in counts if f'{name}.'.startswith(f'{prefix}.')]
        # A module's count holds its children's: add up the outermost ones that were called.
        outermost = [name for name in below if not any(name.startswith(f'{other}.') for other in below)]
        if getattr(model, part) is not None:
            macs[part] = sum(counts[name] for name in outermost) // 2
    return macs


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description='Multiply-adds and parameters, a row a part')
    parser.add_argument('config', help='config file')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the picture')
    parser.add_argument('--norms', action='store_true', help='count norms too, as fvcore and mmengine do')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings of the config')
    args = parser.parse_args()
    cfg = Config.fromfile(args.config)
    if args.cfg_options:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    model = MODELS.build(without_pretrained(cfg.model))
    macs = count_macs(model, *args.shape, args.words, args.expressions, args.norms)
    table = PrettyTable(['part', 'GMACs', 'parameters (M)'], align='r')
    for part, count in macs.items():
        parameters = sum(p.numel() for p in getattr(model, part).parameters())
        table.add_row([part, f'{count / 1e9:.2f}', f'{parameters / 1e6:.2f}'])
    total = sum(p.numel() for part in macs for p in getattr(model, part).parameters())
    table.add_row(['all', f'{sum(macs.values()) / 1e9:.2f}', f'{total / 1e6:.2f}'])
    print(f'{args.config}: {args.shape[0]}x{args.shape[1]}, {args.expressions} expression(s) of {args.words} words')
    print(table)


if __name__ == '__main__':
    main()
