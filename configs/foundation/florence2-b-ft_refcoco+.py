_base_ = [
    '../_base_/models/foundation_florence2-b-ft.py', '../_base_/datasets/refcoco+_own-size.py',
    '../_base_/default_runtime.py'
]
