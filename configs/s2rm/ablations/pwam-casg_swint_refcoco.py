# Table VII, "PWAM + CASG": LAVT's fusion after the backbone, on the last level.
_base_ = '../s2rm-casg_swint_refcoco.py'
model = dict(
    fusion=dict(_delete_=True, type='PWAMFusion', in_channels=[96, 192, 384, 768], text_channels=768, levels=[3]))
