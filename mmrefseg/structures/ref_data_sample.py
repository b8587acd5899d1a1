"""The data sample: one image with its E >= 1 expressions."""

import copy
from typing import Sequence

from mmseg.structures import SegDataSample
from torch import Tensor

from .device_index import device_index

ATOMS = (str, int, float, bool, bytes, type(None))  # which cannot change


class RefDataSample(SegDataSample):
    """One image and E >= 1 expressions; E = 1 looks exactly like mmseg's sample.

    Fields (all optional but the expressions):
        - ``expressions`` (list[str], metainfo): the E expressions.
        - ``gt_sem_seg.data`` (Tensor): (E, H, W) uint8, 1 = referent, 0 = background, 255 = ignored
          (padding).
        - ``no_targets`` (list[bool], metainfo): E, whether the image has no such object (gRefCOCO).
        - ``pred_sem_seg.data`` (Tensor): (E, H, W) uint8, 1 = referent.
        - ``pred_scores`` (Tensor): (E,) float, the mean probability inside the predicted mask,
          0 for an empty one.
        - ``pred_existence`` (Tensor): (E,) float, the probability that there is such an object at all, only where the
          model has an existence head.
        - ``pred_prior.data`` (Tensor): (E, h, w) float logits of where the referent is, at the prior's own size,
          only where fusion gives one (LTS' heatmap); it covers the input, ``batch_input_shape`` (metainfo).
        - ``seg_logits.data`` (Tensor): (E * K, H, W), only with ``test_cfg.keep_logits``.
        - metainfo of the image: ``img_path, ori_shape, img_shape, scale_factor, flip, …`` and of
          the refer format: ``image_id, ref_ids, sent_ids`` (lists of E ints).
    """

    def set_metainfo(self, metainfo: dict) -> None:
        """Set metainfo, of which the sample keeps copies: those of numbers and words alone without a walk through them.

        A sample is copied several times on its way to the model; :func:`copy.deepcopy` took a tenth of loading it.
        """
        if not isinstance(metainfo, dict):
            raise TypeError(f'metainfo is a {type(metainfo).__name__}, expected a dict')
        for name, value in metainfo.items():
            self.set_field(name=name, value=_copied(value), field_type='metainfo', dtype=None)

    @property
    def pred_scores(self) -> Tensor:
        """Tensor: (E,) confidence of each predicted mask."""
        return self._pred_scores

    @pred_scores.setter
    def pred_scores(self, value: Tensor) -> None:
        self.set_field(value, '_pred_scores', dtype=Tensor)

    @pred_scores.deleter
    def pred_scores(self) -> None:
        del self._pred_scores

    @property
    def pred_existence(self) -> Tensor:
        """Tensor: (E,) probability that there is such an object."""
        return self._pred_existence

    @pred_existence.setter
    def pred_existence(self, value: Tensor) -> None:
        self.set_field(value, '_pred_existence', dtype=Tensor)

    @pred_existence.deleter
    def pred_existence(self) -> None:
        del self._pred_existence


def _copied(value: object) -> object:
    """A value that nothing shares with another sample."""
    if type(value) in ATOMS:
        return value
    if type(value) in (list, tuple) and all(type(item) in ATOMS for item in value):
        return type(value)(value)
    return copy.deepcopy(value)


def image_index_of(data_samples: Sequence[RefDataSample], device=None) -> Tensor:
    """Index of the image that each expression of a batch belongs to.

    Args:
        data_samples (Sequence[RefDataSample]): B samples with E_b expressions each.
        device: Where the index is made.

    Returns:
        Tensor: (N,) int64, N = sum of E_b; for example E = (2, 1) gives (0, 0, 1).
    """
    return device_index([image for image, sample in enumerate(data_samples) for _ in sample.expressions], device)
