_base_ = [
    '../_base_/models/foundation_florence2-b-ft.py', '../_base_/datasets/refcocog-umd_own-size.py',
    '../_base_/default_runtime.py'
]
