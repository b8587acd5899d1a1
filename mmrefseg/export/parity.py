"""How far an exported model is from the one it was made of."""

from typing import Callable, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from .example_inputs import example_inputs
from .segmentor_graph import SegmentorGraph

# Expressions of each image, and words of the longest: other numbers than those the graph was traced with.
CASES: Tuple[Tuple[Sequence[int], int], ...] = (((1, ), 1), ((1, ), 6), ((5, ), 4), ((1, 1), 9), ((4, 1, 2, 1), 3))
TOLERANCE = 1e-4


class Difference(NamedTuple):
    """How far the outputs of an exported model are from those of eager torch, in one case.

    Attributes:
        largest (float): Of all outputs, absolute; infinite where one is not finite or of another shape.
        scale (float): The largest output of eager torch, at least 1: single precision has seven digits of it.
    """

    largest: float
    scale: float

    def within(self, tolerance: float = TOLERANCE) -> bool:
        """Whether it is at most ``tolerance``, of log-odds up to 1, and of the largest one above."""
        return self.largest <= tolerance * self.scale


def differences(graph: SegmentorGraph, exported: Callable[..., Sequence[Tensor]]) -> List[Difference]:
    """Compare an exported model with eager torch.

    Args:
        graph (SegmentorGraph): The model in eager torch.
        exported (Callable): Takes and gives what the graph does.

    Returns:
        list[Difference]: One for each of :data:`CASES`.
    """
    found = []
    with torch.no_grad():
        for seed, (counts, num_words) in enumerate(CASES, start=1):
            inputs = example_inputs(graph.model, graph.input_size, counts, num_words, seed)
            found.append(_difference(graph(*inputs), exported(*inputs)))
    return found


def _difference(expected: Sequence[Tensor], found: Sequence[Tensor]) -> Difference:
    scale = max(1., *(float(tensor.abs().max()) for tensor in expected))
    if [tensor.shape for tensor in found] != [tensor.shape for tensor in expected]:
        return Difference(float('inf'), scale)
    gaps = torch.stack([(ours - theirs).abs().max() for ours, theirs in zip(expected, found)])
    return Difference(float(gaps.max().nan_to_num(float('inf'))), scale)
