"""CLIPSeg: a mask from a sentence in one small model."""

from typing import Iterator, Optional, Sequence

import torch.nn.functional as F
import transformers
from PIL import Image

from mmrefseg.registry import MODELS

from .computed_once import computed_once
from .foundation_segmentor import Found, FoundationSegmentor
from .hub_parts import load_model, load_part


@MODELS.register_module()
class CLIPSegSegmentor(FoundationSegmentor):
    """`CLIPSeg <https://arxiv.org/abs/2112.10003>`_: a decoder on CLIP's activations, modulated by the sentence.

    Its logits (352, 352) are resized to the image, bilinear, and a pixel is the referent where the probability is above
    ``test_cfg.threshold``, 0.5 by default; the authors fix none. The image is encoded once for all its expressions.
    A sentence is cut behind CLIP's 77 tokens.

    Args:
        pretrained (str): A folder with model and processor, or a name of the Hugging Face hub.
        local_files_only (bool): Use only what is on this disk. Defaults to False.
        size (str, optional): What has to be fetched, for the error where it cannot be.
        **kwargs: Of :class:`FoundationSegmentor`.

    Raises:
        OSError: The model cannot be read.
    """

    def __init__(self, pretrained: str, local_files_only: bool = False, size: Optional[str] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        source = ('model', pretrained, local_files_only, size)
        self.processor = load_part(transformers.AutoProcessor.from_pretrained, *source)
        self.model = load_model(transformers.CLIPSegForImageSegmentation, *source)

    def find(self, image: Image.Image, expressions: Sequence[str]) -> Iterator[Found]:
        """See :meth:`FoundationSegmentor.find`."""
        pixels = self.processor(images=image, return_tensors='pt')['pixel_values'].to(self.device)
        length = self.model.config.text_config.max_position_embeddings
        with computed_once(self.model.clip.vision_model):
            for expression in expressions:
                text = self.processor(text=[expression], return_tensors='pt', truncation=True, max_length=length)
                logits = self.model(pixel_values=pixels, **text.to(self.device)).logits
                # (1, h, w), or (h, w), which it makes of one -> (H, W)
                logits = logits.float().view(1, 1, *logits.shape[-2:])
                yield Found(F.interpolate(logits, (image.height, image.width), mode='bilinear')[0, 0])
