"""RefShapes, the generated dataset in the refer format."""

from typing import Optional

from mmrefseg.registry import DATASETS

from .refer_dataset import ReferDataset


@DATASETS.register_module()
class RefShapesDataset(ReferDataset):
    """What ``tools/dataset_converters/make_refshapes.py`` writes: train, val, testA, testB.

    Arguments and errors are :class:`ReferDataset`'s. ``ann_dir`` names the variant: ``'refshapes'``,
    ``'refshapes+'`` (no words of place) or ``'refshapesg'`` (long, relational); all
    three share their pictures.
    """

    def __init__(self, ann_dir: str = 'refshapes', split_by: str = 'unc', split: str = 'train', *,
                 data_prefix: Optional[dict] = None, **kwargs) -> None:
        super().__init__(
            ann_dir=ann_dir, split_by=split_by, split=split,
            data_prefix=dict(img='images/refshapes') if data_prefix is None else data_prefix, **kwargs)

    @property
    def source(self) -> str:
        """str: Where the files are had."""
        return 'tools/dataset_converters/make_refshapes.py makes them.'
