"""A BERT tokenizer without the hub: from a ``vocab.txt`` or a handful of words."""

import unicodedata
from os import PathLike
from typing import Sequence, Union

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from .vocabulary import check_words, read_words

_SPECIAL = ('[PAD]', '[UNK]', '[CLS]', '[SEP]')


def wordpiece_tokenizer(
        vocab: Union[Sequence[str], str, PathLike]) -> PreTrainedTokenizerFast:
    """Make BERT's tokenizer: split at blanks and punctuation, then into the longest known pieces.

    Text is lower-cased and accents are dropped unless the vocabulary itself has upper-case words,
    as BERT's cased models have; accents stay where the vocabulary has some.

    Args:
        vocab (path or Sequence[str]): BERT's ``vocab.txt`` (a piece a line, the line number is the
            id), or the words themselves. A list may leave out the special tokens: they are put
            before it as ids 0 to 3. A piece that continues a word starts with ``##``.

    Returns:
        PreTrainedTokenizerFast: ``[CLS] … [SEP]`` around every text.

    Raises:
        FileNotFoundError, TypeError, ValueError: The list is unusable (see :func:`check_words`), or
            lacks a special token.
    """
    if isinstance(vocab, (str, PathLike)):
        source = str(vocab)
        words = read_words(vocab)
    else:
        source = 'text_encoder.tokenizer'
        check_words(vocab, source=source)
        words = list(vocab)
        if not set(_SPECIAL) & set(words):
            words = [*_SPECIAL, *words]
    missing = [token for token in _SPECIAL if token not in words]
    if missing:
        raise ValueError(f'{source} lacks {", ".join(missing)}: a WordPiece vocabulary has all of '
                         f'{", ".join(_SPECIAL)}.')
    ids = {word: index for index, word in enumerate(words)}
    cased = any(word != word.lower() for word in words if not word.startswith('['))
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token='[UNK]'))
    # A vocabulary that holds marks (vowel signs of Hindi, say) was made without dropping them.
    marked = any(unicodedata.category(char) == 'Mn' for word in words if not word.isascii()
                 for char in unicodedata.normalize('NFD', word))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased, strip_accents=False if marked else None)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single='[CLS] $A [SEP]',
        special_tokens=[(token, ids[token]) for token in ('[CLS]', '[SEP]')])
    masks = dict(mask_token='[MASK]') if '[MASK]' in ids else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token='[PAD]', unk_token='[UNK]', cls_token='[CLS]',
        sep_token='[SEP]', **masks)
