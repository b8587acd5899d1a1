"""RefShapes, the generated dataset in the refer format."""

from typing import Optional

from mmrefseg.registry import DATASETS

from .grefcoco import GeneralizedRefs
from .refer_dataset import ReferDataset


@DATASETS.register_module()
class RefShapesDataset(ReferDataset):
    """RefShapes as ``mmrefseg make-refshapes`` writes it: train, val, testA, testB.

    Arguments and errors are :class:`ReferDataset`'s. ``ann_dir`` names the variant: ``'refshapes'``,
    ``'refshapes+'`` (no words of place) or ``'refshapesg'`` (long, relational); all
    three share their images.
    """

    def __init__(self, ann_dir: str = 'refshapes', split_by: str = 'unc', split: str = 'train', *,
                 data_prefix: Optional[dict] = None, **kwargs) -> None:
        super().__init__(
            ann_dir=ann_dir, split_by=split_by, split=split,
            data_prefix=dict(img='images/refshapes') if data_prefix is None else data_prefix, **kwargs)

    @property
    def source(self) -> str:
        """str: Where the files are had."""
        return 'mmrefseg make-refshapes makes them.'


@DATASETS.register_module()
class GRefShapesDataset(GeneralizedRefs, RefShapesDataset):
    """RefShapes in the generalized variant, whose expressions name one object, several or none; laid out as gRefCOCO.

    It is made by ``mmrefseg make-refshapes … --variants grefshapes``. Arguments and errors are :class:`ReferDataset`'s.
    """

    def __init__(self, ann_dir: str = 'grefshapes', split_by: str = 'unc', split: str = 'train', **kwargs) -> None:
        super().__init__(ann_dir=ann_dir, split_by=split_by, split=split, **kwargs)

    @property
    def source(self) -> str:
        """str: Where the files are had."""
        return f'{super().source[:-1]} (--variants grefshapes).'
