"""ReferIt (RefCLEF): where it lies, its splits and their published sizes.

Sources: Kazemzadeh et al., "ReferItGame: Referring to Objects in Photographs of Natural Scenes", EMNLP
2014; the Berkeley partition is Hu et al.'s, CVPR 2016. The images are SAIAPR TC-12's.
"""

from typing import Dict, Optional, Tuple

import numpy as np
from mmengine.logging import print_log

from mmrefseg.registry import DATASETS

from .refcoco import SplitSize
from .refer_dataset import ReferDataset
from .refer_format.index import ReferIndex

IMAGE_DIRS = ('images/saiapr_tc-12', 'saiapr_tc-12')
IMAGES_URL = ('https://web.archive.org/web/20220515000000/http://bvisionweb1.cs.unc.edu/licheng/'
              'referit/data/images/saiapr_tc-12.zip')
# Ids of images that the field's code leaves out; 19579.jpg, for one, is a GIF.
BAD_IMAGES = (17975, 19575, 19579)
# The UNC partition's test sets may overlap: a ref of the split 'testAB' belongs to A and to B, as in the
# refer API.
OVERLAPPING_SPLITS = ('testA', 'testB', 'testC')


class ReferItIndex(ReferIndex):
    """ReferIt's annotations, whose splits overlap and hold no bad image; made by ``from_arrays``."""

    def refs_of_split(self, split: str) -> np.ndarray:
        """Rows of the refs of a split but for those of bad images; as in ReferIndex otherwise."""
        rows = self._published_refs(split)
        return rows[~self._on_bad_image(rows)]

    def bad_refs_of_split(self, split: str) -> np.ndarray:
        """Rows of the refs of a split that are left out, their images being known to be bad.

        Args:
            split (str): The split's exact name.

        Returns:
            np.ndarray: (refs,) int64.
        """
        rows = self._published_refs(split)
        return rows[self._on_bad_image(rows)]

    def _published_refs(self, split: str) -> np.ndarray:
        names = [row for row, name in enumerate(self.split_names.tolist())
                 if name == split or split in OVERLAPPING_SPLITS and split[-1] in name]
        return np.flatnonzero(np.isin(self.ref_split, names))

    def _on_bad_image(self, rows: np.ndarray) -> np.ndarray:
        return np.isin(self.ref_image[rows], np.flatnonzero(np.isin(self.image_id, BAD_IMAGES)))


@DATASETS.register_module()
class ReferItDataset(ReferDataset):
    """ReferIt: ``split_by='berkeley'``, splits train, val, test; or ``'unc'``, train, val, testA,
    testB, testC, where a ref may belong to several of the test sets.

    Its masks are lists of RLEs, taken as their union. Three images known to be bad are left out: the
    log counts them and :attr:`skipped` lists them, whatever ``on_error`` says. Images are found by the
    file name that ``instances.json`` gives, relative to the folder of images. Arguments and errors are
    :class:`ReferDataset`'s.
    """

    #: Name of the annotations' folder.
    FOLDER = 'refclef'
    #: Where the annotations are had.
    ANNOTATIONS_URL = ('https://web.archive.org/web/20220413011817/https://bvisionweb1.cs.unc.edu/'
                       'licheng/referit/data/refclef.zip')
    #: Published sizes by (split_by, split), without the bad images. Numbers of refs are not stated,
    #: nor any of the UNC partition. (S²RM's text gives val the size of test and test that of val.)
    SIZES: Dict[Tuple[str, str], SplitSize] = {
        ('berkeley', 'train'): SplitSize(refs=None, expressions=54127),
        ('berkeley', 'val'): SplitSize(refs=None, expressions=5842),
        ('berkeley', 'test'): SplitSize(refs=None, expressions=60103),
        **{('unc', split): SplitSize(refs=None) for split in ('train', 'val', *OVERLAPPING_SPLITS)},
    }

    def __init__(self, ann_dir: str = FOLDER, split_by: str = 'berkeley', split: str = 'train', *,
                 data_prefix: Optional[dict] = None, **kwargs) -> None:
        super().__init__(
            ann_dir=ann_dir, split_by=split_by, split=split,
            data_prefix=dict(img=list(IMAGE_DIRS)) if data_prefix is None else data_prefix, **kwargs)

    @property
    def source(self) -> str:
        """str: Where the files are had."""
        return (f'The annotations are had from {self.ANNOTATIONS_URL} (unpack into the data root), '
                f'the pictures from {IMAGES_URL} (to be {IMAGE_DIRS[0]} or {IMAGE_DIRS[1]}, or set '
                'data_prefix=dict(img=…)); mmrefseg prepare-refcoco --datasets '
                f'{self.FOLDER} checks them.')

    def _read_index(self) -> ReferItIndex:
        # Kept, so that the other splits of the same files share it.
        self._shared_index = super()._read_index()
        shared = self._shared_index
        return ReferItIndex.from_arrays(shared.to_arrays(), kept_in=shared.kept_in, checksum=shared.checksum)

    def _usable_expressions(self) -> np.ndarray:
        rows = super()._usable_expressions()
        bad = self.index.bad_refs_of_split(self.split)
        if len(bad):
            images = self.index.image_id[self.index.ref_image[bad]]
            self.skipped += [(ref_id, f'its picture {image} is known to be bad') for ref_id, image
                             in zip(self.index.ref_id[bad].tolist(), images.tolist())]
            print_log(
                f'{self.dataset_name}: left out {len(bad)} refs '
                f'({len(self.index.expressions_of_refs(bad))} expressions) of the pictures '
                f'{", ".join(map(str, np.unique(images)))}, which are known to be bad', logger='current')
        return rows
