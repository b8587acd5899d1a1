"""A LAVT through tools/export.py, and what comes out through the inferencer."""

import importlib.util
import json
import shutil
import sys

import cv2
import numpy as np
import onnx
import pytest
import torch
from conftest import ROOT, TINY_CONFIG
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from torch_versions import needs_export

from mmrefseg.apis import RefSegInferencer
from mmrefseg.command_line import predict
from mmrefseg.export import export_model, export_onnx, export_program, trace
from mmrefseg.exported import ExportedSegmentor, ExportError, OnnxSession
from mmrefseg.exported.description import FileDescription
from mmrefseg.models.text_encoders import BaseTextEncoder, CLIPTextEncoder, RNNEncoder
from mmrefseg.structures import RefDataSample

pytestmark = needs_export
EXPRESSIONS = ['the red circle', 'star', 'largest blue ring left of the star', 'the red circle', 'small green']


def export(monkeypatch, *arguments):
    """Run tools/export.py in this process."""
    spec = importlib.util.spec_from_file_location('export_tool', ROOT / 'tools/export.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.setattr(sys, 'argv', ['export.py', *map(str, arguments)])
    tool.main()


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """The tiny LAVT with two of its stages: what is traced symbol by symbol takes its time."""
    cfg = Config.fromfile(str(TINY_CONFIG))
    cfg.merge_from_dict(dict(model=dict(
        backbone=dict(depths=[1, 1], num_heads=[2, 2], out_indices=(0, 1)), decoder=dict(in_channels=[8, 16]))))
    path = tmp_path_factory.mktemp('config') / 'tiny.py'
    cfg.dump(str(path))
    return path


@pytest.fixture(scope='module')
def inferencer(config):
    torch.manual_seed(0)
    inferencer = RefSegInferencer(str(config), device='cpu', show_progress=False)
    model = inferencer.model
    with torch.no_grad():
        logits = model(torch.randn(1, 3, 64, 64), [RefDataSample(metainfo=dict(expressions=['star']))], mode='tensor')
        model.decode_head.classifier.bias[0] += (logits[:, 1] - logits[:, 0]).median()  # half of each class
    return inferencer


@pytest.fixture(scope='module')
def programs():
    """What was traced for the ONNX file."""
    return []


@pytest.fixture(scope='module')
def onnx_file(config, inferencer, programs, tmp_path_factory):
    folder = tmp_path_factory.mktemp('export')
    checkpoint = folder / 'tiny.pth'
    save_checkpoint(dict(state_dict=inferencer.model.state_dict()), str(checkpoint))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.onnx.ONNXProgram, 'optimize', lambda self: None)  # which takes its time
        patch.setattr(export_model, 'trace', lambda *args: programs.append(trace(*args)) or programs[-1])
        export(patch, config, checkpoint, '--out', folder / 'sub/tiny.onnx', '--cfg-options',
               'model.test_cfg.max_expressions=3')
    assert [path.name for path in (folder / 'sub').iterdir()] == ['tiny.onnx']
    return folder / 'sub/tiny.onnx'


@pytest.fixture(scope='module')
def exported(onnx_file):
    return RefSegInferencer(str(onnx_file), device='cpu', show_progress=False)


@pytest.fixture(scope='module')
def images():
    generator = np.random.default_rng(0)
    return [generator.integers(0, 255, size, dtype=np.uint8) for size in ((40, 60, 3), (50, 30, 3), (64, 64, 3))]


def test_the_same_results_from_the_same_calls(inferencer, exported, images, tmp_path):
    """Several pictures at once, more expressions than go at once, one of them twice, and a picture drawn."""
    expressions = [EXPRESSIONS, EXPRESSIONS[:1], EXPRESSIONS[2:]]
    ours = inferencer(images, expressions, batch_size=3)
    theirs = exported(images, expressions, batch_size=3, out_dir=tmp_path)
    for expected, found, image in zip(ours, theirs, images):
        assert found['masks'].shape == (len(expected['expressions']), *image.shape[:2])
        assert 0.05 < expected['masks'].mean() < 0.95
        # Pixels on the border between the two may fall to either side.
        assert (found['masks'] != expected['masks']).mean() < 1e-3
        assert np.allclose(found['scores'], expected['scores'], atol=1e-3)
        assert {**found, 'masks': 0, 'rles': 0, 'scores': 0, 'overlay': 0} == {
            **expected, 'masks': 0, 'rles': 0, 'scores': 0, 'overlay': 0}
    assert len(list(tmp_path.glob('*.png'))) == 3
    assert exported.model.test_cfg.max_expressions == 3 and exported.model.test_cfg.eval_size == 'original'


def test_weights_may_be_the_file(onnx_file, images, exported):
    again = RefSegInferencer(weights=str(onnx_file), show_progress=False)
    assert np.array_equal(again(images[0], 'star')[0]['masks'], exported(images[0], 'star')[0]['masks'])


def test_tokenizers(inferencer, exported, monkeypatch):
    for found, expected in zip(exported.tokenizer(EXPRESSIONS), inferencer.tokenizer(EXPRESSIONS)):
        assert found.equal(expected)
    monkeypatch.setattr(RNNEncoder, 'standalone_tokenizer', BaseTextEncoder.standalone_tokenizer)
    assert inferencer.tokenizer is None


def test_folders_of_predictions(onnx_file, tmp_path):
    """Begun with one file, not gone on with by another of that name."""
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((20, 30, 3), np.uint8))
    (tmp_path / 'said.txt').write_text('the star')
    model = tmp_path / 'model.onnx'
    shutil.copy(onnx_file, model)
    command = [str(tmp_path / 'a.png'), str(tmp_path / 'said.txt'), '--model', str(model), '--out-dir',
               str(tmp_path / 'out'), '--device', 'cpu']
    assert predict.main(command) == 0 and predict.main(command) == 0
    changed = onnx.load(model)
    changed.doc_string = 'another'
    onnx.save(changed, model)
    with pytest.raises(ValueError, match="predictions made with other settings.*\n  weights: "):
        predict.main(command)


def test_the_file_describes_itself(onnx_file, inferencer):
    metadata = {entry.key: entry.value for entry in onnx.load(onnx_file).metadata_props}
    described = json.loads(metadata['mmrefseg'])
    assert described['input_size'] == [64, 64] and described['output_names'] == ['logits']
    assert described['tokenizer']['words'] == list(inferencer.model.text_encoder.vocabulary.words)
    assert described['config']['model']['data_preprocessor']['mean'] == inferencer.cfg.model.data_preprocessor.mean
    assert 'vis_backends' in inferencer.cfg.visualizer and 'vis_backends' not in described['config']['visualizer']
    onnx.checker.check_model(onnx_file)


def test_a_program_of_torch(inferencer, onnx_file, programs, tmp_path, monkeypatch):
    monkeypatch.setattr(export_model, 'trace', lambda *args: programs[0])
    found = export_program(inferencer, tmp_path / 'tiny.pt2')
    assert max(case.largest for case in found) < 1e-5
    extra = {'mmrefseg.json': ''}
    program = torch.export.load(tmp_path / 'tiny.pt2', extra_files=extra).module()
    described = FileDescription.from_json(extra['mmrefseg.json'], 'tiny.pt2')
    ids, mask = described.build_tokenizer()(['the red circle', 'star'])
    logits, = program(torch.zeros(1, 3, *described.input_size), ids, mask, torch.tensor([0, 0]))
    assert logits.shape == (2, 64, 64)


def test_errors_of_the_inferencer(onnx_file, exported, tmp_path):
    for options in (dict(weights='some.pth'), dict(amp=True), dict(compile=True)):
        with pytest.raises(ValueError, match='is a whole model in single precision: expected no weights, amp or comp'):
            RefSegInferencer(str(onnx_file), **options)
    with pytest.raises(ValueError, match=r"device 'mps': onnxruntime .* runs on .*CPU.*expected 'cpu', or 'cuda'"):
        RefSegInferencer(str(onnx_file), device='mps')
    with pytest.raises(FileNotFoundError, match='there is no file .*missing.onnx'):
        RefSegInferencer('missing.onnx')
    (tmp_path / 'broken.onnx').write_bytes(b'no model')
    with pytest.raises(ValueError, match='onnxruntime cannot read .*broken.onnx'):
        RefSegInferencer(str(tmp_path / 'broken.onnx'))
    model = onnx.load(onnx_file)
    entry, = (entry for entry in model.metadata_props if entry.key == 'mmrefseg')
    entry.value = entry.value.replace('"format": 1', '"format": 99')
    onnx.save(model, tmp_path / 'later.onnx')
    with pytest.raises(ValueError, match='later.onnx is of format 99, .* reads format 1: export it again'):
        OnnxSession(tmp_path / 'later.onnx')
    del model.metadata_props[:]
    onnx.save(model, tmp_path / 'other.onnx')
    with pytest.raises(ValueError, match="other.onnx does not describe itself .*written by mmrefseg tool export"):
        OnnxSession(tmp_path / 'other.onnx')
    sample = RefDataSample(metainfo=dict(expressions=['star'], img_shape=(32, 32), ori_shape=(32, 32)))
    with pytest.raises(ValueError, match=r'the images are \(32, 32\), and the model was exported for \(64, 64\)'):
        exported.model(torch.zeros(1, 3, 32, 32), [sample])
    with pytest.raises(ValueError, match="mode is 'loss': an exported model does nothing but predict"):
        exported.model(torch.zeros(1, 3, 64, 64), [sample], mode='loss')


def test_without_onnxruntime(monkeypatch, onnx_file):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ModuleNotFoundError, match=r'an ONNX model needs onnxruntime: pip install "mmrefseg\[export\]"'):
        RefSegInferencer(str(onnx_file))


def test_errors_of_the_export(inferencer, tmp_path, monkeypatch):
    cfg = Config.fromfile(str(TINY_CONFIG))
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'RefResize':
            step.keep_ratio = True
    free = RefSegInferencer(cfg, device='cpu', show_progress=False)
    with pytest.raises(ExportError, match='test_dataloader.dataset.pipeline gives pictures of several sizes.*keep_rat'):
        export_onnx(free, tmp_path / 'free.onnx')
    monkeypatch.setattr(RNNEncoder, 'standalone_tokenizer', super(RNNEncoder, RNNEncoder).standalone_tokenizer)
    monkeypatch.setattr(export_model, 'trace', lambda *args: None)
    with pytest.raises(ExportError, match='model.text_encoder RNNEncoder does not say how it tokenizes'):
        export_onnx(inferencer, tmp_path / 'mute.onnx')
    monkeypatch.undo()
    monkeypatch.setattr(export_model.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'ONNX export needs onnx, onnxscript, onnxruntime: pip install'):
        export_onnx(inferencer, tmp_path / 'bare.onnx')
    monkeypatch.undo()
    for visualizer, message in (
            (dict(type=ExportedSegmentor), 'the config cannot travel with an exported model: .* may not be built'),
            (dict(type='RefLocalVisualizer', alpha=1j), 'visualizer of the config cannot travel with an exported')):
        monkeypatch.setitem(inferencer.cfg, 'visualizer', visualizer)
        with pytest.raises(ExportError, match=message):
            export_onnx(inferencer, tmp_path / 'mine.onnx')
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_far_off_is_not_written(inferencer, tmp_path):
    path = tmp_path / 'model.pt2'
    write = export_model._write
    graph = export_model.SegmentorGraph(inferencer.model, (64, 64))
    arguments = path.write_bytes, lambda file: lambda *inputs: [graph(*inputs)[0] + 1], graph, 1e-4
    with pytest.raises(ExportError, match='model.pt2 is not written: its outputs are 1 from those of eager torch'):
        write(path, '.pt2', lambda file: file.write_bytes(b'all of it'), *arguments[1:])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ExportError, match='model.pt2: expected a file name that ends with .onnx'):
        write(path, '.onnx', *arguments)


@pytest.mark.parametrize('arguments,message', [
    (['lavt/lavt_nano_refshapes', '--out', 'model.bin'], 'expected a name that ends with .onnx or .pt2'),
    (['lavt/lavt_nano_refshapes', '--out', 'model.pt2', '--opset', '20'], '--opset is for ….onnx'),
])
def test_arguments_of_the_tool(monkeypatch, capsys, arguments, message):
    with pytest.raises(SystemExit):
        export(monkeypatch, *arguments)
    assert message in capsys.readouterr().err


def test_a_tokenizer_of_pieces_travels():
    encoder = CLIPTextEncoder(pretrained=None, config=dict(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1), tokenizer=['r e', 're d</w>'],
        max_length=6)
    tokenizer = encoder.standalone_tokenizer()
    described = dict(kind=tokenizer.kind, **json.loads(json.dumps(tokenizer.state())))
    again = FileDescription((1, 1), [], False, {}, described, {}).build_tokenizer()
    texts = ['red', 'a much longer expression about red', 'Überraschung']
    for expected, found in zip(encoder.tokenize(texts), again(texts)):
        assert torch.equal(expected, found)
