"""The words a recurrent encoder knows."""

import hashlib
import logging
import re
import unicodedata
from os import PathLike
from pathlib import Path
from typing import List, Optional, Sequence, Tuple, Union

from mmengine.logging import print_log
from torch import Tensor

from mmrefseg.errors import RefDataError, shown
from mmrefseg.utils.word_characters import is_word_character

from .base_text_encoder import pad_ids

# Letters and digits; an apostrophe joins ("man's"), all else separates ("t-shirt"). \0 stands for a mark on a letter.
_WORD = re.compile(r"[^\W_](?:[^\W_]|\0)*(?:'(?:[^\W_]|\0)+)*")


def tokenize(text: str) -> List[str]:
    """Split a text into lower-case words of letters, digits and inner apostrophes.

    For example ``"The 2nd man's T-shirt"`` gives ``the, 2nd, man's, t, shirt``. Letters are those of any script, with
    the marks on them (vowel signs of Hindi or Thai).
    """
    if text.isascii():
        return _WORD.findall(text.replace('\0', ' ').lower())
    text = unicodedata.normalize('NFKC', text).replace('\u2019', "'").replace('\0', ' ').lower()
    # Python's expressions know no marks: they stand aside while words are found.
    shape = ''.join('\0' if char != '_' and not char.isalnum() and is_word_character(char) else char for char in text)
    return [text[match.start():match.end()] for match in _WORD.finditer(shape)]


def read_words(path: Union[str, PathLike]) -> List[str]:
    """Read a word list: UTF-8 (a byte order mark is passed over), one word a line, no line empty and none twice.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not UTF-8, holds no word, an empty line or a word twice.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'The vocabulary file {path} does not exist; '
                                'mmrefseg tool build_vocab makes one from a dataset.')
    try:
        lines = path.read_text(encoding='utf-8-sig').split('\n')
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


def _as_met(words: Sequence[str], source: str) -> List[str]:
    """The words as texts give them: in lower case."""
    found, seen, never = [], {}, []
    for number, word in enumerate(words, start=1):
        met = tokenize(word)
        taken = met[0] if len(met) == 1 and met[0] == unicodedata.normalize('NFKC', word).lower() else word
        if taken in seen:
            raise ValueError(f'{source}, word {number}: {word!r} is {words[seen[taken] - 1]!r}, word {seen[taken]}, in '
                             'lower case, as texts are read.')
        seen[taken] = number
        never += [word] * (met != [taken])
        found.append(taken)
    if never:
        print_log(f'{source}: {len(never)} of {len(words)} words can never be met in a text, which is split into words '
                  f'of letters and digits: {shown(never[:5])}', logger='current', level=logging.WARNING)
    return found


class Vocabulary:
    """A list of words, each with an id: 0 is padding, 1 an unknown word, the list starts at 2.

    Words are looked up as :func:`tokenize` gives them: one with capitals is taken in lower case, and how many can never
    be met (``t-shirt``, ``<unk>``) is logged.

    Args:
        words (Sequence[str] or path): The words themselves, or a UTF-8 file with one a line.

    Raises:
        FileNotFoundError, TypeError, ValueError: See :func:`read_words` and :func:`check_words`; or two words differ in
            their capitals alone.
    """

    pad_id = 0
    unknown_id = 1

    def __init__(self, words: Union[Sequence[str], str, PathLike]) -> None:
        if isinstance(words, (str, PathLike)):
            source, words = str(words), read_words(words)
        else:
            source = 'vocab'
            check_words(words, source=source)
        self.words = tuple(_as_met(words, source))
        self._ids = {word: index for index, word in enumerate(self.words, start=2)}

    @property
    def digest(self) -> int:
        """int: Of the words in their order, 63 bits: whether two lists are the same."""
        return int.from_bytes(hashlib.sha256('\n'.join(self.words).encode()).digest()[:8], 'big') >> 1

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
