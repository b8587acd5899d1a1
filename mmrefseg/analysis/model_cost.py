"""Multiply-adds and parameters of a model, part by part."""

import math
from contextlib import contextmanager
from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Tuple
from unittest.mock import patch

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

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


def _lstm_macs(rows, input_weight, state_weight, *args, **kwargs) -> int:
    """A direction of an LSTM on a CPU, one operator that torch does not count: two products a word."""
    return 2 * math.prod(rows[:-1]) * (math.prod(input_weight) + math.prod(state_weight))


RECURRENT = {torch.ops.aten.mkldnn_rnn_layer: _lstm_macs}


def count_macs(model: nn.Module, height: int, width: int, words: int,
               expressions: int = 1, norms: bool = False) -> Dict[str, int]:
    """Multiply-adds of one image with some expressions, by part.

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
    """Multiply-adds of every module that was called, by name, those of its children included; as :func:`count_macs`.

    Raises:
        ValueError: An expression of so many words is cut.
    """
    model = model.eval()
    limit = getattr(model.text_encoder, 'most_words', model.text_encoder.max_length)
    if not 1 <= words <= limit:
        raise ValueError(f'expressions of {words} words were asked for, and model.text_encoder.max_length is {limit}: '
                         'take fewer, or set it (and the decoder\'s max_words or num_queries where it has one)')
    model.text_encoder.most_words = limit
    model.text_encoder.max_length = words
    sample = RefDataSample(metainfo=dict(expressions=['a ' * words] * expressions))
    images = torch.zeros(1, 3, height, width, device=next(model.backbone.parameters()).device)
    with torch.no_grad():
        features = model.extract_feat(images, [sample])
        decoded = model.decode(features)
    counter = FlopCounterMode(display=False, custom_mapping={**RECURRENT, **(NORMS if norms else {})})
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
    """Multiply-adds of a part: of the outermost modules below it that were called."""
    below = [name for name in counts if f'{name}.'.startswith(f'{part}.')]
    outermost = [name for name in below if not any(name.startswith(f'{other}.') for other in below)]
    return sum(counts[name] for name in outermost)


def parameters_of(model: nn.Module, names: Iterable[str]) -> int:
    """Parameters of some of a model's modules together."""
    return sum(parameter.numel() for name in names for parameter in model.get_submodule(name).parameters())


@contextmanager
def without_numbers() -> Iterator[None]:
    """Build what is built here on the meta device, which takes neither memory nor time: sizes without numbers."""
    linspace = torch.linspace  # Swin asks for its rates of drop path, numbers
    with torch.device('meta'), patch('torch.linspace', lambda *args, **kwargs: linspace(*args, device='cpu', **kwargs)):
        yield


def build_for_counting(cfg: Config) -> nn.Module:
    """Build a config's model without numbers, all but its text encoder, whose words are real.

    A text encoder that looks at the image needs an image of numbers: such a model is built with all of its own.

    Args:
        cfg (Config): A whole config. No weight and no vocabulary is read.

    Returns:
        RefSegmentor: For :func:`count_macs` alone.
    """
    init_default_scope(cfg.get('default_scope', 'mmrefseg'))
    model_cfg = without_pretrained(cfg.model)
    with without_numbers():
        model = MODELS.build(model_cfg)
    if getattr(model.text_encoder, 'takes_image', False):  # words that look at the image are computed with it
        return MODELS.build(model_cfg)
    model.text_encoder = MODELS.build(model_cfg.text_encoder)
    model.text_encoder.register_forward_hook(lambda module, args, text: replace(text, **{
        name: getattr(text, name).to('meta') for name in ('words', 'mask', 'sentence')}))
    return model


def part_costs(model: nn.Module, height: int, width: int, words: int, expressions: int = 1,
               norms: bool = False) -> List[Tuple[str, int, int]]:
    """Rows of the table of a model's cost; arguments as :func:`count_macs`.

    Returns:
        list[tuple]: (part, multiply-adds, parameters); what a backbone does for language follows it as "of it, fusion",
        the sum comes last as "all".
    """
    counts = module_macs(model, height, width, words, expressions, norms)
    rows = []
    for part in [part for part in PARTS if getattr(model, part) is not None]:
        rows.append((part, macs_of(counts, part), parameters_of(model, [part])))
        inside = [f'{part}.{name}' for name in getattr(getattr(model, part), 'language_parts', ())]
        if inside:
            rows.append(('of it, fusion', sum(macs_of(counts, name) for name in inside), parameters_of(model, inside)))
    parts = [row for row in rows if row[0] in PARTS]
    return [*rows, ('all', sum(row[1] for row in parts), sum(row[2] for row in parts))]
