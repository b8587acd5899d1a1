"""gRefCOCO: expressions for one object, several or none.

Source: Liu et al., "GRES: Generalized Referring Expression Segmentation", CVPR 2023. Its images are those of RefCOCO,
in RefCOCO's splits.
"""

from mmengine.fileio import join_path

from mmrefseg.registry import DATASETS

from .refcoco import RefCOCOBase, SplitSize


class GeneralizedRefs:
    """Mix-in of a :class:`ReferDataset` whose refs are those of ``grefs(<split_by>).json``.

    A ref has one target, several (``ann_id`` is a list; the mask is their union) or none (``ann_id`` is [-1]; the mask
    is empty).
    """

    @property
    def refs_file(self) -> str:
        """str: Path of ``grefs(<split_by>).json``."""
        return join_path(self.ann_dir, f'grefs({self.split_by}).json')


@DATASETS.register_module()
class GRefCOCODataset(GeneralizedRefs, RefCOCOBase):
    """gRefCOCO: ``split_by='unc'``, splits train, val, testA, testB.

    Arguments and errors are :class:`ReferDataset`'s. The published file has refs without a sentence, which its authors
    say to skip: they are left out, counted in the log and listed in :attr:`skipped`. Which expressions have no target
    is ``no_targets`` of a sample.
    """

    FOLDER = 'grefcoco'
    SKIPS_SILENT_REFS = True
    ANNOTATIONS_URL = 'https://github.com/henghuiding/gRefCOCO'
    #: The paper states no sizes by split, and copies of the file with and without the test splits go round.
    SIZES = {('unc', split): SplitSize() for split in ('train', 'val', 'testA', 'testB')}
