_base_ = [
    '../_base_/models/foundation_grounding-dino-t_sam2.1-t.py', '../_base_/datasets/refcocog-umd_own-size.py',
    '../_base_/default_runtime.py'
]
