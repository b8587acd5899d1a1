"""The words a recurrent encoder knows."""

import re
import unicodedata
from os import PathLike
from pathlib import Path
from typing import List, Optional, Sequence, Tuple, Union

from torch import Tensor

from mmrefseg.errors import RefDataError

from .base_text_encoder import pad_ids

# Letters and digits of any script; an apostrophe joins ("man's"), all else separates ("t-shirt").
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def tokenize(text: str) -> List[str]:
    """Split a text into lower-case words of letters, digits and inner apostrophes.

    For example ``"The 2nd man's T-shirt"`` gives ``the, 2nd, man's, t, shirt``.
    """
    if not text.isascii():
        text = unicodedata.normalize('NFKC', text).replace('\u2019', "'")
    return _WORD.findall(text.lower())


def read_words(path: Union[str, PathLike]) -> List[str]:
    """Read a word list: UTF-8, one word a line, no line empty and none twice.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not UTF-8, holds no word, an empty line or a word twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'The vocabulary file {path} does not exist; '
                                'tools/dataset_converters/build_vocab.py makes one from a dataset.')
    try:
        lines = path.read_text(encoding='utf-8').split('\n')
    except UnicodeDecodeError as error:
        raise ValueError(f'The vocabulary file {path} is not UTF-8: {error}.') from error
    if lines[-1] == '':  # the newline that ends the last line
        lines.pop()
    words = [line.strip(' \t\r') for line in lines]
    check_words(words, source=str(path))
    return words


def check_words(words: Sequence[str], source: str) -> None:
    """Check a word list; ``source`` says in the error where it comes from.

    Raises:
        TypeError: A word is no string.
        ValueError: There is no word, a word is empty, or one stands there twice.
    """
    if len(words) == 0:
        raise ValueError(f'{source}: the vocabulary has no word.')
    seen = {}
    for number, word in enumerate(words, start=1):
        if not isinstance(word, str):
            raise TypeError(f'{source}, word {number}: expected a string, found {word!r}.')
        if not word:
            raise ValueError(f'{source}, word {number}: the word is empty.')
        if word in seen:
            raise ValueError(f'{source}, word {number}: {word!r} stands there already as word '
                             f'{seen[word]}.')
        seen[word] = number


class Vocabulary:
    """A list of words, each with an id: 0 is padding, 1 an unknown word, the list starts at 2.

    Args:
        words (Sequence[str] or path): The words themselves, or a UTF-8 file with one a line.

    Raises:
        FileNotFoundError, TypeError, ValueError: See :func:`read_words` and :func:`check_words`.
    """

    pad_id = 0
    unknown_id = 1

    def __init__(self, words: Union[Sequence[str], str, PathLike]) -> None:
        if isinstance(words, (str, PathLike)):
            words = read_words(words)
        else:
            check_words(words, source='vocab')
        self.words = tuple(words)
        self._ids = {word: index for index, word in enumerate(self.words, start=2)}

    def __len__(self) -> int:
        """The number of ids, that of padding and of the unknown word included."""
        return len(self.words) + 2

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    def id_of(self, word: str) -> int:
        """The id of a word, that of the unknown word if it is not in the list."""
        return self._ids.get(word, self.unknown_id)

    def encode(self, expressions: Sequence[str],
               max_length: Optional[int] = None) -> Tuple[Tensor, Tensor]:
        """Turn N expressions into ids, padded to the longest and cut at ``max_length`` words.

        An expression of signs alone ("??"), as people do type them, is one unknown word.

        Returns:
            tuple[Tensor, Tensor]: ids (N, L) int64 and mask (N, L) bool, True = a real word.

        Raises:
            RefDataError: An expression is empty or blank.
        """
        for index, expression in enumerate(expressions):
            if not expression.strip():
                raise RefDataError(f'expressions[{index}] is empty ({expression!r}).')
        rows = [[self.id_of(word) for word in tokenize(expression)[:max_length]] or [self.unknown_id]
                for expression in expressions]
        return pad_ids(rows, pad_id=self.pad_id)
