# RefCOCO (UNC split): train, val, testA (people), testB (other things). Test another split with
#   tools/test.py CONFIG CHECKPOINT --splits val testA testB
# and at another size with --cfg-options input_size=512; ./refcoco_512.py and its like are bases of other sizes.
dataset_type = 'RefCOCODataset'
data_root = 'data/'
input_size = (480, 480)
# Training resizes with Pillow's filter as torch has it, several times as fast and off by one of 255 on 0.3 % of the
# values; testing takes Pillow's own pixels, as LAVT does ('pillow' here does so in training). The masks are those of
# masks that are loaded first and resized.
load_image = dict(type='LoadRefImage')
train_resize = dict(type='RefResize', scale=input_size, keep_ratio=False, backend='torch')
test_resize = dict(type='RefResize', scale=input_size, keep_ratio=False, backend='pillow')
load_train_masks = dict(type='LoadRefAnnotations', size='input')
load_test_masks = dict(type='LoadRefAnnotations')
pack = dict(type='PackRefInputs')
train_pipeline = [load_image, train_resize, load_train_masks, pack]
test_pipeline = [load_image, test_resize, load_test_masks, pack]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,  # as released; a last batch of one expression has no statistics for some batch norms
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type, data_root=data_root, split='train', sample_by='ref', pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='val',
        sample_by='image',
        test_mode=True,
        pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='RefIoUMetric', protocol='lavt')
test_evaluator = val_evaluator
