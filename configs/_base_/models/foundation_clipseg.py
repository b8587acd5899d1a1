# CLIPSeg (CLIP ViT-B/16, decoder of 64 channels), trained on PhraseCut: zero-shot on RefCOCO. Apache-2.0.
model = dict(
    type='CLIPSegSegmentor', pretrained='CIDAS/clipseg-rd64-refined', size='about 600 MB',
    test_cfg=dict(eval_size='original'))
