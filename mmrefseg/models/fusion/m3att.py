"""M3Att, the multi-modal mutual attention (M3Att, TIP 2023, §III-A)."""

from typing import Optional, Sequence

from mmengine.model import BaseModule
from torch import Tensor

from ..utils import LinearNormReLU, at_least_float32, expand_to_expressions, without_autocast


class M3Att(BaseModule):
    """Mutual attention: words gather pixels, pixels gather words, and the two products meet.

    With F_L the words, F_V the pixels and one matrix of scores for both directions (Eqs. 1, 2)::

        A_mut = F_L^k (F_V^k)^T / sqrt(C)                     N_t x HW
        F_V^a = softmax_pixels(A_mut) F_V^v                   N_t x C   language-attended vision (LAV)
        F_L^a = softmax_words(A_mut^T) F_L^v                  HW x C    vision-attended language (VAL)
        F_mul = F_V^a (F_L^a)^T;  output = linear(F_mul)      N_t x HW -> N_t x C

    F_mul is computed as ``(F_V^a F_L^v^T) softmax_words(A_mut^T)^T``: the same product, without the HW x C matrix
    F_L^a. Keys and values of the pixels depend on the image alone and are computed once an image.

    The last linear layer takes the HW pixels for channels, which ties its weights to one size of map,
    ``feature_size``.

    Left open by the paper: M3Att has one head (Eqs. 1 and 2 scale by the whole C); every linear layer is followed by
    batch norm and ReLU (§IV-A: "all linear layers", unless noticed).

    Args:
        channels (int): C of words, pixels and output.
        feature_size (Sequence[int]): H and W of the map.
        independent (bool): Two matrices of scores, one for each direction, with keys of their own (Table I). Defaults
            to False, one shared matrix.
        norm_cfg (dict): Batch norm of the linear layers. Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.
    """

    def __init__(self,
                 channels: int,
                 feature_size: Sequence[int],
                 independent: bool = False,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        self.scale = channels**-0.5
        self.feature_size = tuple(feature_size)
        self.independent = independent
        self.word_key = LinearNormReLU(channels, channels, norm_cfg)
        self.word_value = LinearNormReLU(channels, channels, norm_cfg)
        self.pixel_key = LinearNormReLU(channels, channels, norm_cfg)
        self.pixel_value = LinearNormReLU(channels, channels, norm_cfg)
        if independent:
            self.word_key_val = LinearNormReLU(channels, channels, norm_cfg)
            self.pixel_key_val = LinearNormReLU(channels, channels, norm_cfg)
        height, width = self.feature_size
        self.out = LinearNormReLU(height * width, channels, norm_cfg)

    def forward(self,
                words: Tensor,
                image_map: Tensor,
                mask: Tensor,
                image_index: Optional[Tensor] = None) -> Tensor:
        """Fuse.

        Args:
            words (Tensor): (N, L, C), the words or what became of them.
            image_map (Tensor): (B, C, H, W).
            mask (Tensor): (N, L) bool, True = a real word.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            Tensor: (N, L, C), a multi-modal feature a word.

        Raises:
            ValueError: H and W are not ``feature_size``.
        """
        size = tuple(image_map.shape[2:])
        if size != self.feature_size:
            raise ValueError(
                f'fusion.feature_size is {self.feature_size}, but the pictures give a map of {size} (height, width), '
                'and its pixels are the rows of a matrix in M3Att: resize the pictures to the size that the config is '
                'made for, or set feature_size')
        pixels = image_map.flatten(2).transpose(1, 2)  # (B, C, H, W) -> (B, HW, C)
        scores = self._scores(self.word_key(words, mask), self.pixel_key(pixels), image_index)  # A_mut
        pixel_value = at_least_float32(expand_to_expressions(self.pixel_value(pixels), image_index))  # F_V^v
        word_value = at_least_float32(self.word_value(words, mask))  # F_L^v
        vision_weights = scores.softmax(dim=2)
        if self.independent:
            scores = self._scores(self.word_key_val(words, mask), self.pixel_key_val(pixels), image_index)
        word_weights = scores.masked_fill(~mask[..., None], float('-inf')).softmax(dim=1)  # (N, L, HW)
        with without_autocast(words):
            attended_vision = vision_weights @ pixel_value  # F_V^a (N, L, C)
            fused = attended_vision @ word_value.transpose(1, 2) @ word_weights  # F_mul (N, L, HW)
        return self.out(fused, mask)

    def _scores(self, word_key: Tensor, pixel_key: Tensor, image_index: Optional[Tensor]) -> Tensor:
        """Keys (N, L, C) and (B, HW, C) -> scores (N, L, HW), Eq. 1, for a softmax over many pixels in float32."""
        pixel_key = expand_to_expressions(pixel_key, image_index)
        with without_autocast(word_key):
            return at_least_float32(word_key) @ at_least_float32(pixel_key).transpose(1, 2) * self.scale
