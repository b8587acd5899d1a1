# VLT with M3Att's language reconstruction, which no paper has.
_base_ = './vlt_swinb_refcoco.py'
model = dict(
    auxiliary_head=dict(
        type='LFRHead', query_channels=256, text_channels=768, word_queries=False, norm_cfg=_base_.norm_cfg))
