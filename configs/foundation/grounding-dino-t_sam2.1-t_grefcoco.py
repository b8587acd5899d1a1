_base_ = [
    '../_base_/models/foundation_grounding-dino-t_sam2.1-t.py', '../_base_/datasets/grefcoco_own-size.py',
    '../_base_/default_runtime.py'
]
# All boxes above the threshold, united; none says that there is no such object.
model = dict(rule='all', test_cfg=dict(existence_threshold=0.25))
