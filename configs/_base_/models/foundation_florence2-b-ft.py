# Florence-2, base, fine-tuned by its authors: it HAS SEEN RefCOCO. MIT.
model = dict(
    type='Florence2Segmentor', pretrained='florence-community/Florence-2-base-ft', size='0.23 billion weights',
    test_cfg=dict(eval_size='original'))
