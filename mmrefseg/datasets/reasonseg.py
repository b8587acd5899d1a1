"""ReasonSeg: questions whose answer is an object, with pixels that count nowhere.

Source: Lai et al., "LISA: Reasoning Segmentation via Large Language Model", CVPR 2024.
"""

from mmrefseg.registry import DATASETS

from .triplet_list_dataset import TripletListDataset


@DATASETS.register_module()
class ReasonSegDataset(TripletListDataset):
    """ReasonSeg: splits train (239 images), val (200), test (779).

    Its files become a list first: ``tools/dataset_converters/to_refer.py data/reasonseg data/reasonseg --to list
    --allow-empty``, where ``data/reasonseg`` has the folders ``train``, ``val``, ``test`` as published. Outlines are
    drawn as LISA's code draws them; pixels labelled ``ignore`` count in no loss and no metric. An image without a
    target is kept, its mask is empty. Arguments and errors are :class:`TripletListDataset`'s. LISA's gIoU and cIoU are
    mIoU and oIoU of ``RefIoUMetric(protocol='lisa')``.
    """

    def __init__(self, ann_file: str = 'list.jsonl', *args, allow_empty: bool = True, **kwargs) -> None:
        super().__init__(ann_file, *args, allow_empty=allow_empty, **kwargs)
