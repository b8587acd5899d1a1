"""Cross-modal progressive comprehension (CMPC, CVPR 2020)."""

from dataclasses import replace
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmrefseg.registry import MODELS
from mmrefseg.structures import Gives, MultiModalFeatures, Reads, TextFeatures

from ..utils import coordinate_map
from .conv_lstm import ConvLSTM
from .entity_perception import EntityPerception
from .relation_graph import RelationGraph
from .text_guided_exchange import TextGuidedExchange
from .word_types import ATTRIBUTE, ENTITY, RELATION, WordTypes, words_of


@MODELS.register_module()
class CMPCFusion(BaseModule):
    """First what may be meant, by entity and attribute words, then which of it, by relation words; on three levels.

    ::

        words ─ WordTypes ─► entity, attribute, relation, unnecessary
                    │ entity + attribute    │ relation          │ all but unnecessary
        level ─► EntityPerception ─ M ─► RelationGraph ─ M~ ─┐  │
                    └───────────────────────────► [M; M~; q; O] W_f ─ Y_k ─► TextGuidedExchange, n rounds
                                                    Y_3, Y_4, Y_5 ─► ConvLSTM ─► F ─► locator?

    Symbols and numbers are those of the released code (TensorFlow, MIT), which is the later "updated" form: the
    paper's own concatenation behind the graph is not known. ``configs/cmpc/README.md`` lists where the two differ.

    The levels are brought to the size of the finest, bilinear; the released backbone keeps stride 8 throughout.
    Words have the length 1, as there.

    Args:
        in_channels (Sequence[int]): C of the three levels, finest first.
        text_channels (int): C_t of the words.
        feature_size (Tuple[int, int]): (H, W) of the finest level.
        channels (int): C of M and M~. Defaults to 1000.
        out_channels (int): C of Y_k and F. Defaults to 500.
        num_branches (int): r of :class:`EntityPerception`. Defaults to 5.
        num_rounds (int): n rounds of exchange; 0 leaves it out. Defaults to 2.
        locator (dict, optional): Makes a prior of F: ``ScoreLocator``, or one of LTS'; its ``channels`` and
            ``text_channels`` are set here. Defaults to None: no prior.
        init_cfg (dict, optional): Initialization, as in mmengine.

    Raises:
        ValueError: There are not three levels, or a number is below 1; in ``forward``, the backbone hands over another
            number of levels, or another size.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 text_channels: int,
                 feature_size: Tuple[int, int],
                 channels: int = 1000,
                 out_channels: int = 500,
                 num_branches: int = 5,
                 num_rounds: int = 2,
                 locator: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        if len(in_channels) != 3:
            raise ValueError(f'fusion.in_channels names {len(in_channels)} levels, expected 3')
        if num_branches < 1:
            raise ValueError(f'fusion.num_branches is {num_branches}, expected 1 or more')
        if num_rounds < 0:
            raise ValueError(f'fusion.num_rounds is {num_rounds}, expected 0 (no exchange) or more')
        self.reads = Reads(text=text_channels, maps=tuple(in_channels))
        self.gives = Gives(maps=(out_channels, ) * 4, prior=locator is not None, map_size=tuple(feature_size))
        self.word_types = WordTypes(text_channels)
        self.levels = nn.ModuleList(
            _Level(width, text_channels, channels, out_channels, num_branches) for width in in_channels)
        self.exchanges = nn.ModuleList(TextGuidedExchange(out_channels, text_channels) for _ in range(num_rounds))
        self.conv_lstm = ConvLSTM(out_channels, feature_size)
        self.locator = None
        if locator is not None:
            self.locator = MODELS.build(dict(locator, channels=out_channels, text_channels=text_channels))

    def forward(self,
                maps: Sequence[Tensor],
                text: TextFeatures,
                image_index: Optional[Tensor] = None) -> MultiModalFeatures:
        """Comprehend.

        Args:
            maps (Sequence[Tensor]): Three levels (B, C_i, H_i, W_i), finest first.
            text (TextFeatures): The N expressions.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B, one each.

        Returns:
            MultiModalFeatures: ``maps`` are Y_3, Y_4, Y_5 after the exchange and F, all (N, C, H, W); ``prior`` is the
            locator's, (N, 1, H, W) logits, or None; ``text`` as it came.
        """
        if len(maps) != 3:
            raise ValueError(f'the backbone hands over {len(maps)} levels, but CMPCFusion takes 3: set '
                             'model.backbone.out_indices')
        words = replace(text, words=F.normalize(text.words, dim=2, eps=1e-6))
        types = self.word_types(words)
        size = maps[0].shape[2:]
        levels: List[Tensor] = [level(image_map, size, words, types, image_index)
                                for level, image_map in zip(self.levels, maps)]
        sentence = words_of(words, types, (ENTITY, ATTRIBUTE, RELATION))  # s
        for exchange in self.exchanges:
            levels = exchange(levels, sentence)
        fused = self.conv_lstm(levels)  # F
        prior = None if self.locator is None else self.locator(fused, replace(words, sentence=sentence))
        return MultiModalFeatures((*levels, fused), text, prior=prior)


class _Level(nn.Module):
    """From a level of the backbone to Y_k."""

    def __init__(self, in_channels: int, text_channels: int, channels: int, out_channels: int,
                 num_branches: int) -> None:
        super().__init__()
        self.lateral = nn.Conv2d(in_channels, channels, 1)
        self.entities = EntityPerception(channels, text_channels, num_branches)
        self.relations = RelationGraph(channels, text_channels)
        # W_f, in two parts: q is the same in every cell
        self.join = nn.Conv2d(2 * channels + 8, out_channels, 1)
        self.join_words = nn.Linear(text_channels, out_channels, bias=False)

    def forward(self, image_map: Tensor, size: Tuple[int, int], text: TextFeatures, types: Tensor,
                image_index: Optional[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i), brought to ``size``, and N expressions -> Y_k (N, C, H, W)."""
        visual = self.lateral(image_map)
        if visual.shape[2:] != size:
            visual = F.interpolate(visual, size=size, mode='bilinear', align_corners=False)
        words = words_of(text, types, (ENTITY, ATTRIBUTE))  # q
        entities = self.entities(F.normalize(visual, eps=1e-6), words, image_index)  # M
        related = self.relations(entities, text, types[..., RELATION])  # M~
        place = coordinate_map(*size, visual.device).to(entities.dtype).expand(len(entities), -1, -1, -1)  # O
        joined = self.join(torch.cat([entities, related.to(entities.dtype), place], dim=1))
        return (joined + self.join_words(words)[..., None, None]).relu()
