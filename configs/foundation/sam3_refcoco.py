_base_ = [
    '../_base_/models/foundation_sam3.py', '../_base_/datasets/refcoco_own-size.py',
    '../_base_/default_runtime.py'
]
