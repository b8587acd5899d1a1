_base_ = [
    '../_base_/models/s2rm-casg_swint.py', '../_base_/datasets/referit_512.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
