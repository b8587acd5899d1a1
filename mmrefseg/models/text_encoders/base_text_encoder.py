"""Base of the text encoders: checks, padding, the sentence feature, when weights are loaded.

Symbols: N expressions, L words (of the longest expression), C channels.
"""

from abc import ABCMeta, abstractmethod
from itertools import chain
from typing import Callable, Optional, Sequence, Tuple

import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor

from mmrefseg.errors import RefDataError
from mmrefseg.structures import TextFeatures

from .word_masking import WordMasking


def check_expressions(expressions: Sequence[str]) -> None:
    """Check that ``expressions`` is a list of at least one string that says something.

    Raises:
        TypeError: A single string, or an element that is no string.
        ValueError: An empty list.
        RefDataError: An expression that is empty or blank.
    """
    if isinstance(expressions, str):
        raise TypeError(f'expressions must be a list of strings, found one string {expressions!r}: '
                        'write [expression].')
    if len(expressions) == 0:
        raise ValueError('expressions is empty: a text encoder needs at least one expression.')
    for index, expression in enumerate(expressions):
        if not isinstance(expression, str):
            raise TypeError(f'expressions[{index}] must be a string, found '
                            f'{type(expression).__name__}: {expression!r}.')
        if not expression.strip():
            raise RefDataError(f'expressions[{index}] is empty ({expression!r}): an expression '
                               'needs at least one word.')


def pad_ids(rows: Sequence[Sequence[int]], pad_id: int, length: Optional[int] = None) -> Tuple[Tensor, Tensor]:
    """Put N rows of ids, none of them empty, side by side, padded to the longest or to ``length``.

    Returns:
        tuple[Tensor, Tensor]: ids (N, L) int64 and mask (N, L) bool, True = a real word.
    """
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(length or int(lengths.max())) < lengths[:, None]
    ids = torch.full(mask.shape, pad_id)
    ids[mask] = torch.tensor(list(chain.from_iterable(rows)))
    return ids, mask


class BaseTextEncoder(BaseModule, metaclass=ABCMeta):
    """Turns N expressions into :class:`TextFeatures`.

    ::

        expressions (N strings) ── tokenize ──► ids, mask (N, L) ── encode ──► TextFeatures

    A subclass gives ``standalone_tokenizer`` (or ``tokenize`` alone: then it cannot be exported) and ``encode``,
    ``load_pretrained`` when it starts from learned weights, and ``word_masking`` where words can be hidden from it. The
    features of padding are 0, and padding never changes any other feature.

    An encoder that looks at the image (``takes_image``) gives by ``encode`` the words before they meet one, and has two
    more methods: ``forward_image(maps)``, run once an image, and ``forward_text(text, seen, image_index)``, which makes
    of both the N expressions' features. See :class:`PromptedBERTEncoder`.

    Attributes:
        sentence_channels (int): C of the sentence feature, where it is another than that of the words.

    Args:
        out_channels (int): C, the width of the features.
        max_length (int): How many words (or word pieces) of an expression are read; what comes
            after them is cut.
        init_cfg (dict or list[dict], optional): mmengine's. With ``type='Pretrained'`` the
            checkpoint replaces the encoder's own pre-trained weights, which are then not read.

    Raises:
        ValueError: ``max_length`` is below 1.
    """

    #: Whether the words meet the image inside the encoder.
    takes_image = False
    #: Whether every expression has ``max_length`` words and the features of padding are what the encoder makes of it.
    fixed_length = False

    def __init__(self, out_channels: int, max_length: int = 20, init_cfg=None) -> None:
        super().__init__(init_cfg=init_cfg)
        if max_length < 1:
            raise ValueError(f'text_encoder.max_length must be at least 1, found {max_length}.')
        self.out_channels = out_channels
        self.sentence_channels = out_channels
        self.max_length = max_length

    def tokenize(self, expressions: Sequence[str]) -> Tuple[Tensor, Tensor]:
        """Split N expressions into ids.

        Returns:
            tuple[Tensor, Tensor]: ids (N, L) int64 and mask (N, L) bool, True = a real word, both
            on the CPU, L at most ``max_length``.
        """
        return self.standalone_tokenizer()(expressions)

    def standalone_tokenizer(self) -> Callable[[Sequence[str]], Tuple[Tensor, Tensor]]:
        """Tokenizer without the network, which travels with an exported model.

        Returns:
            WordTokenizer or PieceTokenizer: Whatever it is, called as :meth:`tokenize`, with ``kind`` and ``state()``.

        Raises:
            NotImplementedError: The encoder has none.
        """
        raise NotImplementedError(f'model.text_encoder {type(self).__name__} has no standalone_tokenizer')

    def word_masking(self) -> WordMasking:
        """How words are hidden from this encoder, which a training by masked words needs.

        Raises:
            NotImplementedError: The encoder does not say.
        """
        raise NotImplementedError(f'model.text_encoder {type(self).__name__} does not say how its words are masked')

    def mask_words(self, ids: Tensor, mask: Tensor, ratio: float) -> Tensor:
        """Hide words at random, as :class:`WordMasking` does: ids and mask (N, L) of :meth:`tokenize` -> ids (N, L)."""
        return self.word_masking()(ids, mask, ratio)

    @abstractmethod
    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode the ids (N, L) of N expressions whose real words the mask (N, L) tells.

        Both may be on any device; the features are on that of the parameters.
        """

    def forward(self, expressions: Sequence[str], mask_ratio: float = 0.) -> TextFeatures:
        """Encode N expressions.

        Args:
            expressions (Sequence[str]): N >= 1 strings, none of them empty.
            mask_ratio (float): How many of their words :meth:`mask_words` chooses. Defaults to 0: none.

        Returns:
            TextFeatures: words (N, L, C), mask (N, L), sentence (N, C), on the device of the
            parameters.

        Raises:
            TypeError, ValueError, RefDataError: See :func:`check_expressions`.
        """
        check_expressions(expressions)
        ids, mask = self.tokenize(expressions)
        if mask_ratio:
            ids = self.mask_words(ids, mask, mask_ratio)
        return self.encode(ids, mask)

    def load_pretrained(self) -> None:
        """Load the encoder's own pre-trained weights, if it has any."""

    def init_weights(self) -> None:
        """Load the pre-trained weights, the first time only, then apply ``init_cfg``.

        They load here and not in ``__init__`` because a checkpoint that is loaded anyway
        (inference) would only replace them: mmengine calls this once, before training and before it
        resumes.
        """
        if not self.is_init and not self._starts_from_checkpoint:
            self.load_pretrained()
        super().init_weights()

    @property
    def device(self) -> torch.device:
        """torch.device: Where the parameters, and so the features, are."""
        return next(self.parameters()).device

    @property
    def _starts_from_checkpoint(self) -> bool:
        init_cfgs = [self.init_cfg] if isinstance(self.init_cfg, dict) else self.init_cfg or []
        return any(init_cfg.get('type') in ('Pretrained', PretrainedInit) for init_cfg in init_cfgs)

    def _features(self, words: Tensor, mask: Tensor, sentence: Optional[Tensor] = None) -> TextFeatures:
        """Zero the padding, but for ``fixed_length``; without a ``sentence`` (N, C) it is the real words' mean."""
        real = words.masked_fill(~mask[..., None], 0)
        if sentence is None:
            sentence = real.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return TextFeatures(words=words if self.fixed_length else real, mask=mask, sentence=sentence)
