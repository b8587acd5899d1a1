"""Reads the word vectors of a GloVe text file."""

from os import PathLike
from pathlib import Path
from typing import Tuple, Union

import numpy as np
import torch
from torch import Tensor

from .vocabulary import Vocabulary


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_glove(path: Union[str, PathLike], vocabulary: Vocabulary,
               dims: int) -> Tuple[Tensor, Tensor]:
    """Read the vectors of the words of a vocabulary, and of no other.

    The format is that of https://nlp.stanford.edu/projects/glove: a line is a word and its numbers,
    separated by blanks. word2vec's and fastText's first line (two whole numbers) is passed over, and
    so are the few tokens of GloVe 840B that contain blanks.

    Args:
        path (str or path): The text file, unpacked.
        vocabulary (Vocabulary): The words looked for.
        dims (int): How many numbers a vector has.

    Returns:
        tuple[Tensor, Tensor]: ids (M,) int64 of the M words found and their vectors (M, dims).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: A line has another number of numbers or something that is no finite number
            (file and line are named), or no word of the vocabulary is in the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'The GloVe file {path} does not exist (config key text_encoder.glove). It is had from '
            'https://nlp.stanford.edu/projects/glove and must be unpacked.')
    wanted = {word.encode(): vocabulary.id_of(word) for word in vocabulary.words}
    found = {}
    with path.open('rb') as file:
        for number, line in enumerate(file, start=1):
            # rstrip with an argument: words may hold a no-break space, which is no separator.
            line = line.rstrip(b'\r\n ')
            if line.count(b' ') != dims:
                if number == 1 and line.count(b' ') == 1 and line.replace(b' ', b'').isdigit():
                    continue
                _check_odd_line(line, dims=dims, where=f'{path}, line {number}')
                continue
            word, _, numbers = line.partition(b' ')
            if word not in wanted:
                continue
            try:
                vector = np.array(numbers.split(b' '), dtype=np.float32)
            except ValueError as error:
                raise ValueError(f'{path}, line {number}: {error}.') from error
            if not np.isfinite(vector).all():
                raise ValueError(f'{path}, line {number}: the vector of {word.decode()!r} has a '
                                 'number that is not finite.')
            found[wanted[word]] = vector
    if not found:
        raise ValueError(f'{path} has none of the {len(wanted)} words of the vocabulary (the first '
                         f'is {vocabulary.words[0]!r}): is it a GloVe file of that language?')
    return torch.tensor(list(found)), torch.from_numpy(np.stack(list(found.values())))


def _check_odd_line(line: bytes, dims: int, where: str) -> None:
    """Raise unless the line is a token with blanks in it and then ``dims`` numbers."""
    parts = line.split(b' ')
    extra = parts[1:-dims]
    if len(parts) > dims + 1 and not any(_is_number(part) for part in extra):
        return
    numbers = sum(map(_is_number, parts[1:]))
    raise ValueError(f'{where}: expected a word and {dims} numbers (text_encoder.embed_dims), found '
                     f'a word and {numbers} numbers.')
