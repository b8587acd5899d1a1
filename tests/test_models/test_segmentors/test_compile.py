"""torch.compile: every method is whole graphs, sizes that change compile little, and the numbers stay."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from tiny_methods import BERT, LAVT_MODEL, METHODS, SIZE, build
from torch._dynamo.testing import CompileCounterWithBackend
from torch.testing import assert_close
from torch_versions import needs_compile

from mmrefseg.models import BaseRefHead, RefSegmentor, compile_parts
from mmrefseg.structures import RefDataSample

pytestmark = needs_compile
CHECKPOINTED = dict(LAVT_MODEL, with_cp=True)


@pytest.fixture(autouse=True)
def forget_graphs():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


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
        method = 'forward'
        if isinstance(head, BaseRefHead):
            method = 'loss_and_logits' if type(head).loss is BaseRefHead.loss else 'loss'
        expected.add(f'{type(head).__name__}.{method}')
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


def test_an_old_torch_is_refused(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.8.0+cpu')
    with pytest.raises(ValueError, match=r'torch 2.8.0\+cpu cannot .*, expected torch 2.9 or newer: leave --compile'):
        compile_parts(RefSegmentor.__new__(RefSegmentor))
    monkeypatch.setattr(torch, '__version__', '2.9.0')
    with pytest.raises(AttributeError):  # not refused: it has no parts
        compile_parts(RefSegmentor.__new__(RefSegmentor))
