_base_ = [
    '../_base_/models/foundation_mm-grounding-dino-t_sam2.1-t.py', '../_base_/datasets/refcoco+_own-size.py',
    '../_base_/default_runtime.py'
]
