"""Masks from boxes: any promptable segmenter of transformers."""

from typing import Iterator, Optional

import transformers
from PIL import Image
from torch import Tensor, nn
from transformers import AutoModelForMaskGeneration

from mmrefseg.registry import MODELS

from .computed_once import computed_once
from .hub_parts import load_model, load_part
from .square_image_processor import SquareImageProcessor

# The processor of a model; a file of the hub may name that of its sibling for videos.
PROCESSORS = dict(
    SamModel='SamProcessor', SamHQModel='SamHQProcessor', Sam2Model='Sam2Processor', EdgeTamModel='Sam2Processor',
    Sam3TrackerModel='Sam3TrackerProcessor')
# Those whose image processor transformers has on torchvision alone.
SQUARE = ('Sam2Processor', 'Sam3TrackerProcessor')


@MODELS.register_module()
class PromptableSegmenter(nn.Module):
    """Turns boxes on an image into masks.

    Any model of ``AutoModelForMaskGeneration``: SAM, SAM-HQ, SAM 2 and 2.1, EdgeTAM, the tracker of SAM 3. The image is
    encoded once; each box gives one mask (``multimask_output=False``).

    Args:
        pretrained (str): A folder with model and processor, or a name of the Hugging Face hub.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error where it cannot be.
        boxes_at_once (int): Boxes that go through the mask decoder together. Defaults to 16.

    Raises:
        OSError: The model cannot be read.
    """

    def __init__(self, pretrained: str, local_files_only: bool = False, size: Optional[str] = None,
                 boxes_at_once: int = 16) -> None:
        super().__init__()
        source = ('model.segmenter', pretrained, local_files_only, size)
        self.model = load_model(AutoModelForMaskGeneration, *source)
        name = PROCESSORS[type(self.model).__name__]
        if name in SQUARE:
            image_processor = load_part(SquareImageProcessor.from_pretrained, *source)
            self.processor = getattr(transformers, name)(image_processor)
        else:
            self.processor = load_part(getattr(transformers, name).from_pretrained, *source)
        self.boxes_at_once = boxes_at_once

    def forward(self, image: Image.Image, boxes: Tensor) -> Iterator[Tensor]:
        """An image in RGB and boxes (K, 4) in its pixels -> K times the logits (H, W) of a mask."""
        if len(boxes) == 0:
            return
        inputs = dict(self.processor(images=image, input_boxes=[boxes.cpu().tolist()], return_tensors='pt'))
        # The literal single precision of the model: boxes come in double from one of the processors.
        prompts = inputs.pop('input_boxes').float().to(self.model.device)
        sizes = {key: inputs.pop(key) for key in ('original_sizes', 'reshaped_input_sizes') if key in inputs}
        pixels = inputs['pixel_values'].to(self.model.device)
        with computed_once(self.model.vision_encoder):
            for some in prompts.split(self.boxes_at_once, dim=1):
                outputs = self.model(pixel_values=pixels, input_boxes=some, multimask_output=False)
                for mask in outputs.pred_masks[0].float():  # (1, K, 1, h, w), one at a time: large images
                    resized, = self.processor.post_process_masks([mask[None]], binarize=False, **sizes)
                    yield resized[0, 0]
