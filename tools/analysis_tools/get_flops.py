"""Multiply-adds and parameters of a model, a row a part:

python tools/analysis_tools/get_flops.py configs/lavt/lavt_swinb_refcoco.py --shape 480 480 --words 20
"""

import argparse
import math
import sys
from typing import Dict, Iterable

import torch
from mmengine.registry import init_default_scope
from prettytable import PrettyTable
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmrefseg.command_line.run_command import run_command
from mmrefseg.engine import add_config_options, apply_options, read_config
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample
from mmrefseg.utils import without_pretrained

PARTS = ('text_encoder', 'backbone', 'fusion', 'neck', 'decoder', 'decode_head', 'existence_head')


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
    counts = module_macs(model, height, width, words, expressions, norms)
    return {part: macs_of(counts, part) for part in PARTS if getattr(model, part) is not None}


def module_macs(model: nn.Module, height: int, width: int, words: int, expressions: int = 1,
                norms: bool = False) -> Dict[str, int]:
    """Multiply-adds of every module that was called, by name, those of its children included; as :func:`count_macs`."""
    model = model.eval()
    model.text_encoder.max_length = words
    sample = RefDataSample(metainfo=dict(expressions=['a ' * words] * expressions))
    images = torch.zeros(1, 3, height, width, device=next(model.parameters()).device)
    with torch.no_grad():
        features = model.extract_feat(images, [sample])
        decoded = model.decode(features)
    counter = FlopCounterMode(display=False, custom_mapping=NORMS if norms else None)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        torch.backends.mha.set_fastpath_enabled(False)  # one call that the counter does not know
        try:
            model(images, [sample], mode='tensor')
            if model.existence_head is not None:  # this mode gives the mask alone
                model.existence_head(decoded, features)
        finally:
            torch.backends.mha.set_fastpath_enabled(True)
    prefix = f'{type(model).__name__}.'
    return {name.removeprefix(prefix): sum(ops.values()) // 2 for name, ops in counter.get_flop_counts().items()
            if name.startswith(prefix)}


def macs_of(counts: Dict[str, int], part: str) -> int:
    """Those of a part: of the outermost modules below it that were called."""
    below = [name for name in counts if f'{name}.'.startswith(f'{part}.')]
    outermost = [name for name in below if not any(name.startswith(f'{other}.') for other in below)]
    return sum(counts[name] for name in outermost)


def parameters_of(model: nn.Module, names: Iterable[str]) -> int:
    """Parameters of some of a model's modules together."""
    return sum(parameter.numel() for name in names for parameter in model.get_submodule(name).parameters())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description='Multiply-adds and parameters, a row a part')
    parser.add_argument('config', help='config file')
    parser.add_argument('--shape', type=int, nargs=2, default=(480, 480), metavar=('HEIGHT', 'WIDTH'))
    parser.add_argument('--words', type=int, default=20, help='words or word pieces of an expression')
    parser.add_argument('--expressions', type=int, default=1, help='expressions on the picture')
    parser.add_argument('--norms', action='store_true', help='count norms too, as fvcore and mmengine do')
    add_config_options(parser)
    args = parser.parse_args()
    cfg = read_config(args.config)
    apply_options(cfg, args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    model = MODELS.build(without_pretrained(cfg.model))
    counts = module_macs(model, *args.shape, args.words, args.expressions, args.norms)
    table = PrettyTable(['part', 'GMACs', 'parameters (M)'], align='r')
    total_macs = total_parameters = 0
    for part in [part for part in PARTS if getattr(model, part) is not None]:
        macs, parameters = macs_of(counts, part), parameters_of(model, [part])
        total_macs, total_parameters = total_macs + macs, total_parameters + parameters
        table.add_row([part, f'{macs / 1e9:.2f}', f'{parameters / 1e6:.2f}'])
        inside = [f'{part}.{name}' for name in getattr(getattr(model, part), 'language_parts', ())]
        if inside:
            table.add_row(['of it, fusion', f'{sum(macs_of(counts, name) for name in inside) / 1e9:.2f}',
                           f'{parameters_of(model, inside) / 1e6:.2f}'])
    table.add_row(['all', f'{total_macs / 1e9:.2f}', f'{total_parameters / 1e6:.2f}'])
    print(f'{args.config}: {args.shape[0]}x{args.shape[1]}, {args.expressions} expression(s) of {args.words} words')
    print(table)


if __name__ == '__main__':
    sys.exit(run_command(main))
