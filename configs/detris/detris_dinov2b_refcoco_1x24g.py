# On one card of 24 GB: one step takes the published batch of 32. See docs/en/running.md.
_base_ = './detris_dinov2b_refcoco.py'
model = dict(with_cp=True)
optim_wrapper = dict(type='BFloat16OptimWrapper')
train_dataloader = dict(batch_size=32)
