"""Hands images over at their own sizes."""

from typing import Union

from mmengine.model import BaseDataPreprocessor

from mmrefseg.registry import MODELS


@MODELS.register_module()
class ImageListPreprocessor(BaseDataPreprocessor):
    """Brings a batch to the device without stacking, scaling or padding it.

    Models of transformers bring their own processors, which take an image of any size in RGB; ``inputs`` stay a list
    of B tensors (3, H_b, W_b) uint8.

    Args:
        bgr_to_rgb (bool): Turn the channels round: OpenCV reads BGR. Defaults to True.
        non_blocking (bool, optional): Of the transfer to the device. Defaults to False.
    """

    def __init__(self, bgr_to_rgb: bool = True, non_blocking: bool = False) -> None:
        super().__init__(non_blocking=non_blocking)
        self.bgr_to_rgb = bgr_to_rgb

    def forward(self, data: dict, training: bool = False) -> Union[dict, list]:
        """Cast, and turn the channels of every image round."""
        data = self.cast_data(data)
        if self.bgr_to_rgb:
            data['inputs'] = [image.flip(0) for image in data['inputs']]
        return data
