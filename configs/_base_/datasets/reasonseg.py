# ReasonSeg, as a list that tools/dataset_converters/to_refer.py makes: docs/en/data.md.
_base_ = './refcoco.py'

dataset_type = 'ReasonSegDataset'
data_root = 'data/reasonseg/'
own = dict(type=dataset_type, data_root=data_root, data_prefix=dict(img=''))
train_dataloader = dict(dataset=own)
val_dataloader = dict(dataset=own)
test_dataloader = val_dataloader
# What the model predicts must be of the image's own size: model.test_cfg.eval_size='original'.
val_evaluator = dict(_delete_=True, type='RefIoUMetric', protocol='lisa')
test_evaluator = val_evaluator
