"""RefCOCO, RefCOCO+ and RefCOCOg: where they lie, their splits and their published sizes.

Sources: Yu et al., "Modeling Context in Referring Expressions", ECCV 2016 (RefCOCO, RefCOCO+); Mao et
al., "Generation and Comprehension of Unambiguous Object Descriptions", CVPR 2016 (RefCOCOg; the
UMD split is Nagaraja et al.'s, ECCV 2016). All images are COCO train2014's.
"""

from typing import Dict, NamedTuple, Optional, Tuple

from mmrefseg.registry import DATASETS

from .refer_dataset import ReferDataset

IMAGE_DIRS = ('images/mscoco/images/train2014', 'coco/train2014')
IMAGES_URL = 'http://images.cocodataset.org/zips/train2014.zip'
# The authors' server rarely answers; the Internet Archive keeps the same files.
_ARCHIVE = ('https://web.archive.org/web/{}/https://bvisionweb1.cs.unc.edu/licheng/referit/data/'
            '{}.zip')


class SplitSize(NamedTuple):
    """Published size of a split; None = not stated."""

    refs: Optional[int] = None
    expressions: Optional[int] = None


class RefCOCOBase(ReferDataset):
    """Base of the RefCOCO family; arguments and errors are :class:`ReferDataset`'s."""

    #: Name of the annotations' folder.
    FOLDER: str
    #: Where the annotations are had.
    ANNOTATIONS_URL: str
    #: Published sizes by (split_by, split).
    SIZES: Dict[Tuple[str, str], SplitSize]

    def __init__(self, ann_dir: Optional[str] = None, split_by: Optional[str] = None,
                 split: str = 'train', *, data_prefix: Optional[dict] = None, **kwargs) -> None:
        super().__init__(
            ann_dir=self.FOLDER if ann_dir is None else ann_dir,
            split_by=next(iter(self.SIZES))[0] if split_by is None else split_by,
            split=split,
            data_prefix=dict(img=list(IMAGE_DIRS)) if data_prefix is None else data_prefix,
            **kwargs)

    @property
    def source(self) -> str:
        """str: Where the files are had."""
        return (f'The annotations are had from {self.ANNOTATIONS_URL} (unpack into the data root), '
                f'the pictures from {IMAGES_URL} (unpack into {IMAGE_DIRS[0]} or {IMAGE_DIRS[1]}, '
                'or set data_prefix=dict(img=…)); mmrefseg prepare-refcoco checks them.')


@DATASETS.register_module()
class RefCOCODataset(RefCOCOBase):
    """RefCOCO: ``split_by='unc'``, splits train, val, testA (people), testB (other things)."""

    FOLDER = 'refcoco'
    ANNOTATIONS_URL = _ARCHIVE.format('20220413011718', FOLDER)
    SIZES = {
        ('unc', 'train'): SplitSize(refs=42404, expressions=120624),
        ('unc', 'val'): SplitSize(refs=3811, expressions=10834),
        ('unc', 'testA'): SplitSize(refs=1975, expressions=5657),
        ('unc', 'testB'): SplitSize(refs=1810, expressions=5095),
    }


@DATASETS.register_module()
class RefCOCOPlusDataset(RefCOCOBase):
    """RefCOCO+ (no words of place): ``split_by='unc'``, splits train, val, testA, testB."""

    FOLDER = 'refcoco+'
    ANNOTATIONS_URL = _ARCHIVE.format('20220413011656', FOLDER)
    SIZES = {
        ('unc', 'train'): SplitSize(refs=42278),
        ('unc', 'val'): SplitSize(refs=3805),
        ('unc', 'testA'): SplitSize(refs=1975),
        ('unc', 'testB'): SplitSize(refs=1798),
    }


@DATASETS.register_module()
class RefCOCOgDataset(RefCOCOBase):
    """RefCOCOg (long expressions): ``split_by='umd'``, splits train, val, test; or ``'google'``,
    train and val, whose images overlap.
    """

    FOLDER = 'refcocog'
    ANNOTATIONS_URL = _ARCHIVE.format('20220413012904', FOLDER)
    SIZES = {
        ('umd', 'train'): SplitSize(refs=42226),
        ('umd', 'val'): SplitSize(refs=2573),
        ('umd', 'test'): SplitSize(refs=5023),
        ('google', 'train'): SplitSize(refs=44822),
        ('google', 'val'): SplitSize(refs=5000),
    }
