"""CLIP's text tower as a text encoder (Radford et al., "Learning Transferable Visual Models", ICML 2021)."""

import os
from dataclasses import replace
from typing import Optional, Sequence, Union

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    PreTrainedTokenizerBase,
)
from transformers.masking_utils import create_causal_mask

from mmrefseg.checkpoints.converters.clip_text import clip_text_weights
from mmrefseg.registry import MODELS
from mmrefseg.structures import TextFeatures

from ..adapters import TextAdapter
from ..utils import freeze
from ..utils.clip_weights import is_clip_file, read_clip_weights
from ..utils.hub import check_vocabulary, clear_errors, load_pretrained, quiet_transformers
from .clip_tokenizer import clip_tokenizer
from .piece_tokenizer import PieceTokenizer
from .trainable_layers import set_trainable_layers
from .transformer_text_encoder import TransformerTextEncoder
from .word_masking import WordMasking, ordinary_ids


@MODELS.register_module()
class CLIPTextEncoder(TransformerTextEncoder):
    """The text tower of CLIP.

    Word features are those of the last layer, behind its norm. ``<|startoftext|>`` and ``<|endoftext|>`` count as words
    in the mask. The tower reads from left to right, so what it makes of the whole expression stands at
    ``<|endoftext|>``: an expression that is cut keeps it, as CLIP's own do.

    Pre-trained weights are loaded by ``init_weights``, that is, at the start of a training. A checkpoint of the whole
    CLIP will do, its image tower is left.

    With ``adapters`` some layers have a :class:`TextAdapter` beside their MLP, which reads the words as they are before
    the MLP's norm (DETRIS, AAAI 2025): ``X <- X + mlp(norm X) + s adapter(X)``. They train, whatever
    ``trainable_layers`` says of the tower.

    Args:
        pretrained (str, optional): A name of the Hugging Face hub or a folder with ``config.json`` and the weights; or
            a checkpoint of OpenAI, a local ``.pt`` file or its URL: then ``config`` must be the whole architecture and
            ``tokenizer`` given. None: random weights; then ``config`` and ``tokenizer`` must be given.
        config (dict, optional): Values of transformers' ``CLIPTextConfig``. With ``pretrained`` they change single
            values of its own, unless ``model_type='clip_text_model'`` says that they are the whole architecture; what
            it leaves out is transformers' default, the tower of ViT-B/32.
        tokenizer (str or Sequence[str], optional): A hub name or folder, or the merges themselves (see
            :func:`clip_tokenizer`). Default: that of ``pretrained``.
        max_length (int): How many tokens of an expression are read, both special ones included. Defaults to 20.
        trainable_layers (int or Sequence[int], optional): As :class:`BERTEncoder`. Defaults to None: all. 0 freezes the
            tower and keeps it in eval mode.
        sentence (str): The sentence feature: ``'eos'``, that of ``<|endoftext|>``, which CLIP was trained with, or
            ``'mean'`` of the word features. Defaults to ``'eos'``.
        project_sentence (bool): Whether CLIP's projection makes the sentence feature, of ``config.projection_dim``
            channels, out of that. Defaults to False.
        fixed_length (bool): Whether every expression is filled up to ``max_length``, with the id 0 as in CLIP's own
            code, and the tower reads what it is filled up with: then padding has features, too. The mask still tells
            the real tokens. Defaults to False.
        adapters (dict, optional): ``layers``, the numbers (from 0) of the layers with an adapter, ``channels``, their
            width, ``scale``, s (default 0.2), and ``norm_cfg``. They convolve along the words, padding too, so
            ``fixed_length`` must be set. Defaults to None.
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
                 project_sentence: bool = False,
                 fixed_length: bool = False,
                 adapters: Optional[dict] = None,
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
        if trainable_layers == 0:
            freeze(self.model)
        set_trainable_layers(self.model, trainable_layers)
        self.text_projection = None
        if project_sentence:
            self.text_projection = nn.Linear(architecture.hidden_size, architecture.projection_dim, bias=False)
            nn.init.normal_(self.text_projection.weight, std=architecture.hidden_size**-0.5)
            self.text_projection.requires_grad_(trainable_layers is None)
            self.sentence_channels = architecture.projection_dim
        self.fixed_length = fixed_length
        self.adapters, self.adapter_scale = _build_adapters(adapters, architecture, fixed_length)

    def standalone_tokenizer(self) -> PieceTokenizer:
        """PieceTokenizer: To tokens; a long expression is cut before its ``<|endoftext|>``."""
        pad_id = 0 if self.fixed_length else self.tokenizer.eos_token_id
        return PieceTokenizer(self.tokenizer.backend_tokenizer, pad_id, self.max_length, keep_end=True,
                              fixed_length=self.fixed_length)

    def word_masking(self) -> WordMasking:
        """WordMasking: ``!`` stands in the place of a hidden word.

        CLIP has no mask token, and one more would change its weights; ``!``, its first, is what the original pads with.
        """
        return WordMasking(0, ordinary_ids(self.tokenizer))

    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Encode the ids (N, L) of N expressions whose real words the mask (N, L) tells."""
        if self.fixed_length:
            fill = self.max_length - ids.shape[1]
            ids, mask = F.pad(ids.masked_fill(~mask, 0), (0, fill)), F.pad(mask, (0, fill))
        words, mask = self.run_model(ids, mask)
        sentence = None
        if self.sentence == 'eos':
            rows = torch.arange(words.shape[0], device=words.device)
            sentence = words[rows, mask.sum(dim=1) - 1]  # (N, L, C) -> (N, C)
        features = self._features(words=words, mask=mask, sentence=sentence)
        if self.text_projection is not None:
            features = replace(features, sentence=self.text_projection(features.sentence))
        return features

    def _hidden_states(self, ids: Tensor, mask: Tensor) -> Tensor:
        if not self.fixed_length:
            return super()._hidden_states(ids, mask)
        if not self.adapters:
            return self.model(input_ids=ids).last_hidden_state
        words = self.model.embeddings(input_ids=ids)
        seen = create_causal_mask(
            config=self.model.config, inputs_embeds=words, attention_mask=None, past_key_values=None)
        for number, layer in enumerate(self.model.encoder.layers):
            words = words + layer.self_attn(layer.layer_norm1(words), attention_mask=seen, is_causal=True)[0]
            change = layer.mlp(layer.layer_norm2(words))
            if str(number) in self.adapters:
                change = change + self.adapter_scale * self.adapters[str(number)](words)
            words = words + change
        return self.model.final_layer_norm(words)

    def load_pretrained(self) -> None:
        """Load the weights of ``pretrained``: the tower and, where there is one, the projection.

        Raises:
            OSError: They cannot be read.
            ValueError: They lack some of the model's weights: another architecture.
        """
        if self.text_projection is None and not is_clip_file(self.pretrained):
            return super().load_pretrained()
        if self.pretrained is None:
            return None
        if is_clip_file(self.pretrained):
            tower, rest = clip_text_weights(read_clip_weights(self.pretrained, 'text_encoder'))
            try:
                self.model.load_state_dict(tower)
                if self.text_projection is not None:
                    self.text_projection.weight.data.copy_(rest['text_projection'].t())
            except (KeyError, RuntimeError) as error:
                raise ValueError(f'text_encoder.pretrained={str(self.pretrained)!r} does not hold the CLIPTextModel '
                                 f'that text_encoder.config describes: {error}') from error
            count = len(tower) + (self.text_projection is not None)
        else:
            whole = CLIPTextModelWithProjection(self.model.config)
            count = load_pretrained(whole, self.pretrained, 'text_encoder', self.local_files_only)
            self.model.load_state_dict(whole.text_model.state_dict())
            self.text_projection.load_state_dict(whole.text_projection.state_dict())
        print_log(f'CLIPTextEncoder: {count} weights from {self.pretrained}.', logger='current')
        return None


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


def _build_adapters(adapters: Optional[dict], architecture: CLIPTextConfig, fixed_length: bool):
    """The adapters by the number of their layer, and their scale."""
    if adapters is None:
        return nn.ModuleDict(), 0.
    options = {'scale': 0.2, 'norm_cfg': None, **adapters}
    layers = options.pop('layers', None)
    count = architecture.num_hidden_layers
    if not layers or sorted(set(layers) & set(range(count))) != list(layers):
        raise ValueError(f'text_encoder.adapters.layers is {layers!r}, expected numbers of layers from 0 to '
                         f'{count - 1}, in order')
    if not fixed_length:
        raise ValueError('text_encoder.adapters convolve along the words, padding among them: '
                         'text_encoder.fixed_length must be True')
    if options.keys() != {'scale', 'norm_cfg', 'channels'}:
        raise ValueError(f'text_encoder.adapters has the keys {sorted(adapters)}, expected layers and channels, and '
                         'perhaps scale and norm_cfg')
    width = architecture.hidden_size
    built = nn.ModuleDict({str(layer): TextAdapter(width, options['channels'], options['norm_cfg'])
                           for layer in layers})
    return built, options['scale']
