"""Normalizes images, each value once."""

from typing import Any, Dict, Sequence

import torch
from mmseg.models import SegDataPreProcessor
from torch import Tensor

from mmrefseg.registry import MODELS


@MODELS.register_module()
class RefDataPreProcessor(SegDataPreProcessor):
    """mmseg's ``SegDataPreProcessor``, to the bit, in less time.

    Images of one size that nothing is padded on, the common case, are written straight into their batch: the channels
    in their order, as float32, normalized where they lie. mmseg copies them six times. Whatever else is asked for
    (padding, augmentations of the batch, images of several sizes) goes mmseg's way.

    Args:
        **kwargs: As ``SegDataPreProcessor``.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        # Under two names in mmseg and in the OneDL fork.
        self._reversed_channels = bool(kwargs.get('bgr_to_rgb') or kwargs.get('rgb_to_bgr'))

    @property
    def device(self) -> torch.device:
        """torch.device: Where images go: to the statistics, which are moved with a module that holds the model, too.

        What mmengine notes is where ``to`` of the model itself has sent it.
        """
        return self.mean.device if self._enable_normalize else super().device

    def forward(self, data: dict, training: bool = False) -> Dict[str, Any]:
        """Images (3, H, W) and their samples -> ``inputs`` (B, 3, H, W) float32 and ``data_samples``, on the device."""
        images, samples = data['inputs'], data.get('data_samples')
        if not self._is_plain(images, samples, training):
            return super().forward(data, training)
        # In training nothing is added to a sample but where it lies: one that is here already need not be copied.
        if not training or any(device.type != 'cpu' for device in (self.device, *(image.device for image in images))):
            data = self.cast_data(data)
        samples = data.get('data_samples')
        if training:
            for sample, image in zip(samples, images):
                size = sample.gt_sem_seg.shape if 'gt_sem_seg' in sample else None
                sample.set_metainfo(dict(img_shape=image.shape[-2:], pad_shape=size, padding_size=(0, 0, 0, 0)))
        return dict(inputs=self._normalized(data['inputs']), data_samples=samples)

    def _is_plain(self, images: Sequence[Tensor], samples: Any, training: bool) -> bool:
        """Whether images become a batch as they are."""
        if not isinstance(images, (list, tuple)) or not self._enable_normalize:
            return False
        shape = images[0].shape
        if len(shape) != 3 or shape[0] != 3 or any(image.shape != shape for image in images):
            return False
        if not training:
            return not self.test_cfg
        if samples is None or self.batch_augments is not None or (self.size is None) == (self.size_divisor is None):
            return False
        if any('gt_edge_map' in sample or 'gt_depth_map' in sample for sample in samples):
            return False
        if self.size is not None:
            return self.size[-2] <= shape[1] and self.size[-1] <= shape[2]
        return not (shape[1] % self.size_divisor or shape[2] % self.size_divisor)

    def _normalized(self, images: Sequence[Tensor]) -> Tensor:
        order = (2, 1, 0) if self._reversed_channels else (0, 1, 2)
        batch = torch.empty((len(images), *images[0].shape), device=images[0].device)
        for filled, image in zip(batch, images):
            for channel, source in enumerate(order):
                filled[channel].copy_(image[source])
            filled.sub_(self.mean).div_(self.std)
        return batch
