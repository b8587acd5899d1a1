"""The expressions that somebody typed, one a line, and what a model will not read of them."""

import re
import sys
import textwrap
from dataclasses import replace
from typing import List, Optional, Tuple, Union

from mmrefseg.errors import RefDataError
from mmrefseg.models.text_encoders import PieceTokenizer, WordTokenizer
from mmrefseg.models.text_encoders.vocabulary import tokenize

Tokenizer = Union[WordTokenizer, PieceTokenizer]

MAX_EXPRESSIONS = 16
# No text encoder reads half as many; a pasted book would take the tokenizer long.
MAX_CHARACTERS = 1000


def shorten(text: str, width: int = 60) -> str:
    """str: The text, or as many of its first words as fit, with an ellipsis."""
    return textwrap.shorten(text, width, placeholder=' …') if ' ' in text[:width] else text[:width]


def read_expressions(text: Optional[str]) -> Tuple[List[str], List[str]]:
    """Split a text into expressions: its lines that say something, each once.

    Args:
        text (str, optional): What was typed.

    Returns:
        tuple[list[str], list[str]]: 1 to :data:`MAX_EXPRESSIONS` expressions of at most :data:`MAX_CHARACTERS`
        characters, and notes on what was left out.

    Raises:
        RefDataError: There is none.
    """
    lines = list(dict.fromkeys(' '.join(line.split()) for line in (text or '').splitlines()))
    lines = [line for line in lines if line]
    if not lines:
        raise RefDataError('There is nothing to look for: type an expression, or several, one a line.')
    notes = []
    if len(lines) > MAX_EXPRESSIONS:
        notes.append(f'{len(lines)} expressions are too many at once: the first {MAX_EXPRESSIONS} were looked for.')
    expressions = lines[:MAX_EXPRESSIONS]
    for line in expressions:
        if len(line) > MAX_CHARACTERS:
            notes.append(f'“{shorten(line)}” has {len(line)} characters: the first {MAX_CHARACTERS} were taken.')
    return [line[:MAX_CHARACTERS] for line in expressions], notes


def text_notes(tokenizer: Optional[Tokenizer], expressions: List[str]) -> List[str]:
    """Notes on words that a model does not read.

    Args:
        tokenizer (WordTokenizer | PieceTokenizer, optional): The model's; of another kind nothing is known.
        expressions (list[str]): As :func:`read_expressions` gives them.

    Returns:
        list[str]: A note for each expression that is longer than the tokenizer's ``max_length``, and one on the
        words that a vocabulary lacks.
    """
    if tokenizer is None:
        return []
    notes = [note for note in (_cut_note(tokenizer, expression) for expression in expressions) if note]
    if isinstance(tokenizer, WordTokenizer):  # models over word pieces know every word
        words = dict.fromkeys(word for expression in expressions for word in tokenize(expression))
        unknown = [word for word in words if word not in tokenizer.vocabulary]
        if unknown:
            listed = shorten(', '.join(f'“{word}”' for word in unknown), 120)
            notes.append(f'This model has not learned {listed}: to it all unknown words are the same.')
    return notes


def _cut_note(tokenizer: Tokenizer, expression: str) -> Optional[str]:
    """Note on the words cut off an expression, if any."""
    total = replace(tokenizer, max_length=sys.maxsize)([expression])[0].shape[1]
    read, _ = tokenizer([expression])
    if total <= read.shape[1]:
        return None
    note = f'“{shorten(expression)}” is too long for this model: {total} tokens, and it reads {read.shape[1]}.'
    for word in re.finditer(r'\S+', expression):
        # The words read are the shortest beginning that looks the same to the model.
        if tokenizer([expression[:word.end()]])[0].equal(read):
            rest = expression[word.end():].strip()
            return f'{note} Not read: “{shorten(rest)}”.' if rest else note
    return note
