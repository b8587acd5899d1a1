# RefSegRS (remote sensing): train, val, test. Lines "<number> <phrase>"; picture and mask are named by the number.
_base_ = './refcoco.py'

dataset_type = 'TripletListDataset'
own = dict(
    type=dataset_type,
    data_root='data/RefSegRS/',
    ann_file='output_phrase_{split}.txt',
    data_prefix=dict(img='images', mask='masks'),
    img_suffix='.tif',
    mask_suffix='.tif')
train_dataloader = dict(dataset=own)
val_dataloader = dict(dataset=own)
test_dataloader = val_dataloader
