"""CLIP's text tower as a text encoder (Radford et al., "Learning Transferable Visual Models", ICML 2021)."""

import os
from typing import Optional, Sequence, Union

import torch
from torch import Tensor
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerBase

from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..utils.hub import check_vocabulary, clear_errors, quiet_transformers
from .clip_tokenizer import clip_tokenizer
from .piece_tokenizer import PieceTokenizer
from .trainable_layers import set_trainable_layers
from .transformer_text_encoder import TransformerTextEncoder
from .word_masking import WordMasking, ordinary_ids


@MODELS.register_module()
class CLIPTextEncoder(TransformerTextEncoder):
    """The text tower of CLIP, without the projection behind it.

    Word features are those of the last layer, behind its norm. ``<|startoftext|>`` and ``<|endoftext|>`` count as words
    in the mask. The tower reads from left to right, so what it makes of the whole expression stands at
    ``<|endoftext|>``: an expression that is cut keeps it, as CLIP's own do.

    Pre-trained weights are loaded by ``init_weights``, that is, at the start of a training. A checkpoint of the whole
    CLIP will do, its picture tower is left.

    Args:
        pretrained (str, optional): A name of the Hugging Face hub or a folder with ``config.json`` and the weights.
            None: random weights; then ``config`` and ``tokenizer`` must be given.
        config (dict, optional): Values of transformers' ``CLIPTextConfig``. With ``pretrained`` they change single
            values of its own, unless ``model_type='clip_text_model'`` says that they are the whole architecture; what
            it leaves out is transformers' default, the tower of ViT-B/32.
        tokenizer (str or Sequence[str], optional): A hub name or folder, or the merges themselves (see
            :func:`clip_tokenizer`). Default: that of ``pretrained``.
        max_length (int): How many tokens of an expression are read, both special ones included. Defaults to 20.
        trainable_layers (int or Sequence[int], optional): As :class:`BERTEncoder`. Defaults to None: all.
        sentence (str): The sentence feature: ``'eos'``, that of ``<|endoftext|>``, which CLIP was trained with, or
            ``'mean'`` of the word features. Defaults to ``'eos'``.
        with_cp (bool): Whether to save memory in training by computing the activations twice. Defaults to False.
        local_files_only (bool): Whether to use only what is on this disk (no network). Defaults to False.
        init_cfg (dict or list[dict], optional): mmengine's.

    Raises:
        OSError: ``pretrained`` or ``tokenizer`` cannot be read.
        ValueError, TypeError: An option is not one of those above, or architecture and tokenizer do not fit.
    """

    def __init__(self,
                 pretrained: Optional[str] = 'openai/clip-vit-base-patch32',
                 config: Optional[dict] = None,
                 tokenizer: Union[str, os.PathLike, Sequence[str], None] = None,
                 max_length: int = 20,
                 trainable_layers: Union[int, Sequence[int], None] = None,
                 sentence: str = 'eos',
                 with_cp: bool = False,
                 local_files_only: bool = False,
                 init_cfg=None) -> None:
        if sentence not in ('eos', 'mean'):
            raise ValueError(f"text_encoder.sentence must be 'eos' or 'mean', found {sentence!r}.")
        if pretrained is None and None in (config, tokenizer):
            raise ValueError('text_encoder.pretrained is None: then text_encoder.config and text_encoder.tokenizer '
                             f'must be given, found config={config!r} and tokenizer={tokenizer!r}.')
        if max_length < 3:
            raise ValueError(f'text_encoder.max_length is {max_length}, expected 3 or more: a word needs three tokens.')
        built_tokenizer = _build_tokenizer(tokenizer, pretrained, local_files_only)
        architecture = _build_config(config, pretrained, built_tokenizer, local_files_only)
        if max_length > architecture.max_position_embeddings:
            raise ValueError(f'text_encoder.max_length is {max_length}, but the model has only '
                             f'{architecture.max_position_embeddings} positions (max_position_embeddings).')
        super().__init__(out_channels=architecture.hidden_size, max_length=max_length, init_cfg=init_cfg)
        self.pretrained = pretrained
        self.local_files_only = local_files_only
        self.sentence = sentence
        self.with_cp = with_cp
        self.tokenizer = built_tokenizer
        self.model = CLIPTextModel(architecture).float()
        set_trainable_layers(self.model, trainable_layers)

    def standalone_tokenizer(self) -> PieceTokenizer:
        """PieceTokenizer: To tokens; a long expression is cut before its ``<|endoftext|>``."""
        return PieceTokenizer(self.tokenizer.backend_tokenizer, self.tokenizer.eos_token_id, self.max_length,
                              keep_end=True)

    def word_masking(self) -> WordMasking:
        """WordMasking: ``!`` stands in the place of a hidden word.

        CLIP has no mask token, and one more would change its weights; ``!``, its first, is what the original pads with.
        """
        return WordMasking(0, ordinary_ids(self.tokenizer))

    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode the ids (N, L) of N expressions whose real words the mask (N, L) tells."""
        words, mask = self.run_model(ids, mask)
        sentence = None
        if self.sentence == 'eos':
            rows = torch.arange(words.shape[0], device=words.device)
            sentence = words[rows, mask.sum(dim=1) - 1]  # (N, L, C) -> (N, C)
        return self._features(words=words, mask=mask, sentence=sentence)


def _build_tokenizer(tokenizer, pretrained, local_files_only) -> PreTrainedTokenizerBase:
    if isinstance(tokenizer, (list, tuple)):
        return clip_tokenizer(tokenizer)
    key, source = ('pretrained', pretrained) if tokenizer is None else ('tokenizer', tokenizer)
    with clear_errors(f'text_encoder.{key}', source), quiet_transformers():
        built = AutoTokenizer.from_pretrained(source, local_files_only=local_files_only)
    check_vocabulary(built, source, f'text_encoder.{key}')
    built.backend_tokenizer.no_truncation()
    built.backend_tokenizer.no_padding()
    return built


def _build_config(config, pretrained, tokenizer, local_files_only) -> CLIPTextConfig:
    """The architecture, which has a row for every id."""
    values = dict(config or {})
    whole = pretrained is None or 'model_type' in values
    kind = values.pop('model_type', 'clip_text_model')
    if kind != 'clip_text_model':
        raise ValueError(f"text_encoder.config: model_type is {kind!r}, expected 'clip_text_model' (BERTEncoder takes "
                         'other encoders).')
    if whole:
        built = CLIPTextConfig(**{'vocab_size': len(tokenizer), **values})
    else:
        with clear_errors('text_encoder.pretrained', pretrained), quiet_transformers():
            built = CLIPTextConfig.from_pretrained(pretrained, local_files_only=local_files_only, **values)
    if len(tokenizer) > built.vocab_size:
        raise ValueError(f'text_encoder: the tokenizer has {len(tokenizer)} ids, the model only {built.vocab_size} '
                         'embeddings (config.vocab_size).')
    return built
