_base_ = [
    '../_base_/models/s2rm-casg_swinb.py', '../_base_/datasets/refcocog-umd_512.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
