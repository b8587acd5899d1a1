"""LAVT's language-aware Swin (LAVT, CVPR 2022, §3)."""

from typing import Optional, Sequence, Tuple, Union

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Reads, TextFeatures

from ..fusion.pwam import PWAM
from ..utils import expand_to_expressions
from .stem_swin import StemSwin


class LanguageGate(BaseModule):
    """How much of the fused feature flows back into the backbone (LAVT §3.2).

    ``S = tanh(W_2 relu(W_1 F))``, both linear without bias, and the gate's output is ``S * F``. Both start, as Swin's
    linear layers do and as released, with a normal distribution of 0.02, truncated.

    Args:
        channels (int): C of F.
    """

    with_cp = False  # marks a block: see `checkpoint_blocks`

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(channels, channels, bias=False), nn.ReLU(),
            nn.Linear(channels, channels, bias=False), nn.Tanh())
        for layer in (self.layers[0], self.layers[2]):
            nn.init.trunc_normal_(layer.weight, std=0.02)

    def forward(self, joint: Tensor) -> Tensor:
        """(N, HW, C) -> (N, HW, C)."""
        return self.layers(joint) * joint


@MODELS.register_module()
class LAVTSwin(StemSwin):
    """mmseg's Swin with a :class:`PWAM` behind every stage and a language gate between stages.

    Stage i: ``V_i = blocks(E_{i-1})``, ``F_i = PWAM(V_i, L)``, ``E_i = V_i + gate(F_i)``, which the
    patch merging hands to stage i + 1; the decoder gets ``LayerNorm(F_i)``. The last gate would feed
    nothing and is left out. Parameter names are mmseg's.

    The first stage's blocks come before any word, so :meth:`forward_image` runs once an image and
    :meth:`forward_text` once an expression.

    Args:
        text_channels (int): C of the words. Defaults to 768.
        fusion_heads (int | Sequence[int]): Heads of every PWAM, or of each stage's. Both releases have 1 unless
            ``--mha`` gave a number a stage, such as 1, 2, 4, 8. Defaults to 1.
        fusion_dropout (float): Dropout of each PWAM. Defaults to 0.
        **kwargs: As :class:`StemSwin` and mmseg's ``SwinTransformer``; ``out_indices`` stays at all stages.

    Raises:
        ValueError: ``out_indices`` leaves out a stage, or ``fusion_heads`` has not a number for each.
    """

    # Tells the segmentor to hand over the expressions.
    takes_text = True
    #: What of it is fusion: `get_flops.py` counts it by itself.
    language_parts = ('fusions', 'gates')

    def __init__(self,
                 text_channels: int = 768,
                 fusion_heads: Union[int, Sequence[int]] = 1,
                 fusion_dropout: float = 0.,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if tuple(self.out_indices) != tuple(range(len(self.stages))):
            raise ValueError(f'model.backbone.out_indices of LAVTSwin is {tuple(self.out_indices)}, expected all '
                             f'{len(self.stages)} stages: words meet pixels behind each')
        self.reads = Reads(text=text_channels)
        heads = [fusion_heads] * len(self.stages) if isinstance(fusion_heads, int) else list(fusion_heads)
        if len(heads) != len(self.stages):
            raise ValueError(f'model.backbone.fusion_heads of LAVTSwin is {fusion_heads}, expected a number, or one '
                             f'for each of the {len(self.stages)} stages')
        self.fusions = nn.ModuleList(
            PWAM(channels, text_channels, num_heads, fusion_dropout)
            for channels, num_heads in zip(self.num_features, heads))
        self.gates = nn.ModuleList(LanguageGate(channels) for channels in self.num_features[:-1])

    def forward_image(self, images: Tensor) -> Tuple[Tensor, Tuple[int, int]]:
        """Run what lies before the first word: patch embedding and the first stage's blocks.

        Args:
            images (Tensor): (B, 3, H, W).

        Returns:
            tuple: (B, H/4 * W/4, C_1) tokens and their (H/4, W/4).

        Raises:
            ValueError: As :meth:`check_size`.
        """
        self.check_size(images)
        tokens, size = self.patch_embed(images)
        if self.use_abs_pos_embed:
            tokens = tokens + self.absolute_pos_embed
        return self._run_blocks(0, self.drop_after_pos(tokens), size), size

    def forward_text(self,
                     image_feats: Tuple[Tensor, Tuple[int, int]],
                     text: TextFeatures,
                     image_index: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """Run what lies behind the first word.

        Args:
            image_feats (tuple): Of :meth:`forward_image`, for B images.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B.

        Returns:
            Tuple[Tensor]: Four maps (N, C_i, H_i, W_i), strides 4, 8, 16, 32.
        """
        tokens, size = image_feats
        maps = []
        for i, stage in enumerate(self.stages):
            if i > 0:
                tokens = self._run_blocks(i, tokens, size)
            # Only the first stage still has one row an image.
            index = image_index if i == 0 else None
            # (N, HW, C) -> (N, C, HW) -> (N, HW, C)
            joint = self.fusions[i](tokens.transpose(1, 2), text, index).transpose(1, 2)
            norm = getattr(self, f'norm{i}')
            # (N, HW, C) -> (N, C, H, W), channels last in memory
            maps.append(norm(joint).unflatten(1, size).permute(0, 3, 1, 2))
            if stage.downsample is not None:
                tokens = expand_to_expressions(tokens, index) + self.gates[i](joint)
                tokens, size = stage.downsample(tokens, size)
        return tuple(maps)

    def forward(self,
                images: Tensor,
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> Tuple[Tensor, ...]:
        """:meth:`forward_image`, then :meth:`forward_text`."""
        return self.forward_text(self.forward_image(images), text, image_index)

    def _run_blocks(self, i: int, tokens: Tensor, size: Tuple[int, int]) -> Tensor:
        for block in self.stages[i].blocks:
            tokens = block(tokens, size)
        return tokens
