"""Inputs to trace a graph with, and to compare what was exported with."""

from typing import Sequence, Tuple

import torch
from torch import Tensor

from mmrefseg.models import RefSegmentor

WORDS = 'the big red circle left of a small blue square near that man in front'.split()
# Expressions of each image. Three images and six expressions of up to seven words: no two sizes that change are
# equal, and none is one, so that no size passes for another or for a constant.
TRACED = (3, 2, 1)


def example_inputs(model: RefSegmentor, input_size: Tuple[int, int], counts: Sequence[int] = TRACED,
                   num_words: int = 7, seed: int = 0) -> Tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noise for images, and expressions of different lengths.

    Args:
        model (RefSegmentor): Whose tokenizer and device to use.
        input_size (Tuple[int, int]): (H, W).
        counts (Sequence[int]): Expressions of each image.
        num_words (int): Words of the longest expression; the tokenizer may add to them, or cut.
        seed (int): Of the noise.

    Returns:
        tuple: images, ids, mask and image_index as :class:`SegmentorGraph` takes them.
    """
    images = torch.randn(len(counts), 3, *input_size, generator=torch.Generator().manual_seed(seed))
    lengths = [1 + (num_words - 1 - i) % num_words for i in range(sum(counts))]
    texts = [' '.join(WORDS[i % 3:][:length]) for i, length in enumerate(lengths)]
    ids, mask = model.text_encoder.tokenize(texts)
    image_index = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    device = next(model.parameters()).device
    return tuple(tensor.to(device) for tensor in (images, ids, mask, image_index))
