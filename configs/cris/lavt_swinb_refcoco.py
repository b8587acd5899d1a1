# CRIS' kernel made of the sentence in the place of LAVT's classifier.
_base_ = '../lavt/lavt_swinb_refcoco.py'

model = dict(
    decode_head=dict(
        _delete_=True,
        type='DynamicKernelHead',
        in_channels=512,
        text_channels=768,
        align_corners=True,
        loss_decode=dict(type='RefCrossEntropyLoss')))
