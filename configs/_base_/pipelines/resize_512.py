# The datasets' pipelines at 512x512, for configs of one's own that hand them to their dataloaders; ours take the bases
# ../datasets/*_512.py.
input_size_512 = (512, 512)
train_pipeline_512 = [
    dict(type='LoadRefImage'),
    dict(type='RefResize', scale=input_size_512, keep_ratio=False, backend='torch'),
    dict(type='LoadRefAnnotations', size='input'),
    dict(type='PackRefInputs')
]
test_pipeline_512 = [
    dict(type='LoadRefImage'),
    dict(type='RefResize', scale=input_size_512, keep_ratio=False, backend='pillow'),
    dict(type='LoadRefAnnotations'),
    dict(type='PackRefInputs')
]
