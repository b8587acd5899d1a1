_base_ = [
    '../_base_/models/foundation_owlv2-b_sam2.1-t.py', '../_base_/datasets/refcocog-umd_own-size.py',
    '../_base_/default_runtime.py'
]
