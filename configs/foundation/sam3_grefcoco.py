_base_ = [
    '../_base_/models/foundation_sam3.py', '../_base_/datasets/grefcoco_own-size.py',
    '../_base_/default_runtime.py'
]
# All instances above the threshold (transformers' own for SAM 3), united; none says that there is no such object.
model = dict(rule='all', test_cfg=dict(existence_threshold=0.3))
