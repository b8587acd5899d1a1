# CMPC as released. The words and their vectors:
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt --text-field sent
#   https://nlp.stanford.edu/projects/glove, unpacked, at data/glove/
_base_ = [
    '../_base_/models/cmpc_r101.py', '../_base_/datasets/refcoco.py', '../_base_/schedules/schedule_cmpc_6e.py',
    '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt', glove='data/glove/glove.840B.300d.txt'))
input_size = (320, 320)
# The ratio of the sides stays; the preprocessor fills up to a square.
resize = dict(type='RefResize', scale=input_size, keep_ratio=True)
train_pipeline = [_base_.load_image, resize, _base_.load_train_masks, _base_.pack]
test_pipeline = [_base_.load_image, resize, _base_.load_test_masks, _base_.pack]
# Every sentence once an epoch, one a step.
train_dataloader = dict(batch_size=1, dataset=dict(sample_by='expression', text_field='sent', pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(text_field='sent', pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(eval_size='original')
test_evaluator = val_evaluator
