# CMPC as released. The words and their vectors:
#   python tools/dataset_converters/build_vocab.py data/refcoco data/refcoco/vocab.txt --text-field sent
#   https://nlp.stanford.edu/projects/glove, unpacked, at data/glove/
_base_ = [
    '../_base_/models/cmpc_r101.py', '../_base_/datasets/refcoco.py', '../_base_/schedules/schedule_cmpc_6e.py',
    '../_base_/default_runtime.py'
]
model = dict(text_encoder=dict(vocab='data/refcoco/vocab.txt', glove='data/glove/glove.840B.300d.txt'))
resize = dict(type='RefResize', scale=(320, 320), keep_ratio=True, backend='cv2')
_base_.train_pipeline[1] = resize
_base_.test_pipeline[1] = resize
# Every sentence once an epoch, one a step.
train_dataloader = dict(
    batch_size=1, dataset=dict(sample_by='expression', text_field='sent', pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(text_field='sent', pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(eval_size='original')
test_evaluator = val_evaluator
