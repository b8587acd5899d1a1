"""A transformer of the ``transformers`` library over word pieces: the text encoder of LAVT."""

import os
from typing import Optional, Sequence, Union

from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerBase

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..utils.hub import check_vocabulary, clear_errors, quiet_transformers
from .piece_tokenizer import PieceTokenizer
from .trainable_layers import set_trainable_layers
from .transformer_text_encoder import TransformerTextEncoder
from .word_masking import WordMasking, ordinary_ids
from .wordpiece import wordpiece_tokenizer


@MODELS.register_module()
class BERTEncoder(TransformerTextEncoder):
    """Any encoder that ``transformers.AutoModel`` knows: BERT, RoBERTa, ELECTRA, DistilBERT, …

    As in LAVT (CVPR 2022): the word features are the last layer's, the pooler is left out, and an
    expression is ``[CLS] … [SEP]`` cut at ``max_length``, so that a long one loses its ``[SEP]``
    (which truncation by the tokenizer would keep). Both count as words in the mask.

    Pre-trained weights are loaded by ``init_weights``, that is, at the start of a training. Building
    the model needs only the architecture and the tokenizer; with ``config`` and ``tokenizer`` both
    given it needs no hub and no file.

    Args:
        pretrained (str, optional): Where the weights come from: a name of the Hugging Face hub or a
            folder with ``config.json`` and the weights. None: random weights; then ``config`` and
            ``tokenizer`` must be given.
        config (dict, optional): With ``model_type`` it is the whole architecture
            (``dict(model_type='bert', hidden_size=64, …)``; what it leaves out is transformers'
            default, ``vocab_size`` the tokenizer's). Without, it changes single values of the
            architecture of ``pretrained`` (``dict(hidden_dropout_prob=0.2)``).
        tokenizer (str, path or Sequence[str], optional): A hub name or folder, a WordPiece
            ``vocab.txt``, or the words themselves (see :func:`wordpiece_tokenizer`). Default: that
            of ``pretrained``.
        max_length (int): How many word pieces of an expression are read, ``[CLS]`` included.
        trainable_layers (int or Sequence[int], optional): None: everything trains. A sequence: only
            the encoder layers of these numbers (from 0) train; embeddings and other layers stay as
            loaded, and the gradient passes through them. An int n: the layers below n; LAVT's
            published training is 10 (layers 0-9 of 12). 0: nothing trains.
        dropout (bool): Whether the layers that train drop in training, as ``lavt_one`` has it. False: the
            model trains in eval mode, as LAVT's first release does. Layers that do not train never drop.
            Defaults to True.
        sentence (str): The sentence feature: ``'cls'``, the first token's, or ``'mean'`` of the
            word features (SADLR's S, S2RM's AvgP(T)). A model without a token for the sentence,
            such as GPT-2, wants ``'mean'``.
        fixed_length (bool): Whether every expression is padded to ``max_length`` and the padding's features are kept
            as the model makes them, for parts that read padding as published (ReLA's head). Defaults to False.
        with_cp (bool): Whether to save memory in training by computing the activations twice.
        local_files_only (bool): Whether to use only what is on this disk (no network).
        init_cfg (dict or list[dict], optional): mmengine's.

    Raises:
        OSError: ``pretrained`` or ``tokenizer`` cannot be read.
        ValueError, TypeError: An option is not one of those above, or architecture and tokenizer
            do not fit each other.

    Example:
        >>> from mmrefseg.models import BERTEncoder
        >>> encoder = BERTEncoder(  # random and tiny; BERTEncoder('bert-base-uncased') has the published weights
        ...     pretrained=None, tokenizer=['the', 'man', 'in', 'red'],
        ...     config=dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2))
        >>> text = encoder(['the man in red', 'the man'])
        >>> text.words.shape, text.mask.sum(1).tolist()  # [CLS] and [SEP] count
        (torch.Size([2, 6, 16]), [6, 4])
    """

    def __init__(self, pretrained: Optional[str] = 'bert-base-uncased',
                 config: Optional[dict] = None,
                 tokenizer: Union[str, os.PathLike, Sequence[str], None] = None,
                 max_length: int = 20,
                 trainable_layers: Union[int, Sequence[int], None] = None, dropout: bool = True,
                 sentence: str = 'cls', fixed_length: bool = False, with_cp: bool = False,
                 local_files_only: bool = False, init_cfg=None) -> None:
        if sentence not in ('cls', 'mean'):
            raise ValueError(f"text_encoder.sentence must be 'cls' or 'mean', found {sentence!r}.")
        if pretrained is None and (tokenizer is None or 'model_type' not in (config or {})):
            raise ValueError(
                'text_encoder.pretrained is None: then text_encoder.config with a model_type and '
                f'text_encoder.tokenizer must be given, found config={config!r} and '
                f'tokenizer={tokenizer!r}.')
        fast_tokenizer = _build_tokenizer(tokenizer, pretrained, local_files_only)
        architecture = _build_config(config, pretrained, len(fast_tokenizer), local_files_only)
        super().__init__(out_channels=architecture.hidden_size, max_length=max_length,
                         init_cfg=init_cfg)
        positions = getattr(architecture, 'max_position_embeddings', max_length)
        if not max_length <= positions:
            raise ValueError(f'text_encoder.max_length is {max_length}, but the model has only '
                             f'{positions} positions (max_position_embeddings).')
        self.pretrained = pretrained
        self.local_files_only = local_files_only
        self.dropout = dropout
        self.sentence = sentence
        self.fixed_length = fixed_length
        self.tokenizer = fast_tokenizer
        self.model = AutoModel.from_config(architecture).float()
        if getattr(self.model, 'pooler', None) is not None:
            self.model.pooler = None  # its weights would get no gradient, which stops DDP
        self.with_cp = with_cp
        set_trainable_layers(self.model, trainable_layers)

    def standalone_tokenizer(self) -> PieceTokenizer:
        """PieceTokenizer: To word pieces, ``[CLS]`` and ``[SEP]`` included."""
        return PieceTokenizer(self.tokenizer.backend_tokenizer, self.tokenizer.pad_token_id, self.max_length,
                              fixed_length=self.fixed_length)

    def word_masking(self) -> WordMasking:
        """WordMasking: With the tokenizer's mask token; special are all that it calls so.

        Raises:
            ValueError: It has no mask token.
        """
        if self.tokenizer.mask_token_id is None:
            raise ValueError('text_encoder.tokenizer has no mask token (such as [MASK]), by which words are hidden')
        return WordMasking(self.tokenizer.mask_token_id, ordinary_ids(self.tokenizer))

    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode the ids (N, L) of N expressions whose real words the mask (N, L) tells."""
        return self._with_sentence(*self.run_model(ids, mask))

    def _with_sentence(self, words: Tensor, mask: Tensor) -> TextFeatures:
        return self._features(words=words, mask=mask, sentence=words[:, 0] if self.sentence == 'cls' else None)


def _build_tokenizer(tokenizer, pretrained, local_files_only) -> PreTrainedTokenizerBase:
    """The fast tokenizer from what the constructor was given, without cutting or padding."""
    if isinstance(tokenizer, (list, tuple)) or (tokenizer is not None
                                                and os.path.isfile(tokenizer)):
        built = wordpiece_tokenizer(tokenizer)
    else:
        key, source = ('pretrained', pretrained) if tokenizer is None else ('tokenizer', tokenizer)
        with clear_errors(f'text_encoder.{key}', source), quiet_transformers():
            built = AutoTokenizer.from_pretrained(source, local_files_only=local_files_only)
        check_vocabulary(built, source, f'text_encoder.{key}')
    if not built.is_fast:
        raise ValueError(f'text_encoder.tokenizer: {type(built).__name__} is not a fast tokenizer '
                         '(it has no tokenizer.json).')
    if built.pad_token is None:
        built.pad_token = built.eos_token  # as usual for models that never pad; the mask hides it
    built.backend_tokenizer.no_truncation()
    built.backend_tokenizer.no_padding()
    return built


def _build_config(config, pretrained, vocab_size, local_files_only):
    """The architecture; checked to be an encoder and to have a row for every id."""
    values = dict(config or {})
    if 'model_type' in values:
        values.setdefault('vocab_size', vocab_size)
        try:
            built = AutoConfig.for_model(**values)
        except ValueError as error:
            raise ValueError(f"text_encoder.config: transformers knows no model_type "
                             f"{values['model_type']!r}.") from error
    else:
        with clear_errors('text_encoder.pretrained', pretrained), quiet_transformers():
            built = AutoConfig.from_pretrained(pretrained, local_files_only=local_files_only,
                                               **values)
    if built.is_encoder_decoder:
        raise ValueError(f'text_encoder: {built.model_type} is an encoder with a decoder; expected '
                         'a model that is an encoder only, such as bert.')
    if vocab_size > built.vocab_size:
        raise ValueError(f'text_encoder: the tokenizer has {vocab_size} ids, the model only '
                         f'{built.vocab_size} embeddings (config.vocab_size).')
    return built
