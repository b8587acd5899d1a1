"""The operator :func:`packed_rnn` in ONNX: GRU or LSTM with ``sequence_lens``."""

from typing import Sequence, Tuple

import numpy as np
from onnxscript import INT64, ir
from onnxscript import opset18 as op

# torch has the gates of a GRU as reset, update, new, ONNX as update, reset, hidden; of an LSTM torch has input,
# forget, cell, output, ONNX input, output, forget, cell.
GATES = dict(gru=(1, 0, 2), lstm=(0, 3, 1, 2))


def onnx_packed_rnn(embedded: ir.Value, lengths: INT64, weights: Sequence[ir.Value], cell: str, num_layers: int,
                    bidirectional: bool) -> Tuple[ir.Value, ir.Value]:
    """ONNX form of the operator, for torch's exporter; arguments as :func:`packed_rnn`."""
    directions = 1 + bidirectional
    hidden = weights[1].shape[1]
    rows = np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in GATES[cell]])
    rows = op.Constant(value=ir.tensor(rows.astype(np.int64)))
    counts = op.Cast(lengths, to=ir.DataType.INT32)
    options = dict(hidden_size=hidden, direction='bidirectional' if bidirectional else 'forward')
    if cell == 'gru':
        options['linear_before_reset'] = 1
    run = op.GRU if cell == 'gru' else op.LSTM
    states = op.Transpose(embedded, perm=[1, 0, 2])  # (N, L, C) -> (L, N, C)
    for layer in range(num_layers):
        of_input, of_state, biases = [], [], []
        for direction in range(directions):
            first = 4 * (layer * directions + direction)
            reordered = [op.Gather(weight, rows, axis=0) for weight in weights[first:first + 4]]
            of_input.append(op.Unsqueeze(reordered[0], [0]))
            of_state.append(op.Unsqueeze(reordered[1], [0]))
            biases.append(op.Unsqueeze(op.Concat(*reordered[2:], axis=0), [0]))
        parameters = [op.Concat(*tensors, axis=0) for tensors in (of_input, of_state, biases)]
        states, final, *_ = run(states, *parameters, counts, **options)
        # (L, directions, N, hidden) -> (L, N, directions * hidden)
        states = op.Reshape(op.Transpose(states, perm=[0, 2, 1, 3]), [0, 0, -1])
    # (directions, N, hidden) -> (N, directions * hidden)
    final = op.Reshape(op.Transpose(final, perm=[1, 0, 2]), [0, -1])
    return op.Transpose(states, perm=[1, 0, 2]), final
