# LAVT's second release, lavt_one: BERT is a part of the model, so its dropout is active in the layers that train.
_base_ = './lavt_swinb_refcoco.py'
model = dict(text_encoder=dict(dropout=True))
