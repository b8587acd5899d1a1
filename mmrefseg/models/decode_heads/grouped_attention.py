"""One step of CGAN's cascade: words collect from the image in groups, and give back to it."""

from typing import Optional, Tuple

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.structures import TextFeatures


class GroupedAttention(BaseModule):
    """One step of the cascaded grouped attention of CGAN (Luo et al., ACM MM 2020).

    The channels of Y are cut into G groups of c = C / G. In each of them every word w_l collects from the whole
    image what answers to it, and every pixel takes back what the words collected, by a gate a word; ``k``, ``v``, ``d``
    are 1x1 convolutions of the group's own channels, ``q`` is a linear function::

        E_l   = q(w_l)^T k(Y) / sqrt(c)                       collection logits, (HW)
        z_l   = sum_pixels softmax_pixels(E_l) v(Y)            what word l collects, (c)
        out   = mean_l sigmoid(q(w_l)^T d(Y) / sqrt(c)) z_l    diffused to each pixel, (c, HW)
        Y'    = LeakyReLU(BN(Y + [out of group 1; …; out of group G]))
        A     = mean_groups mean_l E_l                         attention map, (HW)

    Means over l count the real words alone. Y' and A go to the next step and to the instance-level attention loss.

    The paper itself could not be had, nor is code of it known; this is a reading. Known are its abstract ("step-wise
    reasoning over the entire image", an attention loss "embedded into each step") and the same authors' attention
    unit GARAN with its code (RealGIN, arXiv 1912.03478; MCN, CVPR 2020). The step follows GARAN: the text collects
    (softmax over pixels) and diffuses (sigmoid), in groups of channels that do not mix, as in MCN's code (where they
    share weights; here each has its own); then sum, batch norm and leaky ReLU; A is the mean of the groups'
    collection logits. Two choices are ours. Every word collects, where GARAN has one sentence vector (with one word
    this is GARAN), because the loss is to align the expression with the instance and BERT's words carry more than
    its pooled vector. And the gates are averaged over the words, so that a long expression weighs no more than a
    short one.

    Args:
        channels (int): C of Y.
        text_channels (int): C of the words.
        num_groups (int): G. Defaults to 4.
        norm_cfg (dict, optional): Defaults to ``dict(type='BN')``.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: ``channels`` is no multiple of ``num_groups``.
    """

    def __init__(self,
                 channels: int,
                 text_channels: int,
                 num_groups: int = 4,
                 norm_cfg: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if num_groups < 1 or channels % num_groups:
            raise ValueError(f'decode_head.num_groups is {num_groups}, expected a divisor of in_channels {channels}')
        self.num_groups = num_groups
        self.scale = (channels // num_groups)**-0.5
        self.query = nn.Linear(text_channels, channels)
        self.collect_key = nn.Conv2d(channels, channels, 1, groups=num_groups)
        self.collect_value = nn.Conv2d(channels, channels, 1, groups=num_groups)
        self.diffuse_key = nn.Conv2d(channels, channels, 1, groups=num_groups)
        self.norm = build_norm_layer(norm_cfg or dict(type='BN'), channels)[1]
        self.activation = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, decoded: Tensor, text: TextFeatures) -> Tuple[Tensor, Tensor]:
        """Refine Y once.

        Args:
            decoded (Tensor): Y, (N, C, h, w).
            text (TextFeatures): The N expressions.

        Returns:
            tuple: Y' (N, C, h, w) and A (N, h, w), the logits of where the expression's attention is.
        """
        mask = text.mask.to(text.words)
        word_weights = mask / mask.sum(1, keepdim=True)  # (N, L), zero for padding
        # (N, L, C) -> (N, G, L, c)
        query = self.query(text.words).unflatten(2, (self.num_groups, -1)).transpose(1, 2) * self.scale
        collect_logits = query @ self.grouped_pixels(self.collect_key(decoded))  # E, (N, G, L, hw)
        # z, (N, G, L, c); a projection is as large as Y and used once, so none of them gets a name.
        contexts = collect_logits.softmax(dim=3) @ self.grouped_pixels(self.collect_value(decoded)).transpose(2, 3)
        gates = (query @ self.grouped_pixels(self.diffuse_key(decoded))).sigmoid()  # (N, G, L, hw)
        diffused = (contexts * word_weights[:, None, :, None]).transpose(2, 3) @ gates  # (N, G, c, hw)
        # (N, G, c, hw) -> (N, C, h, w)
        refined = self.activation(self.norm(decoded + diffused.reshape(decoded.shape)))
        attention = (word_weights[:, None, None] @ collect_logits).mean(dim=(1, 2))  # A, (N, hw)
        return refined, attention.unflatten(1, decoded.shape[2:])

    def grouped_pixels(self, projected: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, G, c, hw)."""
        return projected.flatten(2).unflatten(1, (self.num_groups, -1))
