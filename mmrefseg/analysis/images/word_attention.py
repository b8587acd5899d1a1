"""Attention between words and pixels, computed again outside of the modules that use it.

PWAM and M3Att neither return their weights nor keep them, and their fast forms do not make all of them. What goes into
each is caught by a hook while a model runs; the weights follow from that and the modules' public projections.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmrefseg.models import PWAM, M3Att, RefSegmentor
from mmrefseg.models.fusion.pwam import project_pixels
from mmrefseg.models.text_encoders.base_text_encoder import BaseTextEncoder
from mmrefseg.models.utils import expand_to_expressions
from mmrefseg.structures import RefDataSample, TextFeatures


@dataclass
class WordMaps:
    """A map a word of one expression.

    Attributes:
        words (List[str]): The L words (or word pieces) that the model reads, its marks of begin and end included.
        maps (Tensor): (L, h, w), the weights; they cover the network's input, padding included.
    """

    words: List[str]
    maps: Tensor


def pwam_weights(module: PWAM, pixels: Tensor, text: TextFeatures, image_index: Optional[Tensor] = None) -> Tensor:
    """How much of each word each pixel gathers: (N, heads, L, HW), over the words they sum to one.

    Args:
        module (PWAM): LAVT's pixel-word attention.
        pixels (Tensor): (B, C, HW).
        text (TextFeatures): The N expressions.
        image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.
    """
    query = expand_to_expressions(F.instance_norm(project_pixels(module.query, pixels)), image_index)
    # (N, C, *) -> (N, heads, C / heads, *)
    query, key = (x.unflatten(1, (module.num_heads, -1)) for x in (query, module.key(text.words.transpose(1, 2))))
    scores = key.transpose(2, 3) @ query * module.scale
    return scores.masked_fill(~text.mask[:, None, :, None], float('-inf')).softmax(dim=2)


def m3att_weights(module: M3Att, words: Tensor, image_map: Tensor, mask: Tensor,
                  image_index: Optional[Tensor] = None) -> Tuple[Tensor, Tensor]:
    """Both directions of the mutual attention.

    Args:
        module (M3Att): As it stands in a layer of M3Dec.
        words (Tensor): (N, L, C).
        image_map (Tensor): (B, C, H, W).
        mask (Tensor): (N, L) bool, True = a real word.
        image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

    Returns:
        tuple[Tensor, Tensor]: Where each word looks, and how much of each word each pixel gathers: (N, L, HW) both.
        The first sums to one over the pixels, the second over the words.
    """
    pixels = image_map.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, HW, C)

    def scores(word_key: nn.Module, pixel_key: nn.Module) -> Tensor:
        keys = expand_to_expressions(pixel_key(pixels), image_index)
        return word_key(words, mask) @ keys.transpose(1, 2) * module.scale

    shared = scores(module.word_key, module.pixel_key)
    other = scores(module.word_key_val, module.pixel_key_val) if module.independent else shared
    return shared.softmax(dim=2), other.masked_fill(~mask[..., None], float('-inf')).softmax(dim=1)


def attention_modules(model: nn.Module) -> Dict[str, nn.Module]:
    """The PWAM and M3Att in a model, by name, in the order in which they run."""
    return {name: module for name, module in model.named_modules() if isinstance(module, (PWAM, M3Att))}


@torch.no_grad()
def word_maps(model: RefSegmentor, inputs: Tensor, data_samples: Sequence[RefDataSample],
              module: str) -> List[WordMaps]:
    """A map a word for each expression of a batch.

    Of PWAM they are the weights of the words at each pixel, the mean of its heads; of M3Att the pixels that each word
    looks at.

    Args:
        model (RefSegmentor): In evaluation mode.
        inputs (Tensor): (B, 3, H, W), as the data preprocessor gives them.
        data_samples (Sequence[RefDataSample]): With E >= 1 expressions each, N in all.
        module (str): One of :func:`attention_modules`.

    Returns:
        list[WordMaps]: N of them.
    """
    attention = model.get_submodule(module)
    with recorded_call(attention) as call:
        model.extract_feat(inputs, data_samples)
    if isinstance(attention, PWAM):
        pixels, text, image_index = call
        weights, mask = pwam_weights(attention, pixels, text, image_index).mean(1), text.mask
        size = map_size(weights.shape[2], inputs.shape[2:])
    else:
        words, image_map, mask, image_index = call
        weights, size = m3att_weights(attention, words, image_map, mask, image_index)[0], image_map.shape[2:]
    expressions = [expression for sample in data_samples for expression in sample.expressions]
    return [WordMaps(read_words(model.text_encoder, expression), own[real].unflatten(1, size).cpu())
            for expression, own, real in zip(expressions, weights, mask)]


@contextmanager
def recorded_call(module: nn.Module) -> Iterator[list]:
    """Record the arguments of a module's calls, in a list that is filled when it runs."""
    call = []

    def record(_: nn.Module, args: tuple) -> None:
        call[:] = args

    handle = module.register_forward_pre_hook(record)
    try:
        yield call
    finally:
        handle.remove()


def map_size(cells: int, input_size: Sequence[int]) -> Tuple[int, int]:
    """(h, w) with h * w = ``cells``, of the proportions of ``input_size`` as far as whole numbers go."""
    heights = [height for height in range(1, cells + 1) if cells % height == 0]
    proportion = input_size[0] / input_size[1]
    height = min(heights, key=lambda height: abs(math.log(height * height / cells / proportion)))
    return height, cells // height


def read_words(encoder: BaseTextEncoder, expression: str) -> List[str]:
    """The words or word pieces of an expression as an encoder reads them, its marks of begin and end included."""
    ids = encoder.tokenize([expression])[0][0].tolist()
    if hasattr(encoder, 'tokenizer'):
        return encoder.tokenizer.convert_ids_to_tokens(ids)
    return [['(padding)', '(unknown)', *encoder.vocabulary.words, '(begin)', '(end)'][number] for number in ids]
