"""SAM 3: all instances of a phrase, with their masks, in one model."""

from typing import Iterator, Optional, Sequence

import torch
import torch.nn.functional as F
import transformers
from PIL import Image

from mmrefseg.registry import MODELS

from .foundation_segmentor import Found, FoundationSegmentor
from .grounded_segmentor import RULES
from .hub_parts import load_model, load_part
from .square_image_processor import SquareImageProcessor

TOKENS = 32  # what SAM 3 was trained with; its processor pads to them
EPSILON = 1e-6  # of probabilities, before they become log-odds again


@MODELS.register_module()
class SAM3Segmentor(FoundationSegmentor):
    """`SAM 3 <https://arxiv.org/abs/2511.16719>`_: a mask for every instance of a phrase, each with a score.

    Its weights (``facebook/sam3``) are gated under a licence of their own, which has to be accepted on the hub first.
    It finds *all* instances of a concept and heeds little of place and relation: for expressions of one object it is a
    baseline.

    Rule ``'best'``, for one object an expression (RefCOCO): the instance of the highest score, whatever it is. Rule
    ``'all'``, for none, one or several (gRefCOCO): all instances with a score above ``test_cfg.existence_threshold``,
    their masks united; where there is none the mask is empty. A score is the instance's probability times that of the
    concept's presence; masks are resized as probabilities, as transformers does. The image is encoded once for all its
    expressions, and a sentence is cut behind 32 tokens.

    Args:
        pretrained (str): A folder with model and processor, or a name of the Hugging Face hub.
        rule (str): ``'best'`` or ``'all'``. Defaults to 'best'.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error where it cannot be.
        **kwargs: Of :class:`FoundationSegmentor`.

    Raises:
        OSError: The model cannot be read.
        ValueError: Another rule.
    """

    def __init__(self, pretrained: str, rule: str = 'best', local_files_only: bool = False, size: Optional[str] = None,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        if rule not in RULES:
            raise ValueError(f'model.rule is {rule!r}, expected one of {", ".join(RULES)}')
        source = ('model', pretrained, local_files_only, size)
        self.image_processor = load_part(SquareImageProcessor.from_pretrained, *source)
        self.tokenizer = load_part(transformers.AutoTokenizer.from_pretrained, *source)
        self.model = load_model(transformers.Sam3Model, *source)
        self.rule = rule

    def find(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Found]:
        """See :meth:`FoundationSegmentor.find`."""
        pixels = self.image_processor(image, return_tensors='pt')['pixel_values'].to(self.device)
        encoded = self.model.get_vision_features(pixel_values=pixels)
        frame = torch.tensor([image.width, image.height] * 2, device=self.device)
        for expression in expressions:
            text = self.tokenizer([expression], return_tensors='pt', padding='max_length', truncation=True,
                                  max_length=TOKENS).to(self.device)
            outputs = self.model(vision_embeds=encoded, input_ids=text['input_ids'],
                                 attention_mask=text['attention_mask'])
            scores = outputs.pred_logits[0].sigmoid() * outputs.presence_logits[0].sigmoid()  # (Q,)
            taken = scores.argmax()[None] if self.rule == 'best' else torch.nonzero(
                scores > self.test_cfg.existence_threshold).flatten()
            # (K, h, w) -> (H, W): the union of what is taken
            masks = outputs.pred_masks[0, taken].float().sigmoid()
            union = masks.new_zeros(image.height, image.width)
            for mask in masks:
                resized = F.interpolate(mask[None, None], (image.height, image.width), mode='bilinear')[0, 0]
                union = torch.maximum(union, resized)
            yield Found(union.logit(EPSILON), score=scores[taken].amax() if len(taken) else scores.new_zeros(()),
                        existence=scores.amax() if self.rule == 'all' else None,
                        boxes=outputs.pred_boxes[0, taken] * frame)
