"""torch.compile: every method is whole graphs, sizes that change compile little, and the numbers stay."""

import copy

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.testing import assert_close

from mmrefseg.models import BaseRefHead, compile_parts
from mmrefseg.registry import MODELS
from mmrefseg.structures import RefDataSample

SIZE = 64
LEVELS = [4, 8, 16, 32]


class FourConvs(BaseModule):
    """A backbone that takes no time to compile: four levels of strides 4 to 32, less the ``skip`` finest."""

    def __init__(self, skip=0):
        super().__init__()
        self.skip = skip
        self.convs = nn.ModuleList(
            ConvModule(before, after, stride, stride=stride, norm_cfg=dict(type='BN'))
            for before, after, stride in zip([3, *LEVELS], LEVELS, [4, 2, 2, 2]))

    def forward(self, images):
        maps = [images]
        for conv in self.convs:
            maps.append(conv(maps[-1]))
        return tuple(maps[1 + self.skip:])


WORDS = ['a', 'the', 'man', 'red', 'left']
BERT = dict(
    type='BERTEncoder', pretrained=None, tokenizer=WORDS, max_length=10, sentence='mean',
    config=dict(model_type='bert', hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16))
GRU = dict(type='RNNEncoder', vocab=WORDS, embed_dims=8, hidden_dims=8, max_length=10)
SWIN = dict(
    type='StemSwin', embed_dims=8, depths=(1, 1, 1), num_heads=(1, 1, 2), out_indices=(0, 1, 2), window_size=5,
    drop_path_rate=0.1)
# Two stages, the second with a block whose windows are shifted.
LAVT = dict(
    SWIN, type='LAVTSwin', depths=(1, 2), num_heads=(1, 2), out_indices=(0, 1), window_size=4, text_channels=16,
    fusion_heads=2)
CONVS = dict(type=FourConvs)
MASK_HEAD = dict(type='MaskHead', in_channels=16)
NARROW_HEAD = dict(type='MaskHead', in_channels=4)
TILE_CONCAT = dict(type='TileConcatFusion', in_channels=LEVELS, text_channels=16)
FPN = dict(type='FPNDecoder', in_channels=LEVELS, channels=4)
LTS = dict(
    text_encoder=GRU, backbone=SWIN,
    fusion=dict(type='LTSFusion', in_channels=[8, 16, 32], text_channels=16, channels=16,
                locator=dict(type='RelevanceFilter')),
    decoder=dict(type='LTSDecoder', in_channels=16, channels=8, out_channels=16, dilations=(1, 2)),
    decode_head=dict(type='LTSMaskHead', in_channels=16, num_classes=1), auxiliary_head=dict(type='LocateHead'))

LAVT_MODEL = dict(
    text_encoder=BERT, backbone=LAVT, decode_head=MASK_HEAD,
    decoder=dict(type='LAVTDecoder', in_channels=[8, 16], channels=16))

METHODS = dict(
    lavt=LAVT_MODEL,
    sadlr=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=dict(
        type='SADLRHead', in_channels=4, text_channels=16, dynamic_channels=(4, 8),
        loss_decode=dict(type='RefDiceLoss')), existence_head=dict(
            type='ExistenceHead', in_channels=4, text_channels=16, channels=8)),
    cga=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=dict(
        type='CGAHead', in_channels=4, text_channels=16, num_groups=2)),
    lts_swin=LTS,
    lts_darknet=dict(LTS, backbone=dict(type='mmdet.Darknet', depth=53, out_indices=(3, 4, 5)), fusion=dict(
        LTS['fusion'], in_channels=[256, 512, 1024], locator=dict(type='TransformerLocator', hidden_channels=16))),
    vlt=dict(text_encoder=GRU, backbone=dict(CONVS, skip=1), decode_head=MASK_HEAD,
             fusion=dict(type='VLTFusion', in_channels=[8, 16, 32], text_channels=16, feature_size=(4, 4),
                         channels=16, num_queries=4, num_heads=2, feedforward_channels=16),
             decoder=dict(type='VLTDecoder', in_channels=16, num_queries=4, feature_size=(4, 4),
                          channels=[[8, 8], [16]])),
    s2rm_casg=dict(text_encoder=GRU, backbone=CONVS, decode_head=NARROW_HEAD,
                   fusion=dict(type='S2RM', in_channels=LEVELS, text_channels=16, feature_size=(2, 2)),
                   decoder=dict(type='CASGDecoder', in_channels=LEVELS, text_channels=16, num_convs=1)),
    tile_fpn=dict(text_encoder=GRU, backbone=CONVS, fusion=TILE_CONCAT, decoder=FPN, decode_head=NARROW_HEAD),
    acm_fpn=dict(text_encoder=GRU, backbone=CONVS, decoder=FPN, decode_head=NARROW_HEAD,
                 fusion=dict(type='ACMFusion', in_channels=LEVELS, text_channels=16, channels=8)),
    m3att_lfr=dict(
        text_encoder=GRU, backbone=CONVS, decode_head=MASK_HEAD,
        fusion=dict(type='M3Dec', in_channels=LEVELS, text_channels=16, feature_size=(8, 8), channels=8, num_heads=2,
                    num_encoder_layers=1, num_layers=2, feedforward_channels=8, dropout=0.),
        decoder=dict(type='M3MaskDecoder', in_channels=8, max_words=10, channels=16, num_heads=2, dropout=0.),
        auxiliary_head=dict(type='LFRHead', query_channels=8, text_channels=16, channels=8)),
    mmseg_head=dict(
        text_encoder=GRU, backbone=CONVS,
        fusion=dict(type='PWAMFusion', in_channels=LEVELS, text_channels=16, levels=[3]),
        decode_head=dict(type='FCNHead', in_channels=32, in_index=3, channels=8, num_classes=2)),
)
CHECKPOINTED = dict(LAVT_MODEL, with_cp=True)


@pytest.fixture(autouse=True)
def forget_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def build(parts):
    init_default_scope('mmrefseg')
    torch.manual_seed(0)
    return MODELS.build(dict(type='RefSegmentor', **copy.deepcopy(parts)))


def make_batch(counts, num_words=4):
    """One picture for each of ``counts``, which says how many expressions it has."""
    torch.manual_seed(1)
    samples = []
    for count in counts:
        expressions = [' '.join(['man'] * max(1, num_words - i)) for i in range(count)]
        sample = RefDataSample(metainfo=dict(expressions=expressions, img_shape=(SIZE, SIZE)))
        sample.gt_sem_seg = PixelData(data=(torch.rand(count, SIZE, SIZE) > 0.5).to(torch.uint8))
        samples.append(sample)
    return torch.randn(len(counts), 3, SIZE, SIZE), samples


def explain_parts(monkeypatch, model):
    """Have dynamo explain whatever compile_parts compiles; reports by name as the model runs."""
    reports = {}

    def explained(method, **options):
        def run(module, *args):
            torch._dynamo.reset()
            reports[f'{type(module).__name__}.{method.__name__}'] = torch._dynamo.explain(method)(module, *args)
            return method(module, *args)
        return run

    monkeypatch.setattr('torch.compile', explained)
    compile_parts(model)
    return reports


@pytest.mark.parametrize('name', METHODS)
def test_no_graph_breaks(monkeypatch, name):
    """In training: dropout and the statistics of norms make its graphs the larger ones."""
    model = build(METHODS[name])
    reports = explain_parts(monkeypatch, model)
    inputs, samples = make_batch((2, 1))
    model.train()
    model(inputs, samples, mode='loss')
    assert {part: [reason.reason for reason in report.break_reasons] for part, report in reports.items()
            if report.graph_break_count} == {}
    expected = {'RefSegmentor.encode_image', 'RefSegmentor.fuse'}
    for head in filter(None, (model.decode_head, model.existence_head, *model.auxiliary_head)):
        expected.add(f'{type(head).__name__}.{"loss" if isinstance(head, BaseRefHead) else "forward"}')
    if model.decoder is not None:
        expected.add('RefSegmentor.decode')
    if METHODS[name]['text_encoder'] is BERT:
        expected.add('BERTEncoder.encode')
    assert set(reports) == expected


def test_sizes_do_not_compile_without_end():
    """LAVT, whose expressions reach into the backbone: a graph for one, and one for any other number."""
    model = build(METHODS['lavt']).eval()
    plain = copy.deepcopy(model)
    counter = CompileCounterWithBackend('eager')
    compile_parts(model, backend=counter, fullgraph=True)
    frames = []
    for count, num_words in ((3, 4), (2, 6), (1, 3), (6, 6), (4, 5), (5, 3), (1, 7)):
        inputs, samples = make_batch((count, ), num_words)
        with torch.no_grad():
            assert_close(model(inputs, samples, mode='tensor'), plain(inputs, samples, mode='tensor'))
        frames.append(counter.frame_count)
    # The five parts for several expressions; all but the image's again for one.
    assert frames == [5, 5, 9, 9, 9, 9, 9]


@pytest.mark.parametrize('parts', [CHECKPOINTED, METHODS['sadlr']], ids=['lavt_checkpointed', 'sadlr'])
def test_training_agrees(parts):
    """Losses, gradients and running statistics, through the compiler's own backward pass."""
    results = []
    for compiled in (False, True):
        model = build(parts).train()
        if compiled:
            compile_parts(model, backend='aot_eager', fullgraph=True)
        losses = model(*make_batch((2, 1)), mode='loss')
        sum(value for key, value in losses.items() if 'loss' in key).backward()
        gradients = {key: value.grad for key, value in model.named_parameters()}
        results.append((losses, gradients, dict(model.state_dict())))
    assert_close(results[1], results[0], atol=1e-4, rtol=1e-4)


def test_compiled_to_machine_code_agrees():
    """The compiler's default, which writes and builds C++: predictions of a model that is small for it."""
    model = build(METHODS['tile_fpn']).eval()
    inputs, samples = make_batch((2, 1))
    with torch.no_grad():
        expected = model(inputs, samples, mode='tensor')
        compile_parts(model)
        found = model(inputs, samples, mode='tensor')
    assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_copy_is_a_model_of_its_own():
    """As an average of weights keeps one: names stay, and its compiled parts read its own weights."""
    model = build(METHODS['sadlr']).eval()
    names = list(model.state_dict())
    compile_parts(model, backend='eager')
    copied = copy.deepcopy(model)
    assert list(model.state_dict()) == list(copied.state_dict()) == names
    assert copied.fuse.__self__ is copied and copied.decode_head.predict.__self__ is copied.decode_head
    assert copied.fuse.__func__ is model.fuse.__func__ is not type(model).fuse


def test_only_a_segmentor():
    with pytest.raises(TypeError, match='compiles a RefSegmentor, found Linear'):
        compile_parts(torch.nn.Linear(2, 2))
