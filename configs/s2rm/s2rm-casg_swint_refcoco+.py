_base_ = [
    '../_base_/models/s2rm-casg_swint.py', '../_base_/datasets/refcoco+_512.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
# Table III: by the number of words.
val_evaluator = dict(length_groups='refcoco+')
test_evaluator = val_evaluator
