# A picture is encoded once for up to four of its refs, about 2.4 of RefCOCO: 8 GPUs x 2 pictures are some 38
# expressions a step, where one expression a picture makes 32.
_base_ = './vlt_swinb_refcoco.py'
train_dataloader = dict(batch_size=2, dataset=dict(sample_by='image_refs', max_refs=4))
auto_scale_lr = dict(base_batch_size=16)
