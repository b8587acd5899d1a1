_base_ = [
    '../_base_/models/m3att_swinb.py', '../_base_/datasets/referit.py',
    '../_base_/schedules/schedule_m3att_50e.py', '../_base_/default_runtime.py'
]
# 20 words, [CLS] and [SEP]; the paper gives no length for ReferIt
model = dict(text_encoder=dict(max_length=22), decoder=dict(max_words=22))
train_dataloader = dict(batch_size=12)
