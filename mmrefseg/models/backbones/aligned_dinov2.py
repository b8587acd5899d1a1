"""A frozen DINOv2 with registers into which words enter (DETRIS, AAAI 2025, §3)."""

from typing import Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn
from transformers import Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, Reads, TextFeatures

from ..adapters import DenseAligner
from ..utils import expand_to_expressions, freeze
from ..utils.hub import clear_errors, load_pretrained, quiet_transformers
from .plain_pyramid import PlainPyramid


@MODELS.register_module()
class AlignedDINOv2(BaseModule):
    """DINOv2 with registers, frozen, and :class:`DenseAligner` beside the MLPs of some of its blocks.

    A block with an adapter, γ its layer scales, s ``adapter_scale``::

        X <- X + γ_1 attention(norm_1 X)
        X <- X + γ_2 (mlp(norm_2 X) + s adapter(norm_2 X, words))

    The tower is transformers' own module with its own names (``model``); it stays in eval mode and has no gradient.
    The adapters stand beside it (``adapters.<block>``) and are all that trains, with the pyramid.

    What comes before the first word, up to the attention of the first adapter, is :meth:`forward_image` and computed
    once an image. The maps are those behind the blocks ``out_blocks`` and that behind the last norm, all of the
    patches' stride.

    Args:
        adapter_blocks (Sequence[int]): Blocks with an adapter, from 0. ``[1, 3, 5, 7, 9, 11]`` of DINOv2-B.
        adapter_channels (int): Width of the adapters. Defaults to 128.
        text_channels (int): C of the words. Defaults to 512.
        out_blocks (Sequence[int]): Blocks whose maps are given, before that of the last norm. Defaults to (4, 8).
        pretrained (str, optional): A name of the Hugging Face hub or a folder with ``config.json`` and the weights.
            None: random weights; then ``config`` must be given.
        config (dict, optional): Values of transformers' ``Dinov2WithRegistersConfig``. Without ``pretrained``, and with
            ``model_type='dinov2_with_registers'``, they are the whole architecture, else what is to differ from that of
            ``pretrained``.
        frozen (bool): Whether the tower is. False, for towers that start from nothing. Defaults to True.
        adapter_scale (float): s. Defaults to 0.2.
        mask_padding (bool): Whether padding is left out of the adapters' attention. False, as released, needs a text
            encoder that fills every expression up to one length. Defaults to True.
        position_offset (float): DINOv2's released code resizes its positions by ``(cells + offset) / grid``; its
            users' code in transformers by the sizes alone. Defaults to 0.1, DINOv2's.
        adapter_cfg (dict, optional): More of :class:`DenseAligner`: ``attention_channels``, ``num_heads``, ``dropout``.
        pyramid (Sequence[int], optional): C of the four levels to make of four maps (:class:`PlainPyramid`), for
            decoders that want strides. Defaults to None: the maps as they are.
        norm_cfg (dict, optional): Of adapters and pyramid. Defaults to ``dict(type='BN')``.
        local_files_only (bool): Whether to use only what is on this disk (no network). Defaults to False.
        init_cfg (dict, optional): Initialization, as in mmengine; where there is one, ``pretrained`` is not read.

    Raises:
        OSError: ``pretrained`` cannot be read.
        ValueError: An option is not one of those above; in ``forward_image``, an image is no multiple of the patches.
    """

    # Tells the segmentor to hand over the expressions.
    takes_text = True
    #: What of it is fusion: `get_flops.py` counts it by itself.
    language_parts = ('adapters', )

    def __init__(self,
                 adapter_blocks: Sequence[int],
                 adapter_channels: int = 128,
                 text_channels: int = 512,
                 out_blocks: Sequence[int] = (4, 8),
                 pretrained: Optional[str] = None,
                 config: Optional[dict] = None,
                 frozen: bool = True,
                 adapter_scale: float = 0.2,
                 mask_padding: bool = True,
                 position_offset: float = 0.1,
                 adapter_cfg: Optional[dict] = None,
                 pyramid: Optional[Sequence[int]] = None,
                 norm_cfg: Optional[dict] = None,
                 local_files_only: bool = False,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        architecture = _build_config(pretrained, config, local_files_only)
        self.first_block = _check_blocks(adapter_blocks, out_blocks, architecture.num_hidden_layers)
        channels = architecture.hidden_size
        self.pretrained = pretrained
        self.local_files_only = local_files_only
        self.out_blocks = tuple(out_blocks)
        self.adapter_scale = adapter_scale
        self.mask_padding = mask_padding
        self.position_offset = position_offset
        self.patch_size = architecture.patch_size
        self.num_special = 1 + architecture.num_register_tokens
        self.model = Dinov2WithRegistersModel(architecture).float()
        self.model.embeddings.mask_token.requires_grad_(False)  # of DINOv2's own training
        if frozen:
            freeze(self.model)
        for block in self.model.encoder.layer:  # see `checkpoint_blocks`
            block.attention.with_cp = block.mlp.with_cp = False
        self.adapters = nn.ModuleDict({
            str(block): DenseAligner(channels, adapter_channels, text_channels, norm_cfg=norm_cfg,
                                     **(adapter_cfg or {})) for block in adapter_blocks})
        self.pyramid = None
        if pyramid is not None:
            if not len(self.out_blocks) + 1 == len(pyramid) == 4:
                raise ValueError(f'backbone.pyramid is {list(pyramid)}, four widths for four maps, but '
                                 f'backbone.out_blocks {self.out_blocks} and the last norm give '
                                 f'{len(self.out_blocks) + 1}')
            self.pyramid = PlainPyramid(channels, pyramid, norm_cfg)
        self.reads = Reads(text=text_channels, fixed_length=not mask_padding)
        self.gives = Gives(maps=tuple(pyramid or [channels] * (len(self.out_blocks) + 1)))

    def forward_image(self, images: Tensor) -> tuple:
        """Run what lies before the first word.

        Args:
            images (Tensor): (B, 3, H, W).

        Returns:
            tuple: The parts of the first block with an adapter (see :meth:`_before_words`), the tokens of the maps
            before it, (B, S + hw, C) each, and (h, w).

        Raises:
            ValueError: The image is no multiple of the patches.
        """
        if any(side % self.patch_size for side in images.shape[2:]):
            raise ValueError(f'model.backbone cuts pictures into patches of {self.patch_size} pixels, found a picture '
                             f'of {tuple(images.shape[2:])}: resize to a multiple, or set size_divisor='
                             f'{self.patch_size} in model.data_preprocessor and in its test_cfg')
        size = tuple(side // self.patch_size for side in images.shape[2:])
        tokens, tapped = self._embed(images, size), []
        for index in range(self.first_block):
            tokens = self._run_frozen(index, tokens)
            if index in self.out_blocks:
                tapped.append(tokens)
        return self._before_words(self.first_block, tokens, size), tuple(tapped), size

    def forward_text(self, image_feats: tuple, text: TextFeatures,
                     image_index: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """Run what lies behind the first word.

        Args:
            image_feats (tuple): Of :meth:`forward_image`, for B images.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B.

        Returns:
            tuple[Tensor]: One map (N, C_i, H_i, W_i) for each of ``out_blocks`` and one of the last norm; with a
            pyramid its levels.
        """
        parts, tapped, size = image_feats
        parts, tapped = (tuple(expand_to_expressions(rows, image_index) for rows in group) for group in (parts, tapped))
        tapped = list(tapped)
        padding = ~text.mask if self.mask_padding else None
        tokens = None
        for index in range(self.first_block, len(self.model.encoder.layer)):
            if index > self.first_block:
                parts = self._before_words(index, tokens, size) if str(index) in self.adapters else None
            tokens = self._run_frozen(index, tokens) if parts is None else self._with_words(index, parts, text, padding)
            if index in self.out_blocks:
                tapped.append(tokens)
        tapped.append(self.model.layernorm(tokens))
        # (N, S + hw, C) -> (N, C, h, w)
        maps = tuple(tokens[:, self.num_special:].transpose(1, 2).unflatten(2, size) for tokens in tapped)
        return maps if self.pyramid is None else self.pyramid(maps)

    def forward(self, images: Tensor, text: TextFeatures, image_index: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """:meth:`forward_image`, then :meth:`forward_text`."""
        return self.forward_text(self.forward_image(images), text, image_index)

    def init_weights(self) -> None:
        """Load ``pretrained`` into the tower, the first time only, and initialize the adapters."""
        first = not self.is_init
        super().init_weights()
        if first and self.pretrained is not None and not self.init_cfg:
            count = load_pretrained(self.model, self.pretrained, 'backbone', self.local_files_only)
            print_log(f'AlignedDINOv2: {count} weights from {self.pretrained}.', logger='current')

    def _embed(self, images: Tensor, size: Tuple[int, int]) -> Tensor:
        """(B, 3, H, W) -> (B, S + hw, C): class token, registers, patches."""
        embeddings = self.model.embeddings
        patches = embeddings.patch_embeddings(images)
        positions = embeddings.position_embeddings
        patches = patches + self._patch_positions(positions[:, 1:], size)
        special = torch.cat([embeddings.cls_token + positions[:, :1], embeddings.register_tokens], dim=1)
        return torch.cat([special.expand(images.shape[0], -1, -1), patches], dim=1)

    def _patch_positions(self, positions: Tensor, size: Tuple[int, int]) -> Tensor:
        """DINOv2's positions (1, g * g, C) -> (1, hw, C)."""
        grid = round(positions.shape[1]**0.5)
        if size == (grid, grid):
            return positions
        # (1, g * g, C) -> (1, C, g, g)
        positions = positions.transpose(1, 2).unflatten(2, (grid, grid))
        if self.position_offset:
            scale = tuple((cells + self.position_offset) / grid for cells in size)
            positions = F.interpolate(positions, scale_factor=scale, mode='bicubic')
        else:
            positions = F.interpolate(positions, size, mode='bicubic')
        return positions.flatten(2).transpose(1, 2)

    def _attend(self, index: int, tokens: Tensor) -> Tensor:
        block = self.model.encoder.layer[index]
        return tokens + block.layer_scale1(block.attention(block.norm1(tokens))[0])

    def _run_frozen(self, index: int, tokens: Tensor) -> Tensor:
        """A block without an adapter."""
        block = self.model.encoder.layer[index]
        tokens = self._attend(index, tokens)
        return tokens + block.layer_scale2(block.mlp(block.norm2(tokens)))

    def _before_words(self, index: int, tokens: Tensor, size: Tuple[int, int]) -> Tuple[Tensor, ...]:
        """Of a block with an adapter: tokens behind the attention, their MLP, and what the adapter begins with."""
        block = self.model.encoder.layer[index]
        tokens = self._attend(index, tokens)
        normed = block.norm2(tokens)
        return tokens, block.mlp(normed), *self.adapters[str(index)].before_words(normed, size)

    def _with_words(self, index: int, parts: Tuple[Tensor, ...], text: TextFeatures,
                    padding: Optional[Tensor]) -> Tensor:
        """The rest of such a block."""
        tokens, from_mlp, narrow, patches = parts
        adapted = self.adapters[str(index)].with_words(narrow, patches, text.words, padding)
        return tokens + self.model.encoder.layer[index].layer_scale2(from_mlp + self.adapter_scale * adapted)


def _build_config(pretrained, config, local_files_only) -> Dinov2WithRegistersConfig:
    values = dict(config or {})
    if pretrained is None and not values:
        raise ValueError('backbone.pretrained is None: then backbone.config must be given, values of '
                         'Dinov2WithRegistersConfig')
    kind = values.pop('model_type', None)
    if kind not in (None, 'dinov2_with_registers'):
        raise ValueError(f"backbone.config: model_type is {kind!r}, expected 'dinov2_with_registers' (AutoBackbone "
                         'takes other towers)')
    if pretrained is None or kind is not None:
        return Dinov2WithRegistersConfig(**values)
    with clear_errors('backbone.pretrained', pretrained), quiet_transformers():
        return Dinov2WithRegistersConfig.from_pretrained(pretrained, local_files_only=local_files_only, **values)


def _check_blocks(adapter_blocks: Sequence[int], out_blocks: Sequence[int], count: int) -> int:
    """Check both lists against the number of blocks; the first block with an adapter."""
    for key, blocks in (('adapter_blocks', adapter_blocks), ('out_blocks', out_blocks)):
        if list(blocks) != sorted(set(blocks) & set(range(count))):
            raise ValueError(f'backbone.{key} is {list(blocks)}, expected numbers of blocks from 0 to {count - 1}, '
                             'in order')
    if not adapter_blocks:
        raise ValueError('backbone.adapter_blocks is empty: no word would enter (AutoBackbone is a DINOv2 without '
                         'adapters)')
    return adapter_blocks[0]
