"""The image processor of SAM 2 and its kin, without torchvision."""

from typing import List, Sequence

import torch.nn.functional as F
from torch import Tensor
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, PILImageResampling


class SquareImageProcessor(PilBackend):
    """Resizes an image to a square, whatever its shape, and normalizes it.

    transformers has this one (``Sam2ImageProcessor``) on torchvision alone, which nothing else here needs; its
    settings files are read as they are. Pillow's bilinear filter takes the place of torchvision's, as it does in the
    image processors of transformers that have both.
    """

    resample = PILImageResampling.BILINEAR
    image_mean = IMAGENET_DEFAULT_MEAN
    image_std = IMAGENET_DEFAULT_STD
    size = {'height': 1024, 'width': 1024}
    do_resize = True
    do_rescale = True
    do_normalize = True
    do_convert_rgb = True

    def preprocess(self, images, segmentation_maps=None, **kwargs) -> BatchFeature:
        """Images -> ``pixel_values`` (B, 3, S, S) and ``original_sizes`` (B of H, W).

        Raises:
            ValueError: There are segmentation maps, which only training has.
        """
        if segmentation_maps is not None:
            raise ValueError('SquareImageProcessor takes no segmentation_maps')
        return super().preprocess(images, **kwargs)

    def _preprocess_image_like_inputs(self, images, *args, **kwargs) -> BatchFeature:
        prepared = self._prepare_image_like_inputs(images, **kwargs)
        sizes = [list(image.shape[-2:]) for image in prepared]
        outputs = self._preprocess(prepared, *args, **kwargs)
        return BatchFeature(dict(outputs, original_sizes=sizes), tensor_type=kwargs.get('return_tensors'))

    def post_process_masks(self, masks: Sequence[Tensor], original_sizes, mask_threshold: float = 0.0,
                           binarize: bool = True, *unused, **also_unused) -> List[Tensor]:
        """Mask logits (K, M, h, w) of each image -> (K, M, H, W), as logits or above a threshold.

        Holes and sprinkles, for which there are further arguments, nobody fills: in transformers neither.
        """
        sizes = original_sizes.tolist() if isinstance(original_sizes, Tensor) else original_sizes
        resized = [F.interpolate(each, tuple(size), mode='bilinear', align_corners=False)
                   for each, size in zip(masks, sizes)]
        return [each > mask_threshold for each in resized] if binarize else resized
