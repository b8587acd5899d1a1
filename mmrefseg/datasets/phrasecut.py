"""PhraseCut: phrases that may mean several instances.

Source: Wu et al., "PhraseCut: Language-based Image Segmentation in the Wild", CVPR 2020. Images are Visual Genome's.
"""

from mmrefseg.registry import DATASETS

from .triplet_list_dataset import TripletListDataset


@DATASETS.register_module()
class PhraseCutDataset(TripletListDataset):
    """PhraseCut: splits train, val, test, miniv; the mask of a phrase is the union of its instances.

    Its files become a list first: ``tools/dataset_converters/to_refer.py data/phrasecut data/phrasecut --to list
    --images data/phrasecut/images``, where ``data/phrasecut`` has ``refer_train.json`` and so on. Arguments and errors
    are :class:`TripletListDataset`'s. Its mean and cumulative IoU are mIoU and oIoU of
    ``RefIoUMetric(protocol='phrasecut')``.
    """

    def __init__(self, ann_file: str = 'list.jsonl', *args, **kwargs) -> None:
        super().__init__(ann_file, *args, **kwargs)
