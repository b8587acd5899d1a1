_base_ = [
    '../_base_/models/lts_swinb.py', '../_base_/datasets/refcocog-umd.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
