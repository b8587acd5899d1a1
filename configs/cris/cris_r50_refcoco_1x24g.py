# On one card of 24 GB: two steps of 32 make the published batch of 64. See docs/en/running.md.
_base_ = './cris_r50_refcoco.py'
model = dict(with_cp=True)
optim_wrapper = dict(type='BFloat16OptimWrapper', accumulative_counts=2)
train_dataloader = dict(batch_size=32)
