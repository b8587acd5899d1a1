#   python tools/dataset_converters/build_vocab.py data/refclef data/refclef/vocab.txt --split-by berkeley
_base_ = './m3att_darknet53_refcoco.py'

dataset_type = 'ReferItDataset'
# The paper gives no length for ReferIt; 20 words as for RefCOCOg.
model = dict(text_encoder=dict(vocab='data/refclef/vocab.txt', max_length=20), decoder=dict(max_words=20))
train_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
val_dataloader = dict(dataset=dict(type=dataset_type, split_by='berkeley'))
test_dataloader = val_dataloader
val_evaluator = dict(length_groups='referit')
test_evaluator = val_evaluator
