"""BERT with an image among the words (CARIS, ACM MM 2023)."""

from typing import Optional, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.masking_utils import create_bidirectional_mask

from mmrefseg.registry import MODELS
from mmrefseg.structures import Reads, TextFeatures

from ..utils import checkpointed, expand_to_expressions
from .bert_encoder import BERTEncoder
from .conditional_prompts import ConditionalPrompts


@MODELS.register_module()
class PromptedBERTEncoder(BERTEncoder):
    """Words that see the image in every layer, by prompts made of its coarsest map.

    ::

        expressions ─ embeddings ─► words (N, L, C) ─┐
                                                     ├─► all layers ─► words, less the prompts ─► TextFeatures
        coarsest map ─ ConditionalPrompts ─► (B, P, C) ─┘

    The prompts stand behind the words, after the embeddings and so without a position, and are seen by all. They come
    behind the padding, which hides itself from the others, so padding changes nothing.

    It is a text encoder that looks (``takes_image``): :meth:`encode` gives the embeddings, which depend on the words
    alone; :meth:`forward_image` the prompts, once an image; :meth:`forward_text` the features of N expressions.

    Args:
        image_channels (int): C of the backbone's coarsest map.
        prompt_grids (Sequence[int]): Cells along a side for each grid that the map is averaged to. Defaults to (1, 2).
        **kwargs: As :class:`BERTEncoder`.

    Raises:
        ValueError: The model has no embeddings with an encoder behind them, as BERT and RoBERTa have.
    """

    takes_image = True

    def __init__(self, image_channels: int, prompt_grids: Sequence[int] = (1, 2), **kwargs) -> None:
        super().__init__(**kwargs)
        kind = self.model.config.model_type
        if not (hasattr(self.model, 'embeddings') and hasattr(self.model, 'encoder')) or hasattr(
                self.model, 'embeddings_project'):
            raise ValueError(f'text_encoder: {kind} has not just embeddings and an encoder behind them, between which '
                             'the prompts enter; expected one like bert or roberta')
        self.reads = Reads(last_map=image_channels)
        self.prompts = ConditionalPrompts(image_channels, self.out_channels, prompt_grids)

    def encode(self, ids: Tensor, mask: Tensor) -> TextFeatures:
        """Ids (N, L) and mask -> the words before they meet an image: their embeddings (N, L, C)."""
        ids, mask = (values.to(self.device, non_blocking=True) for values in (ids, mask))
        words = self.model.embeddings(input_ids=ids)
        return TextFeatures(words, mask, words[:, 0])

    def forward_image(self, maps: Sequence[Tensor]) -> Tensor:
        """The backbone's maps, finest first -> prompts (B, P, C)."""
        return self.prompts(maps[-1])

    def forward_text(self, text: TextFeatures, prompts: Tensor, image_index: Optional[Tensor] = None) -> TextFeatures:
        """Let the words see their image.

        Args:
            text (TextFeatures): Of :meth:`encode`, N expressions.
            prompts (Tensor): Of :meth:`forward_image`, B images.
            image_index (Tensor, optional): (N,), the image of each expression. None: N = B.

        Returns:
            TextFeatures: words (N, L, C), mask (N, L), sentence (N, C).
        """
        prompts = expand_to_expressions(prompts, image_index)
        tokens = torch.cat([text.words, prompts.to(text.words.dtype)], dim=1)
        mask = F.pad(text.mask, (0, prompts.shape[1]), value=True)
        hidden = checkpointed(self._run_layers, tokens, mask, with_cp=self.with_cp, part=self.model.encoder)
        return self._with_sentence(hidden[:, :text.words.shape[1]], text.mask)

    def _run_layers(self, tokens: Tensor, mask: Tensor) -> Tensor:
        mask = create_bidirectional_mask(config=self.model.config, inputs_embeds=tokens, attention_mask=mask.long())
        return self.model.encoder(tokens, attention_mask=mask).last_hidden_state
