# The datasets' pipelines at 512x512; a config that wants them hands them to its dataloaders.
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
