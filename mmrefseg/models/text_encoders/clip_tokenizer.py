"""CLIP's tokenizer without the hub: from its merges alone."""

from typing import Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

START, END = '<|startoftext|>', '<|endoftext|>'
_WORDS = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def clip_tokenizer(merges: Sequence[str]) -> PreTrainedTokenizerFast:
    """Make CLIP's byte pair encoding (Radford et al., ICML 2021).

    Text is lower-cased and split into words, single digits and signs; in each, pairs of pieces join as ``merges`` say,
    the earlier ones first. The vocabulary follows from them: every byte, every byte that ends a word, what each merge
    makes, and the two special tokens.

    Args:
        merges (Sequence[str]): The pieces to join, ``'r e'``, a piece that ends a word with ``</w>``: ``'re d</w>'``.
            None at all: every letter is a token.

    Returns:
        PreTrainedTokenizerFast: ``<|startoftext|> … <|endoftext|>`` around every text.

    Raises:
        TypeError, ValueError: A merge is not two pieces, or joins a piece that no merge before it makes.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = dict.fromkeys([*alphabet, *(letter + '</w>' for letter in alphabet)])
    pairs = []
    for number, merge in enumerate(merges, start=1):
        pair = tuple(merge.split(' ')) if isinstance(merge, str) else merge
        if not isinstance(merge, str) or len(pair) != 2 or not set(pair) <= pieces.keys():
            kind = TypeError if not isinstance(merge, str) else ValueError
            raise kind(f"text_encoder.tokenizer, merge {number}: expected two known pieces such as 'r e', found "
                       f'{merge!r}.')
        pairs.append(pair)
        pieces[''.join(pair)] = None
    ids = {piece: index for index, piece in enumerate([*pieces, START, END])}
    tokenizer = Tokenizer(models.BPE(ids, pairs, end_of_word_suffix='</w>', unk_token=END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r'\s+'), ' '), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_WORDS), behavior='removed', invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f'{START} $A {END}', special_tokens=[(token, ids[token]) for token in (START, END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=START, eos_token=END, unk_token=END, pad_token=END)
