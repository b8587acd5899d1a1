"""Export: the methods in torch.export and in onnxruntime, with any number of pictures, expressions and words."""

import copy

import onnxruntime
import pytest
import torch
from mmengine.model import BaseModule
from tiny_methods import BERT, CONVS, GRU, METHODS, SIZE, build
from torch import nn
from torch.onnx._internal.exporter import _registration
from torch.testing import assert_close
from torch_versions import needs_export

from mmrefseg.engine import use_half_precision
from mmrefseg.export import SegmentorGraph, trace
from mmrefseg.export.example_inputs import example_inputs
from mmrefseg.export.failing_part import PartialGraph, failing_part
from mmrefseg.export.onnx_model import to_onnx
from mmrefseg.export.parity import CASES, Difference, differences
from mmrefseg.export.trace import trace_graph
from mmrefseg.exported import ExportError
from mmrefseg.models import RNNEncoder
from mmrefseg.models.text_encoders.packed_rnn import packed_rnn

pytestmark = needs_export


def smaller(name, skip=1, **options):
    """A method of test_compile.py with less of the same: what is traced symbol by symbol takes its time."""
    parts = copy.deepcopy(METHODS[name])
    for key, values in options.items():
        parts[key] = dict(parts[key], **values)
    return dict(parts, backbone=dict(CONVS, skip=skip))


# Both outputs that not every model has, LSTM, and a head whose later steps depend on the masks of earlier ones.
SADLR_ON_LTS = dict(
    smaller('lts_swin'), text_encoder=dict(GRU, cell='lstm', num_layers=2),
    decode_head=dict(type='SADLRHead', in_channels=16, text_channels=16, dynamic_channels=(4, 8), num_classes=1),
    existence_head=dict(type='ExistenceHead', in_channels=16, text_channels=16, channels=4))
# The parts of the other methods; LAVT is exported by the tests of the inferencer. Their translation to ONNX takes three
# times as long as the trace: benchmarks/export.py compares all of them.
TRACED = dict(
    cgan=dict(METHODS['cga'], text_encoder=BERT),
    vlt=smaller('vlt', fusion=dict(num_encoder_layers=1, num_decoder_layers=1)),
    s2rm_casg=smaller('s2rm_casg', skip=2, fusion=dict(in_channels=[16, 32]), decoder=dict(in_channels=[16, 32]),
                      decode_head=dict(in_channels=16)),
    m3att=smaller('m3att_lfr', skip=0, fusion=dict(num_layers=1, num_encoder_layers=0)))


@pytest.fixture(scope='module', autouse=True)
def quick_conversion():
    """Without what costs time and is no part of the question: simplification, and the list of operators made anew."""
    registry = _registration.ONNXRegistry.from_torchlib()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_registration.ONNXRegistry, 'from_torchlib', lambda *args, **kwargs: registry)
        patch.setattr(torch.onnx.ONNXProgram, 'optimize', lambda self: None)
        yield


@pytest.mark.parametrize('name', TRACED)
def test_torch_export_agrees_with_eager_torch(name):
    graph = SegmentorGraph(build(TRACED[name]), (SIZE, SIZE))
    found = differences(graph, trace(graph.model, graph.input_size).module())
    assert len(found) == len(CASES) and all(case.within(1e-4) for case in found), found


def test_onnx_agrees_with_eager_torch():
    """And its inputs and outputs have names and free sizes."""
    graph = SegmentorGraph(build(SADLR_ON_LTS), (SIZE, SIZE))
    program = trace(graph.model, graph.input_size)
    onnx = to_onnx(program, graph.output_names)
    session = onnxruntime.InferenceSession(onnx.model_proto.SerializeToString(), providers=['CPUExecutionProvider'])

    def run(*inputs):
        values = {entry.name: tensor.numpy() for entry, tensor in zip(session.get_inputs(), inputs)}
        return [torch.from_numpy(output) for output in session.run(None, values)]

    for exported in (program.module(), run):
        found = differences(graph, exported)
        assert len(found) == len(CASES) and all(case.within(1e-4) for case in found), found
    shapes = {entry.name: entry.shape for entry in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == dict(
        images=['images', 3, SIZE, SIZE], ids=['expressions', 'words'], mask=['expressions', 'words'],
        image_index=['expressions'], logits=['expressions', SIZE, SIZE], existence=['expressions'],
        prior=['expressions', 1, 8, 8])


@pytest.mark.parametrize('options', [
    dict(), dict(cell='lstm', num_layers=2), dict(bidirectional=False), dict(sentence='mean', num_layers=2)
])
def test_the_recurrent_operator_is_the_encoder(options):
    """Eager, where export takes it: the same words and sentence as the encoder's own run."""
    encoder = RNNEncoder(vocab=['a', 'b'], embed_dims=6, hidden_dims=5, **options).eval()
    ids, mask = encoder.tokenize(['a b a b', 'b', 'a b a'])
    with torch.no_grad():
        assert_close(vars(encoder._encode_for_export(ids, mask)), vars(encoder.encode(ids, mask)))


def test_the_recurrent_operator_is_a_good_operator():
    rnn = nn.GRU(4, 3, batch_first=True, bidirectional=True)
    weights = [parameter.detach() for parameter in rnn.parameters()]
    torch.library.opcheck(
        packed_rnn, (torch.randn(2, 5, 4), torch.tensor([5, 2]), weights, 'gru', 1, True),
        test_utils=('test_schema', 'test_faketensor'))


class Stubborn(BaseModule):
    """A backbone of one map, with something in it that cannot be exported."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 4, 3, stride=8, padding=1)

    def forward(self, images):
        maps = self.conv(images)
        if self.kind == 'branch' and maps.sum() > 0:
            maps = -maps
        if self.kind == 'operator':
            maps = torch.special.bessel_j0(maps)
        if self.kind == 'fixed':
            maps = maps * torch.ones(len(maps), 1, 1, 1)
        return (maps, )


def test_parts_run_in_their_order():
    stages = PartialGraph(build(SADLR_ON_LTS), 0).stages
    inputs = example_inputs(build(SADLR_ON_LTS), (SIZE, SIZE))
    assert [key for key, _ in stages(*inputs)] == [
        'text_encoder', 'backbone', 'fusion', 'decoder', 'existence_head', 'decode_head']
    model = build(METHODS['mmseg_head']).eval()
    assert failing_part(model, inputs, lambda graph: graph(*inputs)) == (None, None)
    tried = []
    failing_part(build(METHODS['lavt']), example_inputs(build(METHODS['lavt']), (SIZE, SIZE)),
                 lambda graph: tried.append(graph.number))
    assert tried == [0, 1, 2, 3, 4]  # the backbone twice: what it makes of the pictures, and of the words


def stubborn(kind):
    tile = dict(type='TileConcatFusion', in_channels=[4], text_channels=16)
    return build(dict(METHODS['tile_fpn'], backbone=dict(type=Stubborn, kind=kind), fusion=tile,
                      decoder=dict(type='FPNDecoder', in_channels=[4], channels=4)))


@pytest.mark.parametrize('kind,reason', [('branch', 'data-dependent'), ('fixed', 'specialized it to be a constant')])
def test_the_part_that_cannot_be_traced_is_named(kind, reason):
    with pytest.raises(ExportError, match=f'(?s)^model.backbone Stubborn cannot go through torch.export: .*{reason}'):
        trace(stubborn(kind), (SIZE, SIZE))


def test_the_part_without_counterpart_in_onnx_is_found():
    model = stubborn('operator')
    inputs = example_inputs(model, (SIZE, SIZE))
    part, error = failing_part(model, inputs, lambda graph: to_onnx(trace_graph(graph, inputs)))
    assert part == 'model.backbone Stubborn' and 'bessel_j0' in str(error)


def test_what_cannot_be_exported_at_all():
    with pytest.raises(TypeError, match='what can be exported is a RefSegmentor, found Linear'):
        trace(nn.Linear(2, 2), (SIZE, SIZE))
    half = use_half_precision(copy.deepcopy(build(METHODS['tile_fpn'])))
    with pytest.raises(ExportError, match=r'model\.\S+ is torch.bfloat16: export the model in single precision'):
        trace(half, (SIZE, SIZE))


def test_differences_see_what_is_wrong():
    graph = SegmentorGraph(build(METHODS['mmseg_head']), (SIZE, SIZE))
    kinds = dict(
        off=lambda logits: logits + 1e-3, nan=lambda logits: logits * torch.nan, shape=lambda logits: logits[:, 1:])
    for change in kinds.values():
        assert not any(case.within() for case in differences(graph, lambda *inputs: (change(graph(*inputs)[0]), )))  # noqa: B023
    assert Difference(5e-4, 10.).within() and not Difference(5e-4, 1.).within()
