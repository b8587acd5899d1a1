# "CMPC + Seg" (LTS, Table 3): LTS' segmentation module on F and CMPC's own score map, with LTS' locating loss on it.
# Eight sentences a step: a batch norm of ASPP sees one pixel an expression.
_base_ = './cmpc_r101_refcoco.py'

model = dict(
    fusion=dict(locator=dict(type='ScoreLocator')),
    decoder=dict(_delete_=True, type='LTSDecoder', in_channels=500, norm_cfg=dict(type='SyncBN', requires_grad=True)),
    decode_head=dict(in_channels=512, kernel_size=1),
    auxiliary_head=[_base_.model.auxiliary_head, dict(type='LocateHead', reduction='mean')])
train_dataloader = dict(batch_size=8)
auto_scale_lr = dict(base_batch_size=8)
