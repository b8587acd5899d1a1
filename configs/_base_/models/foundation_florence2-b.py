# Florence-2, base. MIT.
model = dict(
    type='Florence2Segmentor', pretrained='florence-community/Florence-2-base', size='0.23 billion weights',
    test_cfg=dict(eval_size='original'))
