"""The examples in docstrings that users meet first give what they say."""

import doctest
import importlib
import json
import sys

import pytest
from conftest import ROOT
from PIL import Image
from torch_versions import CAN_COMPILE, CAN_EXPORT

EXAMPLES = [
    ('mmrefseg.checkpoints.released_names', 'traits_of'),
    ('mmrefseg.apis.prediction_folder', 'PredictionFolder'), ('mmrefseg.apis.ref_seg_inferencer', 'RefSegInferencer'),
    ('mmrefseg.datasets', 'MixedRefDataset'), ('mmrefseg.datasets', 'ReferDataset'),
    ('mmrefseg.datasets', 'TripletListDataset'), ('mmrefseg.engine', 'use_half_precision'),
    ('mmrefseg.evaluation', 'GRefMetric'), ('mmrefseg.evaluation', 'RefIoUMetric'),
    ('mmrefseg.export', 'export_onnx'), ('mmrefseg.models', 'AutoBackbone'), ('mmrefseg.models', 'BERTEncoder'),
    ('mmrefseg.models', 'RNNEncoder'), ('mmrefseg.models', 'RefSegmentor'), ('mmrefseg.models', 'compile_parts'),
    ('mmrefseg.utils', 'find_config'), ('mmrefseg.utils', 'set_input_size')]


# What an older torch is refused.
RUNS = dict(export_onnx=CAN_EXPORT, compile_parts=CAN_COMPILE)


@pytest.fixture
def place(tmp_path, refshapes_root, monkeypatch):
    """The folder in which the examples run: RefShapes as data/, a list of one's own, an image."""
    (tmp_path / 'data').symlink_to(refshapes_root)
    for folder in ('images', 'masks'):
        (tmp_path / 'my_set' / folder).mkdir(parents=True)
    Image.new('RGB', (640, 480)).save(tmp_path / 'street.jpg')
    Image.new('RGB', (8, 6)).save(tmp_path / 'my_set/images/0.png')
    mask = Image.new('L', (8, 6))
    mask.putpixel((3, 3), 255)
    mask.save(tmp_path / 'my_set/masks/0.png')
    row = dict(image='0.png', expression='the red square', split='train')
    (tmp_path / 'my_set/list.jsonl').write_text(json.dumps(row) + '\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


class WithoutLog(doctest.OutputChecker):
    """Compares what a call gave, without the lines that it logged."""

    def check_output(self, want, got, optionflags):
        lines = [line for line in got.splitlines(keepends=True) if ' INFO ' not in line and ' WARNING ' not in line
                 and not line.startswith(('Loads checkpoint', '[torch.onnx]', 'Applied ', '+--', '| '))]
        return super().check_output(want, ''.join(lines), optionflags)


@pytest.mark.parametrize('module,name', EXAMPLES)
def test_example(place, module, name, capsys):
    if not RUNS.get(name, True):
        pytest.skip(f'{name} refuses this torch')
    symbol = getattr(importlib.import_module(module), name)
    found = doctest.DocTestFinder(recurse=False).find(symbol, name, globs={})
    assert found and found[0].examples, f'{name} has no example'
    flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL * (name != 'find_config')
    result = doctest.DocTestRunner(WithoutLog(), optionflags=flags).run(found[0], out=sys.stdout.write)
    assert result.failed == 0, capsys.readouterr().out


def test_every_example_is_run():
    """A docstring with an example that nobody runs may say anything."""
    listed = {name for _, name in EXAMPLES}
    for path in (ROOT / 'mmrefseg').rglob('*.py'):
        text = path.read_text(encoding='utf-8')
        if '    >>> ' in text and '.mim' not in path.parts:
            assert any(f'class {name}(' in text or f'class {name}:' in text or f'def {name}(' in text
                       for name in listed), f'{path.relative_to(ROOT)} has an example that is not in EXAMPLES'
