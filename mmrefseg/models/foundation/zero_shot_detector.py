"""Boxes from a sentence: any zero-shot detector of transformers."""

import re
from typing import Iterator, List, NamedTuple, Optional, Sequence

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from mmrefseg.registry import MODELS

from .computed_once import computed_once
from .hub_parts import load_model, load_part

# Where each kind keeps what sees the image alone.
BACKBONES = {
    'grounding-dino': 'model.backbone', 'mm-grounding-dino': 'model.backbone', 'owlvit': 'owlvit.vision_model',
    'owlv2': 'owlv2.vision_model', 'omdet-turbo': 'vision_backbone'}


class Boxes(NamedTuple):
    """Candidates for one expression, the likeliest first.

    Attributes:
        boxes (Tensor): (K, 4) x0, y0, x1, y1 in pixels of the image; they may reach over its border.
        scores (Tensor): (K,) probabilities, descending.
    """

    boxes: Tensor
    scores: Tensor


@MODELS.register_module()
class ZeroShotDetector(nn.Module):
    """Finds boxes for a whole sentence.

    Any model of ``AutoModelForZeroShotObjectDetection``: Grounding DINO, MM-Grounding-DINO, OWL-ViT, OWLv2,
    OmDet-Turbo. The visual backbone runs once an image.

    The sentence is one phrase to the detector. Grounding DINO takes a full stop or a question mark for the end of a
    phrase and lets phrases not see one another, so those inside a sentence become commas, and there is one at the end;
    it reads at most 256 tokens, OWLv2 16.

    Args:
        pretrained (str): A folder with model and processor, or a name of the Hugging Face hub.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error where it cannot be.

    Raises:
        OSError: The model cannot be read.
        ImportError: OmDet-Turbo's processor needs torchvision.
    """

    def __init__(self, pretrained: str, local_files_only: bool = False, size: Optional[str] = None) -> None:
        super().__init__()
        source = ('model.detector', pretrained, local_files_only, size)
        self.processor = load_part(AutoProcessor.from_pretrained, *source)
        self.model = load_model(AutoModelForZeroShotObjectDetection, *source)
        self.kind = self.model.config.model_type

    @property
    def max_tokens(self) -> Optional[int]:
        """int | None: How many tokens the text may have; None where the processor itself keeps to it."""
        config = self.model.config
        if 'grounding-dino' in self.kind:
            return config.max_text_len
        return config.text_config.max_position_embeddings if self.kind.startswith('owl') else None

    def forward(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Boxes]:
        """An image in RGB and E expressions -> E times all candidates."""
        with computed_once(self.model.get_submodule(BACKBONES[self.kind])):
            pixels = None
            for expression in expressions:
                inputs = self.encode(image if pixels is None else None, expression)
                pixels = pixels or {key: value for key, value in inputs.items() if key.startswith('pixel_')}
                inputs = {key: value.to(self.model.device) for key, value in {**pixels, **inputs}.items()}
                yield self.candidates(self.model(**inputs), inputs, image, expression)

    def encode(self, image: Optional[Image.Image], expression: str) -> dict:
        """Encode one expression for the model; without ``pixel_…`` where there is no image."""
        length = {} if self.max_tokens is None else dict(truncation=True, max_length=self.max_tokens)
        if 'grounding-dino' in self.kind:
            return dict(self.processor(images=image, text=as_phrase(expression), return_tensors='pt', **length))
        if self.kind.startswith('owl'):
            return dict(self.processor(images=image, text=[[expression]], return_tensors='pt', **length))
        return dict(self.processor(images=image, text=[expression], return_tensors='pt'))

    def candidates(self, outputs, inputs: dict, image: Image.Image, expression: str) -> Boxes:
        """Outputs of the model -> all boxes, by their scores."""
        options = dict(threshold=0.0, target_sizes=[(image.height, image.width)])
        if 'grounding-dino' in self.kind:
            # No probability is above 1: words are not asked for, which would take a pass over all boxes.
            options.update(input_ids=inputs['input_ids'], text_threshold=1.0)
        elif not self.kind.startswith('owl'):
            options.update(text_labels=[[expression]])
        found, = self.processor.post_process_grounded_object_detection(outputs, **options)
        order = found['scores'].argsort(descending=True, stable=True)
        return Boxes(found['boxes'][order], found['scores'][order])


def as_phrase(expression: str) -> str:
    """str: A sentence as Grounding DINO reads one phrase: lower case, a full stop at the end and none inside."""
    parts: List[str] = [part.strip() for part in re.split(r'[.?]+', expression.lower())]
    return ', '.join(part for part in parts if part) + '.'


def best(candidates: Boxes, number: int = 1) -> Boxes:
    """Boxes: The likeliest ``number``, or all where there are fewer."""
    return Boxes(*(values[:number] for values in candidates))


def above(candidates: Boxes, threshold: float) -> Boxes:
    """Boxes: Those with a score above a threshold."""
    return best(candidates, int(torch.count_nonzero(candidates.scores > threshold)))
