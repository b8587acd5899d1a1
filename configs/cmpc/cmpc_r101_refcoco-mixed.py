# The words of all three; build_vocab.py counts those of one, so its files are put together:
#   for data in "refcoco --split-by unc" "refcoco+ --split-by unc" "refcocog --split-by umd"; do
#       python tools/dataset_converters/build_vocab.py data/${data%% *} /tmp/${data%% *}.txt ${data#* } \
#           --text-field sent
#   done; mkdir -p data/mixed; sort -u /tmp/refcoco.txt /tmp/refcoco+.txt /tmp/refcocog.txt > data/mixed/vocab.txt
_base_ = ['./cmpc_r101_refcoco.py', '../_base_/datasets/refcoco_mixed.py']
model = dict(text_encoder=dict(vocab='data/mixed/vocab.txt'))
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixedRefDataset',
        datasets=_base_.mixed_sets,
        common=_base_.train_dataloader.dataset))
