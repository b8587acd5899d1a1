# Trained on train and val, as released: 700,000 steps are 12 epochs of their 59,969 sentences.
#   python tools/dataset_converters/build_vocab.py data/refclef data/refclef/vocab.txt --split-by berkeley \
#       --text-field sent
_base_ = './cmpc_r101_refcoco.py'

model = dict(text_encoder=dict(vocab='data/refclef/vocab.txt'))
own = dict(type='ReferItDataset', split_by='berkeley')
part = dict(
    own, data_root=_base_.data_root, sample_by='expression', text_field='sent', pipeline=_base_.train_pipeline)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='MixedRefDataset', datasets=[dict(part, split='train'), dict(part, split='val')]))
val_dataloader = dict(dataset=dict(own, split='test'))
test_dataloader = val_dataloader
val_evaluator = dict(length_groups='referit')
test_evaluator = val_evaluator
max_epochs = 12
param_scheduler = dict(end=max_epochs)
train_cfg = dict(max_epochs=max_epochs)
