"""torch.compile for a referring segmentor, part by part."""

import functools
from types import MethodType
from typing import Any, Callable, Sequence

import torch
from mmengine.model import is_model_wrapper
from packaging.version import Version
from torch import Tensor, nn

from mmrefseg.structures import MultiModalFeatures, TextFeatures

from ..decode_heads import BaseRefHead
from .heads import gives_existence
from .ref_segmentor import RefSegmentor

ONE_GRAPH = Version('2.9')  # of torch, below which parts break, fail, or keep other statistics with with_cp


def compile_parts(model: nn.Module, **options) -> None:
    """Compile what goes from tensors to tensors in a referring segmentor, in place.

    Compiled are, each as one graph without a break: ``encode`` of the text
    encoder (what follows the tokenizer), ``encode_image``, ``fuse`` and ``decode`` of the segmentor, and the heads
    (``predict`` and ``loss``; of mmseg's heads ``forward``). They compile when they are first called, once for
    training and once for inference.

    The model's ``forward`` as a whole, which mmengine's ``cfg.compile`` hands to torch, is no graph: it starts with
    strings in data samples and ends by filling data samples. A recurrent text encoder stays as it is: its network is
    one kernel already, over as many steps as an expression has words, and dynamo does not trace it.

    The numbers of images, expressions and words are symbols of the graphs, so that another number compiles nothing
    anew; only the number one has graphs of its own. Parameters, buffers and their names stay what they are, so
    checkpoints and a copy of the model work as before. A distributed wrapper may be put on before or after.

    Args:
        model (nn.Module): The segmentor, or a distributed wrapper of it.
        **options: Of ``torch.compile``: ``mode``, ``backend``, ``fullgraph``, …

    Raises:
        TypeError: ``model`` is no RefSegmentor.
        ValueError: torch is older than 2.9.

    Example:
        >>> from mmrefseg.apis import RefSegInferencer
        >>> from mmrefseg.models import compile_parts
        >>> model = RefSegInferencer('sadlr_lavt_nano_refshapes', show_progress=False).model
        >>> compile_parts(model)  # the first image takes minutes, later ones less than before
    """
    segmentor = model.module if is_model_wrapper(model) else model
    if not isinstance(segmentor, RefSegmentor):
        raise TypeError(f'compile_parts compiles a RefSegmentor, found {type(segmentor).__name__}')
    if Version(torch.__version__) < ONE_GRAPH:
        raise ValueError(f'torch {torch.__version__} cannot compile every part as one graph, expected torch '
                         f'{ONE_GRAPH} or newer: leave --compile out')
    if not any(isinstance(module, nn.RNNBase) for module in segmentor.text_encoder.modules()):
        _compile_methods(segmentor.text_encoder, ['encode'], options)
    decode = [] if segmentor.decoder is None else ['decode']
    _compile_methods(segmentor, ['encode_image', 'fuse', *decode], options)
    existence = [] if segmentor.existence_head is None else [segmentor.existence_head]
    for head in (segmentor.decode_head, *existence, *segmentor.auxiliary_head):
        if not isinstance(head, BaseRefHead):
            _compile_methods(head, ['forward'], options)
            continue
        # One that is compiled must not call another that is: the base's `loss` calls `loss_and_logits`.
        learn = 'loss_and_logits' if type(head).loss is BaseRefHead.loss else 'loss'
        _compile_methods(head, ['predict', learn, *['predict_with_existence'] * gives_existence(head)], options)


def _compile_methods(module: nn.Module, names: Sequence[str], options: dict) -> None:
    """Let methods of one module, whoever calls them, run compiled.

    ``nn.Module.compile`` reaches ``__call__`` alone. The methods are bound to their module anew, and not closed over
    it, because a copy of the module then has them bound to the copy.
    """
    for name in names:
        setattr(module, name, MethodType(_compiled(getattr(type(module), name), options), module))


def _compiled(method: Callable, options: dict) -> Callable:
    """``method``, compiled for any number of images, expressions and words."""
    compiled = torch.compile(method, **options)

    @functools.wraps(method)
    def run(self, *args):
        for argument in args:
            _mark_counts(argument)
        return compiled(self, *args)

    return run


def _mark_counts(argument: Any) -> None:
    """Tell dynamo which sizes change from batch to batch: the rows of every tensor, and the words."""
    if isinstance(argument, Tensor):
        # (N, L) are ids and mask of the words; everything else has a row an image or an expression.
        dims = (0, 1) if argument.ndim == 2 and not argument.is_floating_point() else (0, )
        torch._dynamo.maybe_mark_dynamic(argument, dims)
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            _mark_counts(item)
    elif isinstance(argument, TextFeatures):
        torch._dynamo.maybe_mark_dynamic(argument.words, (0, 1))
        _mark_counts((argument.mask, argument.sentence))
    elif isinstance(argument, MultiModalFeatures):
        _mark_counts((argument.maps, argument.text, argument.prior))
        if argument.queries is not None:
            torch._dynamo.maybe_mark_dynamic(argument.queries, (0, 1))
