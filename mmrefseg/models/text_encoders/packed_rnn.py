"""A recurrent network over words of different lengths as one operator of torch, for export."""

from typing import List, Tuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

RNNS = dict(gru=torch.gru, lstm=torch.lstm)


@torch.library.custom_op('mmrefseg::packed_rnn', mutates_args=())
def packed_rnn(embedded: Tensor, lengths: Tensor, weights: List[Tensor], cell: str, num_layers: int,
               bidirectional: bool) -> Tuple[Tensor, Tensor]:
    """Run a GRU or LSTM over N expressions, each direction over an expression's own words.

    torch traces a recurrent network step by step, which fixes the number of words. As one operator it stays free, and
    ONNX has this operator: GRU and LSTM with ``sequence_lens``.

    Args:
        embedded (Tensor): (N, L, C), words before padding.
        lengths (Tensor): (N,) int64, words of each expression, at least 1.
        weights (List[Tensor]): Of torch's module, layer by layer and direction by direction: of the input, of the
            state, and their biases.
        cell (str): 'gru' or 'lstm'.
        num_layers (int): Stacked layers.
        bidirectional (bool): Whether the expressions are read backwards as well.

    Returns:
        Tuple[Tensor, Tensor]: The last layer's states, (N, L, directions * hidden), 0 in the padding, and the final one
        of each direction, (N, directions * hidden).
    """
    packed = pack_padded_sequence(embedded, lengths.cpu(), batch_first=True, enforce_sorted=False)
    directions = 1 + bidirectional
    state = embedded.new_zeros(num_layers * directions, embedded.shape[0], weights[1].shape[1])
    outputs, final, *_ = RNNS[cell](packed.data, packed.batch_sizes, state if cell == 'gru' else (state, state),
                                    weights, True, num_layers, 0., False, bidirectional)
    outputs = PackedSequence(outputs, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
    words, _ = pad_packed_sequence(outputs, batch_first=True, total_length=embedded.shape[1])
    # (layers * directions, N, hidden) -> (N, directions * hidden), of the last layer
    final = final[-directions:].index_select(1, packed.unsorted_indices)
    return words, final.transpose(0, 1).flatten(start_dim=1)


@packed_rnn.register_fake
def _(embedded, lengths, weights, cell, num_layers, bidirectional):
    channels = weights[1].shape[1] * (1 + bidirectional)
    return embedded.new_empty(*embedded.shape[:2], channels), embedded.new_empty(embedded.shape[0], channels)
