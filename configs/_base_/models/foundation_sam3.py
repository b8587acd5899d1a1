# SAM 3, trained on phrases of concepts: zero-shot on RefCOCO. Gated: accept the SAM License on the hub, then
# `hf auth login`.
model = dict(
    type='SAM3Segmentor', pretrained='facebook/sam3', size='about 3.4 GB, gated', rule='best',
    test_cfg=dict(eval_size='original'))
