"""Average the weights of checkpoints of one model:

python tools/model_converters/average_checkpoints.py epoch_4.pth epoch_5.pth --out mean.pth

Of the last epochs of a training the mean is often better than each; the zoo's LAVT is one.
"""

import argparse
from typing import Sequence

from mmrefseg.checkpoints.read import read_checkpoint, weights_of
from mmrefseg.checkpoints.write import save_checkpoint


def average(files: Sequence[str]) -> dict:
    """Average checkpoints.

    Args:
        files (Sequence[str]): Two or more, of one model: what training wrote, or published files.

    Returns:
        dict: ``meta`` of the last one, and ``state_dict``: the mean of what is a floating-point number, running
        statistics of norms among them, in the type of the last one; of what counts (batches) the last one's.

    Raises:
        FileNotFoundError: A file that is not there.
        CheckpointError: A file is no checkpoint.
        ValueError: There is one file alone, or two have other weights.
    """
    if len(files) < 2:
        raise ValueError(f'an average needs two checkpoints or more, found {len(files)}')
    sums, expected = {}, None
    for file in files:
        loaded = read_checkpoint(file)
        weights = weights_of(loaded, file)
        shapes = {name: tuple(value.shape) for name, value in weights.items()}
        expected = expected or shapes
        if shapes != expected:
            name = next(name for name in {**expected, **shapes} if expected.get(name) != shapes.get(name))
            raise ValueError(f'{file} is of another model than {files[0]}: {name} is {shapes.get(name, "not there")} '
                             f'in it, {expected.get(name, "not there")} in the other')
        for name, value in weights.items():
            if value.is_floating_point():
                sums[name] = sums.get(name, 0) + value.double()
    means = {name: (sums[name] / len(files)).to(value.dtype) if name in sums else value
             for name, value in weights.items()}
    return dict(meta=loaded.get('meta') or {}, state_dict=means)


def main() -> None:
    """Average, and write."""
    parser = argparse.ArgumentParser(description='Average the weights of checkpoints of one model')
    parser.add_argument('checkpoints', nargs='+', help='two or more')
    parser.add_argument('--out', required=True, help='the file, such as mean.pth')
    args = parser.parse_args()
    save_checkpoint(average(args.checkpoints), args.out)
    print(f'{args.out}: the mean of {len(args.checkpoints)} checkpoints')
