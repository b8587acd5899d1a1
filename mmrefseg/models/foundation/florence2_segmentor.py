"""Florence-2: polygons of what a sentence refers to, written word by word."""

from typing import Iterator, List, Optional, Sequence, Tuple

import torch
import transformers
from PIL import Image
from pycocotools import mask as coco_mask
from torch import Tensor

from mmrefseg.registry import MODELS

from .computed_once import computed_once
from .foundation_segmentor import Found, FoundationSegmentor
from .hub_parts import load_model, load_part

TASK = '<REFERRING_EXPRESSION_SEGMENTATION>'
# Tokens beside image and sentence: "Locate … in the image with mask", start and end.
AROUND = 32


@MODELS.register_module()
class Florence2Segmentor(FoundationSegmentor):
    """`Florence-2 <https://arxiv.org/abs/2311.06242>`_ with its own task of referring expression segmentation.

    The polygons that it writes are filled as those of the data sets are and united; where it writes none the mask is
    empty. ``pred_scores`` is the geometric mean of the probabilities of what it wrote. The image is encoded once for
    all its expressions, by the vision tower; angle brackets of a sentence, with which the model marks tasks and places,
    become spaces; a sentence that does not fit beside the image is cut.

    Args:
        pretrained (str): A folder with model and processor, or a name of the Hugging Face hub.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error where it cannot be.
        num_beams (int): Of the search; the authors' 3 by default.
        max_new_tokens (int): At most so much is written, two tokens a corner. Defaults to 1024, as the authors'.
        **kwargs: Of :class:`FoundationSegmentor`.

    Raises:
        OSError: The model cannot be read.
    """

    def __init__(self, pretrained: str, local_files_only: bool = False, size: Optional[str] = None,
                 num_beams: int = 3, max_new_tokens: int = 1024, **kwargs) -> None:
        super().__init__(**kwargs)
        source = ('model', pretrained, local_files_only, size)
        self.processor = load_part(transformers.AutoProcessor.from_pretrained, *source)
        self.model = load_model(transformers.Florence2ForConditionalGeneration, *source)
        self.num_beams = num_beams
        self.max_new_tokens = max_new_tokens

    def find(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Found]:
        """See :meth:`FoundationSegmentor.find`."""
        with computed_once(self.model.model.vision_tower):
            for expression in expressions:
                polygons, score = self.write(image, self.shorten(expression.replace('<', ' ').replace('>', ' ')))
                mask = fill(polygons, image.height, image.width).to(self.device)
                yield Found((mask.float() - 0.5) * torch.inf, score=score)

    def shorten(self, expression: str) -> str:
        """str: As much of the expression as fits beside the image."""
        room = self.model.config.text_config.max_position_embeddings - self.processor.num_image_tokens - AROUND
        ids = self.processor.tokenizer(expression, add_special_tokens=False)['input_ids']
        return expression if len(ids) <= room else self.processor.tokenizer.decode(ids[:max(room, 0)])

    def write(self, image: Image.Image, expression: str) -> Tuple[List[List[float]], Tensor]:
        """One expression -> polygons (x, y, x, y, …) in pixels of the image, and the score of all."""
        inputs = self.processor(images=image, text=TASK + expression, return_tensors='pt').to(self.device)
        written = self.model.generate(
            **inputs, num_beams=self.num_beams, do_sample=False, max_new_tokens=self.max_new_tokens,
            return_dict_in_generate=True, output_scores=True)
        text, = self.processor.batch_decode(written.sequences, skip_special_tokens=False)
        answer = self.processor.post_process_generation(text, task=TASK, image_size=(image.width, image.height))
        if self.num_beams > 1:
            score = written.sequences_scores[0].exp()
        else:
            said = self.model.compute_transition_scores(written.sequences, written.scores, normalize_logits=True)
            score = said[0].mean().exp()
        return [polygon for instance in answer[TASK]['polygons'] for polygon in instance], score


def fill(polygons: Sequence[Sequence[float]], height: int, width: int) -> Tensor:
    """Polygons -> the mask (H, W) bool of all they cover; one of fewer than three corners covers nothing."""
    polygons = [polygon for polygon in polygons if len(polygon) >= 6]
    if not polygons:
        return torch.zeros(height, width, dtype=torch.bool)
    runs = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return torch.from_numpy(coco_mask.decode(runs)) > 0
