# A list of pictures, masks and expressions of your own: docs/en/custom_dataset.md.
_base_ = './refcoco.py'

dataset_type = 'TripletListDataset'
data_root = 'data/my_set/'
own = dict(
    type=dataset_type, data_root=data_root, ann_file='list.jsonl', data_prefix=dict(img='images', mask='masks'))
train_dataloader = dict(dataset=own)
val_dataloader = dict(dataset=own)
test_dataloader = val_dataloader
