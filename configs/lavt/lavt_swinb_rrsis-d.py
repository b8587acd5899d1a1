_base_ = [
    '../_base_/models/lavt_swinb.py', '../_base_/datasets/rrsis-d.py',
    '../_base_/schedules/schedule_40e.py', '../_base_/default_runtime.py'
]
