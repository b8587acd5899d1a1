"""Characters that make words, in any script."""

import unicodedata

# Join letters inside words: zero width non-joiner (Persian) and joiner (Indic scripts)
_JOINERS = '\u200c\u200d'


def is_word_character(char: str) -> bool:
    """Whether a character is part of a word: a letter, a digit, a mark on one (vowel signs of Hindi or Thai, accents
    that stand alone), a joiner, or the underscore.

    Args:
        char (str): One character.

    Returns:
        bool: Whether it is.
    """
    return char.isalnum() or char == '_' or unicodedata.category(char)[0] == 'M' or char in _JOINERS
